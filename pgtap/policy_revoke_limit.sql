-- No transaction revokes more tokens for growth than revoke_limit.
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
SELECT plan(24);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;
CREATE FUNCTION pg_temp.grow(who integer) RETURNS text LANGUAGE sql AS
    $$ SELECT format('INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (%s, 14, false)', who) $$;
CREATE FUNCTION pg_temp.do(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE what; END $$;
-- each of these has two tokens that inherit: 3, 4, 5, 6 and 7
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    SELECT 100 + i, 3 + i / 2, 'jupyterhub', '2024-05-01', 'zzzz', 'x' || i, '["inherit"]' FROM generate_series(0, 9) i;
SET CONSTRAINTS ALL IMMEDIATE;

SELECT is((SELECT value FROM jhub_authz.options WHERE name = 'revoke_limit'), '0', 'no limit by default');
SELECT throws_ok($$ SELECT jhub_authz.set_option('revoke_limit', '-1') $$, '22023', NULL, 'a limit that is none');
SELECT throws_ok($$ SELECT jhub_authz.set_option('revoke_limit', 'many') $$, '22023', NULL, '... nor this');

-- each SAVEPOINT stands for a transaction: what is rolled back is not counted
SAVEPOINT a;
SELECT jhub_authz.set_option('revoke_limit', '2') \g /dev/null
SELECT lives_ok(pg_temp.grow(3), 'as many as the limit');
SELECT ok(NOT pg_temp.live(100) AND NOT pg_temp.live(101), '... are revoked');
SELECT throws_ok(pg_temp.grow(4), '54000', 'too many tokens would be revoked in one transaction', 'a second decision of the transaction counts on');
SELECT ok(pg_temp.live(102) AND NOT EXISTS (SELECT FROM user_role_map WHERE user_id = 4 AND role_id = 14), '... and nothing of it is there');
SELECT throws_ok(pg_temp.grow(4), '54000', NULL, '... again');
ROLLBACK TO a;
SELECT jhub_authz.set_option('revoke_limit', '2') \g /dev/null
SELECT lives_ok(pg_temp.grow(4), 'what was rolled back is not counted');
ROLLBACK TO a;

SELECT jhub_authz.set_option('revoke_limit', '4') \g /dev/null
SAVEPOINT b;
SELECT pg_temp.do(pg_temp.grow(3)) \g /dev/null
SAVEPOINT c;
SELECT pg_temp.do(pg_temp.grow(4)) \g /dev/null
ROLLBACK TO c;
SAVEPOINT d;
SELECT pg_temp.do(pg_temp.grow(5)) \g /dev/null
RELEASE d;
RELEASE c;
SELECT throws_ok(pg_temp.grow(6), '54000', NULL, 'released savepoints are counted, also those within each other');
RELEASE b;
SELECT throws_ok(pg_temp.grow(6), '54000', NULL, '... up to the top');
SELECT is((SELECT count(*)::int FROM api_tokens WHERE id BETWEEN 100 AND 109 AND NOT pg_temp.live(id)), 4, '... and those rolled back are not');
ROLLBACK TO a;

SELECT jhub_authz.set_option('revoke_limit', '3') \g /dev/null
SELECT throws_ok($$ INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (3, 14, false), (4, 14, false) $$, '54000', NULL, 'one decision about several');
SET CONSTRAINTS ALL DEFERRED;
SELECT lives_ok(pg_temp.grow(3), 'deferred: a change');
SELECT lives_ok(pg_temp.grow(4), 'deferred: another');
SELECT throws_ok('SET CONSTRAINTS ALL IMMEDIATE', '54000', NULL, '... at the end of the transaction');
ROLLBACK TO a;

-- a preview is not limited, and is not counted
SET CONSTRAINTS ALL IMMEDIATE;
SELECT jhub_authz.set_option('revoke_limit', '2') \g /dev/null
SELECT is((SELECT count(*)::int FROM jhub_authz.preview('INSERT INTO user_role_map SELECT i, 14, false FROM generate_series(3, 7) i') WHERE action = 'revoked'), 10, 'preview shows them all');
SELECT lives_ok(pg_temp.grow(3), '... and is not counted');
SELECT throws_ok(pg_temp.grow(4), '54000', NULL, '... the rest is');
ROLLBACK TO a;

-- logged, ignored: nobody is revoked
SET CONSTRAINTS ALL IMMEDIATE;
SELECT jhub_authz.set_option('revoke_limit', '1'), jhub_authz.set_policy('user', on_growth => 'log') \g /dev/null
SELECT lives_ok(pg_temp.grow(3), 'what is only logged is not counted');
ROLLBACK TO a;

SET CONSTRAINTS ALL IMMEDIATE;
SELECT jhub_authz.set_mode('off') \g /dev/null
SELECT pg_temp.do(pg_temp.grow(3)) \g /dev/null
SELECT jhub_authz.set_option('revoke_limit', '1') \g /dev/null
SELECT throws_ok($$ SELECT jhub_authz.set_mode('enforce') $$, '54000', NULL, 'going to enforce is limited too');
SELECT is(jhub_authz.set_mode('observe'), 2::bigint, '... observe revokes nobody');
SELECT is(jhub_authz.revoke_all('user', 'bang!user', 'leaves'), 2, 'the kill switch is not limited');
ROLLBACK TO a;

SET CONSTRAINTS ALL IMMEDIATE;
SELECT jhub_authz.set_option('revoke_limit', '1'), jhub_authz.set_option('revoke_limit', NULL) \g /dev/null
SELECT lives_ok($$ INSERT INTO user_role_map (user_id, role_id, managed_by_auth) SELECT i, 14, false FROM generate_series(3, 7) i $$, 'without a limit');

SELECT * FROM finish();
ROLLBACK;
