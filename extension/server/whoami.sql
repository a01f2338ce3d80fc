-- Who a token is.

CREATE FUNCTION jhub_authz.whoami(token text) RETURNS jsonb
    AS 'MODULE_PATHNAME', 'jhub_authz_whoami' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.whoami(text) IS 'what the hub answers to GET /hub/api/user with that token; NULL for no live token';
REVOKE ALL ON FUNCTION jhub_authz.whoami(text) FROM PUBLIC;
