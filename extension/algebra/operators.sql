/* ---- comparison ---- */

CREATE FUNCTION jhub_authz.scopeset_eq(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_eq(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of = operator';

CREATE FUNCTION jhub_authz.scopeset_ne(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_ne(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <> operator';

CREATE FUNCTION jhub_authz.scopeset_lt(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_lt(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of < operator';

CREATE FUNCTION jhub_authz.scopeset_le(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_le(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <= operator';

CREATE FUNCTION jhub_authz.scopeset_gt(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gt(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of > operator';

CREATE FUNCTION jhub_authz.scopeset_ge(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_ge(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of >= operator';

CREATE OPERATOR jhub_authz.= (
	FUNCTION = jhub_authz.scopeset_eq, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.=), NEGATOR = OPERATOR(jhub_authz.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR jhub_authz.= (jhub_authz.scopeset, jhub_authz.scopeset) IS 'equal, member by member';

CREATE OPERATOR jhub_authz.<> (
	FUNCTION = jhub_authz.scopeset_ne, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<>), NEGATOR = OPERATOR(jhub_authz.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR jhub_authz.<> (jhub_authz.scopeset, jhub_authz.scopeset) IS 'not equal';

CREATE OPERATOR jhub_authz.< (
	FUNCTION = jhub_authz.scopeset_lt, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.>), NEGATOR = OPERATOR(jhub_authz.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR jhub_authz.< (jhub_authz.scopeset, jhub_authz.scopeset) IS 'less than';

CREATE OPERATOR jhub_authz.<= (
	FUNCTION = jhub_authz.scopeset_le, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.>=), NEGATOR = OPERATOR(jhub_authz.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR jhub_authz.<= (jhub_authz.scopeset, jhub_authz.scopeset) IS 'less than or equal';

CREATE OPERATOR jhub_authz.> (
	FUNCTION = jhub_authz.scopeset_gt, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<), NEGATOR = OPERATOR(jhub_authz.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR jhub_authz.> (jhub_authz.scopeset, jhub_authz.scopeset) IS 'greater than';

CREATE OPERATOR jhub_authz.>= (
	FUNCTION = jhub_authz.scopeset_ge, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<=), NEGATOR = OPERATOR(jhub_authz.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR jhub_authz.>= (jhub_authz.scopeset, jhub_authz.scopeset) IS 'greater than or equal';

/* ---- sets ---- */

CREATE FUNCTION jhub_authz.scopeset_contains(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_contains(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of @> operator';

CREATE FUNCTION jhub_authz.scopeset_contained(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_contained(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <@ operator';

CREATE FUNCTION jhub_authz.scopeset_overlaps(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_overlaps(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of && operator';

CREATE FUNCTION jhub_authz.scopeset_intersect(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_intersect(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of & operator';

CREATE FUNCTION jhub_authz.scopeset_union(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_union(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of | operator';

CREATE FUNCTION jhub_authz.scopeset_minus(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_minus(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of - operator';

CREATE OPERATOR jhub_authz.@> (
	FUNCTION = jhub_authz.scopeset_contains, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.@> (jhub_authz.scopeset, jhub_authz.scopeset) IS 'covers: every member of the right set is covered by the left one';

CREATE OPERATOR jhub_authz.<@ (
	FUNCTION = jhub_authz.scopeset_contained, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.@>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.<@ (jhub_authz.scopeset, jhub_authz.scopeset) IS 'is covered by';

CREATE OPERATOR jhub_authz.&& (
	FUNCTION = jhub_authz.scopeset_overlaps, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.&&),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.&& (jhub_authz.scopeset, jhub_authz.scopeset) IS 'have some permission in common';

CREATE OPERATOR jhub_authz.& (
	FUNCTION = jhub_authz.scopeset_intersect, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.&)
);
COMMENT ON OPERATOR jhub_authz.& (jhub_authz.scopeset, jhub_authz.scopeset) IS 'the permissions that both give, reduced';

CREATE OPERATOR jhub_authz.| (
	FUNCTION = jhub_authz.scopeset_union, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.|)
);
COMMENT ON OPERATOR jhub_authz.| (jhub_authz.scopeset, jhub_authz.scopeset) IS 'union of the members';

CREATE OPERATOR jhub_authz.- (
	FUNCTION = jhub_authz.scopeset_minus, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset
);
COMMENT ON OPERATOR jhub_authz.- (jhub_authz.scopeset, jhub_authz.scopeset) IS 'the members of the left set that the right one does not cover';

