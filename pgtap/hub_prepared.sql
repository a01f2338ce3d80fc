-- self_check names a prepared transaction that holds up changes of grants.
-- Not in one transaction: a prepared one is another.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
DROP SCHEMA IF EXISTS hub_prepared CASCADE;
\set hub hub_prepared
\ir ../testbed/hub_schema.sql
SET client_min_messages = warning;
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('hub_prepared', 'observe');

SELECT plan(4);
SELECT current_setting('max_prepared_transactions')::int = 0 AS cannot \gset
\if :cannot
SELECT skip('max_prepared_transactions is 0', 4);
\else
SELECT is_empty($$SELECT * FROM jhub_authz.self_check() WHERE check_name = 'prepared_transaction'$$, 'none at first');
BEGIN;
SELECT FROM hub_prepared.users \g /dev/null
PREPARE TRANSACTION 'jhub_authz test read';
SELECT is_empty($$SELECT * FROM jhub_authz.self_check() WHERE check_name = 'prepared_transaction'$$, 'one that only reads is none');
BEGIN;
DELETE FROM hub_prepared.user_role_map WHERE user_id = 1;
PREPARE TRANSACTION 'jhub_authz test write';
SELECT results_eq($$SELECT object, level FROM jhub_authz.self_check() WHERE check_name = 'prepared_transaction'$$,
                  $$VALUES ('jhub_authz test write'::text, 'warning'::text)$$, 'one that has written is named');
ROLLBACK PREPARED 'jhub_authz test read';
ROLLBACK PREPARED 'jhub_authz test write';
SELECT is_empty($$SELECT * FROM jhub_authz.self_check() WHERE check_name = 'prepared_transaction'$$, 'none at last');
\endif

SELECT * FROM finish();
DELETE FROM jhub_authz.attachment;
DROP SCHEMA hub_prepared CASCADE;
