-- check_assertions tells of every assertion whether it holds and why; a row that
-- says nothing sensible is told, too.  A document makes the table what it says.
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
SELECT plan(40);

SELECT is_empty('SELECT * FROM jhub_authz.check_assertions()', 'none at first');
SELECT is(jhub_authz.require_assertions(), 0, '... all of them hold');

-- each agrees with the question that it is
CREATE TEMP TABLE asked AS
    SELECT k.kind, k.name, r.required FROM
        (SELECT 'user' AS kind, name FROM users UNION ALL SELECT 'group', name FROM groups UNION ALL SELECT 'service', name FROM services
         UNION ALL SELECT 'token', id::text FROM api_tokens UNION ALL VALUES ('user', 'nobody'), ('token', 'x'), ('token', 'a4'), ('token', '999')) AS k,
        unnest(ARRAY['list:users', 'admin:users', 'access:servers!server=alice/', 'read:users:name!user=bob', 'access:servers!group=physics', 'custom:x:y', 'read:users:name']) AS r (required);
\if :{?few}
DELETE FROM asked WHERE (kind, name) NOT IN (('user', 'bob'), ('user', 'nobody'), ('group', 'physics'), ('service', 'idle-culler'), ('token', '4'), ('token', 'a4'), ('token', '10')) OR required ~ '(users|physics|bob)$';
INSERT INTO asked VALUES ('user', 'bob', 'read:users:name!user=bob'), ('token', '1', 'access:servers!group=physics');
\endif
INSERT INTO jhub_authz.assertions (subject_kind, subject, required) SELECT * FROM asked;
SELECT is_empty($$ SELECT * FROM jhub_authz.check_assertions() WHERE actual <> jhub_authz.subject_has_scope(subject_kind, subject, required) $$, 'actual is what subject_has_scope says');
SELECT is_empty($$ SELECT * FROM jhub_authz.check_assertions() WHERE ok <> actual OR why = '' $$, 'ok: it is as expected; each with its why');
SELECT is_empty($$ SELECT c.* FROM jhub_authz.check_assertions() c
                    WHERE actual <> EXISTS (SELECT FROM jhub_authz.who_can(c.required) w WHERE (w.subject_kind, w.subject) = (c.subject_kind, ltrim(c.subject, 'a')) OR (w.subject_kind, w.subject) = (c.subject_kind, c.subject)) $$,
                'actual is what who_can says');
SELECT is((SELECT count(*) FROM jhub_authz.check_assertions()), (SELECT count(*) FROM asked), 'one row each');
SELECT throws_like('SELECT jhub_authz.require_assertions()', '% assertions do not hold', 'require_assertions fails');
UPDATE jhub_authz.assertions a SET expected = c.actual FROM jhub_authz.check_assertions() c WHERE c.assertion_id = a.assertion_id;
SELECT is_empty('SELECT * FROM jhub_authz.check_assertions() WHERE NOT ok', 'expected as it is');
SELECT is(jhub_authz.require_assertions(), (SELECT count(*)::int FROM asked), '... all hold');
DELETE FROM jhub_authz.assertions;

-- why
INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('user', 'bob', 'access:servers!server=alice/'), ('user', 'bob', 'servers!server=bob/'),
    ('user', 'bob', 'servers!server=alice/lab'), ('token', '1', 'list:groups'), ('token', '10', 'list:users'), ('group', 'physics', 'proxy'), ('service', 'nobody', 'proxy');
SELECT results_eq('SELECT why FROM jhub_authz.check_assertions()', ARRAY['by role "by-server" of group "physics", share 1 of server "alice/"', 'by role "user", role "by-server" of group "physics"',
    'by share 2 of server "alice/lab" with group "physics"', 'by role "sharer" (inherit)', 'there is no live token "10"', 'it does not hold it', 'there is no service "nobody"'], 'why');

-- what says nothing sensible
INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('user', 'bob', 'read users'), ('user', 'bob', 'read:users!user'), ('user', 'bob', ''), ('user', 'bob', repeat('x', 3000)), ('user', '', 'list:users');
SELECT is((SELECT count(*)::int FROM jhub_authz.check_assertions() WHERE actual IS NULL AND NOT ok), 4, 'no scope: it does not hold, and is no error');
SELECT results_eq($$ SELECT why FROM jhub_authz.check_assertions() WHERE required ~ '^read[ :]users(!user)?$' $$,
                  ARRAY['"read users" is no scope: A base name cannot hold white space', '"read:users!user" does not say whose it is'], '... and is told');
SELECT throws_ok($$ INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('role', 'x', 'list:users') $$, '23514', NULL, 'no kind of subject');
DELETE FROM jhub_authz.assertions;

-- rows that do not parse say so
UPDATE roles SET scopes = 'broken' WHERE name = 'user';
INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('user', 'Alice', 'list:users');
SELECT alike((SELECT why FROM jhub_authz.check_assertions()), 'it does not hold it; role "user": %', 'a role that does not parse');
DELETE FROM jhub_authz.assertions;

-- documents
SELECT is(jhub_authz.load_assertions('[{"subject_kind": "user", "subject": "bob", "required": "admin:users", "expected": false, "veto": true, "note": "n"},
    {"subject_kind": "group", "subject": "physics", "required": "access:servers!user=bob"}]'), 2, 'a document is loaded');
SELECT results_eq('SELECT subject_kind, subject, required, expected, veto, note FROM jhub_authz.assertions ORDER BY assertion_id',
    $$ VALUES ('user', 'bob', 'admin:users', false, true, 'n'), ('group', 'physics', 'access:servers!user=bob', true, false, '') $$, '... with its defaults');
CREATE TEMP TABLE was AS SELECT * FROM jhub_authz.assertions;
SELECT is(jhub_authz.load_assertions('[{"subject_kind": "group", "subject": "physics", "required": "access:servers!user=bob"},
    {"subject_kind": "user", "subject": "zo\u00eb", "required": "read:users:name!user=zo\u00eb"}, {"subject_kind": "user", "subject": "zo\u00eb", "required": "read:users:name!user=zo\u00eb"}]'), 2, 'another one');
SELECT results_eq($$ SELECT a.subject, w.assertion_id IS NOT NULL FROM jhub_authz.assertions a LEFT JOIN was w USING (assertion_id) ORDER BY a.assertion_id $$,
    $$ VALUES ('physics', true), ('zoë', false) $$, '... what stays keeps its number, what it does not hold goes, twice is once');
SELECT throws_ok(format('SELECT jhub_authz.load_assertions(%L)', document), state, NULL, 'refused: ' || document) FROM (VALUES
    ('{}', '22023'), ('"x"', '22023'), ('[1]', '22023'), ('[{}]', '22023'), ('[', '22P02'),
    ('[{"subject_kind": "user", "subject": "bob"}]', '22023'),
    ('[{"subject_kind": "role", "subject": "bob", "required": "list:users"}]', '22023'),
    ('[{"subject_kind": "user", "subject": 1, "required": "list:users"}]', '22023'),
    ('[{"subject_kind": "user", "subject": "bob", "required": "list:users", "expected": "no"}]', '22023'),
    ('[{"subject_kind": "user", "subject": "bob", "required": "list:users", "veto": null}]', '22023'),
    ('[{"subject_kind": "user", "subject": "bob", "required": "list:users", "vetoo": true}]', '22023'),
    ('[{"subject_kind": "user", "subject": "bob", "required": "list users"}]', '22P02'),
    ('[{"subject_kind": "user", "subject": "bob", "required": "read:users!user"}]', '22023')) AS v (document, state);
SELECT is((SELECT count(*)::int FROM jhub_authz.assertions), 2, '... and nothing is done');
SELECT is(jhub_authz.load_assertions('[]'), 0, 'an empty document');
SELECT is_empty('SELECT FROM jhub_authz.assertions', '... leaves none');

-- who may
CREATE ROLE assertions_auditor;
CREATE ROLE assertions_keeper;
SELECT jhub_authz.grant_auditor('assertions_auditor') \g /dev/null
GRANT USAGE ON SCHEMA jhub_authz TO assertions_keeper;
INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('user', 'admin', 'admin:users');
SET LOCAL ROLE assertions_auditor;
SELECT is((SELECT count(*)::int FROM jhub_authz.check_assertions()), 1, 'an auditor reads');
SELECT is(jhub_authz.require_assertions(), 1, '... and requires');
SELECT throws_ok($$ INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('user', 'admin', 'admin:users') $$, '42501', NULL, '... and writes none');
SELECT throws_ok($$ SELECT jhub_authz.load_assertions('[]') $$, '42501', NULL, '... nor loads them');
RESET ROLE;
GRANT SELECT, INSERT, DELETE ON jhub_authz.assertions TO assertions_keeper;
GRANT EXECUTE ON FUNCTION jhub_authz.load_assertions(jsonb), jhub_authz.has_scope(jhub_authz.scopeset, text) TO assertions_keeper;
SET LOCAL ROLE assertions_keeper;
SELECT is(jhub_authz.load_assertions('[{"subject_kind": "user", "subject": "admin", "required": "list:users"}]'), 1, 'whom the owner grants it loads them');
RESET ROLE;
SELECT jhub_authz.detach() \g /dev/null
SELECT throws_ok('SELECT * FROM jhub_authz.check_assertions()', '55000', 'no hub is attached', 'no hub');
SELECT * FROM finish();
ROLLBACK;
