-- A hub in a schema and of a role of its own: what that role may do, and what not.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE jhub_authz_test_hub;
CREATE ROLE jhub_authz_test_auditor;
CREATE ROLE jhub_authz_test_operator;
\set hub 'My "Hub'
\set hub_owner jhub_authz_test_hub
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
GRANT USAGE ON SCHEMA public TO PUBLIC;
SET LOCAL search_path = "My ""Hub", public;

SELECT plan(39 + cardinality(extconfig)) FROM pg_extension WHERE extname = 'jhub_authz';
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;

-- the role itself attaches, once it may
SET LOCAL ROLE jhub_authz_test_hub;
SELECT throws_ok($$ SELECT jhub_authz.attach('My "Hub') $$, '42501', NULL, 'attach has to be granted');
RESET ROLE;
GRANT EXECUTE ON FUNCTION jhub_authz.attach TO jhub_authz_test_hub;
SET LOCAL ROLE jhub_authz_test_hub;
SELECT is(jhub_authz.attach('My "Hub'), '5.5', 'the owner of the hub''s tables attaches');
RESET ROLE;
SELECT is((SELECT hub_schema FROM jhub_authz.status)::text, 'My "Hub', 'the schema is the one that was named');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines), 14, 'every live token has a baseline');

-- the hub's role works, decisions are made
SAVEPOINT a;
SET LOCAL ROLE jhub_authz_test_hub;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 5, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'what it grants is judged');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["proxy", "read:users!user=bob"]');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 100), '["read:users!user=bob"]', 'what it issues is narrowed');
SELECT is((SELECT role FROM jhub_authz.token_events WHERE token_id = 100 AND action = 'narrowed')::text, 'jhub_authz_test_hub', 'the events know its name');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'revoked' AND role = 'jhub_authz_test_hub'), 1, '... for a growth too');
ROLLBACK TO a;

-- it reads what its own pg_dump dumps, and writes nothing of ours
SET LOCAL ROLE jhub_authz_test_hub;
SELECT lives_ok(format('SELECT * FROM %s', t), 'the hub''s role reads ' || t)
  FROM (SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'jhub_authz') AS d (t);
SELECT throws_ok(statement, '42501', NULL, 'the hub''s role may not: ' || statement)
  FROM unnest(ARRAY['UPDATE jhub_authz.token_events SET reason = ''''', 'DELETE FROM jhub_authz.token_events', 'TRUNCATE jhub_authz.token_events',
                    'INSERT INTO jhub_authz.pending VALUES (''1'', 1, ''x'', 1, 1, NULL, ''x'', ''x'', ''x'')',
                    'SELECT * FROM jhub_authz.pending', 'UPDATE jhub_authz.attachment SET mode = ''off''',
                    'UPDATE jhub_authz.token_baselines SET baseline = NULL', 'INSERT INTO jhub_authz.policy_values VALUES (''user'', ''ignore'')',
                    'INSERT INTO jhub_authz.custom_scopes VALUES (''custom:a:b'', '''', ''{}'')',
                    'SELECT jhub_authz.set_mode(''off'')', 'SELECT jhub_authz.set_policy(''user'', ''ignore'')',
                    'SELECT jhub_authz.set_option(''lock_timeout'', ''0'')', 'SELECT jhub_authz.rebase(1, '''')',
                    'SELECT jhub_authz.define_scopes(''{}'')', 'SELECT jhub_authz.detach()', 'SELECT jhub_authz.use_hub_release(''2.0'')',
                    'SELECT jhub_authz.grant_operator(''jhub_authz_test_hub'')', 'SELECT jhub_authz.user_scopes(''alice'')']) statement;
RESET ROLE;

-- a trigger of its own on its tables runs with its rights, not with ours
CREATE TABLE public.seen (who name);
GRANT INSERT ON public.seen TO PUBLIC;
SET LOCAL ROLE jhub_authz_test_hub;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (current_user); RETURN NEW; END $$;
CREATE TRIGGER zz_spy BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION spy();
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 5, false);
RESET ROLE;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'a trigger of the hub''s role does not stop a revocation');
SELECT results_eq('SELECT DISTINCT who FROM public.seen', ARRAY['jhub_authz_test_hub'::name], '... and runs with that role''s rights');

-- a role that is gone before its transaction ends
SET CONSTRAINTS ALL DEFERRED;
CREATE ROLE jhub_authz_test_passing IN ROLE jhub_authz_test_hub;
SET LOCAL ROLE jhub_authz_test_passing;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (10, 5, false);
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (102, 10, 'jupyterhub', '2024-05-01', 'zzzx', 'y', '["inherit"]');
RESET ROLE;
DROP ROLE jhub_authz_test_passing;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT role FROM jhub_authz.token_events WHERE token_id = 102 AND action = 'issued')::text, 'jhub_authz_test_passing', 'a role that was dropped is still named');

-- an auditor reads, an operator acts
SELECT jhub_authz.grant_auditor('jhub_authz_test_auditor') \g /dev/null
SELECT jhub_authz.grant_auditor('jhub_authz_test_operator') \g /dev/null
SELECT jhub_authz.grant_operator('jhub_authz_test_operator') \g /dev/null
SET LOCAL ROLE jhub_authz_test_auditor;
SELECT ok(jhub_authz.user_scopes('alice') IS NOT NULL, 'an auditor reads without rights on the hub''s tables');
SELECT lives_ok('SELECT count(*) FROM jhub_authz.all_token_scopes()', '... everybody''s scopes');
SELECT lives_ok('SELECT count(*) FROM jhub_authz.token_events', '... the events');
SELECT lives_ok('SELECT count(*) FROM jhub_authz.self_check()', '... what is wrong');
SELECT throws_ok('SELECT * FROM "My ""Hub".api_tokens', '42501', NULL, '... and no hash');
SELECT throws_ok('SELECT jhub_authz.revoke_token(2, ''x'')', '42501', NULL, '... and may not act');
SELECT throws_ok('SELECT jhub_authz.authenticate(''x'')', '42501', NULL, '... nor try tokens');
RESET ROLE;
SET LOCAL ROLE jhub_authz_test_operator;
SELECT lives_ok('SELECT * FROM jhub_authz.issue_token(''user'', ''alice'')', 'an operator issues');
SELECT is(jhub_authz.revoke_token(2, 'test'), true, '... and revokes');
RESET ROLE;
SELECT jhub_authz.revoke_operator('jhub_authz_test_operator') \g /dev/null
SET LOCAL ROLE jhub_authz_test_operator;
SELECT throws_ok('SELECT * FROM jhub_authz.issue_token(''user'', ''alice'')', '42501', NULL, '... until it is taken away');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
