-- A custom scope can't be undefined while something of the hub uses it.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\set hub hub_scope_users
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT jhub_authz.define_scopes('{"custom:aaa": {"description": "A"}, "custom:aaab": {"description": "AB"}}') \g /dev/null

CREATE FUNCTION pg_temp.users(scope text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text; s text;
BEGIN
    PERFORM jhub_authz.undefine_scope(scope);
    RETURN 'undefined';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL, s = RETURNED_SQLSTATE;
    RETURN s || ' ' || d;
END $$;

SELECT plan(6);

UPDATE hub_scope_users.roles SET scopes = '["custom:aaa!user=x", "self"]' WHERE name = 'by-user';
SELECT is(jhub_authz.undefine_scope('custom:aaab'), true, 'a scope that nothing uses; longer names are others');
SELECT jhub_authz.define_scopes('{"custom:aaab": {"description": "AB"}}') \g /dev/null

INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('hub_scope_users', 'observe');
SELECT is(jhub_authz.undefine_scope('custom:aaab'), true, 'the same with an attached hub');
SELECT ok(pg_temp.users('custom:aaa') ~ '^2BP01 .*role "by-user"', 'a role uses it');
UPDATE hub_scope_users.api_tokens SET scopes = '["custom:aaa"]' WHERE id IN (2, 10);
UPDATE hub_scope_users.oauth_clients SET allowed_scopes = '["custom:aaa"]' WHERE id = 7;
UPDATE hub_scope_users.shares SET scopes = '["custom:aaa!server=alice/"]' WHERE id = 3;
UPDATE hub_scope_users.share_codes SET scopes = '["custom:aaa!server=alice/"]' WHERE id = 1;
SELECT ok(pg_temp.users('custom:aaa') ~ 'role "by-user", client "service-odd", share 3, share code 1, token 2\M(?!,)',
          'all that uses it is named, expired tokens are not');
UPDATE hub_scope_users.roles SET scopes = '["custom:aaa"]' WHERE id > 5;
SELECT ok(pg_temp.users('custom:aaa') ~ ' and \d+ more', 'not more than a few are named');
UPDATE hub_scope_users.roles SET scopes = '["custom:aaa' WHERE id > 5;
SELECT ok(pg_temp.users('custom:aaa') !~ 'role', 'stored scopes that do not parse are no use of it');

SELECT * FROM finish();
ROLLBACK;
