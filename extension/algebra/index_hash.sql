-- A smaller GIN index: four bytes for each filter and for each base without one.

CREATE FUNCTION jhub_authz.scopeset_gin_hash_extract_value(
	scopes jhub_authz.scopeset, nkeys internal, null_flags internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_hash_extract_value(jhub_authz.scopeset, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_hash_extract_query(
	query jhub_authz.scopeset, nkeys internal, strategy smallint, partial_match internal,
	extra_data internal, null_flags internal, search_mode internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_hash_extract_query(jhub_authz.scopeset, internal, smallint, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_hash_consistent(
	found internal, strategy smallint, query jhub_authz.scopeset, nkeys integer,
	extra_data internal, recheck internal, query_keys internal, null_flags internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_hash_consistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_hash_triconsistent(
	found internal, strategy smallint, query jhub_authz.scopeset, nkeys integer,
	extra_data internal, query_keys internal, null_flags internal) RETURNS "char"
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_hash_triconsistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal) IS 'GIN support';

CREATE OPERATOR FAMILY jhub_authz.scopeset_hash_ops USING gin;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_hash_ops USING gin IS 'hashed filters and bases of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_hash_ops
	FOR TYPE jhub_authz.scopeset USING gin FAMILY jhub_authz.scopeset_hash_ops AS
	OPERATOR 7 jhub_authz.@>,
	OPERATOR 18 jhub_authz.=,
	OPERATOR 29 jhub_authz.@>>,
	FUNCTION 1 pg_catalog.btint4cmp(integer, integer),
	FUNCTION 2 jhub_authz.scopeset_gin_hash_extract_value(jhub_authz.scopeset, internal, internal),
	FUNCTION 3 jhub_authz.scopeset_gin_hash_extract_query(jhub_authz.scopeset, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 jhub_authz.scopeset_gin_hash_consistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal, internal),
	FUNCTION 6 jhub_authz.scopeset_gin_hash_triconsistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal),
	STORAGE integer;
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_hash_ops USING gin IS 'hashed filters and bases of scopesets, for @>, @>> and = in a smaller index';
