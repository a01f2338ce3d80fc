-- May a request to a server be answered?

CREATE FUNCTION jhub_authz.authorize(have jhub_authz.scopeset, owner text, server text, action text, resource text,
                                     app text DEFAULT 'jupyter_server') RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_authorize' LANGUAGE C STABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.authorize(jhub_authz.scopeset, text, text, text, text, text)
    IS 'do the expanded scopes give access to the server and what its app requires for the action? never NULL';
REVOKE ALL ON FUNCTION jhub_authz.authorize(jhub_authz.scopeset, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.authorize_token(token text, owner text, server text, action text, resource text,
                                           app text DEFAULT 'jupyter_server') RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_authorize_token' LANGUAGE C STABLE PARALLEL RESTRICTED COST 20000;
COMMENT ON FUNCTION jhub_authz.authorize_token(text, text, text, text, text, text)
    IS 'the same for the scopes of a clear token; false if it is no live one';
REVOKE ALL ON FUNCTION jhub_authz.authorize_token(text, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.authorize_explain(have jhub_authz.scopeset, owner text, server text, action text, resource text,
                                             app text DEFAULT 'jupyter_server',
                                             OUT stage text, OUT required text, OUT satisfied_by jhub_authz.scopeset) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_authorize_explain' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50 ROWS 6;
COMMENT ON FUNCTION jhub_authz.authorize_explain(jhub_authz.scopeset, text, text, text, text, text)
    IS 'every scope that would do, of access and of what is required, and what of the expanded scopes satisfies it: each stage needs one';
REVOKE ALL ON FUNCTION jhub_authz.authorize_explain(jhub_authz.scopeset, text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.permissions(have jhub_authz.scopeset, owner text, server text, wanted jsonb,
                                       app text DEFAULT 'jupyter_server') RETURNS jsonb
    AS 'MODULE_PATHNAME', 'jhub_authz_permissions' LANGUAGE C STABLE PARALLEL SAFE COST 20;
COMMENT ON FUNCTION jhub_authz.permissions(jhub_authz.scopeset, text, text, jsonb, text)
    IS 'of resources with actions, as in {"contents": ["read", "write"]}, what is allowed';
REVOKE ALL ON FUNCTION jhub_authz.permissions(jhub_authz.scopeset, text, text, jsonb, text) FROM PUBLIC;
