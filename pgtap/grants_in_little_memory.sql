-- orphaned_grants, leavers, leaver_gaps, toxic combinations and names that differ in case, of a random
-- hub: with 64 kB of work_mem the rows are the same as with 64 MB, and by one subject those of all.
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
DROP SCHEMA IF EXISTS hub_little CASCADE;
\set hub hub_little
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = public, hub_little;
\if :{?seed}
\else
SELECT floor(random() * 1000000)::int AS seed \gset
\endif
\echo # seed :seed
SELECT setseed(:seed / 1000000.0) \g /dev/null
CREATE FUNCTION hub_little.below(n int) RETURNS int LANGUAGE sql VOLATILE AS $$ SELECT floor(random() * n)::int $$;

\if :{?few}
\set size 90
\else
\set size 3000
\endif
CREATE FUNCTION hub_little.size() RETURNS int LANGUAGE sql IMMUTABLE RETURN :size;
-- users in 60 groups, with gaps between the ids and odd names
INSERT INTO users (id, name, admin, created, last_activity, cookie_id)
SELECT 1000 + 2 * i + below(2), CASE below(8) WHEN 0 THEN 'U' || i % (:size * 2 / 3) WHEN 1 THEN 'ü/' || i ELSE 'u' || i END, below(200) = 0,
       CASE below(5) WHEN 0 THEN NULL ELSE timestamp '2024-01-01' + below(100) * interval '1 day' END, CASE below(3) WHEN 0 THEN NULL WHEN 1 THEN now() ELSE timestamp '2024-05-01' + below(100) * interval '1 day' END, 'c' || i
  FROM generate_series(1, :size) i ON CONFLICT DO NOTHING;
INSERT INTO users (id, name, cookie_id) VALUES (-5, NULL, 'k1'), (990, '', 'k2');
CREATE FUNCTION hub_little.somebody() RETURNS int LANGUAGE sql VOLATILE AS
    $$ SELECT u.id FROM (SELECT 1000 + hub_little.below(2 * hub_little.size() - 50) AS at OFFSET 0) r, LATERAL (SELECT id FROM hub_little.users WHERE id >= r.at ORDER BY id LIMIT 1) u $$;
INSERT INTO groups (id, name) SELECT 1000 + i, 'g' || i FROM generate_series(1, 60) i;
INSERT INTO services (id, name, admin) SELECT 1000 + i, 's' || i, false FROM generate_series(1, 40) i;
INSERT INTO user_group_map SELECT DISTINCT id, 1001 + below(60) FROM users, generate_series(1, 2) WHERE below(2) = 0 ON CONFLICT DO NOTHING;
INSERT INTO oauth_clients (identifier, allowed_scopes)
SELECT 'client' || i, CASE below(20) WHEN 0 THEN '["x' WHEN 1 THEN NULL ELSE format('["access:servers!server=u%s/%s"]', below(:size + 100), CASE below(5) WHEN 0 THEN 'lab' ELSE '' END) END FROM generate_series(1, :size * 5 / 6) i;
INSERT INTO spawners (id, user_id, name, oauth_client_id)
SELECT 1000 + i, somebody(), CASE below(4) WHEN 0 THEN 'lab' WHEN 1 THEN NULL ELSE '' END, CASE WHEN below(5) > 0 THEN 'client' || 1 + below(:size * 5 / 6) END FROM generate_series(1, :size * 5 / 6) i;
UPDATE services SET oauth_client_id = 'client' || 1 + below(:size * 5 / 6) WHERE below(2) = 0;

-- scopes that name who is there and who is not, and what is no scope
CREATE FUNCTION hub_little.scope() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE hub_little.below(12)
        WHEN 0 THEN 'read:users!user=u' || below(size() + 100) WHEN 1 THEN 'access:servers!server=u' || below(size() + 100) || '/' WHEN 2 THEN 'servers!server=u' || below(size() + 100) || '/lab'
        WHEN 3 THEN 'read:groups!group=g' || below(63) WHEN 4 THEN 'access:services!service=s' || below(43) WHEN 5 THEN 'servers!server=ü/' || below(size() + 100) || '/'
        WHEN 6 THEN 'servers!server=ü/' || below(size() + 100) || '/lab' WHEN 7 THEN 'access:servers!server=lab' WHEN 8 THEN 'read:uers' WHEN 9 THEN 'groups!group=g' || below(63)
        WHEN 10 THEN 'access:servers!group=g' || below(63) ELSE 'read:users:name!user' END $$;
CREATE FUNCTION hub_little.some_scopes() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE below(15) WHEN 0 THEN '["x' WHEN 1 THEN '[]' ELSE (SELECT to_json(array_agg(scope()))::text FROM generate_series(0, below(4))) END $$;
INSERT INTO roles (id, name, scopes, managed_by_auth) SELECT 1000 + i, 'r' || i, some_scopes(), false FROM generate_series(1, 400) i;
INSERT INTO roles (id, name, scopes, managed_by_auth) SELECT 2000 + i, 'keeper' || i, format('["%s", "%s!group=g%s"]', CASE WHEN i % 7 = 0 THEN 'admin:groups' ELSE 'groups!group=g' || i END,
    (ARRAY['access:servers', 'read:users', 'list:users', 'servers', 'shares'])[1 + i % 5], CASE WHEN i % 3 = 0 THEN i + 1 ELSE i END), false FROM generate_series(1, 50) i;
INSERT INTO user_role_map SELECT id, r, false FROM (SELECT DISTINCT id, CASE below(3) WHEN 0 THEN 1 ELSE 1001 + below(300) END AS r FROM users WHERE below(3) > 0) x ON CONFLICT DO NOTHING;
INSERT INTO user_role_map SELECT DISTINCT somebody(), 2001 + below(50), false FROM generate_series(1, 80) i ON CONFLICT DO NOTHING;
INSERT INTO group_role_map SELECT DISTINCT 1001 + below(60), 1001 + below(350), false FROM generate_series(1, 40);
INSERT INTO group_role_map SELECT DISTINCT 1001 + below(60), 2001 + below(50), false FROM generate_series(1, 5);
INSERT INTO service_role_map SELECT DISTINCT 1001 + below(40), 2001 + below(50), false FROM generate_series(1, 10);
INSERT INTO shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 1000 + i, 9, CASE below(9) WHEN 0 THEN NULL ELSE 1001 + below(:size * 5 / 6) END, CASE WHEN i % 3 > 0 THEN somebody() END,
       CASE WHEN i % 3 = 0 THEN 1001 + below(60) END, '2024-01-01', some_scopes() FROM generate_series(1, 300) i;
INSERT INTO share_codes (id, hashed, owner_id, spawner_id, created_at, scopes)
SELECT 1000 + i, 'h' || i, 9, CASE below(9) WHEN 0 THEN NULL ELSE 1001 + below(:size * 5 / 6) END, '2024-01-01', some_scopes() FROM generate_series(1, 100) i;
INSERT INTO api_tokens (id, user_id, service_id, client_id, created, expires_at, last_activity, prefix, hashed, scopes)
SELECT 1000 + i, CASE WHEN i % 50 > 1 THEN somebody() END, CASE WHEN i % 50 = 1 THEN 1001 + below(40) END,
       'jupyterhub', '2024-05-01', CASE below(3) WHEN 0 THEN NULL WHEN 1 THEN timestamp '2999-01-01' ELSE timestamp '2024-05-01' + below(100) * interval '1 day' END,
       CASE below(3) WHEN 0 THEN NULL ELSE timestamp '2024-05-01' + below(100) * interval '1 hour' END, 'zzzz', 'x' || i, some_scopes() FROM generate_series(1, :size * 8 / 3) i;
ANALYZE;

-- some of it goes, at several moments
SELECT jhub_authz.attach('hub_little') \g /dev/null
SELECT jhub_authz.set_mode('observe') \g /dev/null
DELETE FROM users WHERE id > 1000 AND below(25) = 0;
DELETE FROM user_role_map WHERE user_id > 1000 AND below(10) = 0;
DELETE FROM groups WHERE id > 1050 AND below(2) = 0;
DELETE FROM services WHERE id > 1020 AND below(3) = 0;
DELETE FROM spawners WHERE id > 1000 AND below(20) = 0;
DELETE FROM user_group_map WHERE user_id > 1000 AND below(10) = 0;
UPDATE users SET name = 'new' || name WHERE id > 1000 AND below(40) = 0;
INSERT INTO user_role_map SELECT DISTINCT somebody(), 2001 + below(50), false FROM generate_series(1, 30) i ON CONFLICT DO NOTHING;
DELETE FROM api_tokens WHERE id > 1000 AND below(30) = 0;
DELETE FROM shares WHERE id > 1000 AND below(5) = 0;
DELETE FROM users WHERE id > 1000 AND below(100) = 0;
ANALYZE;
\if :{?hub_only}
\q
\endif
SELECT plan(20);

CREATE FUNCTION pg_temp.answer(memory text, answers text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('work_mem', memory, true);
    EXECUTE format('CREATE TEMP TABLE %I AS
        SELECT ''orphaned_grants'' AS part, o::text AS row FROM jhub_authz.orphaned_grants o
        UNION ALL SELECT ''leaver_gaps'', l::text FROM jhub_authz.leaver_gaps l
        UNION ALL SELECT f.code, f::text FROM jhub_authz.findings f
                   WHERE f.code IN (''orphaned_grant'', ''unreadable_scopes'', ''undefined_scope'', ''server_without_slash'', ''leaver'', ''toxic_combination'', ''name_twins'')
        UNION ALL SELECT ''users'', u::text FROM jhub_authz._users_seen() u', answers);
END $$;
-- at one moment, for gaps that are open grow
BEGIN;
SELECT pg_temp.answer('64MB', 'much') \g /dev/null
SELECT pg_temp.answer('64kB', 'little') \g /dev/null
COMMIT;
CREATE FUNCTION pg_temp.differ(of_part text) RETURNS SETOF text LANGUAGE sql AS $$
    (SELECT row FROM much WHERE part = of_part EXCEPT ALL SELECT row FROM little WHERE part = of_part)
    UNION ALL (SELECT row FROM little WHERE part = of_part EXCEPT ALL SELECT row FROM much WHERE part = of_part) $$;
SELECT cmp_ok((SELECT count(*) FROM much WHERE part = v.part), '>=', CASE WHEN size() < 3000 THEN 1 ELSE v.many END, v.part || ': many rows') || E'\n'
       || is_empty(format('SELECT pg_temp.differ(%L)', v.part), '... the same in little memory')
  FROM (VALUES ('orphaned_grants', 5000::bigint), ('leaver_gaps', 300), ('leaver', 1000), ('toxic_combination', 50), ('name_twins', 50), ('users', 2500),
               ('orphaned_grant', 4000), ('undefined_scope', 500)) AS v (part, many);

-- what is put together by ids and sums, against what the hub's tables say when they are asked at once
SELECT bag_eq($$ SELECT user_id, name, live_tokens, last_token_use, last_token_expiry, has_grants FROM jhub_authz._users_seen() $$,
    $$ SELECT u.id, u.name::text, count(t.id) FILTER (WHERE t.expires_at IS NULL OR t.expires_at >= now() AT TIME ZONE 'UTC') AS n,
              max(t.last_activity) FILTER (WHERE t.expires_at IS NULL OR t.expires_at >= now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS used,
              max(t.expires_at) FILTER (WHERE t.expires_at < now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS expiry,
              EXISTS (SELECT FROM user_role_map m WHERE m.user_id = u.id) OR EXISTS (SELECT FROM shares s WHERE s.user_id = u.id)
              OR EXISTS (SELECT FROM user_group_map m JOIN group_role_map r USING (group_id) WHERE m.user_id = u.id)
              OR EXISTS (SELECT FROM user_group_map m JOIN shares s USING (group_id) WHERE m.user_id = u.id) AS granted
         FROM users u LEFT JOIN api_tokens t ON t.user_id = u.id GROUP BY u.id $$, 'when users were seen, as the tables say');
SELECT bag_eq($$ SELECT subject FROM jhub_authz.orphaned_grants WHERE defect = 'unheld role' $$,
    $$ SELECT name::text FROM roles r WHERE NOT EXISTS (SELECT FROM user_role_map m WHERE m.role_id = r.id) AND NOT EXISTS (SELECT FROM group_role_map m WHERE m.role_id = r.id)
          AND NOT EXISTS (SELECT FROM service_role_map m WHERE m.role_id = r.id) AND r.name NOT IN ('user', 'admin', 'server', 'token') $$, 'roles that nobody has');
SELECT bag_eq($$ SELECT subject FROM jhub_authz.orphaned_grants WHERE subject_kind = 'client' AND defect = 'no target' $$,
    $$ SELECT identifier::text FROM oauth_clients c WHERE identifier <> 'jupyterhub' AND NOT EXISTS (SELECT FROM spawners p WHERE p.oauth_client_id = c.identifier)
          AND NOT EXISTS (SELECT FROM services s WHERE s.oauth_client_id = c.identifier) $$, 'clients without a server or service');

-- of one subject: that of all
CREATE FUNCTION pg_temp.of_one(how_many int) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    FOR s IN SELECT subject FROM (SELECT DISTINCT subject FROM jhub_authz._findings WHERE code IN ('leaver', 'toxic_combination', 'name_twins') OFFSET 0) f ORDER BY random() LIMIT how_many LOOP
        RETURN QUERY SELECT f::text FROM jhub_authz.findings f WHERE f.subject = s.subject AND f.code IN ('leaver', 'toxic_combination', 'name_twins') EXCEPT ALL SELECT row FROM much;
        RETURN QUERY SELECT row FROM much WHERE part IN ('leaver', 'toxic_combination', 'name_twins') AND position(',' || s.subject || ',' IN row) > 0
                     EXCEPT ALL SELECT f::text FROM jhub_authz.findings f WHERE f.subject = s.subject;
    END LOOP;
END $$;
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT is_empty($$ SELECT pg_temp.of_one(CASE WHEN size() < 3000 THEN 1 ELSE 20 END) $$, 'findings of one user are those of all');
\endif

SELECT * FROM finish();
SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_little CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
