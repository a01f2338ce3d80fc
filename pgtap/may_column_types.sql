-- The hub's role can give a column another type.  What it holds is then read by
-- what it says, or is an error; memory is never taken for a number.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
CREATE SCHEMA hub_test AUTHORIZATION hub_test_owner;
\set hub hub_test
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT plan(17);
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE TEMP TABLE plain AS SELECT * FROM jhub_authz.all_token_scopes();
CREATE TEMP TABLE seen AS SELECT v FROM jhub_authz.visible_users('["list:users"]') v;

-- text in place of numbers and times
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ALTER created TYPE text, ALTER expires_at TYPE varchar;
RESET ROLE;
SELECT throws_ok($$ SELECT jhub_authz.revoke_token(3, 'test') $$, '42883', NULL, 'times as text cannot be compared');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ALTER created TYPE text;
RESET ROLE;
SELECT is_empty($$ SELECT * FROM jhub_authz.self_check() WHERE check_name = 'baseline' $$, 'when tokens were made is read from text');
UPDATE hub_test.api_tokens SET created = '2025-01-01 00:00:00' WHERE id = 2;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT created FROM jhub_authz.token_baselines WHERE token_id = 2), '2025-01-01', '... and followed');
SELECT throws_ok($$ UPDATE hub_test.api_tokens SET created = 'never' WHERE id = 2 $$, '22007', NULL, '... and an error where it is no time');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.user_role_map DROP CONSTRAINT fk_user_role_map_role_id_roles, ALTER role_id TYPE text, ALTER managed_by_auth DROP NOT NULL;
RESET ROLE;
SELECT throws_ok($$ INSERT INTO hub_test.user_role_map VALUES (14, 'many', false) $$, '22P02', NULL, 'what is no number is none');
SELECT results_eq('SELECT * FROM jhub_authz.all_token_scopes() ORDER BY 1', 'SELECT * FROM plain ORDER BY 1', '... what is one is read as that');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.users ALTER id TYPE bigint;
ALTER TABLE hub_test.api_tokens ALTER user_id TYPE bigint;
RESET ROLE;
SELECT results_eq('SELECT * FROM jhub_authz.all_token_scopes() ORDER BY 1', 'SELECT * FROM plain ORDER BY 1', 'other numbers are numbers');
SELECT results_eq($$ SELECT v FROM jhub_authz.visible_users('["list:users"]') v ORDER BY 1 $$, 'SELECT v FROM seen ORDER BY 1', '... also where ids come out');
SELECT throws_ok($$ INSERT INTO hub_test.users (id, name, cookie_id) VALUES (5000000000, 'large', 'c') $$, '22003', NULL, '... and one that is too large is an error');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ALTER scopes TYPE bytea USING convert_to(scopes, 'UTF8'), ALTER note TYPE xml USING NULL, ALTER prefix TYPE integer[] USING NULL;
RESET ROLE;
SELECT throws_ok($$ INSERT INTO hub_test.api_tokens (user_id, client_id, created, hashed, scopes) VALUES (9, 'jupyterhub', '2024-03-01', 'h', '["self"]') $$, '42804', NULL, 'scopes of another type are refused');
SELECT isnt_empty($$ SELECT * FROM jhub_authz.self_check() WHERE check_name = 'stored_scopes' $$, '... and those that are there are findings');
ROLLBACK TO a;
CREATE TEMP TABLE users_seen AS SELECT * FROM jhub_authz._users_seen();
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.users ALTER created TYPE timetz USING '12:00+00', ALTER last_activity TYPE timetz USING '12:00+00';
RESET ROLE;
SELECT throws_ok('SELECT * FROM jhub_authz._users_seen()', '42804', NULL, 'a time of day is no moment: when users were seen');
SELECT throws_ok('SELECT * FROM jhub_authz._users_made(NULL)', '42804', NULL, '... and made');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.users ALTER created TYPE timestamptz USING created AT TIME ZONE 'UTC', ALTER last_activity TYPE timestamptz USING last_activity AT TIME ZONE 'UTC';
RESET ROLE;
SET LOCAL timezone = 'Asia/Tokyo';
SELECT set_eq('SELECT user_id, created, last_activity FROM jhub_authz._users_seen()', 'SELECT user_id, created, last_activity FROM users_seen', 'a moment is, with a time zone, too');
SELECT set_eq('SELECT * FROM jhub_authz._users_made(NULL)', 'SELECT name, created FROM users_seen', '... for all who ask');
ROLLBACK TO a;
SELECT is_empty($$ SELECT * FROM jhub_authz.self_check() WHERE level = 'error' $$, 'all is well');
SELECT * FROM finish();
ROLLBACK;
