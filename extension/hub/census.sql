-- Shares and their codes, OAuth codes, when users were last seen, how many rows there are.

CREATE FUNCTION jhub_authz._shares(OUT kind text, OUT share_id integer, OUT owner text, OUT server text, OUT to_kind text, OUT to_name text,
        OUT scopes jhub_authz.scopeset, OUT error text, OUT created timestamptz, OUT expires_at timestamptz,
        OUT uses integer, OUT last_used timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__shares' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz._shares() IS 'implementation of view share_audit';
REVOKE ALL ON FUNCTION jhub_authz._shares() FROM PUBLIC;

CREATE VIEW jhub_authz.share_audit AS
    SELECT s.kind, s.share_id, s.owner, s.server, s.to_kind, s.to_name, s.scopes, s.created, s.expires_at,
           COALESCE(s.expires_at OPERATOR(pg_catalog.<) pg_catalog.now(), false) AS expired,
           s.uses, s.last_used, s.error
      FROM jhub_authz._shares() s;
COMMENT ON VIEW jhub_authz.share_audit IS 'who has shared what with whom, and the codes that are still there';
COMMENT ON COLUMN jhub_authz.share_audit.kind IS 'share, or code: whoever has the code can make it a share';
COMMENT ON COLUMN jhub_authz.share_audit.share_id IS 'id in the hub''s shares or share_codes';
COMMENT ON COLUMN jhub_authz.share_audit.owner IS 'user who shared';
COMMENT ON COLUMN jhub_authz.share_audit.server IS 'server that is shared, owner/name';
COMMENT ON COLUMN jhub_authz.share_audit.to_kind IS 'user or group; NULL for a code';
COMMENT ON COLUMN jhub_authz.share_audit.to_name IS 'whom it is shared with; NULL for a code';
COMMENT ON COLUMN jhub_authz.share_audit.scopes IS 'what it gives, as stored';
COMMENT ON COLUMN jhub_authz.share_audit.created IS 'when it was made';
COMMENT ON COLUMN jhub_authz.share_audit.expires_at IS 'when it is to end; NULL: never';
COMMENT ON COLUMN jhub_authz.share_audit.expired IS 'past its end; the hub lets it count until it purges it';
COMMENT ON COLUMN jhub_authz.share_audit.uses IS 'how often a code was made a share; NULL for a share';
COMMENT ON COLUMN jhub_authz.share_audit.last_used IS 'when it was last made a share';
COMMENT ON COLUMN jhub_authz.share_audit.error IS 'why the stored scopes are none; NULL: they parse';

CREATE FUNCTION jhub_authz._oauth_codes(OUT code_id integer, OUT client_id text, OUT user_name text, OUT expires_at timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__oauth_codes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._oauth_codes() IS 'the OAuth codes that are still there, without the codes';
REVOKE ALL ON FUNCTION jhub_authz._oauth_codes() FROM PUBLIC;

CREATE FUNCTION jhub_authz._users_seen(OUT user_id integer, OUT name text, OUT admin boolean, OUT created timestamptz,
        OUT last_activity timestamptz, OUT live_tokens bigint, OUT last_token_use timestamptz, OUT last_token_expiry timestamptz, OUT has_grants boolean) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__users_seen' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz._users_seen() IS 'when users were made and last seen, their live tokens, when the last of the others expired, and whether they have a role or share';
REVOKE ALL ON FUNCTION jhub_authz._users_seen() FROM PUBLIC;

CREATE FUNCTION jhub_authz._users_made(asked text, OUT name text, OUT created timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__users_made' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz._users_made(text) IS 'names of users, and when they were made; in upper or lower case this name, or NULL: all';
REVOKE ALL ON FUNCTION jhub_authz._users_made(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._group_members(OUT name text, OUT members bigint) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__group_members' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._group_members() IS 'how many users are in each group';
REVOKE ALL ON FUNCTION jhub_authz._group_members() FROM PUBLIC;

CREATE FUNCTION jhub_authz._row_counts(OUT what text, OUT n bigint) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__row_counts' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 9;
COMMENT ON FUNCTION jhub_authz._row_counts() IS 'how many users, groups, tokens ... the hub has';
REVOKE ALL ON FUNCTION jhub_authz._row_counts() FROM PUBLIC;

CREATE FUNCTION jhub_authz._self_check(OUT level text, OUT check_name text, OUT object text, OUT detail text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__self_check' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION jhub_authz._self_check() IS 'self_check() without what it says of stored scopes';
REVOKE ALL ON FUNCTION jhub_authz._self_check() FROM PUBLIC;
