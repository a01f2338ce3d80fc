-- grant_diffs tells where the actual grants are not the desired ones, and nothing
-- when they are.  A document has the form of the hub's own configuration.
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
SELECT jhub_authz.attach() \g /dev/null
SELECT plan(65);

SELECT is_empty('SELECT * FROM jhub_authz.grant_diffs()', 'nothing is desired: nothing is missing');
SELECT is(jhub_authz.require_targets(), 0, '... nor required');

-- the actual grants are the hub's rows
SELECT set_eq($$ SELECT subject_kind, subject, grant_kind, granted FROM jhub_authz.actual_grants() $$, $$
    SELECT 'user' AS a, u.name::text AS b, 'role' AS c, r.name::text AS d FROM user_role_map m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id
    UNION ALL SELECT 'group', g.name, 'role', r.name FROM group_role_map m JOIN groups g ON g.id = m.group_id JOIN roles r ON r.id = m.role_id
    UNION ALL SELECT 'service', s.name, 'role', r.name FROM service_role_map m JOIN services s ON s.id = m.service_id JOIN roles r ON r.id = m.role_id
    UNION ALL SELECT 'user', u.name, 'group', g.name FROM user_group_map m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id
    UNION ALL SELECT 'user', name, 'admin', NULL FROM users WHERE admin UNION ALL SELECT 'service', name, 'admin', NULL FROM services WHERE admin
    UNION ALL SELECT 'role', name, 'scopes', NULL FROM roles $$, 'actual_grants');

-- today's state as the desired one
CREATE FUNCTION pg_temp.take() RETURNS void LANGUAGE sql AS $$
    DELETE FROM jhub_authz.grant_targets;
    INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted, scopes) SELECT subject_kind, subject, grant_kind, granted, scopes FROM jhub_authz.actual_grants();
    INSERT INTO jhub_authz.grant_targets (subject_kind, grant_kind) VALUES ('role', 'scopes');
$$;
SELECT pg_temp.take() \g /dev/null
SELECT is_empty('SELECT * FROM jhub_authz.grant_diffs()', 'as it is: no difference');
CREATE FUNCTION pg_temp.diffs(change text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE told text[];
BEGIN
    EXECUTE change;
    SELECT array_agg(concat_ws(' ', diff, subject_kind, subject, grant_kind, granted, '(' || nullif(detail, '') || ')')) INTO told FROM jhub_authz.grant_diffs();
    RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
    RETURN told;
END $$;
SELECT is(pg_temp.diffs(change), told, change) FROM (VALUES
    ('DELETE FROM user_role_map WHERE (user_id, role_id) = (2, 5)', ARRAY['missing user o''brien role grader']),
    ('INSERT INTO user_role_map VALUES (11, 5, false)', '{extra user Alice role grader}'),
    ('INSERT INTO group_role_map VALUES (1, 5, false)', '{extra group physics role grader}'),
    ('INSERT INTO service_role_map VALUES (2, 5, false)', '{extra service idle-culler role grader}'),
    ('DELETE FROM service_role_map WHERE service_id = 4', '{missing service boss role admin}'),
    ('DELETE FROM group_role_map WHERE group_id = 1', '{missing group physics role by-server}'),
    ('INSERT INTO user_group_map VALUES (11, 1)', '{extra user Alice group physics}'),
    ('DELETE FROM user_group_map WHERE (user_id, group_id) = (10, 1)', '{missing user bob group physics}'),
    ('UPDATE users SET admin = true WHERE id = 10', '{extra user bob admin}'),
    ('UPDATE users SET admin = NULL WHERE id = 1', '{missing user admin admin}'),
    ('UPDATE services SET admin = true WHERE id = 2', '{extra service idle-culler admin}'),
    ('UPDATE roles SET scopes = ''["list:users", "proxy"]'' WHERE id = 14', ARRAY['different role culler scopes (lacks delete:servers read:servers read:users:activity; holds besides proxy)']),
    ('UPDATE roles SET scopes = ''["read:users:name", "self"]'' WHERE id = 1', '{different role user scopes (holds besides read:users:name)}'),
    ('UPDATE roles SET scopes = ''[]'' WHERE id = 11', NULL),
    ('UPDATE roles SET scopes = NULL WHERE id = 14', ARRAY['different role culler scopes (lacks delete:servers list:users read:servers read:users:activity)']),
    ('INSERT INTO roles VALUES (99, ''fresh'', NULL, ''[]'', false)', '{extra role fresh scopes}'),
    ('DELETE FROM roles WHERE id = 12', ARRAY['missing service sv c!1 role empty (there is no role "empty")', 'missing role empty scopes (there is no role "empty")']),
    ('DELETE FROM groups WHERE id = 4', ARRAY['missing group empty role by-service (there is no group "empty")']),
    ('DELETE FROM users WHERE id = 4', ARRAY['missing user eq=ual group group!x=y (there is no user "eq=ual")', 'missing user eq=ual role user (there is no user "eq=ual")']),
    ('UPDATE users SET name = ''bo'' WHERE name = ''bob''', ARRAY['extra user bo group physics', 'missing user bob group physics (there is no user "bob")', 'extra user bo role null',
        'missing user bob role null (there is no user "bob")', 'extra user bo role user', 'missing user bob role user (there is no user "bob")'])) AS v (change, told);
SELECT alike((pg_temp.diffs('UPDATE roles SET scopes = ''broken'' WHERE id = 14'))[1], 'different role culler scopes (%', 'a role that does not parse is told, and is no error');

-- what is not spoken of is not compared
DELETE FROM jhub_authz.grant_targets;
INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted) VALUES ('user', 'o''brien', 'role', 'grader'), ('user', NULL, 'group', 'empty'), ('user', 'admin', 'admin', NULL);
SELECT is_empty('SELECT * FROM jhub_authz.grant_diffs()', 'only what is spoken of');
SELECT is(pg_temp.diffs(change), told, 'some: ' || change) FROM (VALUES
    ('INSERT INTO user_role_map VALUES (11, 14, false)', NULL), ('INSERT INTO user_group_map VALUES (11, 1)', NULL), ('UPDATE services SET admin = true', NULL),
    ('INSERT INTO user_role_map VALUES (11, 5, false)', '{extra user Alice role grader}'::text[]),
    ('INSERT INTO user_group_map VALUES (11, 4)', '{extra user Alice group empty}'), ('UPDATE users SET admin = true WHERE id = 10', '{extra user bob admin}')) AS v (change, told);
SELECT throws_ok(format('INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted, scopes) VALUES (%s)', v), '23514', NULL, 'refused: ' || v)
  FROM unnest(ARRAY[$$'user', 'a', 'role', NULL, NULL$$, $$'role', 'a', 'role', 'b', NULL$$, $$'group', 'a', 'group', 'b', NULL$$, $$'group', 'a', 'admin', NULL, NULL$$,
                    $$'role', 'a', 'scopes', NULL, NULL$$, $$'role', NULL, 'scopes', NULL, '[]'$$, $$'user', 'a', 'role', 'b', '[]'$$, $$'user', 'a', 'x', 'b', NULL$$]) AS v;
SELECT throws_ok($$ INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted) VALUES ('user', NULL, 'group', 'empty') $$, '23505', NULL, 'twice the same');

-- a document
SELECT is(jhub_authz.load_grant_targets($$ {
    "load_roles": [{"name": "grader", "description": "x", "scopes": ["list:users!group=physics", "read:users:activity!group=physics", "read:groups!group=physics"], "users": ["o'brien"]},
                   {"name": "culler", "services": ["idle-culler"], "users": []}, {"name": "null"}],
    "load_groups": {"physics": ["alice", "bob"], "empty": {"users": [], "properties": {"a": 1}}, "lab one": {"properties": {}}},
    "admin_users": ["admin"]} $$), 11, 'a document is loaded');
SELECT is_empty('SELECT * FROM jhub_authz.grant_diffs()', '... and is as it is');
SELECT is(jhub_authz.require_targets(), 11, '... which is what is required');
CREATE TEMP TABLE was AS SELECT * FROM jhub_authz.grant_targets;
SELECT is(jhub_authz.load_grant_targets('{"load_groups": {"physics": ["alice", "bob", "zo\u00eb", "bob"]}, "load_roles": [{"name": "grader", "scopes": []}]}'), 5, 'another one');
SELECT results_eq($$ SELECT g.subject, w.target_id IS NOT NULL FROM jhub_authz.grant_targets g LEFT JOIN was w USING (target_id) ORDER BY g.subject $$,
    $$ VALUES ('alice', true), ('bob', true), ('grader', false), ('zoë', false), (NULL, true) $$, '... what stays keeps its number');
SELECT set_eq($$ SELECT diff, subject FROM jhub_authz.grant_diffs() $$, $$ VALUES ('missing', 'zoë'), ('different', 'grader') $$, '... and its differences');
SELECT throws_ok('SELECT jhub_authz.require_targets()', '23514', '2 grants are not as desired', '... with which a script ends');
SELECT throws_ok(format('SELECT jhub_authz.load_grant_targets(%L)', document), state, NULL, 'refused: ' || document) FROM (VALUES
    ('[]', '22023'), ('{"load_role": []}', '22023'), ('{"load_roles": {}}', '22023'), ('{"load_roles": [{"scopes": []}]}', '22023'), ('{"load_roles": ["x"]}', '22023'),
    ('{"load_roles": [{"name": "x", "user": []}]}', '22023'), ('{"load_roles": [{"name": "x", "users": "bob"}]}', '22023'), ('{"load_roles": [{"name": "x", "users": [1]}]}', '22023'),
    ('{"load_roles": [{"name": "x", "scopes": ["a b"]}]}', '22P02'), ('{"load_roles": [{"name": "x", "scopes": ["a"]}, {"name": "x", "scopes": ["b"]}]}', '22023'),
    ('{"load_groups": {"x": "bob"}}', '22023'), ('{"load_groups": []}', '22023'), ('{"admin_users": null}', '22023'), ('{', '22P02')) AS v (document, state);
SELECT is((SELECT count(*)::int FROM jhub_authz.grant_targets), 5, '... and nothing is done');

CREATE ROLE targets_auditor;
SELECT jhub_authz.grant_auditor('targets_auditor') \g /dev/null
SET LOCAL ROLE targets_auditor;
SELECT is((SELECT count(*)::int FROM jhub_authz.grant_diffs()), 2, 'an auditor reads');
SELECT throws_ok('DELETE FROM jhub_authz.grant_targets', '42501', NULL, '... and writes nothing');
RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
