-- What somebody could do at a moment, computed from the history.

CREATE FUNCTION jhub_authz.user_scopes_as_of(name text, at timestamptz) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_user_scopes_as_of' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.user_scopes_as_of(text, timestamptz) IS 'what a user could do at a moment since attach; NULL: there was no such user';
REVOKE ALL ON FUNCTION jhub_authz.user_scopes_as_of(text, timestamptz) FROM PUBLIC;

CREATE FUNCTION jhub_authz.who_could(required text, at timestamptz, OUT subject_kind text, OUT subject text, OUT scope text,
        OUT filter_kind text, OUT filter_value text, OUT base text, OUT via_role text, OUT via_group text,
        OUT via_share integer, OUT share_server text, OUT raw_scope text, OUT owner_kind text, OUT owner text,
        OUT client_id text, OUT via_token text, OUT token_scope text, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_who_could' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 5000 ROWS 100 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz.who_could(text, timestamptz) IS 'what who_can would have answered at a moment since attach: users, services, groups and tokens that held a scope, and by which grant';
REVOKE ALL ON FUNCTION jhub_authz.who_could(text, timestamptz) FROM PUBLIC;

CREATE FUNCTION jhub_authz.scope_changes(since timestamptz, until timestamptz, OUT subject_kind text, OUT subject text,
                                         OUT scope text, OUT filter_kind text, OUT filter_value text, OUT change text,
                                         OUT covered boolean, OUT at timestamptz, OUT subject_id integer, OUT cause text,
                                         OUT change_id bigint, OUT txid xid8, OUT actor name, OUT role name,
                                         OUT application_name text, OUT source text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_scope_changes' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 1000 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz.scope_changes(timestamptz, timestamptz) IS 'what users, services and groups gained and lost after one moment and up to another, a row for each permission, when and by which change';
REVOKE ALL ON FUNCTION jhub_authz.scope_changes(timestamptz, timestamptz) FROM PUBLIC;
