-- The kill switch takes away all that it says, or fails: a trigger of the hub's role
-- on its tables makes it nothing less.
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
SET LOCAL search_path = public, jhub_authz;
SELECT plan(9);
SELECT jhub_authz.attach() \g /dev/null
INSERT INTO oauth_codes (id, client_id, code, expires_at, user_id) VALUES (71, 'jupyterhub', 'c', 2000000000, 10), (72, 'jupyterhub', 'd', NULL, 10);
INSERT INTO share_codes (id, hashed, prefix, owner_id, spawner_id, scopes, created_at) SELECT 81, 'h', 'abcd', 10, id, '[]', now() FROM spawners LIMIT 1;
CREATE FUNCTION pg_temp.none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION pg_temp.back() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN IF pg_trigger_depth() = 1 THEN UPDATE public.users SET cookie_id = OLD.cookie_id WHERE id = OLD.id; END IF; RETURN NULL; END $$;
SELECT cookie_id AS cookie FROM users WHERE id = 10 \gset
SAVEPOINT a;
CREATE TRIGGER t BEFORE UPDATE ON oauth_codes FOR EACH ROW EXECUTE FUNCTION pg_temp.none();
SELECT throws_ok($$ SELECT jhub_authz.revoke_all('user', 'bob', 'x') $$, '27000', 'OAuth code 1 could not be revoked', 'codes that a trigger keeps');
ROLLBACK TO a;
CREATE TRIGGER t BEFORE UPDATE ON share_codes FOR EACH ROW EXECUTE FUNCTION pg_temp.none();
SELECT throws_ok($$ SELECT jhub_authz.revoke_all('user', 'bob', 'x') $$, '27000', 'share code 81 could not be revoked', 'share codes');
ROLLBACK TO a;
CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION pg_temp.none();
SELECT throws_ok($$ SELECT jhub_authz.revoke_all('user', 'bob', 'x', true) $$, '27000', 'browser login of user 10 could not be revoked', 'a login');
SELECT ok(EXISTS (SELECT FROM api_tokens WHERE user_id = 10 AND expires_at IS NULL), '... and no token is revoked');
ROLLBACK TO a;
CREATE TRIGGER t AFTER UPDATE ON users FOR EACH ROW EXECUTE FUNCTION pg_temp.back();
SELECT throws_ok($$ SELECT jhub_authz.revoke_all('user', 'bob', 'x', true) $$, '27000', NULL, '... that is given back');
ROLLBACK TO a;
SELECT ok(jhub_authz.revoke_all('user', 'bob', 'x', true) > 0, 'without them');
SELECT is((SELECT count(*)::int FROM oauth_codes WHERE id IN (71, 72) AND expires_at <= extract(epoch FROM now())), 2, '... codes have expired');
SELECT is((SELECT count(*)::int FROM share_codes WHERE id = 81 AND expires_at <= now() AT TIME ZONE 'UTC'), 1, '... share codes');
SELECT isnt((SELECT cookie_id::text FROM users WHERE id = 10), :'cookie', '... and the login');
SELECT * FROM finish();
ROLLBACK;
