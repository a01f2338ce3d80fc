-- Effective scopes: what the hub's get_scopes_for gives.

CREATE FUNCTION jhub_authz.user_scopes(name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_user_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.user_scopes(text) IS 'effective scopes of a user; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.user_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.service_scopes(name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_service_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.service_scopes(text) IS 'effective scopes of a service; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.service_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.group_scopes(name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_group_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.group_scopes(text) IS 'effective scopes of a group; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.group_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.token_scopes(token_id integer) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_token_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.token_scopes(integer) IS 'effective scopes of a token, expired or not; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.token_scopes(integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz.subject_scopes(kind text, name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_subject_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.subject_scopes(text, text) IS 'effective scopes of a user, service, group or token (by its id, 12 or a12)';
REVOKE ALL ON FUNCTION jhub_authz.subject_scopes(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.raw_scopes(kind text, name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_raw_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.raw_scopes(text, text) IS 'scopes of the roles of a subject as written, a user''s groups included; of a token, those stored';
REVOKE ALL ON FUNCTION jhub_authz.raw_scopes(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.subject_has_scope(kind text, name text, required text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_subject_has_scope' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.subject_has_scope(text, text, text) IS 'does the subject hold the required scope? false for one that does not exist and for an expired token';
REVOKE ALL ON FUNCTION jhub_authz.subject_has_scope(text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.subject_covers(kind text, name text, wanted jhub_authz.scopeset, client_id text DEFAULT NULL) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_subject_covers' LANGUAGE C STABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.subject_covers(text, text, jhub_authz.scopeset, text) IS 'does the subject hold all of the wanted scopes, expanded with it as owner? what has no target in the expansion is not asked for';
REVOKE ALL ON FUNCTION jhub_authz.subject_covers(text, text, jhub_authz.scopeset, text) FROM PUBLIC;

-- The whole hub in one pass

CREATE FUNCTION jhub_authz.all_user_scopes(OUT name text, OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_user_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz.all_user_scopes() IS 'effective scopes of every user';
REVOKE ALL ON FUNCTION jhub_authz.all_user_scopes() FROM PUBLIC;

CREATE FUNCTION jhub_authz.all_service_scopes(OUT name text, OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_service_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 20;
COMMENT ON FUNCTION jhub_authz.all_service_scopes() IS 'effective scopes of every service';
REVOKE ALL ON FUNCTION jhub_authz.all_service_scopes() FROM PUBLIC;

CREATE FUNCTION jhub_authz.all_group_scopes(OUT name text, OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_group_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION jhub_authz.all_group_scopes() IS 'effective scopes of every group';
REVOKE ALL ON FUNCTION jhub_authz.all_group_scopes() FROM PUBLIC;

CREATE FUNCTION jhub_authz.all_token_scopes(OUT token_id integer, OUT owner_kind text, OUT owner_name text, OUT client_id text,
        OUT stored jhub_authz.scopeset, OUT effective jhub_authz.scopeset, OUT discarded jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_token_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10000;
COMMENT ON FUNCTION jhub_authz.all_token_scopes() IS 'stored and effective scopes of every token, expired or not, and what its owner does not hold';
REVOKE ALL ON FUNCTION jhub_authz.all_token_scopes() FROM PUBLIC;

-- Rows of the hub's tables

CREATE FUNCTION jhub_authz.visible_users(have jhub_authz.scopeset, base text DEFAULT 'list:users') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_users' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz.visible_users(jhub_authz.scopeset, text) IS 'ids of the users that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_users(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.visible_groups(have jhub_authz.scopeset, base text DEFAULT 'list:groups') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_groups' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION jhub_authz.visible_groups(jhub_authz.scopeset, text) IS 'ids of the groups that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_groups(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.visible_services(have jhub_authz.scopeset, base text DEFAULT 'list:services') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_services' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION jhub_authz.visible_services(jhub_authz.scopeset, text) IS 'ids of the services that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_services(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.visible_servers(have jhub_authz.scopeset, base text DEFAULT 'read:servers') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_servers' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz.visible_servers(jhub_authz.scopeset, text) IS 'ids of the spawners that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_servers(jhub_authz.scopeset, text) FROM PUBLIC;
