-- Scopes are validated and put in words as the hub does it, for anyone.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\set hub hub_describe
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('hub_describe', 'observe');
CREATE ROLE jhub_authz_test_nobody;
GRANT USAGE ON SCHEMA jhub_authz TO jhub_authz_test_nobody;
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "Read a", "subscopes": ["custom:a:list"]},
                                  "custom:a:list": {"description": "List a"}}') \g /dev/null

CREATE FUNCTION pg_temp.hint(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE h text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS h = PG_EXCEPTION_HINT;
    RETURN h;
END $$;

SELECT plan(28);

-- all of this as a role that may do nothing in the hub's schema
GRANT ALL ON ALL FUNCTIONS IN SCHEMA public TO jhub_authz_test_nobody;
SET LOCAL ROLE jhub_authz_test_nobody;

SELECT is(jhub_authz.validate('read:users!user=alice self')::text, '["read:users!user=alice", "self"]',
          'validate returns its argument');
SELECT is(jhub_authz.validate('[]')::text, '[]', 'the empty set is valid');
SELECT is(jhub_authz.validate(NULL)::text, NULL, 'NULL is NULL');
SELECT is(jhub_authz.validate('custom:a:read!user=x')::text, '["custom:a:read!user=x"]', 'a custom scope is valid');
SELECT throws_ok($$SELECT jhub_authz.validate('read:uers')$$, '42704', 'scope "read:uers" does not exist');
SELECT is(pg_temp.hint($$SELECT jhub_authz.validate('read:uers')$$), 'Perhaps you meant "read:users".');
SELECT is(pg_temp.hint($$SELECT jhub_authz.validate('acess:servers')$$), 'Perhaps you meant "access:servers".');
SELECT throws_ok($$SELECT jhub_authz.validate('custom:b:read')$$, '42704', 'scope "custom:b:read" does not exist');
SELECT throws_ok($$SELECT jhub_authz.validate('self read:uers!user=zoë')$$, '42704',
                 'scope "read:uers!user=zoë" does not exist', 'the whole scope is named');

CREATE FUNCTION pg_temp.said(scopes text, username text DEFAULT NULL) RETURNS text LANGUAGE sql AS
    $$SELECT string_agg(concat_ws('|', scope, description, '<' || filter || '>'), E'\n')
      FROM jhub_authz.describe(scopes::jhub_authz.scopeset, username)$$;

SELECT is(pg_temp.said('read:users:name'), 'read:users:name|Read names of users.|<>', 'no filter');
SELECT is(pg_temp.said('tokens!user'), 'tokens|Read, write, create and delete user tokens.|<only you>', '!user');
SELECT is(pg_temp.said('tokens!user=alice'), 'tokens|Read, write, create and delete user tokens.|<user alice>', 'a user');
SELECT is(pg_temp.said('tokens!user=alice', 'alice'), 'tokens|Read, write, create and delete user tokens.|<only you>',
          'that user');
SELECT is(pg_temp.said('["read:users:name!group=lab one"]'), 'read:users:name|Read names of users.|<users in group lab one>',
          'a group');
SELECT is(pg_temp.said('access:servers!server=alice/', 'alice'),
          'access:servers|Access user servers via API or browser.|<server alice/>', 'a server');
SELECT is(pg_temp.said('["read:users:name!user=zo\u00eb"]', 'zoë'), 'read:users:name|Read names of users.|<only you>',
          'names outside of ASCII');
SELECT is(pg_temp.said('access:servers!server'), 'access:servers|Access user servers via API or browser.|<server >',
          'another self filter ends in a space, as in the hub');
SELECT is(pg_temp.said('custom:a:read'), 'custom:a:read|Read a|<>', 'a custom scope');
SELECT results_eq($$SELECT scope, description, filter FROM jhub_authz.describe('nonsense!user=x')$$,
                  $$VALUES ('nonsense'::text, NULL::text, 'user x'::text)$$, 'an undefined scope has no description');
SELECT is((SELECT string_agg(scope || filter, ',') FROM jhub_authz.describe('self read:hub!user=b read:hub read:hub!user=a')),
          'read:hub,read:hubuser a,read:hubuser b,self', 'a row a scope, in code point order');
SELECT is((SELECT count(*) FROM jhub_authz.describe(NULL)), 0::bigint, 'NULL: no rows');

SELECT is((SELECT count(*) FROM jhub_authz.scope_definitions WHERE origin = 'hub'), 47::bigint, '5.5 has 47 scopes');
SELECT is((SELECT subscopes FROM jhub_authz.scope_definitions WHERE name = 'read:users'),
          '{read:users:activity,read:users:groups,read:users:name}', 'direct subscopes');
SELECT is((SELECT subscopes FROM jhub_authz.scope_definitions WHERE name = 'proxy'), '{}', 'no subscopes');
SELECT results_eq($$SELECT name, description, subscopes FROM jhub_authz.scope_definitions WHERE origin = 'custom' ORDER BY name$$,
                  $$VALUES ('custom:a:list'::text, 'List a'::text, '{}'::text[]), ('custom:a:read', 'Read a', '{custom:a:list}')$$,
                  'custom scopes are listed');

-- what reads the hub's rows is not for everyone
SELECT throws_ok('SELECT * FROM jhub_authz.status', '42501');
SELECT throws_ok('SELECT * FROM jhub_authz.self_check()', '42501');
SELECT throws_ok($$SELECT jhub_authz.use_hub_release('5.5')$$, '42501');

RESET ROLE;
SELECT * FROM finish();
ROLLBACK;
