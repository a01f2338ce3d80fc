-- The hub stores a role as its configuration says it, and what is no scope gives
-- nothing there; but the role's other members do, and a token grows by them.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
INSERT INTO roles VALUES (50, 'odd', NULL, '[]', false);
INSERT INTO user_role_map VALUES (10, 50, false);
SET CONSTRAINTS ALL IMMEDIATE;

-- what a role's column holds; does the hub make "read:hub" of it?
CREATE TEMPORARY TABLE odd (n serial, stored text, counts boolean);
INSERT INTO odd (stored, counts) VALUES
    ('["read:hub", "read:users!group="]', true),
    ('["read:users!user=", "read:hub"]', true),
    ('["read:users!grp=x", "read:hub"]', true),
    ('["read:hub", "read:users!group"]', true),
    ('["read:hub", "read:users!user!x"]', true),
    ('["read:users!user=a\nb", "read:hub"]', true),
    ('["read:users!user=a\u0000", "read:hub"]', true),
    ('["read:users!user=\ud800", "read:hub"]', true),
    ('["read:users!user=\"\\\/\b\ud83d\ude00!", "read:users!x=\"]", "read:hub"]', true),
    (format('["read:users!user=%s", "read:hub"]', repeat('x', 3000)), true),
    ('{"read:hub": 1}', true),
    (' { "self" : { "a" : [ NaN , -1.5e+10 , { } , [ ] , "]}" , true , null, -Infinity ] } , "read:hub":"" } ', true),
    ('["read:hub", 1]', false),
    ('["read:hub", null]', false),
    ('["read:hub", ["x"]]', false),
    ('["read:hub", "read:users!x=\y"]', false),
    ('["read:hub", "read:users!x=\u00"]', false),
    (E'["read:hub", "read:users!x=\t"]', false),
    ('["read:hub", "read:users!x="', false),
    ('["read:hub", "read:users!x=', false),
    ('["read:hub"] x', false),
    ('{"read:hub"}', false),
    ('{"read:hub":}', false),
    ('{"read:hub": 01}', false),
    ('{"read:hub": [1, }', false),
    ('{"read:hub": nothing}', false),
    (format('{"read:hub": %s}', repeat('[', 100000)), false),
    ('"read:hub"', false),
    ('read:hub', false);

CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM public.api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.after(what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    UPDATE public.roles SET scopes = what WHERE id = 50;
    SET CONSTRAINTS ALL IMMEDIATE;
    answer := concat_ws(' ', jhub_authz.subject_has_scope('user', 'bob', 'read:hub'), pg_temp.live(100),
        (SELECT count(*) FROM jhub_authz.self_check() WHERE check_name = 'stored_scopes'));
    RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION WHEN SQLSTATE 'UNDO0' THEN RETURN answer;
END $$;
\if :{?few}
DELETE FROM odd WHERE n % 4 <> 0;
\endif
SELECT plan((SELECT count(*)::int FROM odd) + 8);
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, 'jupyterhub', now(), 'x', 'x', '["inherit"]');
SELECT is(pg_temp.after('["self"]'), 'f t 0', 'to begin with bob may not, and his token lives');
SELECT is(pg_temp.after('["self", "read:hub"]'), 't f 0', 'a role that says it plainly makes the token grow');
SELECT is(pg_temp.after(stored), CASE WHEN counts THEN 't f 1' ELSE 'f t 1' END, left(stored, 60) ||
          CASE WHEN counts THEN ' makes it grow as well' ELSE ' is nothing to the hub' END) FROM odd ORDER BY n;

-- it is a finding all the same, of a role that works
UPDATE roles SET scopes = '["read:hub", "read:users!group=", "read:users!x=y"]' WHERE id = 50;
SELECT results_eq($$ SELECT level, object, detail FROM jhub_authz.self_check() WHERE check_name = 'stored_scopes' $$,
    $$ VALUES ('warning', 'role "odd"', 'Not all of the stored scopes are scopes; those that are count.  The value of the filter is empty (character 31).') $$,
    'self_check tells of the first that is none');
SELECT is((SELECT error FROM jhub_authz.all_user_scopes() WHERE name = 'bob'), 'role "odd": The value of the filter is empty (character 31).', 'so does the list of everybody');

-- a token that came so from 2.x, where nobody looked
SELECT jhub_authz.set_mode('off') \g /dev/null
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (101, 10, 'jupyterhub', now(), 'x', 'y', '["read:users!group", "read:users:name!user=bob"]');
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SET LOCAL client_min_messages = error;
SELECT is(token_scopes(101), '["read:users:groups!user=bob", "read:users:name!user=bob"]'::scopeset, 'a token of which one member is none can do what the other says');
SELECT is((SELECT baseline FROM jhub_authz.token_baselines WHERE token_id = 101), token_scopes(101), '... which is its baseline');
SELECT throws_ok($$ UPDATE api_tokens SET scopes = '["read:users!group=", "self"]' WHERE id = 101 $$, '22P02', NULL, 'new ones are refused, as ever');
SELECT throws_ok($$ INSERT INTO api_tokens (id, user_id, client_id, scopes) VALUES (102, 10, 'jupyterhub', '{"self": 1}') $$, '22P02', NULL, '... also an object');
SELECT * FROM finish();
ROLLBACK;
