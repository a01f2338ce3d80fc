-- orphaned_grants under a condition on the subject: the rows of that subject in the
-- whole view, however the condition is written, and no more read than is its own.
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
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');
SELECT plan(25);

-- every defect, of every kind; the same names and numbers for several kinds; names as they should not be
INSERT INTO public.users (id, name, cookie_id) VALUES (-7, 'minus', 'c-7'), (300, E'tab\tand "quote" \\ and ü', 'c300'), (301, 'slash/ed', 'c301'), (302, NULL, 'c302'), (303, '', 'c303');
INSERT INTO public.spawners (id, user_id, name) VALUES (301, 301, 'lab'), (302, 302, 'nameless'), (303, 303, 'lab'), (304, 9, NULL);
INSERT INTO public.roles (id, name, scopes, managed_by_auth)
SELECT 1000 + n, v.name, v.scopes, false FROM (VALUES
    (1, '100', '["read:users!user=ghost", "read:users!user=alice", "servers!server=alice/none", "servers!server=alice/", "servers!server=alice/lab", "servers!server=ghost/", "servers!server=ghost/lab", "read:groups!group=gone", "read:groups!group=physics", "access:services!service=ghost", "access:services!service=culler", "access:servers!server=lab", "read:users!user"]'),
    (2, 'ghost', '["read:uers!group=physics", "custom:ours:read"]'), (3, 'Ghost', '["read:users"'), (4, 'jupyterhub', '[]'),
    (5, '', '["read:users!user=ghost"]'), (6, ' 100', '["read:users!user=ghost"]'), (7, '0100', '["read:users!user=ghost"]'), (8, NULL, '["read:users!user=ghost"]'),
    (9, E'tab\tand "quote" \\ and ü', E'["read:users!user=tab\\tand \\"quote\\" \\\\ and \\u00fc", "read:users!user=tab\\tand \\"quote\\" \\\\ and \\u00fcx"]'),
    (10, repeat('x', 255), '["list:users!group=gone", "list:users!group=gone too"]'), (11, '-5', NULL),
    (12, 'servers of slashes', '["servers!server=slash/ed/lab", "servers!server=slash/ed/", "servers!server=ed/lab", "servers!server=/nameless", "servers!server=/lab", "servers!server=/", "servers!server=slash/"]')) v (n, name, scopes);
INSERT INTO public.user_role_map VALUES (9, 1001, false), (9, 1005, false);
INSERT INTO public.oauth_clients (identifier, allowed_scopes) VALUES ('100', '["read:users!user=ghost"]'), ('ghost', '["read:users!user=ghost", "access:servers!server=bob/"]'), ('', '["x'), ('Ghost', '["access:servers!server=bob"]');
INSERT INTO public.shares (id, owner_id, spawner_id, user_id, created_at, scopes)
SELECT v.id, 9, NULL, 10, '2024-01-01', v.scopes FROM (VALUES (100, '["access:servers!server=ghost/"]'), (101, '["access:servers!server=alice/lab"]'), (102, '["access:servers!server=alice'), (-5, '[]')) v (id, scopes);
INSERT INTO public.share_codes (id, hashed, owner_id, created_at, scopes)
SELECT v.id, 'h' || v.id, 9, '2024-01-01', v.scopes FROM (VALUES (100, '["access:servers!server=ghost/"]'), (101, '["access:servers!server=alice/lab"]'), (102, '["access:servers!server=alice'), (-5, '["acess:servers"]')) v (id, scopes);
INSERT INTO public.api_tokens (id, user_id, client_id, created, expires_at, hashed, scopes)
SELECT v.id, v.of, 'jupyterhub', '2024-01-01', v.ends, 'o' || v.id, v.scopes FROM (VALUES
    (100, NULL, NULL::timestamp, '["read:users!user=ghost"]'), (101, 9, '2024-01-02', '["read:users!user=ghost"]'), (102, 9, NULL, '["read:users!user'), (103, 9, NULL, '["inherit"]'),
    (-5, 9, NULL, '["access:servers!server=lab", "read:uers"]'), (2147483647, 9, NULL, '["read:groups!group=gone", "read:groups!group=physics"]'),
    (-2147483648, 9, NULL, '["access:services!service=ghost", "access:services!service=culler"]')) v (id, of, ends, scopes);
INSERT INTO public.api_tokens (id, user_id, client_id, created, hashed, scopes)
SELECT 5000 + n, 9, 'jupyterhub', '2024-01-01', 'n' || n, '["read:users!user=ghost"]' FROM generate_series(1, 3000) n;
ANALYZE public.api_tokens;

CREATE TEMP TABLE whole AS SELECT * FROM jhub_authz.orphaned_grants;
CREATE TEMP TABLE subjects AS
    SELECT DISTINCT k.kind, s.subject
      FROM (SELECT coalesce(name, '') FROM public.roles UNION SELECT identifier FROM public.oauth_clients UNION SELECT id::text FROM public.shares UNION SELECT id::text FROM public.share_codes
            UNION SELECT id::text FROM public.api_tokens WHERE id < 5003 OR id > 7999
            UNION VALUES ('nobody'), ('5e2'), ('+100'), ('100 '), ('00100'), ('0x64'), ('1_00'), ('2147483648'), ('99999999999999999999'), ('-0'), ('--5')) s (subject),
           (VALUES ('role'), ('client'), ('share'), ('share code'), ('token'), ('user'), ('Role')) k (kind);
SELECT is((SELECT string_agg(DISTINCT defect, ', ' ORDER BY defect) FROM whole), 'does not parse, empty role, names nobody, no owner, no slash, no target, undefined, unheld role', 'the hub has every defect');
SELECT is((SELECT count(*) FROM (SELECT subject_kind FROM whole GROUP BY subject_kind HAVING count(DISTINCT defect) > 2) k), 5::bigint, '... and every kind several');
SELECT cmp_ok((SELECT count(*) FROM subjects), '>', 300::bigint, 'asked for');
\if :{?few}
DELETE FROM subjects WHERE kind NOT IN ('role', 'share', 'token') OR subject NOT IN ('100', '-5', 'ghost', '');
\endif

-- what is missing and what is too much, when each subject is asked for by a condition
CREATE FUNCTION pg_temp.wrong(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    s record;
    bad text;
BEGIN
    FOR s IN SELECT kind, subject FROM subjects LOOP
        EXECUTE format($q$ SELECT string_agg(d::text, '; ') FROM (
            (SELECT 'missing', w::text FROM whole w WHERE subject_kind = %1$L AND subject = %2$L EXCEPT ALL SELECT 'missing', g::text FROM (%3$s) g)
            UNION ALL (SELECT 'added', g::text FROM (%3$s) g EXCEPT ALL SELECT 'added', w::text FROM whole w WHERE subject_kind = %1$L AND subject = %2$L)) d $q$,
            s.kind, s.subject, format(query, s.kind, s.subject)) INTO bad;
        IF bad IS NOT NULL THEN
            RETURN NEXT format('%s %s: %s', s.kind, s.subject, bad);
        END IF;
    END LOOP;
END $$;
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = %1$L AND subject = %2$L') $t$, 'kind and subject');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM jhub_authz.orphaned_grants WHERE %2$L = subject AND %1$L = subject_kind') $t$, '... the other way round');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM (SELECT * FROM jhub_authz.orphaned_grants WHERE subject = %2$L OFFSET 0) o WHERE subject_kind = %1$L') $t$, 'the subject, of whatever kind');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM (SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = %1$L OFFSET 0) o WHERE subject = %2$L') $t$, 'the kind, of whatever name');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = %1$L AND subject IN (%2$L, %2$L || ''x'')') $t$, 'several');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT o.* FROM (VALUES (%1$L, %2$L)) v (k, s) LEFT JOIN jhub_authz.orphaned_grants o ON o.subject_kind = v.k AND o.subject = v.s WHERE o.defect IS NOT NULL') $t$, 'by a join');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = %1$L AND subject = (SELECT min(s) FROM (VALUES (%2$L)) v (s))') $t$, 'by a subquery');
SELECT is_empty($t$ SELECT pg_temp.wrong('SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = %1$L AND subject = %2$L UNION ALL SELECT * FROM jhub_authz.orphaned_grants WHERE false') $t$, 'in a part of a union');
SELECT is_empty($t$ SELECT pg_temp.wrong('WITH one AS MATERIALIZED (SELECT * FROM jhub_authz.orphaned_grants WHERE subject = %2$L) SELECT * FROM one WHERE subject_kind = %1$L') $t$, 'in a WITH');

-- one condition does not become another's
SELECT set_eq($$ SELECT o.* FROM jhub_authz.orphaned_grants o, jhub_authz.orphaned_grants p WHERE o.subject_kind = 'token' AND o.subject = '100' AND o.defect = 'no owner' AND p.subject_kind = 'role' AND p.subject = 'ghost' $$,
    $$ SELECT w.* FROM whole w WHERE subject_kind = 'token' AND subject = '100' AND defect = 'no owner' $$, 'two scans of one query, each with its own');
SELECT is((SELECT count(*) FROM jhub_authz.orphaned_grants WHERE subject = '100' OR subject = 'ghost'), (SELECT count(*) FROM whole WHERE subject = '100' OR subject = 'ghost'), 'either of two');
SELECT is((SELECT count(*) FROM jhub_authz.orphaned_grants WHERE subject = '100' AND subject = 'ghost'), 0::bigint, 'nobody is called both');
SELECT is((SELECT count(*) FROM jhub_authz.orphaned_grants WHERE subject <> '100'), (SELECT count(*) FROM whole WHERE subject <> '100'), 'all but one');
SELECT is((SELECT count(*) FROM jhub_authz.orphaned_grants WHERE NOT subject = '100'), (SELECT count(*) FROM whole WHERE NOT subject = '100'), '... in other words');
SELECT is((SELECT array_agg(n) FROM jhub_authz._orphaned_grants() WITH ORDINALITY AS o (kind, subject, a, b, c, d, e, n) WHERE kind = 'token' AND subject = '8000'),
    (SELECT array_agg(n) FROM (SELECT w.*, row_number() OVER () AS n FROM whole w) w WHERE subject_kind = 'token' AND subject = '8000'), 'rows that are numbered keep their numbers');
SELECT is((SELECT array_agg(n) FROM ROWS FROM (jhub_authz._orphaned_grants(), generate_series(1, 10000)) AS o (kind, subject, a, b, c, d, e, n) WHERE kind = 'token' AND subject = '8000'),
    (SELECT array_agg(n::int) FROM (SELECT w.*, row_number() OVER () AS n FROM whole w) w WHERE subject_kind = 'token' AND subject = '8000'), '... and those beside another function their place');

-- by a collation that takes different names for one, where the server has such
CREATE FUNCTION pg_temp.ghosts() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') THEN
        CREATE COLLATION pg_temp.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        RETURN QUERY EXECUTE 'SELECT subject_kind || subject || defect FROM jhub_authz.orphaned_grants WHERE subject = ''GHOST'' COLLATE pg_temp.nocase';
    ELSE
        RETURN QUERY SELECT subject_kind || subject || defect FROM whole WHERE subject IN ('ghost', 'Ghost');
    END IF;
END $$;
SELECT bag_eq($$ SELECT pg_temp.ghosts() $$, $$ SELECT subject_kind || subject || defect FROM whole WHERE subject IN ('ghost', 'Ghost') $$, 'without regard to case');

-- a value from outside, in a plan that is made once
SET LOCAL plan_cache_mode = force_generic_plan;
PREPARE by_parameter (text, text) AS SELECT format('%s %s %s', defect, scope, subject) FROM jhub_authz.orphaned_grants WHERE subject_kind = $1 AND subject = $2;
SELECT set_eq($$ EXECUTE by_parameter ('token', '100') $$, ARRAY['names nobody read:users!user=ghost 100', 'no owner  100'], 'a parameter');
SELECT set_eq($$ EXECUTE by_parameter ('role', 'ghost') $$, ARRAY['undefined read:uers!group=physics ghost', 'undefined custom:ours:read ghost', 'unheld role  ghost'], '... and another');
SELECT is_empty($$ EXECUTE by_parameter ('token', NULL) $$, '... and none');

-- rows that are read
CREATE FUNCTION pg_temp.tokens_read(what text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    before bigint := (SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables WHERE relid = 'public.api_tokens'::regclass);
BEGIN
    EXECUTE 'SELECT count(*) FROM (' || what || ') x';
    RETURN (SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables WHERE relid = 'public.api_tokens'::regclass) - before;
END $$;
SELECT is(pg_temp.tokens_read($$ SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = 'token' AND subject = '6000' $$), 1::bigint, 'one token: no other is read');
SELECT is(pg_temp.tokens_read($$ SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = 'role' $$), 0::bigint, 'roles: no token is');

SELECT * FROM finish();
ROLLBACK;
