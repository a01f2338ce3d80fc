-- What the role of the hub's tables puts on them neither runs with more rights
-- than its own nor takes the server down.
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
RESET ROLE;
SET LOCAL client_min_messages = warning;
SELECT plan(17);
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'a hub of another owner');
INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, hashed, scopes) VALUES
    (901, 9, 'jupyterhub', '2024-03-01', 'h901', '["inherit"]'),
    (902, 10, 'jupyterhub', '2024-03-01', 'h902', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- a deferred trigger would run as the session's user at COMMIT
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
CREATE FUNCTION hub_test.spy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran as %', current_user; END $$;
CREATE CONSTRAINT TRIGGER spy AFTER INSERT OR UPDATE ON hub_test.api_tokens
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hub_test.spy();
RESET ROLE;
SELECT throws_ok($$ SELECT jhub_authz.revoke_token(901, 'test') $$, '42501',
    'cannot fire deferred trigger within security-restricted operation', 'a deferred trigger of the hub''s role is refused');
SELECT throws_ok($$ SELECT jhub_authz.issue_token('user', 'alice') $$, '42501',
    'cannot fire deferred trigger within security-restricted operation', '... when a token is issued, too');
ROLLBACK TO a;
SET LOCAL ROLE hub_test_owner;
CREATE FUNCTION hub_test.spy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hub_test.spied VALUES (current_user, session_user);
    PERFORM set_config('hub_test.left_behind', 'yes', false), set_config('work_mem', '65kB', false);
    BEGIN
        SET ROLE NONE;
    EXCEPTION WHEN insufficient_privilege OR active_sql_transaction THEN
        INSERT INTO hub_test.spied VALUES ('refused', SQLSTATE);
    END;
    RETURN NULL;
END $$;
CREATE TABLE hub_test.spied (who text, session text);
CREATE TRIGGER spy AFTER INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy();
RESET ROLE;
SELECT ok(jhub_authz.revoke_token(901, 'test'), 'a trigger that is not deferred does not disturb');
SELECT is((SELECT string_agg(DISTINCT who, ',' ORDER BY who) FROM hub_test.spied), 'hub_test_owner,refused', '... and runs as that role, which it cannot leave');
SELECT isnt(current_setting('work_mem'), '65kB', '... what it SETs is gone');
SELECT is(coalesce(current_setting('hub_test.left_behind', true), ''), '', '... wholly');
DROP TRIGGER spy ON hub_test.api_tokens;

-- names may be NULL, for the hub's columns let them
SAVEPOINT a;
UPDATE hub_test.users SET name = NULL WHERE id = 7;
UPDATE hub_test.spawners SET name = 'other' WHERE id = 6;
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'a server is renamed whose owner has no name');
ROLLBACK TO a;

-- columns of other types are read as what they should be
SAVEPOINT a;
SELECT jhub_authz.set_mode('off');
ALTER TABLE hub_test.api_tokens ALTER id TYPE smallint;
SELECT is(jhub_authz.revoke_all('user', 'bob', 'test'), 4, 'ids of another type: revoked');
SELECT is((SELECT string_agg(token_id::text, ',' ORDER BY event_id) FROM jhub_authz.token_events WHERE action = 'revoked' AND owner_name = 'bob'),
    '3,7,14,902', '... and told by their ids');
ROLLBACK TO a;

-- a decision that comes at once, and notes something itself, while the plan of
-- the note changes
SAVEPOINT a;
INSERT INTO hub_test.users (id, name, cookie_id) VALUES (15, 'new', 'c15');
INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, hashed, scopes) VALUES
    (903, 15, 'jupyterhub', '2024-03-01', 'h903', '["list:users"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok((SELECT baseline IS NULL FROM jhub_authz.token_baselines WHERE token_id = 903), 'a baseline waits');
CREATE FUNCTION pg_temp.disturb() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN GRANT SELECT ON jhub_authz.pending TO hub_test_owner; RETURN NEW; END $$;
CREATE TRIGGER aaa_disturb BEFORE UPDATE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.disturb();
ALTER FUNCTION pg_temp.disturb() SECURITY DEFINER;
SELECT lives_ok($$ INSERT INTO hub_test.user_role_map VALUES (15, 1, false) $$, 'narrowed by a decision within the statement');
SELECT is((SELECT scopes FROM hub_test.api_tokens WHERE id = 903), '["read:users:name!user=new"]', '... to what the owner holds');
ROLLBACK TO a;

-- row security of the hub's role, forced upon itself, hides no row from a decision
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE hub_test.api_tokens FORCE ROW LEVEL SECURITY;
ALTER TABLE hub_test.roles ENABLE ROW LEVEL SECURITY;
ALTER TABLE hub_test.roles FORCE ROW LEVEL SECURITY;
ALTER TABLE hub_test.user_role_map ENABLE ROW LEVEL SECURITY;
ALTER TABLE hub_test.user_role_map FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON hub_test.user_role_map FOR INSERT WITH CHECK (true);
INSERT INTO hub_test.user_role_map VALUES (9, 14, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT count(*)::int FROM hub_test.api_tokens), 0, 'the hub''s role has hidden all rows from itself');
RESET ROLE;
SELECT ok(expires_at < now(), '... and not from the decision') FROM hub_test.api_tokens WHERE id = 1;
ROLLBACK TO a;

-- detach leaves no setting behind
SAVEPOINT a;
SELECT jhub_authz.detach();
SELECT is(current_setting('lock_timeout'), '0', 'detach leaves lock_timeout as it was');
ROLLBACK TO a;
SELECT is(jhub_authz.set_mode('enforce'), 0::bigint, 'nobody is beyond a baseline');

SELECT * FROM finish();
ROLLBACK;
