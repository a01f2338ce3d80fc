-- Covering that leaves open who is in which group: what an index can answer for
-- has_scope() and covers(), before the rows that it finds are asked themselves.

CREATE FUNCTION jhub_authz.scopeset_may_contain(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_may_contain(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of @>> operator';

CREATE FUNCTION jhub_authz.scopeset_may_be_contained(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_may_be_contained(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <<@ operator';

CREATE OPERATOR jhub_authz.@>> (
	FUNCTION = jhub_authz.scopeset_may_contain, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.@>> (jhub_authz.scopeset, jhub_authz.scopeset)
	IS 'covers, or would if every user were in the groups that the left set filters by';

CREATE OPERATOR jhub_authz.<<@ (
	FUNCTION = jhub_authz.scopeset_may_be_contained, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.@>>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.<<@ (jhub_authz.scopeset, jhub_authz.scopeset)
	IS 'is covered by, or would be if every user were in the groups that the right set filters by';

CREATE FUNCTION jhub_authz.scopeset_gin_compare_partial(
	partial_key bytea, key bytea, strategy smallint, extra_data internal) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_compare_partial(bytea, bytea, smallint, internal) IS 'GIN support';

ALTER OPERATOR FAMILY jhub_authz.scopeset_ops USING gin ADD
	OPERATOR 29 jhub_authz.@>> (jhub_authz.scopeset, jhub_authz.scopeset),
	FUNCTION 5 (jhub_authz.scopeset, jhub_authz.scopeset) jhub_authz.scopeset_gin_compare_partial(bytea, bytea, smallint, internal);
