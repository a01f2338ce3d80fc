-- A filter that names nobody reaches nobody, and is kept as it is.
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
SELECT plan(8);

UPDATE roles SET scopes = '["read:users:name!user=ghost", "list:users!group=ghosts", "servers!server=ghost/lab", "read:services:name!service=none"]' WHERE id = 14;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (14, 14, false);
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 14, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]');
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;

SELECT ok(jhub_authz.subject_has_scope('user', 'lonely', 'read:users:name!user=ghost'), 'it is held as it is written');
SELECT ok(NOT jhub_authz.subject_has_scope('user', 'lonely', 'read:users:name!user=alice'), '... and covers nobody else');
SELECT ok(NOT jhub_authz.subject_has_scope('user', 'lonely', 'list:users!user=alice'), 'a group that is not there has no members');
SELECT is_empty($$ SELECT jhub_authz.visible_users(jhub_authz.user_scopes('lonely')) $$, 'it lets one see no row');
SELECT is((SELECT granted::text FROM jhub_authz.issue_token('user', 'lonely', scopes => 'list:users!group=ghosts')),
          '["list:users!group=ghosts"]', 'a token can be issued with it');
INSERT INTO groups (id, name) VALUES (100, 'ghosts');
INSERT INTO user_group_map (user_id, group_id) VALUES (9, 100);
SELECT ok(jhub_authz.subject_has_scope('user', 'lonely', 'list:users!user=alice'), 'a group of that name that comes later counts');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'revoked'), 0, '... which is no growth of those who filter by it');
SELECT is_empty($$ SELECT * FROM jhub_authz.self_check() WHERE level = 'error' $$, 'nothing is wrong');

SELECT * FROM finish();
ROLLBACK;
