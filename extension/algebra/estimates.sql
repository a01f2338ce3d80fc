-- What ANALYZE keeps of a column of sets, and what the planner makes of it.

CREATE FUNCTION jhub_authz.scopeset_typanalyze(stats internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_typanalyze(internal) IS 'typanalyze: the most common scopes and bases of a column';

CREATE FUNCTION jhub_authz.scopeset_containsel(root internal, operator oid, args internal, varrelid integer) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_containsel(internal, oid, internal, integer) IS 'restriction selectivity of @> operator';

CREATE FUNCTION jhub_authz.scopeset_may_containsel(root internal, operator oid, args internal, varrelid integer) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_may_containsel(internal, oid, internal, integer) IS 'restriction selectivity of @>> operator';

CREATE FUNCTION jhub_authz.scopeset_overlapsel(root internal, operator oid, args internal, varrelid integer) RETURNS double precision
	AS 'MODULE_PATHNAME' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_overlapsel(internal, oid, internal, integer) IS 'restriction selectivity of && operator';

ALTER TYPE jhub_authz.scopeset SET (ANALYZE = jhub_authz.scopeset_typanalyze);
ALTER OPERATOR jhub_authz.@> (jhub_authz.scopeset, jhub_authz.scopeset) SET (RESTRICT = jhub_authz.scopeset_containsel);
ALTER OPERATOR jhub_authz.@>> (jhub_authz.scopeset, jhub_authz.scopeset) SET (RESTRICT = jhub_authz.scopeset_may_containsel);
ALTER OPERATOR jhub_authz.&& (jhub_authz.scopeset, jhub_authz.scopeset) SET (RESTRICT = jhub_authz.scopeset_overlapsel);
