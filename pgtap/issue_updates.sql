-- UPDATE: last_activity costs nothing, new scopes are narrowed, and a revoked
-- token stays revoked.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = warning;
SELECT jhub_authz.attach('hub') AS release \gset
SET search_path = hub, public, jhub_authz;

CREATE FUNCTION pg_temp.events() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM jhub_authz.token_events
     WHERE action IN ('narrowed', 'would_narrow', 'undefined', 'rescoped', 'revoked')
$$;
CREATE FUNCTION pg_temp.last_event(OUT action text, OUT reason text, OUT before text, OUT after text) LANGUAGE sql AS $$
    SELECT e.action, e.reason, e.before::text, e.after::text
      FROM jhub_authz.token_events e ORDER BY event_id DESC LIMIT 1
$$;

SELECT plan(24);

-- Rows that were there before us, as they were
ALTER TABLE api_tokens DISABLE TRIGGER USER;
UPDATE api_tokens SET scopes = '["admin:users",  "broken' WHERE id = 3;
UPDATE api_tokens SET scopes = '["admin:users", "undefined:scope"]' WHERE id = 2;
ALTER TABLE api_tokens ENABLE TRIGGER USER;
SELECT lives_ok('UPDATE api_tokens SET last_activity = now(), note = ''x''', 'last_activity of any row');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 2), '["admin:users", "undefined:scope"]', 'rewrites nothing');
SELECT lives_ok('UPDATE api_tokens SET scopes = scopes, user_id = user_id, client_id = client_id', 'nor do equal values');
SELECT is(pg_temp.events(), 0::bigint, 'nothing is noted');

-- A trigger before ours may change what the statement does not name
CREATE FUNCTION pg_temp.meddle() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.scopes := '["shutdown", "self"]'; RETURN NEW; END$$;
CREATE TRIGGER a_meddle BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.meddle();
UPDATE api_tokens SET last_activity = now() WHERE id = 1;
DROP TRIGGER a_meddle ON api_tokens;
SELECT is((SELECT scopes FROM api_tokens WHERE id = 1), '["self"]', 'what another trigger puts in is narrowed too');

-- Scopes
UPDATE api_tokens SET scopes = '["read:users!user=alice", "admin:groups"]' WHERE id = 5;
SELECT is((SELECT scopes FROM api_tokens WHERE id = 5)::jhub_authz.scopeset,
          '["read:users!user=alice"]'::jhub_authz.scopeset OPERATOR(jhub_authz.|)
          jhub_authz.intersect_scopes(jhub_authz.expand('["admin:groups"]'), jhub_authz.user_scopes('alice')),
          'new scopes are narrowed');
SELECT is((pg_temp.last_event()).action, 'rescoped', 'and the change is an event');
SELECT is((pg_temp.last_event()).before, '["access:servers!server=alice/", "users:activity!user=alice"]', 'with what was there before');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 5), (pg_temp.last_event()).after, 'and what is there now');
UPDATE api_tokens SET scopes = '[ "self" ]' WHERE id = 5;
SELECT is((SELECT scopes FROM api_tokens WHERE id = 5), '[ "self" ]', 'what is held stays byte for byte');
SELECT throws_ok('UPDATE api_tokens SET scopes = ''["read:uers"]'' WHERE id = 5', '42704', NULL, 'what does not exist is refused');

-- Owner and client
UPDATE api_tokens SET user_id = 10 WHERE id = 4;
SELECT is((SELECT scopes FROM api_tokens WHERE id = 4)::jhub_authz.scopeset,
          jhub_authz.intersect_scopes(jhub_authz.expand('["admin:users", "list:users"]'), jhub_authz.user_scopes('bob')),
          'another owner: narrowed to what that one holds');
SELECT is((pg_temp.last_event()).reason, 'owner: another owner', 'and said');
UPDATE api_tokens SET client_id = 'service-announce' WHERE id = 9;
SELECT is((pg_temp.last_event()).reason, 'client: another client', 'another client is said');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 9), '["read:services!service=announce"]', 'and what is held stays');

-- Expiry
UPDATE api_tokens SET expires_at = '2999-01-01' WHERE id = 10;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 10), '2999-01-01', 'a token that merely expired may be extended');
SELECT ok(jhub_authz.revoke_token(10, 'test'), 'one is revoked');
SELECT throws_ok('UPDATE api_tokens SET expires_at = NULL WHERE id = 10', '55000', 'token 10 was revoked', 'it is not revived with NULL');
SELECT throws_ok('UPDATE api_tokens SET expires_at = ''2999-01-01'' WHERE id = 10', '55000', 'token 10 was revoked', 'nor with a later time');
SELECT throws_ok('UPDATE api_tokens SET id = 1000, expires_at = NULL WHERE id = 10', '55000', 'token 10 was revoked', 'nor under another id');
SELECT lives_ok('UPDATE api_tokens SET expires_at = ''2001-01-01'' WHERE id = 10', 'an earlier time is no revival');
SELECT lives_ok('UPDATE api_tokens SET note = ''y'', scopes = ''[]'' WHERE id = 10', 'nor is anything else');
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT throws_ok('UPDATE api_tokens SET expires_at = NULL WHERE id = 10', '55000', 'token 10 was revoked', 'what was revoked stays so in observe mode');
SELECT lives_ok('DELETE FROM api_tokens WHERE id = 10', 'the hub''s purge may delete it');

SELECT * FROM finish();
ROLLBACK;
