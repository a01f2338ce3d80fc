-- A rule of the hub's role that was there for a while changes nothing once it has gone,
-- in a session that ran our statements under it.
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
SELECT plan(7);
SELECT jhub_authz.attach() \g /dev/null
CREATE TABLE elsewhere AS SELECT * FROM users;
SELECT set_config('test.cookies', string_agg(cookie_id, ',' ORDER BY id), true) FROM users \g /dev/null
CREATE FUNCTION pg_temp.same() RETURNS boolean LANGUAGE sql AS
    $$ SELECT string_agg(cookie_id, ',' ORDER BY id) = current_setting('test.cookies') FROM users $$;

-- before our statement has run at all
CREATE RULE aside AS ON UPDATE TO users DO INSTEAD NOTHING;
SELECT throws_ok($$ SELECT jhub_authz.revoke_all('user', 'alice', 'x', true) $$, '27000', 'browser login of user 9 could not be revoked', 'a rule keeps a login from ending');
SELECT ok(pg_temp.same(), '... so nothing is done');
DROP RULE aside ON users;
SELECT lives_ok($$ SELECT jhub_authz.revoke_all('user', 'alice', 'x', true) $$, '... until it has gone');
SELECT ok(NOT pg_temp.same(), '... then it has ended');

-- and after
CREATE RULE aside AS ON UPDATE TO users DO INSTEAD
    UPDATE elsewhere SET cookie_id = 'elsewhere' WHERE id = old.id;
DO $$ BEGIN PERFORM jhub_authz.revoke_all('user', 'bob', 'x', true); EXCEPTION WHEN OTHERS THEN NULL; END $$;
DROP RULE aside ON users;
TRUNCATE elsewhere;
INSERT INTO elsewhere SELECT * FROM users;
SELECT set_config('test.cookies', string_agg(cookie_id, ',' ORDER BY id), true) FROM users \g /dev/null
SELECT lives_ok($$ SELECT jhub_authz.revoke_all('user', 'bob', 'x', true) $$, 'so after one that leads to another table');
SELECT ok(NOT pg_temp.same(), '... the login has ended');
SELECT is((SELECT count(*)::int FROM elsewhere WHERE cookie_id = 'elsewhere'), 0, '... and nothing is written elsewhere');
SELECT * FROM finish();
ROLLBACK;
