-- upgrade_token_roles: what the hub's role put on its tables makes nothing else of
-- it than what is said and recorded: all is stored so, or nothing is done.
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
\ir ../testbed/hub_schema_2.sql
SET LOCAL client_min_messages = warning;
SELECT plan(14);
CREATE FUNCTION pg_temp.upgrade() RETURNS bigint LANGUAGE sql AS
    $$ SELECT count(*) FROM jhub_authz.upgrade_token_roles() $$;
SET LOCAL ROLE hub_test_owner;
CREATE FUNCTION hub_test.more() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.scopes := '["admin:users"]'; RETURN NEW; END $$;
CREATE FUNCTION hub_test.later() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE hub_test.api_tokens SET scopes = '["admin:users"]' WHERE id = 4; RETURN NULL; END $$;
CREATE FUNCTION hub_test.none() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
RESET ROLE;

SAVEPOINT a;
CREATE TRIGGER more BEFORE UPDATE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.more();
SELECT throws_ok('SELECT pg_temp.upgrade()', '27000', 'token 1 could not be upgraded', 'a trigger that writes other scopes');
SELECT has_table('hub_test'::name, 'api_token_role_map'::name, '... and the roles are still there');
SELECT hasnt_column('hub_test'::name, 'api_tokens'::name, 'scopes'::name, '... and no scopes');
ROLLBACK TO a;
CREATE TRIGGER later AFTER UPDATE ON hub_test.alembic_version FOR EACH ROW EXECUTE FUNCTION hub_test.later();
SELECT throws_ok('SELECT pg_temp.upgrade()', '27000', 'token 4 could not be upgraded', 'one that gives scopes to a token without roles, at the end');
ROLLBACK TO a;
CREATE TRIGGER none BEFORE UPDATE ON hub_test.oauth_clients FOR EACH ROW EXECUTE FUNCTION hub_test.none();
SELECT throws_ok('SELECT pg_temp.upgrade()', '27000', NULL, 'one that swallows what clients get');
ROLLBACK TO a;
CREATE RULE none AS ON UPDATE TO hub_test.api_tokens DO INSTEAD NOTHING;
SELECT throws_ok('SELECT pg_temp.upgrade()', '27000', 'token 1 could not be upgraded', 'a rule that swallows the scopes');
ROLLBACK TO a;
CREATE RULE none AS ON UPDATE TO hub_test.alembic_version DO INSTEAD NOTHING;
SELECT throws_ok('SELECT pg_temp.upgrade()', '27000', 'the revision could not be upgraded', '... or the stamp');
ROLLBACK TO a;

-- what would keep the maps from going is said before
CREATE TABLE hub_test.ours (token integer, role integer, FOREIGN KEY (token, role) REFERENCES hub_test.api_token_role_map);
SELECT is((SELECT string_agg(object, ' ' ORDER BY object) FROM jhub_authz.upgrade_check('hub_test') WHERE level = 'error' AND object NOT LIKE 'upgrade%'),
    'hub_test.ours', 'a foreign key to a role map is an error of the check');
SELECT throws_ok('SELECT pg_temp.upgrade()', '2BP01', NULL, '... and of the upgrade');
ROLLBACK TO a;
ALTER TABLE hub_test.oauth_code_role_map RENAME TO ours;
CREATE VIEW hub_test.oauth_code_role_map AS SELECT * FROM hub_test.ours;
SELECT throws_ok('SELECT pg_temp.upgrade()', '55000', NULL, 'a view in the place of a role map is refused');
SELECT is((SELECT count(*)::int FROM jhub_authz.upgrade_check('hub_test') WHERE level = 'error' AND object = 'oauth_code_role_map'), 1, '... and an error of the check');
ROLLBACK TO a;

-- row security does not hide a row from it
ALTER TABLE hub_test.api_tokens ENABLE ROW LEVEL SECURITY;
ALTER TABLE hub_test.api_tokens FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON hub_test.api_tokens USING (id <> 2);
SELECT is(pg_temp.upgrade(), 23::bigint, 'with row security');
SELECT is((SELECT count(*)::int FROM hub_test.api_tokens WHERE scopes IS NOT NULL), 6, '... every token has its scopes');
SELECT is((SELECT count(*)::int FROM hub_test.api_tokens t JOIN jhub_authz.token_events e ON e.token_id = t.id AND e.action = 'migrated'
    WHERE t.scopes::jhub_authz.scopeset OPERATOR(jhub_authz.<>) e.after), 0, '... and those of the events');
SELECT * FROM finish();
ROLLBACK;
