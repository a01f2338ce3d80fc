-- Revoking: expires_at moves to the past, nothing is deleted, every revocation is
-- an event.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = warning;
SELECT jhub_authz.attach('hub') AS release \gset
SET search_path = hub, public, jhub_authz;

CREATE FUNCTION pg_temp.live() RETURNS integer[] LANGUAGE sql AS $$
    SELECT array_agg(id ORDER BY id) FROM api_tokens WHERE expires_at IS NULL OR expires_at >= now() AT TIME ZONE 'UTC'
$$;
CREATE FUNCTION pg_temp.revoked() RETURNS integer[] LANGUAGE sql AS $$
    SELECT array_agg(token_id ORDER BY token_id) FROM jhub_authz.token_events WHERE action = 'revoked'
$$;
CREATE TABLE before_all AS SELECT id, scopes, hashed FROM api_tokens;

SELECT plan(34);

SELECT ok(jhub_authz.revoke_token(2, 'leaked'), 'a token is revoked');
SELECT ok(expires_at < (now() AT TIME ZONE 'UTC') - interval '23 hours', 'to a moment safely past') FROM api_tokens WHERE id = 2;
SELECT is(jhub_authz.authenticate(md5('token2')), NULL, 'it no longer authenticates');
SELECT is(jhub_authz.revoke_token(2, 'again'), false, 'once');
SELECT is(jhub_authz.revoke_token(999, 'x'), false, 'none such');
SELECT throws_ok('SELECT jhub_authz.revoke_token(NULL, ''x'')', '22004', NULL, 'no id');
SELECT results_eq('SELECT token_id, prefix, owner_kind, owner_name, client_id, action, reason, before::text FROM jhub_authz.token_events WHERE action = ''revoked''',
                  $$SELECT 2, left(md5('token2'), 4), 'user', 'alice', 'jupyterhub', 'revoked', 'manual: leaked', '["access:servers!user=alice", "read:users!user=alice"]'$$,
                  'an event says who, whose and why');
SELECT isnt((SELECT revoked_at FROM jhub_authz.token_baselines WHERE token_id = 2), NULL, 'it is on record');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 2), (SELECT scopes FROM before_all WHERE id = 2), 'its scopes stay as they were');

-- A token of this very transaction
INSERT INTO api_tokens (id, user_id, client_id, prefix, hashed, scopes) VALUES (100, 9, 'jupyterhub', 'x', 'x', '["self"]');
SELECT ok(jhub_authz.revoke_token(100, NULL), 'one that was made just now');
SELECT throws_ok('UPDATE api_tokens SET expires_at = NULL WHERE id = 100', '55000', NULL, 'stays revoked');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT throws_ok('UPDATE api_tokens SET expires_at = NULL WHERE id = 100', '55000', NULL, 'also when it has been decided');
SET CONSTRAINTS ALL DEFERRED;

-- The kill switch
SELECT is(pg_temp.live(), ARRAY[1, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15], 'these are alive');
SELECT is(jhub_authz.revoke_all('session', 'session-1', 'lost laptop'), 1, 'a session');
SELECT is(jhub_authz.revoke_all('client', 'jupyterhub-user-alice', 'test'), 1, 'a client');
SELECT is(jhub_authz.revoke_all('service', 'idle-culler', 'test'), 1, 'a service');
SELECT is(pg_temp.live(), ARRAY[1, 3, 4, 5, 7, 9, 11, 12, 13, 14], 'so far');
SELECT is((SELECT cookie_id::text FROM users WHERE id = 10), md5('cookie10'), 'a login');
SELECT is(jhub_authz.revoke_all('user', 'bob', 'gone', logins => true), 3, 'a user, with logins');
SELECT matches((SELECT cookie_id::text FROM users WHERE id = 10), '^[0-9a-f]{32}$', 'which has a new cookie');
SELECT isnt((SELECT cookie_id::text FROM users WHERE id = 10), md5('cookie10'), 'of another value');
SELECT is((SELECT count(*) FROM users WHERE cookie_id = md5('cookie' || id)), 13::bigint, 'and nobody else');
SELECT ok((SELECT expires_at FROM oauth_codes WHERE id = 1) < extract(epoch FROM now()) - 80000, 'OAuth codes');
SELECT ok((SELECT expires_at FROM share_codes WHERE id = 1) > now(), 'another''s share codes stay');
SELECT is(jhub_authz.revoke_all('group', 'lab one', 'course is over'), 3, 'the members of a group');
SELECT ok((SELECT expires_at FROM share_codes WHERE id = 1) < now(), 'and their share codes');
SELECT is(pg_temp.live(), ARRAY[4, 9, 11, 12], 'the others live');
SELECT is(jhub_authz.revoke_all('group', 'empty', 'test'), 0, 'a group without members');
SELECT is(pg_temp.revoked(), ARRAY[1, 2, 3, 5, 6, 7, 8, 13, 14, 15, 100], 'each with its event');
SELECT throws_ok($$SELECT jhub_authz.revoke_all('server', 'alice/', 'x')$$, '22023', NULL, 'another kind');
SELECT throws_ok($$SELECT jhub_authz.revoke_all('user', 'no one', 'x')$$, '42704', 'user "no one" does not exist', 'an unknown name');
SELECT throws_ok($$SELECT jhub_authz.revoke_all('service', 'announce', 'x', true)$$, '22023', NULL, 'a service has no logins');
SELECT set_eq('SELECT id, hashed FROM api_tokens WHERE id < 100', 'SELECT id, hashed FROM before_all', 'nothing was deleted');
SELECT ok(bool_and(NOT has_function_privilege('public', f, 'execute')), 'nobody may but who is allowed to')
  FROM unnest(ARRAY['jhub_authz.revoke_token(int, text)', 'jhub_authz.revoke_all(text, text, text, boolean)',
                    'jhub_authz.issue_token(text, text, jhub_authz.scopeset, text[], interval, text, text)',
                    'jhub_authz.authenticate(text)', 'jhub_authz.resolve_request(text, text, text[], text)']) f;

SELECT * FROM finish();
ROLLBACK;
