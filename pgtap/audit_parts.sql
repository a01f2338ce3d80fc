-- Many subjects are read in parts that fit into work_mem: in whatever order they are asked
-- for, the answer is that of one pass; and neither they nor the tokens make memory grow.
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
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'off');
SELECT plan(17);
\if :{?few}
\set no_subject 1200
\set at_random 'w.id % 31 = 0'
\set ends '77$'
\set in_order 'w.id % 7 = 0'
\set users 2000
\set nth 31
\set most_in_order 'w.id % 10 = 0'
\set only_some 'w.id % 37 = 0'
\else
\set ends '7$'
\set in_order true
\set users 6000
\set nth 97
\set no_subject 20000
\set at_random 'true'
\set most_in_order 'true'
\set only_some 'w.id % 17 = 0'
\endif

-- users in 300 groups, with gaps between their ids; some have shares, of which
-- some say "!server"
INSERT INTO public.users (id, name, admin, cookie_id) SELECT 1000 + 3 * i, 'u' || i, i % 1000 = 0, 'u' || i FROM generate_series(1, :users) i;
INSERT INTO public.groups (id, name) SELECT 1000 + i, 'g' || i FROM generate_series(1, 300) i;
INSERT INTO public.services (id, name, admin) SELECT 1000 + i, 's' || i, false FROM generate_series(1, 120) i;
INSERT INTO public.roles (id, name, scopes, managed_by_auth)
SELECT 1000 + i, 'r' || i, format('["list:users!group=g%1$s", "read:users:name!user", "access:servers!server=u%1$s/"]', i), false FROM generate_series(1, 50) i;
INSERT INTO public.user_role_map SELECT 1000 + 3 * i, 1, false FROM generate_series(1, :users) i UNION ALL SELECT 1000 + 3 * i, 1001 + i % 50, false FROM generate_series(7, :users, 7) i;
INSERT INTO public.group_role_map SELECT 1000 + i, 1001 + i % 50, false FROM generate_series(1, 300, 2) i;
INSERT INTO public.service_role_map SELECT 1000 + i, 1001 + i % 50, false FROM generate_series(1, 120) i;
INSERT INTO public.user_group_map SELECT DISTINCT 1000 + 3 * i, 1001 + (i * 7 + k * 31) % 300 FROM generate_series(1, :users) i, generate_series(1, 2) k;
INSERT INTO public.oauth_clients (identifier, allowed_scopes) SELECT 'c' || i, '["inherit"]' FROM generate_series(1, :users) i;
INSERT INTO public.spawners (id, user_id, name, oauth_client_id) SELECT 1000 + i, 1000 + 3 * i, '', 'c' || i FROM generate_series(1, :users) i;
INSERT INTO public.shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 1000 + i, 1000 + 3 * i, 1000 + i, CASE WHEN i % 3 > 0 THEN 1000 + 3 * (1 + i * 11 % :users) END, CASE WHEN i % 3 = 0 THEN 1001 + i % 300 END, '2024-01-01',
       CASE WHEN i % 2 = 0 THEN '["access:servers!server"]' ELSE '["access:servers!server=u' || i || '/"]' END FROM generate_series(1, 1000) i;
ANALYZE public.users, public.groups, public.roles, public.user_role_map, public.user_group_map, public.oauth_clients, public.spawners, public.shares;

-- what one pass over everybody says
CREATE TEMP TABLE whole AS
    SELECT 'user' AS kind, u.id, u.name, a.scopes FROM public.users u JOIN jhub_authz.all_user_scopes() a ON a.name = u.name
    UNION ALL SELECT 'group', u.id, u.name, a.scopes FROM public.groups u JOIN jhub_authz.all_group_scopes() a ON a.name = u.name
    UNION ALL SELECT 'service', u.id, u.name, a.scopes FROM public.services u JOIN jhub_authz.all_service_scopes() a ON a.name = u.name;
ANALYZE whole;
-- subjects whose scopes are others when they are asked for one after the other, in this order
CREATE FUNCTION pg_temp.differ(kind text, in_order text, which text DEFAULT 'true') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; asked bigint;
BEGIN
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE r.scopes OPERATOR(jhub_authz.<>) r.expected)
        FROM (SELECT k.id, k.scopes AS expected, coalesce(jhub_authz.scopeset_agg(s.scope), ''[]'') AS scopes
                FROM (SELECT * FROM whole w WHERE w.kind = %1$L AND %3$s ORDER BY %2$s OFFSET 0) k LEFT JOIN LATERAL jhub_authz._scopes_of(%1$L, k.id) s ON true
               GROUP BY k.id, k.scopes) r', kind, in_order, which) INTO asked, n;
    IF asked < 50 THEN RAISE EXCEPTION 'only % subjects were asked for', asked; END IF;
    RETURN n;
END $$;
SELECT is(pg_temp.differ('user', 'w.id', :'in_order'), 0::bigint, 'users in order of id');
SELECT is(pg_temp.differ('user', 'w.id DESC', :'most_in_order'), 0::bigint, 'from the last to the first');
SELECT setseed(0.5);
SELECT is(pg_temp.differ('user', 'random()', :'at_random'), 0::bigint, 'at random');
SELECT is(pg_temp.differ('user', 'w.id % 5, w.id', :'most_in_order'), 0::bigint, 'five times from the first to the last');
SELECT is(pg_temp.differ('user', 'w.id', :'only_some'), 0::bigint, 'only some, in order');
SELECT is(pg_temp.differ('group', 'w.id'), 0::bigint, 'groups in order');
SELECT is(pg_temp.differ('group', 'random()', CASE WHEN :'at_random' = 'true' THEN 'true' ELSE 'w.id % 5 = 0' END), 0::bigint, 'groups at random');
SELECT is(pg_temp.differ('service', 'w.id'), 0::bigint, 'services');
SET LOCAL work_mem = '64kB';
SELECT is(pg_temp.differ('user', 'w.id', :'most_in_order'), 0::bigint, 'users in order of id, in the least memory that there is');
SELECT is(pg_temp.differ('user', 'w.id % 12, w.id', CASE WHEN :'at_random' = 'true' THEN 'w.id < 5000' ELSE 'w.id % 29 = 0' END), 0::bigint, '... and twelve times from the first to the last');
RESET work_mem;
SELECT is((SELECT count(*) FROM jhub_authz._scopes_of('user', 1001)), 0::bigint, 'who is not there has nothing');
SELECT is((SELECT count(*) FROM (SELECT i FROM generate_series(1000, :no_subject) i ORDER BY i OFFSET 0) k, LATERAL jhub_authz._scopes_of('user', k.i) s
            WHERE NOT EXISTS (SELECT FROM public.users u WHERE u.id = k.i)), 0::bigint, '... nor among those who are');

-- all that this extension holds, at the most, while a query goes over the subjects of a kind
CREATE FUNCTION pg_temp.held() RETURNS bigint LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN RETURN (SELECT sum(m.total_bytes) FROM pg_backend_memory_contexts m WHERE m.name LIKE 'jhub_authz%'); END $$;
CREATE FUNCTION pg_temp.most(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT max(CASE WHEN x.n IS NOT NULL THEN pg_temp.held() END) FROM (%s) x', what) INTO n;
    RETURN n;
END $$;
CREATE TEMP TABLE held (what text, bytes bigint);
SET LOCAL work_mem = '1MB';
INSERT INTO held VALUES ('users', pg_temp.most(format($$ SELECT s.subject AS n FROM jhub_authz.effective_scopes s WHERE s.subject_kind = 'user' AND s.subject ~ %L AND s.base = 'read:users:name' $$, :'ends')));
SET LOCAL work_mem = '4MB';
INSERT INTO held VALUES ('users, four times the memory', pg_temp.most(format($$ SELECT s.subject AS n FROM jhub_authz.effective_scopes s WHERE s.subject_kind = 'user' AND s.subject ~ %L AND s.base = 'read:users:name' $$, :'ends')));
INSERT INTO public.api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
SELECT 1000 + i, 1000 + 3 * (1 + i * 7919 % :users), CASE WHEN i % 3 = 0 THEN 'c' || 1 + i * 7919 % :users ELSE 'jupyterhub' END, '2024-05-01', 'zzzz', 'x' || i,
       CASE i % 3 WHEN 1 THEN '["read:users:name!user", "servers!server=u' || i % :users || '/"]' ELSE '["inherit"]' END FROM generate_series(1, :users) i;
INSERT INTO held VALUES ('a token each', pg_temp.most('SELECT t.token_id AS n FROM jhub_authz.token_audit t WHERE t.token_id % ' || :nth || ' = 0'));
INSERT INTO public.api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
SELECT 1000 + i, 1000 + 3 * (1 + i * 7919 % :users), CASE WHEN i % 3 = 0 THEN 'c' || 1 + i * 7919 % :users ELSE 'jupyterhub' END, '2024-05-01', 'zzzz', 'x' || i,
       CASE i % 3 WHEN 1 THEN '["read:users:name!user", "servers!server=u' || i % :users || '/"]' ELSE '["inherit"]' END FROM generate_series(:users + 1, 5 * :users) i;
INSERT INTO held VALUES ('five each', pg_temp.most('SELECT t.token_id AS n FROM jhub_authz.token_audit t WHERE t.token_id % ' || :nth || ' = 0'));
SELECT cmp_ok(bytes, '<=', 1024 * 1024::bigint, 'users are read in parts that fit into work_mem') || E'\n# bytes: ' || bytes FROM held WHERE what = 'users';
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT cmp_ok(bytes, '>', (SELECT bytes FROM held WHERE what = 'users'), 'with more of it they are larger') || E'\n# bytes: ' || bytes FROM held WHERE what ~ 'four times';
\endif
SELECT cmp_ok(bytes, '<=', 4 * 1024 * 1024::bigint, '... and fit as well') FROM held WHERE what ~ 'four times';
SELECT cmp_ok(bytes, '<', (SELECT bytes * 11 / 10 + 500000 FROM held WHERE what = 'a token each'), 'five times as many tokens take no more memory') || E'\n# bytes: ' || bytes FROM held WHERE what = 'five each';
SELECT cmp_ok(bytes / :users, '<', 1000::bigint, '... but less than a kilobyte a user') || E'\n# bytes a user: ' || bytes / :users FROM held WHERE what = 'five each';

SELECT * FROM finish();
ROLLBACK;
