-- What is no growth: flicker, renames, members of a filters group, shares, a new release.
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
SELECT plan(38);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.last_event(token integer) RETURNS jhub_authz.token_events LANGUAGE sql AS
    $$ SELECT e FROM jhub_authz.token_events e WHERE token_id = token ORDER BY event_id DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.baseline(token integer) RETURNS jhub_authz.scopeset LANGUAGE sql AS
    $$ SELECT baseline FROM jhub_authz.token_baselines WHERE token_id = token $$;
CREATE FUNCTION pg_temp.revoked() RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE action IN ('revoked', 'would_revoke') $$;

SELECT is(pg_temp.revoked(), 0, 'attaching revokes nobody');

-- roles flicker
SAVEPOINT a;
DELETE FROM user_role_map WHERE user_id = 9;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 1, false), (9, 6, false), (9, 10, true), (9, 15, false);
SELECT ok(pg_temp.live(1), 'what is taken off and put back has not grown');
ROLLBACK TO a;

-- the same for an owner who held nothing in between when the token was made anew
SAVEPOINT a;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.baseline(100), jhub_authz.token_scopes(100), 'the baseline is what the token can do');
INSERT INTO users (id, name, cookie_id) VALUES (100, 'new', 'x');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (101, 100, 'jupyterhub', '2024-05-01', 'yyyy', 'y', '["inherit"]');
SELECT is(pg_temp.baseline(101), NULL, 'the baseline of an owner who holds nothing waits');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (100, 1, false);
SELECT is(pg_temp.baseline(101), jhub_authz.token_scopes(101), '... for the first scopes');
SELECT is((pg_temp.last_event(101)).reason, 'first_scopes: user_role: user', '... and the event says so');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (100, 14, false);
SELECT ok(NOT pg_temp.live(101), '... what comes after is growth');
ROLLBACK TO a;

-- a token that came before its owner's roles is narrowed with the first of them
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO users (id, name, cookie_id) VALUES (100, 'new', 'x');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (101, 100, 'jupyterhub', '2024-05-01', 'yyyy', 'y', '["read:users", "list:users",  "delete:servers"]');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 101), '["read:users", "list:users",  "delete:servers"]', 'a token that came before its owner''s roles is kept as it came');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (100, 14, false);
SELECT is((SELECT scopes FROM api_tokens WHERE id = 101), '["delete:servers", "list:users", "read:users:activity", "read:users:name"]', '... and narrowed with the first of them');
SELECT is(pg_temp.baseline(101), jhub_authz.token_scopes(101), '... its baseline is what is left');
SELECT is(pg_temp.revoked(), 0, '... nothing is revoked');
ROLLBACK TO a;

-- others join the group of a filter
SAVEPOINT a;
INSERT INTO user_group_map (user_id, group_id) VALUES (11, 1);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.revoked(), 0, 'somebody who joins the group of a filter makes nobody grow');
ROLLBACK TO a;

-- renames
SAVEPOINT a;
UPDATE users SET name = 'alicia' WHERE name = 'alice';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.revoked(), 0, 'a renamed user has not grown');
SELECT ok(pg_temp.live(1) AND pg_temp.live(2) AND pg_temp.live(5) AND pg_temp.live(6), '... and keeps every token');
SELECT ok(pg_temp.baseline(1) @> 'servers!user=alicia access:servers!user=alicia'::jhub_authz.scopeset, '... the baseline has the new name');
SELECT ok(pg_temp.baseline(6) @> 'access:servers!server=alicia/lab'::jhub_authz.scopeset, '... before the slash too');
SELECT ok(EXISTS (SELECT FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'renamed' AND reason = 'rename: alice to alicia'), '... and the event says renamed');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 2), '["read:users!user=alice", "access:servers!user=alice"]', '... what is stored stays, as in the hub');
ROLLBACK TO a;

SAVEPOINT a;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 11, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]'), (101, 8, 'jupyterhub', '2024-05-01', 'zzzy', 'y', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
UPDATE users SET name = 'tmp' WHERE name = 'Alice';
UPDATE users SET name = 'Alice' WHERE name = 'group';
UPDATE users SET name = 'group' WHERE name = 'tmp';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.revoked(), 0, 'two users who swap names have not grown');
SELECT ok(pg_temp.baseline(100) @> 'servers!user=group'::jhub_authz.scopeset AND NOT pg_temp.baseline(100) @> 'servers!user=Alice'::jhub_authz.scopeset,
          '... and the baselines follow the rows');
ROLLBACK TO a;

SAVEPOINT a;
UPDATE users SET name = 'tmp' WHERE name = 'alice';
UPDATE users SET name = 'alice' WHERE name = 'bob';
UPDATE users SET name = 'bob' WHERE name = 'tmp';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'a role that names somebody literally reaches another then, and that is growth');
SELECT is((pg_temp.last_event(1)).gained::text, '["read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice"]', '... by what goes by the old name');
ROLLBACK TO a;

SAVEPOINT a;
UPDATE groups SET name = 'physik' WHERE name = 'physics';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.revoked(), 0, 'a renamed group makes nobody grow, though roles still name it as before');
ROLLBACK TO a;

SAVEPOINT a;
UPDATE spawners SET name = 'lab2' WHERE name = 'lab';
UPDATE users SET name = 'alicia' WHERE name = 'alice';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.revoked(), 0, 'a server and its owner renamed at once');
SELECT ok(pg_temp.baseline(6) @> 'access:servers!server=alicia/lab2'::jhub_authz.scopeset, '... come out right');
ROLLBACK TO a;

SAVEPOINT a;
DELETE FROM user_group_map WHERE group_id = 4;
DELETE FROM groups WHERE name = 'empty';
INSERT INTO groups (id, name) VALUES (200, 'empty');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.revoked(), 0, 'deleting and making anew is no rename, and here no growth');
ROLLBACK TO a;

-- shares
SAVEPOINT a;
INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES (10, 3, 9, '2024-02-01', '["access:servers!server=bob/"]');
INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES (6, 4, 9, '2024-02-01', '["access:servers!server=zo\u00eb/"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(pg_temp.live(1), 'what a share alone gives is no growth by default');
SELECT is((pg_temp.last_event(1)).action, 'shared', '... the event says shared');
SELECT ok(pg_temp.baseline(1) @> jhub_authz.token_scopes(1), '... and it belongs to the baseline');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_policy('user', on_share => 'revoke') \g /dev/null
INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES (6, 4, 9, '2024-02-01', '["access:servers!server=zo\u00eb/"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(1), 'with on_share revoke it is growth');
ROLLBACK TO a;

-- a new release of the hub
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE alembic_version SET version_num = 'f460b0348206';
SELECT is(pg_temp.revoked(), 0, 'a new release makes nobody grow');
SELECT ok(jhub_authz.token_scopes(1) @> 'start:servers!user=alice'::jhub_authz.scopeset, '... it gives more');
SELECT ok(pg_temp.baseline(1) @> jhub_authz.token_scopes(1), '... which belongs to the baseline then');
SELECT is((SELECT release FROM jhub_authz.token_baselines WHERE token_id = 1), '6.1', '... as does the release');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false);
SELECT ok(NOT pg_temp.live(1), '... what comes after is growth');
ROLLBACK TO a;

-- the default role of that release, written at the hub's start
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
UPDATE roles SET scopes = '["admin-ui", "admin:users", "admin:servers", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics"]'
 WHERE name = 'admin';
UPDATE api_tokens SET scopes = '["inherit"]' WHERE id = 14;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 1, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]');
UPDATE roles SET scopes = '["admin-ui", "admin:users", "admin:servers", "admin:services", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics", "shares"]'
 WHERE name = 'admin';
SELECT ok(pg_temp.live(100), 'a default role that goes from one release''s definition to another''s is no growth');
UPDATE roles SET scopes = '["admin-ui", "admin:users", "admin:servers", "admin:services", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics", "shares", "custom:x:y"]'
 WHERE name = 'admin';
SELECT ok(NOT pg_temp.live(100), '... any other change of it is');
ROLLBACK TO a;

SELECT is(pg_temp.revoked(), 0, 'nothing is left of all that');
SELECT * FROM finish();
ROLLBACK;
