-- whoami: what the hub answers to GET /hub/api/user.  (interop/api has the real hub say
-- so; here are the cases that it does not have.)
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
SELECT plan(39);
SELECT throws_ok($$ SELECT jhub_authz.whoami(md5('token1')) $$, '55000', NULL, 'no hub is attached');
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');

SELECT is(jhub_authz.whoami(token), NULL, 'nobody: ' || what)
  FROM (VALUES ('guessed', 'guessed'), ('', 'empty'), (md5('token10'), 'expired'), (NULL, 'NULL'), (repeat('x', 100000), 'long')) AS t (token, what);
SELECT is(jhub_authz.whoami(md5('token7')),
    '{"kind": "user", "name": "bob", "admin": false, "groups": ["physics"], "token_id": "a7", "session_id": "session-2",
      "scopes": ["read:users:groups!user=bob", "read:users:name!user=bob"]}', 'an OAuth token: who, and the groups');
SELECT is(jhub_authz.whoami(md5('token12')),
    '{"kind": "user", "name": "lonely", "admin": null, "groups": [], "token_id": "a12", "session_id": null, "scopes": ["access:servers!server=bob/"]}',
    'an owner who holds nothing sees who they are all the same, and the scopes do not say so');
SELECT is(jhub_authz.whoami(md5('token8')),
    '{"kind": "service", "name": "idle-culler", "admin": false, "token_id": "a8", "session_id": null,
      "scopes": ["delete:servers", "list:users", "read:servers", "read:users:activity", "read:users:name"]}', 'a service');
SELECT is(jhub_authz.whoami(md5('token9')) - 'scopes',
    '{"kind": "service", "name": "announce", "admin": false, "url": "http://127.0.0.1:9999", "prefix": "", "command": [], "pid": 0, "info": null,
      "display": null, "token_id": "a9", "session_id": null}', 'a service that may read itself: what is not set is null');
SELECT is(jhub_authz.whoami(md5('token13')) ->> 'name', U&'zo\00EB', 'a name that is not ASCII');
SELECT is(jhub_authz.whoami(md5('token5')) - 'scopes',
    '{"kind": "user", "name": "alice", "admin": false, "groups": ["lab one", "physics"], "last_activity": null, "token_id": "a5", "session_id": null}',
    'a server''s own token');
SELECT is(jhub_authz.whoami(md5('token1')) -> 'scopes', jhub_authz.token_scopes(1)::jsonb, 'the scopes are the token''s');
SELECT is(jhub_authz.whoami(md5('token1')) #> '{servers,""}',
    '{"name": "", "full_name": "alice/", "url": "/user/alice/", "ready": true, "stopped": false, "pending": null, "started": null, "last_activity": null,
      "user_options": {}, "progress_url": "/hub/api/users/alice/server/progress", "full_url": null, "full_progress_url": null}', 'a server that runs');
SELECT is(jhub_authz.whoami(md5('token1')) ->> 'server', '/user/alice/', '... and is the default one');

-- times as Python writes them
UPDATE users SET last_activity = '2024-02-03 04:05:06.007', created = '0999-12-31 23:59:59' WHERE id = 9;
SELECT is(jhub_authz.whoami(md5('token1')) ->> 'last_activity', '2024-02-03T04:05:06.007000Z', 'microseconds');
SELECT is(jhub_authz.whoami(md5('token1')) ->> 'created', '0999-12-31T23:59:59Z', 'none');
UPDATE users SET last_activity = 'infinity' WHERE id = 9;
SELECT is(jhub_authz.whoami(md5('token1')) ->> 'last_activity', 'infinity', 'a time that Python does not have does no harm');
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'SQL, DMY';
SELECT is(jhub_authz.whoami(md5('token1')) ->> 'created', '0999-12-31T23:59:59Z', 'whatever the session''s settings are');
RESET TimeZone;
RESET DateStyle;

-- URLs, by the options
CREATE FUNCTION pg_temp.url(key text) RETURNS text LANGUAGE sql AS $$ SELECT jhub_authz.whoami(md5('token1')) #>> ARRAY['servers', '', key] $$;
SELECT jhub_authz.set_option('base_url', '/hubs/one') \g /dev/null
SELECT is(pg_temp.url('url'), '/hubs/one/user/alice/', 'base_url without its last slash');
SELECT jhub_authz.set_option('base_url', '/hubs/one/'), jhub_authz.set_option('public_url', 'https://hub.example.org:8443/hubs/one/') \g /dev/null
SELECT is(pg_temp.url('url'), '/hubs/one/user/alice/', '... and with it');
SELECT is(pg_temp.url('full_url'), 'https://hub.example.org:8443/hubs/one/user/alice/', 'of public_url the host');
SELECT is(pg_temp.url('full_progress_url'), 'https://hub.example.org:8443/hubs/one/hub/api/users/alice/server/progress', '... for the progress, too');
UPDATE users SET name = v.name FROM (VALUES (9, U&'a/b c%\00EB@~''"!')) v (id, name) WHERE users.id = v.id;
UPDATE spawners SET name = U&'x\00FC y', server_id = 1 WHERE id = 2;
UPDATE spawners SET server_id = NULL WHERE id = 1;
SELECT is(jhub_authz.whoami(md5('token1')) #>> ARRAY['servers', U&'x\00FC y', 'url'], '/hubs/one/user/a%2Fb%20c%25%C3%AB@~%27%22%21/x%C3%BC%20y/', 'quoted as Python''s urllib does');
SELECT is(jhub_authz.whoami(md5('token1')) ->> 'server', NULL, 'a named server is not the default one');
SELECT throws_ok(format('SELECT jhub_authz.set_option(%L, %L)', name, value), '22023', NULL, format('%s cannot be %L', name, value))
  FROM (VALUES ('base_url', ''), ('base_url', 'hub/'), ('base_url', '//evil/'), ('base_url', '/a b/'), ('base_url', '/a?b'), ('base_url', '/"/'),
    ('public_url', 'hub.example.org'), ('public_url', 'javascript:alert(1)'), ('public_url', 'https://'), ('public_url', 'https:///x'),
    ('public_url', 'https://user@hub/'), ('public_url', 'https://hub/?q')) AS v (name, value);
SELECT lives_ok($$ SELECT jhub_authz.set_option('public_url', ''), jhub_authz.set_option('base_url', NULL) $$, 'back to the defaults');
INSERT INTO jhub_authz.option_values VALUES ('public_url', 'hub.example.org') ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value;
UPDATE spawners SET server_id = 1 WHERE id = 1;
SELECT is(pg_temp.url('full_url'), NULL, 'written into the table past set_option, what is no URL gives none');
SELECT * FROM finish();
ROLLBACK;
