-- Who is in which group is kept from row to row of one query, and never longer
-- than it holds: each case would get a stale answer from a cache that is keyed by
-- less.  Not in one transaction: some of it is about commits.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
DROP SCHEMA IF EXISTS hub_kept CASCADE;
\set hub hub_kept
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SELECT jhub_authz.attach('hub_kept') \g /dev/null
SELECT plan(15);

DELETE FROM hub_kept.user_group_map;
INSERT INTO hub_kept.groups (id, name) SELECT 1000 + i, 'kept' || i FROM generate_series(1, 30) AS i;
INSERT INTO hub_kept.users (id, name, cookie_id) SELECT 1000 + i, 'kept' || i, 'kept' || i FROM generate_series(1, 60) AS i;
INSERT INTO hub_kept.user_group_map SELECT 1000 + i, 1000 + g FROM generate_series(1, 60) AS i, generate_series(1, 30) AS g WHERE (i * g) % 7 = 3;

-- sets of users, of servers and of custom scopes, against sets of groups
\if :{?few}
\set pairs 4
\else
\set pairs 40
\endif
CREATE TABLE hub_kept.pairs AS
    SELECT n, (SELECT jhub_authz.scopeset_agg(base || CASE WHEN n % 3 = 0 THEN '!server=kept' || i || '/' ELSE '!user=kept' || i END)
               FROM generate_series(n, n + 20) AS i, unnest(ARRAY['read:users', 'servers', 'c:x']) AS base) AS a,
           (SELECT jhub_authz.scopeset_agg((ARRAY['read:users', 'servers', 'c:x'])[1 + g % 3] || '!group=kept' || g) FROM generate_series(1 + n % 20, 10 + n % 20) AS g) AS b
    FROM generate_series(1, :pairs) AS n;

-- each pair in a query of its own keeps nothing
CREATE FUNCTION hub_kept.alone(relation text) RETURNS TABLE (n int, scopes text, covered boolean) LANGUAGE plpgsql AS $$
DECLARE
    i int;
BEGIN
    FOR i IN SELECT p.n FROM hub_kept.pairs AS p LOOP
        RETURN QUERY EXECUTE 'SELECT n, jhub_authz.intersect_scopes(a, b)::text, jhub_authz.covers(b, a) FROM hub_kept.pairs WHERE n = ' || i;
    END LOOP;
END $$;
SELECT results_eq('SELECT n, jhub_authz.intersect_scopes(a, b)::text, jhub_authz.covers(b, a) FROM hub_kept.pairs ORDER BY n',
    'SELECT n, scopes, covered FROM hub_kept.alone(''pairs'') ORDER BY n', 'all in one query, or each in its own');
SELECT isnt((SELECT count(*) FROM hub_kept.pairs WHERE jhub_authz.intersect_scopes(a, b) OPERATOR(jhub_authz.<>) ''), 0::bigint, 'and there is something in common');
SELECT results_eq('SELECT n, jhub_authz.intersect_scopes(b, a)::text FROM hub_kept.pairs ORDER BY n',
    'SELECT n, jhub_authz.intersect_scopes(a, b)::text FROM hub_kept.pairs ORDER BY n', 'the other way round, too');

-- from here on: three rows that ask whether kept1 is in the group "kept1"
DELETE FROM hub_kept.user_group_map;
CREATE FUNCTION hub_kept.asked() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(jhub_authz.scope_count(jhub_authz.intersect_scopes('["servers!user=kept1"]', ('servers!group=kept' || i)::jhub_authz.scopeset))::text, '' ORDER BY i)
    FROM (VALUES (1), (1), (1)) AS v (i) $$;
CREATE FUNCTION hub_kept.join_it() RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO hub_kept.user_group_map VALUES (1001, 1001) ON CONFLICT DO NOTHING; RETURN 1; END $$;
CREATE FUNCTION hub_kept.leave_it() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM hub_kept.user_group_map WHERE user_id = 1001; RETURN 1; END $$;

SELECT is(hub_kept.asked(), '000', 'not a member');
SELECT hub_kept.join_it() \g /dev/null
SELECT is(hub_kept.asked(), '111', 'a member in the next statement');
PREPARE asked AS SELECT string_agg(jhub_authz.scope_count(jhub_authz.intersect_scopes('["servers!user=kept1"]', ('servers!group=kept' || i)::jhub_authz.scopeset))::text, '') AS said FROM (VALUES (1), (1), (1)) AS v (i);
EXECUTE asked \gset before_
SELECT hub_kept.leave_it() \g /dev/null
EXECUTE asked \gset after_
SELECT is(:'before_said' || ' ' || :'after_said', '111 000', 'a prepared query, too');

BEGIN;
SELECT hub_kept.join_it() \g /dev/null
SELECT is(hub_kept.asked(), '111', 'changed in the same transaction');
SAVEPOINT before;
SELECT hub_kept.leave_it() \g /dev/null
SELECT is(hub_kept.asked(), '000', 'and after a savepoint');
ROLLBACK TO before;
SELECT is(hub_kept.asked(), '111', 'and rolled back to it');
ROLLBACK;

-- one call site that lives on, in a loop: changes, and changes that are taken back
CREATE FUNCTION hub_kept.in_a_loop() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := '';
    i int;
BEGIN
    FOR i IN 1..12 LOOP
        BEGIN
            IF i % 4 = 2 THEN PERFORM hub_kept.join_it(); ELSIF i % 4 = 0 THEN PERFORM hub_kept.leave_it(); END IF;
            -- both: the call site once more before, and once after
            IF i IN (6, 8) THEN RAISE EXCEPTION 'taken back'; END IF;
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
        said := said || jhub_authz.scope_count(jhub_authz.intersect_scopes('servers!user=kept1'::jhub_authz.scopeset, 'servers!group=kept1'::jhub_authz.scopeset));
    END LOOP;
    RETURN said;
END $$;
SELECT is(hub_kept.in_a_loop(), '011000000110', 'a call site in a loop');

-- the same, where neither snapshot nor command tells before from after
CREATE FUNCTION hub_kept.once() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    RETURN jhub_authz.scope_count(jhub_authz.intersect_scopes('servers!user=kept1'::jhub_authz.scopeset, 'servers!group=kept1'::jhub_authz.scopeset));
END $$;
CREATE FUNCTION hub_kept.taken_back() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text := '';
BEGIN
    FOR i IN 1..3 LOOP
        BEGIN
            PERFORM hub_kept.join_it();
            said := said || hub_kept.once();
            said := said || hub_kept.once();
            said := said || hub_kept.once();
            RAISE EXCEPTION 'taken back';
        EXCEPTION WHEN raise_exception THEN NULL;
        END;
        said := said || hub_kept.once();
    END LOOP;
    RETURN said;
END $$;
SELECT hub_kept.leave_it() \g /dev/null
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is(hub_kept.taken_back(), '111011101110', 'what was taken back, at REPEATABLE READ');
COMMIT;

-- within one query: what it began with, whatever a function in it does
SELECT hub_kept.leave_it() \g /dev/null
SELECT is((SELECT string_agg(CASE WHEN i = 3 THEN hub_kept.join_it() - 1 ELSE 0 END + jhub_authz.scope_count(jhub_authz.intersect_scopes('servers!user=kept1'::jhub_authz.scopeset, ('servers!group=kept' || 1 + i % 1)::jhub_authz.scopeset)) || '/' || CASE WHEN i > 3 THEN hub_kept.asked() ELSE '' END, ' ' ORDER BY i)
           FROM (SELECT i FROM generate_series(1, 5) AS i ORDER BY i) AS v),
          '0/ 0/ 0/ 0/000 0/000', 'a query sees what it began with, and so does a stable function in it');
SELECT is(hub_kept.asked(), '111', 'the next one sees what came of it');

-- the tables emptied within the query, which no snapshot knows of
CREATE FUNCTION hub_kept.empty_it() RETURNS int LANGUAGE plpgsql AS $$ BEGIN TRUNCATE hub_kept.user_group_map; RETURN 0; END $$;
SELECT is((SELECT string_agg(CASE WHEN i = 3 THEN hub_kept.empty_it() ELSE 0 END + jhub_authz.scope_count(jhub_authz.intersect_scopes('servers!user=kept1'::jhub_authz.scopeset, ('servers!group=kept' || 1 + i % 1)::jhub_authz.scopeset)) || '', '' ORDER BY i)
           FROM (SELECT i FROM generate_series(1, 5) AS i ORDER BY i) AS v), '11000', 'a table that is emptied in between');

-- a procedure that commits
CREATE PROCEDURE hub_kept.commits(INOUT said text) LANGUAGE plpgsql AS $$
BEGIN
    said := '';
    FOR i IN 1..6 LOOP
        IF i % 2 = 0 THEN PERFORM hub_kept.join_it(); ELSE PERFORM hub_kept.leave_it(); END IF;
        COMMIT;
        said := said || hub_kept.asked();
    END LOOP;
END $$;
CREATE TEMP TABLE committed (said text);
DO $$ DECLARE said text; BEGIN CALL hub_kept.commits(said); INSERT INTO committed VALUES (said); END $$;
SELECT is((SELECT said FROM committed), '000111000111000111', 'a procedure that commits');

SELECT * FROM finish();
SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_kept CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
