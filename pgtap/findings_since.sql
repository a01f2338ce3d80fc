-- since of findings: what the history can date, and nothing that it cannot.
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
DROP SCHEMA IF EXISTS hub_since CASCADE;
\set hub hub_since
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = public, hub_since;
SET TimeZone = 'UTC';
SELECT plan(14);
CREATE TABLE hub_since.dated (change_id bigint);
CREATE PROCEDURE hub_since.was_at(moment timestamptz) LANGUAGE sql AS $$
    UPDATE jhub_authz.history_changes SET at = moment WHERE change_id NOT IN (SELECT change_id FROM hub_since.dated);
    INSERT INTO hub_since.dated SELECT change_id FROM jhub_authz.history_changes EXCEPT SELECT change_id FROM hub_since.dated $$;
CREATE FUNCTION hub_since.since(of_code text, name text, of_object text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT coalesce(to_char(since, 'DD'), 'unknown') FROM jhub_authz.findings WHERE code = of_code AND subject = name AND (of_object IS NULL OR object = of_object) $$;

-- o'brien has the role grader; the group physics gets the role watcher
UPDATE roles SET scopes = '["access:servers"]' WHERE name = 'grader';
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES (50, 'watcher', '["read:hub"]', false),
    (51, 'orphaned', '["read:users!user=bob", "read:groups!group=physics", "read:services!service=boss", "read:servers!server=alice/lab", "read:servers!server=bob/", "read:users!user=nobody"]', false);
SELECT jhub_authz.attach('hub_since') \g /dev/null
SELECT jhub_authz.set_mode('observe') \g /dev/null
CALL hub_since.was_at('2024-06-01');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'o''brien') $$, ARRAY['unknown'], 'before attach: who knows');

INSERT INTO user_role_map SELECT 3, id, false FROM roles WHERE name = 'grader';
INSERT INTO service_role_map SELECT 1, id, false FROM roles WHERE name = 'grader';
CALL hub_since.was_at('2024-06-02');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'bang!user') $$, ARRAY['02'], 'the role was given');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'announce') $$, ARRAY['02'], '... to a service');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'o''brien') $$, ARRAY['unknown'], '... that of others is not');
INSERT INTO group_role_map VALUES (3, 50, false);
CALL hub_since.was_at('2024-06-03');
INSERT INTO user_group_map VALUES (12, 3);
CALL hub_since.was_at('2024-06-04');
SELECT is_empty($$ SELECT hub_since.since('effective_admin', 'eq=ual') $$, 'a role that is none');
UPDATE roles SET scopes = '["access:servers"]' WHERE id = 50;
CALL hub_since.was_at('2024-06-05');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'eq=ual') $$, ARRAY['05'], 'the role became one, and it is a group''s');
INSERT INTO user_group_map VALUES (13, 3);
CALL hub_since.was_at('2024-06-06');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'back\slash') $$, ARRAY['06'], '... who joined later, later');
INSERT INTO user_group_map VALUES (3, 3);
CALL hub_since.was_at('2024-06-07');
SELECT results_eq($$ SELECT hub_since.since('effective_admin', 'bang!user') $$, ARRAY['02'], 'of two ways the first');

SELECT results_eq($$ SELECT hub_since.since('orphaned_grant', 'orphaned', 'read:users!user=nobody') $$, ARRAY['unknown'], 'a name that nobody ever had');
DELETE FROM spawners WHERE user_id = 9 AND name = 'lab';
UPDATE groups SET name = 'astronomy' WHERE name = 'physics';
CALL hub_since.was_at('2024-06-08');
DELETE FROM services WHERE name = 'boss';
DELETE FROM users WHERE name = 'bob';
CALL hub_since.was_at('2024-06-09');
DELETE FROM users WHERE name = 'alice';
CALL hub_since.was_at('2024-06-10');
SELECT results_eq($$ SELECT hub_since.since('orphaned_grant', 'orphaned', 'read:users!user=bob') $$, ARRAY['09'], 'a user went');
SELECT results_eq($$ SELECT hub_since.since('orphaned_grant', 'orphaned', 'read:servers!server=bob/') $$, ARRAY['09'], '... and the default server');
SELECT results_eq($$ SELECT hub_since.since('orphaned_grant', 'orphaned', 'read:groups!group=physics') $$, ARRAY['08'], 'a group has another name');
SELECT results_eq($$ SELECT hub_since.since('orphaned_grant', 'orphaned', 'read:services!service=boss') $$, ARRAY['09'], 'a service went');
SELECT results_eq($$ SELECT hub_since.since('orphaned_grant', 'orphaned', 'read:servers!server=alice/lab') $$, ARRAY['08'], 'a server went, and its owner later');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_since CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
