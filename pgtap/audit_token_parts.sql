-- The owners of tokens are read in parts that fit into memory, and the tokens in the order of
-- the parts: with little memory and with much the rows are the same, and those of one pass.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\if :{?few}
-- one by which all kinds are there, though they are few
\set seed 1
\set tokens 80
\set more_users 3000
\set more_tokens 3000
\set asked_for 3
\set which 'w.token_id % 4 = 1'
\set some_of 5
\set none_to 2000
\set many_parts 4
\set least_asked 10
\else
\set tokens 9000
\set more_users 6000
\set more_tokens 12000
\set asked_for 30
\set which true
\set some_of 11
\set none_to 40000
\set many_parts 20
\set least_asked 50
\if :{?seed} \else \set seed `date +%s` \endif
\endif
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'off');
SELECT plan(34);
SELECT setseed((:seed % 1000) / 1000.0) \g /dev/null
SELECT '# seed ' || :seed;
SELECT set_config('audit_token_parts.least_asked', :'least_asked', true) \g /dev/null

-- 1,500 users whose ids come in no order, with gaps; some below zero, one the largest that there is
CREATE TEMP TABLE u AS SELECT i, CASE WHEN i <= 20 THEN -i * 1000 WHEN i = 21 THEN 2147483647 ELSE 500 + 7 * row_number() OVER (ORDER BY random())::int END AS id FROM generate_series(1, 1500) i;
INSERT INTO public.users (id, name, admin, cookie_id) SELECT id, 'u' || i, i % 500 = 0, 'u' || i FROM u;
INSERT INTO public.groups (id, name) SELECT 1000 + i, 'g' || i FROM generate_series(1, 60) i;
INSERT INTO public.services (id, name, admin) SELECT 1000 + i, 's' || i, false FROM generate_series(1, 150) i;
INSERT INTO public.roles (id, name, scopes, managed_by_auth)
SELECT 1000 + i, 'r' || i, CASE WHEN i = 13 THEN 'no JSON' ELSE format('["list:users!group=g%1$s", "read:users:name!user", "servers!group=g%1$s", "access:servers!server=u%1$s/"]', i) END, false FROM generate_series(1, 40) i;
INSERT INTO public.user_role_map SELECT id, 1, false FROM u WHERE i % 9 > 0 UNION ALL SELECT id, 1001 + floor(random() * 40)::int, false FROM u WHERE i % 3 = 0;
INSERT INTO public.group_role_map SELECT 1000 + i, 1001 + i % 40, false FROM generate_series(1, 60, 2) i;
INSERT INTO public.service_role_map SELECT 1000 + i, 1001 + i % 40, false FROM generate_series(1, 150) i;
INSERT INTO public.user_group_map SELECT DISTINCT id, 1001 + floor(random() * 60)::int FROM u, generate_series(1, 2) k;
-- clients: of everybody's server; of several servers, the first of which is another user's; of services; of nothing
INSERT INTO public.oauth_clients (identifier, allowed_scopes) SELECT 'c' || i, '["inherit"]' FROM generate_series(1, 1500) i UNION ALL SELECT 'both' || i, '[]' FROM generate_series(1, 50) i
UNION ALL SELECT 'sc' || i, '[]' FROM generate_series(1, 150) i UNION ALL SELECT 'none' || i, '[]' FROM generate_series(1, 10) i;
INSERT INTO public.spawners (id, user_id, name, oauth_client_id) SELECT 1000 + i, id, '', 'c' || i FROM u
UNION ALL SELECT 5000 + i, (SELECT id FROM u WHERE u.i = x.i + 700), 'first', 'both' || i FROM generate_series(1, 50) x (i)
UNION ALL SELECT 6000 + i, (SELECT id FROM u WHERE u.i = x.i), 'second', 'both' || i FROM generate_series(1, 50) x (i);
UPDATE public.services SET oauth_client_id = 'sc' || id - 1000 WHERE id > 1000;
INSERT INTO public.shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 1000 + i, (SELECT id FROM u WHERE u.i = x.i), 1000 + i, CASE WHEN i % 3 > 0 THEN (SELECT id FROM u WHERE u.i = 1 + x.i * 11 % 1500) END, CASE WHEN i % 3 = 0 THEN 1001 + i % 60 END, '2024-01-01',
       CASE WHEN i % 7 = 0 THEN '["access:servers!server"]' WHEN i % 50 = 1 THEN '[1' ELSE '["access:servers!server=u' || i || '/", "read:servers!server=u' || i || '/"]' END FROM generate_series(1, 400) x (i);
-- Tokens of whomever, in no order of their owners: 6 of 100 are a service's, 2 nobody's, 2 of users who are gone,
-- 1 of a service that is gone; through whichever client.  What gives nothing is there, too.
SET LOCAL session_replication_role = replica;
CREATE TEMP TABLE t AS SELECT k, floor(random() * 100)::int AS kind, 1 + floor(random() * 1500)::int AS who, 1 + floor(random() * 1500)::int AS other, floor(random() * 20)::int AS ask, floor(random() * 12)::int AS client FROM generate_series(1, :tokens) k;
INSERT INTO public.api_tokens (id, user_id, service_id, client_id, created, expires_at, prefix, hashed, scopes)
SELECT CASE WHEN k <= 30 THEN -k ELSE 1000 + 3 * k END,
       CASE WHEN kind >= 11 THEN u.id WHEN kind IN (7, 8) THEN 3000000 + k WHEN kind = 10 THEN 0 END,
       CASE WHEN kind < 6 OR kind = 10 THEN 1001 + k % 150 WHEN kind = 9 THEN 77777 END,
       CASE client WHEN 0 THEN 'c' || who WHEN 1 THEN 'c' || other WHEN 2 THEN 'sc' || 1 + k % 150 WHEN 3 THEN 'both' || 1 + k % 50 WHEN 4 THEN 'none' || 1 + k % 10 WHEN 5 THEN 'unknown' WHEN 6 THEN NULL ELSE 'jupyterhub' END,
       CASE WHEN k % 40 > 0 THEN timestamp '2024-05-01' + k * interval '1 second' END, CASE WHEN k % 50 = 0 THEN '2024-06-01' WHEN k % 4 = 0 THEN timestamp '2999-01-01' END, 'zzzz', 'x' || k,
       CASE WHEN ask < 5 THEN '["inherit"]' WHEN ask < 9 THEN '["read:users:name!user", "servers!server=u' || other || '/"]' WHEN ask < 12 THEN '["access:servers!server", "self"]'
            WHEN ask = 12 THEN '{' WHEN ask = 13 THEN NULL WHEN ask = 14 THEN '["no:such"]' WHEN ask = 15 THEN '["servers!group=g' || 1 + k % 60 || '"]' ELSE '["access:servers!user=u' || other || '", "list:users!group=g' || 1 + k % 60 || '"]' END
  FROM t JOIN u ON u.i = t.who;
SET LOCAL session_replication_role = origin;
SELECT jhub_authz.set_policy('group:g7', on_growth => 'veto'), jhub_authz.set_policy('group:g8', inherit => 'follow') \g /dev/null
ANALYZE public.users, public.api_tokens, public.user_group_map, public.oauth_clients, public.spawners;

-- of one pass; and the rest of the row of one token, looked up by itself
CREATE TEMP TABLE whole AS SELECT * FROM jhub_authz.all_token_scopes();
SELECT is((SELECT count(*) FROM whole WHERE owner_kind IS NULL), (SELECT count(*) FROM t WHERE kind IN (6, 7, 8, 9)), 'tokens of nobody, and of who is gone, are there')
    || E'\n# ' || string_agg(format('%s: %s', coalesce(owner_kind, 'nobody'), n), ', ') FROM (SELECT owner_kind, count(*) AS n FROM whole GROUP BY 1) x;
CREATE FUNCTION pg_temp.audited() RETURNS TABLE (token_id int, line text) LANGUAGE sql AS $$ SELECT t.token_id, t::text FROM jhub_authz.token_audit t $$;
CREATE FUNCTION pg_temp.permitted() RETURNS TABLE (line text) LANGUAGE sql AS $$ SELECT s::text FROM jhub_authz.effective_scopes s WHERE s.subject_kind = 'token' $$;

SET LOCAL work_mem = '64MB';
CREATE TEMP TABLE audited AS SELECT * FROM pg_temp.audited();
CREATE TEMP TABLE permitted AS SELECT * FROM pg_temp.permitted();
SELECT is((SELECT count(*) FROM audited), (SELECT count(*) FROM public.api_tokens), 'in one part: a row for each token');
SELECT is_empty($$ SELECT w.token_id FROM whole w FULL JOIN jhub_authz.token_audit t USING (token_id)
    WHERE (w.owner_kind, w.owner_name, w.client_id, w.stored::text, w.effective::text, w.discarded::text, w.error)
          IS DISTINCT FROM (t.owner_kind, t.owner, t.client_id, t.stored::text, t.effective::text, t.discarded::text, t.error) $$, '... which is what all_token_scopes says');
SELECT is_empty($$ SELECT w.token_id FROM (SELECT x.token_id, jhub_authz.scopeset_agg(f.scope) AS effective FROM whole x, jhub_authz.scope_explode(x.effective) f
                                            WHERE x.token_id NOT IN (SELECT id FROM public.api_tokens WHERE expires_at < '2025-01-01') GROUP BY 1) w
    FULL JOIN (SELECT s.subject::int AS token_id, jhub_authz.scopeset_agg(s.scope) AS scopes FROM jhub_authz.effective_scopes s WHERE s.subject_kind = 'token' AND s.scope IS NOT NULL GROUP BY 1) s USING (token_id)
    WHERE w.effective::text IS DISTINCT FROM s.scopes::text $$, '... and the paths are of these scopes');
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT is_empty(format($$ SELECT k.id FROM (SELECT id FROM public.api_tokens ORDER BY random() LIMIT %s) k, LATERAL jhub_authz.what_can('token', k.id::text) w WHERE k.id > 0
    EXCEPT ALL SELECT s.subject::int FROM jhub_authz.effective_scopes s WHERE s.subject_kind = 'token' $$, :asked_for), '... of which what_can has no more');
\endif

-- the same with less memory: in so many parts
CREATE FUNCTION pg_temp.parts() RETURNS bigint LANGUAGE sql AS $$
    -- where the ids of a kind of token begin anew
    SELECT count(*) FROM (SELECT k.id < lag(k.id) OVER (ORDER BY k.n) AS anew FROM jhub_authz._audit_keys('token') WITH ORDINALITY k (id, name, n)) x WHERE anew $$;
SELECT is(pg_temp.parts(), 2::bigint, 'users are one part, then come services, and what has no owner');
CREATE FUNCTION pg_temp.same(mem text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('work_mem', mem, true);
    RETURN NEXT is((SELECT count(*) FROM jhub_authz._audit_keys('token')), (SELECT count(DISTINCT id) FROM jhub_authz._audit_keys('token')), mem || ': each token once');
    RETURN NEXT is_empty('WITH again AS MATERIALIZED (SELECT * FROM pg_temp.audited()) (TABLE audited EXCEPT ALL TABLE again) UNION ALL (TABLE again EXCEPT ALL TABLE audited)', mem || ': the same rows of token_audit');
    RETURN NEXT is_empty('WITH again AS MATERIALIZED (SELECT * FROM pg_temp.permitted()) (TABLE permitted EXCEPT ALL TABLE again) UNION ALL (TABLE again EXCEPT ALL TABLE permitted)', mem || ': the same rows of effective_scopes');
END $$;
SELECT pg_temp.same('64kB');
SELECT cmp_ok(pg_temp.parts(), '>', (:many_parts)::bigint, '... from many parts') || E'\n# parts: ' || pg_temp.parts();
\if :{?few}
SELECT skip('there are few', 10);
\else
SELECT pg_temp.same('256kB');
SELECT cmp_ok(pg_temp.parts(), '>', 3::bigint, '... from some') || E'\n# parts: ' || pg_temp.parts();
SELECT pg_temp.same('1MB');
SET LOCAL hash_mem_multiplier = 1;
SELECT pg_temp.same('128kB');
\endif

-- in whichever order they are asked for, and only some of them
SET LOCAL work_mem = '64kB';
CREATE FUNCTION pg_temp.differ(in_order text, which text DEFAULT 'true') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint; asked bigint;
BEGIN
    EXECUTE format('SELECT count(*), count(*) FILTER (WHERE (t.effective::text, t.error, t.owner_kind, t.owner) IS DISTINCT FROM (k.effective::text, k.error, k.owner_kind, k.owner_name))
        FROM (SELECT w.* FROM whole w WHERE %2$s ORDER BY %1$s OFFSET 0) k LEFT JOIN LATERAL jhub_authz._token_audit(k.token_id, NULL, NULL, NULL, NULL) t ON true', in_order, which) INTO asked, n;
    IF asked < current_setting('audit_token_parts.least_asked')::int THEN RAISE EXCEPTION 'only % tokens were asked for', asked; END IF;
    RETURN n;
END $$;
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT is(pg_temp.differ('w.token_id', :'which'), 0::bigint, 'in order of their ids');
\endif
SELECT is(pg_temp.differ('w.token_id DESC', :'which'), 0::bigint, 'from the last to the first');
SELECT is(pg_temp.differ('random()', :'which'), 0::bigint, 'at random');
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT is(pg_temp.differ('w.owner_kind, w.owner_name, w.token_id', :'which'), 0::bigint, 'by their owners'' names');
\endif
SELECT is(pg_temp.differ('random()', 'w.token_id % ' || :some_of || ' = 1'), 0::bigint, 'some at random');
SELECT is(pg_temp.differ('w.owner_kind NULLS FIRST', 'w.owner_kind IS DISTINCT FROM ''user'''), 0::bigint, 'none of users');
SELECT is((SELECT count(*) FROM jhub_authz.token_audit t JOIN audited a USING (token_id) WHERE t.token_id % 61 = 5 AND t::text OPERATOR(pg_catalog.=) a.line), (SELECT count(*) FROM audited WHERE token_id % 61 = 5), 'some by a condition on the view');
SELECT is((SELECT count(*) FROM (SELECT i FROM generate_series(1000, :none_to) i ORDER BY i OFFSET 0) k, LATERAL jhub_authz._token_audit(k.i, NULL, NULL, NULL, NULL) t
            WHERE NOT EXISTS (SELECT FROM public.api_tokens a WHERE a.id = k.i)), 0::bigint, 'who is not there has no row');
-- the list and the rows go on together, whatever becomes of the memory meanwhile
CREATE TEMP TABLE fetched (LIKE audited);
CREATE FUNCTION pg_temp.fetch_all() RETURNS void LANGUAGE plpgsql AS $$
DECLARE r record; n int := 0; c CURSOR FOR SELECT t.token_id, t::text AS line FROM jhub_authz.token_audit t;
BEGIN
    FOR r IN c LOOP
        n := n + 1;
        IF n % 10 = 0 THEN PERFORM set_config('work_mem', CASE n / 10 % 2 WHEN 0 THEN '64kB' ELSE '8MB' END, true); END IF;
        INSERT INTO fetched VALUES (r.token_id, r.line);
    END LOOP;
END $$;
SELECT pg_temp.fetch_all() \g /dev/null
SELECT is_empty('(SELECT * FROM audited EXCEPT ALL SELECT * FROM fetched) UNION ALL (SELECT * FROM fetched EXCEPT ALL SELECT * FROM audited)', 'work_mem is changed while they are read');

-- all that is held, at the most, while a query goes over all tokens; the sort of them, too
SELECT current_setting('server_version_num')::int >= 180000 AS has_path \gset
\if :has_path
CREATE VIEW pg_temp.contexts AS
    WITH m AS MATERIALIZED (SELECT * FROM pg_backend_memory_contexts)
    SELECT m.name, p.name AS parent, m.total_bytes FROM m LEFT JOIN m p ON p.path = m.path[1:m.level - 1];
\else
CREATE VIEW pg_temp.contexts AS SELECT name, parent, total_bytes FROM pg_backend_memory_contexts;
\endif
CREATE FUNCTION pg_temp.held() RETURNS bigint LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN RETURN (SELECT sum(m.total_bytes) FROM pg_temp.contexts m WHERE m.name ~ '^jhub_authz' OR m.name ~ '^TupleSort' AND m.parent !~ '^ExecutorState'); END $$;
CREATE FUNCTION pg_temp.most(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
    EXECUTE format('SELECT max(CASE WHEN x.n IS NOT NULL THEN pg_temp.held() END) FROM (%s) x', what) INTO n;
    RETURN n;
END $$;
CREATE TEMP TABLE held (what text, bytes bigint);
SET LOCAL hash_mem_multiplier = 1;
INSERT INTO public.users (id, name, admin, cookie_id) SELECT 100000 + 3 * i, 'm' || i, false, 'm' || i FROM generate_series(1, :more_users) i;
INSERT INTO public.user_role_map SELECT 100000 + 3 * i, 1, false FROM generate_series(1, :more_users) i;
INSERT INTO public.user_group_map SELECT 100000 + 3 * i, 1001 + i * 7 % 60 FROM generate_series(1, :more_users) i;
INSERT INTO public.oauth_clients (identifier, allowed_scopes) SELECT 'm' || i, '["inherit"]' FROM generate_series(1, :more_users) i;
INSERT INTO public.spawners (id, user_id, name, oauth_client_id) SELECT 100000 + i, 100000 + 3 * i, '', 'm' || i FROM generate_series(1, :more_users) i;
INSERT INTO public.api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
SELECT 100000 + i, 100000 + 3 * (1 + i * 7919 % :more_users), CASE WHEN i % 3 = 0 THEN 'm' || 1 + i * 7919 % :more_users WHEN i % 3 = 1 THEN 'm' || 1 + i * 31 % :more_users ELSE 'jupyterhub' END, '2024-05-01', 'zzzz', 'y' || i,
       CASE i % 3 WHEN 1 THEN '["read:users:name!user", "servers!server=m' || i % :more_users || '/"]' ELSE '["inherit"]' END FROM generate_series(1, :more_tokens) i;
ANALYZE public.users, public.api_tokens, public.user_group_map, public.user_role_map, public.oauth_clients, public.spawners;
SET LOCAL work_mem = '1MB';
INSERT INTO held VALUES ('audit', pg_temp.most($$ SELECT t.token_id AS n FROM jhub_authz.token_audit t WHERE t.token_id % 97 = 0 $$));
\if :{?few}
SELECT skip('there are few', 2);
\else
INSERT INTO held VALUES ('audit, all', pg_temp.most($$ SELECT CASE WHEN t.token_id % 97 = 0 THEN t.token_id END AS n FROM jhub_authz.token_audit t $$)),
    ('scopes', pg_temp.most($$ SELECT CASE WHEN s.subject::int % 97 = 0 THEN s.subject END AS n FROM jhub_authz.effective_scopes s WHERE s.subject_kind = 'token' AND s.base = 'read:users:name' $$));
\endif
SET LOCAL work_mem = '4MB';
INSERT INTO held VALUES ('audit, four times the memory', pg_temp.most($$ SELECT t.token_id AS n FROM jhub_authz.token_audit t WHERE t.token_id % 97 = 0 $$));
SELECT cmp_ok(bytes, '<=', 1024 * 1024::bigint, what || ': fits into work_mem') || E'\n# bytes: ' || bytes FROM held WHERE what !~ 'four';
SELECT cmp_ok(bytes, '<=', 4 * 1024 * 1024::bigint, what || ': fits, too') || E'\n# bytes: ' || bytes FROM held WHERE what ~ 'four';
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT cmp_ok(bytes, '>', (SELECT bytes FROM held WHERE what = 'audit'), 'with more of it the parts are larger') FROM held WHERE what ~ 'four';
\endif

SELECT * FROM finish();
ROLLBACK;
