-- What a request needs: defaults, stored rows in their place, and what cannot be
-- required.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT plan(44);
\set everything '''["access:servers", "custom:jupyter_server:read:*", "custom:app:use", "read:users"]'''
CREATE FUNCTION pg_temp.may(action text, resource text, app text DEFAULT 'jupyter_server', have jhub_authz.scopeset DEFAULT '["access:servers", "custom:jupyter_server:read:*", "custom:app:use"]')
    RETURNS boolean LANGUAGE sql AS $$ SELECT jhub_authz.authorize(have, 'ann', 'lab', action, resource, app) $$;
CREATE FUNCTION pg_temp.required(a text, r text, what text) RETURNS text[] LANGUAGE sql AS $$
    SELECT ARRAY(SELECT q.scope FROM jhub_authz.required_scopes q WHERE q.app = a AND q.resource = r AND q.action = what ORDER BY q.scope COLLATE "C") $$;

-- The defaults
SELECT is_empty('SELECT * FROM jhub_authz.required_scope_values', 'nothing is stored at first');
SELECT results_eq('SELECT DISTINCT resource COLLATE "C" FROM jhub_authz.required_scopes ORDER BY 1',
    ARRAY['api', 'config', 'contents', 'csp', 'events', 'kernels', 'kernelspecs', 'nbconvert', 'server', 'sessions', 'terminals'] COLLATE "C",
    'Jupyter Server''s own resources are there');
SELECT results_eq('SELECT app, action, count(DISTINCT resource), count(*) FROM jhub_authz.required_scopes GROUP BY 1, 2 ORDER BY 2',
    $$ VALUES ('jupyter_server', 'execute', 11::bigint, 44::bigint), ('jupyter_server', 'read', 11, 44), ('jupyter_server', 'write', 11, 44) $$,
    'with each action, four scopes each');
SELECT is(pg_temp.required('jupyter_server', 'kernels', 'execute'), ARRAY['custom:jupyter_server:execute:*!server={owner}/{server}', 'custom:jupyter_server:execute:*!user={owner}',
    'custom:jupyter_server:execute:kernels!server={owner}/{server}', 'custom:jupyter_server:execute:kernels!user={owner}'], 'by the convention');
SELECT ok(pg_temp.may('read', 'contents') AND NOT pg_temp.may('write', 'contents') AND NOT pg_temp.may('read', 'ext_name:thing') AND NOT pg_temp.may('read', 'contents', 'other'),
    'what has nothing is refused');

-- Stored over them
SELECT lives_ok($$ SELECT jhub_authz.set_required_scopes('jupyter_server', 'contents', 'read', '{custom:app:use}') $$, 'set');
SELECT is(pg_temp.required('jupyter_server', 'contents', 'read'), ARRAY['custom:app:use'], 'it takes the place of all defaults of the two');
SELECT ok(pg_temp.may('read', 'contents') AND NOT pg_temp.may('read', 'contents', 'jupyter_server', '["access:servers", "custom:jupyter_server:read:*"]'), '... in decisions too');
SELECT ok(pg_temp.may('read', 'kernels') AND cardinality(pg_temp.required('jupyter_server', 'contents', 'write')) = 4, '... and of no others');
SAVEPOINT before;
SELECT lives_ok($$ SELECT jhub_authz.set_required_scopes('jupyter_server', 'contents', 'read', '{}') $$, 'set to nothing');
SELECT ok(NOT pg_temp.may('read', 'contents') AND pg_temp.required('jupyter_server', 'contents', 'read') = '{}', '... is refused to everybody');
ROLLBACK TO before;
SELECT ok(pg_temp.may('read', 'contents'), 'a rollback is seen at once');
SELECT lives_ok($$ SELECT jhub_authz.set_required_scopes('jupyter_server', 'contents', 'read', NULL) $$, 'set back');
SELECT ok(pg_temp.may('read', 'contents', 'jupyter_server', '["access:servers", "custom:jupyter_server:read:*"]')
      AND cardinality(pg_temp.required('jupyter_server', 'contents', 'read')) = 4, '... to the default');
SELECT lives_ok($$ SELECT jhub_authz.set_required_scopes('app', 'ext_name:thing', 'read', '{custom:app:use, "custom:app:use!user={owner}", custom:app:use}') $$, 'another app, and an extension''s resource');
SELECT is(pg_temp.required('app', 'ext_name:thing', 'read'), ARRAY['custom:app:use', 'custom:app:use!user={owner}'], '... without what is there twice');
SELECT ok(pg_temp.may('read', 'ext_name:thing', 'app') AND NOT pg_temp.may('read', 'ext_name:thing') AND NOT pg_temp.may('read', 'ext_name', 'app')
      AND NOT pg_temp.may('read', 'ext_name:thing:more', 'app'), '... that app''s, and by its whole name');

-- "*" is for what has nothing of its own
SELECT jhub_authz.set_required_scopes('jupyter_server', '*', 'read', '{custom:app:use}'), jhub_authz.set_required_scopes('jupyter_server', 'mine', 'read', '{}') \g /dev/null
SELECT ok(pg_temp.may('read', 'ext_name:thing') AND NOT pg_temp.may('write', 'ext_name:thing'), 'the resource * is any other, for its action');
SELECT ok(NOT pg_temp.may('read', 'mine'), '... but none that has something of its own, be it nothing');
SELECT ok(NOT pg_temp.may('read', 'contents', 'jupyter_server', '["access:servers", "custom:app:use"]'), '... and none of the defaults');
SELECT ok(NOT pg_temp.may('read', 'ext_name:thing', 'app2'), '... and of no other app');

-- A filter that is not the server's own
SELECT jhub_authz.set_required_scopes('jupyter_server', 'fixed', 'read', '{"custom:app:use!user=boss"}'), jhub_authz.set_required_scopes('jupyter_server', 'open', 'read', '{custom:app:use}') \g /dev/null
SELECT ok(pg_temp.may('read', 'fixed', 'jupyter_server', '["access:servers", "custom:app:use!user=boss"]')
      AND NOT pg_temp.may('read', 'fixed', 'jupyter_server', '["access:servers", "custom:app:use!user=ann"]'), 'a fixed name is that name');
SELECT ok(NOT pg_temp.may('read', 'open', 'jupyter_server', '["access:servers", "custom:app:use!user=ann", "custom:app:use!server=ann/lab"]'), 'without a filter only an unfiltered scope will do');
SELECT jhub_authz.set_required_scopes('jupyter_server', 'mixed', 'read', '{"custom:app:use!group=team-{owner}", "custom:app:use!server={owner}/{server}-{owner}"}') \g /dev/null
SELECT ok(pg_temp.may('read', 'mixed', 'jupyter_server', '["access:servers", "custom:app:use!group=team-ann"]')
      AND pg_temp.may('read', 'mixed', 'jupyter_server', '["access:servers", "custom:app:use!server=ann/lab-ann"]')
      AND NOT pg_temp.may('read', 'mixed', 'jupyter_server', '["access:servers", "custom:app:use!group=team-{owner}", "custom:app:use!server=ann/lab"]'), 'placeholders may stand among text');

-- What cannot be required
CREATE FUNCTION pg_temp.sets(scope text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN
    PERFORM jhub_authz.set_required_scopes('jupyter_server', 'x', 'read', ARRAY[scope]);
    RETURN '00000';
EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE; END $$;
SELECT is(pg_temp.sets(scope), state, coalesce(scope, 'NULL')) FROM (VALUES
    ('custom:app:use!user', '22023'), ('custom:app:use!server', '22023'), ('custom:{owner}:use', '22023'), ('custom:app:use!user={user}', '22023'),
    ('custom:app:use!user={owner', '22023'), ('custom:app:use!user={{owner}}', '22023'), ('custom:app:use!usr={owner}', '22P02'), ('custom:app:use!user=', '22P02'), ('', '22P02'),
    (NULL, '22004'), ('read:uers', '42704'), ('custom:not:defined!user={owner}', '00000'), ('read:users!user={owner}', '00000')) v (scope, state);
SELECT throws_ok($$ SELECT jhub_authz.set_required_scopes('jupyter_server', 'x', 'read', '{read:uers}') $$, '42704', 'scope "read:uers" does not exist', 'a scope of the hub''s must exist');
SELECT throws_ok($$ SELECT jhub_authz.set_required_scopes('jupyter_server', '', 'read', '{}') $$, '22023', 'resource must not be empty', 'a resource has a name');
SELECT throws_ok($$ SELECT jhub_authz.set_required_scopes('jupyter_server', 'x', NULL, '{}') $$, '22004', 'action must not be null', '... and an action');
SELECT ok(NOT EXISTS (SELECT FROM jhub_authz.required_scopes WHERE resource = 'x' AND scope LIKE '%user={user}%'), 'what was refused is not there');

-- Put there by hand: a scope that is none, or nobody's, is met by nothing and harms no other
INSERT INTO jhub_authz.required_scope_values VALUES ('jupyter_server', 'by hand', 'read', ARRAY['!!', 'custom:app:use!user', NULL, 'custom:{owner}', '', 'custom:app:use']);
SELECT ok(pg_temp.may('read', 'by hand') AND NOT pg_temp.may('read', 'by hand', 'jupyter_server', '["access:servers", "custom:app:use!user", "custom:app:use!user=ann", "custom:ann", "custom:{owner}"]'),
    'rows by hand that do not parse');
UPDATE jhub_authz.required_scope_values SET scopes = '{}' WHERE resource = 'by hand';
SELECT ok(NOT pg_temp.may('read', 'by hand'), '... and changed by hand, at once');
DELETE FROM jhub_authz.required_scope_values;
SELECT ok(pg_temp.may('read', 'contents') AND NOT pg_temp.may('read', 'ext_name:thing'), '... and deleted');

SELECT * FROM finish();
ROLLBACK;
