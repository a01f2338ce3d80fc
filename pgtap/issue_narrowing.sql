-- What a token row may do is fixed when it is written: what its owner does not
-- hold is taken off, and nothing else about the row changes.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = warning;
SELECT jhub_authz.attach('hub') AS release \gset
SET search_path = hub, public, jhub_authz;

-- a token for somebody, as the hub would insert it; returns what is stored
CREATE FUNCTION pg_temp.store(owner text, scopes text, client text DEFAULT 'jupyterhub', note text DEFAULT '') RETURNS text
LANGUAGE sql AS $$
    INSERT INTO api_tokens (user_id, service_id, client_id, created, note, prefix, hashed, scopes)
    VALUES ((SELECT id FROM users WHERE name = owner),
            (SELECT id FROM services WHERE name = owner AND owner NOT IN (SELECT name FROM users)),
            client, '2024-04-01', note, 'test', md5(random()::text), scopes)
    RETURNING scopes
$$;
CREATE FUNCTION pg_temp.last_event(OUT action text, OUT before text, OUT after text, OUT owner text) LANGUAGE sql AS $$
    SELECT e.action, e.before::text, e.after::text, e.owner_kind || ' ' || e.owner_name
      FROM jhub_authz.token_events e ORDER BY event_id DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.narrowings() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM jhub_authz.token_events WHERE action IN ('narrowed', 'would_narrow', 'undefined')
$$;

SELECT plan(41);

-- Held: byte for byte
SELECT is(pg_temp.store('alice', '["self",   "read:users!user"]'), '["self",   "read:users!user"]',
          'what is wholly held stays as written, spaces and all');
SELECT is(pg_temp.store('alice', '["tokens!user=alice", "tokens!user=alice"]'), '["tokens!user=alice", "tokens!user=alice"]',
          'so does a scope that is written twice');
SELECT is(pg_temp.store('zoë', '["read:users:name!user=zo\u00eb"]'), '["read:users:name!user=zo\u00eb"]', 'an escaped name');
SELECT is(pg_temp.store('zoë', '["read:users:name!user=zoë"]'), '["read:users:name!user=zoë"]', 'and a plain one');
SELECT is(pg_temp.store('alice', '[]'), '[]', 'no scopes');
SELECT is(pg_temp.store('alice', '[ ]'), '[ ]', 'no scopes, with a space');
SELECT is(pg_temp.store('alice', NULL), NULL, 'NULL stays NULL');
SELECT is(pg_temp.store('bob', '["access:servers!server=alice/"]'), '["access:servers!server=alice/"]', 'held through a share');
SELECT is(pg_temp.store('bob', '["servers!server=alice/lab"]'), '["servers!server=alice/lab"]', 'held through a share with a group');
SELECT is(pg_temp.store('alice', '["access:servers!server"]', 'jupyterhub-user-alice-lab'), '["access:servers!server"]',
          'a self filter with a target');
SELECT is(pg_temp.store('alice', '["access:servers!server"]'), '["access:servers!server"]', 'a self filter without one gives nothing and stays');
SELECT is(pg_temp.store('idle-culler', '["delete:servers", "list:users"]'), '["delete:servers", "list:users"]', 'a service''s token');
SELECT is(pg_temp.store('idle-culler', '["self"]'), '["self"]', 'self is nothing to a service and stays');
SELECT is(pg_temp.narrowings(), 0::bigint, 'and no event says that anything was taken');

-- Not held, or partly
SELECT is(pg_temp.store('alice', '["admin:services"]'), '[]', 'what is not held at all is taken off');
SELECT is(pg_temp.last_event()::text, ROW ('narrowed', '["admin:services"]', '[]', 'user alice')::text, 'and an event says so') ;
SELECT is(pg_temp.store('alice', '["self", "shutdown", "tokens!user"]'), '["self", "tokens!user"]',
          'the rest stays as written');
SELECT is(pg_temp.store('o''brien', '["list:users"]')::jhub_authz.scopeset,
          jhub_authz.intersect_scopes(jhub_authz.expand('["list:users"]'), jhub_authz.user_scopes('o''brien')),
          'what is partly held is replaced by the part');
SELECT ok(pg_temp.store('o''brien', '["list:users", "self"]')::jhub_authz.scopeset
          OPERATOR(jhub_authz.@>) '["list:users!group=physics", "self"]', 'beside what is wholly held');
SELECT is(pg_temp.store('bob', '["access:servers!group=physics"]')::jhub_authz.scopeset,
          jhub_authz.intersect_scopes('["access:servers!group=physics"]', jhub_authz.user_scopes('bob')),
          'groups count by who is in them');
SELECT is(pg_temp.store('idle-culler', '["list:users", "admin:groups"]'), '["list:users"]', 'a service''s token is narrowed likewise');
SELECT is((pg_temp.last_event()).owner, 'service idle-culler', 'under the service''s name');
SELECT is(pg_temp.store('announce', '["read:services!service=sv c!1", "read:hub"]'), '["read:services!service=sv c!1"]', 'a value with a space and a mark');

-- inherit
SELECT is(pg_temp.store('alice', '["inherit"]'), '["inherit"]', 'guard: inherit is kept');
SELECT is(pg_temp.store('idle-culler', '["inherit", "admin:users"]'), '["inherit", "admin:users"]', 'follow: so are its neighbours, which are nothing beside it');
SELECT jhub_authz.set_policy('user', inherit => 'fix') \g /dev/null
SELECT is(pg_temp.store('alice', '["inherit"]')::jhub_authz.scopeset, jhub_authz.raw_scopes('user', 'alice'),
          'fix: inherit is replaced by the raw scopes held');
SELECT is((pg_temp.last_event()).before, '["inherit"]', 'with an event');
SELECT is(pg_temp.store('alice', '["inherit"]', note => 'Server at /user/alice/'), '["inherit"]', 'a server''s token is of another class');
SELECT is(pg_temp.store('alice', '["inherit"]', 'service-announce'), '["inherit"]', 'and an OAuth token');

-- An owner who holds nothing yet
INSERT INTO users (name, cookie_id) VALUES ('nobody', 'nobody');
SELECT is(pg_temp.store('nobody', '["admin:users", "self"]'), '["admin:users", "self"]', 'who holds nothing at all is judged at commit');
SELECT is(pg_temp.store('lonely', '["access:servers!server=bob/", "self"]'), '["access:servers!server=bob/"]', 'who holds a share alone is narrowed to it');

-- An id that the hub never gives is no owner to us, and would be one to the hub
SAVEPOINT zero;
INSERT INTO users (id, name, cookie_id) VALUES (0, 'zero', 'zero');
SELECT throws_ok($$ SELECT pg_temp.store('zero', '["self"]') $$, '22023', 'a token cannot belong to the id 0', 'nobody is 0');
SELECT throws_ok('UPDATE api_tokens SET user_id = 0 WHERE id = 1', '22023', NULL, '... later either');
INSERT INTO services (id, name, admin) VALUES (0, 'none', false);
SELECT throws_ok($$ INSERT INTO api_tokens (service_id, client_id, scopes) VALUES (0, 'jupyterhub', '["inherit"]') $$, '22023', NULL, '... nor is a service');
INSERT INTO groups (id, name) VALUES (0, 'zero');
INSERT INTO user_group_map VALUES (9, 0);
INSERT INTO roles VALUES (0, 'zero', NULL, '["proxy"]', false);
INSERT INTO group_role_map VALUES (0, 0, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok((SELECT expires_at < now() FROM api_tokens WHERE id = 1), 'a group and a role of that id are like others');
ROLLBACK TO zero;

-- Several rows in one statement
WITH made AS (
    INSERT INTO api_tokens (user_id, client_id, note, prefix, hashed, scopes)
    SELECT id, 'jupyterhub', '', 'many', md5(id::text), '["tokens!user", "proxy"]' FROM users WHERE id BETWEEN 2 AND 11
    RETURNING scopes)
SELECT is((SELECT array_agg(DISTINCT scopes) FROM made), ARRAY['["tokens!user"]'], 'each row of a statement is looked at');

-- Modes
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT is(pg_temp.store('alice', '["proxy", "self"]'), '["proxy", "self"]', 'observe: nothing is changed');
SELECT is(pg_temp.last_event()::text, ROW ('would_narrow', '["proxy", "self"]', '["self"]', 'user alice')::text, 'but logged');
SELECT jhub_authz.set_mode('off') \g /dev/null
SELECT is(pg_temp.store('alice', 'no JSON'), 'no JSON', 'off: nothing is looked at');
SELECT jhub_authz.set_mode('enforce') \g /dev/null

-- The trigger knows its table
CREATE TABLE public.elsewhere (LIKE api_tokens);
CREATE TRIGGER narrow BEFORE INSERT ON public.elsewhere FOR EACH ROW EXECUTE FUNCTION jhub_authz.narrow_token();
SELECT throws_ok('INSERT INTO public.elsewhere (id) VALUES (1)', '39P01', NULL, 'the trigger refuses another table');
SELECT ok(NOT has_function_privilege('public', 'jhub_authz.narrow_token()', 'execute')
          AND NOT has_function_privilege('public', 'jhub_authz.resolve_token_roles()', 'execute'), 'and nobody but its owner may attach it');

SELECT * FROM finish();
ROLLBACK;
