-- Changes that concern many: scope_changes goes through them in parts that fit into
-- work_mem, and tells the same, in the same order, however little there is.
-- Not in one transaction: the past is made of commits.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
DROP EXTENSION IF EXISTS jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
DROP SCHEMA IF EXISTS hub_past CASCADE;
\set hub hub_past
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
\if :{?seed}
\else
SELECT floor(random() * 1000000)::int AS seed \gset
\endif
SELECT setseed(:seed / 1000000.0) \g /dev/null
SELECT diag('past_parts, seed: ' || :seed);
\if :{?few}
\set users 40
\set changes 5
\set told 200
\set memories '{64kB}'
\else
\set users 3000
\set changes 300
\set told 10000
\set memories '{64kB,256kB,4MB}'
\endif
SELECT set_config('past_parts.users', :'users', false), set_config('past_parts.changes', :'changes', false) \g /dev/null
SELECT plan(10 + cardinality(:'memories'::text[]));

-- users in 60 groups, with gaps between the ids, some far away
CREATE FUNCTION hub_past.some(n int, OUT u int, OUT g int, OUT r int) RETURNS SETOF record LANGUAGE sql VOLATILE AS $$
    SELECT 1000 + 3 * (1 + floor(random() * current_setting('past_parts.users')::int)::int), 1000 + (1 + floor(random() * 60)::int), 1000 + (1 + floor(random() * 40)::int) FROM generate_series(1, n) $$;
INSERT INTO hub_past.users (id, name, admin, cookie_id) SELECT 1000 + 3 * i, 'u' || i, i % 500 = 0, 'u' || i FROM generate_series(1, :users) i;
INSERT INTO hub_past.users (id, name, admin, cookie_id) VALUES (2000000000, 'last', false, 'last'), (-7, 'first', false, 'first');
INSERT INTO hub_past.groups (id, name) SELECT 1000 + i, 'g' || i FROM generate_series(1, 60) i;
INSERT INTO hub_past.services (id, name, admin) SELECT 1000 + i, 's' || i, false FROM generate_series(1, 50) i;
INSERT INTO hub_past.roles (id, name, scopes, managed_by_auth)
SELECT 1000 + i, 'r' || i, format('["list:users!group=g%1$s", "read:users:name!user", "custom:a:all"]', i), false FROM generate_series(1, 40) i;
INSERT INTO hub_past.user_role_map SELECT id, 1, false FROM hub_past.users WHERE id NOT BETWEEN 0 AND 1000;
INSERT INTO hub_past.user_role_map SELECT DISTINCT u, r, false FROM hub_past.some(:users * 2 / 3);
INSERT INTO hub_past.service_role_map SELECT 1000 + i, 1001 + i % 40, false FROM generate_series(1, 50) i;
INSERT INTO hub_past.group_role_map SELECT DISTINCT g, r, false FROM hub_past.some(50);
INSERT INTO hub_past.user_group_map SELECT DISTINCT u, g FROM hub_past.some(:users * 4 / 3);
INSERT INTO hub_past.spawners (id, user_id, name) SELECT 1000 + i, 1000 + 3 * i, '' FROM generate_series(1, :users) i;
INSERT INTO hub_past.shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 1000 + i, 1000 + 3 * i, 1000 + i, CASE WHEN i % 3 > 0 THEN 1000 + 3 * (1 + i * 11 % :users) END, CASE WHEN i % 3 = 0 THEN 1001 + i % 60 END, '2024-01-01',
       '["access:servers!server=u' || i || '/"]' FROM generate_series(1, :users / 10) i;
SELECT jhub_authz.attach('hub_past'), jhub_authz.define_scopes('{"custom:a:read": {"description": "x"}, "custom:a:all": {"description": "x", "subscopes": ["custom:a:read"]}}') \g /dev/null
ANALYZE;

CREATE TABLE hub_past.moments (step int PRIMARY KEY, moment timestamptz);
CREATE TABLE hub_past.held (step int, kind text, id int, scope text);
CREATE PROCEDURE hub_past.keep(step int) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
    INSERT INTO hub_past.moments VALUES (step, clock_timestamp());
    INSERT INTO hub_past.held SELECT step, 'user', u.id, e.scope FROM jhub_authz.all_user_scopes() s JOIN hub_past.users u USING (name), jhub_authz.scope_explode(s.scopes) e;
    INSERT INTO hub_past.held SELECT step, 'group', g.id, e.scope FROM jhub_authz.all_group_scopes() s JOIN hub_past.groups g USING (name), jhub_authz.scope_explode(s.scopes) e;
    INSERT INTO hub_past.held SELECT step, 'service', v.id, e.scope FROM jhub_authz.all_service_scopes() s JOIN hub_past.services v USING (name), jhub_authz.scope_explode(s.scopes) e;
    COMMIT;
END $$;

CALL hub_past.keep(1);
CREATE TABLE hub_past.had AS SELECT user_id FROM hub_past.user_role_map WHERE role_id = 1 AND user_id NOT IN (SELECT h.id FROM hub_past.held h WHERE h.kind = 'user' AND h.scope = 'read:hub');
-- a role that all have, alone; then one transaction of many rows of many kinds
UPDATE hub_past.roles SET scopes = '["self", "read:hub"]' WHERE id = 1;
CALL hub_past.keep(2);
BEGIN;
INSERT INTO hub_past.user_group_map SELECT DISTINCT u, g FROM hub_past.some(:users / 2) ON CONFLICT DO NOTHING;
DELETE FROM hub_past.user_group_map WHERE random() < 0.2;
DELETE FROM hub_past.user_role_map WHERE role_id > 1 AND random() < 0.3;
UPDATE hub_past.roles SET scopes = '["self", "read:metrics"]' WHERE id = 1;
UPDATE hub_past.roles SET scopes = '["list:users"]' WHERE id > 1000 AND random() < 0.3;
UPDATE hub_past.users SET name = name || 'x' WHERE random() < 0.1;
DELETE FROM hub_past.users WHERE id > 1000 AND random() < 0.05;
DELETE FROM hub_past.shares WHERE random() < 0.2;
UPDATE hub_past.shares SET user_id = (SELECT min(id) FROM hub_past.users WHERE id > 1000) WHERE user_id IS NOT NULL AND random() < 0.2;
INSERT INTO hub_past.group_role_map SELECT DISTINCT g, r, false FROM hub_past.some(20) ON CONFLICT DO NOTHING;
DELETE FROM hub_past.service_role_map WHERE random() < 0.3;
COMMIT;
CALL hub_past.keep(3);
-- what concerns everybody, by itself and with changes of their own
SELECT jhub_authz.replace_scopes('{"custom:a:read": {"description": "x"}, "custom:a:all": {"description": "x"}}') \g /dev/null
CALL hub_past.keep(4);
BEGIN;
UPDATE hub_past.alembic_version SET version_num = '0eee8c825d24';
INSERT INTO hub_past.user_role_map SELECT DISTINCT u, r, false FROM hub_past.some(:users / 3) WHERE u IN (SELECT id FROM hub_past.users) ON CONFLICT DO NOTHING;
INSERT INTO hub_past.users (id, name, admin, cookie_id) SELECT 100000 + i, 'new' || i, false, 'new' || i FROM generate_series(1, :users / 7) i;
INSERT INTO hub_past.user_role_map SELECT 100000 + i, 1, false FROM generate_series(1, :users / 7) i;
DELETE FROM hub_past.groups WHERE random() < 0.2;
COMMIT;
CALL hub_past.keep(5);
-- many short ones
DO $$ BEGIN FOR i IN 1 .. current_setting('past_parts.changes')::int LOOP UPDATE hub_past.users SET admin = NOT admin WHERE id = 100000 + i; COMMIT; END LOOP; END $$;
CALL hub_past.keep(6);
ANALYZE;

CREATE FUNCTION hub_past.told(memory text) RETURNS TABLE (n bigint, r text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('work_mem', memory, true);
    RETURN QUERY SELECT row_number() OVER (), c::text FROM jhub_authz.scope_changes('-infinity', 'infinity') c;
END $$;
CREATE TABLE hub_past.much AS SELECT * FROM hub_past.told('64MB');
SELECT cmp_ok((SELECT count(*) FROM hub_past.much), '>', :told::bigint, 'much is told');
SELECT is_empty(format('WITH told AS MATERIALIZED (SELECT n, r FROM hub_past.told(%L)) TABLE told EXCEPT TABLE hub_past.much UNION ALL (TABLE hub_past.much EXCEPT TABLE told) LIMIT 5', m),
                'the same rows in the same order with ' || m) FROM unnest(:'memories'::text[]) m;

-- it is what everybody held then and holds now, as all of them were asked at once
CREATE FUNCTION hub_past.wrong(a int, b int) RETURNS SETOF text LANGUAGE sql STABLE SET work_mem = '64kB' AS $$
    WITH told AS (SELECT c.subject_kind, c.subject_id, c.scope, sum(CASE c.change WHEN 'gained' THEN 1 ELSE -1 END) AS net
                    FROM hub_past.moments f, hub_past.moments t, LATERAL jhub_authz.scope_changes(f.moment, t.moment) c
                   WHERE f.step = a AND t.step = b GROUP BY 1, 2, 3),
         real AS (SELECT kind, id, scope, sum(CASE step WHEN b THEN 1 ELSE -1 END) AS net FROM hub_past.held WHERE step IN (a, b) GROUP BY 1, 2, 3)
    SELECT format('%s to %s: %s', a, b, x) FROM ((SELECT 'not told', * FROM (SELECT * FROM real WHERE net <> 0 EXCEPT SELECT * FROM told) x)
        UNION ALL (SELECT 'told', * FROM (SELECT * FROM told WHERE net <> 0 EXCEPT SELECT * FROM real) x)) x LIMIT 5
$$;
SELECT is_empty(format('SELECT hub_past.wrong(%s, %s)', s, s + 1), 'from step ' || s || ' to the next') FROM generate_series(1, 5) s;
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT is_empty('SELECT hub_past.wrong(1, 6)', 'from the first to the last');
\endif

-- who is concerned once is told of once, in order of kind and id; and nobody is left out
CREATE TABLE hub_past.one AS SELECT row_number() OVER () AS n, c.* FROM hub_past.moments f, hub_past.moments t, jhub_authz.scope_changes(f.moment, t.moment) c WHERE f.step = 1 AND t.step = 2;
SELECT results_eq($$ SELECT subject_id, scope, change FROM hub_past.one WHERE subject_kind = 'user' ORDER BY n $$, $$ SELECT user_id, 'read:hub', 'gained' FROM hub_past.had ORDER BY user_id $$,
                  'whoever has a role gains what it gets, once, in order');
SELECT is((SELECT string_agg(DISTINCT cause, ', ') FROM hub_past.one), 'role "user" redefined', '... by the role');
SELECT is((SELECT count(*) FROM (SELECT n, row_number() OVER (ORDER BY array_position(ARRAY['user', 'service', 'group'], subject_kind), subject_id, scope COLLATE "C") AS m FROM hub_past.one) x WHERE n <> m), 0::bigint, '... in order');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_past CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
