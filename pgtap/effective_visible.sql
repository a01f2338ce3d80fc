-- Which rows scopes let one see.
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

SELECT plan(23);

CREATE FUNCTION pg_temp.names(tab text, ids integer[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
    EXECUTE format('SELECT string_agg(name, '','' ORDER BY id) FROM public.%I WHERE id = ANY ($1)', tab) USING ids INTO result;
    RETURN COALESCE(result, '');
END $$;

SELECT is(pg_temp.names('users', ARRAY(SELECT jhub_authz.visible_users(have::jhub_authz.scopeset))), expected, 'users: ' || have)
FROM (VALUES
    ('[]', ''), ('read:users', ''),
    ('list:users!user=bob list:users!user=nobody', 'bob'),
    ('list:users!group=physics', 'alice,bob'),
    ('["list:users!group=group!x=y", "list:users!user=o''brien"]', 'o''brien,eq=ual,group'),
    ('list:users!server=bob/', ''),
    ('list:users!user=Alice', 'Alice')) AS t (have, expected);
SELECT is((SELECT count(*) FROM jhub_authz.visible_users('list:users')), 14::bigint, 'all users');
SELECT is(pg_temp.names('users', ARRAY(SELECT jhub_authz.visible_users('custom:see!user=bob', 'custom:see'))), 'bob', 'by another base');
SELECT is(pg_temp.names('groups', ARRAY(SELECT jhub_authz.visible_groups(have::jhub_authz.scopeset))), expected, 'groups: ' || have)
FROM (VALUES ('list:groups', 'physics,lab one,group!x=y,empty'), ('["list:groups!group=lab one"]', 'lab one'), ('list:groups!user=bob', '')) AS t (have, expected);
SELECT is(pg_temp.names('services', ARRAY(SELECT jhub_authz.visible_services(have::jhub_authz.scopeset))), expected, 'services: ' || have)
FROM (VALUES ('list:services', 'announce,idle-culler,sv c!1,boss'), ('["list:services!service=sv c!1"]', 'sv c!1')) AS t (have, expected);
SELECT is(ARRAY(SELECT jhub_authz.visible_servers(have::jhub_authz.scopeset) ORDER BY 1), expected, 'servers: ' || have)
FROM (VALUES ('read:servers', ARRAY[1, 2, 3, 4, 5, 6]), ('read:servers!server=alice/lab', ARRAY[2]), ('read:servers!server=alice/', ARRAY[1]),
    ('read:servers!user=alice', ARRAY[1, 2]), ('read:servers!group=physics', ARRAY[1, 2, 3]), ('read:servers!service=announce', ARRAY[]::integer[])) AS t (have, expected);
SELECT throws_ok($$SELECT jhub_authz.visible_users('list:users', 'list:users!user=bob')$$, '22023', NULL, 'a base has no filter');
SELECT throws_ok($$SELECT jhub_authz.visible_users('list:users', 'a b')$$, '22P02', NULL, 'no scope');
SELECT is((SELECT string_agg(u.name, ',' ORDER BY u.id) FROM public.users u WHERE u.id IN (SELECT jhub_authz.visible_users('list:users!group=physics'))),
    'alice,bob', 'in a join');

SELECT * FROM finish();
ROLLBACK;
