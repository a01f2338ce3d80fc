-- Findings and the report are the same however little memory there is, on a random hub
-- with a past.
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
SELECT floor(random() * 100000)::int AS seed \gset
\endif
\ir ../testbed/random_hub.sql
SELECT diag('findings_in_parts, seed: ' || :seed);
\if :{?few}
\set users 60
\set shares 60
\set gone 2
\else
\set users 1000
\set shares 200
\set gone 11
\endif
SELECT plan(12);

-- users more in 40 groups; who was not seen, who has no grant, who has two names,
-- who may write what gives more
INSERT INTO hub_past.users (id, name, admin, created, last_activity, cookie_id)
SELECT 5000 + 3 * i, CASE WHEN i % 50 = 0 THEN 'U' || i - 1 ELSE 'u' || i END, i % 400 = 0, '2024-01-01', CASE WHEN i % 3 = 0 THEN now() AT TIME ZONE 'UTC' END, 'u' || i FROM generate_series(1, :users) i;
INSERT INTO hub_past.groups (id, name) SELECT 5000 + i, 'g' || i FROM generate_series(1, 40) i;
INSERT INTO hub_past.roles (id, name, scopes, managed_by_auth)
SELECT 5000 + i, 'of g' || i, format('["list:users!group=g%1$s", "groups!group=g%1$s", "access:servers!group=g%1$s", "access:servers!server=u%1$s/", "read:users!user=gone%1$s"]', i), false FROM generate_series(1, 40) i;
INSERT INTO hub_past.user_role_map SELECT 5000 + 3 * i, CASE WHEN i % 9 = 0 THEN 5001 + i % 40 WHEN i % 31 = 0 THEN 2 ELSE 1 END, false FROM generate_series(1, :users) i WHERE i % 20 > 0;
INSERT INTO hub_past.user_group_map SELECT DISTINCT 5000 + 3 * i, 5001 + (k * 31 + i) % 40 FROM generate_series(1, :users) i, generate_series(1, 2) k WHERE i % 4 > 0;
INSERT INTO hub_past.spawners (id, user_id, name) SELECT 5000 + i, 5000 + 3 * i, '' FROM generate_series(1, :users) i;
INSERT INTO hub_past.shares (id, owner_id, spawner_id, user_id, group_id, created_at, expires_at, scopes)
SELECT 5000 + i, 5000 + 3 * i, 5000 + i, CASE WHEN i % 2 = 0 THEN 5000 + 3 * (1 + i * 7 % :users) END, CASE WHEN i % 2 = 1 THEN 5001 + i % 40 END, '2024-02-01', CASE WHEN i % 3 = 0 THEN timestamp '2024-04-01' END,
       format('["access:servers!server=u%s/"]', i) FROM generate_series(1, :shares) i;
INSERT INTO hub_past.api_tokens (id, user_id, client_id, created, expires_at, last_activity, prefix, hashed, note, scopes)
SELECT 5000 + i, 5000 + 3 * (1 + i * 7919 % :users), 'jupyterhub', '2024-03-01', CASE WHEN i % 7 = 0 THEN timestamp '2999-01-01' WHEN i % 17 = 0 THEN timestamp '2024-04-01' END,
       CASE WHEN i % 3 > 0 THEN timestamp '2024-06-01' END, 'zzzz', 'z' || i, '',
       CASE i % 5 WHEN 0 THEN '["inherit"]' WHEN 1 THEN '["read:users!user=gone", "read:uers"]' WHEN 2 THEN '["list:users", "servers!user"]' ELSE '["self"]' END FROM generate_series(1, 2 * :users) i;
SELECT jhub_authz.attach('hub_past') \g /dev/null
-- some of it came about afterwards
DELETE FROM hub_past.user_role_map WHERE user_id > 5000 AND user_id % :gone = 0;
INSERT INTO hub_past.user_role_map SELECT 5000 + 3 * i, 5001 + i % 40, false FROM generate_series(5, :users, 13) i ON CONFLICT DO NOTHING;
UPDATE hub_past.roles SET scopes = '["admin:users", "admin:groups!group=g7"]' WHERE name = 'of g7';
UPDATE hub_past.users SET admin = NOT admin WHERE id % 500 = 0;
SELECT jhub_authz.acknowledge('inherit_token', 'token', (SELECT min(f.subject::int) FROM jhub_authz.findings f WHERE f.code = 'inherit_token' AND f.subject::int > 5000)::text, NULL, 'known', NULL), jhub_authz.acknowledge('leaver', 'user', f.subject, NULL, 'on leave', NULL)
  FROM (SELECT subject FROM jhub_authz.findings WHERE code = 'leaver' LIMIT 1) f \g /dev/null
ANALYZE;

CREATE FUNCTION hub_past.asked(memory text, sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('work_mem', memory, true);
    RETURN QUERY EXECUTE sql;
END $$;
CREATE FUNCTION hub_past.same(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    CREATE TEMP TABLE little AS SELECT * FROM hub_past.asked('64kB', sql) r;
    CREATE TEMP TABLE much AS SELECT * FROM hub_past.asked('64MB', sql) r;
    RETURN NEXT cmp_ok((SELECT count(*) FROM much), '>', 0::bigint, 'rows of ' || sql) || E'\n# so many: ' || (SELECT count(*) FROM much);
    RETURN NEXT is_empty('(TABLE little EXCEPT ALL TABLE much) UNION ALL (TABLE much EXCEPT ALL TABLE little) LIMIT 5', '... are the same');
    DROP TABLE little, much;
END $$;
\if :{?few}
SELECT hub_past.same($$SELECT f::text FROM jhub_authz.findings f WHERE code IN ('toxic_combination', 'leaver', 'name_twins')$$);
\else
SELECT hub_past.same('SELECT f::text FROM jhub_authz.findings f');
\endif
SELECT hub_past.same('SELECT f::text FROM jhub_authz.escalation_paths f');
SELECT hub_past.same('SELECT f::text FROM jhub_authz.leaver_gaps f');
SELECT hub_past.same('SELECT f::text FROM jhub_authz.orphaned_grants f');
\if :{?few}
SELECT skip('there are few', 3);
\else
SELECT hub_past.same($$SELECT regexp_replace(p, '<dd>[-0-9]+ [0-9]+:[0-9]+ UTC</dd>', '') FROM unnest(string_to_array(jhub_authz.report_html(100), '<tr>')) WITH ORDINALITY AS u (p, n)$$);
-- whatever the seed, there is some of the kinds that are worked out in parts
SELECT is((SELECT count(DISTINCT code) FROM jhub_authz.findings WHERE code IN ('toxic_combination', 'leaver', 'escalation', 'effective_admin', 'orphaned_grant', 'admin_drift', 'name_twins', 'inherit_token', 'undefined_scope')), 9::bigint, 'findings of many kinds');
\endif
SELECT cmp_ok(count(*), '>', 20::bigint, 'leavers enough for several parts') FROM jhub_authz.findings WHERE code = 'leaver';
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_past CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
