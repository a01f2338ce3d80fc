-- A transaction that breaks an assertion with a veto fails, whichever way it does
-- it; one that does not, or that finds it broken already, passes.
-- Not in one transaction: what held before is what was committed.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
DROP EXTENSION IF EXISTS jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
DROP SCHEMA IF EXISTS hub_assertions CASCADE;
DROP ROLE IF EXISTS hub_assertions_owner;
CREATE ROLE hub_assertions_owner;
CREATE SCHEMA hub_assertions AUTHORIZATION hub_assertions_owner;
\set hub hub_assertions
\set hub_owner hub_assertions_owner
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = public, hub_assertions;
SELECT jhub_authz.attach('hub_assertions') \g /dev/null
-- of several ways to the same some
\if :{?few}
SELECT no_plan();
\set some 'length(what) % 4 = 1'
\else
SELECT plan(66);
\set some true
\endif

-- What becomes of a change; nothing of it stays.
CREATE FUNCTION hub_assertions.change(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    BEGIN
        EXECUTE what;
        SET CONSTRAINTS ALL IMMEDIATE;
        SET CONSTRAINTS ALL DEFERRED;
        RAISE EXCEPTION 'passes' USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS said = PG_EXCEPTION_DETAIL;
        RETURN SQLSTATE || coalesce(' ' || nullif(said, ''), '');
    END;
END $$;

INSERT INTO jhub_authz.assertions (subject_kind, subject, required, expected, veto, note) VALUES
    ('user', 'bob', 'admin:users', false, true, 'ticket 7'), ('user', 'admin', 'admin:users', true, true, ''),
    ('group', 'empty', 'list:users', false, true, ''), ('service', 'idle-culler', 'delete:servers', true, true, ''),
    ('token', '4', 'list:users', true, true, ''), ('user', 'alice', 'access:servers!user=bob', true, true, 'through physics'),
    ('user', 'lonely', 'proxy', false, false, 'no veto');

-- every way to break one
SELECT is(hub_assertions.change(what), '23514 Assertion ' || detail, what) FROM (VALUES
    ('INSERT INTO user_role_map VALUES (10, 2, false)', '1: user "bob" must not hold "admin:users": by role "admin" (ticket 7).'),
    ('UPDATE roles SET scopes = ''["admin:users"]'' WHERE name = ''user''', '1: user "bob" must not hold "admin:users": by role "user" (ticket 7).'),
    ('UPDATE roles SET scopes = ''["admin:users"]'' WHERE name = ''null''', '1: user "bob" must not hold "admin:users": by role "null" (ticket 7).'),
    ('INSERT INTO group_role_map VALUES (1, 2, false)', '1: user "bob" must not hold "admin:users": by role "admin" of group "physics" (ticket 7).'),
    ('INSERT INTO user_group_map VALUES (10, 4); INSERT INTO group_role_map VALUES (4, 2, false)',
        '1: user "bob" must not hold "admin:users": by role "admin" of group "empty" (ticket 7).' || chr(10) ||
        'Assertion 3: group "empty" must not hold "list:users": by role "admin".'),
    ('UPDATE shares SET scopes = ''["admin:users"]'' WHERE user_id = 10', '1: user "bob" must not hold "admin:users": by share 1 of server "alice/" (ticket 7).'),
    ('UPDATE users SET name = name || ''x'' WHERE name = ''bob''; UPDATE users SET name = ''bob'' WHERE name = ''admin''',
        '1: user "bob" must not hold "admin:users": by role "admin" (ticket 7).' || chr(10) ||
        'Assertion 2: user "admin" must hold "admin:users": there is no user "admin".'),
    ('DELETE FROM user_role_map WHERE user_id = 1', '2: user "admin" must hold "admin:users": it does not hold it.' || chr(10) ||
        'Assertion 5: token "4" must hold "list:users": it does not hold it.'),
    ('UPDATE roles SET scopes = ''["read:users"]'' WHERE name = ''admin''', '2: user "admin" must hold "admin:users": it does not hold it.' || chr(10) ||
        'Assertion 5: token "4" must hold "list:users": it does not hold it.'),
    ('DELETE FROM roles WHERE name = ''culler''', '4: service "idle-culler" must hold "delete:servers": it does not hold it.'),
    ('DELETE FROM service_role_map', '4: service "idle-culler" must hold "delete:servers": it does not hold it.'),
    ('DELETE FROM services WHERE id = 2', '4: service "idle-culler" must hold "delete:servers": there is no service "idle-culler".'),
    ('DELETE FROM api_tokens WHERE id = 4', '5: token "4" must hold "list:users": there is no live token "4".'),
    ('UPDATE api_tokens SET scopes = ''[]'' WHERE id = 4', '5: token "4" must hold "list:users": it does not hold it.'),
    ('UPDATE api_tokens SET expires_at = ''2020-01-01'' WHERE id = 4', '5: token "4" must hold "list:users": there is no live token "4".'),
    ('SELECT jhub_authz.revoke_token(4, ''x'')', '5: token "4" must hold "list:users": there is no live token "4".'),
    ('DELETE FROM user_group_map WHERE user_id IN (6, 9)', '6: user "alice" must hold "access:servers!user=bob": it does not hold it (through physics).'),
    ('DELETE FROM group_role_map WHERE group_id IN (1, 2)', '6: user "alice" must hold "access:servers!user=bob": it does not hold it (through physics).'),
    ('DELETE FROM groups WHERE name <> ''empty''', '6: user "alice" must hold "access:servers!user=bob": it does not hold it (through physics).')
) AS v (what, detail) WHERE :some;
SELECT alike(hub_assertions.change(what), '23514 %', what) FROM (VALUES
    ('TRUNCATE user_role_map'), ('TRUNCATE service_role_map'), ('TRUNCATE api_tokens'),
    ('DELETE FROM users WHERE id = 1'),
    ('TRUNCATE roles CASCADE')) AS v (what) WHERE :some;

-- whoever does it: the hub's own role
SELECT alike(hub_assertions.change('SET LOCAL ROLE hub_assertions_owner; ' || what), '23514 %', 'as the hub: ' || what) FROM (VALUES
    ('INSERT INTO user_role_map VALUES (10, 2, false)'), ('DELETE FROM user_role_map WHERE user_id = 1'), ('TRUNCATE user_role_map')) AS v (what) WHERE :some OR what ~ 'TRUNC';
SELECT is(hub_assertions.change('SET LOCAL ROLE hub_assertions_owner; INSERT INTO user_role_map VALUES (10, 14, false)'), 'ZZ001', '... and what breaks none');

-- what breaks none passes
SELECT is(hub_assertions.change(what), 'ZZ001', 'passes: ' || what) FROM (VALUES
    ('INSERT INTO user_role_map VALUES (10, 14, false)'),
    ('INSERT INTO user_role_map VALUES (14, 2, false)'),
    ('DELETE FROM user_role_map WHERE user_id = 9'),
    ('DELETE FROM user_role_map WHERE user_id = 1; INSERT INTO user_role_map VALUES (1, 2, false)'),
    ('INSERT INTO user_role_map VALUES (10, 2, false); DELETE FROM user_role_map WHERE user_id = 10'),
    ('DELETE FROM user_group_map WHERE user_id = 9 AND group_id = 2'),
    ('UPDATE users SET last_activity = now()')) AS v (what) WHERE :some;

-- only with a veto
UPDATE jhub_authz.assertions SET veto = false WHERE assertion_id = 1;
SELECT is(hub_assertions.change('INSERT INTO user_role_map VALUES (10, 2, false)'), 'ZZ001', 'no veto: it passes');
SELECT results_eq($$ SELECT assertion_id::int, ok FROM jhub_authz.check_assertions() WHERE NOT ok $$, $$ SELECT 1, true WHERE false $$, '... nothing stayed of what was tried');

-- one that is broken already is in nobody's way, until it holds again
INSERT INTO user_role_map VALUES (10, 2, false);
UPDATE jhub_authz.assertions SET veto = true WHERE assertion_id = 1;
SELECT is((SELECT ok FROM jhub_authz.check_assertions() WHERE assertion_id = 1), false, 'broken already: it is told');
SELECT throws_ok('SELECT jhub_authz.require_assertions()', '23514', 'assertion 1 does not hold', '... and a script ends with it');
SELECT is(hub_assertions.change('INSERT INTO user_role_map VALUES (14, 14, false)'), 'ZZ001', '... others may change grants');
SELECT is(hub_assertions.change('INSERT INTO group_role_map VALUES (1, 2, false)'), 'ZZ001', '... also what would break it');
DELETE FROM user_role_map WHERE (user_id, role_id) = (10, 2);
SELECT alike(hub_assertions.change('INSERT INTO user_role_map VALUES (10, 2, false)'), '23514 %', '... it holds again, and is not to be broken');
SELECT is(jhub_authz.require_assertions(), 7, 'all hold');

-- a token that this transaction makes was not there before, whenever it says that it was
INSERT INTO jhub_authz.assertions (assertion_id, subject_kind, subject, required, expected, veto, note) OVERRIDING SYSTEM VALUE VALUES (99, 'token', '99', 'list:users', false, true, '');
CREATE FUNCTION hub_assertions.token(id integer, owner integer, created text, scopes text) RETURNS text LANGUAGE sql AS $$
    SELECT format('INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (%1$s, %2$s, ''jupyterhub'', %3$s, ''zzzz'', ''hash of %1$s'', %4$L)', id, owner, created, scopes) $$;
SELECT is(hub_assertions.change(what), '23514 Assertion ' || detail, what) FROM (
    SELECT 'DELETE FROM api_tokens WHERE id = 4; ' || hub_assertions.token(4, 1, created, '["read:users:name"]') AS what, '5: token "4" must hold "list:users": it does not hold it.' AS detail
      FROM unnest(ARRAY['timezone(''UTC'', now())', 'timezone(''UTC'', clock_timestamp())', '''2020-01-01''', 'NULL']) AS c (created)
    UNION ALL
    SELECT hub_assertions.token(99, 1, created, '["list:users"]'), '99: token "99" must not hold "list:users": by role "admin" (stored).'
      FROM unnest(ARRAY['timezone(''UTC'', now())', '''2020-01-01''', 'NULL']) AS c (created)) AS v WHERE :some;
-- ... and one whose row it writes again was, as it was
SELECT alike(hub_assertions.change('UPDATE api_tokens SET ' || what || ' WHERE id = 4; DELETE FROM user_role_map WHERE user_id = 1'),
    '23514 %Assertion 5: token "4" must hold "list:users": it does not hold it.%', what || ' does not hide what it held')
  FROM unnest(ARRAY['last_activity = now()', 'scopes = scopes']) AS w (what);
INSERT INTO jhub_authz.assertions (assertion_id, subject_kind, subject, required, expected, veto, note) OVERRIDING SYSTEM VALUE VALUES (98, 'token', '4', 'list:users', false, true, '');
SELECT is(hub_assertions.change('UPDATE api_tokens SET ' || what || ' WHERE id = 4; INSERT INTO user_role_map VALUES (14, 14, false)'), 'ZZ001', what || ' does not make it new')
  FROM unnest(ARRAY['last_activity = now()', 'scopes = scopes', 'scopes = ''["list:users", "read:users:name"]''']) AS w (what);
DELETE FROM jhub_authz.assertions WHERE assertion_id = 98;

-- modes, and a preview
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT is(hub_assertions.change('INSERT INTO user_role_map VALUES (10, 2, false)'), 'ZZ001', 'observe: a warning, and it passes');
SELECT jhub_authz.set_mode('off') \g /dev/null
SELECT is(hub_assertions.change('INSERT INTO user_role_map VALUES (10, 2, false)'), 'ZZ001', 'off: it passes');
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SELECT lives_ok($$ SELECT * FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (10, 2, false)') $$, 'preview: it is only asked');
SELECT is(hub_assertions.change('SET session_replication_role = replica; INSERT INTO user_role_map VALUES (10, 2, false); SET session_replication_role = origin'), 'ZZ001',
    'what replication brings was decided elsewhere');

-- at the commit itself
\set ON_ERROR_STOP off
\o /dev/null
BEGIN;
SAVEPOINT a;
INSERT INTO user_role_map VALUES (14, 14, false);
ROLLBACK TO a;
DELETE FROM user_role_map WHERE user_id = 1;
COMMIT;
\set committed :SQLSTATE
\o
\set ON_ERROR_STOP on
SELECT is(:'committed'::text, '23514', 'COMMIT fails');
SELECT isnt_empty('SELECT FROM user_role_map WHERE user_id = 1', '... and nothing is done');
-- a table that is swapped brings what nobody noticed: whoever comes next is told what to do
CREATE FUNCTION hub_assertions.hint(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    said text;
BEGIN
    EXECUTE what;
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN 'passes';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS said = PG_EXCEPTION_HINT;
    RETURN SQLSTATE || ' ' || said;
END $$;
SELECT is(jhub_authz.require_assertions(), 8, 'all hold');
SELECT is(hub_assertions.hint('DELETE FROM user_role_map WHERE user_id = 1'), '23514 The veto is set in jhub_authz.assertions.', 'this change broke it');
BEGIN;
CREATE TABLE hub_assertions.swapped (LIKE user_role_map INCLUDING ALL);
INSERT INTO hub_assertions.swapped SELECT * FROM user_role_map WHERE user_id <> 1;
ALTER TABLE hub_assertions.swapped OWNER TO hub_assertions_owner;
ALTER TABLE user_role_map RENAME TO user_role_map_before;
ALTER TABLE hub_assertions.swapped RENAME TO user_role_map;
COMMIT;
SELECT alike(hub_assertions.hint('INSERT INTO service_role_map VALUES (3, 14, false)'), '23514 Some of the hub''s tables had lost our triggers, %call jhub_authz.attach()%', 'a swapped table broke it: the hint says what to do');
SELECT lives_ok('SELECT jhub_authz.attach(''hub_assertions'')', '... that can be done');
SELECT is(hub_assertions.change('INSERT INTO service_role_map VALUES (3, 14, false)'), 'ZZ001', '... and changes go on');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_assertions CASCADE;
REASSIGN OWNED BY hub_assertions_owner TO CURRENT_USER;
DROP OWNED BY hub_assertions_owner;
DROP ROLE hub_assertions_owner;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
