-- An index gives what a scan of the table gives: every operator, with sets that
-- are empty, of one member, of many, and null.
SET search_path = jhub_authz, public;

CREATE TABLE gin_sets (n int, s scopeset);
INSERT INTO gin_sets VALUES (-1, NULL), (0, '');
INSERT INTO gin_sets SELECT i, scopeset_agg(base || filter)
FROM generate_series(1, 600) i,
  LATERAL (SELECT (ARRAY['users', 'read:users', 'servers', 'c:a', 'c:b'])[1 + (i * j * 7 + j) % 5] AS base,
    (ARRAY['', '!user=o', '!user=p', '!server=o/n', '!server=o/', '!server=p/n', '!group=g', '!service=s', '!user', '!server=o'])[1 + (i * 3 + j * j * 5 + i / 7) % 10] AS filter
   FROM generate_series(1, i % 5) j) m
GROUP BY i;
CREATE INDEX gin_sets_idx ON gin_sets USING gin (s);
ANALYZE gin_sets;

CREATE TABLE gin_queries (q scopeset);
INSERT INTO gin_queries VALUES (''), (NULL);
INSERT INTO gin_queries SELECT (base || filter)::scopeset
FROM unnest(ARRAY['users', 'c:a', 'proxy']) base,
  unnest(ARRAY['', '!user=o', '!user=zz', '!server=o/n', '!server=o/other', '!server=o', '!group=g', '!service=s', '!user']) filter;
INSERT INTO gin_queries SELECT s FROM gin_sets WHERE n % 41 = 1;
INSERT INTO gin_queries VALUES ('users read:users servers c:a c:b'), ('users!user=o c:a!user=o servers!user=p'), ('users!user=o read:users c:a!group=g c:b proxy');

CREATE FUNCTION gin_differences(op text) RETURNS TABLE (operator text, queries bigint, rows_found bigint, different bigint)
LANGUAGE plpgsql SET search_path = jhub_authz, public AS $$
DECLARE
  query scopeset;
  by_index int[];
  by_scan int[];
BEGIN
  operator := op; queries := 0; rows_found := 0; different := 0;
  FOR query IN SELECT q FROM gin_queries LOOP
    SET LOCAL enable_seqscan = off;
    EXECUTE format('SELECT array_agg(n ORDER BY n) FROM gin_sets WHERE s %s %L::scopeset', op, query) INTO by_index;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_bitmapscan = off;
    EXECUTE format('SELECT array_agg(n ORDER BY n) FROM gin_sets WHERE s %s %L::scopeset', op, query) INTO by_scan;
    SET LOCAL enable_bitmapscan = on;
    queries := queries + 1;
    rows_found := rows_found + coalesce(cardinality(by_scan), 0);
    IF by_index IS DISTINCT FROM by_scan THEN different := different + 1; END IF;
  END LOOP;
  RETURN NEXT;
END $$;

-- the index is used, for all four
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT n FROM gin_sets WHERE s @> 'users!user=o';
EXPLAIN (COSTS OFF) SELECT n FROM gin_sets WHERE s <@ 'users!user=o';
EXPLAIN (COSTS OFF) SELECT n FROM gin_sets WHERE s && 'users!user=o';
EXPLAIN (COSTS OFF) SELECT n FROM gin_sets WHERE s = 'users!user=o';
RESET enable_seqscan;

SELECT d.* FROM unnest(ARRAY['@>', '<@', '&&', '=']) op, gin_differences(op) d;

-- the empty set
SET enable_seqscan = off;
SELECT count(*) FROM gin_sets WHERE s @> '';
SELECT count(*) FROM gin_sets WHERE s <@ '';
SELECT count(*) FROM gin_sets WHERE s && '';
SELECT count(*) FROM gin_sets WHERE s = '';
SELECT n FROM gin_sets WHERE s <@ '' ORDER BY n;

-- what only the hierarchy finds
TRUNCATE gin_sets;
INSERT INTO gin_sets VALUES (1, 'users'), (2, 'users!user=o'), (3, 'users!server=o/n'), (4, 'users!user=o self'), (5, 'c:a!server=o/n');
SELECT n FROM gin_sets WHERE s @> 'users!server=o/n' ORDER BY n;
SELECT n FROM gin_sets WHERE s <@ 'users' ORDER BY n;
SELECT n FROM gin_sets WHERE s <@ 'users!user=o' ORDER BY n;
SELECT n FROM gin_sets WHERE s && 'users!user=o' ORDER BY n;
SELECT n FROM gin_sets WHERE s && 'c:a!user=o' ORDER BY n;
SELECT n FROM gin_sets WHERE s && 'users!server=o/n' ORDER BY n;

-- longest scopes fit into the index; two conditions at once
INSERT INTO gin_sets VALUES (6, ('users!user=' || repeat('x', 1989))::scopeset);
SELECT n FROM gin_sets WHERE s @> ('users!user=' || repeat('x', 1989))::scopeset ORDER BY n;
SELECT n FROM gin_sets WHERE s && 'users!server=o/n' AND NOT s @> 'users' AND s @> 'self';
RESET enable_seqscan;
DROP TABLE gin_sets, gin_queries;
DROP FUNCTION gin_differences;
