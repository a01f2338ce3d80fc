-- leaver_gaps: when a user was gone, and how long tokens outlived that.
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
DROP SCHEMA IF EXISTS hub_leavers CASCADE;
\set hub hub_leavers
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = public, hub_leavers;
SET TimeZone = 'UTC';
SELECT plan(20);

-- what was committed since the last time was at this moment
CREATE TABLE hub_leavers.dated (change_id bigint);
CREATE PROCEDURE hub_leavers.was_at(moment timestamptz) LANGUAGE sql AS $$
    UPDATE jhub_authz.history_changes SET at = moment WHERE change_id NOT IN (SELECT change_id FROM hub_leavers.dated);
    INSERT INTO hub_leavers.dated SELECT change_id FROM jhub_authz.history_changes EXCEPT SELECT change_id FROM hub_leavers.dated $$;
CREATE FUNCTION hub_leavers.told(name text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws(', ', how, to_char(removed_at, 'DD HH24:MI'), 'last ' || to_char(last_token_ended, 'DD HH24:MI'),
                     CASE WHEN open THEN live_tokens || ' alive' ELSE gap::text END)
      FROM jhub_authz.leaver_gaps WHERE subject = name $$;

INSERT INTO api_tokens (id, user_id, client_id, created, expires_at, note, prefix, hashed, scopes)
    VALUES (20, 5, 'jupyterhub', '2024-05-01', '2024-06-08 06:00', '', 'x', 'h20', '[]');
SELECT jhub_authz.attach('hub_leavers') \g /dev/null
SELECT jhub_authz.set_mode('observe') \g /dev/null
CALL hub_leavers.was_at('2024-06-01');
SELECT is_empty($$ SELECT * FROM jhub_authz.leaver_gaps $$, 'nobody has left');

DELETE FROM user_role_map WHERE user_id = 2 AND role_id = 1;
DELETE FROM user_role_map WHERE user_id IN (3, 7);
UPDATE users SET name = 'renamed' WHERE id = 13;
CALL hub_leavers.was_at('2024-06-02 08:00');
SELECT is_empty($$ SELECT hub_leavers.told('o''brien') $$, 'a role is left');
SELECT is_empty($$ SELECT hub_leavers.told('bang!user') $$, 'a group''s role is left');

DELETE FROM user_role_map WHERE user_id IN (2, 5, 12);
DELETE FROM shares WHERE id = 3;
DELETE FROM user_group_map WHERE user_id = 4;
CALL hub_leavers.was_at('2024-06-03 08:00');
SELECT results_eq($$ SELECT hub_leavers.told('o''brien') $$, ARRAY['no grants, 03 08:00, 1 alive'], 'the last role, and a token is alive');
SELECT ok((SELECT gap = now() - removed_at AND last_token_ended IS NULL FROM jhub_authz.leaver_gaps WHERE subject = 'o''brien'), '... the gap is open');
SELECT set_eq($$ SELECT subject, since FROM jhub_authz.findings WHERE code = 'leaver' AND detail ~ 'no role and no share since 2024-06-03\.$' $$,
    $$ VALUES ('o''brien', timestamptz '2024-06-03 08:00'), ('lonely', '2024-06-03 08:00') $$, '... the finding knows since when');
SELECT results_eq($$ SELECT hub_leavers.told('"quo"te') $$, ARRAY['no grants, 03 08:00, 00:00:00'], 'without a token there is no gap');
SELECT results_eq($$ SELECT hub_leavers.told('eq=ual') $$, ARRAY['no groups, 03 08:00, 00:00:00'], 'in no group any more, but with a role');

DELETE FROM group_role_map WHERE group_id = 2;
UPDATE api_tokens SET expires_at = '2024-06-10 09:30' WHERE id = 12;
CALL hub_leavers.was_at('2024-06-04 08:00');
SELECT results_eq($$ SELECT hub_leavers.told('bang!user') $$, ARRAY['no grants, 04 08:00, 00:00:00'], 'the group''s last role');
DELETE FROM user_group_map WHERE user_id = 3;
DELETE FROM api_tokens WHERE id = 11;
CALL hub_leavers.was_at('2024-06-05 12:00');
SELECT results_eq($$ SELECT hub_leavers.told('bang!user') $$, ARRAY['no grants, 04 08:00, 00:00:00'], '... and not when a group that gave nothing was left');
SELECT results_eq($$ SELECT hub_leavers.told('o''brien') $$, ARRAY['no grants, 03 08:00, last 05 12:00, 2 days 04:00:00'], 'the last token was deleted');
SELECT results_eq($$ SELECT hub_leavers.told('lonely') $$, ARRAY['no grants, 03 08:00, last 10 09:30, 7 days 01:30:00'], 'the last share; the token expired, and is still there');

DELETE FROM users WHERE id IN (10, 13);
INSERT INTO users (id, name, admin, cookie_id) VALUES (30, 'bob', false, 'bob');
INSERT INTO user_role_map VALUES (30, 1, false), (12, 1, false);
BEGIN;
INSERT INTO user_role_map VALUES (7, 1, false);
DELETE FROM user_role_map WHERE user_id = 7;
COMMIT;
CALL hub_leavers.was_at('2024-06-07');
SELECT results_eq($$ SELECT hub_leavers.told('bob') $$, ARRAY['deleted, 07 00:00, last 07 00:00, 00:00:00'], 'deleted, and the tokens with the user; who has the name now is another');
SELECT results_eq($$ SELECT hub_leavers.told('renamed') $$, ARRAY['deleted, 07 00:00, 00:00:00'], 'deleted under another name');
SELECT is_empty($$ SELECT hub_leavers.told('"quo"te') $$, 'who has a role again has not left');
SELECT results_eq($$ SELECT hub_leavers.told('trailing ') $$, ARRAY['no grants, 02 08:00, 00:00:00'], 'given and taken away in one transaction is neither');

DELETE FROM api_tokens WHERE id = 20;
CALL hub_leavers.was_at('2024-06-20');
SELECT results_eq($$ SELECT hub_leavers.told('per%cent_x') $$, ARRAY['no grants, 03 08:00, last 08 06:00, 4 days 22:00:00'], 'a token ended when it expired, not when it was purged');
SELECT is((SELECT count(*) FROM jhub_authz.leaver_gaps), (SELECT count(DISTINCT user_id) FROM jhub_authz.leaver_gaps), 'each user once');
SELECT is_empty($$ SELECT l.* FROM jhub_authz.leaver_gaps l LEFT JOIN jhub_authz.history_changes c ON c.change_id = l.change_id AND c.at = l.removed_at
    WHERE c.actor IS NULL $$, 'the change says who did it');

-- odd times stop nothing
INSERT INTO api_tokens (id, user_id, client_id, created, expires_at, note, prefix, hashed, scopes)
    VALUES (21, 5, 'jupyterhub', '-infinity', '-infinity', '', 'x', 'h21', '[]'), (22, 12, 'jupyterhub', 'infinity', 'infinity', '', 'x', 'h22', '[]');
DELETE FROM user_role_map WHERE user_id = 12;
DELETE FROM api_tokens WHERE id = 22;
CALL hub_leavers.was_at('2024-06-21');
SELECT set_has($$ SELECT subject, gap FROM jhub_authz.leaver_gaps $$, $$ VALUES ('per%cent_x', interval '4 days 22 hours'), ('"quo"te', interval '0') $$, 'times without an end');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_leavers CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
