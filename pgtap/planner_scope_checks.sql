-- The planner knows the checks: has_scope(column, 'x') and the like use a GIN index
-- and give the same rows, and everything that may runs in parallel.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null

CREATE TABLE held (id integer, scopes jhub_authz.scopeset);
INSERT INTO held SELECT i, scopeset_of(VARIADIC ARRAY['read:users:name!user=u' || i, 'tokens!user=u' || i]
    || CASE i % 50 WHEN 0 THEN '{servers}' WHEN 1 THEN '{servers!group=physics}' WHEN 2 THEN '{servers!user=alice}'
                   WHEN 3 THEN '{servers!server=alice/}' WHEN 4 THEN '{"servers!group=lab one", "custom:a:b!group=physics"}'
                   WHEN 5 THEN '{servers!server=bob/, custom:a:b}' WHEN 6 THEN '{servers!service=announce, servers!user}'
                   WHEN 7 THEN '{servers:more!group=physics, custom:a:b!user=alice}' ELSE '{}' END::text[])
  FROM generate_series(1, 3000) i;
INSERT INTO held VALUES (0, '[]'), (-1, NULL);
CREATE INDEX held_gin ON held USING gin (scopes);
ANALYZE held;

CREATE FUNCTION pg_temp.plan_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; answer text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP answer := answer || trim(line) || E'\n'; END LOOP;
    RETURN answer;
END $$;
-- ids by the index and without it, of so many rows
\if :{?few}
SET LOCAL held.most = 100;
\else
SET LOCAL held.most = 3000;
\endif
CREATE FUNCTION pg_temp.by(what text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    PERFORM set_config('enable_seqscan', CASE what WHEN 'index' THEN 'off' ELSE 'on' END, true);
    PERFORM set_config('enable_bitmapscan', CASE what WHEN 'index' THEN 'on' ELSE 'off' END, true);
    EXECUTE format('SELECT count(*) || '': '' || md5(string_agg(id::text, '','' ORDER BY id)) FROM held WHERE id <= %s AND (%s)', current_setting('held.most'), condition) INTO answer;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true);
    RETURN answer;
END $$;

SELECT plan(66);

SET LOCAL enable_seqscan = off;
SELECT matches(pg_temp.plan_of('SELECT * FROM held WHERE ' || condition), 'Filter: .*Bitmap Index Scan on held_gin\s+Index Cond: ' || wanted, condition || ' uses the index')
  FROM (VALUES
    ($$has_scope(scopes, 'servers')$$, $re$\(scopes @>> '\["servers"\]'$re$),
    ($$has_scope(scopes, 'servers!server=alice/')$$, $re$\(scopes @>> '\["servers!server=alice/"\]'$re$),
    ($$has_scope(scopes, (SELECT 'serv' || 'ers'))$$, $re$\(scopes @>> CASE WHEN \(has_scope\('\[\]'::scopeset, (?:\$0|\(InitPlan 1\)\.col1)\) IS NOT NULL\) THEN scopeset_of\(VARIADIC ARRAY\[$re$),
    ($$has_scope(scopes, ARRAY['servers!user=alice', 'custom:a:b'])$$, $re$\(scopes @>> ANY \('\{"\[\\"servers!user=alice\\"\]","\[\\"custom:a:b\\"\]"\}'$re$),
    ($$has_scope(scopes, ARRAY(SELECT 'serv' || 'ers'))$$, $re$\(scopes @>> ANY \(_required_sets\((?:\$0|\(InitPlan 1\)\.col1)\)\)\)$re$),
    ($$has_any_scope(scopes, 'servers')$$, $re$\(scopes && '\["servers"\]'$re$),
    ($$covers(scopes, 'servers!user=alice')$$, $re$\(scopes @>> '\["servers!user=alice"\]'$re$)) AS v (condition, wanted);
SELECT doesnt_match(pg_temp.plan_of('SELECT * FROM held WHERE ' || condition), 'Index Cond', condition || ' cannot')
  FROM (VALUES ($$has_scope('servers', scopes::text)$$), ($$has_scope(scopes, 'servers!user')$$), ($$has_scope(scopes, id::text)$$),
        ($$has_scope(scopes, ARRAY['servers', 'servers!user'])$$), ($$has_scope(scopes, '{servers,NULL}'::text[])$$), ($$has_scope(scopes, NULL::text[])$$),
        ($$has_scope(scopes, ARRAY[id::text])$$)) AS v (condition);
RESET enable_seqscan;

SELECT isnt(pg_temp.by('index', condition), '', 'some hold ' || condition) FROM (VALUES ($$has_scope(scopes, 'servers')$$)) AS v (condition);
SELECT is(pg_temp.by('index', condition), pg_temp.by('scan', condition), condition || ': ' || coalesce(pg_temp.by('scan', condition), 'none'))
  FROM unnest(ARRAY['servers', 'servers!user=alice', 'servers!user=bob', 'servers!user=nobody', 'servers!server=alice/', 'servers!server=bob/x',
                    'servers!server=noslash', 'servers!group=physics', 'servers!service=announce', 'custom:a:b', 'custom:a:b!user=alice', 'custom:a:b!server=bob/',
                    'tokens!user=u77', 'tokens!server=u77/a', 'no:such', 'servers:more!user=alice', 'servers:more!user=zoe']) AS scope,
       LATERAL (SELECT format('has_scope(scopes, %L)', scope)) AS c (condition);
SELECT is(pg_temp.by('index', condition), pg_temp.by('scan', condition), condition)
  FROM (VALUES ($$has_any_scope(scopes, 'servers')$$), ($$has_any_scope(scopes, 'custom:a:b')$$), ($$has_any_scope(scopes, 'users')$$),
               ($$has_scope(scopes, ARRAY['servers!user=alice', 'custom:a:b!user=bob', 'no:such'])$$), ($$has_scope(scopes, ARRAY['servers'])$$),
               ($$has_scope(scopes, ARRAY['tokens!user=u5', 'tokens!user=u7', 'tokens!user=u5'])$$), ($$has_scope(scopes, '{}'::text[])$$),
               ($$has_scope(scopes, ARRAY(SELECT 'tokens!user=u' || i FROM generate_series(10, 20) i))$$),
               ($$covers(scopes, '[]')$$), ($$covers(scopes, 'servers!user=alice servers!server=bob/')$$),
               ($$covers(scopes, 'servers!user=alice custom:a:b!user=bob')$$), ($$covers(scopes, 'tokens!user=u5 read:users:name!user=u5')$$),
               ($$scopes @>> 'servers!user=nobody'$$), ($$scopes @>> ''$$)) AS v (condition);

-- a plan that is kept for any value
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
PREPARE holders(text) AS SELECT count(*)::int FROM held WHERE has_scope(scopes, $1);
SELECT matches(pg_temp.plan_of($$EXECUTE holders('servers')$$), $re$Index Cond: \(scopes @>> CASE WHEN \(has_scope\('\[\]'::scopeset, \$1\) IS NOT NULL\) THEN scopeset_of$re$, 'a generic plan uses the index');
SELECT results_eq($$EXECUTE holders('servers!user=alice')$$, ARRAY[(SELECT count(*)::int FROM held WHERE id > 0 AND id % 50 IN (0, 1, 2, 4))], '... and finds what is held by groups too');
SELECT throws_ok($$EXECUTE holders('servers!usr=x')$$, '22P02', NULL, '... and refuses what is no scope');
SELECT throws_ok($$EXECUTE holders('no:such!user')$$, '22023', NULL, '... and a filter without a value, though no row has it');
PREPARE any_holders(text) AS SELECT count(*)::int FROM held WHERE has_any_scope(scopes, $1);
SELECT throws_ok($$EXECUTE any_holders('no:such!user=x')$$, '22023', NULL, '... and where no filter may be, one');
SELECT results_eq($$EXECUTE any_holders('no:such')$$, ARRAY[0], '... but not what nobody has');
SELECT results_eq('EXECUTE holders(NULL)', ARRAY[0], '... and finds nothing for NULL, as without an index');
PREPARE array_holders(text[]) AS SELECT count(*)::int FROM held WHERE has_scope(scopes, $1);
SELECT matches(pg_temp.plan_of($$EXECUTE array_holders('{servers}')$$), 'Index Cond: \(scopes @>> ANY \(_required_sets\(\$1\)\)\)', '... for an array as well');
SELECT results_eq($$EXECUTE array_holders('{servers!user=alice,custom:a:b!user=zoe}')$$, ARRAY[(SELECT count(*)::int FROM held WHERE id > 0 AND id % 50 IN (0, 1, 2, 4, 5))], '... and finds what is held by groups too');
SELECT throws_ok($$EXECUTE array_holders('{servers,servers!usr=x}')$$, '22P02', NULL, '... and refuses what is no scope');
SELECT throws_ok($$EXECUTE array_holders('{servers!user}')$$, '22023', NULL, '... a self filter');
SELECT throws_ok($$EXECUTE array_holders('{servers,NULL}')$$, '22004', NULL, '... and NULL among them');
SELECT results_eq('EXECUTE array_holders(NULL)', ARRAY[0], '... and finds nothing for NULL, as without an index');
RESET plan_cache_mode;
SET LOCAL enable_material = off;
PREPARE joined AS SELECT w.scope, count(h.id)::int FROM (VALUES ('tokens!user=u5'), (NULL)) AS w (scope) LEFT JOIN held h ON has_scope(h.scopes, w.scope) GROUP BY 1 ORDER BY 1;
SELECT matches(pg_temp.plan_of('EXECUTE joined'), 'Index Cond: \(scopes @>> CASE', 'a join asks the index for each row');
SELECT results_eq('EXECUTE joined', $$VALUES ('tokens!user=u5', 1), (NULL, 0)$$, '... but not for NULL');
RESET enable_material;
RESET enable_seqscan;

-- parallel
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL enable_bitmapscan = off;
SELECT matches(pg_temp.plan_of('SELECT scopeset_agg(scopes), scopeset_intersect_agg(scopes), scopeset_agg(scopes::text) FROM held WHERE id > 0'),
    'Finalize Aggregate\s+->  Gather\s+Workers Planned: \d\s+->  Partial Aggregate', 'aggregates run in parallel');
SELECT matches(pg_temp.plan_of($$SELECT count(*) FROM held WHERE has_scope(scopes, 'servers!user=alice')$$),
    'Gather\s+Workers Planned: \d\s+->  Partial Aggregate\s+->  Parallel Seq Scan on held\s+Filter: has_scope', 'has_scope runs in the workers');
SELECT is((SELECT count(*)::int FROM held WHERE has_scope(scopes, 'servers!user=alice')), (SELECT count(*)::int FROM held WHERE id > 0 AND id % 50 IN (0, 1, 2, 4)), '... with the same answer');
SELECT is((SELECT array_agg(p.oid::regprocedure::text ORDER BY 1) FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proparallel <> 's' AND p.provolatile = 'i'),
    NULL, 'every immutable function is parallel safe');

-- set-returning functions give row counts
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;
SELECT is(pg_temp.rows_of($$SELECT * FROM scope_explode('a b c')$$), 3, 'rows of scope_explode are counted');
SELECT * FROM finish();
ROLLBACK;
