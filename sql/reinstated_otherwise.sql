-- A revoked token that has been given another owner, client or scopes is put back
-- as it is now, and who does that is told what it was.
SET client_min_messages = warning;
\getenv srcdir PG_ABS_SRCDIR
\set population :srcdir '/testbed/hub_schema.sql'
BEGIN;
\set ECHO none
\i :population
\set ECHO all
\o /dev/null
SELECT jhub_authz.attach();
SET CONSTRAINTS ALL IMMEDIATE;
SELECT jhub_authz.revoke_token(2, 'x');
SELECT jhub_authz.revoke_token(3, 'x');
SELECT jhub_authz.revoke_token(4, 'x');
INSERT INTO user_role_map VALUES (9, 14, false);
\o
-- as they were; a rename is no other owner
UPDATE users SET name = 'alice2' WHERE name = 'alice';
SELECT jhub_authz.reinstate_token(1, 'x'), jhub_authz.reinstate_token(2, 'x');
-- not as they were
UPDATE api_tokens SET user_id = 9, scopes = '["inherit"]' WHERE id = 3;
UPDATE api_tokens SET client_id = 'jupyterhub-user-alice' WHERE id = 4;
SELECT jhub_authz.reinstate_token(3, 'x');
SELECT jhub_authz.reinstate_token(4, 'x');
ROLLBACK;
