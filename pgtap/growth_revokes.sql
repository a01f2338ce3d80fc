-- A token that can do more than at its issue is revoked, whatever way the growth came.
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
SELECT plan(35);
SELECT jhub_authz.attach() \g /dev/null

-- what became of a token
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.last_event(token integer) RETURNS jhub_authz.token_events LANGUAGE sql AS
    $$ SELECT e FROM jhub_authz.token_events e WHERE token_id = token ORDER BY event_id DESC LIMIT 1 $$;

SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines), 14, 'attach gives every live token a baseline');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'adopted'), 14, '... and says so');
SELECT is((SELECT count(*)::int FROM api_tokens WHERE expires_at < now()), 1, '... and revokes nobody');

-- a role granted to the owner
SAVEPOINT a;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 5, false);
SELECT ok(pg_temp.live(1), 'nothing is decided in the middle of a transaction');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'an inherit token is revoked when its owner is granted a role');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 1), '[]', '... and its stored scopes are blanked');
SELECT ok((SELECT expires_at < now() AT TIME ZONE 'UTC' - interval '1 hour' FROM api_tokens WHERE id = 1),
          '... with a margin for the hub''s clock');
SELECT ok(pg_temp.live(2), 'a token with fixed scopes lives on');
SELECT ok(pg_temp.live(5), '... so does the server''s own');
SELECT is((pg_temp.last_event(1)).action, 'revoked', 'the event says revoked');
SELECT is((pg_temp.last_event(1)).reason, 'growth: user_role: grader', '... why');
SELECT is((pg_temp.last_event(1)).gained::text,
          '["read:groups!group=physics", "read:users:activity!group=physics"]',
          '... and what was gained, beyond what was held without the filter');
SELECT is((pg_temp.last_event(1)).before::text, '["inherit"]', '... and what was stored');
SELECT is((pg_temp.last_event(1)).actor, session_user::name, '... and who did it');
SELECT is((SELECT count(*)::int FROM jhub_authz.pending), 0, 'no note is left');
SELECT throws_ok($$ UPDATE api_tokens SET expires_at = NULL WHERE id = 1 $$, '55000', NULL,
                 'a revoked token is not revived by moving expires_at');
ROLLBACK TO a;

-- a role's definition
SAVEPOINT a;
UPDATE roles SET scopes = '["read:users!user=alice", "tokens!user=o''brien", "read:users:name", "list:services"]' WHERE name = 'by-user';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'a wider definition of a role that the owner holds');
SELECT is((pg_temp.last_event(1)).reason, 'growth: role: by-user', '... is the reason');
ROLLBACK TO a;

-- a role of a group
SAVEPOINT a;
INSERT INTO group_role_map (group_id, role_id, managed_by_auth) VALUES (1, 14, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'a role given to a group of the owner''s');
SELECT is((pg_temp.last_event(1)).reason, 'growth: group_role: physics', '... is the reason');
ROLLBACK TO a;

-- the owner joins a group with roles
SAVEPOINT a;
INSERT INTO user_group_map (user_id, group_id) VALUES (9, 4);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'the owner joins a group that has roles');
SELECT is((pg_temp.last_event(1)).reason, 'growth: join: empty', '... is the reason');
ROLLBACK TO a;

-- a role granted to a service: its class follows inherit
SAVEPOINT a;
INSERT INTO service_role_map (service_id, role_id, managed_by_auth) VALUES (2, 2, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(pg_temp.live(8), 'a service''s inherit token follows its service');
ROLLBACK TO a;

-- a client that stands for another server
SAVEPOINT a;
UPDATE spawners SET oauth_client_id = NULL WHERE id = 1;
UPDATE spawners SET oauth_client_id = 'jupyterhub-user-alice-lab' WHERE id = 1;
UPDATE spawners SET oauth_client_id = 'jupyterhub-user-alice' WHERE id = 2;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(6), 'an OAuth client that comes to stand for another server');
SELECT is((pg_temp.last_event(6)).gained::text, '["access:servers!server=alice/"]', '... gains access to that one');
ROLLBACK TO a;

-- a custom scope
SAVEPOINT a;
SELECT jhub_authz.define_scopes('{"custom:lab:read": {"description": "read"}, "custom:lab:write": {"description": "write"}}') \g /dev/null
UPDATE roles SET scopes = '["self", "custom:lab:write"]' WHERE name = 'user';
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["custom:lab:write"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT baseline::text FROM jhub_authz.token_baselines WHERE token_id = 100),
          '["custom:lab:write", "read:users:groups!user=bob", "read:users:name!user=bob"]', 'a token with a custom scope');
SET CONSTRAINTS ALL DEFERRED;
SELECT jhub_authz.replace_scopes('{"custom:lab:write": {"description": "write", "subscopes": ["custom:lab:read"]}}') \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(100), 'a custom scope that comes to imply another');
SELECT is((pg_temp.last_event(100)).gained::text, '["custom:lab:read"]', '... gains it');
SELECT is((pg_temp.last_event(100)).reason, 'growth: scopes', '... and that is the reason');
ROLLBACK TO a;

-- somebody leaves a group and ends a cover
SAVEPOINT a;
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES (100, 'of-group', '["read:users:activity!group=physics"]', false);
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES (101, 'of-bob', '["read:users:activity!user=bob"]', false);
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (14, 100, false);
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 14, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (14, 101, false);
SELECT ok(pg_temp.live(100), 'what a group filter covers is no growth');
DELETE FROM user_group_map WHERE user_id = 10 AND group_id = 1;
SELECT ok(NOT pg_temp.live(100), 'somebody who leaves the group ends the cover');
SELECT is((pg_temp.last_event(100)).reason, 'growth: membership', '... and that is the reason');
ROLLBACK TO a;

-- a savepoint that is rolled back leaves nothing to decide
SAVEPOINT a;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 5, false);
ROLLBACK TO a;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(pg_temp.live(1), 'a grant that was rolled back concerns nobody');

-- a decision that is rolled back is made again
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 5, false);
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
SELECT ok(pg_temp.live(1), 'a decision can be rolled back');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), '... and is made again');

SELECT * FROM finish();
ROLLBACK;
