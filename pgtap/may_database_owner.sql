-- A role that owns the database, and the hub's tables, and is no superuser: the
-- extension in it is a superuser's all the same.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
CREATE SCHEMA hub_test AUTHORIZATION hub_test_owner;
\set hub hub_test
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
\ir ../testbed/may.sql
SELECT plan(26);
SELECT format('ALTER DATABASE %I OWNER TO hub_test_owner', current_database()) \gexec
SELECT current_database() AS db \gset
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
SELECT is(pg_temp.tried('hub_test_owner', replace(what, '%', :'db')), '42501', 'denied: ' || what) FROM (VALUES
    ('DROP EXTENSION jhub_authz CASCADE'), ('ALTER EXTENSION jhub_authz UPDATE'), ('ALTER EXTENSION jhub_authz SET SCHEMA hub_test'),
    ('CREATE FUNCTION hub_test.f() RETURNS int LANGUAGE sql RETURN 1; ALTER EXTENSION jhub_authz ADD FUNCTION hub_test.f()'),
    ('DROP SCHEMA jhub_authz CASCADE'), ('ALTER SCHEMA jhub_authz RENAME TO x'), ('ALTER SCHEMA jhub_authz OWNER TO hub_test_owner'),
    ('CREATE TABLE jhub_authz.x (a int)'), ('CREATE OPERATOR jhub_authz.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)'),
    ('GRANT CREATE ON SCHEMA jhub_authz TO hub_test_owner; CREATE TABLE jhub_authz.x (a int)'),
    ('TRUNCATE jhub_authz.token_events'), ('DELETE FROM jhub_authz.token_baselines'), ('ALTER TABLE jhub_authz.pending DISABLE TRIGGER decide'),
    ('ALTER TYPE jhub_authz.scopeset RENAME TO x'), ('ALTER TYPE jhub_authz.scopeset SET (RECEIVE = NONE)'),
    ('CREATE CAST (jhub_authz.scopeset AS integer) WITH INOUT'), ('CREATE CAST (bytea AS jhub_authz.scopeset) WITHOUT FUNCTION'),
    ('ALTER DATABASE % SET session_replication_role = replica'), ('ALTER ROLE hub_test_owner SET session_replication_role = replica'),
    ('COMMENT ON EXTENSION jhub_authz IS NULL')) AS v (what);
SELECT is(pg_temp.tried('hub_test_owner', format('ALTER DATABASE %I SET search_path = hub_test, pg_catalog', :'db')), 'done', 'what is the database''s it may set');
SELECT is(pg_temp.tried('hub_test_owner', 'CREATE SCHEMA other'), 'done', '... and make');

-- a schema that was there first, and somebody else's, is not moved into
DROP EXTENSION jhub_authz CASCADE;
DROP SCHEMA jhub_authz;
SAVEPOINT a;
CREATE SCHEMA jhub_authz AUTHORIZATION hub_test_owner;
SELECT throws_ok('CREATE EXTENSION jhub_authz', '42501', 'schema "jhub_authz" belongs to another role', 'a schema that was made to plant objects in is refused');
ROLLBACK TO a;
SELECT is(pg_temp.tried('hub_test_owner', 'CREATE EXTENSION jhub_authz'), '42501', 'the owner of the database cannot make the extension');
SELECT lives_ok('CREATE EXTENSION jhub_authz', 'a superuser can');

SELECT * FROM finish();
ROLLBACK;
