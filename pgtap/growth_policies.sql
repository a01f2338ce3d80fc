-- Policies say what becomes of a class of tokens.
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
SELECT plan(20);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;
SET CONSTRAINTS ALL IMMEDIATE;

SELECT results_eq('SELECT target, on_growth, inherit, on_share FROM jhub_authz.token_policies ORDER BY target',
    $$ VALUES ('oauth', 'revoke', 'guard', 'follow'), ('server', 'revoke', 'guard', 'follow'),
              ('service', 'revoke', 'follow', 'follow'), ('user', 'revoke', 'guard', 'follow') $$,
    'the defaults are in the code, and no row is stored');
SELECT is((SELECT count(*)::int FROM jhub_authz.policy_values), 0, '... really');

SAVEPOINT a;
SELECT jhub_authz.set_policy('user', on_growth => 'log') \g /dev/null
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE action = 'policy'), 'policy: user on_growth=log', 'a policy is an event');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false);
SELECT ok(pg_temp.live(1), 'log leaves the token');
SELECT is(pg_temp.events(1, 'would_revoke'), 1, '... and logs');
SELECT is(jhub_authz.set_mode('enforce'), 1::bigint, '... it counts as beyond its baseline');
SELECT is(pg_temp.events(1, 'would_revoke'), 1, '... and is logged once');
SELECT is(jhub_authz.rebase(1, 'agreed'), true, 'rebase accepts the growth');
SELECT is(jhub_authz.set_mode('enforce'), 0::bigint, '... then it is within its baseline');
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE token_id = 1 ORDER BY event_id DESC LIMIT 1), 'rebase: agreed', '... the event says why');
SELECT is(jhub_authz.rebase(4711, 'none'), false, 'no such token');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_policy('user', on_growth => 'ignore') \g /dev/null
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false);
SELECT ok(pg_temp.live(1) AND pg_temp.events(1, 'would_revoke') = 0, 'ignore says nothing');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_policy('user', inherit => 'follow') \g /dev/null
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false);
SELECT ok(pg_temp.live(1), 'inherit follow: growth through it does not count');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_policy('service', inherit => 'guard') \g /dev/null
INSERT INTO service_role_map (service_id, role_id, managed_by_auth) VALUES (2, 2, false);
SELECT ok(NOT pg_temp.live(8), 'a service can be guarded');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_policy('user', inherit => 'fix') \g /dev/null
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]');
SELECT is((SELECT scopes::jhub_authz.scopeset FROM api_tokens WHERE id = 100),
          '["access:servers!server=alice/", "access:servers!user=bob", "self", "servers!server=bob/"]'::jhub_authz.scopeset,
          'fix replaces inherit by the raw scopes held');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (10, 14, false);
SELECT ok(pg_temp.live(100), '... so that the token does not grow');
ROLLBACK TO a;

SELECT throws_ok($$ SELECT jhub_authz.set_policy('users', on_growth => 'log') $$, '22023', NULL, 'a class that is none');
SELECT throws_ok($$ SELECT jhub_authz.set_policy('user', on_growth => 'nothing') $$, '22023', NULL, 'a word that is none');
SELECT throws_ok($$ SELECT jhub_authz.set_option('undefined', 'x') $$, '22023', NULL, 'an option that is none');
SELECT throws_ok($$ SELECT jhub_authz.set_option('lock_timeout', 'soon') $$, '22023', NULL, 'a value that is none');

SELECT * FROM finish();
ROLLBACK;
