-- History: from attach on, what every row was is kept, with who changed it.
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
SELECT plan(73);

-- what is open in the history of a table, and what is in the table
CREATE FUNCTION pg_temp.differs(name text, columns text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('(SELECT ROW(%2$s)::text FROM public.%1$I EXCEPT ALL SELECT ROW(%2$s)::text FROM jhub_authz.history_%1$s WHERE ended IS NULL)
        UNION ALL (SELECT ROW(%2$s)::text FROM jhub_authz.history_%1$s WHERE ended IS NULL EXCEPT ALL SELECT ROW(%2$s)::text FROM public.%1$I)', name, columns);
END $$;
CREATE TEMP TABLE kept (name text, columns text);
INSERT INTO kept VALUES ('users', 'id, name, admin'), ('groups', 'id, name'), ('services', 'id, name, admin, oauth_client_id'),
    ('roles', 'id, name, scopes'), ('user_role_map', 'user_id, role_id'), ('group_role_map', 'group_id, role_id'),
    ('service_role_map', 'service_id, role_id'), ('user_group_map', 'user_id, group_id'),
    ('spawners', 'id, user_id, name, oauth_client_id'), ('oauth_clients', 'id, identifier, allowed_scopes'),
    ('shares', 'id, owner_id, spawner_id, user_id, group_id, scopes, expires_at'), ('alembic_version', 'version_num');

INSERT INTO users (name, cookie_id) VALUES ('early', 'c');
SELECT is_empty('SELECT FROM jhub_authz.history_users', 'nothing before attach');
SELECT jhub_authz.attach() \g /dev/null
SELECT is_empty(format('SELECT pg_temp.differs(%L, %L)', name, columns), 'attach begins with what is there: ' || name) FROM kept;
SELECT is((SELECT string_agg(hub_schema || ' ' || mode, ' ') FROM jhub_authz.history_attachment WHERE ended IS NULL), 'public enforce', 'the attachment');
SELECT is_empty('SELECT FROM jhub_authz.history_api_tokens', 'tokens stand for themselves');
CREATE TEMP TABLE before AS SELECT count(*) AS n FROM jhub_authz.history_users;
SELECT jhub_authz.attach() \g /dev/null
SELECT is((SELECT count(*) FROM jhub_authz.history_users), (SELECT n FROM before), 'attach again records nothing');

-- what does not matter leaves no trace
UPDATE users SET last_activity = now(), name = name;
UPDATE api_tokens SET last_activity = now(), scopes = scopes;
UPDATE roles SET description = 'x';
SELECT is((SELECT count(*) FROM jhub_authz.history_users), (SELECT n FROM before), 'an UPDATE of no concern: users');
SELECT is_empty('SELECT FROM jhub_authz.history_api_tokens', '... tokens');
SELECT is_empty('SELECT FROM jhub_authz.history_roles WHERE ended IS NOT NULL', '... roles');

-- every kind of change of every table
INSERT INTO users (name, admin, cookie_id) VALUES ('dora', true, 'd');
INSERT INTO groups (name) VALUES ('newcomers');
INSERT INTO roles (name, scopes, managed_by_auth) VALUES ('reader', '["read:users"]', false);
INSERT INTO oauth_clients (identifier, allowed_scopes) VALUES ('fresh', '["self"]');
INSERT INTO services (name, from_config) VALUES ('svc', false);
INSERT INTO user_role_map SELECT u.id, r.id, false FROM users u, roles r WHERE (u.name, r.name) = ('dora', 'reader');
INSERT INTO group_role_map SELECT g.id, r.id, false FROM groups g, roles r WHERE (g.name, r.name) = ('newcomers', 'reader');
INSERT INTO service_role_map SELECT s.id, r.id, false FROM services s, roles r WHERE (s.name, r.name) = ('svc', 'reader');
INSERT INTO user_group_map SELECT u.id, g.id FROM users u, groups g WHERE (u.name, g.name) = ('dora', 'newcomers');
INSERT INTO spawners (user_id, name) SELECT id, 'lab' FROM users WHERE name = 'dora';
INSERT INTO shares (owner_id, spawner_id, user_id, created_at, scopes) VALUES (9, 1, 11, now(), '["access:servers!server=alice/"]');
SELECT is_empty(format('SELECT pg_temp.differs(%L, %L)', name, columns), 'INSERT: ' || name) FROM kept;
UPDATE users SET name = 'theodora', admin = false WHERE name = 'dora';
UPDATE groups SET name = 'n' WHERE name = 'newcomers';
UPDATE roles SET scopes = '["list:users"]' WHERE name = 'reader';
UPDATE oauth_clients SET allowed_scopes = NULL WHERE identifier = 'fresh';
UPDATE services SET oauth_client_id = 'fresh' WHERE name = 'svc';
UPDATE user_role_map SET role_id = 14 WHERE user_id = 2 AND role_id = 5;
UPDATE spawners SET name = 'lab2' WHERE name = 'lab' AND user_id > 10;
UPDATE shares SET expires_at = now() WHERE user_id = 11;
UPDATE alembic_version SET version_num = 'f460b0348206';
SELECT is_empty(format('SELECT pg_temp.differs(%L, %L)', name, columns), 'UPDATE: ' || name) FROM kept;
DELETE FROM shares; DELETE FROM spawners WHERE name = 'lab2'; DELETE FROM user_group_map WHERE user_id = 9;
DELETE FROM users WHERE name IN ('theodora', 'bob'); DELETE FROM roles WHERE name = 'reader';
TRUNCATE group_role_map; DELETE FROM services WHERE name = 'svc'; DELETE FROM groups WHERE name = 'n';
SELECT is_empty(format('SELECT pg_temp.differs(%L, %L)', name, columns), 'DELETE and TRUNCATE: ' || name) FROM kept WHERE name <> 'oauth_clients';
SELECT bag_eq($$ SELECT DISTINCT name FROM jhub_authz.history_users WHERE ended IS NOT NULL $$, $$ VALUES ('dora'), ('theodora'), ('bob') $$, 'what was is there');
SELECT is((SELECT count(*)::int FROM jhub_authz.history_api_tokens WHERE user_id = 10), 3, 'bob''s tokens went with him, and are kept');

-- tokens: what they were, since when
UPDATE api_tokens SET scopes = '[]' WHERE id = 2;
DELETE FROM api_tokens WHERE id = 4;
SELECT results_eq($$ SELECT scopes FROM jhub_authz.history_api_tokens WHERE id = 2 AND began IS NULL $$,
                  $$ VALUES ('["read:users!user=alice", "access:servers!user=alice"]') $$, 'a token before it was changed');
SELECT results_eq($$ SELECT note FROM jhub_authz.history_api_tokens WHERE id = 4 $$, $$ VALUES ('admin things') $$, '... and before it was deleted');
SELECT is_empty($$ SELECT attname FROM pg_attribute WHERE attrelid::regclass::text ~ '^jhub_authz.history' AND attname ~ 'hash|cookie|secret|session' $$,
                'no column for a secret');

-- mode off, and what replication brings
SELECT jhub_authz.set_mode('off') \g /dev/null
DELETE FROM user_group_map WHERE user_id = 6;
SELECT is_empty($$ SELECT pg_temp.differs('user_group_map', 'user_id, group_id') $$, 'mode off: the past is kept');
SELECT is((SELECT string_agg(mode, ' ') FROM jhub_authz.history_attachment WHERE ended IS NULL), 'off', '... and the mode');
SET LOCAL session_replication_role = replica;
INSERT INTO user_group_map VALUES (6, 1);
TRUNCATE user_role_map;
SET LOCAL session_replication_role = origin;
SELECT is_empty($$ SELECT pg_temp.differs('user_group_map', 'user_id, group_id') $$, 'replica: an INSERT');
SELECT is_empty($$ SELECT pg_temp.differs('user_role_map', 'user_id, role_id') $$, 'replica: TRUNCATE');

-- rolled back: nothing
SAVEPOINT a;
INSERT INTO user_group_map VALUES (1, 1);
ROLLBACK TO a;
SELECT is_empty($$ SELECT FROM jhub_authz.history_user_group_map WHERE user_id = 1 $$, 'rolled back: nothing');

-- a restore brings our tables, then the hub's rows
CREATE TEMP TABLE was AS SELECT * FROM user_group_map;
CREATE TEMP TABLE record AS SELECT * FROM jhub_authz.history_user_group_map;
SAVEPOINT a;
DELETE FROM user_group_map;
DELETE FROM jhub_authz.history_user_group_map;
INSERT INTO jhub_authz.history_user_group_map SELECT * FROM record;
INSERT INTO user_group_map SELECT * FROM was;
SELECT set_eq('SELECT * FROM jhub_authz.history_user_group_map', 'SELECT * FROM record', 'rows that come back are on record already');
DELETE FROM user_group_map WHERE user_id = 6;
SELECT is_empty($$ SELECT pg_temp.differs('user_group_map', 'user_id, group_id') $$, '... and end when they go');
ROLLBACK TO a;

-- between detach and attach
SELECT jhub_authz.detach() \g /dev/null
SELECT is_empty($$ SELECT FROM jhub_authz.history_attachment WHERE ended IS NULL $$, 'detached: it says so');
INSERT INTO user_group_map VALUES (1, 1);
DELETE FROM user_group_map WHERE user_id = 4;
UPDATE roles SET scopes = '["proxy"]' WHERE id = 14;
SELECT jhub_authz.attach() \g /dev/null
SELECT is_empty(format('SELECT pg_temp.differs(%L, %L)', name, columns), 'attach finds what changed: ' || name) FROM kept WHERE name IN ('roles', 'user_group_map');
SELECT throws_ok($$ SELECT jhub_authz.note_history() $$, '39P01', NULL, 'note_history is a trigger');
SELECT throws_ok(format('SELECT jhub_authz.keep_history(%L)', keep), '22023', NULL, 'keep_history: no negative time: ' || keep) FROM unnest(ARRAY['-1 day', '-1000000 years']) keep;
SELECT is(jhub_authz.keep_history('1000000 years'), 0::bigint, '... and one that is longer than time drops nothing');
SELECT * FROM finish();
ROLLBACK;
