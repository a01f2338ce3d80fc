-- Settings that anybody may SET, for a session, a role or a database, change neither
-- an answer nor what is decided.
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
SELECT plan(10);
-- a token that may see everything
UPDATE hub_test.api_tokens SET scopes = '["inherit"]' WHERE id = 4;
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE ROLE hub_test_auditor;
SELECT jhub_authz.grant_auditor('hub_test_auditor') \g /dev/null
-- with an identity, or api_* would show nothing
SELECT jhub_authz.act_as(md5('token4')) \g /dev/null
\if :{?few}
\set every 12
\else
\set every 1
\endif
CREATE TEMP TABLE plain AS SELECT * FROM pg_temp.answers('hub_test_auditor', every => :every);

-- all that can be set and could matter to how SQL is read, planned or printed
SELECT format('SET LOCAL %I = %L', name, value) FROM (VALUES
    ('standard_conforming_strings', 'off'), ('escape_string_warning', 'off'), ('backslash_quote', 'on'), ('transform_null_equals', 'on'), ('array_nulls', 'off'),
    ('row_security', 'off'), ('quote_all_identifiers', 'on'), ('check_function_bodies', 'off'), ('default_transaction_isolation', 'serializable'),
    ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'), ('enable_sort', 'off'), ('from_collapse_limit', '1'), ('join_collapse_limit', '1'), ('geqo', 'on'), ('geqo_threshold', '2'),
    ('plan_cache_mode', 'force_custom_plan'), ('work_mem', '64kB'), ('jit', 'off'), ('constraint_exclusion', 'on'), ('cursor_tuple_fraction', '0'), ('bytea_output', 'escape'), ('extra_float_digits', '-15'),
    ('default_table_access_method', 'heap'), ('application_name', E'\x1b[31m''"; DROP TABLE x; --')) AS s (name, value) \gexec
CREATE TEMP TABLE odd AS SELECT * FROM pg_temp.answers('hub_test_auditor', every => :every);
SELECT is_empty($$ SELECT o.object, o.state, o.answer, p.answer FROM odd o JOIN plain p USING (object)
    WHERE regexp_replace(o.answer, 'As of</dt><dd>[^<]*', '') IS DISTINCT FROM regexp_replace(p.answer, 'As of</dt><dd>[^<]*', '') OR o.state IS DISTINCT FROM p.state $$,
    'the answers are the same, but for the minute of a report');

-- and what is about times
SET LOCAL DateStyle = 'German, DMY';
SET LOCAL IntervalStyle = 'sql_standard';
SET LOCAL TimeZone = 'Pacific/Kiritimati';
SET LOCAL SESSION AUTHORIZATION hub_test_owner;
INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, hashed, prefix, scopes) VALUES (901, 9, 'jupyterhub', '2024-03-01', 'h901', 'h901', '["inherit"]'),
    (902, 9, 'jupyterhub', '2024-03-01', 'h902', 'h902', '["read:users!user=alice", "admin:users"]');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO hub_test.user_role_map VALUES (9, 2, false);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
RESET SESSION AUTHORIZATION;
SET LOCAL DateStyle = 'ISO';
SELECT ok((SELECT scopes !~ 'admin:users' AND scopes ~ 'read:users!user=alice' FROM hub_test.api_tokens WHERE id = 902), 'a token is narrowed');
SELECT ok((SELECT expires_at < now() AT TIME ZONE 'UTC' AND expires_at > now() AT TIME ZONE 'UTC' - interval '1 day' FROM hub_test.api_tokens WHERE id = 901), 'growth is revoked, in UTC');
SELECT ok((SELECT bool_and(created = '2024-03-01') FROM jhub_authz.token_baselines WHERE token_id > 900), 'the records know when the tokens were made');
SELECT is((SELECT application_name FROM jhub_authz.token_events WHERE token_id = 901 AND action = 'revoked'), current_setting('application_name'), 'who it was is kept as it was given');
SET LOCAL DateStyle = 'German, DMY';
SELECT ok(jhub_authz.revoke_token(5, 'test'), 'revoking works');
SELECT is((SELECT token_id IS NOT NULL FROM jhub_authz.issue_token('user', 'alice', '["read:users!user=alice"]', expires_in => '1 day')), true, '... and issuing');
SELECT is(jhub_authz.set_mode('enforce'), 0::bigint, 'nobody is beyond a baseline');
SELECT is_empty($$ SELECT * FROM jhub_authz.self_check() WHERE level = 'error' $$, 'all is well');
SELECT * FROM finish();
ROLLBACK;
