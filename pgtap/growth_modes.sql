-- observe decides and logs, off stays out of the way, enforce judges everyone.
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
SELECT plan(23);
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;

SELECT is(jhub_authz.attach(mode => 'observe'), '5.5', 'attach tells the release');
SELECT is((SELECT mode FROM jhub_authz.status), 'observe', 'the mode is the one that was asked for');
SELECT is(jhub_authz.attach(), '5.5', 'attach is idempotent');
SELECT is((SELECT mode FROM jhub_authz.status), 'observe', '... and keeps the mode');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'adopted'), 14, '... and adopts once');
SET CONSTRAINTS ALL IMMEDIATE;

INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false);
SELECT ok(pg_temp.live(1), 'observe changes nothing');
SELECT is(pg_temp.events(1, 'would_revoke'), 1, '... and logs what it would do');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 1), '["inherit"]', '... the stored scopes stay');
UPDATE roles SET scopes = '["list:users", "read:users:activity", "read:servers", "delete:servers"]', description = 'again' WHERE id = 14;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 11, false);
SELECT is(pg_temp.events(1, 'would_revoke'), 1, '... once for the same gain');
UPDATE roles SET scopes = '["list:users", "list:services"]' WHERE id = 14;
SELECT is(pg_temp.events(1, 'would_revoke'), 2, '... and again for another');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["admin:users", "read:users!user=bob"]');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 100), '["admin:users", "read:users!user=bob"]', 'observe narrows nothing');
SELECT is(pg_temp.events(100, 'would_narrow'), 1, '... and logs it');

SELECT is(jhub_authz.set_mode('enforce'), 1::bigint, 'enforce tells how many are beyond their baseline');
SELECT ok(NOT pg_temp.live(1), '... and judges them by policy');
SELECT is(jhub_authz.set_mode('enforce'), 0::bigint, '... once');

SELECT is(jhub_authz.set_mode('off'), 0::bigint, 'off');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (6, 14, false);
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (101, 10, 'jupyterhub', '2024-05-01', 'yyyy', 'y', '["nonsense"]'),
           (102, 6, 'jupyterhub', '2024-05-01', 'yyyz', 'z', '["inherit"]');
SELECT is((SELECT count(*)::int FROM jhub_authz.pending), 0, '... notes nothing');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 101), '["nonsense"]', '... refuses nothing');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE token_id IN (101, 102)), 0, '... records nothing');
UPDATE roles SET scopes = '["inherit", "self", "list:services"]' WHERE id = 1;
SELECT cmp_ok(jhub_authz.set_mode('observe'), '>=', 0::bigint, 'back to observe');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE token_id IN (101, 102)), 2, '... what came meanwhile is adopted');
SELECT is(pg_temp.events(13, 'would_revoke'), 0, '... standing baselines are judged, and token 13 has fixed scopes');
SELECT throws_ok($$ SELECT jhub_authz.set_mode('maybe') $$, '22023', 'invalid mode "maybe"', 'a mode that is none');

SELECT * FROM finish();
ROLLBACK;
