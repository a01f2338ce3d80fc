-- What is not shown does not come out another way: not through functions in a
-- condition, not through errors, plans, counts, internal functions or ids.
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
SELECT plan(28);
-- alice lists physics (herself and bob), with their names; of bob the groups, too
UPDATE hub_test.roles SET scopes = '["list:users!group=physics", "read:users:groups!user=bob", "read:tokens!user=bob"]' WHERE name = 'null';
DELETE FROM hub_test.user_role_map WHERE user_id = 9;
INSERT INTO hub_test.user_role_map VALUES (9, 11, false);
DELETE FROM hub_test.user_group_map WHERE user_id = 9 AND group_id = 2;
DELETE FROM hub_test.group_role_map WHERE group_id = 1;
DELETE FROM hub_test.shares;
SELECT jhub_authz.attach('hub_test', 'off') \g /dev/null
SELECT jhub_authz.grant_reader('identity_web') \g /dev/null

-- the role's own functions: cheap, and with something to say
CREATE SCHEMA spy AUTHORIZATION identity_web;
SET LOCAL SESSION AUTHORIZATION identity_web;
CREATE TEMP TABLE heard (what text);
CREATE FUNCTION spy.hear(what text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN INSERT INTO heard VALUES (what); RETURN true; END $$;
CREATE FUNCTION spy.is(a text, b text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 AS $$
BEGIN INSERT INTO heard VALUES (a); RETURN a = b; END $$;
CREATE OPERATOR spy.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = spy.is, RESTRICT = eqsel, JOIN = eqjoinsel);
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
SELECT count(*) FROM jhub_authz.api_users WHERE spy.hear(name) AND spy.hear(groups::text) AND spy.hear(roles::text) \g /dev/null
SELECT count(*) FROM jhub_authz.api_users u WHERE spy.hear(u::text) \g /dev/null
SELECT count(*) FROM jhub_authz.api_users WHERE name OPERATOR(spy.===) 'carol' OR groups::text OPERATOR(spy.===) 'x' \g /dev/null
SELECT count(*) FROM jhub_authz.api_users a JOIN jhub_authz.api_users b ON a.name OPERATOR(spy.===) b.name \g /dev/null
SELECT count(*) FROM jhub_authz.api_tokens WHERE spy.hear(user_name) AND spy.hear(note) AND spy.hear(scopes::text) AND spy.hear(id) \g /dev/null
SELECT count(*) FROM jhub_authz.api_servers WHERE spy.hear(user_name) AND spy.hear(url) \g /dev/null
SELECT count(*) FROM jhub_authz.api_groups WHERE spy.hear(name) \g /dev/null
SELECT count(*) FROM jhub_authz.api_services WHERE spy.hear(name) \g /dev/null
RESET SESSION AUTHORIZATION;
\if :{?few}
\set most 20
\else
\set most 200
\endif
SELECT isnt_empty($$ SELECT FROM heard WHERE what = 'bob' $$, 'a function in a condition hears what is shown');
SELECT is_empty($$ SELECT h.what FROM heard h, hub_test.users u WHERE u.name NOT IN ('alice', 'bob') AND (h.what = u.name OR strpos(h.what, u.name) > 0 AND u.name NOT IN ('group', 'admin')) $$,
    '... and no other user''s name');
SELECT is_empty($$ SELECT what FROM heard WHERE what ~ 'sharer|by-user|self-filters|null' $$, '... no role, which may not be seen');
SELECT is_empty($$ SELECT what FROM heard WHERE what ~ 'lab one' OR (what ~ 'alice' AND what ~ 'physics') $$, '... no group but those of bob');
SELECT is_empty($$ SELECT what FROM heard WHERE what ~ 'announce|culler|boss|/user/' $$, '... no service, no server');
SELECT is_empty($$ SELECT what FROM heard WHERE what ~ 'own servers|inherits|alice/' OR what IN ('a1', 'a2', 'a5') $$, '... no token of alice''s');
SELECT isnt_empty($$ SELECT FROM heard WHERE what = 'a3' $$, '... but those of bob');

SET LOCAL SESSION AUTHORIZATION identity_web;
-- errors
SELECT lives_ok($$ SELECT 1 / (name <> 'admin')::int FROM jhub_authz.api_users $$, 'an error for a row that is hidden does not happen');
SELECT lives_ok($$ SELECT * FROM jhub_authz.api_users WHERE 1 / (name <> 'admin')::int = 1 $$, '... in a condition, too');
SELECT lives_ok($$ SELECT * FROM jhub_authz.api_users WHERE name::int = 1 AND name NOT IN ('alice', 'bob') $$, '... and with a cast that fails');
SELECT lives_ok($$ SELECT 1 / (coalesce(roles::text, '') !~ 'user')::int FROM jhub_authz.api_users $$, 'nor for a field');

-- what the views are made of
SELECT is_empty(format($$ SELECT i FROM generate_series(-5, %s) i, LATERAL jhub_authz._api_user(i) u WHERE u.name NOT IN ('alice', 'bob') $$, :most), 'ids that are guessed show nobody else');
SELECT is((SELECT count(*) FROM generate_series(-5, :most) i, LATERAL jhub_authz._api_user(i)), 2::bigint, '... and those that may be seen');
SELECT is_empty(format($$ SELECT i FROM generate_series(-5, %1$s) i, LATERAL jhub_authz._api_group(i)
    UNION ALL SELECT i FROM generate_series(-5, %1$s) i, LATERAL jhub_authz._api_service(i) $$, :most), 'no group, no service');
SELECT is_empty(format($$ SELECT i, s.user_name FROM generate_series(-5, %s) i, LATERAL jhub_authz._api_user_servers(i) s $$, :most), 'no server');
SELECT is_empty(format($$ SELECT i, t.id FROM generate_series(-5, %s) i, LATERAL jhub_authz._api_user_tokens(i) t WHERE t.user_name <> 'bob' $$, :most), 'nobody else''s token');
SELECT results_eq($$ SELECT name FROM jhub_authz._api_users() $$, ARRAY['alice', 'bob'], 'the keys are those that are listed');
SELECT results_eq($$ SELECT name FROM jhub_authz._api_token_users() $$, ARRAY['bob'], 'likewise of tokens');
SELECT is_empty($$ SELECT FROM jhub_authz._api_user(2147483647) UNION ALL SELECT FROM jhub_authz._api_user(-2147483648) UNION ALL SELECT FROM jhub_authz._api_user(NULL) $$, 'ids at the ends');
SELECT is_empty($$ SELECT n, u.name FROM (VALUES ('admin'), ('lonely'), ('zo'), ('%'), ('bob''; --'), ('BOB')) v (n), LATERAL jhub_authz.api_user(n) u $$, 'no other by name');

-- plans: the same for whoever asks, and for what is not there
CREATE FUNCTION spy.plan(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; plan text := '';
BEGIN FOR line IN EXECUTE 'EXPLAIN ' || query LOOP plan := plan || line || chr(10); END LOOP; RETURN plan; END $$;
SELECT is(spy.plan($$ SELECT * FROM jhub_authz.api_users WHERE name = 'admin' $$), replace(spy.plan($$ SELECT * FROM jhub_authz.api_users WHERE name = 'xxxxx' $$), 'xxxxx', 'admin'),
    'EXPLAIN does not tell a user that is hidden from one that is not there');
SELECT matches(spy.plan($$ SELECT * FROM jhub_authz.api_users WHERE name = 'bob' $$), 'Function Scan on _api_users k[^\n]*\n *Filter: \(name = ''bob''::text\)', 'a condition on the name is one on the keys');
CREATE TEMP TABLE before AS SELECT spy.plan('SELECT * FROM jhub_authz.api_users') AS plan;
SELECT jhub_authz.act_as(md5('token4')) \g /dev/null
SELECT is(spy.plan('SELECT * FROM jhub_authz.api_users'), plan, 'nor how many there are') FROM before;
SELECT is((SELECT count(*) FROM jhub_authz.api_users), 14::bigint, '... to whom sees them all');
RESET SESSION AUTHORIZATION;

-- row security of the hub's own
SET LOCAL SESSION AUTHORIZATION identity_hub;
ALTER TABLE hub_test.users ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
RESET SESSION AUTHORIZATION;
SET LOCAL SESSION AUTHORIZATION identity_web;
SELECT is((SELECT count(*) FROM jhub_authz.api_users), 14::bigint, 'row security that the hub''s role forces on itself is not in the way');
SELECT is_empty($$ SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'hub_test'::regnamespace AND c.relkind = 'r' AND has_table_privilege('identity_web', c.oid, 'SELECT') $$,
    'and all that without a right on a table of the hub''s');

-- a relation in the hub's schema that is not the hub's is not read with its rights
RESET SESSION AUTHORIZATION;
CREATE ROLE identity_other;
CREATE TABLE spy.ran_as (who name);
GRANT USAGE ON SCHEMA spy TO identity_hub, identity_other;
GRANT INSERT ON spy.ran_as TO identity_hub, identity_other;
CREATE FUNCTION spy.address(url text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN INSERT INTO spy.ran_as VALUES (current_user); RETURN url; END $$;
ALTER TABLE hub_test.servers RENAME TO servers_before;
GRANT SELECT ON hub_test.servers_before TO identity_other;
GRANT USAGE ON SCHEMA hub_test TO identity_other;
CREATE VIEW hub_test.servers AS SELECT id, spy.address(base_url) AS base_url FROM hub_test.servers_before;
ALTER VIEW hub_test.servers OWNER TO identity_other;
GRANT SELECT ON hub_test.servers TO identity_hub;
UPDATE hub_test.services SET _server_id = (SELECT min(id) FROM hub_test.servers_before);
UPDATE hub_test.roles SET scopes = '["list:services", "read:services"]' WHERE name = 'null';
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
SELECT isnt_empty('SELECT FROM jhub_authz.api_services', 'services without their addresses');
SELECT is_empty('SELECT who FROM spy.ran_as', '... which somebody else gives');
SELECT * FROM finish();
ROLLBACK;
