-- Names that look like SQL: of the hub's schema, of its role, of auditors.  They
-- are quoted wherever a statement is made of them.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT repeat('"', 30) || '; DROP TABLE users; --' AS hub, 'o''w"ner; ALTER ROLE x SUPERUSER; --' AS hub_owner, 'select "a" FROM' AS auditor \gset
CREATE ROLE :"hub_owner";
CREATE ROLE :"auditor";
CREATE ROLE "PUBLIC";
CREATE SCHEMA :"hub" AUTHORIZATION :"hub_owner";
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT plan(14);
SELECT is(jhub_authz.attach(:'hub'), '5.5', 'a schema and an owner with odd names');
SELECT is((SELECT hub_schema FROM jhub_authz.status), :'hub', 'the name is whole');
SELECT is_empty($$ SELECT * FROM jhub_authz.self_check() WHERE level = 'error' $$, 'all is well');
SELECT ok(has_table_privilege(:'hub_owner', 'jhub_authz.token_events', 'SELECT'), 'the owner got its rights');
SELECT ok(jhub_authz.revoke_token(3, 'x''; DROP TABLE y; --'), 'a token is revoked');
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE token_id = 3 AND action = 'revoked'), 'manual: x''; DROP TABLE y; --', '... for an odd reason');
SELECT ok(jhub_authz.user_scopes('o''brien') IS NOT NULL, 'a user with a quote');
SELECT ok(jhub_authz.user_scopes('x'' OR ''a'' = ''a') IS NULL, '... and one that is none');
SELECT jhub_authz.grant_auditor(format('%I', :'auditor')::regrole), jhub_authz.grant_operator('"PUBLIC"') \g /dev/null
SELECT ok(has_function_privilege(:'auditor', 'jhub_authz.user_scopes(text)', 'EXECUTE'), 'an auditor with an odd name');
SELECT ok(has_function_privilege('"PUBLIC"'::regrole, 'jhub_authz.revoke_token(integer, text)', 'EXECUTE'), 'an operator that is called PUBLIC');
SELECT ok(NOT has_function_privilege('public', 'jhub_authz.revoke_token(integer, text)', 'EXECUTE'), '... and PUBLIC is none for it');
SELECT jhub_authz.revoke_auditor(format('%I', :'auditor')::regrole), jhub_authz.revoke_operator('"PUBLIC"') \g /dev/null
SELECT ok(NOT has_function_privilege(:'auditor', 'jhub_authz.user_scopes(text)', 'EXECUTE'), 'taken back');
SELECT jhub_authz.detach() \g /dev/null
SELECT is_empty($$ SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid
    WHERE p.pronamespace = 'jhub_authz'::regnamespace AND c.relnamespace <> 'jhub_authz'::regnamespace $$, 'detach finds its triggers');
SELECT ok(NOT (SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname IN (:'hub_owner', :'auditor', 'PUBLIC')), 'nobody became more');
SELECT * FROM finish();
ROLLBACK;
