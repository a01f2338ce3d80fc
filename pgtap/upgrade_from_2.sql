-- upgrade_token_roles: roles of tokens and clients become scopes, and what it
-- does not know it refuses before it touches anything.
BEGIN;
SELECT plan(41);
\ir ../testbed/hub_schema_2.sql

-- levels and objects, without the words
CREATE FUNCTION pg_temp.errors(OUT object text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT object FROM jhub_authz.upgrade_check() WHERE level = 'error' AND object <> 'upgrade_token_roles()' ORDER BY 1 $$;
-- what the check says of a revision
CREATE FUNCTION pg_temp.standing(revision text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE alembic_version SET version_num = revision;
    RETURN (SELECT string_agg(detail, ' ') FROM jhub_authz.upgrade_check() WHERE object = 'alembic_version');
END $$;
CREATE FUNCTION pg_temp.upgrade() RETURNS bigint LANGUAGE sql AS
    $$ SELECT count(*) FROM jhub_authz.upgrade_token_roles() $$;

SELECT is_empty('SELECT pg_temp.errors()', 'a database of 2.x has no error');
SELECT ok((SELECT detail FROM jhub_authz.upgrade_check() WHERE object = 'upgrade_token_roles()') LIKE '%6 of 15 tokens%8 OAuth clients%',
    'the check says what would be done');
SELECT throws_ok('SELECT jhub_authz.attach()', '55000', NULL, 'it cannot be attached yet');

-- refusals: each leaves everything as it is
SAVEPOINT refusals;
UPDATE alembic_version SET version_num = '4dc2d5a8c53c';
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'a database of 1.x is refused');
SELECT is_empty('SELECT pg_temp.errors()', 'and no error of the check: it has nothing to do');
SELECT is_empty($$SELECT r FROM unnest(ARRAY['19c0846f6344', 'af4cbdb2d13c', '896818069c98', '4dc2d5a8c53c', '651f5419b74d',
        '0eee8c825d24', '3c2384c5aae1', '4621fec11365', 'be8ecf03ddac', 'afd65840b69e', 'ff1860e38070', 'f460b0348206']) AS r,
        LATERAL (SELECT pg_temp.standing(r) AS said) s WHERE said NOT LIKE '%JupyterHub%'$$,
    'every revision from 0.5 to 6.0 has its place');
UPDATE alembic_version SET version_num = 'fedcba987654';
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'an unknown revision is refused');
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['alembic_version'], 'and is an error of the check');
DELETE FROM alembic_version;
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'no revision is refused');
DROP TABLE alembic_version;
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'no table alembic_version is refused');
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['alembic_version'], 'and is an error of the check');
ROLLBACK TO refusals;
UPDATE alembic_version SET version_num = '4621fec11365';
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'a stamp that is newer than the tables is refused');
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['alembic_version'], 'and is an error of the check');
ROLLBACK TO refusals;
ALTER TABLE oauth_clients ADD allowed_scopes text;
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'an upgrade that stopped half way is refused');
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['oauth_clients'], 'and is an error of the check');
ROLLBACK TO refusals;
DROP TABLE api_token_role_map;
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'a missing role map is refused');
ROLLBACK TO refusals;
DROP TABLE services CASCADE;
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'a missing table is refused');
SELECT ok('services' IN (SELECT pg_temp.errors()), 'and is an error of the check');
ROLLBACK TO refusals;
CREATE TABLE ours (id integer);
SELECT results_eq($$SELECT level FROM jhub_authz.upgrade_check() WHERE object = 'ours'$$, ARRAY['info'], 'a table that is not the hub''s is named');
CREATE VIEW our_own AS SELECT * FROM oauth_client_role_map;
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['public.our_own'], 'a view that rests on a role map is an error of the check');
SELECT throws_ok('SELECT pg_temp.upgrade()', '2BP01', NULL, 'and the upgrade fails as a whole');
SELECT hasnt_column('api_tokens'::name, 'scopes'::name, 'nothing of it is left');
ROLLBACK TO refusals;
UPDATE roles SET scopes = 'self' WHERE id = 4;
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['role token'], 'scopes that are no JSON, of a role that a token has: an error');
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'and refused');
ROLLBACK TO refusals;
CREATE SCHEMA other;
CREATE TABLE other.users (); CREATE TABLE other.spawners (); CREATE TABLE other.oauth_clients ();
SELECT set_eq('SELECT pg_temp.errors()', ARRAY['schema'], 'two schemas with a hub''s tables: one has to be named');
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'also to the upgrade');
SELECT isnt_empty($$SELECT * FROM jhub_authz.upgrade_token_roles(true, 'public')$$, 'named, it goes');
ROLLBACK TO refusals;
CREATE ROLE somebody;
GRANT USAGE ON SCHEMA jhub_authz TO somebody;
GRANT EXECUTE ON FUNCTION jhub_authz.upgrade_token_roles(boolean, text) TO somebody;
SET ROLE somebody;
SELECT throws_ok('SELECT count(*) FROM jhub_authz.upgrade_token_roles(true)', '42501', NULL, 'only the owner of the tables may');
RESET ROLE;
ROLLBACK TO refusals;

-- what is read as its owner is not shown of just any schema
CREATE SCHEMA secret;
CREATE TABLE secret.alembic_version AS SELECT 'top secret'::text AS version_num;
CREATE ROLE auditor;
SELECT jhub_authz.grant_auditor('auditor');
GRANT USAGE ON SCHEMA jhub_authz TO auditor;
SET ROLE auditor;
SELECT results_eq($$SELECT level FROM jhub_authz.upgrade_check('secret')$$, ARRAY['error'], 'a schema without USAGE is not looked into');
RESET ROLE;
SELECT ok((SELECT string_agg(detail, ' ') FROM jhub_authz.upgrade_check('secret')) NOT LIKE '%top secret%', 'what is no revision is not shown');
ROLLBACK TO refusals;

-- what is no scope is passed on as it is, and reported
UPDATE roles SET scopes = '["read:users!group", "été x", "read:users:name"]' WHERE id = 3;
SELECT ok(EXISTS (SELECT FROM jhub_authz.upgrade_check() WHERE level = 'warning' AND object = 'role server'),
    'members that are no scopes are a warning');

SAVEPOINT interrupted;
UPDATE roles SET name = 'evil, "admin"' WHERE id = 3;
SELECT pg_temp.upgrade();
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE action = 'migrated' AND token_id = 5), 'upgrade: roles "evil, ""admin"""',
    'one role reads as one in the events, whatever its name is');
ROLLBACK TO interrupted;
SELECT has_table('api_token_role_map'::name, 'rolled back, it has not been');
SELECT results_eq('SELECT count(*) FROM jhub_authz.upgrade_token_roles(true)', ARRAY[23::bigint], 'a dry run lists all tokens and clients');
SELECT hasnt_column('api_tokens'::name, 'scopes'::name, 'and changes nothing');
SELECT results_eq('SELECT pg_temp.upgrade()', ARRAY[23::bigint], 'the upgrade');
SELECT results_eq($$SELECT id, scopes FROM api_tokens WHERE id IN (1, 2, 3, 4, 5) ORDER BY id$$,
    $$VALUES (1, '["inherit"]'), (2, '["access:servers!user", "read:users!user"]'),
             (3, '["list:users!group=physics", "read:groups!group=physics", "read:users:activity!group=physics"]'),
             (4, NULL), (5, '["read:users!group", "read:users:name", "été x"]')$$,
    'tokens have the scopes that their roles had; one without roles keeps NULL');
SELECT results_eq($$SELECT identifier::text, allowed_scopes FROM oauth_clients WHERE id IN (1, 4, 6, 8) ORDER BY id$$,
    $$VALUES ('jupyterhub', NULL), ('jupyterhub-user-bob', '["access:servers!server=bob/"]'),
             ('service-announce', '["access:services", "access:services!service=announce"]'), ('orphan', NULL)$$,
    'clients have their roles'' scopes and their access scope');
SELECT is((SELECT version_num FROM alembic_version), '651f5419b74d', 'the revision is stamped');
SELECT results_eq('SELECT array_agg(token_id ORDER BY token_id) FROM jhub_authz.token_events WHERE action = ''migrated''',
    $$VALUES (ARRAY[1, 2, 3, 5, 8, 9])$$, 'the events say migrated');
SELECT results_eq('SELECT pg_temp.upgrade()', ARRAY[0::bigint], 'done twice, there is nothing to do');

SELECT * FROM finish();
ROLLBACK;
