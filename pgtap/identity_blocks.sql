-- The views read the hub's tables in blocks: the number of queries does not grow with
-- the rows, and a condition on the name asks for that one only.
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
SELECT plan(16);
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');
-- ids with gaps, and some that are far away
INSERT INTO users (id, name, admin, cookie_id) SELECT i * 3, 'user' || i, false, 'c' || i FROM generate_series(10, 5009) i;
INSERT INTO users (id, name, admin, cookie_id) SELECT 2147483647 - i, 'last' || i, false, 'd' || i FROM generate_series(0, 9) i;
INSERT INTO users (id, name, admin, cookie_id) SELECT -i, 'first' || i, false, 'e' || i FROM generate_series(1, 10) i;
INSERT INTO user_role_map SELECT i * 3, 1, false FROM generate_series(10, 5009) i;
INSERT INTO user_group_map SELECT i * 3, 1 + i % 4 FROM generate_series(10, 5009) i;
INSERT INTO spawners (id, user_id, name, server_id) SELECT 100 + i, i * 3, '', 1 FROM generate_series(10, 5009, 2) i;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
SELECT 100 + i, i * 3, 'jupyterhub', now(), 'x', 'h' || i, '["self"]' FROM generate_series(10, 5009, 2) i;
UPDATE service_role_map SET role_id = 2 WHERE service_id = 2;
ANALYZE users, spawners, api_tokens, user_role_map, user_group_map;
SELECT jhub_authz.act_as(md5('token8')) \g /dev/null

-- scans of the table that the rows begin with, and of those that stand by
CREATE FUNCTION pg_temp.scans(what text, OUT own bigint, OUT others bigint) LANGUAGE plpgsql AS $$
DECLARE b record; a record;
BEGIN
    SELECT sum(seq_scan + coalesce(idx_scan, 0)) FILTER (WHERE relname = 'users') AS own,
           sum(seq_scan + coalesce(idx_scan, 0)) FILTER (WHERE relname IN ('spawners', 'user_role_map', 'user_group_map')) AS others
      INTO b FROM pg_stat_xact_user_tables WHERE schemaname = 'public';
    EXECUTE 'SELECT count(*), sum(length(x::text)) FROM (' || what || ') x';
    SELECT sum(seq_scan + coalesce(idx_scan, 0)) FILTER (WHERE relname = 'users') AS own,
           sum(seq_scan + coalesce(idx_scan, 0)) FILTER (WHERE relname IN ('spawners', 'user_role_map', 'user_group_map')) AS others
      INTO a FROM pg_stat_xact_user_tables WHERE schemaname = 'public';
    own := a.own - b.own;
    others := a.others - b.others;
END $$;

SELECT is((SELECT count(*) FROM jhub_authz.api_users), (SELECT count(*) FROM users), 'everybody is there');
SELECT results_eq('SELECT name, admin, roles, groups, server IS NOT NULL FROM jhub_authz.api_users ORDER BY name',
    $$ SELECT u.name::text, u.admin, ARRAY(SELECT r.name::text FROM user_role_map m JOIN roles r ON r.id = m.role_id WHERE m.user_id = u.id ORDER BY r.name COLLATE "C"),
              ARRAY(SELECT g.name::text FROM user_group_map m JOIN groups g ON g.id = m.group_id WHERE m.user_id = u.id ORDER BY g.name COLLATE "C"),
              EXISTS (SELECT FROM spawners p WHERE p.user_id = u.id AND p.name = '' AND p.server_id IS NOT NULL)
         FROM users u ORDER BY u.name $$, '... with what belongs to them, wherever a block ends');
SELECT ok(own BETWEEN 2 AND 40, 'few queries of users for all of them') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_users');
SELECT ok(others BETWEEN 3 AND 100, '... and of what belongs to them') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_users');
SELECT ok(own BETWEEN 1 AND 3 AND others <= 5, 'a name: one question') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_users WHERE name = ''user4000''');
SELECT ok(own BETWEEN 1 AND 6 AND others <= 15, 'three names: three questions') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_users WHERE name IN (''user40'', ''user400'', ''user4000'')');
SELECT is((SELECT count(*) FROM jhub_authz.api_servers), (SELECT count(*) FROM spawners WHERE server_id IS NOT NULL), 'servers');
SELECT ok(others BETWEEN 3 AND 100, '... by few queries') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_servers');
SELECT ok(own BETWEEN 1 AND 3 AND others <= 5, '... of one user: one question') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_servers WHERE user_name = ''user4000''');
SELECT results_eq('SELECT id FROM jhub_authz.api_tokens ORDER BY 1', $$ SELECT 'a' || id FROM api_tokens WHERE user_id IS NOT NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY 1 $$, 'tokens');
SELECT is_empty($$ SELECT t.id, t.scopes FROM jhub_authz.api_tokens t JOIN jhub_authz.all_token_scopes() a ON a.token_id = substr(t.id, 2)::int WHERE t.scopes::text <> a.effective::text $$,
    '... with what each holds');
SELECT results_eq('SELECT name FROM jhub_authz.api_users WHERE name ~ ''^(first|last|user40..$)'' ORDER BY name',
    'SELECT name::text FROM users WHERE name ~ ''^(first|last|user40..$)'' ORDER BY name', 'some of them, far apart');
SELECT results_eq('SELECT name FROM jhub_authz.api_users ORDER BY name LIMIT 3', 'SELECT name::text FROM users ORDER BY name LIMIT 3', 'the first few');
-- somebody who sees some
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
UPDATE roles SET scopes = '["list:users!group=physics", "list:users!user=user77", "list:users!user=nobody"]' WHERE name = 'sharer';
SELECT results_eq('SELECT name FROM jhub_authz.api_users ORDER BY name',
    $$ SELECT name::text FROM users u WHERE name = 'user77' OR EXISTS (SELECT FROM user_group_map m WHERE m.user_id = u.id AND m.group_id = 1) ORDER BY name $$,
    'every fourth of many');
SELECT ok(own BETWEEN 2 AND 60, '... by few queries') FROM pg_temp.scans('SELECT * FROM jhub_authz.api_users');
\if :{?few}
\set ids 300
\else
\set ids 20000
\endif
SELECT is((SELECT count(*) FROM generate_series(1, :ids) i, LATERAL jhub_authz._api_user(i)), (SELECT count(*) FROM jhub_authz.api_users WHERE :ids = 20000 OR name IN (SELECT name::text FROM users WHERE id BETWEEN 1 AND :ids)), 'ids in any order give the same');
SELECT * FROM finish();
ROLLBACK;
