-- Tokens: narrowing at issue, issuing, resolving requests, revoking.

CREATE FUNCTION jhub_authz.narrow_token() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_narrow_token' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.narrow_token() IS 'trigger on the hub''s api_tokens: takes off what the owner does not hold';
REVOKE ALL ON FUNCTION jhub_authz.narrow_token() FROM PUBLIC;

CREATE FUNCTION jhub_authz.resolve_token_roles() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_resolve_token_roles' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.resolve_token_roles() IS 'trigger on a 2.x hub''s api_token_role_map: resolves a token''s roles to its scopes';
REVOKE ALL ON FUNCTION jhub_authz.resolve_token_roles() FROM PUBLIC;

CREATE FUNCTION jhub_authz.resolve_request(owner_kind text, owner_name text, requested text[],
                                           client_id text DEFAULT 'jupyterhub',
                                           OUT granted jhub_authz.scopeset, OUT refused jhub_authz.scopeset,
                                           OUT confirm boolean)
    AS 'MODULE_PATHNAME', 'jhub_authz_resolve_request' LANGUAGE C STABLE PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.resolve_request(text, text, text[], text)
    IS 'what the hub''s OAuth flow would grant of a request, and whether it would ask the user';
REVOKE ALL ON FUNCTION jhub_authz.resolve_request(text, text, text[], text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.issue_token(owner_kind text, owner_name text,
                                       scopes jhub_authz.scopeset DEFAULT NULL, roles text[] DEFAULT NULL,
                                       expires_in interval DEFAULT NULL, note text DEFAULT '',
                                       client_id text DEFAULT 'jupyterhub',
                                       OUT token_id integer, OUT token text,
                                       OUT granted jhub_authz.scopeset, OUT refused jhub_authz.scopeset)
    AS 'MODULE_PATHNAME', 'jhub_authz_issue_token' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.issue_token(text, text, jhub_authz.scopeset, text[], interval, text, text)
    IS 'makes a token that the hub accepts; its clear text is shown this once';
REVOKE ALL ON FUNCTION jhub_authz.issue_token(text, text, jhub_authz.scopeset, text[], interval, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.authenticate(token text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_authenticate' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.authenticate(text) IS 'id of the live token that this is, or NULL';
REVOKE ALL ON FUNCTION jhub_authz.authenticate(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_token(token_id integer, reason text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_revoke_token' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.revoke_token(integer, text) IS 'revokes a token; false if there is no such live one';
REVOKE ALL ON FUNCTION jhub_authz.revoke_token(integer, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_all(kind text, name text, reason text, logins boolean DEFAULT false) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_revoke_all' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.revoke_all(text, text, text, boolean)
    IS 'revokes the tokens and codes of a user, service, group, client or session; returns the number of tokens';
REVOKE ALL ON FUNCTION jhub_authz.revoke_all(text, text, text, boolean) FROM PUBLIC;
