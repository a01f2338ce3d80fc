-- What is prepared once answers for whoever asks: plans that are kept, cursors and
-- functions know no identity of an earlier call.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE identity_web;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT plan(24);
SELECT jhub_authz.attach(mode => 'off') \g /dev/null
SELECT jhub_authz.grant_reader('identity_web'), jhub_authz.grant_auditor('identity_web') \g /dev/null
CREATE TABLE notebooks (owner text);
INSERT INTO notebooks VALUES ('alice'), ('bob');
ALTER TABLE notebooks ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON notebooks TO identity_web;
CREATE POLICY by_token ON notebooks TO identity_web USING ('user:' || owner = jhub_authz.current_subject()
    OR jhub_authz.has_scope(jhub_authz.current_scopes(), 'access:servers!user=' || owner));

SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL SESSION AUTHORIZATION identity_web;
PREPARE users AS SELECT count(*)::int FROM jhub_authz.api_users;
PREPARE one(text) AS SELECT count(*)::int FROM jhub_authz.api_users WHERE name = $1;
PREPARE alone AS SELECT coalesce(jhub_authz.has_scope(jhub_authz.current_scopes(), 'list:users'), false),
                        coalesce(jhub_authz.covers(jhub_authz.current_scopes(), '["list:users"]'), false);
PREPARE rows AS SELECT owner FROM notebooks ORDER BY owner;
CREATE FUNCTION pg_temp.in_plpgsql(OUT n int) LANGUAGE plpgsql AS $$ BEGIN SELECT count(*) INTO n FROM jhub_authz.api_users; END $$;

-- the same plans for nobody, somebody, somebody else, and nobody
SELECT results_eq('users', ARRAY[0], 'nobody sees no users');
SELECT results_eq($$EXECUTE one('alice')$$, ARRAY[0], '... nor one by name');
SELECT results_eq('alone', 'VALUES (false, false)', '... and holds nothing');
SELECT is_empty('rows', '... nor rows by a policy');
SELECT is(pg_temp.in_plpgsql(), 0, '... nor in a function');
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
SELECT results_eq('users', ARRAY[14], 'alice''s token sees all users');
SELECT results_eq($$EXECUTE one('alice')$$, ARRAY[1], '... one by name');
SELECT results_eq('alone', 'VALUES (true, true)', '... holds what it holds');
SELECT results_eq('rows', ARRAY['alice', 'bob'], '... and rows');
SELECT is(pg_temp.in_plpgsql(), 14, '... in a function, too');
DECLARE halfway CURSOR FOR SELECT name FROM jhub_authz.api_users;
DECLARE unread CURSOR FOR SELECT name FROM jhub_authz.api_users;
FETCH 1 FROM halfway \g /dev/null
SELECT jhub_authz.act_as(md5('token3')) \g /dev/null
SELECT results_eq('users', ARRAY[0], 'bob''s sees none');
SELECT results_eq($$EXECUTE one('alice')$$, ARRAY[0], '... nor one by name');
SELECT results_eq('alone', 'VALUES (false, false)', '... does not hold it');
SELECT results_eq('rows', ARRAY['bob'], '... has its own rows');
SELECT is(pg_temp.in_plpgsql(), 0, '... and none in a function');
CREATE FUNCTION pg_temp.fetched(c refcursor, OUT n int) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN n := 0; LOOP FETCH c INTO r; EXIT WHEN NOT FOUND; n := n + 1; END LOOP; END $$;
SELECT is(pg_temp.fetched('unread'), 0, 'a cursor that alice opened shows bob nothing');
SELECT is(pg_temp.fetched('halfway'), 0, '... and no more of what alice began to read');
SELECT jhub_authz.act_as(md5('token8')) \g /dev/null
SELECT results_eq('users', ARRAY[14], 'a service''s sees all');
SELECT is(pg_temp.in_plpgsql(), 14, '... in a function, too');
SELECT is_empty('rows', '... and has no rows of its own');
SELECT jhub_authz.act_as(NULL) \g /dev/null
SELECT results_eq('users', ARRAY[0], 'nobody sees no users again');
SELECT results_eq('alone', 'VALUES (false, false)', '... holds nothing');
SELECT is_empty('rows', '... has no rows');
SELECT is(pg_temp.in_plpgsql(), 0, '... nor any in a function');
SELECT * FROM finish();
ROLLBACK;
