-- What a moment is: of a transaction with several changes and actors, of a clock
-- that was set back, of the time before the past is kept, and of what was pruned.
-- Not in one transaction: the past is made of commits.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
DROP EXTENSION IF EXISTS jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
DROP SCHEMA IF EXISTS hub_past CASCADE;
\set hub hub_past
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = public, hub_past;
SELECT plan(36);

CREATE FUNCTION hub_past.told(since timestamptz) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s %s %s: %s [%s]', change, count(*), subject, cause, application_name)
      FROM jhub_authz.scope_changes(since, 'infinity') WHERE NOT covered GROUP BY at, change, subject, cause, application_name
     ORDER BY at, subject, change $$;
-- when everything is committed by, and before all that follows
CREATE FUNCTION hub_past.moment() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$ SELECT greatest(clock_timestamp(), (SELECT max(at) FROM jhub_authz.history_changes)) $$;

-- before
SELECT throws_ok($$ SELECT jhub_authz.user_scopes_as_of('bob', now()) $$, '55000', 'no past is kept', 'never attached');
SELECT is_empty($$ SELECT * FROM jhub_authz.scope_changes('-infinity', 'infinity') $$, '... nothing changed');
SELECT clock_timestamp() AS before \gset
SELECT jhub_authz.attach('hub_past') \g /dev/null
SELECT hub_past.moment() AS attached \gset
SELECT throws_like(format($$ SELECT jhub_authz.user_scopes_as_of('bob', %L) $$, :'before'), 'no past is kept of %', 'before attach');
SELECT throws_ok(format($$ SELECT * FROM jhub_authz.who_could('list:users', %L) $$, :'before'), '55000', NULL, '... who_could likewise');
SELECT throws_ok($$ SELECT jhub_authz.user_scopes_as_of('bob', now() + interval '1 minute') $$, '22023', NULL, 'what has not come');
SELECT throws_ok($$ SELECT jhub_authz.user_scopes_as_of('bob', 'infinity') $$, '22023', NULL, '... infinity');
SELECT throws_ok($$ SELECT jhub_authz.user_scopes_as_of('bob', '-infinity') $$, '55000', NULL, '... and -infinity');
SELECT is_empty($$ SELECT * FROM jhub_authz.scope_changes('-infinity', 'infinity') $$, 'what attach finds was gained by nobody');
SELECT is(jhub_authz.user_scopes_as_of('nobody', :'attached')::text, NULL, 'no such user');
SELECT throws_ok($$ SELECT * FROM jhub_authz.who_could('read:users!user', now()) $$, '22023', NULL, 'a self filter cannot be asked for');
SELECT throws_ok($$ SELECT * FROM jhub_authz.who_could('read:users!usr=x', now()) $$, '22P02', NULL, '... nor what is no scope');

-- several changes in one transaction are one moment: what was there in between never was
BEGIN;
INSERT INTO user_role_map VALUES (10, 2, false);
SELECT is(jhub_authz.user_scopes_as_of('bob', clock_timestamp())::text, jhub_authz.user_scopes_as_of('bob', :'attached')::text, 'not before it is committed');
SELECT ok(jhub_authz.has_scope(jhub_authz.user_scopes('bob'), 'admin:users'), '... though it is so for this transaction');
DELETE FROM user_role_map WHERE (user_id, role_id) = (10, 2);
COMMIT;
SELECT is_empty($$ SELECT * FROM jhub_authz.scope_changes('-infinity', 'infinity') $$, 'given and taken away in one transaction');

-- two actors in one transaction: each with what concerns the subject
BEGIN;
SET LOCAL application_name = 'first';
INSERT INTO user_role_map VALUES (14, 14, false);
SET LOCAL application_name = 'second';
INSERT INTO user_role_map VALUES (12, 14, false);
INSERT INTO user_group_map VALUES (14, 2);
COMMIT;
SELECT results_eq(format('SELECT hub_past.told(%L)', :'attached'), $$ VALUES
    ('gained 5 "quo"te: role "culler" given [second]'), ('gained 15 lonely: role "culler" given; joined group "lab one" [second]') $$,
    'two actors: the last of those who made a change of the subject''s');
SELECT hub_past.moment() AS t \gset

-- what a role or group gives, to whom
UPDATE roles SET scopes = '["list:users"]' WHERE id = 14;
SELECT set_eq(format('SELECT DISTINCT subject_kind || '' '' || subject || '' '' || cause FROM jhub_authz.scope_changes(%L, %L)', :'t', hub_past.moment()),
    $$ VALUES ('user lonely role "culler" redefined'), ('user "quo"te role "culler" redefined'), ('service idle-culler role "culler" redefined') $$, 'a role redefined: its holders');
SELECT hub_past.moment() AS t \gset
INSERT INTO group_role_map VALUES (1, 14, false);
SELECT set_eq(format('SELECT DISTINCT subject_kind || '' '' || subject || '' '' || cause FROM jhub_authz.scope_changes(%L, %L)', :'t', hub_past.moment()),
    $$ VALUES ('user bob role "culler" given to group "physics"'), ('group physics role "culler" given to group "physics"') $$,
    'a group''s role: the group and those members who had less');
SELECT hub_past.moment() AS t \gset
UPDATE users SET name = 'robert' WHERE name = 'bob';
SELECT set_eq(format('SELECT DISTINCT subject || '' '' || cause FROM jhub_authz.scope_changes(%L, %L)', :'t', hub_past.moment()), $$ VALUES ('robert renamed from "bob"') $$, 'a rename');
SELECT isnt(jhub_authz.user_scopes_as_of('bob', :'t')::text, NULL, 'under the name of that time');
SELECT is(jhub_authz.user_scopes_as_of('robert', :'t')::text, NULL, '... and under no other');
SELECT hub_past.moment() AS t \gset
DELETE FROM users WHERE name = 'robert';
SELECT results_eq(format('SELECT DISTINCT subject, change FROM jhub_authz.scope_changes(%L, %L) WHERE cause = ''deleted''', :'t', hub_past.moment()), $$ VALUES ('robert', 'lost') $$, 'deleted: all is lost');
SELECT hub_past.moment() AS t \gset
SELECT jhub_authz.set_mode('observe'), jhub_authz.use_hub_release('4.1') \g /dev/null
SELECT set_eq(format('SELECT DISTINCT cause FROM jhub_authz.scope_changes(%L, %L)', :'t', hub_past.moment()), $$ VALUES ('release 5.5 to 4.1') $$, 'a release that was pinned');
SELECT jhub_authz.use_hub_release(NULL), jhub_authz.set_mode('enforce') \g /dev/null

-- expiry of tokens is of the moment that is asked for
\if :{?few}
\set alive '2 minutes'
\else
\set alive '2 seconds'
\endif
SELECT hub_past.moment() AS t \gset
SELECT clock_timestamp() AT TIME ZONE 'UTC' + :'alive' AS soon \gset
INSERT INTO api_tokens (id, user_id, client_id, created, expires_at, prefix, hashed, scopes)
    VALUES (100, 1, 'jupyterhub', clock_timestamp() AT TIME ZONE 'UTC', :'soon', 'x', 'h', '["admin:users"]');
SELECT hub_past.moment() AS alive \gset
SELECT pg_sleep(greatest(extract(epoch FROM :'soon'::timestamp - clock_timestamp() AT TIME ZONE 'UTC') + 0.1, 0)) \g /dev/null
SELECT results_eq(format($$ SELECT d, EXISTS (SELECT FROM jhub_authz.who_could('admin:users', m) WHERE subject_kind = 'token' AND subject = '100')
                             FROM (VALUES (1, %L::timestamptz), (2, %L), (3, clock_timestamp())) v (d, m) ORDER BY d $$, :'t', :'alive'),
    $$ VALUES (1, false), (2, true), (3, false) $$, 'a token: not yet, alive, expired');
DELETE FROM api_tokens WHERE id = 100;
SELECT ok(EXISTS (SELECT FROM jhub_authz.who_could('admin:users', :'alive') WHERE subject = '100'), '... also when it is gone');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 1, 'jupyterhub', '2020-01-01', 'x', 'h', '["read:hub"]');
SELECT is_empty(format($$ SELECT FROM jhub_authz.who_could('read:hub', %L) WHERE subject = '100' $$, :'alive'), 'another that has its id was not there then, whatever it says');
BEGIN;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (101, 1, 'jupyterhub', '2020-01-01', 'x', 'h2', '["read:hub"]');
SELECT is_empty($$ SELECT FROM jhub_authz.who_could('read:hub', clock_timestamp()) WHERE subject = '101' $$, '... nor is one there before it is committed');
ROLLBACK;
DELETE FROM api_tokens WHERE id = 100;

-- a clock that is set back: moments go on after the last on record
INSERT INTO jhub_authz.history_changes VALUES (1, clock_timestamp() + interval '1 hour', now(), '1', 'x', 'x', 'x', 'change');
DELETE FROM user_role_map WHERE user_id = 14;
SELECT max(at) AS last, max(at) - interval '1 microsecond' AS before_last FROM jhub_authz.history_changes \gset
SELECT ok(:'last' > clock_timestamp(), 'the clock was set back');
SELECT results_eq(format($$ SELECT jhub_authz.scope_count(jhub_authz.user_scopes_as_of('lonely', m)) FROM (VALUES (%L::timestamptz), (%L)) v (m) ORDER BY m $$, :'before_last', :'last'),
    $$ VALUES (12), (10) $$, '... what is on record may be asked for, though the clock has not come to it');
SELECT ok((SELECT bool_and(covered) FROM jhub_authz.scope_changes('-infinity', 'infinity') WHERE subject = '"quo"te' AND cause = 'role "culler" given' AND change = 'lost'),
    'lost to the letter only: it holds what covers it');
SELECT is((SELECT count(DISTINCT at)::int FROM jhub_authz.scope_changes(:'before_last', :'last')), 1, '... and is told of at its moment');
DELETE FROM jhub_authz.history_changes WHERE change_id = 1;
UPDATE jhub_authz.history_changes SET at = clock_timestamp() WHERE at > clock_timestamp();

-- a gap: what went on in it is told with the attach that found it
SELECT hub_past.moment() AS t \gset
SELECT jhub_authz.detach() \g /dev/null
SELECT hub_past.moment() AS gap \gset
INSERT INTO user_role_map VALUES (12, 2, false);
SELECT throws_like(format($$ SELECT jhub_authz.user_scopes_as_of('alice', %L) $$, :'gap'), 'no past is kept of %', 'between detach and attach');
SELECT jhub_authz.attach('hub_past') \g /dev/null
SELECT results_eq(format($$ SELECT DISTINCT subject, cause, source FROM jhub_authz.scope_changes(%L, %L) $$, :'t', hub_past.moment()),
    $$ VALUES ('"quo"te', 'role "admin" given', 'attach') $$, '... what attach found');
SELECT lives_ok(format($$ SELECT jhub_authz.user_scopes_as_of('alice', %L) $$, :'t'), '... what was before is there');

-- pruned while it is being asked for: all of an answer is by one snapshot
CREATE FUNCTION hub_past.fetched(c refcursor) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
    LOOP
        FETCH c INTO r;
        EXIT WHEN NOT FOUND;
        RETURN NEXT r.c;
    END LOOP;
END $$;
CREATE TABLE hub_past.whole AS SELECT row_number() OVER () AS n, c::text AS c FROM jhub_authz.scope_changes('-infinity', 'infinity') c;
SELECT pg_sleep(0.01) \g /dev/null
BEGIN;
DECLARE asked CURSOR FOR SELECT c::text FROM jhub_authz.scope_changes('-infinity', 'infinity') c;
SELECT jhub_authz.keep_history('1 microsecond') \g /dev/null
SELECT results_eq($$ SELECT hub_past.fetched('asked') $$, $$ SELECT c FROM hub_past.whole ORDER BY n $$, 'pruned while it is read: all is told as it was');
ROLLBACK;

-- pruned
SELECT pg_sleep(0.01) \g /dev/null
SELECT jhub_authz.keep_history('1 microsecond') \g /dev/null
SELECT throws_like(format($$ SELECT jhub_authz.user_scopes_as_of('alice', %L) $$, :'t'), 'no past is kept of %', 'pruned');
SELECT is(jhub_authz.user_scopes_as_of('alice', clock_timestamp())::text, jhub_authz.user_scopes('alice')::text, '... today stays');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_past CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
