-- Somebody gets a name, or a group does, and what a token asks for by that name is held
-- already by another: the token grows, though no grant of its owner has changed and its
-- baseline does not hold the old name.
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
TRUNCATE users, groups, services, servers, spawners, shares, oauth_codes, api_tokens, user_group_map CASCADE;
INSERT INTO users (id, name, cookie_id) VALUES (1, 'ann', 'ann'), (2, 'ben', 'ben'), (3, 'dan', 'dan');
INSERT INTO groups (id, name) VALUES (1, 'lab'), (2, 'class');
INSERT INTO user_group_map (user_id, group_id) VALUES (2, 1), (3, 1);
INSERT INTO services (id, name, admin) VALUES (1, 'cull', false);
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES
    (101, 'zoe''s servers', '["access:servers!user=zoe", "read:services"]', false), (102, 'everybody''s own', '["list:users!user", "list:services!service"]', false);
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) SELECT id, 102, false FROM users UNION ALL VALUES (1, 101, false);
INSERT INTO service_role_map VALUES (1, 102, false);
INSERT INTO oauth_clients (id, identifier) VALUES (101, 'dan''s');
INSERT INTO spawners (id, user_id, name, oauth_client_id) VALUES (1, 3, '', 'dan''s');
-- as before an attach: they may ask for more than there is
INSERT INTO api_tokens (id, user_id, service_id, client_id, created, hashed, prefix, scopes) VALUES
    (1, 1, NULL, 'dan''s', now(), '1', 'abcd', '["read:services"]'),
    (2, 1, NULL, 'jupyterhub', now(), '2', 'abcd', '["read:services", "access:servers!group=lab"]'),
    (3, 1, NULL, 'jupyterhub', now(), '3', 'abcd', '["read:services", "access:servers!group=hall"]'),
    (4, 3, NULL, 'jupyterhub', now(), '4', 'abcd', '["list:users!user=zoe"]'),
    (5, 2, NULL, 'jupyterhub', now(), '5', 'abcd', '["list:users!group=hall"]'),
    (6, NULL, 1, 'jupyterhub', now(), '6', 'abcd', '["list:services!service=stop"]'),
    (7, 2, NULL, 'dan''s', now(), '7', 'abcd', '["list:users!user=zoe", "list:users!group=class"]');
SELECT jhub_authz.attach() \g /dev/null
SELECT jhub_authz.set_policy(c, on_growth => 'revoke', inherit => 'guard', on_share => 'revoke') FROM unnest('{user,server,oauth,service}'::text[]) c \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE FUNCTION revoked() RETURNS integer[] LANGUAGE sql AS $$ SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM public.api_tokens WHERE expires_at IS NOT NULL $$;

SELECT plan(6);
SAVEPOINT a;
UPDATE users SET name = 'zoe' WHERE id = 3;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(revoked(), '{1,2,4}', 'a user: by a client that stands for a server, by a group, and by the own name');
ROLLBACK TO a;

UPDATE groups SET name = 'hall' WHERE id = 1;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(revoked(), '{5}', 'a group: of what a member holds about itself');
ROLLBACK TO a;

UPDATE users SET name = 'zoe' WHERE id = 3;
UPDATE groups SET name = 'hall' WHERE id = 1;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(revoked(), '{1,3,4,5}', 'both at once: of what is held by the member''s name, too');
ROLLBACK TO a;

UPDATE services SET name = 'stop' WHERE id = 1;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(revoked(), '{6}', 'a service');
ROLLBACK TO a;

UPDATE users SET name = 'ann2' WHERE id = 1;
UPDATE groups SET name = 'class2' WHERE id = 2;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(revoked(), '{}', 'a name that nobody asks by');
ROLLBACK TO a;

-- many users at once
INSERT INTO users (id, name, cookie_id) SELECT i, 'u' || i, 'u' || i FROM generate_series(101, 140) i;
INSERT INTO user_group_map (user_id, group_id) SELECT i, 1 FROM generate_series(101, 140) i;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
UPDATE users SET name = CASE id WHEN 3 THEN 'zoe' ELSE 'v' || id END WHERE id > 2;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(revoked(), '{1,2,4}', 'many users at once');
SELECT * FROM finish();
ROLLBACK;
