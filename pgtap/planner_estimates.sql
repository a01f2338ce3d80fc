-- Rows are estimated within a factor of three on skewed data, and an estimator that
-- is put on something else takes nothing for what it is not.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SET LOCAL search_path = public, jhub_authz;
SELECT setseed(0.3) \g /dev/null

-- a few users and groups have most of the tokens
CREATE TABLE held AS
SELECT i AS id, scopeset_of(VARIADIC ARRAY['read:users!user=u' || u, 'access:servers!server=u' || u || '/', 'list:users!group=g' || g]
       || CASE WHEN i % 1000 = 7 THEN '{admin:users}' ELSE '{}' END::text[] || CASE WHEN i % 20 = 3 THEN '{read:hub,list:services}' ELSE '{}' END::text[]
       || CASE WHEN i % 3 = 0 THEN '{users:activity}' ELSE '{}' END::text[] || CASE WHEN i % 10 = 1 THEN '{custom:a:b!group=g1}' ELSE '{}' END::text[]) AS scopes
  FROM (SELECT i, 1 + (power(random(), 4) * 8000)::int AS u, (random() * random() * 200)::int AS g FROM generate_series(1, 60000) i) d;
UPDATE held SET scopes = NULL WHERE id % 7 = 0;
ANALYZE held;
CREATE FUNCTION pg_temp.off_by(condition text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    plan json;
    actual bigint;
    estimated double precision;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM held WHERE ' || condition INTO plan;
    EXECUTE 'SELECT count(*) FROM held WHERE ' || condition INTO actual;
    estimated := plan -> 0 -> 'Plan' ->> 'Plan Rows';
    RETURN round((greatest(estimated, actual, 1) / greatest(least(estimated, actual), 1))::numeric, 2);
END $$;

SELECT plan(45);
SELECT cmp_ok(pg_temp.off_by(condition), '<=', 3.0, condition)
  FROM unnest(ARRAY[
    $$scopes @> 'admin:users'$$, $$scopes @> 'read:hub'$$, $$scopes @> 'read:hub list:services'$$, $$scopes @> 'users:activity'$$,
    $$scopes @> 'read:users!user=u1'$$, $$scopes @> 'read:users!user=u2'$$, $$scopes @> 'read:users!user=u50'$$, $$scopes @> 'read:users!user=u1000'$$,
    $$scopes @> 'list:users!group=g0'$$, $$scopes @> 'list:users!group=g60'$$, $$scopes @> 'list:users!group=g120'$$,
    $$scopes @> 'access:servers!server=u2/'$$, $$scopes @> 'users:activity!user=zoe'$$, $$scopes @> '[]'$$, $$scopes && '[]'$$,
    $$scopes && 'list:users'$$, $$scopes && 'admin:users read:hub'$$, $$scopes @>> 'custom:a:b!user=u1'$$,
    $$has_scope(scopes, 'admin:users')$$, $$has_scope(scopes, 'read:users!user=u1')$$, $$has_any_scope(scopes, 'custom:a:b')$$,
    $$has_scope(scopes, ARRAY['admin:users', 'read:hub'])$$, $$has_scope(scopes, ARRAY['users:activity', 'read:users!user=u1', 'admin:users'])$$,
    $$has_scope(scopes, ARRAY['list:users!group=g0', 'list:users!group=g1', 'list:users!group=g60'])$$, $$has_scope(scopes, '{read:users!user=u1000}'::text[])$$,
    $$has_scope(scopes, '{}'::text[])$$, $$has_scope(scopes, 'list:users!group=g60')$$, $$has_scope(scopes, 'access:servers!server=u2/')$$, $$has_scope(scopes, 'access:servers!server=u1000/')$$,
    $$has_any_scope(scopes, 'list:services')$$, $$has_any_scope(scopes, 'list:users')$$, $$scopes && 'read:users!user=u1'$$, $$scopes && 'list:users!group=g0 admin:users'$$,
    $$scopes @>> 'read:users!user=u1'$$, $$scopes @>> 'admin:users'$$, $$covers(scopes, 'read:users!user=u1')$$, $$covers(scopes, 'read:hub list:services')$$, $$covers(scopes, 'list:users!group=g60')$$,
    $$covers(scopes, 'read:hub')$$, $$scopes @> NULL$$]) AS condition;
SELECT isnt((SELECT most_common_elems::text FROM pg_stats WHERE tablename = 'held' AND attname = 'scopes'), NULL, 'the most common scopes are kept');

-- immense sets: ANALYZE counts so many keys and no more, whichever rows they come from
CREATE TABLE immense AS SELECT i, scopeset_of(VARIADIC array_agg('read:users!user=u' || i || 'x' || g) || ARRAY['always:a', CASE WHEN i > 140 THEN 'late:a' ELSE 'early:a' END]) AS scopes
  FROM generate_series(1, 150) i, generate_series(1, 4000) g GROUP BY i ORDER BY i;
ANALYZE immense;
SELECT matches((SELECT convert_from(string_agg(k, '\x0a'), 'UTF8') FROM pg_stats, unnest(most_common_elems::text::bytea[]) k WHERE tablename = 'immense' AND attname = 'scopes'),
    'Lalways:a', 'what the sets that were counted hold is kept');
SELECT doesnt_match((SELECT convert_from(string_agg(k, '\x0a'), 'UTF8') FROM pg_stats, unnest(most_common_elems::text::bytea[]) k WHERE tablename = 'immense' AND attname = 'scopes'),
    'Llate:a', '... and the rest was not counted');
DROP TABLE immense;

-- the estimators on other types
CREATE FUNCTION pg_temp.never(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION pg_temp.never(a scopeset, b text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR public.@?> (FUNCTION = pg_temp.never, LEFTARG = text, RIGHTARG = text, RESTRICT = jhub_authz.scopeset_containsel);
CREATE OPERATOR public.@?> (FUNCTION = pg_temp.never, LEFTARG = scopeset, RIGHTARG = text, RESTRICT = jhub_authz.scopeset_overlapsel);
CREATE TABLE words AS SELECT 'word' || i % 50 AS word FROM generate_series(1, 1000) i;
ANALYZE words;
SELECT lives_ok($$EXPLAIN SELECT * FROM words WHERE word OPERATOR(public.@?>) 'word7'::text$$, 'an estimator on a column of another type');
SELECT lives_ok($$EXPLAIN SELECT * FROM held WHERE scopes OPERATOR(public.@?>) 'read:users'::text$$, '... and with a constant of another type');

SELECT * FROM finish();
ROLLBACK;
