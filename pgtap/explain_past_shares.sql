-- explain names the share that gave it once, and whether it expired or was taken away.
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
DROP SCHEMA IF EXISTS hub_shared CASCADE;
\set hub hub_shared
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = public, hub_shared;
SET TimeZone = 'UTC';
SELECT plan(9);
CREATE FUNCTION hub_shared.shares(name text, required text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT says FROM jhub_authz.explain('user', name, required) WHERE node_kind = 'share' AND NOT held ORDER BY says $$;
CREATE PROCEDURE hub_shared.was_at(moment timestamptz) LANGUAGE sql AS
    $$ UPDATE jhub_authz.history_changes SET at = moment WHERE at > '2024-06-10 00:00' $$;
SELECT jhub_authz.attach('hub_shared') \g /dev/null
CALL hub_shared.was_at('2024-06-01');
SELECT is_empty($$ SELECT hub_shared.shares('lonely', 'access:servers!server=bob/') $$, 'a share that is there is no past one');

-- one with a user, one that had expired long before the hub purged it, one with a group
DELETE FROM shares;
CALL hub_shared.was_at('2024-06-02 10:00');
SELECT results_eq($$ SELECT hub_shared.shares('lonely', 'access:servers!server=bob/') $$, ARRAY['Share 3 gave it until it was taken away at 2024-06-02 10:00:00+00.'], 'taken away');
-- without the group and role that let zoë in as well
DELETE FROM user_group_map WHERE user_id = 6;
DELETE FROM user_role_map WHERE user_id = 6;
CALL hub_shared.was_at('2024-06-03');
SELECT results_eq($$ SELECT hub_shared.shares(U&'zo\00EB', 'access:servers!server=bob/') $$, ARRAY['Share 4 gave it until it expired at 2024-02-02 00:00:00+00.'], 'expired, and purged afterwards');
SELECT is_empty($$ SELECT hub_shared.shares(U&'zo\00EB', 'servers!server=bob/') $$, '... not for what it did not give');
SELECT results_eq($$ SELECT hub_shared.shares('bob', 'servers!server=alice/lab') $$, ARRAY['Share 2 gave it until it was taken away at 2024-06-02 10:00:00+00.'], 'a group''s');
SELECT is_empty($$ SELECT hub_shared.shares('lonely', 'servers!server=alice/lab') $$, '... not for who is not in the group');

-- its scopes were less before it went: what counts is the last
INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (5, 9, 1, 14, now(), '["servers!server=alice/"]');
UPDATE shares SET scopes = '["access:servers!server=alice/"]' WHERE id = 5;
CALL hub_shared.was_at('2024-06-04');
DELETE FROM shares WHERE id = 5;
CALL hub_shared.was_at('2024-06-05');
SELECT is_empty($$ SELECT hub_shared.shares('lonely', 'servers!server=alice/') $$, 'a share that gave less at the end');
SELECT results_eq($$ SELECT hub_shared.shares('lonely', 'access:servers!server=alice/') $$, ARRAY['Share 5 gave it until it was taken away at 2024-06-05 00:00:00+00.'], '... and what it gave then');

-- stored scopes that do not parse stop nothing
INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, expires_at, scopes) VALUES (6, 9, 1, 14, now(), '-infinity', '{');
DELETE FROM shares WHERE id = 6;
CALL hub_shared.was_at('2024-06-06');
SELECT results_eq($$ SELECT hub_shared.shares('lonely', 'access:servers!server=alice/') $$, ARRAY['Share 5 gave it until it was taken away at 2024-06-05 00:00:00+00.'], 'one that did not parse is left out');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_shared CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
