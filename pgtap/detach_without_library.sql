-- detach works when the shared library is gone.
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
SELECT plan(6);

SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
-- every C function of ours points to a library that there is not
UPDATE pg_proc SET probin = '$libdir/jhub_authz_is_gone' WHERE pronamespace = 'jhub_authz'::regnamespace AND probin IS NOT NULL;
SELECT throws_ok($$ SELECT jhub_authz.user_scopes('alice') $$, '58P01', NULL, 'the library is gone');
SELECT throws_ok($$ UPDATE roles SET scopes = '["self", "list:groups"]' WHERE name = 'user' $$, '58P01', NULL, 'the hub cannot write');
SELECT lives_ok($$ SELECT jhub_authz.detach() $$, 'detach works all the same');
SELECT is((SELECT count(*)::int FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE p.pronamespace = 'jhub_authz'::regnamespace
              AND t.tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)), 0, 'no trigger is left');
SELECT lives_ok($$ UPDATE roles SET scopes = '["self", "list:groups"]' WHERE name = 'user' $$, 'the hub can write again');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines), 14, 'records stay');

SELECT * FROM finish();
ROLLBACK;
