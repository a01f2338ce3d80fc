-- How far a role reaches.

CREATE FUNCTION jhub_authz.role_reach(role_name text, OUT role text, OUT relation text, OUT object_kind text, OUT number bigint,
                                      OUT of_all bigint, OUT names text[]) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_role_reach' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 9;
COMMENT ON FUNCTION jhub_authz.role_reach(text)
    IS 'how many users, groups and services have a role (relation "has it", "has it by a group"), how many live tokens get something from it ("uses it"), how many users, servers, groups and services it lets them act on ("reaches"), of how many there are, and the first twenty names';
REVOKE ALL ON FUNCTION jhub_authz.role_reach(text) FROM PUBLIC;
