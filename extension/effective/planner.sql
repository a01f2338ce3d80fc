-- What the planner is told of the checks: has_scope(column, 'x') and the like use
-- a GIN index on the column as the operators do, and their estimates.

CREATE FUNCTION jhub_authz._scope_check_support(request internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'jhub_authz__scope_check_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._scope_check_support(internal) IS 'planner support of has_scope, has_any_scope and covers';

ALTER FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text) SUPPORT jhub_authz._scope_check_support;
ALTER FUNCTION jhub_authz.has_any_scope(jhub_authz.scopeset, text) SUPPORT jhub_authz._scope_check_support;
ALTER FUNCTION jhub_authz.covers(jhub_authz.scopeset, jhub_authz.scopeset) SUPPORT jhub_authz._scope_check_support;
