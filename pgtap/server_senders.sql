-- Sharing: read-only on one server, edit on another, each sender by its own token.
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
SET LOCAL client_min_messages = error;
SELECT jhub_authz.attach('public') \g /dev/null
SELECT plan(27);

-- execute brings write along, and that read
SELECT is(jhub_authz.define_scopes('{"custom:jupyter_server:execute:*": {"description": "run", "subscopes": ["custom:jupyter_server:write:*"]},
    "custom:jupyter_server:write:*": {"description": "change", "subscopes": ["custom:jupyter_server:read:*"]},
    "custom:jupyter_server:read:*": {"description": "read"}}'), 3, 'custom scopes');
SELECT is(ARRAY(SELECT jhub_authz.authorize(jhub_authz.expand(have::jhub_authz.scopeset), 'alice', 'lab', action, 'kernels')
                  FROM (VALUES ('read'), ('write'), ('execute')) v (action)), expected, have)
  FROM (VALUES ('["access:servers", "custom:jupyter_server:execute:*!user=alice"]', ARRAY[true, true, true]),
               ('["access:servers", "custom:jupyter_server:write:*!user=alice"]', ARRAY[true, true, false]),
               ('["access:servers", "custom:jupyter_server:read:*!user=alice"]', ARRAY[true, false, false]),
               ('["access:servers", "custom:jupyter_server:execute:*!user=bob"]', ARRAY[false, false, false]),
               ('["access:servers"]', ARRAY[false, false, false])) t (have, expected);
SELECT ok(NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:execute:*"]', 'alice', 'lab', 'read', 'contents'), 'unexpanded, the one that brings others along brings none');

DELETE FROM shares;
INSERT INTO roles (name, scopes, managed_by_auth) VALUES ('lab-reader', '["custom:jupyter_server:read:*!server=alice/lab"]', false), ('desk-editor', '["custom:jupyter_server:execute:*!server=alice/"]', false);
INSERT INTO group_role_map SELECT 1, id, false FROM roles WHERE name IN ('lab-reader', 'desk-editor');
INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES
    (9, 1, 10, now(), '["access:servers!server=alice/"]'), (9, 2, 10, now(), '["access:servers!server=alice/lab"]'), (9, 2, 6, now(), '["access:servers!server=alice/lab"]');
INSERT INTO roles (name, scopes, managed_by_auth) VALUES ('own', '["custom:jupyter_server:execute:*!user"]', false);
INSERT INTO user_role_map SELECT 9, id, false FROM roles WHERE name = 'own';
UPDATE oauth_clients SET allowed_scopes = '["access:servers!server=alice/lab", "custom:jupyter_server:execute:*!server"]' WHERE id = 3;
UPDATE oauth_clients SET allowed_scopes = '["access:servers!server=alice/", "custom:jupyter_server:execute:*!server"]' WHERE id = 2;

SELECT is(ARRAY(SELECT jhub_authz.authorize(jhub_authz.user_scopes(who), 'alice', server, action, resource)
                  FROM (VALUES (1, 'read', 'contents'), (2, 'write', 'contents'), (3, 'execute', 'kernels'), (4, 'write', 'kernels'), (5, 'execute', 'terminals')) v (n, action, resource) ORDER BY n),
          expected, who || ' on ' || server)
  FROM (VALUES ('alice', 'lab', ARRAY[true, true, true, true, true]), ('alice', '', ARRAY[true, true, true, true, true]),
               ('bob', 'lab', ARRAY[true, false, false, false, false]), ('bob', '', ARRAY[true, true, true, true, true]),
               (U&'zo\00EB', 'lab', ARRAY[false, false, false, false, false]), (U&'zo\00EB', '', ARRAY[false, false, false, false, false])) t (who, server, expected);

-- the same by tokens of two logins to the same server
SELECT token_id AS alices, token AS alice FROM jhub_authz.issue_token('user', 'alice', '["custom:jupyter_server:execute:*!server"]', client_id => 'jupyterhub-user-alice-lab') \gset
SELECT token_id AS bobs, token AS bob FROM jhub_authz.issue_token('user', 'bob', '["custom:jupyter_server:execute:*!server"]', client_id => 'jupyterhub-user-alice-lab') \gset
SELECT token AS desk FROM jhub_authz.issue_token('user', 'bob', '["custom:jupyter_server:execute:*!server"]', client_id => 'jupyterhub-user-alice') \gset
SET CONSTRAINTS ALL IMMEDIATE;
CREATE FUNCTION pg_temp.may(token text, server text) RETURNS boolean[] LANGUAGE sql AS $$
    SELECT ARRAY(SELECT jhub_authz.authorize_token(token, 'alice', server, action, resource) FROM (VALUES (1, 'read', 'contents'), (2, 'write', 'contents'), (3, 'execute', 'kernels')) v (n, action, resource) ORDER BY n) $$;
SELECT is(pg_temp.may(:'alice', 'lab'), ARRAY[true, true, true], 'the owner''s messages pass');
SELECT is(pg_temp.may(:'bob', 'lab'), ARRAY[true, false, false], '... the reader''s to the same server but for a write and a kernel');
SELECT is(pg_temp.may(:'desk', ''), ARRAY[true, true, true], 'with the token of a login to another server the same reader edits there');
SELECT is(pg_temp.may(:'desk', 'lab'), ARRAY[false, false, false], '... and there alone');
SELECT is(jhub_authz.authorize_token(:'bob', 'alice', 'lab', 'read', 'contents'), jhub_authz.authorize(jhub_authz.token_scopes(:bobs), 'alice', 'lab', 'read', 'contents'), 'as the token''s scopes have it');
SELECT ok(NOT jhub_authz.authorize_token(t, 'alice', 'lab', 'read', 'contents'), 'no token: ' || coalesce(t, 'NULL')) FROM (VALUES ('x'), (''), (NULL)) v (t);

-- what is taken away counts at once
DELETE FROM shares WHERE user_id = 10 AND spawner_id = 2;
SELECT is(pg_temp.may(:'bob', 'lab'), ARRAY[false, false, false], 'the end of a share');
-- what a share gives by itself, and a group by a role
INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES
    (9, 2, 6, now(), '["access:servers!server=alice/lab", "custom:jupyter_server:write:*!server=alice/lab"]'),
    (9, 2, 3, now(), '["access:servers!server=alice/lab", "custom:jupyter_server:write:*!server=alice/lab", "custom:jupyter_server:read:*!server=alice/lab"]');
SELECT token AS login FROM jhub_authz.issue_token('user', 'bang!user', '["custom:jupyter_server:execute:*!server"]', client_id => 'jupyterhub-user-alice-lab') \gset
SELECT token AS zoes FROM jhub_authz.issue_token('user', U&'zo\00EB', '["inherit"]') \gset
SELECT token AS bangs FROM jhub_authz.issue_token('user', 'bang!user', '["inherit"]') \gset
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(jhub_authz.authorize(jhub_authz.user_scopes('bang!user'), 'alice', 'lab', 'write', 'contents') AND NOT (pg_temp.may(:'login', 'lab'))[2], 'a login''s token has no more of a share than access, as in the hub');
SELECT is(pg_temp.may(:'zoes', 'lab'), ARRAY[false, true, false], 'in a token that inherits, a share''s scopes count as they are written');
SELECT is(pg_temp.may(:'bangs', 'lab'), ARRAY[true, true, false], '... each that is there');
UPDATE roles SET scopes = '["custom:jupyter_server:read:*!server=alice/lab", "access:servers!server=alice/lab"]' WHERE name = 'lab-reader';
SELECT is(pg_temp.may(:'bob', 'lab'), ARRAY[true, false, false], 'a role gives a group access, in tokens too');
SELECT jhub_authz.revoke_token(:alices, 'test') \g /dev/null
SELECT is(pg_temp.may(:'alice', 'lab'), ARRAY[false, false, false], 'a revoked token is none');

SELECT * FROM finish();
ROLLBACK;
