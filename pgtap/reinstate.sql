-- What was revoked comes back while its row is there, at a new baseline.
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
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
SELECT plan(57);
CREATE TEMPORARY TABLE before_all AS SELECT * FROM api_tokens;
CREATE FUNCTION pg_temp.as_before(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT t::text = b::text FROM api_tokens t JOIN before_all b USING (id) WHERE id = token $$;

-- by hand
SELECT is(jhub_authz.reinstate_token(2, 'x'), false, 'a token that is alive');
SELECT is(jhub_authz.reinstate_token(4711, 'x'), false, 'none such');
SELECT is(jhub_authz.reinstate_token(10, 'x'), false, 'one that has expired by itself');
SELECT throws_ok('SELECT jhub_authz.reinstate_token(NULL, ''x'')', '22004', NULL, 'no id');
SELECT throws_ok('SELECT jhub_authz.reinstate(NULL, ''x'')', '22004', NULL, 'no transaction');
SELECT ok(jhub_authz.revoke_token(2, 'leaked'), 'one that was revoked by hand');
SELECT is((SELECT expires_before FROM jhub_authz.token_baselines WHERE token_id = 2), 'infinity', '... its expiry is on record');
SELECT ok(jhub_authz.reinstate_token(2, 'was not'), '... comes back');
SELECT ok(pg_temp.as_before(2), '... as it was');
SELECT results_eq($$ SELECT owner_name, reason, before = after FROM jhub_authz.token_events WHERE token_id = 2 AND action = 'reinstated' $$,
                  $$ VALUES ('alice', 'reinstate: was not', true) $$, '... with an event');
SELECT is(jhub_authz.reinstate_token(2, 'again'), false, '... once');
SELECT lives_ok('UPDATE api_tokens SET expires_at = ''2999-01-01'' WHERE id = 2', '... and is a token like others');
SELECT ok(jhub_authz.revoke_token(2, 'yes it was'), '... which can be revoked again');
SELECT ok(jhub_authz.reinstate_token(2, NULL), '... and put back, for no reason');
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 2), '2999-01-01', '... with the expiry that it had then');

-- growth
INSERT INTO user_role_map VALUES (9, 14, false);
SELECT ok(NOT pg_temp.live(1), 'one that grew is revoked');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 1), '[]', '... with its scopes');
SELECT throws_ok('UPDATE api_tokens SET expires_at = NULL WHERE id = 1', '55000', NULL, '... and nobody else brings it back');
SELECT ok(jhub_authz.reinstate_token(1, 'she culls'), '... but this');
SELECT ok(pg_temp.as_before(1), '... as it was, byte for byte');
SELECT ok(baseline @> 'list:users delete:servers' AND revoked_at IS NULL AND expires_before IS NULL
          AND covers(baseline, token_scopes(1)), 'its baseline is what it can do now') FROM jhub_authz.token_baselines WHERE token_id = 1;
SELECT is((SELECT after - before FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'reinstated'),
          '["delete:servers", "read:servers", "read:users:activity"]'::scopeset, '... and its event holds both');
SELECT is(jhub_authz.set_mode('enforce'), 0::bigint, '... so that it is not beyond it');
INSERT INTO user_role_map VALUES (9, 2, false);
SELECT ok(NOT pg_temp.live(1), 'if it grows again it is revoked again');
SELECT is((SELECT gained @> 'admin:users' AND NOT gained @> 'read:users:activity!user=alice' FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'revoked' ORDER BY event_id DESC LIMIT 1),
          true, '... for what came after');

-- by transaction
SELECT is(jhub_authz.reinstate('3', 'x'), 0, 'a transaction that revoked nothing');
INSERT INTO user_role_map VALUES (10, 2, false);
SELECT ok(NOT pg_temp.live(3), 'a second victim');
SELECT jhub_authz.revoke_token(6, 'in the same') \g /dev/null
SELECT ok(jhub_authz.reinstate(pg_current_xact_id(), 'a mistake') >= 3, 'all that one transaction revoked');
SELECT ok(pg_temp.as_before(1) AND pg_temp.as_before(3) AND pg_temp.as_before(6), '... as they were');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE revoked_at IS NOT NULL), 0, '... nothing is left');
SELECT is(jhub_authz.reinstate(pg_current_xact_id(), 'again'), 0, '... for a second time');

-- its own time
SAVEPOINT a;
UPDATE api_tokens SET expires_at = (now() AT TIME ZONE 'UTC') + interval '1 hour' WHERE id = 6;
SELECT jhub_authz.revoke_token(6, 'x') \g /dev/null
UPDATE jhub_authz.token_baselines SET expires_before = (now() AT TIME ZONE 'UTC') - interval '1 second' WHERE token_id = 6;
SELECT is(jhub_authz.reinstate_token(6, 'x'), false, 'one whose own time is over meanwhile stays dead');
SELECT ok(NOT pg_temp.live(6) AND revoked_at IS NOT NULL, '... and revoked') FROM jhub_authz.token_baselines WHERE token_id = 6;
UPDATE jhub_authz.token_baselines SET expires_before = NULL WHERE token_id = 6;
SET LOCAL client_min_messages = error;
SELECT is(jhub_authz.reinstate_token(6, 'x'), false, 'so does one of which it is not known (0.1 kept it not)');
ROLLBACK TO a;

-- max_age holds for it as well
SAVEPOINT a;
SELECT jhub_authz.revoke_token(1, 'x') \g /dev/null
SELECT jhub_authz.set_policy('user', max_age => '1 day') \g /dev/null
SELECT is(jhub_authz.reinstate_token(1, 'x'), false, 'one that is too old by policy now stays dead');
SELECT ok(NOT pg_temp.live(1) AND revoked_at IS NOT NULL AND expires_before = 'infinity', '... and revoked') FROM jhub_authz.token_baselines WHERE token_id = 1;
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'reinstated' AND reason = 'reinstate: x'), 0, '... without an event that says otherwise');
SELECT jhub_authz.set_policy('user') \g /dev/null
SELECT ok(jhub_authz.reinstate_token(1, 'x') AND pg_temp.as_before(1), '... until the policy is another');
ROLLBACK TO a;

-- the same id, another token
SAVEPOINT a;
SELECT jhub_authz.revoke_token(2, 'x') \g /dev/null
UPDATE jhub_authz.token_baselines SET created = '2001-01-01' WHERE token_id = 2;
SELECT is(jhub_authz.reinstate_token(2, 'x'), false, 'an id that is used again is another token');
ROLLBACK TO a;
SAVEPOINT a;
SELECT jhub_authz.revoke_token(2, 'x') \g /dev/null
DELETE FROM api_tokens WHERE id = 2;
SELECT is(jhub_authz.reinstate_token(2, 'x'), false, 'a row that was deleted does not come back');
ROLLBACK TO a;

-- revoked, revived while nobody looked, and revoked again
SAVEPOINT a;
SELECT jhub_authz.set_mode('off') \g /dev/null
UPDATE api_tokens SET expires_at = NULL WHERE id = 6;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
INSERT INTO user_role_map VALUES (9, 3, false);
SELECT jhub_authz.revoke_token(6, 'once') \g /dev/null
SELECT jhub_authz.set_mode('off') \g /dev/null
UPDATE api_tokens SET expires_at = NULL WHERE id = 6;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SELECT is((SELECT scopes FROM api_tokens WHERE id = 6), '[]', 'one that was revived while nobody looked, and revoked again');
SELECT ok(jhub_authz.reinstate_token(6, 'x'), '... comes back');
SELECT is(t.scopes, b.scopes, '... with its scopes') FROM api_tokens t JOIN before_all b USING (id) WHERE id = 6;
ROLLBACK TO a;

-- what the owner does not hold any more stays in the scopes, and gives nothing
SAVEPOINT a;
SELECT jhub_authz.revoke_token(4, 'x') \g /dev/null
DELETE FROM user_role_map WHERE user_id = 1 AND role_id = 2;
UPDATE users SET admin = false WHERE id = 1;
SELECT ok(jhub_authz.reinstate_token(4, 'x') AND pg_temp.as_before(4), 'one whose owner has less now');
SELECT is((SELECT baseline FROM jhub_authz.token_baselines WHERE token_id = 4), token_scopes(4), '... has less for its baseline');
INSERT INTO user_role_map VALUES (1, 2, false);
SELECT ok(NOT pg_temp.live(4), '... so that it may not come back to more');
ROLLBACK TO a;

-- a trigger of the hub's role
SAVEPOINT a;
SELECT jhub_authz.revoke_token(2, 'x') \g /dev/null
SELECT jhub_authz.revoke_token(3, 'x') \g /dev/null
CREATE FUNCTION pg_temp.too() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id = 2 THEN UPDATE public.api_tokens SET expires_at = NULL WHERE id = 3; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER too BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.too();
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '55000', NULL, 'no trigger brings back one of its own along with it');
CREATE OR REPLACE FUNCTION pg_temp.too() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.scopes := ''["inherit"]''; RETURN NEW; END';
DROP TRIGGER too ON api_tokens;
CREATE TRIGGER zz_too BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.too();
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '27000', NULL, 'nor puts other scopes there');
ROLLBACK TO a;
SAVEPOINT a;
UPDATE api_tokens SET expires_at = '2999-01-01' WHERE id = 2;
SELECT jhub_authz.revoke_token(2, 'x') \g /dev/null
CREATE FUNCTION pg_temp.longer() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.expires_at := NULL; RETURN NEW; END';
CREATE TRIGGER zz_longer BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.longer();
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '27000', NULL, 'nor lets it live longer than it was to');
DROP TRIGGER zz_longer ON api_tokens;
CREATE OR REPLACE FUNCTION pg_temp.longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.api_tokens SET expires_at = '3000-01-01' WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER zz_longer AFTER UPDATE ON api_tokens FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION pg_temp.longer();
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '27000', NULL, '... afterwards either');
DROP TRIGGER zz_longer ON api_tokens;
CREATE OR REPLACE FUNCTION pg_temp.longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.api_tokens SET scopes = '["inherit"]' WHERE id = NEW.id; RETURN NULL; END $$;
CREATE TRIGGER zz_longer AFTER UPDATE ON api_tokens FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION pg_temp.longer();
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '27000', NULL, '... with other scopes either');
DROP TRIGGER zz_longer ON api_tokens;
CREATE OR REPLACE FUNCTION pg_temp.longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := 4000 + NEW.id; RETURN NEW; END $$;
CREATE TRIGGER zz_longer BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.longer();
SET CONSTRAINTS ALL DEFERRED;
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '27000', NULL, '... nor under another id');
SET CONSTRAINTS ALL IMMEDIATE;
DROP TRIGGER zz_longer ON api_tokens;
CREATE OR REPLACE FUNCTION pg_temp.longer() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.expires_at := '2998-01-01'; RETURN NEW; END $$;
CREATE TRIGGER zz_longer BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.longer();
SELECT ok(jhub_authz.reinstate_token(2, 'x'), 'shorter it may be');
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 2), '2998-01-01', '... and is');
ROLLBACK TO a;

SAVEPOINT a;
SELECT jhub_authz.set_mode('off') \g /dev/null
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '55000', NULL, 'while the mode is off there are no baselines to take');
ROLLBACK TO a;
SELECT ok(bool_and(NOT has_function_privilege('public', f, 'execute')), 'nobody may but who is allowed to')
  FROM unnest(ARRAY['jhub_authz.reinstate_token(int, text)', 'jhub_authz.reinstate(xid8, text)']) f;
SET TRANSACTION READ ONLY;
SELECT throws_ok('SELECT jhub_authz.reinstate_token(2, ''x'')', '25006', NULL, 'nor in a read-only transaction');

SELECT * FROM finish();
ROLLBACK;
