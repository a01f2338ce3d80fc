-- The role that owns the hub's tables: what attach gives it on ours, and nothing
-- more; the event log is out of its reach.
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
\ir ../testbed/may.sql
SELECT plan(62);

-- before attach: what PUBLIC has
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
    AND has_function_privilege('hub_test_owner', p.oid, 'EXECUTE') AND NOT has_function_privilege('public', p.oid, 'EXECUTE') $$, 'nothing before attach');
SELECT is_empty($$ SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v')
    AND has_table_privilege('hub_test_owner', c.oid, 'SELECT, INSERT, UPDATE, DELETE') AND NOT has_table_privilege('public', c.oid, 'SELECT') $$, '... no table');
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
SELECT is(pg_temp.tried('hub_test_owner', 'INSERT INTO hub_test.user_role_map VALUES (14, 1, false)'), 'done', 'the hub works');

-- after it: the trigger functions, which a restore of its dump needs, and reading
-- what that dump holds
SELECT results_eq($$
    SELECT p.proname::text COLLATE "C" FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
       AND has_function_privilege('hub_test_owner', p.oid, 'EXECUTE') AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
       AND p.prorettype <> 'trigger'::regtype ORDER BY 1 $$, ARRAY[]::text[] COLLATE "C", 'no function that it could call');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_trigger t ON t.tgfoid = p.oid
      JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = 'jhub_authz'::regnamespace
     WHERE p.pronamespace = 'jhub_authz'::regnamespace AND has_function_privilege('hub_test_owner', p.oid, 'EXECUTE') $$,
    '... no trigger function of our own tables');
SELECT is_empty($$
    SELECT c.oid::regclass, p.privilege FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v', 'p')
       AND (has_table_privilege('hub_test_owner', c.oid, p.privilege)
            OR p.privilege NOT IN ('DELETE', 'TRUNCATE', 'TRIGGER') AND has_any_column_privilege('hub_test_owner', c.oid, p.privilege)) $$,
    'no table of ours to write, to refer to or to put a trigger on');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('hub_test_owner', c.oid, 'USAGE, UPDATE') END $$, 'no sequence to move');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'p')
       AND has_table_privilege('hub_test_owner', c.oid, 'SELECT') AND c.oid <> ALL (SELECT unnest(extconfig) FROM pg_extension WHERE extname = 'jhub_authz') $$,
    'what it reads is what its dump holds');
SELECT is_empty($$
    SELECT a.attrelid::regclass, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND a.attacl IS NOT NULL $$, 'no right on a column');

CREATE TEMP TABLE attempts (id serial, what text, state text DEFAULT '42501');
INSERT INTO attempts (what) VALUES
    -- the log
    ('UPDATE jhub_authz.token_events SET reason = reason'),
    ('DELETE FROM jhub_authz.token_events'),
    ('TRUNCATE jhub_authz.token_events'),
    ('INSERT INTO jhub_authz.token_events (actor, role, application_name, action, reason) VALUES (''a'', ''b'', ''c'', ''issued'', ''x'')'),
    ('MERGE INTO jhub_authz.token_events e USING (VALUES (1)) v (i) ON true WHEN MATCHED THEN DELETE'),
    ('SELECT 1 FROM jhub_authz.token_events FOR UPDATE'),
    ('SELECT 1 FROM jhub_authz.token_events FOR KEY SHARE'),
    ('DROP TABLE jhub_authz.token_events'),
    ('ALTER TABLE jhub_authz.token_events RENAME TO x'),
    ('ALTER TABLE jhub_authz.token_events SET SCHEMA hub_test'),
    ('ALTER TABLE jhub_authz.token_events DISABLE TRIGGER ALL'),
    ('ALTER TABLE jhub_authz.token_events ENABLE ROW LEVEL SECURITY'),
    ('ALTER TABLE jhub_authz.token_events OWNER TO hub_test_owner'),
    ('ALTER TABLE jhub_authz.token_events SET (autovacuum_enabled = off)'),
    ('ALTER TABLE jhub_authz.token_events SET UNLOGGED'),
    ('CREATE TABLE hub_test.child () INHERITS (jhub_authz.token_events)'),
    ('CREATE TABLE hub_test.child (LIKE jhub_authz.token_events); ALTER TABLE hub_test.child INHERIT jhub_authz.token_events'),
    ('CREATE RULE r AS ON INSERT TO jhub_authz.token_events DO INSTEAD NOTHING'),
    ('CREATE RULE "_RETURN" AS ON SELECT TO jhub_authz.token_events DO INSTEAD SELECT 1'),
    ('CREATE TRIGGER t BEFORE INSERT ON jhub_authz.token_events FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()'),
    ('CREATE POLICY p ON jhub_authz.token_events USING (false)'),
    ('CREATE INDEX ON jhub_authz.token_events (reason)'),
    ('CREATE STATISTICS hub_test.s ON token_id, action FROM jhub_authz.token_events'),
    ('CREATE TABLE hub_test.r (id bigint REFERENCES jhub_authz.token_events (event_id))'),
    ('COMMENT ON TABLE jhub_authz.token_events IS NULL'),
    ('REINDEX TABLE jhub_authz.token_events'),
    ('LOCK TABLE jhub_authz.token_events IN ROW SHARE MODE'),
    ('LOCK TABLE jhub_authz.token_events IN ACCESS EXCLUSIVE MODE'),
    ('SELECT setval(''jhub_authz.token_events_event_id_seq'', 1)'),
    ('SELECT nextval(''jhub_authz.token_events_event_id_seq'')'),
    ('ALTER SEQUENCE jhub_authz.token_events_event_id_seq RESTART'),
    -- the records that decisions rest on
    ('INSERT INTO jhub_authz.pending VALUES (pg_current_xact_id(), 0, ''gone'', 1, 0, NULL, ''a'', ''b'', ''c'')'),
    ('SELECT 1 FROM jhub_authz.pending'),
    ('UPDATE jhub_authz.token_baselines SET baseline = ''["admin:users"]'''),
    ('INSERT INTO jhub_authz.policy_values (target, on_growth) VALUES (''user'', ''ignore'')'),
    ('INSERT INTO jhub_authz.option_values VALUES (''undefined_scopes'', ''log'')'),
    ('UPDATE jhub_authz.attachment SET mode = ''off'''),
    ('LOCK TABLE jhub_authz.pending IN ACCESS SHARE MODE'),
    -- what is ours
    ('SELECT jhub_authz.set_mode(''off'')'),
    ('SELECT jhub_authz.detach()'),
    ('SELECT jhub_authz._decide()'),
    ('DROP FUNCTION jhub_authz.narrow_token() CASCADE'),
    ('ALTER FUNCTION jhub_authz.note_change() COST 1'),
    ('CREATE FUNCTION jhub_authz.reduce(text) RETURNS text LANGUAGE sql RETURN $1'),
    ('ALTER EXTENSION jhub_authz DROP TABLE jhub_authz.token_events'),
    ('DROP EXTENSION jhub_authz CASCADE'),
    ('SET session_replication_role = replica');
INSERT INTO attempts (what, state) VALUES
    ('CREATE TRIGGER t AFTER INSERT ON hub_test.groups FOR EACH ROW EXECUTE FUNCTION jhub_authz._decide()', '42501'),
    ('CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION jhub_authz.note_change()', '42501');
SELECT is(pg_temp.tried('hub_test_owner', what), state, what) FROM attempts ORDER BY id;
-- not a word of it was done
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'adopted'), 14, 'the log is as it was');
SELECT is((SELECT count(*)::int FROM attempts), 49, 'all were tried');
SELECT is((SELECT count(*)::int FROM jhub_authz.pending), 0, 'nothing pending was forged');

SELECT * FROM finish();
ROLLBACK;
