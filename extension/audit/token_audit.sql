-- Every token, and what it can do.

CREATE FUNCTION jhub_authz._token_audit(token_id integer, taken_baseline jhub_authz.scopeset, taken_created timestamp, taken_at timestamptz,
        taken_revoked_at timestamptz, OUT prefix text, OUT owner_kind text, OUT owner text, OUT client_id text, OUT note text,
        OUT class text, OUT policy text, OUT on_growth text, OUT inherit text, OUT on_share text, OUT max_age interval,
        OUT created timestamptz, OUT expires_at timestamptz, OUT last_activity timestamptz, OUT expired boolean,
        OUT uses_inherit boolean, OUT stored jhub_authz.scopeset, OUT effective jhub_authz.scopeset,
        OUT discarded jhub_authz.scopeset, OUT baseline jhub_authz.scopeset, OUT grown jhub_authz.scopeset,
        OUT baseline_taken_at timestamptz, OUT revoked_at timestamptz, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__token_audit' LANGUAGE C STABLE PARALLEL RESTRICTED COST 500 ROWS 1;
COMMENT ON FUNCTION jhub_authz._token_audit(integer, jhub_authz.scopeset, timestamp, timestamptz, timestamptz)
    IS 'row of token_audit of one token, given what token_baselines has under its id';
REVOKE ALL ON FUNCTION jhub_authz._token_audit(integer, jhub_authz.scopeset, timestamp, timestamptz, timestamptz) FROM PUBLIC;

-- OFFSET 0: each baseline is looked up.  A hash join would give the tokens in another
-- order than that of the list, in which they are read ahead.
CREATE VIEW jhub_authz.token_audit AS
    SELECT k.id AS token_id, t.prefix, t.owner_kind, t.owner, t.client_id, t.note, t.class,
           t.policy, t.on_growth, t.inherit, t.on_share, t.max_age,
           t.created, t.expires_at, t.last_activity,
           CASE WHEN pg_catalog.isfinite(t.created) THEN pg_catalog.now() OPERATOR(pg_catalog.-) t.created END AS age,
           CASE WHEN pg_catalog.isfinite(COALESCE(t.last_activity, t.created)) THEN pg_catalog.now() OPERATOR(pg_catalog.-) COALESCE(t.last_activity, t.created) END AS idle,
           t.expired, t.expires_at IS NULL AS never_expires, t.last_activity IS NULL AS never_used, t.uses_inherit,
           t.stored, t.effective, t.discarded, t.baseline, t.grown, t.baseline_taken_at, t.revoked_at, t.error
      FROM jhub_authz._audit_keys('token') k
      LEFT JOIN LATERAL (SELECT a.baseline, a.created, a.taken_at, a.revoked_at FROM jhub_authz.token_baselines a
                          WHERE a.token_id OPERATOR(pg_catalog.=) k.id OFFSET 0) b ON true,
           LATERAL jhub_authz._token_audit(k.id, b.baseline, b.created, b.taken_at, b.revoked_at) t;
COMMENT ON VIEW jhub_authz.token_audit IS 'every token, live or expired: whose it is, how old and idle, what it can do and what it gained; never the token or its hash';
COMMENT ON COLUMN jhub_authz.token_audit.token_id IS 'id in the hub''s api_tokens; the hub''s pages show it as a12';
COMMENT ON COLUMN jhub_authz.token_audit.prefix IS 'first characters of the token, as the hub shows them';
COMMENT ON COLUMN jhub_authz.token_audit.owner_kind IS 'user or service; NULL: the token has no owner';
COMMENT ON COLUMN jhub_authz.token_audit.owner IS 'name of the user or service it belongs to';
COMMENT ON COLUMN jhub_authz.token_audit.client_id IS 'OAuth client it was issued through; jupyterhub: made by hand or for a server';
COMMENT ON COLUMN jhub_authz.token_audit.note IS 'its note, as whoever made it wrote it';
COMMENT ON COLUMN jhub_authz.token_audit.class IS 'user (made by hand), oauth, server (a spawned server''s own) or service';
COMMENT ON COLUMN jhub_authz.token_audit.policy IS 'the narrowest policy that counts for it: token:ID, client:NAME, group:NAME or its class; show_policy() says it field by field';
COMMENT ON COLUMN jhub_authz.token_audit.on_growth IS 'what happens when it can do more than at issue: veto, revoke, log or ignore';
COMMENT ON COLUMN jhub_authz.token_audit.inherit IS 'what becomes of the scope inherit: fix, guard or follow';
COMMENT ON COLUMN jhub_authz.token_audit.on_share IS 'what becomes of what a share alone gives: follow or revoke';
COMMENT ON COLUMN jhub_authz.token_audit.max_age IS 'longest life that the policy allows; NULL: any';
COMMENT ON COLUMN jhub_authz.token_audit.created IS 'when it was made';
COMMENT ON COLUMN jhub_authz.token_audit.expires_at IS 'when it expires or expired; NULL: never';
COMMENT ON COLUMN jhub_authz.token_audit.last_activity IS 'when it was last used, as the hub noted; NULL: never';
COMMENT ON COLUMN jhub_authz.token_audit.age IS 'time since it was made; NULL if that is not known or infinite';
COMMENT ON COLUMN jhub_authz.token_audit.idle IS 'time since it was last used, or made if it never was; NULL if that is not known or infinite';
COMMENT ON COLUMN jhub_authz.token_audit.expired IS 'it has expired or was revoked: the hub does not accept it any more';
COMMENT ON COLUMN jhub_authz.token_audit.never_expires IS 'it has no expiry';
COMMENT ON COLUMN jhub_authz.token_audit.never_used IS 'the hub has never noted a use of it';
COMMENT ON COLUMN jhub_authz.token_audit.uses_inherit IS 'it holds the scope inherit: it can do whatever its owner can, as that changes';
COMMENT ON COLUMN jhub_authz.token_audit.stored IS 'scopes stored with it that parse (for others see error); NULL: none';
COMMENT ON COLUMN jhub_authz.token_audit.effective IS 'what it can do (an expired token: could)';
COMMENT ON COLUMN jhub_authz.token_audit.discarded IS 'what it asks for and its owner does not hold';
COMMENT ON COLUMN jhub_authz.token_audit.baseline IS 'what it could do when it was issued; NULL: not known, or it waits for its owner''s first scopes';
COMMENT ON COLUMN jhub_authz.token_audit.grown IS 'what it can do beyond its baseline; NULL: no baseline';
COMMENT ON COLUMN jhub_authz.token_audit.baseline_taken_at IS 'when the baseline was taken or last added to';
COMMENT ON COLUMN jhub_authz.token_audit.revoked_at IS 'when it was revoked here; NULL: it was not';
COMMENT ON COLUMN jhub_authz.token_audit.error IS 'scopes of the token, or of a role or share of its owner, that do not parse and give nothing';
