-- Somebody joins a group: who may see the group's members may see one more, and so may a token that asks for that one by name.
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
SELECT plan(10);
SET LOCAL search_path = public, jhub_authz;
-- what these ask for by name, their owners do not hold, or not yet
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES
    (100, 2, 'jupyterhub', '2024-05-01', 'zzzz', '100', '["list:users!user=Alice"]'),
    (101, 2, 'jupyterhub', '2024-05-01', 'zzzz', '101', '["list:users!user=Anna"]'),
    (102, 2, 'jupyterhub', '2024-05-01', 'zzzz', '102', '["list:users!user=bang!user"]'),
    (103, 14, 'jupyterhub', '2024-05-01', 'zzzz', '103', '["read:users:name!user=per%cent_x"]');
INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, scopes)
    VALUES (100, 9, 1, 14, '2024-02-01', '["read:users:name!group=lab one"]');
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.covered(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT jhub_authz.covers(baseline, jhub_authz.token_scopes(token)) FROM jhub_authz.token_baselines WHERE token_id = token $$;

SAVEPOINT a;
INSERT INTO user_group_map VALUES (11, 1);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(100), 'whom the token names joins the group that its owner''s role is for');
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE token_id = 100 AND action = 'revoked'), 'growth: membership', '... and the event says so');
SELECT ok(pg_temp.live(101) AND pg_temp.live(102), '... tokens that name others live');
ROLLBACK TO a;

INSERT INTO user_group_map VALUES (11, 4);
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(pg_temp.live(100), 'another group is no matter');
ROLLBACK TO a;

DELETE FROM api_tokens WHERE id = 100;
INSERT INTO user_group_map VALUES (11, 1);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SAVEPOINT a;
UPDATE users SET name = 'Anna' WHERE id = 11;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(101), 'a member takes the name that a token names');
ROLLBACK TO a;

SAVEPOINT a;
UPDATE groups SET name = 'gone' WHERE id = 1;
UPDATE groups SET name = 'physics' WHERE id = 2;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(102), 'another group takes the name that the role names');
ROLLBACK TO a;

SAVEPOINT a;
INSERT INTO user_group_map VALUES (5, 2);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(pg_temp.covered(103), 'a share that filters by the group is looked at too');
SELECT is((SELECT max(action) FROM jhub_authz.token_events WHERE token_id = 103), 'shared', '... by the policy for shares');
ROLLBACK TO a;

-- escaped as the hub never writes it
UPDATE roles SET scopes = '["list:users\u0021group=empty"]' WHERE id = 5;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO user_group_map VALUES (3, 4);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok(NOT pg_temp.live(102), 'a filter that is written with an escape');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines b JOIN api_tokens t ON t.id = b.token_id
            WHERE (t.expires_at IS NULL OR t.expires_at > now()) AND NOT jhub_authz.covers(b.baseline, jhub_authz.token_scopes(t.id))), 0, 'nobody is above the baseline');
SELECT * FROM finish();
ROLLBACK;
