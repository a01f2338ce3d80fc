-- What the planner is told of the checks: has_scope(column, 'x') and the like use
-- a GIN index on the column as the operators do, and their estimates.  And of the
-- functions whose number of rows follows the hub's size; those of later rooms name
-- their support where they are made.

CREATE FUNCTION jhub_authz._scope_check_support(request internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'jhub_authz__scope_check_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._scope_check_support(internal) IS 'planner support of has_scope, has_any_scope and covers';

-- anyone's as scopeset_of is: whoever may call has_scope has it called by the index
CREATE FUNCTION jhub_authz._required_sets(required text[]) RETURNS jhub_authz.scopeset[]
    AS 'MODULE_PATHNAME', 'jhub_authz__required_sets' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._required_sets(text[]) IS 'each required scope as a set of its own: what has_scope asks an index for an array';

ALTER FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text) SUPPORT jhub_authz._scope_check_support;
ALTER FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text[]) SUPPORT jhub_authz._scope_check_support;
ALTER FUNCTION jhub_authz.has_any_scope(jhub_authz.scopeset, text) SUPPORT jhub_authz._scope_check_support;
ALTER FUNCTION jhub_authz.covers(jhub_authz.scopeset, jhub_authz.scopeset) SUPPORT jhub_authz._scope_check_support;

CREATE FUNCTION jhub_authz._rows_support(request internal) RETURNS internal
    AS 'MODULE_PATHNAME', 'jhub_authz__rows_support' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._rows_support(internal) IS 'planner support of functions that give as many rows as a table of the hub has';
REVOKE ALL ON FUNCTION jhub_authz._rows_support(internal) FROM PUBLIC;

ALTER FUNCTION jhub_authz._shares() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz._oauth_codes() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz._users_seen() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz._users_made(text) SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz._group_members() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.all_user_scopes() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.all_service_scopes() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.all_group_scopes() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.all_token_scopes() SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.visible_users(jhub_authz.scopeset, text) SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.visible_groups(jhub_authz.scopeset, text) SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.visible_services(jhub_authz.scopeset, text) SUPPORT jhub_authz._rows_support;
ALTER FUNCTION jhub_authz.visible_servers(jhub_authz.scopeset, text) SUPPORT jhub_authz._rows_support;
