-- The smaller GIN index finds what a scan of the table finds: every operator that it
-- serves, the functions that use it, sets that are empty, null and of many members,
-- and scopes whose keys have the same hash.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
BEGIN;
SELECT plan(16);

CREATE TEMP TABLE sets (n int, s jhub_authz.scopeset);
INSERT INTO sets VALUES (-1, NULL), (0, '');
INSERT INTO sets SELECT i, jhub_authz.scopeset_agg(base || filter)
FROM generate_series(1, 1200) AS i,
  LATERAL (SELECT (ARRAY['users', 'read:users', 'servers', 'c:a', 'c:b'])[1 + (i * j * 7 + j) % 5] AS base,
    (ARRAY['', '!user=o', '!user=p', '!server=o/n', '!server=o/', '!server=p/n', '!group=g', '!group=h', '!service=s', '!user', '!server', '!server=o'])[1 + (i * 3 + j * j * 5 + i / 7) % 12] AS filter
   FROM generate_series(1, i % 6) AS j) AS m
GROUP BY i;
CREATE INDEX sets_hash ON sets USING gin (s jhub_authz.scopeset_hash_ops);
ANALYZE sets;

CREATE TEMP TABLE queries (q jhub_authz.scopeset);
INSERT INTO queries VALUES (''), (NULL);
INSERT INTO queries SELECT (base || filter)::jhub_authz.scopeset
FROM unnest(ARRAY['users', 'c:a', 'proxy', 'c:none']) AS base,
  unnest(ARRAY['', '!user=o', '!user=zz', '!server=o/n', '!server=o/other', '!server=o', '!group=g', '!service=s', '!user', '!server']) AS filter;
INSERT INTO queries SELECT s FROM sets WHERE n % 41 = 1;
INSERT INTO queries VALUES ('users read:users servers c:a c:b'), ('users!user=o c:a!user=o servers!user=p'), ('users!user=o read:users c:a!group=g c:b proxy');

CREATE FUNCTION pg_temp.differences(condition text) RETURNS TABLE (queries bigint, rows_found bigint, different bigint) LANGUAGE plpgsql AS $$
DECLARE
  query jhub_authz.scopeset;
  by_index int[];
  by_scan int[];
  scan text;
BEGIN
  queries := 0; rows_found := 0; different := 0;
  FOR query IN SELECT q FROM queries LOOP
    SET LOCAL enable_seqscan = off;
    EXECUTE format('SELECT array_agg(n ORDER BY n) FROM sets WHERE ' || condition, query) INTO by_index;
    SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = off;
    EXECUTE format('SELECT array_agg(n ORDER BY n) FROM sets WHERE ' || condition, query) INTO by_scan;
    SET LOCAL enable_bitmapscan = on;
    queries := queries + 1; rows_found := rows_found + coalesce(cardinality(by_scan), 0);
    IF by_index::text IS DISTINCT FROM by_scan::text THEN different := different + 1; END IF;
  END LOOP;
  RETURN NEXT;
END $$;
CREATE FUNCTION pg_temp.plan_of(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN
  SET LOCAL enable_seqscan = off;
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || sql LOOP plan := plan || line || E'\n'; END LOOP;
  SET LOCAL enable_seqscan = on;
  RETURN plan;
END $$;

SELECT is((SELECT format('%s %s', different, queries > 60 AND rows_found > 1000) FROM pg_temp.differences('s OPERATOR(jhub_authz.@>) %L::jhub_authz.scopeset')), '0 t', '@>');
SELECT is((SELECT format('%s %s', different, queries > 60 AND rows_found > 1000) FROM pg_temp.differences('s OPERATOR(jhub_authz.@>>) %L::jhub_authz.scopeset')), '0 t', '@>>');
SELECT is((SELECT format('%s %s', different, queries > 60 AND rows_found > 20) FROM pg_temp.differences('s OPERATOR(jhub_authz.=) %L::jhub_authz.scopeset')), '0 t', '=');
SELECT is((SELECT format('%s %s', different, queries > 60 AND rows_found > 1000) FROM pg_temp.differences('jhub_authz.covers(s, %L::jhub_authz.scopeset)')), '0 t', 'covers()');
SELECT is((SELECT string_agg(n::text, ' ' ORDER BY n) FROM sets WHERE jhub_authz.has_scope(s, 'c:a!server=o/n')),
          (SELECT string_agg(n::text, ' ' ORDER BY n) FROM sets WHERE s OPERATOR(jhub_authz.@>) 'c:a!server=o/n'), 'has_scope()');
SELECT matches(pg_temp.plan_of($$SELECT n FROM sets WHERE s OPERATOR(jhub_authz.@>) 'users!user=o'$$), 'Bitmap Index Scan on sets_hash', '@> uses the index');
SELECT matches(pg_temp.plan_of($$SELECT n FROM sets WHERE s OPERATOR(jhub_authz.@>>) 'users!user=o'$$), 'Bitmap Index Scan on sets_hash', '@>> uses it');
SELECT matches(pg_temp.plan_of($$SELECT n FROM sets WHERE s OPERATOR(jhub_authz.=) 'users!user=o'$$), 'Bitmap Index Scan on sets_hash', '= uses it');
SELECT matches(pg_temp.plan_of($$SELECT n FROM sets WHERE jhub_authz.has_scope(s, 'users!user=o')$$), 'Bitmap Index Scan on sets_hash', 'has_scope() uses it');
SELECT doesnt_match(pg_temp.plan_of($$SELECT n FROM sets WHERE s OPERATOR(jhub_authz.&&) 'users!user=o'$$), 'sets_hash', '&& does not');
SELECT doesnt_match(pg_temp.plan_of($$SELECT n FROM sets WHERE jhub_authz.has_any_scope(s, 'users')$$), 'sets_hash', 'nor does has_any_scope()');

-- two filters whose keys have the same hash, if this machine's bytes are in that order
CREATE TEMP TABLE alike AS
    SELECT min(filter) AS a, max(filter) AS b FROM (SELECT 'user=' || i AS filter FROM generate_series(1, 200000) AS i) AS f
    GROUP BY hashtext('F!' || filter) HAVING count(*) > 1;
SELECT cmp_ok((SELECT count(*) FROM alike), '>', 0::bigint, 'there are filters of the same hash');
SET enable_seqscan = off;
INSERT INTO sets SELECT 2000, ('users!' || a)::jhub_authz.scopeset FROM alike LIMIT 1;
SELECT is((SELECT count(*) FROM sets, (SELECT * FROM alike LIMIT 1) AS f WHERE s OPERATOR(jhub_authz.@>) ('users!' || f.b)::jhub_authz.scopeset AND n = 2000), 0::bigint, 'one is not taken for the other');
SELECT is((SELECT count(*) FROM sets, (SELECT * FROM alike LIMIT 1) AS f WHERE s OPERATOR(jhub_authz.@>) ('users!' || f.a)::jhub_authz.scopeset AND n = 2000), 1::bigint, 'and each is found');

-- longest scopes, and many keys in a row
INSERT INTO sets VALUES (3000, ('users!user=' || repeat('x', 1989))::jhub_authz.scopeset);
SELECT is((SELECT n FROM sets WHERE s OPERATOR(jhub_authz.@>) ('users!user=' || repeat('x', 1989))::jhub_authz.scopeset AND n = 3000), 3000, 'a scope of the greatest length');
INSERT INTO sets SELECT 4000, jhub_authz.scopeset_agg('c:' || i || '!user=' || i) FROM generate_series(1, 5000) AS i;
SELECT is((SELECT n FROM sets WHERE s OPERATOR(jhub_authz.@>) '["c:4999!user=4999", "c:1!server=1/x"]'), 4000, 'a set of 5,000 filters');
SELECT * FROM finish();
ROLLBACK;
