-- attach and detach: what they accept, what they leave.
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
SELECT plan(31);
CREATE FUNCTION pg_temp.triggers() RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE p.pronamespace = 'jhub_authz'::regnamespace
          AND t.tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) $$;

SELECT throws_ok($$ SELECT jhub_authz.attach('nowhere') $$, '3F000', NULL, 'a schema that is not there');
CREATE SCHEMA nothing;
SELECT throws_ok($$ SELECT jhub_authz.attach('nothing') $$, '42P01', NULL, 'a schema without a hub');
SELECT throws_ok($$ SELECT jhub_authz.attach(mode => 'maybe') $$, '22023', NULL, 'a mode that is none');

SAVEPOINT a;
ALTER TABLE shares RENAME TO shares_table;
CREATE VIEW shares AS SELECT * FROM shares_table;
SELECT throws_ok($$ SELECT jhub_authz.attach() $$, '42809', NULL, 'a view in place of a table');
ROLLBACK TO a;

SAVEPOINT a;
CREATE ROLE hub_test_other;
ALTER TABLE shares OWNER TO hub_test_other;
SELECT throws_ok($$ SELECT jhub_authz.attach() $$, '42809', NULL, 'a table of another owner');
ROLLBACK TO a;

SAVEPOINT a;
CREATE ROLE hub_test_other;
GRANT EXECUTE ON FUNCTION jhub_authz.attach TO hub_test_other;
SET LOCAL ROLE hub_test_other;
SELECT throws_ok($$ SELECT jhub_authz.attach() $$, '42501', NULL, 'another role than the owner');
ROLLBACK TO a;

SAVEPOINT a;
CREATE ROLE hub_test_other;
SET LOCAL ROLE hub_test_other;
SELECT throws_ok($$ SELECT jhub_authz.attach() $$, '42501', NULL, 'attach is not PUBLIC''s');
SELECT throws_ok($$ SELECT jhub_authz.set_mode('off') $$, '42501', NULL, '... nor is set_mode');
SELECT throws_ok($$ SELECT jhub_authz.user_scopes('alice') $$, '42501', NULL, '... nor reading');
SELECT throws_ok($$ SELECT * FROM jhub_authz.token_events $$, '42501', NULL, '... nor the events');
ROLLBACK TO a;

SELECT is(pg_temp.triggers(), 0, 'nothing before');
SELECT is(jhub_authz.attach(), '5.5', 'attach tells the release');
SELECT is(pg_temp.triggers(), 41, 'triggers on the hub''s tables');
SELECT is(jhub_authz.attach(), '5.5', 'attach again');
SELECT is(pg_temp.triggers(), 41, '... makes no second');
CREATE SCHEMA hub2;
SELECT is_empty($$ SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                    WHERE p.pronamespace = 'jhub_authz'::regnamespace AND t.tgrelid::regclass::text !~ 'jhub_authz'
                      AND (t.tgqual IS NOT NULL OR t.tgattr <> '' OR t.tgdeferrable) $$,
                'no column list, no WHEN, no deferred trigger on a hub table');
SELECT is_empty($$ SELECT FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_class'::regclass
                    WHERE c.relnamespace = 'public'::regnamespace AND d.classid = 'pg_rewrite'::regclass
                      AND c.relname NOT IN ('pg_all_foreign_keys', 'tap_funky') $$,
                'no view of ours rests on a hub table');

-- a hub of its own role, in a schema of its own
SAVEPOINT a;
SELECT jhub_authz.detach() \g /dev/null
SELECT is(pg_temp.triggers(), 0, 'detach takes the triggers off');
SELECT is((SELECT hub_schema FROM jhub_authz.status), NULL, '... and says so');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines), 14, '... records stay');
SELECT throws_ok($$ SELECT jhub_authz.user_scopes('alice') $$, '55000', NULL, '... there is no hub to read');
SELECT is(jhub_authz.attach(), '5.5', 'attach after detach');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'adopted'), 14, '... launders nothing');
ROLLBACK TO a;

-- a table that appears later
SAVEPOINT a;
SELECT jhub_authz.detach() \g /dev/null
ALTER TABLE shares RENAME TO shares_away;
SELECT is(jhub_authz.attach(), '5.5', 'attach without shares');
SELECT is(pg_temp.triggers(), 38, '... does without');
SELECT is(jhub_authz.user_scopes('lonely')::text, '[]', '... and nobody has one');
ALTER TABLE shares_away RENAME TO shares;
SELECT isnt_empty($$ SELECT FROM jhub_authz.self_check() WHERE object ~ 'shares' $$, 'self_check tells when the table is there');
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE users SET name = 'lonelier' WHERE name = 'lonely';
SELECT is(pg_temp.triggers(), 41, 'the next decision puts the triggers on it');
ROLLBACK TO a;

-- one hub at a time
CREATE SCHEMA second;
SAVEPOINT a;
ALTER TABLE shares SET SCHEMA second;
ALTER TABLE users SET SCHEMA second;
SELECT is(jhub_authz.user_scopes('alice'), NULL, 'a hub table that is moved away is missing')
    WHERE false;
ROLLBACK TO a;

-- what is not the attached hub's is left alone
SELECT throws_ok($$ CREATE TRIGGER x BEFORE INSERT ON pg_temp.nothing FOR EACH ROW EXECUTE FUNCTION jhub_authz.narrow_token() $$,
                 '42P01', NULL, 'no table');
CREATE TEMP TABLE mine (id integer, scopes text);
CREATE TRIGGER x BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION jhub_authz.narrow_token();
SELECT throws_ok($$ INSERT INTO mine VALUES (1, '[]') $$, '39P01', NULL, 'narrow_token refuses a table that is not the hub''s');

SELECT is_empty($$ SELECT * FROM jhub_authz.self_check() WHERE level = 'error' $$, 'all is well');
SELECT * FROM finish();
ROLLBACK;
