-- The release in force follows the hub's database, whatever state that is in.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\set hub 'my hub'
\ir ../testbed/hub_schema.sql
\set hub h2
\ir ../testbed/hub_schema_2.sql
\set hub h3
\ir ../testbed/hub_schema_3.sql
\set hub h6
\ir ../testbed/hub_schema_6.sql
SET LOCAL client_min_messages = warning;

CREATE FUNCTION pg_temp.use(hub name) RETURNS text LANGUAGE sql AS $$
    INSERT INTO jhub_authz.attachment (hub_schema, mode, attached_at) VALUES (hub, 'observe', now())
    ON CONFLICT (singleton) DO UPDATE SET hub_schema = EXCLUDED.hub_schema;
    SELECT concat_ws(' ', hub_release, hub_release_certain, alembic_revision) FROM jhub_authz.status
$$;
CREATE FUNCTION pg_temp.release() RETURNS text LANGUAGE sql AS
    $$SELECT concat_ws(' ', hub_release, hub_release_certain, alembic_revision) FROM jhub_authz.status$$;
-- the detail and hint of an error
CREATE FUNCTION pg_temp.notes(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; h text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
    RETURN d || '|' || h;
END $$;

SELECT plan(35);

-- without a hub
SELECT is(pg_temp.release(), '', 'without a hub there is no release to report');
SELECT is((SELECT count(*) FROM jhub_authz.status), 1::bigint, 'status has one row without a hub');
SELECT ok(EXISTS (SELECT FROM jhub_authz.scope_definitions WHERE name = 'start:servers'),
          'without a hub the newest known scopes are defined');
SELECT is(jhub_authz.use_hub_release('3.1.1'), '3.1', 'a release can be pinned without a hub');
SELECT ok(NOT EXISTS (SELECT FROM jhub_authz.scope_definitions WHERE name = 'start:servers'), 'and is in force');
SELECT is(jhub_authz.use_hub_release(NULL), '6.1', 'NULL goes back to the newest');

-- by revision
SELECT is(pg_temp.use('h2'), '2.3 t 833da8570507', '2.x');
SELECT is(pg_temp.use('h3'), '3.1 t 651f5419b74d', '3.x');
SELECT is(pg_temp.use('h6'), '6.1 t f460b0348206', '6.0 and 6.1');
SELECT is(pg_temp.use('my hub'), '5.5 t 4621fec11365', '5.x, in a schema whose name must be quoted');
SELECT is((SELECT live_tokens FROM jhub_authz.status), 14::bigint, 'status counts the tokens that have not expired');

-- the next statement goes by the new revision
SELECT throws_ok($$SELECT jhub_authz.validate('start:servers')$$, '42704', 'scope "start:servers" does not exist',
                 'a scope of 6.0 does not exist in 5.5');
SELECT is(pg_temp.notes($$SELECT jhub_authz.validate('start:servers')$$) ~ 'It came with JupyterHub 6\.0', true,
          'the detail says where it came from');
UPDATE "my hub".alembic_version SET version_num = 'f460b0348206';
SELECT lives_ok($$SELECT jhub_authz.validate('start:servers')$$, 'it exists once the revision is that of 6.0');

-- unknown and half way
UPDATE "my hub".alembic_version SET version_num = 'be8ecf03ddac';
SELECT is(pg_temp.release(), '5.5 f be8ecf03ddac', 'a revision between two releases: by the columns');
UPDATE "my hub".alembic_version SET version_num = 'ffffffffffff';
SELECT is(pg_temp.release(), '5.5 f ffffffffffff', 'unknown revision: by the columns of 5.x');
UPDATE h2.alembic_version SET version_num = 'ffffffffffff';
SELECT is(pg_temp.use('h2'), '2.3 f ffffffffffff', 'unknown revision: by the columns of 2.x');
UPDATE h3.alembic_version SET version_num = 'ffffffffffff';
SELECT is(pg_temp.use('h3'), '3.1 f ffffffffffff', 'unknown revision: by the columns of 3.x');
ALTER TABLE h3.groups ADD properties text;
SELECT is(pg_temp.release(), '4.1 f ffffffffffff', 'unknown revision: by the columns of 4.x');
UPDATE h3.alembic_version SET version_num = '0eee8c825d24';
SELECT is(pg_temp.release(), '4.1 t 0eee8c825d24', '4.x');
UPDATE h6.alembic_version SET version_num = 'ffffffffffff';
SELECT is(pg_temp.use('h6'), '6.1 f ffffffffffff', 'unknown revision, newest columns: the newest');
INSERT INTO h6.alembic_version VALUES ('4621fec11365');
SELECT is(pg_temp.release(), '6.1 f', 'two revisions are none');
DELETE FROM h6.alembic_version;
SELECT is(pg_temp.release(), '6.1 f', 'no revision');
ALTER TABLE h6.alembic_version RENAME version_num TO version_number;
SELECT is(pg_temp.release(), '6.1 f', 'no column for a revision');
DROP TABLE h6.alembic_version;
SELECT is(pg_temp.release(), '6.1 f', 'no table for a revision');
DROP TABLE h6.shares, h6.share_codes;
SELECT is(pg_temp.release(), '6.1 f', 'the tables of shares may be missing');

-- pinned
SELECT is(jhub_authz.use_hub_release('5.2.1'), '5.2', 'a patch release pins its release');
SELECT is(pg_temp.release(), '5.2 t', 'which is then certain');
SELECT throws_ok($$SELECT jhub_authz.use_hub_release('7.1')$$, '22023', 'JupyterHub release "7.1" is not known');
SELECT ok(pg_temp.notes($$SELECT jhub_authz.use_hub_release('')$$) ~ 'These are known: 2\.0.*, 6\.1\.', 'the hint lists the releases');
SELECT is(jhub_authz.use_hub_release(NULL), '6.1', 'NULL follows the database again');

-- gone
ALTER TABLE h6.users RENAME TO people;
SELECT is((SELECT concat_ws(' ', hub_schema, mode, hub_release) FROM jhub_authz.status), 'h6 enforce',
          'a schema that is no hub''s any more has no release');
SELECT throws_ok($$SELECT jhub_authz.user_scopes('alice')$$, '55000', 'schema "h6" does not hold a JupyterHub database');
DROP SCHEMA h6 CASCADE;
SELECT throws_ok($$SELECT jhub_authz.user_scopes('alice')$$, '55000', 'schema "h6" does not exist');
DELETE FROM jhub_authz.attachment;
SELECT throws_ok($$SELECT jhub_authz.user_scopes('alice')$$, '55000', 'no hub is attached');

SELECT * FROM finish();
ROLLBACK;
