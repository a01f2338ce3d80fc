-- How far a role reaches, the pictures and the grants are worked out without a model of
-- everybody: they are what plain SQL over the hub's tables says, and the same however
-- little memory there is.
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
\if :{?seed}
\else
SELECT floor(random() * 100000)::int AS seed \gset
\endif
\ir ../testbed/random_hub.sql
SELECT diag('role_reach_in_parts, seed: ' || :seed);
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'off');
SELECT plan(25);

\if :{?few}
\set users 80
\else
\set users 3000
\endif
-- users in 100 groups, with gaps between their ids, whose names and tokens are in
-- another order than these; one has a negative id
INSERT INTO public.users (id, name, admin, cookie_id) SELECT CASE i WHEN 1 THEN -5 ELSE 5000 + 3 * i END, 'u' || i * 7919 % 3001, i % 500 = 0, 'u' || i FROM generate_series(1, :users) i;
INSERT INTO public.users (id, name, admin, cookie_id) VALUES (4000, 'anybody', false, 'anybody'), (4001, 'rs1', false, 'as a service'),
    (4002, E'tab\tx', false, 'not in a filter'), (4003, '', false, 'nor is this'), (4004, 'plain', false, 'plain');
INSERT INTO public.groups (id, name) SELECT 5000 + i, 'g' || i FROM generate_series(1, 100) i;
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES
    (5001, 'crowd', '["self"]', false),
    (5002, 'few', '["list:users!group=g7", "servers!user", "read:groups!group=g9", "access:servers!server=u17/", "read:users:name!user=u5", "access:servers!group=g3"]', false),
    (5003, 'by group', '["read:users!user", "read:groups!group=g1", "admin:servers!group=g2"]', false),
    (5004, 'nobody has it', '["read:users", "servers"]', false),
    (5005, 'own', '["custom:thing:read", "custom:thing:read!user", "access:services!service", "read:users!user=anybody"]', false),
    (5006, 'of a service', '["access:services!service", "custom:thing:read!user", "servers!service", "delete:servers!user=u3"]', false),
    (5007, 'odd names', '["self", "read:servers!user"]', false);
INSERT INTO public.user_role_map SELECT id, 5001, false FROM public.users WHERE id >= 5000 OR id < 0 UNION ALL SELECT 5000 + 3 * i, 5002, false FROM generate_series(40, :users, 71) i
    UNION ALL SELECT 5000 + 3 * i, 5005, false FROM generate_series(2, :users, 3) i UNION ALL VALUES (-5, 5002, false), (4000, 5005, false), (4002, 5007, false), (4003, 5007, false), (4004, 5007, false);
INSERT INTO public.user_group_map SELECT id, 5001 + (k * 31 + id) % 100 FROM public.users, generate_series(1, 2) k WHERE id >= 5000;
INSERT INTO public.groups (id, name) VALUES (4000, 'pair');
INSERT INTO public.user_group_map VALUES (5060, 4000), (5063, 4000);
INSERT INTO public.group_role_map SELECT 5000 + i, 5003, false FROM generate_series(1, 100, 3) i;
INSERT INTO public.service_role_map SELECT id, 5006, false FROM public.services WHERE name ~ '^rs[12]$';
INSERT INTO public.spawners (id, user_id, name) SELECT 5000 + i, 5000 + 3 * (2 + i * 31 % (:users - 1)), CASE WHEN i % 4 = 0 THEN 'lab' ELSE '' END FROM generate_series(1, :users * 2 / 3) i
    UNION ALL VALUES (4000, 4000, ''), (4001, -5, ''), (4002, 4002, ''), (4003, 4003, ''), (4004, 4004, '');
INSERT INTO public.api_tokens (id, user_id, client_id, created, expires_at, prefix, hashed, scopes)
SELECT 5000 + i, 5000 + 3 * (2 + i * 7919 % (:users - 1)), CASE WHEN i % 3 = 0 THEN 'rc' || i % 30 ELSE 'jupyterhub' END, timestamp '2024-05-01', CASE WHEN i % 11 = 0 THEN timestamp '2024-06-01' END, 'zzzz', 'x' || i,
       CASE i % 3 WHEN 1 THEN '["read:users:name!user", "servers!server=u' || i % 3001 || '/"]' ELSE '["inherit"]' END FROM generate_series(1, :users * 4 / 3) i
UNION ALL SELECT 4000, -5, 'jupyterhub', timestamp '2024-05-01', NULL, 'zzzz', 'first', '["inherit"]';
ANALYZE;

-- what little memory says; and what much does
CREATE TEMP TABLE little (what text, answer text);
CREATE TEMP TABLE much (what text, answer text);
CREATE FUNCTION pg_temp.ask(answers regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format($f$ INSERT INTO %s
        SELECT 'role ' || r.name, format('%%s %%s %%s %%s %%s', x.relation, x.object_kind, x.number, x.of_all, x.names) FROM public.roles r, LATERAL jhub_authz.role_reach(r.name) x
        UNION ALL SELECT concat_ws(' ', 'picture', k.kind, k.name), jhub_authz.graph_dot(k.kind, k.name) FROM (
            VALUES ('hub', NULL), ('server', 'u17/'), ('server', 'r3/lab'), ('scope', 'read:users'), ('scope', 'list:users!group=g7'), ('scope', 'access:servers!server=r5/'), ('scope', 'access:services!service=rs1')
            UNION ALL SELECT 'role', name FROM public.roles UNION ALL SELECT 'group', name FROM public.groups WHERE id %% 9 = 0 OR id < 2000) AS k (kind, name)
        UNION ALL SELECT 'grant', format('%%s', a) FROM jhub_authz.actual_grants() a
        UNION ALL SELECT 'diff', format('%%s', d) FROM jhub_authz.grant_diffs() WITH ORDINALITY d $f$, answers);
END $$;
INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted, scopes)
SELECT subject_kind, subject, grant_kind, granted, scopes FROM jhub_authz.actual_grants() WHERE NOT (subject_kind = 'user' AND subject ~ '7$')
UNION ALL SELECT 'user', 'none' || i, 'role', 'few', NULL FROM generate_series(1, 300) i UNION ALL SELECT 'role', NULL, 'scopes', NULL, NULL
UNION ALL SELECT 'user', name, 'group', 'g9', NULL FROM public.users WHERE id % 10 = 0 EXCEPT SELECT subject_kind, subject, grant_kind, granted, scopes FROM jhub_authz.actual_grants();
UPDATE public.roles SET scopes = '["self", "read:hub"]' WHERE name = 'rr5';
SET LOCAL work_mem = '64kB';
SELECT pg_temp.ask('pg_temp.little') \g /dev/null
SET LOCAL work_mem = '64MB';
SELECT pg_temp.ask('pg_temp.much') \g /dev/null
RESET work_mem;
SELECT is_empty($$ TABLE pg_temp.little EXCEPT ALL TABLE pg_temp.much $$, 'with 64 kB it is what it is with 64 MB');
SELECT is_empty($$ TABLE pg_temp.much EXCEPT ALL TABLE pg_temp.little $$, '... and nothing is missing');
SELECT cmp_ok(count(*), '>', 50::bigint, '... of ' || what) FROM (SELECT split_part(what, ' ', 1) FROM pg_temp.much) m (what) GROUP BY what ORDER BY what;

-- the grants are the hub's rows
SELECT set_eq($$ SELECT subject_kind, subject, grant_kind, granted FROM jhub_authz.actual_grants() $$, $$
    SELECT 'user' AS a, u.name::text AS b, 'role' AS c, r.name::text AS d FROM user_role_map m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id
    UNION ALL SELECT 'group', g.name, 'role', r.name FROM group_role_map m JOIN groups g ON g.id = m.group_id JOIN roles r ON r.id = m.role_id
    UNION ALL SELECT 'service', s.name, 'role', r.name FROM service_role_map m JOIN services s ON s.id = m.service_id JOIN roles r ON r.id = m.role_id
    UNION ALL SELECT 'user', u.name, 'group', g.name FROM user_group_map m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id
    UNION ALL SELECT 'user', name, 'admin', NULL FROM users WHERE admin UNION ALL SELECT 'service', name, 'admin', NULL FROM services WHERE admin
    UNION ALL SELECT 'role', name, 'scopes', NULL FROM roles $$, 'actual_grants');

-- how far roles reach, by plain SQL: rows "relation kind number of_all names"
CREATE FUNCTION pg_temp.told(relation text, kind text, what text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE told text;
BEGIN
    EXECUTE format($f$ SELECT format('%%s/%%s %%s', count(*), (SELECT count(*) FROM %s), coalesce((array_agg(name ORDER BY name COLLATE "C"))[1:20], '{}')) FROM (%s) n (name) $f$,
        CASE kind WHEN 'server' THEN 'public.spawners' ELSE 'public.' || kind || 's' END, what) INTO told;
    RETURN told;
END $$;
CREATE FUNCTION pg_temp.reach(role_name text, relation text, kind text) RETURNS text LANGUAGE sql AS
    $$ SELECT x.number || '/' || x.of_all || ' ' || x.names::text FROM jhub_authz.role_reach(role_name) x WHERE x.relation = reach.relation AND x.object_kind = kind $$;
CREATE TEMP VIEW holders AS SELECT r.name::text AS role, m.user_id, false AS by_group FROM user_role_map m JOIN roles r ON r.id = m.role_id
    UNION SELECT r.name, u.user_id, true FROM user_group_map u JOIN group_role_map m ON m.group_id = u.group_id JOIN roles r ON r.id = m.role_id;
CREATE TEMP VIEW members AS SELECT g.name AS "group", m.user_id FROM user_group_map m JOIN groups g ON g.id = m.group_id;
CREATE TEMP VIEW names AS SELECT u.id, u.name::text AS name, s.name AS server FROM users u LEFT JOIN spawners s ON s.user_id = u.id;
SELECT is(pg_temp.reach(role_name, relation, kind), pg_temp.told(relation, kind, what), format('%s: %s, %s', role_name, relation, kind)) FROM (VALUES
    ('crowd', 'has it', 'user', $$ SELECT name FROM users WHERE id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'crowd') $$),
    ('crowd', 'reaches', 'user', $$ SELECT name FROM users WHERE id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'crowd') $$),
    ('crowd', 'reaches', 'server', $$ SELECT name || '/' || server FROM pg_temp.names WHERE server IS NOT NULL AND id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'crowd') $$),
    ('few', 'has it', 'user', $$ SELECT name FROM users WHERE id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'few') $$),
    ('few', 'reaches', 'user', $$ SELECT name FROM users WHERE name = 'u5' OR id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'few' UNION SELECT user_id FROM pg_temp.members WHERE "group" IN ('g7', 'g3')) $$),
    ('few', 'reaches', 'server', $$ SELECT name || '/' || server FROM pg_temp.names WHERE server IS NOT NULL
        AND (name || '/' || server = 'u17/' OR id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'few' UNION SELECT user_id FROM pg_temp.members WHERE "group" = 'g3')) $$),
    ('few', 'reaches', 'group', $$ SELECT 'g9' $$),
    ('by group', 'has it by a group', 'user', $$ SELECT name FROM users WHERE id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'by group' AND by_group) $$),
    ('by group', 'has it', 'group', $$ SELECT name FROM groups WHERE id >= 5000 AND (id - 5001) % 3 = 0 $$),
    ('by group', 'reaches', 'user', $$ SELECT name FROM users WHERE id IN (SELECT user_id FROM pg_temp.holders WHERE role = 'by group' UNION SELECT user_id FROM pg_temp.members WHERE "group" = 'g2') $$),
    ('nobody has it', 'reaches', 'user', $$ SELECT name FROM users $$),
    ('own', 'reaches', 'user', $$ SELECT 'anybody' $$),
    -- a name that can be in no filter: such a user holds nothing of its own
    ('odd names', 'has it', 'user', $$ VALUES (''), (E'tab\tx'), ('plain') $$),
    ('odd names', 'reaches', 'user', $$ SELECT 'plain' $$),
    ('odd names', 'reaches', 'server', $$ SELECT 'plain/' $$),
    ('of a service', 'reaches', 'service', $$ SELECT name FROM services WHERE name ~ '^rs[12]$' $$)) AS v (role_name, relation, kind, what);
-- who is in a group of few is shown by name, whatever roles they have
SELECT is((SELECT array_agg(m[1] ORDER BY m[1]) FROM regexp_matches(jhub_authz.graph_dot('group', 'pair'), 'label="user\\n(u[0-9]+)"', 'g') m),
    (SELECT array_agg(name::text ORDER BY name) FROM public.users WHERE id IN (5060, 5063)), 'two members of a group');
-- tokens: those that hold what the role gives their owner, in whatever parts they come
SELECT is(pg_temp.reach('crowd', 'uses it', 'token'), (SELECT count(*) || '/' || (SELECT count(*) FROM public.api_tokens WHERE expires_at IS NULL OR expires_at > now()) || ' ' || ((array_agg(t.id ORDER BY t.id))[1:20])::text
      FROM public.api_tokens t JOIN public.users u ON u.id = t.user_id JOIN jhub_authz.all_token_scopes() a ON a.token_id = t.id JOIN pg_temp.holders h ON h.user_id = u.id AND h.role = 'crowd'
     WHERE (t.expires_at IS NULL OR t.expires_at > now()) AND EXISTS (SELECT FROM jhub_authz._shown_scopes(a.effective) s WHERE s.filter_kind IN ('user', 'server') AND split_part(s.filter_value, '/', 1) = u.name)),
    'crowd: uses it, token');

SELECT * FROM finish();
ROLLBACK;
