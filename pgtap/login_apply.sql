-- login_apply(): what an allowed login does to the hub's tables; nothing if it is
-- not allowed, and nothing if nothing changes; what widens is judged by growth.
\set ON_ERROR_STOP 1
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
\set hub hub
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SELECT jhub_authz.attach('hub') AS release \gset
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SET search_path = hub, public, jhub_authz;
SELECT plan(57);

-- user, flag, roles with managed_by_auth, groups
CREATE FUNCTION pg_temp.state(who text) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', u.admin, (SELECT string_agg(r.name || CASE WHEN m.managed_by_auth THEN '*' ELSE '' END, ',' ORDER BY r.name)
                                      FROM hub.user_role_map m JOIN hub.roles r ON r.id = m.role_id WHERE m.user_id = u.id),
                     '[' || coalesce((SELECT string_agg(g.name, ',' ORDER BY g.name) FROM hub.user_group_map m JOIN hub.groups g ON g.id = m.group_id WHERE m.user_id = u.id), '') || ']')
      FROM hub.users u WHERE u.name = who
$$;
-- every row with what tells one version of it from the next
CREATE FUNCTION pg_temp.rows() RETURNS text LANGUAGE sql AS $$
    SELECT md5(string_agg(r, '|' ORDER BY r)) FROM (
        SELECT 'u' || ctid || cmin || u::text FROM hub.users u UNION ALL SELECT 'r' || ctid || cmin || r::text FROM hub.roles r
        UNION ALL SELECT 'g' || ctid || cmin || g::text FROM hub.groups g UNION ALL SELECT 'ur' || ctid || cmin || m::text FROM hub.user_role_map m
        UNION ALL SELECT 'ug' || ctid || cmin || m::text FROM hub.user_group_map m UNION ALL SELECT 'gr' || ctid || cmin || m::text FROM hub.group_role_map m
        UNION ALL SELECT 'e' || event_id FROM jhub_authz.token_events) AS t (r)
$$;
CREATE FUNCTION pg_temp.changed(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    before text := pg_temp.rows();
BEGIN
    EXECUTE statement;
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN before <> pg_temp.rows();
END $$;

-- ---- a provider with groups
SELECT jhub_authz.load_login_config('campus', 'generic', '{"allow_all": true, "blocked_users": ["mallory"], "manage_groups": true, "admin_groups": ["root"]}') \g /dev/null

SELECT results_eq($$ SELECT outcome, username, admin, groups, user_id > 14 FROM jhub_authz.login_apply('campus', '{"username": "Newbie", "groups": ["physics", "chess"]}') $$,
    $$ VALUES ('allowed', 'newbie', false, ARRAY['chess', 'physics'], true) $$, 'a new user');
SELECT is(pg_temp.state('newbie'), 'f user [chess,physics]', 'has a row, the role user, and groups');
SELECT ok(length(cookie_id) = 32 AND abs(extract(epoch FROM created - now() AT TIME ZONE 'UTC')) < 60, '... as the hub makes one') FROM users WHERE name = 'newbie';
SELECT is(properties, '{}', 'a group that was not there is made') FROM groups WHERE name = 'chess';
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "newbie", "groups": ["chess", "physics", "chess"]}') $$), 'the same login writes nothing');
SELECT is((SELECT user_id FROM jhub_authz.login_apply('campus', '{"username": "newbie", "groups": ["chess", "physics"]}')), (SELECT id FROM users WHERE name = 'newbie'), '... and says who it is');
SELECT ok(pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "newbie", "groups": ["root"]}') $$), 'other groups');
SELECT is(pg_temp.state('newbie'), 't admin,user [root]', '... replace all that were there, and the flag admin brings its role');
SELECT is(count(*), 1::bigint, 'a group that is empty now stays') FROM groups WHERE name = 'chess';
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "newbie", "groups": ["root"]}') $$), 'again nothing');
SELECT ok(pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "newbie", "groups": []}') $$), 'no groups');
SELECT is(pg_temp.state('newbie'), 'f user []', '... is out of all, and no admin any more');

-- ---- not allowed: nothing at all
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "mallory"}') $$), 'who is blocked gets no row');
SELECT results_eq($$ SELECT outcome, username, user_id FROM jhub_authz.login_apply('campus', '{"username": "mallory"}') $$, $$ VALUES ('blocked', 'mallory', NULL::integer) $$, '... and no id');
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "a/b"}') $$), 'nor who has no valid name');

-- ---- admin null leaves the column alone; without a flag the role goes
SELECT jhub_authz.load_login_config('plain', 'base', '{"allow_all": true}') \g /dev/null
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('plain', '{"name": "admin"}') $$), 'admin stays admin');
SELECT is(pg_temp.state('lonely'), '[]', 'one without roles and without a flag');
SELECT jhub_authz.login_apply('plain', '{"name": "lonely"}') \g /dev/null
SELECT is(pg_temp.state('lonely'), 'user []', '... gets the role user; the flag stays NULL');
INSERT INTO user_role_map VALUES (10, 2, false);
SELECT jhub_authz.login_apply('plain', '{"name": "bob"}') \g /dev/null
SELECT is(pg_temp.state('bob'), 'f null,user [physics]', 'the role admin without the flag is taken off');
SELECT jhub_authz.login_apply('plain', '{"name": "admin", "admin": false}') \g /dev/null
SELECT is(pg_temp.state('admin'), 'f user []', 'an authenticator''s own false revokes');
UPDATE users SET encrypted_auth_state = '\x00' WHERE name = 'bob';
SELECT ok(pg_temp.changed($$ SELECT jhub_authz.login_apply('plain', '{"name": "bob"}') $$), 'without enable_auth_state');
SELECT is(encrypted_auth_state, NULL, '... what was kept of it goes') FROM users WHERE name = 'bob';
SELECT jhub_authz.load_login_config('plain', 'base', '{"allow_all": true, "enable_auth_state": true}') \g /dev/null
UPDATE users SET encrypted_auth_state = '\x00' WHERE name = 'bob';
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('plain', '{"name": "bob"}') $$), '... with it, it stays');
UPDATE users SET encrypted_auth_state = NULL WHERE name = 'bob';

-- ---- groups of an authenticator of one's own
SELECT jhub_authz.load_login_config('own', 'base', '{"allow_all": true, "manage_groups": true, "manage_roles": true}') \g /dev/null
SELECT throws_ok($$ SELECT jhub_authz.login_apply('own', '{"name": "bob"}') $$, '22023', 'manage_groups is set, but user_info says nothing of groups', 'no word of groups');
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null}') $$), 'null leaves them');

-- ---- roles of an authenticator: all others go, user and admin as well
SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": [{"name": "analyst", "description": "d", "scopes": ["read:users!group=lab one", "list:users"]}, {"name": "user"}]}') \g /dev/null
SELECT is(pg_temp.state('bob'), 'f analyst*,user [physics]', 'a role that is new is managed; one that was there keeps its grant; the others go');
SELECT is(r::text, concat('(', r.id, ',analyst,d,"[""read:users!group=lab one"", ""list:users""]",t)'), 'the role is made, its scopes in their order') FROM roles r WHERE name = 'analyst';
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": [{"name": "analyst", "description": "d", "scopes": ["read:users!group=lab one", "list:users"]}, {"name": "user"}]}') $$), 'the same again writes nothing');
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": [{"name": "analyst"}, {"name": "user", "scopes": []}]}') $$), 'what is left out or empty resets nothing');
SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": [{"name": "analyst", "scopes": null}, {"name": "user"}]}') \g /dev/null
SELECT is(scopes, NULL, '... but null takes scopes away') FROM roles WHERE name = 'analyst';
SELECT jhub_authz.login_apply('own', '{"name": "alice", "groups": null, "roles": [{"name": "analyst", "scopes": ["list:users"]}]}') \g /dev/null
SELECT is(pg_temp.state('alice'), 'f analyst* [lab one,physics]', 'user is stripped like any other');
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('own', '{"name": "alice", "groups": null, "roles": [{"name": "analyst"}]}') $$), '... and that is no change at the next login');
SELECT is(scopes, '["list:users"]', 'other scopes') FROM roles WHERE name = 'analyst';
SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": []}') \g /dev/null
SELECT is(pg_temp.state('bob'), 'f [physics]', 'no role at all');
SELECT is(count(*), 1::bigint, 'a managed role that somebody has stays') FROM roles WHERE name = 'analyst';
SELECT jhub_authz.login_apply('own', '{"name": "alice", "groups": null, "roles": []}', '{"config_roles": ["analyst"]}') \g /dev/null
SELECT is(count(*), 1::bigint, '... one of the configuration, too') FROM roles WHERE name = 'analyst';
SELECT jhub_authz.login_apply('own', '{"name": "alice", "groups": null, "roles": [{"name": "analyst"}]}') \g /dev/null
SELECT jhub_authz.login_apply('own', '{"name": "alice", "groups": null, "roles": []}') \g /dev/null
SELECT is(count(*), 0::bigint, '... one that nobody has goes') FROM roles WHERE name = 'analyst';
SELECT is(count(*), 1::bigint, '... but none that was not managed') FROM roles WHERE name = 'by-user';

-- members named inside of a role replace all who have it
SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": [{"name": "crew", "users": ["alice", "group", "nobody"], "groups": ["physics"], "services": ["announce"]}]}') \g /dev/null
SELECT is((SELECT string_agg(u.name || CASE WHEN m.managed_by_auth THEN '*' ELSE '' END, ',' ORDER BY u.name) FROM user_role_map m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id WHERE r.name = 'crew'),
    'alice,bob*,group', 'users by name, and who logs in');
SELECT is((SELECT count(*) FROM group_role_map m JOIN roles r ON r.id = m.role_id WHERE r.name = 'crew') + (SELECT count(*) FROM service_role_map m JOIN roles r ON r.id = m.role_id WHERE r.name = 'crew'), 2::bigint, 'groups and services');
SELECT jhub_authz.login_apply('own', '{"name": "bob", "groups": null, "roles": [{"name": "crew", "users": []}]}') \g /dev/null
SELECT is(pg_temp.state('bob'), 'f [physics]', 'a list that leaves out who logs in and has the role takes it off');

-- what the hub answers with 409, or does not survive
SELECT throws_ok(format($$ SELECT jhub_authz.login_apply('own', %L) $$, '{"name": "bob", "groups": null, "roles": ' || roles || '}'), state, NULL, roles) FROM (VALUES
    ('[{"name": "Upper"}]', '22023'), ('[{"name": "x"}]', '22023'), ('[{"scopes": []}]', '22023'), ('["user"]', '22023'), ('"user"', '22023'),
    ('[{"name": "abc", "scopes": ["read:uers"]}]', '42704'), ('[{"name": "abc", "scopes": ["read:users!us=x"]}]', '22P02'),
    ('[{"name": "abc", "scopes": "self"}]', '22023'), ('[{"name": "abc", "users": null}]', '22023'), ('[{"name": "abc", "description": 5}]', '22023'),
    ('[{"name": "admin", "scopes": ["self"]}]', '22023')) AS v (roles, state);

-- ---- growth: bob's tokens were issued to one who is no admin
INSERT INTO user_role_map VALUES (10, 1, false) ON CONFLICT DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT token_id AS grown FROM jhub_authz.issue_token('user', 'bob', '["inherit"]') \gset
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT jhub_authz.load_login_config('boss', 'base', '{"allow_all": true, "admin_users": ["bob"]}') \g /dev/null
SELECT jhub_authz.login_apply('boss', '{"name": "bob"}') \g /dev/null
SELECT is(expires_at, NULL, 'not before the end of the transaction') FROM api_tokens WHERE id = :grown;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT isnt(expires_at, NULL, 'a login that widens its user revokes a token that grew with it') FROM api_tokens WHERE id = :grown;
SELECT is(action, 'revoked', '... and says so') FROM jhub_authz.token_events WHERE token_id = :grown ORDER BY event_id DESC LIMIT 1;
SELECT is(pg_temp.state('bob'), 't admin,user [physics]', '... the user is admin');

-- ---- a refresh changes nothing that is not there to change
SELECT ok(NOT pg_temp.changed($$ SELECT jhub_authz.login_apply('campus', '{"username": "bob", "groups": ["root"]}', '{"refresh": true}') $$), 'a refresh without auth_state');

SELECT * FROM finish();
ROLLBACK;
