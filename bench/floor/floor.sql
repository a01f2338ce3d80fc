-- The functions of floor.c, in a schema of the throwaway database.
CREATE SCHEMA floor;
CREATE FUNCTION floor.bench_and(a bytea, b bytea) RETURNS bytea
    AS 'floor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION floor.bench_merge(a integer[], b integer[]) RETURNS integer[]
    AS 'floor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
CREATE FUNCTION floor.bench_trigger() RETURNS trigger
    AS 'floor' LANGUAGE C;
