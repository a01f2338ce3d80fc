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
INSERT INTO public.users (id, name, cookie_id, last_activity, created) VALUES (-7, 'minus', 'c-7', '2024-01-01', '2024-01-01'), (300, E'tab\tand "quote" \\ and ü', 'c300', '2024-01-01', '2024-01-01'), (301, 'ALICE', 'c301', NULL, '2024-01-01'), (302, '100', 'c302', NULL, NULL), (303, NULL, 'c303', NULL, NULL),
    (304, '', 'c304', NULL, '2024-01-01'), (305, 'a/b', 'c305', '2024-01-01', '2024-01-01'), (306, 'aLICE', 'c306', NULL, NULL), (307, NULL, 'c307', NULL, NULL), (308, E'c\td/"q" \\ é', 'c308', '2024-01-01', '2024-01-01');
UPDATE public.users SET admin = true WHERE id IN (305, 307);
INSERT INTO public.user_role_map SELECT id, 1, false FROM public.users WHERE id IN (-7, 300, 301, 303);
INSERT INTO public.groups (id, name) VALUES (-7, 'Physics'), (300, '100');
INSERT INTO public.services (id, name, admin) VALUES (-7, '100', true), (300, 'ALICE', false), (304, '', true), (305, 'a/b', false), (306, 'Alice', false), (307, NULL, true), (308, E'c\td/"q" \\ é', false);
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (100, '100', '["read:users!user=ghost", "servers!server=lab", "read:uers"]', false), (101, 'broken', '["x', false),
    (102, 'groups', '["groups!group=physics", "access:servers!group=physics", "tokens!user=alice", "tokens"]', false);
INSERT INTO public.user_role_map VALUES (300, 102, false), (302, 101, false);
INSERT INTO public.service_role_map VALUES (300, 102, false);
-- each of them by names of every kind
INSERT INTO public.user_role_map SELECT id, 102, false FROM public.users WHERE id IN (301, 303, 304, 305, 308);
INSERT INTO public.service_role_map SELECT id, 102, false FROM public.services WHERE id IN (304, 305, 306, 308);
INSERT INTO public.service_role_map SELECT s.id, r.id, false FROM public.services s, public.roles r WHERE s.id IN (305, 307) AND r.name = 'admin';
INSERT INTO public.user_role_map SELECT 306, id, false FROM public.roles WHERE name = 'admin';
INSERT INTO public.api_tokens (id, user_id, service_id, client_id, created, expires_at, last_activity, hashed, scopes)
SELECT v.id, v.u, v.s, 'jupyterhub', '2024-01-01', v.ends, v.used, 'h' || v.id, v.scopes FROM (VALUES
    (100, NULL, NULL, NULL::timestamp, NULL::timestamp, '["read:users!user=ghost"]'), (101, 300, NULL, NULL, '2024-02-01', '["inherit"]'), (102, -7, NULL, NULL, NULL, '["admin:users", "users"'),
    (-5, -7, NULL, '2999-01-01', NULL, '["admin:users", "read:users!user"]'), (2147483647, 301, NULL, '2024-01-02', NULL, '["inherit"]'), (103, 303, NULL, NULL, NULL, '[]'), (104, 304, NULL, NULL, NULL, '[]'), (105, 305, NULL, NULL, '2024-02-01', '[]'), (106, 302, NULL, NULL, NULL, '[]'), (107, 307, NULL, NULL, NULL, '[]'), (108, 308, NULL, NULL, NULL, '[]'), (-2147483648, NULL, 300, NULL, NULL, '["access:servers"]')) v (id, u, s, ends, used, scopes);
SELECT jhub_authz.attach() \g /dev/null
SELECT jhub_authz.set_mode('observe') \g /dev/null
INSERT INTO public.user_role_map SELECT 300, id, false FROM public.roles WHERE name = 'admin';
SET CONSTRAINTS ALL IMMEDIATE;
SELECT plan(27);

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
SELECT set_has('SELECT code, subject_kind, subject FROM findings_whole', $$ SELECT c.code, k.kind, n.name
    FROM unnest(ARRAY['toxic_combination', 'effective_admin', 'escalation']) c (code), unnest(ARRAY['user', 'service']) k (kind), unnest(ARRAY['ALICE', E'c\td/"q" \\ é']) n (name)
    UNION ALL VALUES ('toxic_combination', 'user', ''), ('toxic_combination', 'service', ''), ('escalation', 'user', 'a/b'), ('escalation', 'service', 'Alice'), ('escalation', 'user', 'alice'),
        ('admin_drift', 'user', 'a/b'), ('admin_drift', 'service', 'a/b'), ('admin_drift', 'user', 'aLICE'), ('admin_drift', 'user', ''), ('leaver', 'user', 'a/b'), ('leaver', 'user', ''), ('leaver', 'user', NULL),
        ('leaver', 'user', E'c\td/"q" \\ é'), ('name_twins', 'user', 'ALICE'), ('name_twins', 'user', NULL), ('name_twins', 'group', 'Physics') $$, '... of users and services, by names of every kind');
SELECT is((SELECT count(DISTINCT subject_kind) FROM scopes_whole), 4::bigint, '... and subjects of every kind');
\if :{?few}
DELETE FROM subjects WHERE (kind, subject) NOT IN (('user', 'alice'), ('token', '-5'));
DELETE FROM tokens_whole WHERE token_id NOT IN (100, -5);
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
-- and the functions behind it, of which each looks for itself
CREATE FUNCTION pg_temp.wrong_calls() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    f text;
    bad text;
BEGIN
    FOREACH f IN ARRAY ARRAY['_toxic_combinations', '_admins', '_escalations', '_leavers', '_user_twins'] LOOP
        EXECUTE format('CREATE TEMP TABLE %I AS SELECT * FROM jhub_authz.%1$I()', f);
        FOR bad IN SELECT DISTINCT subject FROM subjects LOOP
            EXECUTE format('SELECT string_agg(d::text, ''; '') FROM ((SELECT w::text FROM %I w WHERE subject = %L EXCEPT ALL SELECT g::text FROM jhub_authz.%1$I() g WHERE subject = %2$L)
                UNION ALL (SELECT g::text FROM jhub_authz.%1$I() g WHERE subject = %2$L EXCEPT ALL SELECT w::text FROM %1$I w WHERE subject = %2$L)) d', f, bad) INTO bad;
            IF bad IS NOT NULL THEN
                RETURN NEXT f || ': ' || bad;
            END IF;
        END LOOP;
    END LOOP;
END $$;
SELECT is_empty($$ SELECT pg_temp.wrong_calls() $$, '... and of the functions that it reads');

-- by a collation that takes different names for one, where the server has such
CREATE FUNCTION pg_temp.alices() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') THEN
        CREATE COLLATION pg_temp.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        RETURN QUERY EXECUTE 'SELECT f::text FROM jhub_authz.findings f WHERE subject_kind IN (''user'', ''service'') AND subject = ''alice'' COLLATE pg_temp.nocase';
    ELSE
        RETURN QUERY SELECT w::text FROM findings_whole w WHERE subject_kind IN ('user', 'service') AND lower(subject) = 'alice';
    END IF;
END $$;
SELECT bag_eq($$ SELECT pg_temp.alices() $$, $$ SELECT w::text FROM findings_whole w WHERE subject_kind IN ('user', 'service') AND lower(subject) = 'alice' $$, '... without regard to case');

-- rows that are read: what one subject has, not what all have, three times and more
CREATE FUNCTION pg_temp.roles_read(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_all_tables WHERE relid IN ('public.user_role_map'::regclass, 'public.service_role_map'::regclass));
BEGIN
    EXECUTE 'SELECT count(*) FROM (' || what || ') x';
    RETURN (SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_all_tables WHERE relid IN ('public.user_role_map'::regclass, 'public.service_role_map'::regclass)) - before;
END $$;
\if :{?few}
SELECT skip('there are few', 3);
\else
INSERT INTO public.users (id, name, cookie_id) SELECT n, 'many-' || n, 'many-' || n FROM generate_series(1000, 3000) n;
INSERT INTO public.user_role_map SELECT n, 1, false FROM generate_series(1000, 3000) n;
SET CONSTRAINTS ALL IMMEDIATE;
ANALYZE public.users, public.user_role_map, public.services, public.service_role_map;
SELECT cmp_ok(pg_temp.roles_read($$ SELECT * FROM jhub_authz.findings WHERE subject_kind = 'user' $$), '>', 6000::bigint, 'of all users the roles of all are read');
SELECT cmp_ok(pg_temp.roles_read($$ SELECT * FROM jhub_authz.findings WHERE subject_kind = 'user' AND subject = 'many-2000' $$), '<', 100::bigint, 'of one that one''s');
SELECT cmp_ok(pg_temp.roles_read($$ SELECT * FROM jhub_authz.findings WHERE subject_kind = 'service' AND subject = '100' $$), '<', 100::bigint, '... of a service likewise');
\endif

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
PREPARE one_subject (text, text) AS SELECT f::text FROM jhub_authz.findings f WHERE subject_kind = $1 AND subject = $2;
SELECT bag_eq($$ EXECUTE one_subject ('user', 'ALICE') $$, $$ SELECT w::text FROM findings_whole w WHERE subject_kind = 'user' AND subject = 'ALICE' $$, 'findings by parameters');
SELECT bag_eq($$ EXECUTE one_subject ('service', 'a/b') $$, $$ SELECT w::text FROM findings_whole w WHERE subject_kind = 'service' AND subject = 'a/b' $$, '... and others');
SELECT is_empty($$ EXECUTE one_subject ('user', NULL) $$, '... and none');

SELECT * FROM finish();
ROLLBACK;
