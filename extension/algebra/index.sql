/* ---- btree ---- */

CREATE FUNCTION jhub_authz.scopeset_cmp(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_cmp(jhub_authz.scopeset, jhub_authz.scopeset) IS 'btree comparison';

CREATE OPERATOR FAMILY jhub_authz.scopeset_ops USING btree;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_ops USING btree IS 'order of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_ops
	DEFAULT FOR TYPE jhub_authz.scopeset USING btree FAMILY jhub_authz.scopeset_ops AS
	OPERATOR 1 jhub_authz.<,
	OPERATOR 2 jhub_authz.<=,
	OPERATOR 3 jhub_authz.=,
	OPERATOR 4 jhub_authz.>=,
	OPERATOR 5 jhub_authz.>,
	FUNCTION 1 jhub_authz.scopeset_cmp(jhub_authz.scopeset, jhub_authz.scopeset);
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_ops USING btree IS 'order of scopesets, member by member in code point order';

/* ---- hash ---- */

CREATE FUNCTION jhub_authz.scopeset_hash(scopes jhub_authz.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_hash(jhub_authz.scopeset) IS 'hash';

CREATE FUNCTION jhub_authz.scopeset_hash_extended(scopes jhub_authz.scopeset, seed bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_hash_extended(jhub_authz.scopeset, bigint) IS 'hash with a seed';

CREATE OPERATOR FAMILY jhub_authz.scopeset_ops USING hash;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_ops USING hash IS 'hashing of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_ops
	DEFAULT FOR TYPE jhub_authz.scopeset USING hash FAMILY jhub_authz.scopeset_ops AS
	OPERATOR 1 jhub_authz.=,
	FUNCTION 1 jhub_authz.scopeset_hash(jhub_authz.scopeset),
	FUNCTION 2 jhub_authz.scopeset_hash_extended(jhub_authz.scopeset, bigint);
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_ops USING hash IS 'hashing of scopesets';

/* ---- GIN ---- */

CREATE FUNCTION jhub_authz.scopeset_gin_extract_value(
	scopes jhub_authz.scopeset, nkeys internal, null_flags internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_extract_value(jhub_authz.scopeset, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_extract_query(
	query jhub_authz.scopeset, nkeys internal, strategy smallint, partial_match internal,
	extra_data internal, null_flags internal, search_mode internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_extract_query(jhub_authz.scopeset, internal, smallint, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_consistent(
	found internal, strategy smallint, query jhub_authz.scopeset, nkeys integer,
	extra_data internal, recheck internal, query_keys internal, null_flags internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_consistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_triconsistent(
	found internal, strategy smallint, query jhub_authz.scopeset, nkeys integer,
	extra_data internal, query_keys internal, null_flags internal) RETURNS "char"
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_triconsistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal) IS 'GIN support';

CREATE OPERATOR FAMILY jhub_authz.scopeset_ops USING gin;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_ops USING gin IS 'members of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_ops
	DEFAULT FOR TYPE jhub_authz.scopeset USING gin FAMILY jhub_authz.scopeset_ops AS
	OPERATOR 3 jhub_authz.&&,
	OPERATOR 7 jhub_authz.@>,
	OPERATOR 8 jhub_authz.<@,
	OPERATOR 18 jhub_authz.=,
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 jhub_authz.scopeset_gin_extract_value(jhub_authz.scopeset, internal, internal),
	FUNCTION 3 jhub_authz.scopeset_gin_extract_query(jhub_authz.scopeset, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 jhub_authz.scopeset_gin_consistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal, internal),
	FUNCTION 6 jhub_authz.scopeset_gin_triconsistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_ops USING gin IS 'members of scopesets, for @>, <@, && and =';

