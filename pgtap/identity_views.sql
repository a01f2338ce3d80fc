-- The api_* views and functions: rows by the list scopes, fields by the read scopes, of
-- each row by itself.  (interop/api has the real hub say what must come out.)
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE identity_hub;
CREATE ROLE identity_web;
CREATE SCHEMA hub_test AUTHORIZATION identity_hub;
\set hub hub_test
\set hub_owner identity_hub
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT plan(50);
SELECT jhub_authz.attach('hub_test', 'off') \g /dev/null
SELECT jhub_authz.grant_reader('identity_web') \g /dev/null

-- A token of user alice's with these scopes, all of which she holds, and act as it:
-- in its own schema, for the role that may read no table of the hub's.
CREATE FUNCTION pg_temp.with_scopes(scopes text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hub_test.roles SET scopes = with_scopes.scopes WHERE name = 'null';
    DELETE FROM hub_test.user_role_map WHERE user_id = 9;
    INSERT INTO hub_test.user_role_map VALUES (9, 11, false);
    DELETE FROM hub_test.user_group_map WHERE user_id = 9 AND group_id = 2;
    DELETE FROM hub_test.group_role_map WHERE group_id = 1;
    DELETE FROM hub_test.shares;
    RETURN jhub_authz.act_as(md5('token1'));
END $$;
CREATE FUNCTION pg_temp.names(OUT users text, OUT groups text, OUT services text, OUT servers text, OUT tokens text) LANGUAGE sql AS $$
    SELECT (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM jhub_authz.api_users),
           (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM jhub_authz.api_groups),
           (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM jhub_authz.api_services),
           (SELECT string_agg(full_name, ' ' ORDER BY full_name COLLATE "C") FROM jhub_authz.api_servers),
           (SELECT string_agg(id, ' ' ORDER BY id COLLATE "C") FROM jhub_authz.api_tokens) $$;
SET LOCAL ROLE identity_web;
SELECT throws_ok($$ SELECT * FROM hub_test.users $$, '42501', NULL, 'the role has no right on the hub''s tables');
RESET ROLE;

-- rows
SELECT pg_temp.with_scopes('["list:users"]') \g /dev/null
SELECT is((SELECT count(*) FROM jhub_authz.api_users), 14::bigint, 'list:users: everybody');
SELECT is((SELECT array_agg(DISTINCT fields) FROM jhub_authz.api_users)::text, '{{name,kind,admin}}', '... by name, which goes with it');
SELECT pg_temp.with_scopes('["list:users!user=bob", "list:users!group=lab one"]') \g /dev/null
SELECT is(users, E'bang!user bob zo\u00eb', 'filters by user and by group are added up') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["list:users!user=bob", "list:users!server=bob/"]') \g /dev/null
SELECT is(users, NULL, 'with a filter of another kind the hub refuses the list, and so is it empty') FROM pg_temp.names();
SELECT is((SELECT name FROM jhub_authz.api_user('bob')), 'bob', '... but not the user');
SELECT pg_temp.with_scopes('["list:groups!group=physics"]') \g /dev/null
SELECT is(groups, 'physics', 'groups by group') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["list:groups!group=physics", "list:groups!user=bob"]') \g /dev/null
SELECT is(groups, NULL, 'groups by another kind: no list') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["list:services!service=boss", "list:services!user=bob"]') \g /dev/null
SELECT is(services, 'boss', 'services: another kind is passed over, as in the hub') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["read:tokens!user=bob", "read:tokens!server=alice/"]') \g /dev/null
SELECT is(tokens, 'a14 a3 a7', 'tokens by user, without any list scope') FROM pg_temp.names();
SELECT is(users, NULL, '... which lists no user') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["read:tokens!group=lab one"]') \g /dev/null
SELECT is(tokens, 'a13', 'tokens by group') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["read:tokens"]') \g /dev/null
SELECT is((SELECT array_agg(DISTINCT user_name ORDER BY user_name) FROM jhub_authz.api_tokens)::text, E'{admin,alice,bob,lonely,o\'brien,zo\u00eb}', 'tokens of users, not of services');
SELECT is_empty($$ SELECT FROM jhub_authz.api_tokens WHERE id = 'a10' $$, '... none that has expired');
SELECT is(scopes::text, jhub_authz.token_scopes(3)::text, 'what a token holds') FROM jhub_authz.api_tokens WHERE id = 'a3';

-- fields
CREATE TEMP TABLE want (scopes text, name text, fields text);
INSERT INTO want VALUES
    ('["list:users", "read:users:groups!user=bob"]', 'bob', '{name,kind,admin,groups}'),
    ('["list:users", "read:users:groups!user=bob"]', 'alice', '{name,kind,admin}'),
    ('["list:users", "read:users:groups!group=physics"]', 'alice', '{name,kind,admin,groups}'),
    ('["list:users", "read:users:activity"]', 'bob', '{name,kind,admin,last_activity}'),
    ('["list:users", "read:roles:users!user=bob"]', 'bob', '{name,kind,admin,roles}'),
    ('["list:users", "admin:auth_state!user=bob"]', 'bob', '{name,kind,admin,auth_state}'),
    ('["list:users", "read:servers!user=lonely"]', 'lonely', '{name,kind,admin,servers}'),
    ('["list:users", "read:servers!user=lonely"]', 'bob', '{name,kind,admin}'),
    ('["list:users", "read:servers!server=bob/"]', 'bob', '{name,kind,admin,servers}'),
    ('["list:users", "read:servers!server=zo\u00eb/"]', E'zo\u00eb', '{name,kind,admin}'),
    ('["list:users", "read:users"]', 'bob', '{name,kind,admin,roles,groups,server,pending,created,last_activity}');
SELECT is((SELECT fields FROM jhub_authz.api_users u WHERE u.name = want.name)::text, fields, scopes || ' on ' || name)
  FROM want, LATERAL pg_temp.with_scopes(scopes);
SELECT pg_temp.with_scopes('["list:users", "read:users!user=bob"]') \g /dev/null
SELECT is((server, groups, created AT TIME ZONE 'UTC')::text, '(/user/bob/,{physics},"2024-01-11 00:00:00")', 'values of a field') FROM jhub_authz.api_users WHERE name = 'bob';
SELECT is_empty($$ SELECT FROM jhub_authz.api_users WHERE name <> 'bob' AND (roles, groups, server, created, last_activity, servers) IS DISTINCT FROM (NULL, NULL, NULL, NULL, NULL, NULL) $$,
    'nothing in a field that is not permitted');
SELECT pg_temp.with_scopes('["list:groups", "read:groups!group=physics", "read:roles:groups!group=empty"]') \g /dev/null
SELECT results_eq($$ SELECT name, fields::text, users::text, roles::text FROM jhub_authz.api_groups ORDER BY name $$,
    $$ VALUES ('empty', '{name,kind,roles}', NULL, '{by-service}'), ('group!x=y', '{name,kind}', NULL, NULL), ('lab one', '{name,kind}', NULL, NULL),
              ('physics', '{name,kind,users,properties}', '{alice,bob}', NULL) $$, 'groups');
SELECT pg_temp.with_scopes('["list:services", "read:services!service=announce", "read:roles:services!service=boss"]') \g /dev/null
SELECT results_eq($$ SELECT name, roles::text, url, command, pid, info, display FROM jhub_authz.api_services ORDER BY name $$,
    $$ VALUES ('announce', NULL, 'http://127.0.0.1:9999', '[]'::jsonb, 0, '{}'::jsonb, true), ('boss', '{admin}', NULL, NULL, NULL, NULL, NULL),
              ('idle-culler', NULL, NULL, NULL, NULL, NULL, NULL), ('sv c!1', NULL, NULL, NULL, NULL, NULL, NULL) $$, 'services, with the hub''s defaults');

-- servers
SELECT pg_temp.with_scopes('["list:users!user=bob", "read:servers"]') \g /dev/null
SELECT is(servers, 'bob/', 'servers that run, of users that are listed') FROM pg_temp.names();
SELECT pg_temp.with_scopes('["list:users", "read:servers!user=alice", "admin:server_state!user=alice"]') \g /dev/null
SELECT is(servers, 'alice/', '... and that may be read') FROM pg_temp.names();
SELECT ok('state' = ANY (fields) AND state IS NULL, 'a state that may be seen is not known') FROM jhub_authz.api_servers;
SELECT is(servers #>> '{"",url}', '/user/alice/', 'the same server with its user') FROM jhub_authz.api_users WHERE name = 'alice';
SELECT pg_temp.with_scopes('["list:users", "admin:server_state"]') \g /dev/null
SELECT is(servers, NULL, 'the right to see the state alone shows no server') FROM pg_temp.names();

-- one by name
SELECT pg_temp.with_scopes('["self"]') \g /dev/null
SELECT is(users, NULL, 'who holds self lists nobody') FROM pg_temp.names();
SELECT is((SELECT name FROM jhub_authz.api_user('alice')), 'alice', '... and may ask for themselves');
SELECT is_empty($$ SELECT FROM jhub_authz.api_user('bob') UNION ALL SELECT FROM jhub_authz.api_group('physics') UNION ALL SELECT FROM jhub_authz.api_service('announce') $$,
    '... for nobody else');
SELECT is_empty($$ SELECT FROM jhub_authz.api_user('nobody') UNION ALL SELECT FROM jhub_authz.api_user('') UNION ALL SELECT FROM jhub_authz.api_user(NULL) $$, 'no such user');
SELECT pg_temp.with_scopes('["admin:auth_state!user=bob"]') \g /dev/null
SELECT is_empty($$ SELECT FROM jhub_authz.api_user('bob') $$, 'auth_state alone lets nobody ask');

-- what is stored badly
SELECT pg_temp.with_scopes('["list:users", "list:groups", "read:groups", "read:servers"]') \g /dev/null
UPDATE hub_test.groups SET properties = v.properties FROM (VALUES (1, '{"a": '), (2, E'{"a": "\\u0000"}'), (3, '{"a": 1e999999999}'), (4, repeat('[', 100000))) v (id, properties) WHERE groups.id = v.id;
UPDATE hub_test.spawners SET user_options = 'x' WHERE id = 1;
SELECT is((SELECT count(*) FROM jhub_authz.api_groups WHERE properties IS NULL AND 'properties' = ANY (fields)), 4::bigint, 'JSON that does not parse, or that jsonb cannot hold, is NULL');
UPDATE hub_test.groups SET properties = '{"a": [1, 2.5, -1e3, true, null, "\u00e9"]}' WHERE id = 1;
SELECT is((SELECT properties FROM jhub_authz.api_groups WHERE name = 'physics'), '{"a": [1, 2.5, -1000, true, null, "\u00e9"]}'::jsonb, '... and is there when it does');
SELECT is((SELECT user_options FROM jhub_authz.api_servers WHERE user_name = 'alice'), '{}'::jsonb, 'options of a server that do not parse');
INSERT INTO hub_test.users (id, name, cookie_id) VALUES (99, NULL, 'c');
SELECT is((SELECT count(*) FROM jhub_authz.api_users), 15::bigint, 'a user without a name does no harm');
UPDATE hub_test.groups SET name = NULL WHERE id = 1;
SELECT pg_temp.with_scopes('["list:users", "read:users!group=lab one", "read:users!user=alice", "read:servers", "list:groups", "read:groups"]') \g /dev/null
INSERT INTO hub_test.user_group_map (user_id, group_id) SELECT id, 2 FROM hub_test.users WHERE name = 'alice';
SELECT is((SELECT groups FROM jhub_authz.api_users WHERE name = 'alice'), ARRAY['lab one', NULL], 'a group without a name is null to the hub, and so here');
SELECT ok(count(*) > 0, '... where it is compared with a filter') FROM jhub_authz.api_servers;
SELECT is((SELECT count(*) FROM jhub_authz.api_groups), 4::bigint, '... and in the list of groups');
SELECT is(jhub_authz.whoami(md5('token1')) -> 'groups', '["lab one", null]', '... and in what a token is told of its owner');
UPDATE hub_test.groups SET name = 'physics' WHERE id = 1;

-- a list in which every other row shows more takes no more memory than one in which all are alike
INSERT INTO hub_test.users (id, name, cookie_id) SELECT 1000 + i, 'many' || i, 'm' || i FROM generate_series(1, 6000) i;
INSERT INTO hub_test.groups (id, name) VALUES (99, 'odd');
INSERT INTO hub_test.user_group_map (user_id, group_id) SELECT 1000 + i, 99 FROM generate_series(1, 6000, 2) i;
SELECT pg_temp.with_scopes('["list:users", "read:users:name", "read:users!group=odd"]') \g /dev/null
DECLARE many CURSOR FOR SELECT fields FROM jhub_authz.api_users;
MOVE 5000 IN many \g /dev/null
RESET SESSION AUTHORIZATION;
SELECT isnt((SELECT max(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'jhub_authz api'), NULL, 'memory of a view that is being read');
SELECT cmp_ok((SELECT max(total_bytes) FROM pg_backend_memory_contexts WHERE name = 'jhub_authz api'), '<', 100000::bigint, '... which does not grow with its rows');
SELECT * FROM finish();
ROLLBACK;
