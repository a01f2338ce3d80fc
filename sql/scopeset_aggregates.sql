-- Aggregates: union of sets, union of scopes, intersection.
SET search_path = jhub_authz, public;

SELECT scopeset_agg(s::scopeset) FROM (VALUES ('a b'), (NULL), (''), ('b users!user=x')) v(s);
SELECT scopeset_agg(s) FROM (VALUES ('a'), (NULL), ('users!user=ann bob'), ('a')) v(s);
SELECT scopeset_intersect_agg(s::scopeset) FROM (VALUES ('users b'), (NULL), ('users!user=o users!user=p b'), ('users!server=o/n b')) v(s);

-- one row is reduced by the intersection, not by the union
SELECT scopeset_agg(s::scopeset), scopeset_intersect_agg(s::scopeset) FROM (VALUES ('users users!user=x')) v(s);

-- no rows, or only nulls: null; empty sets: empty
SELECT scopeset_agg(s::scopeset) IS NULL, scopeset_agg(s) IS NULL, scopeset_intersect_agg(s::scopeset) IS NULL FROM (VALUES ('a')) v(s) WHERE false;
SELECT scopeset_agg(NULL::scopeset) IS NULL, scopeset_agg(NULL::text) IS NULL, scopeset_intersect_agg(NULL::scopeset) IS NULL;
SELECT scopeset_agg(''::scopeset), scopeset_intersect_agg(''::scopeset);

-- one scope a row, never split
SELECT scopeset_agg(s) FROM (VALUES ('a b')) v(s);
SELECT scopeset_agg(s) FROM (VALUES ('users!usr=x')) v(s);

-- grouped, filtered, ordered, distinct, as window functions
SELECT n % 3 AS g, scopeset_agg(DISTINCT 'u' || n % 4), scopeset_agg('u' || n ORDER BY n DESC) FILTER (WHERE n > 4)
FROM generate_series(1, 9) n GROUP BY 1 ORDER BY 1;
SELECT n, scopeset_agg('u' || n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM generate_series(1, 3) n;
SELECT n, scopeset_agg(('b' || n)::scopeset) OVER (ORDER BY n DESC), scopeset_intersect_agg(('a b' || n)::scopeset) OVER (ORDER BY n) FROM generate_series(1, 3) n;

-- in parallel
CREATE TABLE agg_rows (s scopeset, t text);
INSERT INTO agg_rows SELECT ('["users!user=u' || i % 700 || '", "c:' || i % 90 || '!group=g' || i % 11 || '", "self"]')::scopeset, 'users!user=' || i % 800 FROM generate_series(1, 20000) i;
ANALYZE agg_rows;
CREATE TEMP TABLE alone AS SELECT scopeset_agg(s) a, scopeset_agg(t) b, scopeset_intersect_agg(s) c FROM agg_rows;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT scopeset_agg(s), scopeset_agg(t), scopeset_intersect_agg(s) FROM agg_rows;
SELECT p.a = alone.a AS union_of_sets, p.b = alone.b AS union_of_scopes, p.c = alone.c AS intersection,
  scope_count(p.a), scope_count(p.b), p.c
FROM (SELECT scopeset_agg(s), scopeset_agg(t), scopeset_intersect_agg(s) FROM agg_rows) p(a, b, c), alone;
DROP TABLE agg_rows;
