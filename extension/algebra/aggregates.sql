/* ---- aggregates ---- */

CREATE FUNCTION jhub_authz.scopeset_agg_add(state internal, scopes jhub_authz.scopeset) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_add(internal, jhub_authz.scopeset) IS 'aggregate transition function';

CREATE FUNCTION jhub_authz.scopeset_agg_add_text(state internal, scope text) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_add_text(internal, text) IS 'aggregate transition function';

CREATE FUNCTION jhub_authz.scopeset_agg_combine(state internal, other internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION jhub_authz.scopeset_agg_serialize(state internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION jhub_authz.scopeset_agg_deserialize(bytes bytea, dummy internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION jhub_authz.scopeset_agg_final(state internal) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_final(internal) IS 'aggregate final function';

CREATE AGGREGATE jhub_authz.scopeset_agg(scopes jhub_authz.scopeset) (
	SFUNC = jhub_authz.scopeset_agg_add,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = jhub_authz.scopeset_agg_final,
	COMBINEFUNC = jhub_authz.scopeset_agg_combine,
	SERIALFUNC = jhub_authz.scopeset_agg_serialize,
	DESERIALFUNC = jhub_authz.scopeset_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz.scopeset_agg(jhub_authz.scopeset) IS 'union of all sets';

CREATE AGGREGATE jhub_authz.scopeset_agg(scope text) (
	SFUNC = jhub_authz.scopeset_agg_add_text,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = jhub_authz.scopeset_agg_final,
	COMBINEFUNC = jhub_authz.scopeset_agg_combine,
	SERIALFUNC = jhub_authz.scopeset_agg_serialize,
	DESERIALFUNC = jhub_authz.scopeset_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz.scopeset_agg(text) IS 'set of all scopes, one a row';

CREATE AGGREGATE jhub_authz.scopeset_intersect_agg(scopes jhub_authz.scopeset) (
	SFUNC = jhub_authz.scopeset_intersect,
	STYPE = jhub_authz.scopeset,
	FINALFUNC = jhub_authz.reduce,
	COMBINEFUNC = jhub_authz.scopeset_intersect,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz.scopeset_intersect_agg(jhub_authz.scopeset) IS 'the permissions that all sets give';

