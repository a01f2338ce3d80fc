-- A preview answers what the same change does when it is made.
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
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- what a change does, made for real, as preview would say it
CREATE FUNCTION pg_temp.made(change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    last bigint := (SELECT max(event_id) FROM jhub_authz.token_events);
    answer text[];
BEGIN
    BEGIN
        EXECUTE change;
        SET CONSTRAINTS ALL IMMEDIATE;
        SELECT array_agg(concat_ws('|', token_id, owner_kind, owner_name, action, gained, reason) ORDER BY event_id)
          INTO answer FROM jhub_authz.token_events WHERE event_id > last AND token_id IS NOT NULL;
        RAISE EXCEPTION USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        NULL;
    END;
    RETURN QUERY SELECT unnest(answer);
END $$;
CREATE FUNCTION pg_temp.previewed(change text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws('|', token_id, owner_kind, owner_name, action, gained, reason) FROM jhub_authz.preview(change)
$$;
CREATE TEMPORARY TABLE changes (what text, change text);
INSERT INTO changes VALUES
    ('a role for one', 'INSERT INTO user_role_map VALUES (9, 14, false)'),
    ('a role for all', 'INSERT INTO user_role_map SELECT id, 2, false FROM users WHERE id > 1'),
    ('a role with more', 'UPDATE roles SET scopes = ''["self", "read:hub"]'' WHERE id = 1'),
    ('a group with a role', 'INSERT INTO group_role_map VALUES (1, 2, false)'),
    ('somebody leaves a group', 'DELETE FROM user_group_map WHERE user_id = 10 AND group_id = 1'),
    ('a share', 'INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES (1, 5, 9, now(), ''["access:servers!server=admin/"]'')'),
    ('a user renamed', 'UPDATE users SET name = ''alicia'' WHERE id = 9'),
    ('a token with too much', 'INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 9, ''jupyterhub'', now(), ''x'', ''x'', ''["self", "admin:users"]'')'),
    ('the kill switch', 'SELECT jhub_authz.revoke_all(''user'', ''alice'', ''x'')'),
    ('what nobody grows by', 'DELETE FROM user_role_map WHERE user_id = 9'),
    ('rows and none', 'SELECT * FROM users; INSERT INTO user_role_map VALUES (10, 14, false); SELECT count(*) FROM roles');
SELECT plan((SELECT count(*)::int FROM changes) + 17);
SELECT is((SELECT array_agg(p ORDER BY p) FROM pg_temp.previewed(change) p),
          (SELECT array_agg(m ORDER BY m) FROM pg_temp.made(change) m), what) FROM changes;

SELECT results_eq($$ SELECT token_id, owner_kind, owner_name, action, gained::text, reason FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false)') $$,
                  $$ VALUES (1, 'user', 'alice', 'revoked', '["delete:servers", "read:servers", "read:users:activity"]', 'growth: user_role: culler') $$,
                  'which token, whose, what and why');
SELECT is_empty($$ SELECT * FROM jhub_authz.preview('DELETE FROM user_role_map WHERE user_id = 9') $$, 'nothing, where nothing happens');
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (8, 14, false)') UNION ALL
                     SELECT token_id, action FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false)') $$,
                  $$ VALUES (1, 'revoked') $$, 'two of them in one statement know nothing of each other');
CREATE FUNCTION pg_temp.within() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('b.found', (SELECT string_agg(token_id || action, ' ') FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (10, 2, false)') WHERE token_id = 3), true);
    RETURN NULL;
END $$;
CREATE TABLE other (a integer);
CREATE TRIGGER within AFTER INSERT ON other FOR EACH ROW EXECUTE FUNCTION pg_temp.within();
INSERT INTO other VALUES (1);
SELECT is(current_setting('b.found'), '3revoked', 'in a trigger');
SELECT ok(EXISTS (SELECT FROM other), '... whose statement stands');

-- modes
SAVEPOINT a;
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false)') $$,
                  $$ VALUES (1, 'would_revoke') $$, 'while the mode is observe: what would be done');
INSERT INTO user_role_map VALUES (9, 14, false);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'would_revoke'), 1, '... it happens, and is logged');
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('DELETE FROM user_role_map WHERE user_id = 9 AND role_id = 14; INSERT INTO user_role_map VALUES (9, 14, false)') $$,
                  $$ VALUES (1, 'would_revoke') $$, '... once; but whoever asks is told again');
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('SELECT jhub_authz.set_mode(''enforce'')') $$,
                  $$ VALUES (1, 'revoked') $$, 'what would be done by switching on');
ROLLBACK TO a;
SAVEPOINT a;
SELECT jhub_authz.set_mode('off') \g /dev/null
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false)') $$, '55000', 'no hub is attached, or the mode is off', 'while the mode is off nothing is decided');
INSERT INTO user_role_map VALUES (9, 14, false);
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('SELECT jhub_authz.set_mode(''enforce'')') $$,
                  $$ VALUES (1, 'revoked') $$, '... but by switching it on');
ROLLBACK TO a;
SAVEPOINT a;
SELECT jhub_authz.detach() \g /dev/null
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false)') $$, '55000', NULL, 'nor without a hub');
SELECT lives_ok($$ SELECT * FROM jhub_authz.preview('SELECT jhub_authz.attach()') $$, '... but by attaching it');
ROLLBACK TO a;

-- with whose rights
SAVEPOINT a;
CREATE ROLE b_operator;
SELECT jhub_authz.grant_operator('b_operator') \g /dev/null
GRANT USAGE ON SCHEMA jhub_authz TO b_operator;
SELECT ok(NOT has_function_privilege('public', 'jhub_authz.preview(text)', 'execute'), 'not everybody may');
SET ROLE b_operator;
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false)') $$, '42501', NULL, 'the change is made with the rights of the caller');
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('SELECT jhub_authz.revoke_token(2, ''x'')') $$,
                  $$ VALUES (2, 'revoked') $$, '... who may do what an operator may');
RESET ROLE;
ROLLBACK TO a;
SET TRANSACTION READ ONLY;
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('SELECT 1') $$, '25006', 'cannot execute preview() in a read-only transaction', 'nor in a read-only transaction');

SELECT * FROM finish();
ROLLBACK;
