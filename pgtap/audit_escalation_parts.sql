-- Who is as good as admin, and what can be reached, on random hubs: in little memory, in
-- which everybody is read in parts and what they hold goes to files, the rows are those
-- of one pass in much memory, and of the questions about one subject.
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
\if :{?seed}
\else
SELECT floor(random() * 1000000)::int AS seed \gset
\endif
SELECT setseed(:seed / 1000000.0) \g /dev/null
SELECT diag('audit_escalation_parts, seed: ' || :seed);
\if :{?few}
\set users 40
\set subjects 3
\set named 20
\else
\set users 1500
\set subjects 60
\set named 400
\endif
SELECT plan(20);

CREATE FUNCTION pg_temp.pick(VARIADIC what text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT what[1 + floor(random() * cardinality(what))::int] $$;
CREATE FUNCTION pg_temp.some_user() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT 'u' || 1 + floor(random() * 320)::int $$;
CREATE FUNCTION pg_temp.some_group() RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT 'g' || 1 + floor(random() * 44)::int $$;
CREATE FUNCTION pg_temp.some_scope() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.pick('read:hub', 'list:users', 'self', 'read:users:name', 'shares!user', 'access:servers!user', 'read:metrics', 'custom:undefined',
                        'servers!user=' || pg_temp.some_user(), 'access:servers!server=' || pg_temp.some_user() || '/', 'read:users!group=' || pg_temp.some_group(),
                        'access:servers!group=' || pg_temp.some_group(), 'list:groups!group=' || pg_temp.some_group(), 'admin:groups!group=' || pg_temp.some_group()) $$;
CREATE FUNCTION pg_temp.some_writing() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.pick('tokens', 'tokens!group=' || pg_temp.some_group(), 'tokens!user=' || pg_temp.some_user(), 'tokens!service=' || pg_temp.some_user(),
                        'groups!group=' || pg_temp.some_group(), 'groups', 'admin:groups', 'admin:users', 'admin:users!user=' || pg_temp.some_user()) $$;

-- roles of random scopes, one in six of which lets one write something; ids have gaps
INSERT INTO public.groups (id, name) SELECT 1000 + 2 * i, 'g' || i FROM generate_series(1, 40) i;
INSERT INTO public.users (id, name, admin, cookie_id) SELECT 1000 + 3 * i, 'u' || i, random() < 0.01, 'u' || i FROM generate_series(1, :users) i;
INSERT INTO public.services (id, name, admin) SELECT 1000 + i, 'service' || i, false FROM generate_series(1, 20) i;
INSERT INTO public.roles (id, name, scopes, managed_by_auth)
SELECT 1000 + i, 'role' || i, to_json(ARRAY(SELECT CASE WHEN i % 6 = 0 THEN pg_temp.some_writing() ELSE pg_temp.some_scope() END FROM generate_series(1, 1 + i % 3)))::text, false
  FROM generate_series(1, 60) i;
INSERT INTO public.user_role_map SELECT u.id, 1, false FROM public.users u WHERE u.id >= 1000;
INSERT INTO public.user_role_map SELECT DISTINCT u.id, 1001 + (random() * 59)::int, false FROM public.users u WHERE u.id >= 1000 AND random() < 0.4;
INSERT INTO public.group_role_map SELECT DISTINCT 1000 + 2 * i, 1001 + (random() * 59)::int, false FROM generate_series(1, 40) i WHERE random() < 0.7;
INSERT INTO public.service_role_map SELECT DISTINCT 1000 + i, 1001 + (random() * 59)::int, false FROM generate_series(1, 20) i, generate_series(1, 2);
-- ... and one of each way to make tokens
INSERT INTO public.services (id, name, admin) VALUES (1101, 'of all', false), (1102, 'of a group', false), (1103, 'of one', false);
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (1101, 'of all', '["tokens"]', false), (1102, 'of a group', '["tokens!group=g3"]', false), (1103, 'of one', '["tokens!user=u7"]', false);
INSERT INTO public.service_role_map SELECT i, i, false FROM generate_series(1101, 1103) i;
INSERT INTO public.user_group_map SELECT DISTINCT u.id, 1002 + 2 * (random() * 39)::int FROM public.users u, generate_series(1, 2) WHERE u.id >= 1000;
INSERT INTO public.spawners (id, user_id, name) SELECT u.id, u.id, '' FROM public.users u WHERE u.id >= 1000;
INSERT INTO public.shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 1000 + i, 1000 + 3 * i, 1000 + 3 * i, CASE WHEN i % 3 > 0 THEN 1000 + 3 * (1 + i * 11 % :users) END, CASE WHEN i % 3 = 0 THEN 1002 + 2 * (i % 40) END, '2024-01-01',
       CASE WHEN i % 2 = 0 THEN '["access:servers!server"]' ELSE '["access:servers!server=u' || i || '/", "servers!server=u' || i || '/"]' END FROM generate_series(1, :users / 10) i;
-- more owners who may write something than are read at a time
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (2000, 'joiner', '["groups!group=g1"]', false);
INSERT INTO public.user_role_map SELECT u.id, 2000, false FROM public.users u WHERE u.id >= 1000 AND u.id % 4 > 0;
INSERT INTO public.api_tokens (id, user_id, service_id, client_id, created, prefix, hashed, scopes)
SELECT 1000 + i, CASE WHEN i % 20 > 0 THEN 1000 + 3 * (1 + i * 7919 % :users) END, CASE WHEN i % 20 = 0 THEN 1001 + i / 20 % 20 END, 'jupyterhub', '2024-05-01', 'x', 'h' || i,
       CASE i % 4 WHEN 0 THEN '["inherit"]' ELSE to_json(ARRAY[pg_temp.some_writing(), pg_temp.some_scope()])::text END FROM generate_series(1, :users) i;
ANALYZE public.users, public.groups, public.roles, public.services, public.user_role_map, public.group_role_map, public.user_group_map, public.shares, public.api_tokens;

CREATE FUNCTION pg_temp.rows_in(memory text) RETURNS TABLE (line text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('work_mem', memory, true);
    RETURN QUERY SELECT 'admin ' || x::text FROM jhub_authz.effective_admins x UNION ALL SELECT 'path ' || x::text FROM jhub_authz.escalation_paths x;
END $$;
CREATE TEMP TABLE much AS SELECT * FROM pg_temp.rows_in('64MB');
SELECT cmp_ok((SELECT count(*) FROM much WHERE line ~ '^path'), '>', 100::bigint, 'there is something to tell of');
SELECT set_eq($$ SELECT DISTINCT substring(line FROM '^path .service,"(of [a-z ]*)"') FROM much WHERE line ~ '^path .service,"of ' $$, ARRAY['of all', 'of a group', 'of one'], '... by tokens of anybody, of a group''s members and of one user');
SELECT bag_eq($$ SELECT * FROM pg_temp.rows_in('64kB') $$, $$ SELECT * FROM much $$, 'the least memory that there is: the same rows');
SELECT bag_eq($$ SELECT * FROM pg_temp.rows_in('1MB') $$, $$ SELECT * FROM much $$, '... and some');

-- of one subject, who is asked for alone: of each that there is something to tell of, some
CREATE FUNCTION pg_temp.one_by_one(subjects int, OUT alone text, OUT among_all text) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    CREATE TEMP TABLE told AS SELECT 'admin' AS view, subject_kind, subject, x::text AS line FROM jhub_authz.effective_admins x UNION ALL SELECT 'path', subject_kind, subject, x::text FROM jhub_authz.escalation_paths x;
    FOR s IN SELECT subject_kind, subject FROM told GROUP BY 1, 2 ORDER BY subject_kind <> 'service', random() LIMIT subjects LOOP
        RETURN QUERY SELECT (SELECT string_agg(x.line, E'\n' ORDER BY x.line COLLATE "C") FROM (
                                SELECT e::text AS line FROM jhub_authz.effective_admins e WHERE e.subject_kind = s.subject_kind AND e.subject = s.subject
                                UNION ALL SELECT e::text FROM jhub_authz.escalation_paths e WHERE e.subject_kind = s.subject_kind AND e.subject = s.subject) x),
                            (SELECT string_agg(t.line, E'\n' ORDER BY t.line COLLATE "C") FROM told t WHERE t.subject_kind = s.subject_kind AND t.subject = s.subject);
    END LOOP;
    DROP TABLE told;
END $$;
\if :{?few}
SELECT skip('there are few', 1);
\else
SELECT is_empty('SELECT * FROM pg_temp.one_by_one(' || :subjects || $$) o WHERE o.alone <> o.among_all OR (o.alone IS NULL) <> (o.among_all IS NULL) $$, 'subjects who are asked for alone');
\endif

SELECT jhub_authz.use_hub_release('5.4') \g /dev/null
CREATE TEMP TABLE much_before AS SELECT * FROM pg_temp.rows_in('64MB');
SELECT bag_eq($$ SELECT * FROM pg_temp.rows_in('64kB') $$, $$ SELECT * FROM much_before $$, 'the same of a release before 5.5');
SELECT jhub_authz.use_hub_release(NULL) \g /dev/null

-- Whose token it is said to be: the first by name, byte by byte, of those with these roles
CREATE FUNCTION pg_temp.someone(id integer, name text, VARIADIC groups text[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.users (id, name, admin, cookie_id) VALUES (id, name, false, name);
    INSERT INTO public.user_group_map SELECT $1, g.id FROM public.groups g WHERE g.name = ANY (groups) $$;
CREATE FUNCTION pg_temp.step(kind text, who text, what text) RETURNS text LANGUAGE sql AS $$
    SELECT steps FROM jhub_authz.escalation_paths WHERE subject_kind = kind AND subject = who AND scope = what $$;
INSERT INTO public.groups (id, name) VALUES (3001, 'readers'), (3002, 'openers'), (3003, 'shared');
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES
    (3001, 'metrics', '["read:metrics!user"]', false), (3002, 'auth', '["admin:auth_state", "read:metrics!user"]', false), (3003, 'minter of readers', '["tokens!group=readers", "tokens!group=not there"]', false),
    (3004, 'minter of openers', '["tokens!group=openers"]', false), (3005, 'minter of some', to_json((SELECT array_agg('tokens!user=n' || i) FROM generate_series(1, :named + 50) i))::text, false);
INSERT INTO public.group_role_map VALUES (3001, 3001, false), (3002, 3002, false);
INSERT INTO public.services (id, name, admin) VALUES (3003, 'of readers', false), (3004, 'of openers', false), (3005, 'of some', false);
INSERT INTO public.service_role_map VALUES (3003, 3003, false), (3004, 3004, false), (3005, 3005, false);
SELECT pg_temp.someone(9003, 'étienne', 'readers'), pg_temp.someone(9002, 'zoe', 'readers'), pg_temp.someone(9004, 'Zachary', 'readers'), pg_temp.someone(9001, 'adam', 'readers') \g /dev/null
SELECT is(pg_temp.step('service', 'of readers', 'read:metrics!group=readers'), 'makes a token of user "Zachary", as of anybody in the group', 'the first by name');
-- Of those with the same roles the first by name gains by the second what the others gain by the first
INSERT INTO public.groups (id, name) VALUES (3010, 'twins'), (3011, 'alone');
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (3010, 'minter of twins', '["tokens!group=twins", "read:metrics!user"]', false), (3011, 'minter of nobody else', '["tokens!group=alone", "read:metrics!user"]', false);
INSERT INTO public.group_role_map VALUES (3010, 3010, false), (3011, 3011, false);
SELECT pg_temp.someone(9031, 'tim', 'twins'), pg_temp.someone(9032, 'tom', 'twins'), pg_temp.someone(9033, 'una', 'alone') \g /dev/null
SELECT is(pg_temp.step('user', 'tom', 'read:metrics!group=twins'), 'makes a token of user "tim", as of anybody in the group', 'the others, by the first');
SELECT is(pg_temp.step('user', 'tim', 'read:metrics!group=twins'), 'makes a token of user "tom", as of anybody in the group', '... who gains the same by the second');
SELECT is(pg_temp.step('user', 'una', 'read:metrics!group=alone'), NULL, '... but nothing without a second');
SELECT set_eq($$ SELECT scope, steps FROM jhub_authz.escalation_paths WHERE subject_kind = 'user' AND subject = 'tim' $$,
              $$ SELECT scope, steps FROM jhub_authz.escalation_paths x WHERE subject = 'tim' $$, '... asked for alone or among all');
-- who holds something without a filter comes before
SELECT pg_temp.someone(9011, 'bert', 'openers', 'readers'), pg_temp.someone(9012, 'anna', 'openers'), pg_temp.someone(9013, 'Aaron', 'openers', 'readers') \g /dev/null
SELECT is(pg_temp.step('service', 'of readers', 'admin:auth_state'), 'makes a token of user "Aaron", as of anybody in the group', 'those come first who hold something without a filter');
SELECT is(pg_temp.step('service', 'of readers', 'read:metrics!group=readers'), 'makes a token of user "Aaron", as of anybody in the group', '... and then they stand for the others');
SELECT is(pg_temp.step('service', 'of openers', 'admin:auth_state'), 'makes a token of user "Aaron", as of anybody in the group', 'each group has its own members');
-- ... and a share is nobody else's
INSERT INTO public.shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (9001, 1003, 1003, 9002, '2024-01-01', '["access:servers!server=u1/"]');
SELECT is(pg_temp.step('service', 'of readers', 'access:servers!server=u1/'), 'makes a token of user "zoe", as of anybody in the group', 'who has a share is asked, too');
SELECT is(pg_temp.step('service', 'of openers', 'access:servers!server=u1/'), NULL, '... if in the group');
-- many by name, some of whom are not there
INSERT INTO public.users (id, name, admin, cookie_id) SELECT 10000 + i, 'n' || i, false, 'n' || i FROM generate_series(1, :named) i;
INSERT INTO public.user_role_map SELECT 10000 + i, 3001, false FROM generate_series(1, :named) i;
SELECT is((SELECT count(*) FROM jhub_authz.escalation_paths e WHERE e.subject_kind = 'service' AND e.subject = 'of some' AND e.scope ~ '^read:metrics!user=n[0-9]+$'
             AND e.steps = 'makes a token of user "' || e.filter_value || '"' AND e.begins_with = 'tokens!user=' || e.filter_value), (:named)::bigint, 'one user after the other, by name');
\if :{?few}
SELECT skip('there are few', 1);
\else
CREATE TEMP TABLE much_named AS SELECT * FROM pg_temp.rows_in('64MB');
SELECT bag_eq($$ SELECT * FROM pg_temp.rows_in('64kB') $$, $$ SELECT * FROM much_named $$, '... in little memory, too');
\endif

\if :{?few}
SELECT skip('there are few', 2);
\else
-- what the hub does not share, but could stand there: something without a filter
INSERT INTO public.shares (id, owner_id, spawner_id, group_id, created_at, scopes) VALUES (9002, 1003, 1003, 3003, '2024-01-01', '["shutdown"]');
SELECT pg_temp.someone(9021, 'A', 'readers', 'shared'), pg_temp.someone(9022, 'B', 'readers', 'shared') \g /dev/null
CREATE TEMP TABLE much_shared AS SELECT * FROM pg_temp.rows_in('64MB');
SELECT bag_eq($$ SELECT * FROM pg_temp.rows_in('64kB') $$, $$ SELECT * FROM much_shared $$, 'a share without a filter');
SELECT is(pg_temp.step('service', 'of readers', 'read:metrics!group=readers'), 'makes a token of user "A", as of anybody in the group', '... lets those come first with whose group it is');
\endif

SELECT * FROM finish();
ROLLBACK;
