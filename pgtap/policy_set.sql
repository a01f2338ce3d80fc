-- set_policy takes what is a policy and nothing else, and takes it back.
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
SELECT plan(26);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;
CREATE FUNCTION pg_temp.stored(what text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', on_growth, inherit, on_share, max_age) FROM jhub_authz.policy_values WHERE target = what $$;
SET CONSTRAINTS ALL IMMEDIATE;

SELECT throws_ok(format('SELECT jhub_authz.set_policy(%L, on_growth => ''log'')', target), '22023', NULL, 'no target: ' || target)
  FROM unnest(ARRAY['', 'admin', 'token:', 'token:x', 'token:-1', 'token:1x', 'token:99999999999', 'token:0', 'client:', 'group:', 'user:alice']) target;
SELECT throws_ok($$ SELECT jhub_authz.set_policy('token:4711', on_growth => 'log') $$, '42704', 'token 4711 does not exist', 'a token that there is not');
SELECT throws_ok($$ SELECT jhub_authz.set_policy('client:nobody', on_growth => 'log') $$, '42704', 'OAuth client "nobody" does not exist', 'a client');
SELECT throws_ok($$ SELECT jhub_authz.set_policy('group:nobody', on_growth => 'log') $$, '42704', 'group "nobody" does not exist', 'a group');
SELECT throws_ok($$ SELECT jhub_authz.set_policy('group:nobody') $$, '42704', NULL, '... not even to remove its policy');
SELECT is((SELECT count(*)::int FROM jhub_authz.policy_values), 0, 'nothing is stored');

SELECT lives_ok($$ SELECT jhub_authz.set_policy('group:group!x=y', on_growth => 'log') $$, 'any name');
SELECT jhub_authz.set_policy('user', on_growth => 'log', inherit => 'follow', max_age => '30 days') \g /dev/null
SELECT jhub_authz.set_policy('user', on_share => 'revoke') \g /dev/null
SELECT is(pg_temp.stored('user'), 'log follow revoke 30 days', 'what is not given stays');
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE action = 'policy' ORDER BY event_id DESC OFFSET 1 LIMIT 1),
    'policy: user on_growth=log inherit=follow max_age=30 days', 'the event says what was set');
SELECT jhub_authz.set_policy('user', inherit => 'default') \g /dev/null
SELECT is(pg_temp.stored('user'), 'log revoke 30 days', 'default takes one back');
SELECT jhub_authz.set_policy('user') \g /dev/null
SELECT is(pg_temp.stored('user'), NULL, 'nothing given: all of it');
SELECT is((SELECT reason FROM jhub_authz.token_events ORDER BY event_id DESC LIMIT 1), 'policy: user removed', '... with an event');
SELECT lives_ok($$ SELECT jhub_authz.set_policy('user') $$, '... and again');
SELECT jhub_authz.set_policy('token:007', on_growth => 'log') \g /dev/null
SELECT is(pg_temp.stored('token:7'), 'log', 'one token is one target');
SELECT is((SELECT token_id FROM jhub_authz.token_events ORDER BY event_id DESC LIMIT 1), 7, '... its event is among its events');
SELECT jhub_authz.set_policy('token:7', on_growth => 'default') \g /dev/null
SELECT is(pg_temp.stored('token:7'), NULL, 'a policy that says nothing goes');

SELECT * FROM finish();
ROLLBACK;
