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
SELECT plan(32);
CREATE TABLE hub_since.dated (change_id bigint);
CREATE PROCEDURE hub_since.was_at(moment timestamptz) LANGUAGE sql AS $$
    UPDATE jhub_authz.history_changes SET at = moment WHERE change_id NOT IN (SELECT change_id FROM hub_since.dated);
    INSERT INTO hub_since.dated SELECT change_id FROM jhub_authz.history_changes EXCEPT SELECT change_id FROM hub_since.dated $$;
CREATE FUNCTION hub_since.since(of_code text, name text, of_object text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT coalesce(to_char(since, ''DD''), ''unknown'') FROM jhub_authz.findings WHERE code = %L AND subject = $1 AND ($2 IS NULL OR object = $2)', of_code) USING name, of_object;
END $$;

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

-- since both parts are held, by a role of one's own or of a group
CREATE FUNCTION hub_since.hours(of_code text, VARIADIC names text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$ SELECT subject || ' ' || coalesce(object, '-') || ' ' || coalesce(to_char(since, 'DD"th" HH24'), 'unknown') FROM jhub_authz.findings
        WHERE code = %L AND subject = ANY ($1) ORDER BY subject COLLATE "C", object COLLATE "C" $q$, of_code) USING names;
END $$;
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES (60, 'filler', '["groups!group=empty"]', false), (61, 'visitor', '["access:servers!group=empty", "read:users!group=physics"]', false), (62, 'all groups', '["admin:groups"]', false);
INSERT INTO user_role_map VALUES (5, 60, false), (6, 61, false);
INSERT INTO service_role_map VALUES (2, 61, false);
CALL hub_since.was_at('2024-06-07 01:00');
INSERT INTO group_role_map VALUES (2, 60, false);
CALL hub_since.was_at('2024-06-07 02:00');
INSERT INTO user_role_map VALUES (5, 61, false);
CALL hub_since.was_at('2024-06-07 03:00');
INSERT INTO service_role_map VALUES (2, 62, false);
CALL hub_since.was_at('2024-06-07 04:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_x', U&'zo\00EB', 'idle-culler') $$, ARRAY[
    'idle-culler groups!group=empty 07th 04', 'idle-culler groups!group=physics 07th 04',
    'per%cent_x groups!group=empty 07th 03', U&'zo\00EB groups!group=empty 07th 02'], 'a toxic combination, since the later part');
UPDATE roles SET scopes = '["groups!group=empty", "access:servers!group=empty"]' WHERE id = 60;
CALL hub_since.was_at('2024-06-07 05:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'alice') $$, ARRAY['alice groups!group=empty 07th 05'], '... and of one role, since it has both');
UPDATE roles SET scopes = '["groups!group=empty", "access:servers!group=empty", "read:hub"]', name = 'fuller' WHERE id = 60;
CALL hub_since.was_at('2024-06-07 06:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'alice', 'per%cent_x') $$, ARRAY['alice groups!group=empty 07th 05', 'per%cent_x groups!group=empty 07th 03'],
    '... whatever else the role got, and however it is called');
DELETE FROM user_role_map WHERE (user_id, role_id) = (5, 60);
CALL hub_since.was_at('2024-06-07 07:00');
INSERT INTO user_role_map VALUES (5, 62, false);
CALL hub_since.was_at('2024-06-07 08:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_x') $$, ARRAY['per%cent_x groups!group=empty 07th 08', 'per%cent_x groups!group=physics 07th 08'], '... and not since before a time without it');
BEGIN;
DELETE FROM user_role_map WHERE (user_id, role_id) = (5, 62);
INSERT INTO user_role_map VALUES (5, 62, false);
COMMIT;
CALL hub_since.was_at('2024-06-07 09:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_x') $$, ARRAY['per%cent_x groups!group=empty 07th 08', 'per%cent_x groups!group=physics 07th 08'], '... which one transaction does not make');
INSERT INTO user_role_map VALUES (5, 60, false);
CALL hub_since.was_at('2024-06-07 10:00');
DELETE FROM user_role_map WHERE (user_id, role_id) = (5, 62);
CALL hub_since.was_at('2024-06-07 11:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_x') $$, ARRAY['per%cent_x groups!group=empty 07th 08'], '... one grant after another is one time');
UPDATE users SET name = 'per%cent_y' WHERE id = 5;
CALL hub_since.was_at('2024-06-07 12:00');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_y') $$, ARRAY['per%cent_y groups!group=empty 07th 08'], '... by whatever name');
UPDATE groups SET name = 'full' WHERE name = 'empty';
CALL hub_since.was_at('2024-06-07 12:30');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_y') $$, ARRAY['per%cent_y groups!group=empty 07th 08'], 'the group need not be there');

-- an escalation: since that is held which it begins with, as it is or wider
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES (70, 'grouper', '["groups"]', false), (71, 'issuer', '["tokens!user=alice", "groups!group=physics"]', false);
INSERT INTO user_role_map VALUES (7, 71, false);
CALL hub_since.was_at('2024-06-07 13:00');
INSERT INTO user_role_map VALUES (8, 71, false);
INSERT INTO user_role_map VALUES (7, 70, false);
CALL hub_since.was_at('2024-06-07 14:00');
DELETE FROM user_role_map WHERE (user_id, role_id) = (7, 71);
CALL hub_since.was_at('2024-06-07 15:00');
INSERT INTO user_group_map VALUES (11, 3);
INSERT INTO group_role_map VALUES (3, 71, false);
CALL hub_since.was_at('2024-06-07 16:00');
SELECT results_eq($$ SELECT hub_since.hours('escalation', 'trailing ', 'group', 'Alice') $$, ARRAY[
    'Alice groups!group=physics 07th 16', 'Alice tokens!user=alice 07th 16', 'group groups!group=physics 07th 14', 'group tokens!user=alice 07th 14', 'trailing  groups 07th 14'],
    'an escalation, since what it begins with');
UPDATE jhub_authz.history_changes SET source = 'attach' WHERE at = '2024-06-07 14:00';
SELECT results_eq($$ SELECT hub_since.hours('escalation', 'trailing ', 'group') $$, ARRAY[
    'group groups!group=physics unknown', 'group tokens!user=alice unknown', 'trailing  groups unknown'], '... unless attach found it');
UPDATE jhub_authz.history_changes SET source = 'change' WHERE at = '2024-06-07 14:00';

-- the flag without the role, and the role without the flag
CREATE FUNCTION hub_since.drift() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT subject_kind || ' ' || subject || ' ' || coalesce(to_char(since, 'DD"th" HH24'), 'unknown') FROM jhub_authz.findings WHERE code = 'admin_drift'
     ORDER BY subject_kind, subject COLLATE "C" $$;
UPDATE users SET admin = true WHERE id = 13;
INSERT INTO user_role_map VALUES (12, 2, false);
INSERT INTO service_role_map VALUES (1, 2, false);
UPDATE services SET admin = true WHERE id = 2;
CALL hub_since.was_at('2024-06-07 17:00');
UPDATE users SET name = 'robert' WHERE id = 13;
UPDATE roles SET scopes = '["admin:users", "admin:servers", "tokens", "admin:groups"]' WHERE name = 'admin';
CALL hub_since.was_at('2024-06-07 18:00');
SELECT results_eq($$ SELECT hub_since.drift() $$, ARRAY['service announce 07th 17', 'service idle-culler 07th 17', 'user "quo"te 07th 17', 'user robert 07th 17'], 'flag or role alone, since it was set or given');
INSERT INTO user_role_map VALUES (13, 2, false);
UPDATE users SET admin = true WHERE id = 12;
UPDATE services SET admin = true WHERE id = 1;
INSERT INTO service_role_map VALUES (2, 2, false);
CALL hub_since.was_at('2024-06-07 19:00');
SELECT is_empty($$ SELECT hub_since.drift() $$, '... both, no drift');
UPDATE users SET admin = false WHERE id IN (1, 12);
DELETE FROM user_role_map WHERE (user_id, role_id) = (13, 2);
UPDATE services SET admin = NULL WHERE id = 1;
DELETE FROM service_role_map WHERE role_id = 2 AND service_id IN (2, 4);
CALL hub_since.was_at('2024-06-07 20:00');
SELECT results_eq($$ SELECT hub_since.drift() $$, ARRAY['service announce 07th 20', 'service boss 07th 20', 'service idle-culler 07th 20', 'user "quo"te 07th 20', 'user admin 07th 20', 'user robert 07th 20'],
    '... since the other was taken, whether attach found both or not');
INSERT INTO user_group_map VALUES (13, 4), (11, 4);
INSERT INTO group_role_map VALUES (4, 2, false);
CALL hub_since.was_at('2024-06-07 21:00');
DELETE FROM user_group_map WHERE (user_id, group_id) = (13, 4);
UPDATE users SET admin = true WHERE id IN (1, 12);
UPDATE services SET admin = false WHERE id IN (2, 4);
DELETE FROM service_role_map WHERE role_id = 2;
CALL hub_since.was_at('2024-06-07 22:00');
SELECT results_eq($$ SELECT hub_since.drift() $$, ARRAY['user Alice 07th 21', 'user robert 07th 22'], '... and by a group');
DELETE FROM user_group_map WHERE (user_id, group_id) = (11, 4);
DELETE FROM group_role_map WHERE (group_id, role_id) = (4, 2);
UPDATE users SET admin = false WHERE id = 13;
CALL hub_since.was_at('2024-06-07 23:00');

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

-- what attach finds is since an unknown time, also when it is called again
SELECT jhub_authz.detach() \g /dev/null
DELETE FROM user_role_map WHERE (user_id, role_id) = (12, 2);
INSERT INTO user_role_map VALUES (14, 60, false), (14, 61, false), (14, 70, false);
SELECT jhub_authz.attach('hub_since') \g /dev/null
SELECT results_eq($$ SELECT hub_since.drift() $$, ARRAY['user "quo"te unknown'], 'a role was taken while nothing was kept');
SELECT results_eq($$ SELECT hub_since.hours('toxic_combination', 'per%cent_y', 'lonely', U&'zo\00EB') $$, ARRAY['lonely groups!group=empty unknown', 'lonely groups!group=physics unknown',
    'per%cent_y groups!group=empty 07th 08', U&'zo\00EB groups!group=empty 07th 02'], 'roles were given then; who had them has them on');
SELECT results_eq($$ SELECT hub_since.hours('escalation', 'lonely') $$, ARRAY['lonely groups unknown'], '... and there is an escalation');
UPDATE users SET admin = true WHERE id = 13;
SELECT results_eq($$ SELECT subject COLLATE "C" FROM jhub_authz.findings WHERE code = 'admin_drift' AND since > '2025-01-01' $$, ARRAY['robert' COLLATE "C"], 'what comes after has a time');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_since CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
