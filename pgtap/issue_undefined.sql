-- Stored scopes must parse and exist; what becomes of one that the catalogue
-- does not hold is option undefined_scopes.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = warning;
SELECT jhub_authz.attach('hub') AS release \gset
SET search_path = hub, public, jhub_authz;

CREATE FUNCTION pg_temp.store(scopes text) RETURNS text LANGUAGE sql AS $$
    INSERT INTO api_tokens (user_id, client_id, created, note, prefix, hashed, scopes)
    VALUES (9, 'jupyterhub', '2024-04-01', '', 'test', md5(random()::text), scopes)
    RETURNING scopes
$$;
CREATE FUNCTION pg_temp.last_event(OUT action text, OUT after text) LANGUAGE sql AS $$
    SELECT e.action, e.after::text FROM jhub_authz.token_events e ORDER BY event_id DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.hint(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN undefined_object THEN
    GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
    RETURN hint;
END
$$;

SELECT plan(24);

SELECT throws_ok($$SELECT pg_temp.store('["read:users"')$$, '22P02', NULL, 'broken JSON is refused');
SELECT throws_ok($$SELECT pg_temp.store('{"read:users": 1}')$$, '22P02', NULL, 'so is JSON that is no array');
SELECT throws_ok($$SELECT pg_temp.store('read:users self')$$, '22P02', NULL, 'the form with spaces is not the hub''s');
SELECT throws_ok($$SELECT pg_temp.store('["read:users!color=red"]')$$, '22P02', NULL, 'an unknown filter');
SELECT throws_ok($$SELECT pg_temp.store('["read:users!user="]')$$, '22P02', NULL, 'an empty filter');
SELECT throws_ok($$UPDATE api_tokens SET scopes = '[1]' WHERE id = 2$$, '22P02', NULL, 'also on UPDATE');

-- auto
SELECT throws_ok($$SELECT pg_temp.store('["read:uers"]')$$, '42704', NULL, 'auto: nobody knows it');
SELECT is(pg_temp.hint($$SELECT pg_temp.store('["self", "read:uers"]')$$), 'Perhaps you meant "read:users".', 'and what was meant is said');
SELECT is(pg_temp.store('["custom:lab:read", "self"]'), '["custom:lab:read", "self"]', 'auto: a custom scope is the hub''s to know');
SELECT is(pg_temp.last_event()::text, ROW ('undefined', '["custom:lab:read"]')::text, 'and is reported');
UPDATE roles SET scopes = '["new:things", "self"]' WHERE name = 'empty';
SELECT is(pg_temp.store('["new:things!user=alice"]'), '["new:things!user=alice"]', 'auto: a role of the hub holds its base');
UPDATE oauth_clients SET allowed_scopes = '["n\u00ebw!server"]' WHERE identifier = 'service-odd';
SELECT is(pg_temp.store('["nëw"]'), '["nëw"]', 'auto: a client of the hub does, escaped');
SELECT throws_ok($$SELECT pg_temp.store('["thing"]')$$, '42704', NULL, 'auto: a part of a known name is not it');
SELECT throws_ok($$SELECT pg_temp.store('["new:things", "newer:things"]')$$, '42704', NULL, 'auto: one that nobody knows is enough');
UPDATE roles SET scopes = '["self", "newest:things"]' WHERE name = 'user';
SELECT is(pg_temp.store('["newer:things"]'), '["newer:things"]', 'auto: a default role shows that the hub is newer than we are');
UPDATE roles SET scopes = '["self"]' WHERE name = 'user';

-- refuse
SELECT jhub_authz.set_option('undefined_scopes', 'refuse') \g /dev/null
SELECT throws_ok($$SELECT pg_temp.store('["custom:lab:read"]')$$, '42704', NULL, 'refuse: a custom scope');
SELECT throws_ok($$SELECT pg_temp.store('["new:things"]')$$, '42704', NULL, 'refuse: one that a role holds');
SELECT lives_ok($$SELECT jhub_authz.define_scopes('{"custom:lab:read": {"description": "read the lab"}}')$$, 'it can be defined');
SELECT is(pg_temp.store('["custom:lab:read", "self"]'), '["self"]', 'then it exists, and is taken off who does not hold it');

-- log
SELECT jhub_authz.set_option('undefined_scopes', 'log') \g /dev/null
SELECT is(pg_temp.store('["read:uers", "shutdown", "self"]'), '["read:uers", "self"]', 'log: kept, and never taken off');
SELECT is((SELECT array_agg(action ORDER BY event_id) FROM (SELECT * FROM jhub_authz.token_events ORDER BY event_id DESC LIMIT 2) e),
          ARRAY['undefined', 'narrowed'], 'both are reported');

-- observe refuses nothing
SELECT jhub_authz.set_option('undefined_scopes', 'auto') \g /dev/null
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT is(pg_temp.store('["read:uers", "self"]'), '["read:uers", "self"]', 'observe: an undefined scope is let in');
SELECT is(pg_temp.last_event()::text, ROW ('would_narrow', '["self"]')::text, 'and logged');
SELECT is(pg_temp.store('broken'), 'broken', 'observe: so is what does not parse');

SELECT * FROM finish();
ROLLBACK;
