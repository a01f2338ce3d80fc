-- Scopes held for a group give access to the servers of whoever is in it, as far as
-- the hub's tables say so.
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
SELECT plan(15);
\set both '''["access:servers!group=physics", "custom:jupyter_server:write:*!group=physics"]'''
CREATE FUNCTION pg_temp.may(have jhub_authz.scopeset, owner text, server text DEFAULT 'lab') RETURNS boolean LANGUAGE sql AS $$
    SELECT jhub_authz.authorize(have, owner, server, 'write', 'contents') $$;

SELECT ok(NOT pg_temp.may(:both, 'alice'), 'without a hub nobody is in a group');
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');
SELECT ok(pg_temp.may(:both, 'alice') AND pg_temp.may(:both, 'bob', ''), 'the servers of its members');
SELECT ok(NOT pg_temp.may(:both, U&'zo\00EB') AND NOT pg_temp.may(:both, 'admin') AND NOT pg_temp.may(:both, 'physics'), '... and of nobody else');
SELECT ok(pg_temp.may('["access:servers!group=physics", "custom:jupyter_server:write:*"]', 'alice')
      AND pg_temp.may('["access:servers", "custom:jupyter_server:write:*!group=physics"]', 'alice')
      AND pg_temp.may('["access:servers!server=alice/lab", "custom:jupyter_server:write:contents!group=physics"]', 'alice'), 'for access, for what is required, or for both');
SELECT ok(NOT pg_temp.may('["access:servers!group=physics"]', 'alice') AND NOT pg_temp.may('["custom:jupyter_server:write:*!group=physics"]', 'alice'), 'a group is not enough where a stage is missing');
SELECT ok(NOT pg_temp.may('["access:servers!group=physics", "custom:jupyter_server:write:*!group=lab one"]', 'bob')
      AND pg_temp.may('["access:servers!group=physics", "custom:jupyter_server:write:*!group=lab one"]', 'alice'), 'two groups, for the one who is in both');
SELECT ok(NOT pg_temp.may('["access:servers!group=group!x=y", "custom:jupyter_server:write:*!group=group!x=y"]', 'alice')
      AND pg_temp.may('["access:servers!group=group!x=y", "custom:jupyter_server:write:*!group=group!x=y"]', 'eq=ual'), 'a group of any name');
SELECT is_empty($$ SELECT u.name, s.name FROM users u, (VALUES (''), ('lab')) s (name)
     WHERE pg_temp.may('["access:servers!group=lab one", "custom:jupyter_server:write:*!group=lab one"]', u.name, s.name)
        <> jhub_authz.covers('["access:servers!group=lab one", "custom:jupyter_server:write:*!group=lab one"]',
               jhub_authz.scopeset_of('access:servers!server=' || u.name || '/' || s.name, 'custom:jupyter_server:write:*!user=' || u.name)) $$,
    'as covers() has it, for everybody');
SELECT is(jhub_authz.permissions(:both, 'alice', 'lab', '{"contents": ["read", "write", "execute"], "kernels": ["write"]}'), '{"contents": ["write"], "kernels": ["write"]}', 'many at once');
SELECT results_eq($$ SELECT stage, required, satisfied_by::text FROM jhub_authz.authorize_explain('["access:servers!group=physics", "custom:jupyter_server:write:*!group=physics"]', 'alice', 'lab', 'write', 'contents') WHERE satisfied_by IS NOT NULL $$,
    $$ VALUES ('access', 'access:servers!server=alice/lab', '["access:servers!group=physics"]'), ('access', 'access:servers!user=alice', '["access:servers!group=physics"]'),
              ('required', 'custom:jupyter_server:write:*!server=alice/lab', '["custom:jupyter_server:write:*!group=physics"]'), ('required', 'custom:jupyter_server:write:*!user=alice', '["custom:jupyter_server:write:*!group=physics"]') $$,
    'the group is the reason');
DELETE FROM user_group_map WHERE user_id = 9 AND group_id = 1;
SELECT ok(NOT pg_temp.may(:both, 'alice') AND pg_temp.may(:both, 'bob'), 'who has left it is out at once');

-- required by name: somebody else than the owner
SELECT jhub_authz.set_required_scopes('jupyter_server', 'contents', 'write', '{"custom:app:use!user=bob"}') \g /dev/null
SELECT ok(pg_temp.may('["access:servers", "custom:app:use!group=physics"]', 'alice') AND NOT pg_temp.may('["access:servers", "custom:app:use!group=lab one"]', 'alice'), 'a required scope that names a member');
SELECT jhub_authz.set_required_scopes('jupyter_server', 'contents', 'write', '{"custom:app:use!group=physics"}') \g /dev/null
SELECT ok(pg_temp.may('["access:servers", "custom:app:use!group=physics"]', 'alice') AND NOT pg_temp.may('["access:servers", "custom:app:use!user=bob"]', 'bob'), 'one that names a group is met by the group');

-- nothing is looked up where it decides nothing: a role that may not read the hub's
-- tables, and a hub whose tables are gone
ALTER TABLE user_group_map RENAME TO gone;
SELECT ok(pg_temp.may('["access:servers", "custom:app:use"]', 'alice') AND NOT pg_temp.may('["access:servers", "custom:app:use!user=x"]', 'alice')
      AND NOT pg_temp.may('["access:servers!user=x", "list:users!group=physics"]', 'alice'), 'no table is read where no group matters');
ALTER TABLE gone RENAME TO user_group_map;
CREATE ROLE hub_test_asks;
GRANT EXECUTE ON FUNCTION jhub_authz.authorize TO hub_test_asks;
SET LOCAL ROLE hub_test_asks;
SELECT ok(jhub_authz.authorize('["access:servers!group=physics", "custom:app:use!group=physics"]', 'bob', 'lab', 'write', 'contents'), 'who asks needs no right on the hub''s tables');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
