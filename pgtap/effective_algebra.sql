-- Expansion and the group-aware algebra, as the hub does them.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = error;
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');

SELECT plan(97);

SELECT is(jhub_authz.expand(raw::jhub_authz.scopeset, kind, name, client)::text, expected, what)
FROM (VALUES
    ('self', 'service', 'announce', NULL, '[]', 'self is a user''s'),
    ('self', NULL, NULL, NULL, '[]', 'self without an owner'),
    ('inherit', 'user', 'bob', NULL, '["inherit"]', 'inherit stays'),
    ('read:users:name!user', 'user', 'zoë', NULL, '["read:users:name!user=zo\u00eb"]', '!user'),
    ('read:users:name!user', 'user', 'not there', NULL, '["read:users:name!user=not there"]', 'the name is taken as given'),
    ('read:users:name!user', 'group', 'physics', NULL, '[]', '!user of a group'),
    ('read:services!service', 'service', 'sv c!1', NULL, '["read:services!service=sv c!1", "read:services:name!service=sv c!1"]', '!service'),
    ('access:services!service', 'user', 'bob', 'service-announce', '["access:services!service=announce"]', '!service of the client'),
    ('access:services!service', 'service', 'boss', 'service-announce', '["access:services!service=announce"]', 'the client''s before the owner'),
    ('servers!server', 'user', 'bob', 'jupyterhub-user-alice-lab', '["delete:servers!server=alice/lab", "read:servers!server=alice/lab", "servers!server=alice/lab"]', '!server'),
    ('servers!server', 'user', 'bob', 'jupyterhub', '[]', '!server without a server'),
    ('servers!server', 'user', 'bob', 'orphan', '[]', '!server of an orphan'),
    ('list:groups list:groups!group=physics', NULL, NULL, NULL, '["list:groups", "read:groups:name"]', 'reduced'),
    ('not:defined!user=bob', NULL, NULL, NULL, '["not:defined!user=bob"]', 'undefined is kept')
) AS t (raw, kind, name, client, expected, what);
SELECT is(jhub_authz.expand(NULL)::text, NULL, 'expand(NULL)');
SELECT throws_ok($$SELECT jhub_authz.expand('self', 'token', '1')$$, '22023', NULL, 'an owner is a user, service or group');
SELECT throws_ok($$SELECT jhub_authz.expand('self', 'user')$$, '22023', NULL, 'a user has a name');
SELECT throws_ok($$SELECT jhub_authz.expand('self', 'user', '')$$, '22023', NULL, '... that is not empty');
SELECT throws_ok($$SELECT jhub_authz.expand('self', 'user', E'a\nb')$$, '22023', NULL, '... and holds no newline');
SELECT throws_ok($$SELECT jhub_authz.expand('self', NULL, 'bob')$$, '22023', NULL, 'a name has a kind');
SELECT throws_ok($$SELECT jhub_authz.expand('self', 'user', 'bob', 'none')$$, '42704', NULL, 'unknown client');
SELECT jhub_authz.set_option('undefined_scopes', 'refuse') \g /dev/null
SELECT throws_ok($$SELECT jhub_authz.expand('read:uers')$$, '42704', NULL, 'undefined_scopes = refuse');
SELECT jhub_authz.set_option('undefined_scopes', NULL) \g /dev/null

-- groups: alice and bob are in physics, alice and zoë in "lab one"
SELECT is(jhub_authz.intersect_scopes(a::jhub_authz.scopeset, b::jhub_authz.scopeset)::text, expected, a || ' with ' || b)
FROM (VALUES
    ('servers!group=physics', 'servers!user=bob', '["servers!user=bob"]'),
    ('servers!group=physics', 'servers!server=bob/x', '["servers!server=bob/x"]'),
    ('servers!group=physics', '["servers!user=zoë"]', '[]'),
    ('servers!group=physics', '["servers!group=lab one"]', '[]'),
    ('servers!group=physics', 'read:servers!user=bob', '[]'),
    ('servers!group=physics', 'servers', '["servers!group=physics"]'),
    ('servers!user=bob servers!group=physics', 'servers!server=bob/ servers!user=alice', '["servers!server=bob/", "servers!user=alice"]')
) AS t (a, b, expected);
SELECT ok(jhub_authz.covers('servers!group=physics', 'servers!user=bob servers!server=alice/x'), 'covers knows groups');
SELECT ok(NOT jhub_authz.covers('servers!user=bob', 'servers!group=physics'), '... one way only');
SELECT ok(NOT ('servers!group=physics'::jhub_authz.scopeset OPERATOR(jhub_authz.@>) 'servers!user=bob'), 'the operator does not');

SELECT is(jhub_authz.has_scope(have::jhub_authz.scopeset, required), expected, have || ' / ' || required)
FROM (VALUES
    ('servers', 'servers', true),
    ('servers', 'servers!user=bob', true),
    ('servers!user=bob', 'servers', false),
    ('servers!user=bob', 'servers!server=bob/', true),
    ('servers!server=bob/', 'servers!user=bob', false),
    ('servers!group=physics', 'servers!user=bob', true),
    ('servers!group=physics', 'servers!server=bob/lab', true),
    ('servers!group=physics', 'servers!user=o''brien', false),
    ('servers!group=physics', 'servers!group=physics', true),
    ('admin:users', 'read:users', false),
    ('["read:users:name!group=group!x=y"]', 'read:users:name!user=eq=ual', true)
) AS t (have, required, expected);
SELECT ok(jhub_authz.has_scope('servers!group=physics', ARRAY['users', 'servers!user=bob']), 'any of');
SELECT ok(NOT jhub_authz.has_scope('servers', ARRAY[]::text[]), 'any of none');
SELECT throws_ok($$SELECT jhub_authz.has_scope('servers', ARRAY['servers', NULL])$$, '22004', NULL, 'any of, with NULL');
SELECT throws_ok($$SELECT jhub_authz.has_scope('servers', ARRAY['servers', 'servers!user'])$$, '22023', NULL, 'any of, with a self filter');
SELECT throws_ok($$SELECT jhub_authz.has_scope('servers', 'servers!server')$$, '22023', NULL, 'a self filter');
SELECT throws_ok($$SELECT jhub_authz.has_scope('servers', 'servers!group=')$$, '22P02', NULL, 'an empty filter');
SELECT throws_ok($$SELECT jhub_authz.has_scope('servers', '')$$, '22P02', NULL, 'nothing');
SELECT throws_ok($$SELECT jhub_authz.has_scope('servers', repeat('x', 2001))$$, '54000', NULL, 'too long');
SELECT ok(jhub_authz.has_any_scope('servers!user=bob', 'servers'), 'some access');
SELECT ok(jhub_authz.has_any_scope('custom:x!user=bob', 'custom:x'), 'some access to what is not well-known');
SELECT ok(NOT jhub_authz.has_any_scope('servers!user=bob', 'users'), 'no access');
SELECT throws_ok($$SELECT jhub_authz.has_any_scope('servers', 'servers!user=bob')$$, '22023', NULL, 'some access to a filter');

SELECT is(x.granted::text || ' ' || x.refused::text, g || ' ' || r, what)
FROM (VALUES
    ('self', 'self', '["self"]', '[]', 'literally'),
    ('read:users!user', 'self', '["read:users!user"]', '[]', 'keeps its short form'),
    ('read:users', 'self', '["read:users!user=bob", "read:users:activity!user=bob", "read:users:groups!user=bob", "read:users:name!user=bob"]', '["read:users"]', 'in part'),
    ('access:servers!server', 'servers', '[]', '["access:servers!server"]', 'not at all'),
    ('read:services!service', 'self', '["read:services!service"]', '[]', 'without a target')
) AS t (a, b, g, r, what),
LATERAL jhub_authz.resolve_scopes(a::jhub_authz.scopeset, b::jhub_authz.scopeset, 'user', 'bob', 'jupyterhub-user-alice') AS x;
SELECT is(jhub_authz.identify_scopes('user', 'o''brien')::text, '["read:users:groups!user=o''brien", "read:users:name!user=o''brien"]', 'identify: user');
SELECT is(jhub_authz.identify_scopes('service', 'sv c!1')::text, '["read:services:name!service=sv c!1"]', 'identify: service');
SELECT throws_ok($$SELECT jhub_authz.identify_scopes('group', 'physics')$$, '22023', NULL, 'identify: no group');
SELECT is(jhub_authz.access_scopes(client)::text, expected, client)
FROM (VALUES ('jupyterhub', '[]'), ('jupyterhub-user-alice-lab', '["access:servers!server=alice/lab"]'),
    ('service-odd', '["access:services!service=sv c!1"]'), ('orphan', '[]'), ('none', NULL)) AS t (client, expected);

-- none of it is anybody's, but for what reads nothing
SELECT is(has_function_privilege('public', p.oid, 'EXECUTE'), p.proname = 'identify_scopes', p.proname || ' for PUBLIC')
FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proname = ANY (ARRAY['expand', 'intersect_scopes', 'covers', 'has_scope', 'has_any_scope',
    'resolve_scopes', 'identify_scopes', 'access_scopes', 'user_scopes', 'service_scopes', 'group_scopes', 'token_scopes', 'subject_scopes', 'raw_scopes',
    'subject_has_scope', 'subject_covers', 'all_user_scopes', 'all_service_scopes', 'all_group_scopes', 'all_token_scopes', 'visible_users', 'visible_groups',
    'visible_services', 'visible_servers']) ORDER BY p.proname;

-- without a hub: the newest catalogue, and groups without members
DELETE FROM jhub_authz.attachment;
SELECT is(jhub_authz.expand('servers!user', 'user', 'bob')::text,
    '["delete:servers!user=bob", "read:servers!user=bob", "read:users:name!user=bob", "servers!user=bob", "start:servers!user=bob"]', 'the newest release');
SELECT ok(NOT jhub_authz.has_scope('servers!group=physics', 'servers!user=bob'), 'nobody is in a group');
SELECT is(jhub_authz.intersect_scopes('servers!group=physics', 'servers!user=bob')::text, '[]', 'nobody is in a group');
SELECT throws_ok($$SELECT jhub_authz.access_scopes('orphan')$$, '55000', NULL, 'no clients');

SELECT * FROM finish();
ROLLBACK;
