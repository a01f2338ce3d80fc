-- A name that makes too long a scope stops nobody else's answers and decisions.
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
SELECT plan(8);

-- 255 characters of 4 bytes each
\set long 'repeat(U&\'\\+01F600\', 255)'
INSERT INTO users (id, name, cookie_id) VALUES (100, :long, 'x');
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (100, 1, false);
INSERT INTO oauth_clients (id, identifier, secret, redirect_uri, allowed_scopes) VALUES (100, 'long', '', '', '[]');
INSERT INTO spawners (id, user_id, name, oauth_client_id) VALUES (100, 100, :long, 'long');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    VALUES (100, 100, 'long', '2024-05-01', 'zzzz', 'x', '["inherit"]'), (101, 100, 'long', '2024-05-01', 'zzzy', 'y', '["access:servers!server", "self"]');

SELECT lives_ok('SELECT jhub_authz.attach()', 'attach');
SELECT is(jhub_authz.access_scopes('long')::text, '[]', 'what cannot be written is left out');
SELECT ok(jhub_authz.scope_count(jhub_authz.token_scopes(100)) > 5, 'the rest answers');
SELECT is((SELECT count(*)::int FROM jhub_authz.all_token_scopes()), 17, 'everybody''s tokens');
SELECT lives_ok($$ SELECT jhub_authz.set_mode('enforce') $$, 'everybody is judged');
UPDATE roles SET scopes = '["self", "list:groups"]' WHERE name = 'user';
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'a decision that concerns him and others');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = 100 AND action = 'revoked'), 1, '... finds what grew');
SELECT lives_ok('SELECT count(*) FROM jhub_authz.self_check()', 'self_check');

SELECT * FROM finish();
ROLLBACK;
