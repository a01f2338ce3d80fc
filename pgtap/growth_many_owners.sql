-- More owners concerned at once than are judged one by one: everybody is judged then, and
-- who has grown is found, be it users or services or both.
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
-- so many are not made in a hard build, where it is the other way that is gone
\if :{?few}
\set size 20
\else
\set size 5001
\endif
INSERT INTO roles (id, name, scopes, managed_by_auth) SELECT 1000 + i, 'many' || i, '["read:users"]', false FROM generate_series(1, :size) i;
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES (1000, 'first', '["list:services"]', false);
INSERT INTO users (id, name, cookie_id) VALUES (501, 'u', 'u');
INSERT INTO services (id, name, admin) VALUES (501, 's', false);
INSERT INTO user_role_map VALUES (501, 1000, false);
INSERT INTO service_role_map VALUES (501, 1000, false);
SELECT jhub_authz.attach() \g /dev/null
SELECT jhub_authz.set_policy(c, on_growth => 'revoke', inherit => 'guard') FROM unnest('{user,service}'::text[]) c \g /dev/null
INSERT INTO api_tokens (id, user_id, service_id, client_id, created, hashed, prefix, scopes)
VALUES (9001, 501, NULL, 'jupyterhub', now(), 'many1', 'abcd', '["inherit"]'), (9002, NULL, 501, 'jupyterhub', now(), 'many2', 'abcd', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
CREATE FUNCTION revoked() RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(token_id || ' ' || rtrim(reason, '0123456789'), ', ' ORDER BY token_id) FROM jhub_authz.token_events WHERE action = 'revoked' $$;

SELECT plan(3);
SELECT is(revoked(), NULL, 'none is revoked at first');
INSERT INTO service_role_map SELECT 501, id, false FROM roles WHERE id > 1000 ORDER BY id;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT is(revoked(), '9002 growth: service_role: many', 'services alone');
INSERT INTO user_role_map SELECT 501, id, false FROM roles WHERE id > 1000 ORDER BY id;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT is(revoked(), '9001 growth: user_role: many, 9002 growth: service_role: many', 'users alone');
SELECT * FROM finish();
ROLLBACK;
