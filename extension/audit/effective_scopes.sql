-- What may everyone do, and by which grant.

CREATE FUNCTION jhub_authz._audit_keys(kind text, OUT id integer, OUT name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__audit_keys' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz._audit_keys(text) IS 'ids and names of all subjects of a kind, in order of id; tokens have an id only, and come in order of their owners';
REVOKE ALL ON FUNCTION jhub_authz._audit_keys(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._shown_scopes(scopes jhub_authz.scopeset, OUT scope text, OUT base text, OUT filter_kind text, OUT filter_value text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__shown_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 5 ROWS 20 SUPPORT jhub_authz.scope_explode_support;
COMMENT ON FUNCTION jhub_authz._shown_scopes(jhub_authz.scopeset) IS 'scopes as scope_explode gives them, but as JSON writes what the server''s encoding cannot hold';
REVOKE ALL ON FUNCTION jhub_authz._shown_scopes(jhub_authz.scopeset) FROM PUBLIC;

CREATE FUNCTION jhub_authz._scopes_of(kind text, id integer, OUT subject_kind text, OUT subject text, OUT scope text,
        OUT filter_kind text, OUT filter_value text, OUT base text, OUT via_role text, OUT via_group text,
        OUT via_share integer, OUT share_server text, OUT raw_scope text, OUT owner_kind text, OUT owner text,
        OUT client_id text, OUT via_token text, OUT token_scope text, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__scopes_of' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 500 ROWS 30;
COMMENT ON FUNCTION jhub_authz._scopes_of(text, integer) IS 'rows of effective_scopes of one subject, by its id';
REVOKE ALL ON FUNCTION jhub_authz._scopes_of(text, integer) FROM PUBLIC;

CREATE VIEW jhub_authz.effective_scopes AS
    SELECT 'user'::text AS subject_kind, k.name AS subject, s.scope, s.filter_kind, s.filter_value, s.base, s.via_role, s.via_group,
           s.via_share, s.share_server, s.raw_scope, s.owner_kind, s.owner, s.client_id, s.via_token, s.token_scope, s.error
      FROM jhub_authz._audit_keys('user') k, LATERAL jhub_authz._scopes_of('user', k.id) s
    UNION ALL
    SELECT 'service'::text, k.name, s.scope, s.filter_kind, s.filter_value, s.base, s.via_role, s.via_group,
           s.via_share, s.share_server, s.raw_scope, s.owner_kind, s.owner, s.client_id, s.via_token, s.token_scope, s.error
      FROM jhub_authz._audit_keys('service') k, LATERAL jhub_authz._scopes_of('service', k.id) s
    UNION ALL
    SELECT 'group'::text, k.name, s.scope, s.filter_kind, s.filter_value, s.base, s.via_role, s.via_group,
           s.via_share, s.share_server, s.raw_scope, s.owner_kind, s.owner, s.client_id, s.via_token, s.token_scope, s.error
      FROM jhub_authz._audit_keys('group') k, LATERAL jhub_authz._scopes_of('group', k.id) s
    UNION ALL
    SELECT 'token'::text, k.id::text, s.scope, s.filter_kind, s.filter_value, s.base, s.via_role, s.via_group,
           s.via_share, s.share_server, s.raw_scope, s.owner_kind, s.owner, s.client_id, s.via_token, s.token_scope, s.error
      FROM jhub_authz._audit_keys('token') k, LATERAL jhub_authz._scopes_of('token', k.id) s;
COMMENT ON VIEW jhub_authz.effective_scopes IS 'what everyone may do: a row for each permission and each grant that gives it; of live tokens only';
COMMENT ON COLUMN jhub_authz.effective_scopes.subject_kind IS 'user, service, group or token';
COMMENT ON COLUMN jhub_authz.effective_scopes.subject IS 'name of the user, service or group; id of the token';
COMMENT ON COLUMN jhub_authz.effective_scopes.scope IS 'the permission, expanded, as has_scope() takes it; NULL: see error';
COMMENT ON COLUMN jhub_authz.effective_scopes.filter_kind IS 'what the permission is restricted to: user, group, server or service; NULL: unrestricted';
COMMENT ON COLUMN jhub_authz.effective_scopes.filter_value IS 'name of the user, group, server (owner/name) or service that it is restricted to';
COMMENT ON COLUMN jhub_authz.effective_scopes.base IS 'the permission without its filter';
COMMENT ON COLUMN jhub_authz.effective_scopes.via_role IS 'the role that gives it (to a token: to its owner); NULL: a share does';
COMMENT ON COLUMN jhub_authz.effective_scopes.via_group IS 'the group through which the user has that role or share; NULL: directly';
COMMENT ON COLUMN jhub_authz.effective_scopes.via_share IS 'the share that gives it, by its id; NULL: a role does';
COMMENT ON COLUMN jhub_authz.effective_scopes.share_server IS 'the server that the share is of, owner/name';
COMMENT ON COLUMN jhub_authz.effective_scopes.raw_scope IS 'the scope in the role or share that the permission comes from, as written';
COMMENT ON COLUMN jhub_authz.effective_scopes.owner_kind IS 'of a token: user or service';
COMMENT ON COLUMN jhub_authz.effective_scopes.owner IS 'of a token: the name of the user or service it belongs to';
COMMENT ON COLUMN jhub_authz.effective_scopes.client_id IS 'of a token: the OAuth client it was issued through; jupyterhub: made by hand';
COMMENT ON COLUMN jhub_authz.effective_scopes.via_token IS 'of a token, why it has it: inherit (all that its owner has), stored (a scope of its own), client (access to what its client stands for) or identify (who its owner is)';
COMMENT ON COLUMN jhub_authz.effective_scopes.token_scope IS 'of a token: the scope stored with it that asks for the permission; NULL for client and identify';
COMMENT ON COLUMN jhub_authz.effective_scopes.error IS 'why a role, share or token of the subject gives nothing: its stored scopes do not parse; NULL in all other rows';

CREATE FUNCTION jhub_authz.what_can(kind text, name text, OUT subject_kind text, OUT subject text, OUT scope text,
        OUT filter_kind text, OUT filter_value text, OUT base text, OUT via_role text, OUT via_group text,
        OUT via_share integer, OUT share_server text, OUT raw_scope text, OUT owner_kind text, OUT owner text,
        OUT client_id text, OUT via_token text, OUT token_scope text, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_what_can' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500 ROWS 30;
COMMENT ON FUNCTION jhub_authz.what_can(text, text) IS 'rows of effective_scopes of one user, service, group or token (by its id): what may it do, and by which grant';
REVOKE ALL ON FUNCTION jhub_authz.what_can(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.who_can(required text, OUT subject_kind text, OUT subject text, OUT scope text,
        OUT filter_kind text, OUT filter_value text, OUT base text, OUT via_role text, OUT via_group text,
        OUT via_share integer, OUT share_server text, OUT raw_scope text, OUT owner_kind text, OUT owner text,
        OUT client_id text, OUT via_token text, OUT token_scope text, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_who_can' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 5000 ROWS 100 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz.who_can(text) IS 'rows of effective_scopes that meet a required scope: every user, service, group and live token that holds it, and by which grant';
REVOKE ALL ON FUNCTION jhub_authz.who_can(text) FROM PUBLIC;
