-- A token stays the same token, and so do those it rests on, whatever happens to ids, created, owner and client.
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
SELECT plan(24);
SELECT jhub_authz.attach() \g /dev/null

CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
-- what happens at a commit
CREATE FUNCTION pg_temp.decide() RETURNS void LANGUAGE plpgsql AS
    $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; END $$;

SAVEPOINT a;
UPDATE api_tokens SET created = created + interval '1 second' WHERE id = 1;
INSERT INTO user_role_map VALUES (9, 2, false);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), 'another created does not make a token new');
ROLLBACK TO a;

SAVEPOINT a;
UPDATE api_tokens SET id = 501 WHERE id = 1;
SELECT pg_temp.decide() \g /dev/null
SELECT ok(pg_temp.live(501), 'another id is no growth');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE token_id IN (1, 501)), 1, '... the baseline went along');
INSERT INTO user_role_map VALUES (9, 2, false);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(501), '... and growth is seen afterwards');
ROLLBACK TO a;

SAVEPOINT a;
UPDATE api_tokens SET id = 500 WHERE id = 1;
UPDATE api_tokens SET id = 1 WHERE id = 2;
UPDATE api_tokens SET id = 2 WHERE id = 500;
INSERT INTO user_role_map VALUES (9, 2, false);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(pg_temp.live(1), 'ids that are swapped: the fixed token lives');
SELECT ok(NOT pg_temp.live(2), '... the one that inherits does not');
ROLLBACK TO a;

SAVEPOINT a;
DELETE FROM api_tokens WHERE id = 2;
UPDATE api_tokens SET id = 2 WHERE id = 1;
INSERT INTO user_role_map VALUES (9, 2, false);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(2), 'the id of a deleted token, taken over, brings no new baseline');
ROLLBACK TO a;

SAVEPOINT a;
CREATE TEMP TABLE kept AS SELECT * FROM api_tokens WHERE id = 1;
DELETE FROM api_tokens WHERE id = 1;
INSERT INTO user_role_map VALUES (9, 2, false);
INSERT INTO api_tokens SELECT * FROM kept;
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), 'deleted and put back in one transaction, a token keeps its baseline');
ROLLBACK TO a;

SAVEPOINT a;
DELETE FROM api_tokens WHERE id = 1;
SELECT pg_temp.decide() \g /dev/null
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE token_id = 1), 0, 'a deleted token takes its baseline along');
ROLLBACK TO a;

-- revoked is revoked
SAVEPOINT a;
SELECT jhub_authz.revoke_token(1, 'test') \g /dev/null
UPDATE api_tokens SET id = 501 WHERE id = 1;
SELECT throws_ok($$ UPDATE api_tokens SET expires_at = NULL WHERE id = 501 $$, '55000', NULL,
                 'a revoked token is not revived under another id');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.revoke_token(1, 'test') \g /dev/null
CREATE TEMP TABLE kept AS SELECT * FROM api_tokens WHERE id = 1;
DELETE FROM api_tokens WHERE id = 1;
UPDATE kept SET expires_at = NULL;
INSERT INTO api_tokens SELECT * FROM kept;
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), '... nor by deleting it and putting it back');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.revoke_token(1, 'test') \g /dev/null
SELECT jhub_authz.set_mode('off') \g /dev/null
UPDATE api_tokens SET expires_at = NULL WHERE id = 1;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SELECT ok(NOT pg_temp.live(1), '... nor while the mode is off');
SELECT matches((SELECT reason FROM jhub_authz.token_events WHERE token_id = 1 ORDER BY event_id DESC LIMIT 1),
               '^revived', '... and the event says so');
ROLLBACK TO a;

-- a new owner's growth
SAVEPOINT a;
UPDATE api_tokens SET user_id = 14 WHERE id = 1;
SELECT pg_temp.decide() \g /dev/null
SELECT ok(pg_temp.live(1), 'an owner who has nothing is no growth');
INSERT INTO user_role_map VALUES (14, 2, false);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), '... a role granted to that owner is');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_mode('off') \g /dev/null
UPDATE api_tokens SET user_id = 14 WHERE id = 1;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
INSERT INTO user_role_map VALUES (14, 2, false);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), '... also if the owner was changed while the mode was off');
ROLLBACK TO a;

-- ids of what tokens rest on
SAVEPOINT a;
INSERT INTO roles VALUES (77, 'big', NULL, '["admin:users"]', false);
UPDATE roles SET id = CASE id WHEN 10 THEN 1010 ELSE 10 END WHERE id IN (10, 77);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), 'another role takes the id of one that is held');
ROLLBACK TO a;

SAVEPOINT a;
INSERT INTO users (id, name, admin, cookie_id) VALUES (99, 'other', true, 'cookie');
UPDATE users SET id = CASE id WHEN 9 THEN 1009 ELSE 9 END WHERE id IN (9, 99);
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(1), 'another user takes the id of the owner');
ROLLBACK TO a;

-- one client of two servers stands for the one with the lowest id
SAVEPOINT a;
INSERT INTO spawners (id, user_id, name, oauth_client_id) VALUES (90, 9, 'x', 'jupyterhub-user-alice-lab');
UPDATE api_tokens SET scopes = '["access:servers!server"]' WHERE id = 6;
SELECT pg_temp.decide() \g /dev/null
SELECT ok(pg_temp.live(6), 'a token of a client that two servers name');
DELETE FROM spawners WHERE id = 2;
SELECT pg_temp.decide() \g /dev/null
SELECT ok(NOT pg_temp.live(6), '... does not move on to the second when the first goes');
ROLLBACK TO a;

-- a revocation that does not happen is not written down as one that did
SAVEPOINT a;
CREATE FUNCTION public.nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER aaa BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION public.nothing();
SELECT throws_ok($$ SELECT jhub_authz.revoke_token(1, 'test') $$, '27000', NULL, 'a trigger that swallows the revocation');
INSERT INTO user_role_map VALUES (9, 2, false);
SELECT throws_ok($$ SELECT pg_temp.decide() $$, '27000', NULL, '... makes the growth fail');
ROLLBACK TO a;

-- nobody else can hold the lock of decisions
SELECT lives_ok($$ SELECT jhub_authz.set_mode('enforce') $$, 'a decision');
SELECT is((SELECT array_agg(DISTINCT objsubid::int) FROM pg_locks
            WHERE locktype = 'object' AND classid = 'pg_extension'::regclass AND pid = pg_backend_pid()
              AND mode = 'ExclusiveLock'), ARRAY[1, 2], '... locks what no statement of SQL locks');

SELECT * FROM finish();
ROLLBACK;
