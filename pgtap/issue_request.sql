-- resolve_request: what the hub's OAuth flow would grant, and whether it asks.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SELECT jhub_authz.attach('hub') AS release \gset
SET search_path = hub, public, jhub_authz;

CREATE FUNCTION pg_temp.ask(owner text, requested text[], client text DEFAULT 'jupyterhub', OUT granted text, OUT refused text, OUT confirm boolean)
LANGUAGE sql AS $$
    SELECT r.granted::text, r.refused::text, r.confirm FROM jhub_authz.resolve_request('user', owner, requested, client) r
$$;
\set identify '"read:users:groups!user", "read:users:name!user"'

SELECT plan(36);

-- The hub's own client: narrowed to what the owner holds
SELECT is(pg_temp.ask('alice', ARRAY['self', 'tokens!user'])::text, ROW ('["self", "tokens!user"]', '[]', false)::text, 'held');
SELECT is(pg_temp.ask('alice', ARRAY['self', 'proxy'])::text, ROW ('["self"]', '["proxy"]', false)::text, 'not held');
SELECT is(pg_temp.ask('alice', ARRAY['inherit'])::text, ROW ('["inherit"]', '[]', false)::text, 'inherit passes');
SELECT is(pg_temp.ask('alice', ARRAY['user', 'server'])::text, ROW ('["access:servers!server", "self", "users:activity!user"]', '[]', false)::text, 'role names');
SELECT is(pg_temp.ask('alice', NULL)::text, ROW ('[]', '[]', false)::text, 'nothing');
SELECT is((pg_temp.ask('o''brien', ARRAY['list:users'])).refused, '["list:users"]', 'partly held: refused');
SELECT ok((pg_temp.ask('o''brien', ARRAY['list:users'])).granted::jhub_authz.scopeset OPERATOR(jhub_authz.@>) '["list:users!group=physics"]', 'and the part granted');
SELECT throws_ok($$SELECT pg_temp.ask('alice', ARRAY['identify'])$$, '42704', NULL, 'identify is no scope here');

-- (a) to (g)
SELECT throws_ok($$SELECT pg_temp.ask('bob', ARRAY['self'], 'jupyterhub-user-bob')$$, '42501', 'OAuth client "jupyterhub-user-bob" may not ask for all of these scopes', '(d) beyond what the client may ask for');
SELECT is(pg_temp.ask('bob', ARRAY['identify'], 'jupyterhub-user-bob')::text, ROW ('["access:servers!server=bob/", ' || :'identify' || ']', '[]', false)::text,
          '(a) identify is dropped, (c) identify and access scopes are added');
SELECT is(pg_temp.ask('bob', NULL, 'jupyterhub-user-bob'), pg_temp.ask('bob', ARRAY['access:servers!server=bob/'], 'jupyterhub-user-bob'), '(g) nothing asked for: the client''s own');
SELECT is(pg_temp.ask('bob', '{}', 'jupyterhub-user-bob'), pg_temp.ask('bob', NULL, 'jupyterhub-user-bob'), '(g) nor with an empty list');
SELECT is((pg_temp.ask('bob', ARRAY['access:servers!server'], 'jupyterhub-user-bob')).granted,
          '["access:servers!server", "access:servers!server=bob/", ' || :'identify' || ']', 'a self filter is the client''s');
SELECT throws_ok($$SELECT pg_temp.ask('eq=ual', NULL, 'jupyterhub-user-alice')$$, '42501', NULL, '(e) who may not enter is refused');
SELECT lives_ok($$SELECT pg_temp.ask('bob', ARRAY['identify'], 'jupyterhub-user-alice')$$, '(e) who has a share may enter');
SELECT lives_ok($$SELECT pg_temp.ask('admin', NULL, 'service-announce')$$, '(e) who has every service may enter');
SELECT is((pg_temp.ask('admin', NULL, 'service-announce')).refused, '[]', '(f) who holds it all is refused nothing');
SELECT throws_ok($$SELECT pg_temp.ask('bob', NULL, 'service-announce')$$, '42501', NULL, '(e) bob may not enter the service');
INSERT INTO roles (name, scopes, managed_by_auth) VALUES ('enter', '["access:services!service=announce"]', false);
INSERT INTO user_role_map SELECT 10, id, false FROM roles WHERE name = 'enter';
SELECT is(pg_temp.ask('bob', NULL, 'service-announce')::text,
          ROW ('["access:services!service=announce", ' || :'identify' || ', "read:users:name!user=bob"]', '["list:users!group=physics"]', true)::text,
          '(f) narrowed to what bob holds: of list:users!group=physics the part that names himself');
SELECT is((pg_temp.ask('bob', ARRAY['enter'], 'service-announce')).granted, '["access:services!service=announce", ' || :'identify' || ']', '(b) role names');
SELECT throws_ok($$SELECT pg_temp.ask('bob', ARRAY['enter', 'no-role'], 'service-announce')$$, '42704', NULL, '(b) all of them or none');
SELECT throws_ok($$SELECT pg_temp.ask('bob', ARRAY['two words', 'self'], 'service-announce')$$, '42704', NULL, '(b) what is neither');
SELECT throws_ok($$SELECT pg_temp.ask('bob', NULL, 'orphan')$$, '55000', NULL, 'a client that stands for nothing');
SELECT throws_ok($$SELECT pg_temp.ask('bob', NULL, 'none')$$, '42704', NULL, 'an unknown client');
SELECT throws_ok($$SELECT pg_temp.ask('no one', NULL)$$, '42704', NULL, 'an unknown user');
SELECT throws_ok($$SELECT pg_temp.ask('bob', ARRAY['self', NULL])$$, '22004', NULL, 'a scope that is NULL');

-- Would the hub ask?
SELECT is((pg_temp.ask('alice', NULL, 'jupyterhub-user-alice-lab')).confirm, false, 'one''s own server never asks');
SELECT is((pg_temp.ask('bob', ARRAY['identify'], 'jupyterhub-user-alice')).confirm, true, 'another''s does');
INSERT INTO api_tokens (user_id, client_id, expires_at, prefix, hashed, scopes)
VALUES (10, 'jupyterhub-user-alice', '2001-01-01', 'aaaa', 'a', '["access:servers!server=alice/", "read:users:groups!user", "read:users:name!user"]');
SELECT is((pg_temp.ask('bob', ARRAY['identify'], 'jupyterhub-user-alice')).confirm, false, 'consent given before counts, expired or not');
UPDATE services SET oauth_no_confirm = true WHERE name = 'announce';
SELECT is((pg_temp.ask('bob', NULL, 'service-announce')).confirm, false, 'a service may be set never to ask');

-- The page is not the end: its form is held against the client again, and a token against its owner
INSERT INTO roles (name, scopes, managed_by_auth) VALUES ('reads servers', '["read:servers"]', false);
INSERT INTO user_role_map SELECT 10, id, false FROM roles WHERE name = 'reads servers';
UPDATE oauth_clients SET allowed_scopes = '["servers!group=physics", "servers!user"]' WHERE identifier = 'service-announce';
SELECT throws_ok($$SELECT pg_temp.ask('bob', ARRAY['servers!group=physics', 'servers!user'], 'service-announce')$$, '42501',
                 'OAuth client "service-announce" may not ask for all of these scopes', 'a part that the client itself is not let send back');
SELECT lives_ok($$SELECT pg_temp.ask('bob', ARRAY['servers!user'], 'service-announce')$$, 'of the rest there is a token');
INSERT INTO roles (name, scopes, managed_by_auth) VALUES ('self filter', '["read:services!service"]', false);
INSERT INTO user_role_map SELECT 10, id, false FROM roles WHERE name = 'self filter';
UPDATE oauth_clients SET allowed_scopes = '["read:services!service"]' WHERE identifier = 'service-announce';
SELECT throws_ok($$SELECT pg_temp.ask('bob', NULL, 'service-announce')$$, '42501',
                 'user "bob" does not hold what a token of OAuth client "service-announce" needs', 'a filter of the client that the owner cannot have');
SELECT lives_ok($$SELECT pg_temp.ask('bob', ARRAY['identify'], 'service-announce')$$, 'without it there is a token');
DELETE FROM user_role_map WHERE user_id = 10 AND role_id = (SELECT id FROM roles WHERE name = 'user');
SELECT throws_ok($$SELECT pg_temp.ask('bob', ARRAY['identify'], 'service-announce')$$, '42501',
                 'user "bob" does not hold what a token of OAuth client "service-announce" needs', 'nor one who may not read his own name');
SELECT throws_ok($$SELECT jhub_authz.resolve_request('service', 'announce', NULL, 'service-announce')$$, '22023',
                 'a service cannot log in through an OAuth client', 'who logs in is a user');

SELECT * FROM finish();
ROLLBACK;
