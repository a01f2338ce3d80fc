-- What is kept of options, custom scopes and required scopes is looked at again
-- where it may have changed: within one statement, after ROLLBACK TO SAVEPOINT,
-- and after an invalidation that changed nothing.
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
SELECT plan(17);
SELECT jhub_authz.attach() \g /dev/null

-- one of each kind: the mode, a custom scope's subscope, a required scope
CREATE FUNCTION pg_temp.mode() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT mode FROM jhub_authz.status $$;
CREATE FUNCTION pg_temp.expanded() RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT jhub_authz.expand('["custom:kept:a"]')::text $$;
CREATE FUNCTION pg_temp.required() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(string_agg(n::text, '+'), 'none') FROM generate_series(1, 3) n
     WHERE jhub_authz.authorize(ARRAY['access:servers', 'custom:kept:b' || n]::jhub_authz.scopeset, 'alice', '', 'read', 'kept') $$;
CREATE FUNCTION pg_temp.change(n integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM jhub_authz.set_mode(CASE n WHEN 1 THEN 'enforce' WHEN 2 THEN 'observe' ELSE 'off' END);
    PERFORM jhub_authz.replace_scopes(format('{"custom:kept:a": {"description": "x", "subscopes": ["custom:kept:b%1$s"]},'
        ' "custom:kept:b1": {"description": "x"}, "custom:kept:b2": {"description": "x"}, "custom:kept:b3": {"description": "x"}}', n));
    PERFORM jhub_authz.set_required_scopes('jupyter_server', 'kept', 'read', ARRAY['custom:kept:b' || n]);
    RETURN pg_temp.seen();
END $$;
-- asked twice: what the first has read must not be kept for too long
CREATE FUNCTION pg_temp.seen() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_temp.mode(), pg_temp.expanded(), pg_temp.required();
    RETURN concat_ws(' ', pg_temp.mode(), pg_temp.expanded(), pg_temp.required());
END $$;
\set one 'enforce ["custom:kept:a", "custom:kept:b1"] 1'
\set two 'observe ["custom:kept:a", "custom:kept:b2"] 2'
\set three 'off ["custom:kept:a", "custom:kept:b3"] 3'

SELECT is(pg_temp.change(1), :'one', 'a change is seen in the statement that made it');
SELECT is(pg_temp.seen(), :'one', '... and in the next');
SELECT is(pg_temp.change(2) || ', ' || pg_temp.change(3), :'two' || ', ' || :'three', 'two changes in a statement');
SELECT is(pg_temp.seen(), :'three', '... leave the later');
SELECT pg_temp.change(1) \g /dev/null

SAVEPOINT s;
SELECT is(pg_temp.change(2), :'two', 'changed in a subtransaction');
ROLLBACK TO s;
SELECT is(pg_temp.seen(), :'one', '... and rolled back');
SELECT pg_temp.change(2) \g /dev/null
ROLLBACK TO s;
SELECT pg_temp.change(3) \g /dev/null
SELECT is(pg_temp.seen(), :'three', 'another change after a rollback, with nothing read between');
ROLLBACK TO s;
SAVEPOINT t;
SELECT pg_temp.change(2) \g /dev/null
RELEASE t;
SELECT is(pg_temp.seen(), :'two', 'released');
ROLLBACK TO s;
SELECT is(pg_temp.seen(), :'one', '... and rolled back with what it was in');

-- a block that fails, and one that nobody hears of
CREATE FUNCTION pg_temp.fails(n integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    BEGIN
        said := pg_temp.change(n);
        RAISE 'no';
    EXCEPTION WHEN raise_exception THEN NULL;
    END;
    RETURN said || ', ' || pg_temp.seen();
END $$;
SELECT is(pg_temp.fails(2), :'two' || ', ' || :'one', 'changed and undone within one statement');
SELECT is(pg_temp.seen(), :'one', '... and so it stays');

-- invalidations that change nothing
ANALYZE jhub_authz.attachment, jhub_authz.custom_scopes, jhub_authz.required_scope_values;
SELECT is(pg_temp.seen(), :'one', 'nothing has changed');
SELECT pg_temp.change(3) \g /dev/null
ANALYZE jhub_authz.attachment, jhub_authz.custom_scopes, jhub_authz.required_scope_values;
SELECT is(pg_temp.seen(), :'three', '... and after a change');

-- what is written past the functions, by the owner of the tables
UPDATE jhub_authz.attachment SET mode = 'observe';
UPDATE jhub_authz.custom_scopes SET subscopes = ARRAY['custom:kept:b2'] WHERE name = 'custom:kept:a';
DELETE FROM jhub_authz.required_scope_values WHERE resource = 'kept';
SELECT is(pg_temp.seen(), 'observe ["custom:kept:a", "custom:kept:b2"] none', 'written by hand');

-- By a parallel query, whose snapshot does not say which transactions have ended: between
-- the two no transaction begins or ends but what was written in the savepoint.  What is made
-- in a later one and rolled back is the last that has ended, before and after.
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
SET LOCAL max_parallel_workers = 0; -- who leads them is in parallel mode all the same
CREATE TEMP TABLE other (n integer);
PREPARE in_parallel AS SELECT count(*) AS users, (SELECT jhub_authz.expand('["custom:kept:a"]')::text) AS expanded FROM public.users;
CREATE FUNCTION pg_temp.is_parallel() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXPLAIN EXECUTE in_parallel LOOP
        IF line ~ 'Gather' THEN RETURN true; END IF;
    END LOOP;
    RETURN false;
END $$;
SELECT ok(pg_temp.is_parallel(), 'a parallel plan');
EXECUTE in_parallel \g /dev/null
SAVEPOINT s;
UPDATE jhub_authz.custom_scopes SET subscopes = ARRAY['custom:kept:b3'] WHERE name = 'custom:kept:a';
SAVEPOINT t;
INSERT INTO other VALUES (1);
ROLLBACK TO t;
EXECUTE in_parallel \gset within_
ROLLBACK TO s;
EXECUTE in_parallel \gset after_
SELECT is(:'within_expanded'::text, '["custom:kept:a", "custom:kept:b3"]', '... that sees what was changed in a subtransaction');
SELECT is(:'after_expanded'::text, '["custom:kept:a", "custom:kept:b2"]', '... and rolled back');
SELECT * FROM finish();
ROLLBACK;
