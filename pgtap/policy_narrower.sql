-- A policy for a token, a client or a group wins over its class's, field by field.
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
SET LOCAL client_min_messages = warning;
SELECT plan(45);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;
CREATE FUNCTION pg_temp.shown(token integer) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(coalesce(value, '-') || ' ' || target, ', ') FROM jhub_authz.show_policy(token) $$;
CREATE FUNCTION pg_temp.set(target text, on_growth text DEFAULT NULL, inherit text DEFAULT NULL,
                            on_share text DEFAULT NULL, max_age interval DEFAULT NULL) RETURNS void LANGUAGE sql AS
    $$ SELECT jhub_authz.set_policy(target, on_growth, inherit, on_share, max_age) $$;
CREATE FUNCTION pg_temp.grow(who integer) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (who, 14, false) $$;
-- a second token of alice that inherits, and one through a client
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES
    (100, 9, 'jupyterhub', '2024-05-01', 'zzzz', 'x', '["inherit"]'),
    (101, 9, 'jupyterhub-user-alice', '2024-05-01', 'zzzz', 'y', '["inherit"]'),
    (102, 3, 'jupyterhub', '2024-05-01', 'zzzz', 'z', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;

SELECT is(pg_temp.shown(1), 'revoke user, guard user, follow user, - user', 'nothing set: all from the class');
SELECT is((SELECT string_agg(DISTINCT why, '/') FROM show_policy(1)), 'default of the class of the token', '... by default');
SELECT is((SELECT count(*)::int FROM show_policy(4711)), 0, 'no such token, no rows');

-- who wins
SAVEPOINT a;
SELECT pg_temp.set('user', on_growth => 'log') \g /dev/null
SELECT is(pg_temp.shown(1), 'log user, guard user, follow user, - user', 'the class''s own');
SELECT is((SELECT why FROM show_policy(1) WHERE setting = 'on_growth'), 'set for the class of the token', '... and it says so');
SELECT is((SELECT why FROM show_policy(1) WHERE setting = 'inherit'), 'default of the class of the token', '... field by field');
SELECT pg_temp.set('group:physics', on_growth => 'revoke', inherit => 'follow') \g /dev/null
SELECT is(pg_temp.shown(1), 'revoke group:physics, follow group:physics, follow user, - user', 'a group''s before the class''s');
SELECT is(pg_temp.shown(102), 'log user, guard user, follow user, - user', '... for its members only');
SELECT is(pg_temp.shown(8), 'revoke service, follow service, follow service, - service', '... and never for a service');
SELECT pg_temp.set('client:jupyterhub', inherit => 'fix', max_age => '30 days') \g /dev/null
SELECT is(pg_temp.shown(1), 'revoke group:physics, fix client:jupyterhub, follow user, 30 days client:jupyterhub', 'a client''s before a group''s');
SELECT is(pg_temp.shown(101), 'revoke group:physics, follow group:physics, follow oauth, - oauth', '... for tokens through it only');
SELECT pg_temp.set('token:1', inherit => 'guard', on_share => 'revoke') \g /dev/null
SELECT is(pg_temp.shown(1), 'revoke group:physics, guard token:1, revoke token:1, 30 days client:jupyterhub', 'a token''s before all');
SELECT is(pg_temp.shown(100), 'revoke group:physics, fix client:jupyterhub, follow user, 30 days client:jupyterhub', '... and for none but it');
ROLLBACK TO a;

-- what is shown is what is done
SAVEPOINT a;
SELECT pg_temp.set('token:1', on_growth => 'log') \g /dev/null
SELECT pg_temp.grow(9) \g /dev/null
SELECT ok(pg_temp.live(1), 'token: the one is logged');
SELECT is(pg_temp.events(1, 'would_revoke'), 1, '... with its event');
SELECT ok(NOT pg_temp.live(100) AND NOT pg_temp.live(101), '... its neighbours are revoked');
ROLLBACK TO a;
SAVEPOINT a;
SELECT pg_temp.set('client:jupyterhub-user-alice', on_growth => 'ignore') \g /dev/null
SELECT pg_temp.grow(9) \g /dev/null
SELECT ok(pg_temp.live(101) AND NOT pg_temp.live(1), 'client: what came through it is let be, the rest is revoked');
ROLLBACK TO a;
SAVEPOINT a;
SELECT pg_temp.set('group:physics', on_growth => 'log') \g /dev/null
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false), (3, 14, false);
SELECT ok(pg_temp.live(1) AND NOT pg_temp.live(102), 'group: its member''s is let be, another''s is revoked');
ROLLBACK TO a;
SAVEPOINT a;
SELECT pg_temp.set('user', on_growth => 'log') \g /dev/null
SELECT pg_temp.set('group:physics', on_growth => 'revoke') \g /dev/null
SELECT jhub_authz.set_mode('off') \g /dev/null
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false), (3, 14, false);
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SELECT ok(NOT pg_temp.live(1) AND pg_temp.live(102), 'group: also when everyone is judged at once');
ROLLBACK TO a;
SAVEPOINT a;
SELECT pg_temp.set('group:physics', inherit => 'fix') \g /dev/null
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES
    (110, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'p', '["inherit"]'), (111, 3, 'jupyterhub', '2024-05-01', 'zzzz', 'q', '["inherit"]');
SELECT isnt((SELECT scopes FROM api_tokens WHERE id = 110), '["inherit"]', 'group: inherit is fixed at issue');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 111), '["inherit"]', '... of its members only');
ROLLBACK TO a;
SAVEPOINT a;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES
    (110, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'p', '["inherit"]'), (111, 10, 'jupyterhub', '2024-05-01', 'zzzz', 'q', '["inherit"]');
SELECT pg_temp.set('token:110', on_share => 'revoke') \g /dev/null
INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (10, 6, 4, 10, '2024-02-01', '["access:servers!server=zo\u00eb/"]');
SELECT ok(NOT pg_temp.live(110) AND pg_temp.live(111), 'token: a share counts for the one, and not for the other');
ROLLBACK TO a;

-- alice is in "physics" and in "lab one"
SAVEPOINT a;
SELECT pg_temp.set('group:physics', on_growth => 'log', inherit => 'follow', on_share => 'follow', max_age => '60 days') \g /dev/null
SELECT pg_temp.set('group:lab one', on_growth => 'ignore', inherit => 'guard', max_age => '2 months') \g /dev/null
SELECT is(pg_temp.shown(1), 'log group:physics, guard group:lab one, follow group:physics, 60 days group:physics', 'of several groups the strictest, field by field');
SELECT is((SELECT why FROM show_policy(1) WHERE setting = 'inherit'), 'strictest of 2 groups of the owner', '... and it says so');
SELECT is((SELECT why FROM show_policy(1) WHERE setting = 'on_share'), 'set for a group of the owner', '... but for what one alone sets');
SELECT pg_temp.set('group:lab one', on_growth => 'revoke', inherit => 'fix', on_share => 'revoke', max_age => '1 day') \g /dev/null
SELECT is(pg_temp.shown(1), 'revoke group:lab one, fix group:lab one, revoke group:lab one, 1 day group:lab one', '... whichever was set first');
SELECT pg_temp.set('group:physics', on_growth => 'veto') \g /dev/null
SELECT is((SELECT value FROM show_policy(1) WHERE setting = 'on_growth'), 'veto', 'veto is the strictest of all');
DELETE FROM user_group_map WHERE user_id = 9 AND group_id = 1;
SELECT is((SELECT value FROM show_policy(1) WHERE setting = 'on_growth'), 'revoke', 'who leaves a group leaves its policy');
ROLLBACK TO a;

-- a token is meant by id and created
SAVEPOINT a;
SELECT pg_temp.set('token:100', on_growth => 'log') \g /dev/null
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 100;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 9, 'jupyterhub', '2025-05-01', 'zzzz', 'x', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT target FROM show_policy(100) WHERE setting = 'on_growth'), 'user', 'an id that is used again is another token');
SELECT pg_temp.set('token:100', on_share => 'revoke') \g /dev/null
SELECT is(pg_temp.shown(100), 'revoke user, guard user, revoke token:100, - user', '... whose policy takes nothing from the other''s');
UPDATE api_tokens SET id = 200, created = '2026-01-01' WHERE id = 100;
SELECT is((SELECT target FROM show_policy(200) WHERE setting = 'on_share'), 'token:200', 'an UPDATE of id and created: the same token, its policy goes along');
DELETE FROM api_tokens WHERE id = 200;
SELECT is((SELECT count(*)::int FROM token_policies WHERE target LIKE 'token:%'), 0, 'a token that goes takes its policy along');
ROLLBACK TO a;

-- a group is meant by its id, whatever it is called
SAVEPOINT a;
SELECT pg_temp.set('group:physics', on_growth => 'log') \g /dev/null
SELECT pg_temp.set('group:lab one', on_growth => 'ignore') \g /dev/null
UPDATE groups SET name = 'astronomy' WHERE id = 1;
SELECT is((SELECT on_growth FROM token_policies WHERE target = 'group:astronomy'), 'log', 'a group is renamed: its policy goes along');
SELECT ok(NOT EXISTS (SELECT FROM token_policies WHERE target = 'group:physics'), '... and leaves nothing behind');
SELECT is(pg_temp.shown(3), 'log group:astronomy, guard user, follow user, - user', '... and still counts');
INSERT INTO groups (id, name) VALUES (50, 'physics');
INSERT INTO user_group_map (user_id, group_id) VALUES (3, 50);
SELECT is(pg_temp.shown(102), 'ignore group:lab one, guard user, follow user, - user', 'a new group of the old name has none of it');
SET CONSTRAINTS ALL DEFERRED;
UPDATE groups SET name = 'tmp' WHERE id = 1;
UPDATE groups SET name = 'astronomy' WHERE id = 2;
UPDATE groups SET name = 'lab one' WHERE id = 1;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT results_eq('SELECT target, on_growth FROM token_policies WHERE target LIKE ''group:%'' ORDER BY 1',
    $$ VALUES ('group:astronomy', 'ignore'), ('group:lab one', 'log') $$, 'two groups swap their names');
SELECT jhub_authz.set_mode('off') \g /dev/null
UPDATE groups SET name = 'unseen' WHERE id = 1;
INSERT INTO groups (id, name) VALUES (51, 'lab one');
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SELECT is((SELECT value FROM show_policy(3) WHERE setting = 'on_growth'), 'log', 'renamed while the mode was off: it still counts');
SELECT pg_temp.set('group:lab one', on_share => 'revoke') \g /dev/null
SELECT results_eq('SELECT target, on_growth, on_share FROM token_policies WHERE target LIKE ''group:%'' ORDER BY 1',
    $$ VALUES ('group:astronomy', 'ignore', NULL), ('group:lab one', NULL, 'revoke'), ('group:unseen', 'log', NULL) $$,
    '... and a new group of the old name gets one of its own');
DELETE FROM groups WHERE id = 51;
SELECT is((SELECT object FROM self_check() WHERE check_name = 'policy'), 'group:lab one', 'a group that is gone leaves its policy to be seen');
INSERT INTO groups (id, name) VALUES (52, 'lab one');
INSERT INTO user_group_map (user_id, group_id) VALUES (5, 52);
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (120, 5, 'jupyterhub', '2024-05-01', 'zzzz', 'r', '["inherit"]');
SELECT is(pg_temp.shown(120), 'revoke user, guard user, follow user, - user', 'deleted and made anew: another group');
SELECT pg_temp.set('group:lab one', on_growth => 'log') \g /dev/null
SELECT is(pg_temp.shown(120), 'log group:lab one, guard user, follow user, - user', '... that may have a policy, without what the other''s said');
ROLLBACK TO a;

-- a restore brings policies before the hub's rows
INSERT INTO jhub_authz.policy_values (target, on_growth, object_id) VALUES ('group:later', 'log', 60), ('client:later', 'log', NULL), ('token:300', 'log', 300), ('nonsense', 'log', NULL);
SELECT is(pg_temp.shown(1), 'revoke user, guard user, follow user, - user', 'policies of what is not there yet do no harm');
INSERT INTO groups (id, name) VALUES (60, 'later');
INSERT INTO user_group_map (user_id, group_id) VALUES (9, 60);
SELECT is(pg_temp.shown(1), 'log group:later, guard user, follow user, - user', '... and count when it comes');
SELECT ok((SELECT bool_and(provolatile = 's') FROM pg_proc WHERE oid = 'jhub_authz.show_policy'::regproc), 'show_policy writes nothing');

SELECT * FROM finish();
ROLLBACK;
