-- effective_scopes, token_audit and findings under a condition on the subject: its rows in
-- the whole view, no fewer and no more, for every subject and however it is asked for.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = error;
-- something of every code that tokens, grants and leavers have
INSERT INTO public.users (id, name, cookie_id, last_activity, created) VALUES (-7, 'minus', 'c-7', '2024-01-01', '2024-01-01'), (300, E'tab\tand "quote" \\ and ü', 'c300', '2024-01-01', '2024-01-01'), (301, 'ALICE', 'c301', NULL, '2024-01-01'), (302, '100', 'c302', NULL, NULL), (303, NULL, 'c303', NULL, NULL);
INSERT INTO public.user_role_map SELECT id, 1, false FROM public.users WHERE id IN (-7, 300, 301, 303);
INSERT INTO public.groups (id, name) VALUES (-7, 'Physics'), (300, '100');
INSERT INTO public.services (id, name) VALUES (-7, '100'), (300, 'ALICE');
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (100, '100', '["read:users!user=ghost", "servers!server=lab", "read:uers"]', false), (101, 'broken', '["x', false),
    (102, 'groups', '["groups!group=physics", "access:servers!group=physics", "tokens!user=alice", "tokens"]', false);
INSERT INTO public.user_role_map VALUES (300, 102, false), (302, 101, false);
INSERT INTO public.service_role_map VALUES (300, 102, false);
INSERT INTO public.api_tokens (id, user_id, service_id, client_id, created, expires_at, last_activity, hashed, scopes)
SELECT v.id, v.u, v.s, 'jupyterhub', '2024-01-01', v.ends, v.used, 'h' || v.id, v.scopes FROM (VALUES
    (100, NULL, NULL, NULL::timestamp, NULL::timestamp, '["read:users!user=ghost"]'), (101, 300, NULL, NULL, '2024-02-01', '["inherit"]'), (102, -7, NULL, NULL, NULL, '["admin:users", "users"'),
    (-5, -7, NULL, '2999-01-01', NULL, '["admin:users", "read:users!user"]'), (2147483647, 301, NULL, '2024-01-02', NULL, '["inherit"]'), (-2147483648, NULL, 300, NULL, NULL, '["access:servers"]')) v (id, u, s, ends, used, scopes);
SELECT jhub_authz.attach() \g /dev/null
SELECT jhub_authz.set_mode('observe') \g /dev/null
INSERT INTO public.user_role_map SELECT 300, id, false FROM public.roles WHERE name = 'admin';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT plan(18);

CREATE TEMP TABLE scopes_whole AS SELECT * FROM jhub_authz.effective_scopes;
CREATE TEMP TABLE tokens_whole AS SELECT * FROM jhub_authz.token_audit;
CREATE TEMP TABLE findings_whole AS SELECT * FROM jhub_authz.findings;
CREATE TEMP TABLE subjects AS
    SELECT k.kind, s.subject
      FROM (SELECT coalesce(name, '') FROM public.users UNION SELECT name FROM public.groups UNION SELECT name FROM public.services UNION SELECT id::text FROM public.api_tokens
            UNION SELECT subject FROM findings_whole
            UNION VALUES ('nobody'), ('0100'), ('+100'), ('100 '), (' 100'), ('2147483648'), ('99999999999999999999'), ('-0'), ('minu'), ('Alice')) s (subject),
           (SELECT DISTINCT subject_kind FROM findings_whole UNION VALUES ('user'), ('service'), ('group'), ('token'), ('User')) k (kind);
SELECT cmp_ok((SELECT count(*) FROM subjects), '>', 400::bigint, 'asked for');
SELECT set_has('SELECT DISTINCT code FROM findings_whole', $$ SELECT unnest(ARRAY['ownerless_token', 'grown_token', 'dormant_token', 'never_used_token', 'never_expires', 'discarded_scopes', 'inherit_token', 'unreadable_scopes',
    'undefined_scope', 'server_without_slash', 'orphaned_grant', 'leaver', 'name_twins', 'escalation', 'effective_admin', 'admin_drift', 'expired_share', 'open_share', 'open_share_code', 'open_oauth_code']) $$, 'the hub has findings of many kinds');
SELECT is((SELECT count(DISTINCT subject_kind) FROM scopes_whole), 4::bigint, '... and subjects of every kind');
\if :{?few}
DELETE FROM subjects WHERE kind NOT IN ('user', 'token') OR subject NOT IN ('100', '-5', 'alice', '');
DELETE FROM tokens_whole WHERE token_id NOT IN (100, 101, -5);
\endif

-- what is missing and what is too much
CREATE FUNCTION pg_temp.wrong(whole text, of_one text, query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    s record;
    bad text;
BEGIN
    FOR s IN SELECT kind, subject FROM subjects LOOP
        EXECUTE format($q$ SELECT string_agg(d::text, '; ') FROM (
            (SELECT 'missing', w::text FROM %1$s w WHERE %2$s EXCEPT ALL SELECT 'missing', g::text FROM (%3$s) g)
            UNION ALL (SELECT 'added', g::text FROM (%3$s) g EXCEPT ALL SELECT 'added', w::text FROM %1$s w WHERE %2$s)) d $q$,
            whole, format(of_one, s.kind, s.subject), format(query, s.kind, s.subject)) INTO bad;
        IF bad IS NOT NULL THEN
            RETURN NEXT format('%s %s: %s', s.kind, s.subject, bad);
        END IF;
    END LOOP;
END $$;
CREATE FUNCTION pg_temp.wrong(what text, condition text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT pg_temp.wrong(CASE what WHEN 'effective_scopes' THEN 'scopes_whole' ELSE 'findings_whole' END, 'subject_kind = %1$L AND subject = %2$L', 'SELECT * FROM jhub_authz.' || what || ' WHERE ' || condition) $$;
SELECT is_empty($t$ SELECT pg_temp.wrong('effective_scopes', 'subject_kind = %1$L AND subject = %2$L') $t$, 'scopes by kind and subject');
SELECT is_empty($t$ SELECT pg_temp.wrong('effective_scopes', '%2$L = subject AND subject_kind = %1$L') $t$, '... the other way round');
SELECT is_empty($t$ SELECT pg_temp.wrong('effective_scopes', 'subject_kind = %1$L AND subject IN (%2$L, %2$L || ''x'')') $t$, '... among several');
SELECT is_empty($t$ SELECT pg_temp.wrong('effective_scopes', 'subject_kind = %1$L AND subject = (SELECT min(s) FROM (VALUES (%2$L)) v (s))') $t$, '... by a subquery');
SELECT is_empty($t$ SELECT pg_temp.wrong('scopes_whole', 'subject = %2$L AND %1$L = ''user''', 'SELECT * FROM jhub_authz.effective_scopes WHERE subject = %2$L AND %1$L = ''user''') $t$, '... by the subject alone');
SELECT is_empty($t$ SELECT pg_temp.wrong('findings', 'subject_kind = %1$L AND subject = %2$L') $t$, 'findings by kind and subject');
SELECT is_empty($t$ SELECT pg_temp.wrong('findings_whole', 'subject = %2$L AND %1$L = ''user''', 'SELECT * FROM jhub_authz.findings WHERE subject = %2$L AND %1$L = ''user''') $t$, '... by the subject alone');
SELECT is_empty($t$ SELECT pg_temp.wrong('findings_whole', 'subject_kind = %1$L AND subject = %2$L AND code = ''orphaned_grant''', 'SELECT * FROM jhub_authz.findings WHERE subject_kind = %1$L AND subject = %2$L AND code = ''orphaned_grant''') $t$, '... and code');

-- tokens by their id, which is a number there
SELECT set_eq($$ SELECT a::text FROM tokens_whole w JOIN jhub_authz.token_audit a ON a.token_id = w.token_id $$, $$ SELECT w::text FROM tokens_whole w $$, 'tokens by a join');
CREATE FUNCTION pg_temp.wrong_tokens(condition text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    t record;
    got text[];
BEGIN
    FOR t IN SELECT w.token_id AS id, ARRAY[w::text] AS want FROM tokens_whole w UNION ALL VALUES (0, '{}'::text[]), (1000000, '{}') LOOP
        EXECUTE format('SELECT coalesce(array_agg(a::text), ''{}'') FROM jhub_authz.token_audit a WHERE ' || condition, t.id) INTO got;
        IF got <> t.want THEN
            RETURN NEXT format('%s: %s', t.id, got);
        END IF;
    END LOOP;
END $$;
SELECT is_empty($$ SELECT pg_temp.wrong_tokens('token_id = %s') $$, 'tokens by id');
SELECT is_empty($$ SELECT pg_temp.wrong_tokens('%s = token_id') $$, '... the other way round');
SELECT is_empty($$ SELECT pg_temp.wrong_tokens('token_id = %s::bigint') $$, '... by a number of another type');
SELECT is_empty($$ SELECT pg_temp.wrong_tokens('token_id::text = ''%s''') $$, '... as a text');

SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE one_token (int) AS SELECT token_id FROM jhub_authz.token_audit WHERE token_id = $1;
SELECT results_eq($$ EXECUTE one_token (101) $$, ARRAY[101], 'a parameter');
SELECT results_eq($$ EXECUTE one_token (-5) $$, ARRAY[-5], '... and another');

SELECT * FROM finish();
ROLLBACK;
