-- Advisories and incidents of JupyterHub and of systems like it, as cases of ours:
-- each test is named by the one that it is about.  What concerns pages, cookies or
-- an authenticator's checks is not here; doc/reliability.md lists those, too.
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
SET LOCAL search_path = public, jhub_authz;
SELECT plan(44);
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
SET CONSTRAINTS ALL IMMEDIATE;

-- GHSA-69wv-m5fw-2fhp: filtered access answered an unfiltered requirement
SELECT ok(NOT jhub_authz.has_scope('["admin:groups!group=team"]', 'admin:groups'), 'GHSA-69wv-m5fw-2fhp: admin of one group is not admin of groups');
SELECT ok(NOT jhub_authz.has_scope('["admin:users!group=team", "admin:users!user=bob"]', 'admin:users'), 'GHSA-69wv-m5fw-2fhp: nor of users');
SELECT ok(NOT jhub_authz.has_scope('["admin:users!user=bob"]', ARRAY['admin:users', 'admin:groups']), 'GHSA-69wv-m5fw-2fhp: nor as one of several');
SELECT ok(jhub_authz.has_any_scope('["admin:groups!group=team"]', 'admin:groups'), 'GHSA-69wv-m5fw-2fhp: some access is a question of its own');
SELECT ok(NOT jhub_authz.covers('["admin:groups!group=physics", "admin:groups!group=lab one", "admin:groups!group=group!x=y", "admin:groups!group=empty"]', '["admin:groups"]'),
    'GHSA-69wv-m5fw-2fhp: all the groups that there are, are not all groups');
SELECT ok(NOT jhub_authz.subject_has_scope('user', 'alice', 'admin:groups'), 'GHSA-69wv-m5fw-2fhp: nor for a user');

-- CVE-2024-41942 / GHSA-9x4q-3gxw-849f: admin:users was enough to become admin
SAVEPOINT a;
UPDATE hub_test.users SET admin = true WHERE name = 'bob';
INSERT INTO hub_test.user_role_map VALUES (10, 2, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(jhub_authz.subject_has_scope('user', 'bob', 'admin:users'), 'CVE-2024-41942: one who was made admin');
SELECT ok((SELECT bool_and(NOT jhub_authz.token_scopes(id) @> '["admin:users"]') FROM hub_test.api_tokens WHERE user_id = 10),
    'CVE-2024-41942: has no earlier token that is admin''s');
ROLLBACK TO a;
SAVEPOINT a;
INSERT INTO hub_test.user_role_map VALUES (9, 2, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok((SELECT expires_at < now() AT TIME ZONE 'UTC' FROM hub_test.api_tokens WHERE id = 1), 'CVE-2024-41942: a token that inherits ends when its owner becomes admin');
SELECT is((SELECT actor::text FROM jhub_authz.token_events WHERE action = 'revoked' AND token_id = 1), session_user::text, 'CVE-2024-41942: and by whom is on record');
ROLLBACK TO a;

-- the hub's manual, granting scopes: groups!group=X and access:servers!group=X reach everybody
SAVEPOINT a;
INSERT INTO hub_test.roles (id, name, scopes, managed_by_auth) VALUES (90, 'escalate', '["groups!group=physics", "access:servers!group=physics"]', false);
INSERT INTO hub_test.user_role_map VALUES (2, 90, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT jhub_authz.has_scope(jhub_authz.user_scopes('o''brien'), 'access:servers!user=lonely'), 'groups escalation: not before the victim is in the group');
INSERT INTO hub_test.user_group_map VALUES (14, 1);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(jhub_authz.has_scope(jhub_authz.user_scopes('o''brien'), 'access:servers!user=lonely'), 'groups escalation: after it, as in the hub, and told so');
ROLLBACK TO a;

-- GHSA-cw7p-q79f-m2v7: logout left credentials of other tabs
SAVEPOINT a;
UPDATE hub_test.api_tokens SET session_id = 'session-1' WHERE id IN (6, 15, 7);
SELECT is(jhub_authz.revoke_all('session', 'session-1', 'logout'), 3, 'GHSA-cw7p-q79f-m2v7: every token of the session ends');
SELECT is_empty($$ SELECT id FROM hub_test.api_tokens WHERE session_id = 'session-1' AND (expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC') $$, 'GHSA-cw7p-q79f-m2v7: none is left');
SELECT is((SELECT count(*)::int FROM hub_test.api_tokens WHERE session_id IS NULL AND expires_at IS NULL), 10, 'GHSA-cw7p-q79f-m2v7: tokens without a session stay, and can be listed');
ROLLBACK TO a;

-- CVE-2026-40864 / GHSA-m68r-v472-jgq9: a share accepted unasked
SAVEPOINT a;
INSERT INTO hub_test.shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (90, 6, 4, 9, '2024-02-01', '["access:servers!server=zo\u00eb/"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT isnt_empty($$ SELECT FROM jhub_authz.token_events WHERE action = 'shared' AND token_id = 1 AND gained @> '["access:servers!server=zo\u00eb/"]' $$,
    'CVE-2026-40864: what a token reaches by a share is on record');
ROLLBACK TO a;
SAVEPOINT a;
SELECT jhub_authz.set_policy('user', on_share => 'revoke') \g /dev/null
INSERT INTO hub_test.shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (90, 6, 4, 9, '2024-02-01', '["access:servers!server=zo\u00eb/"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT isnt_empty($$ SELECT FROM jhub_authz.token_events WHERE action = 'revoked' AND token_id = 1 $$, 'CVE-2026-40864: or, by policy, ends the token');
ROLLBACK TO a;

-- CVE-2026-54338 / GHSA-p43p-whwx-q52h: unbounded names in the log
SELECT throws_ok($$ SELECT jhub_authz.scopeset_of('read:users!user=' || repeat('x', 2000)) $$, '54000', NULL, 'CVE-2026-54338: a scope has 2,000 bytes at most');
SELECT throws_ok($$ SELECT (SELECT json_agg('a!user=' || i) FROM generate_series(0, 65535) i)::text::jhub_authz.scopeset $$, '54000', NULL, 'CVE-2026-54338: a set has 65,535 scopes at most');

-- CVE-2020-15110 / GHSA-v7m9-9497-p9gr (kubespawner): user-name prefixes collided
SELECT ok(NOT jhub_authz.has_scope('["access:servers!user=bo"]', 'access:servers!server=bob/'), 'CVE-2020-15110: bo is not bob');
SELECT ok(NOT jhub_authz.has_scope('["access:servers!user=bob"]', 'access:servers!server=bobby/'), 'CVE-2020-15110: bob is not bobby');
SELECT ok(NOT jhub_authz.has_scope('["access:servers!server=bob/"]', 'access:servers!server=bob/lab'), 'CVE-2020-15110: the default server is not the named one');
SELECT ok(NOT jhub_authz.has_scope('["access:servers!server=bob/lab"]', 'access:servers!server=bob/laboratory'), 'CVE-2020-15110: a server''s name is whole');
SELECT ok(jhub_authz.has_scope('["access:servers!user=bob"]', 'access:servers!server=bob/a/b'), 'CVE-2020-15110: the owner ends at the first slash');
SELECT ok(NOT jhub_authz.has_scope('["access:servers!user=bob/a"]', 'access:servers!server=bob/a/b'), 'CVE-2020-15110: and not at a later one');
SELECT ok(NOT '["access:servers!user=bo"]'::jhub_authz.scopeset @> '["access:servers!server=bob/"]', 'CVE-2020-15110: for the operators, too');

-- CVE-2021-41194 / GHSA-5xvc-vgmp-jgc3 (firstuseauthenticator): names normalised in one place only
SELECT is(jhub_authz.user_scopes('ALICE'), NULL, 'CVE-2021-41194: names are compared as they are written');
SELECT isnt(jhub_authz.user_scopes('Alice'), jhub_authz.user_scopes('alice'), 'CVE-2021-41194: two that differ by case are two');
SELECT is(jhub_authz.user_scopes(E'zoe\u0308'), NULL, 'CVE-2021-41194: so are a composed and a decomposed letter');
SELECT isnt(jhub_authz.user_scopes(E'zo\u00eb'), NULL, 'CVE-2021-41194: the one that is there');
SELECT is(jhub_authz.user_scopes('trailing'), NULL, 'CVE-2021-41194: a space at the end counts');
SELECT ok(NOT jhub_authz.has_scope('["read:users!user=alice"]', 'read:users!user=Alice'), 'CVE-2021-41194: in filters, too');

-- CVE-2022-31027 / GHSA-r7v4-jwx9-wx43 (CILogon): rights from what somebody says of himself
SAVEPOINT a;
CREATE TEMP TABLE before AS SELECT token_id, effective FROM jhub_authz.all_token_scopes();
UPDATE hub_test.api_tokens SET note = '["admin:users"] admin@example.org Server at /user/admin/', session_id = 'admin' WHERE id < 15;
UPDATE hub_test.roles SET description = '["admin:users"]';
UPDATE hub_test.groups SET properties = '{"roles": ["admin"], "scopes": ["admin:users"]}';
UPDATE hub_test.users SET state = '{"admin": true}';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT results_eq('SELECT token_id, effective FROM jhub_authz.all_token_scopes() ORDER BY 1', 'SELECT token_id, effective FROM before ORDER BY 1',
    'CVE-2022-31027: no right comes from a note, a description or a property');
ROLLBACK TO a;
SELECT results_eq($$ SELECT on_growth, inherit, on_share FROM jhub_authz.token_policies WHERE target = 'server' $$,
    $$ SELECT on_growth, inherit, on_share FROM jhub_authz.token_policies WHERE target = 'user' $$, 'CVE-2022-31027: the class that a note makes is treated as the other by default');

-- GHSA-384w-5v3f-q499 (oauthenticator): a renamed restriction was ignored
SELECT throws_ok($$ SELECT jhub_authz.validate('["all"]') $$, '42704', NULL, 'GHSA-384w-5v3f-q499: a scope of old, all, is an error');
SELECT throws_ok($$ SELECT jhub_authz.validate('["read:uers!user=bob"]') $$, '42704', NULL, 'GHSA-384w-5v3f-q499: so is one that is misspelt');
SELECT throws_ok($$ INSERT INTO hub_test.api_tokens (user_id, client_id, created, hashed, scopes) VALUES (9, 'jupyterhub', '2024-03-01', 'h', '["all"]') $$, '42704', NULL,
    'GHSA-384w-5v3f-q499: no token is made with it');
SELECT ok(NOT jhub_authz.has_scope('["all"]', 'read:users'), 'GHSA-384w-5v3f-q499: and it gives nothing');
SELECT throws_ok($$ SELECT jhub_authz.scopeset_of('read:users!usr=bob') $$, '22P02', NULL, 'GHSA-384w-5v3f-q499: an unknown kind of filter is no filter: an error');

-- GO-2026-5133, GO-2025-4151, GO-2024-3131, GO-2026-5514 (SpiceDB): check and look-up disagreed
SELECT results_eq('SELECT name, scopes FROM jhub_authz.all_user_scopes() ORDER BY name COLLATE "C"',
    'SELECT name::text, jhub_authz.user_scopes(name) FROM hub_test.users ORDER BY name COLLATE "C"', 'GO-2025-4151: one by one or all at once, the answer is one');
SELECT is_empty($$
    SELECT t.token_id, u.id FROM jhub_authz.all_token_scopes() t, hub_test.users u
     WHERE jhub_authz.has_scope(t.effective, 'list:users!user=' || u.name) <> (u.id IN (SELECT jhub_authz.visible_users(t.effective))) $$,
    'GO-2024-3131: who is listed is who may be read, no more and no less');
SELECT is_empty($$
    SELECT t.token_id, s.id FROM jhub_authz.all_token_scopes() t, hub_test.spawners s JOIN hub_test.users u ON u.id = s.user_id
     WHERE jhub_authz.has_scope(t.effective, 'access:servers!server=' || u.name || '/' || s.name)
           <> (s.id IN (SELECT jhub_authz.visible_servers(t.effective, 'access:servers'))) $$, 'GO-2026-5133: for servers, too');
CREATE TEMP TABLE warm AS SELECT token_id, effective FROM jhub_authz.all_token_scopes();
DISCARD PLANS;
ALTER TABLE hub_test.api_tokens SET (fillfactor = 90);
SELECT results_eq('SELECT token_id, effective FROM jhub_authz.all_token_scopes() ORDER BY 1', 'SELECT token_id, effective FROM warm ORDER BY 1',
    'GO-2026-5514: with caches warm or cold');

SELECT * FROM finish();
ROLLBACK;
