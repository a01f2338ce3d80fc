-- testbed/move and testbed/pg_upgrade: an attached hub gets records of every
-- kind: options, policies, custom scopes, tokens issued, narrowed, grown,
-- renamed and revoked, one that waits for its owner's first scopes.  Works on
-- the fake tables and on those of a real hub.  Run as a superuser.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
\o /dev/null
SELECT jhub_authz.set_option('lock_timeout', '7s');
SELECT jhub_authz.set_option('undefined_scopes', 'log');
SELECT jhub_authz.set_policy('oauth', on_growth => 'log');
SELECT jhub_authz.set_policy('service', inherit => 'guard');
SELECT jhub_authz.define_scopes('{"custom:move:read": {"description": "read", "subscopes": ["custom:move:list"]}, "custom:move:list": {"description": "list"}}');
-- a veto that is broken as it comes back is in nobody's way
INSERT INTO jhub_authz.assertions (subject_kind, subject, required, expected, veto, note) VALUES
    ('user', 'waiter', 'admin:users', false, true, 'holds'), ('user', 'waiter', 'no scope', true, true, 'nonsense'), ('group', 'nobody', 'proxy', true, true, 'broken');
INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted, scopes) VALUES
    ('role', 'move-user', 'scopes', NULL, '["self", "custom:move:read"]'), ('user', 'mover', 'role', 'move-user', NULL), ('user', NULL, 'group', 'move-group', NULL);
SELECT jhub_authz.set_required_scopes('jupyter_server', 'move:thing', 'read', '{"custom:move:read!server={owner}/{server}"}');

SET ROLE jupyterhub;
-- the maps of a 5.x hub have a column more
SELECT count(*) > 0 AS managed FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = 'user_role_map' AND column_name = 'managed_by_auth' \gset
\if :managed
\set false ', false'
\set managed ', managed_by_auth'
\else
\set false ''
\set managed ''
\endif
INSERT INTO roles (name, scopes :managed) VALUES ('move-user', '["self", "custom:move:read"]' :false), ('move-more', '["list:users"]' :false);
INSERT INTO users (name, cookie_id) VALUES ('mover', 'move-1'), ('waiter', 'move-2'), ('renamed', 'move-3');
INSERT INTO groups (name) VALUES ('move-group');
INSERT INTO user_role_map (user_id, role_id :managed) SELECT u.id, r.id :false FROM users u, roles r WHERE u.name IN ('mover', 'renamed') AND r.name = 'move-user';
INSERT INTO group_role_map (group_id, role_id :managed) SELECT g.id, r.id :false FROM groups g, roles r WHERE g.name = 'move-group' AND r.name = 'move-more';
INSERT INTO api_tokens (user_id, client_id, hashed, prefix, created, note, scopes)
SELECT u.id, 'jupyterhub', 'sha512:1:move:' || n, 'move', '2024-05-01', 'move ' || n, scopes
  FROM (VALUES (1, 'mover', '["inherit"]'), (2, 'mover', '["self", "admin:users"]'), (3, 'mover', '["custom:move:read"]'),
               (4, 'waiter', '["self"]'), (5, 'renamed', '["read:users!user=renamed"]'), (6, 'mover', '["inherit"]'),
               (7, 'mover', '[]'), (8, 'mover', NULL)) AS t (n, name, scopes) JOIN users u USING (name);
UPDATE users SET name = 'renamed2' WHERE name = 'renamed';
-- a growth that comes through a group: both that inherit are revoked
INSERT INTO user_group_map (user_id, group_id) SELECT u.id, g.id FROM users u, groups g WHERE u.name = 'mover' AND g.name = 'move-group';
-- one that is issued with the group's scopes, and so rests on three tables
INSERT INTO api_tokens (user_id, client_id, hashed, prefix, created, note, scopes)
SELECT id, 'jupyterhub', 'sha512:1:move:9', 'move', '2024-05-01', 'move 9', '["list:users", "custom:move:read"]' FROM users WHERE name = 'mover';
RESET ROLE;
SELECT jhub_authz.revoke_token((SELECT id FROM public.api_tokens WHERE note = 'move 3'), 'incident: leaked');
SELECT jhub_authz.acknowledge('never_expires', 'token', (SELECT id::text FROM public.api_tokens WHERE note = 'move 9'), NULL, 'it moves with the database');
SELECT jhub_authz.set_mode('enforce');
\o
