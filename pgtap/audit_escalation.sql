-- Who is as good as admin, and what can be reached by writing what one may write.
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
SELECT plan(30);

-- a user with exactly these scopes, in these groups
CREATE FUNCTION pg_temp.someone(id integer, name text, scopes text, groups text[] DEFAULT '{}') RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.users (id, name, admin, cookie_id) VALUES (id, name, false, name);
    INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (id, 'role-' || name, scopes, false);
    INSERT INTO public.user_role_map VALUES (id, id, false);
    INSERT INTO public.user_group_map SELECT $1, g.id FROM public.groups g WHERE g.name = ANY (groups);
$$;
CREATE FUNCTION pg_temp.token(id integer, owner text, scopes text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) SELECT $1, u.id, 'jupyterhub', '2024-05-01', 'x', 'h' || $1, scopes FROM public.users u WHERE u.name = owner $$;
CREATE FUNCTION pg_temp.reached(kind text, name text) RETURNS text LANGUAGE sql AS $$
    SELECT jhub_authz.scopeset_agg(scope)::text FROM jhub_authz.escalation_paths WHERE subject_kind = kind AND subject = name $$;
CREATE FUNCTION pg_temp.steps(kind text, name text, what text) RETURNS text LANGUAGE sql AS $$
    SELECT steps FROM jhub_authz.escalation_paths WHERE subject_kind = kind AND subject = name AND scope = what $$;
INSERT INTO public.groups (id, name) VALUES (101, 'x'), (102, 'staff'), (103, 'chain');
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (101, 'staff', '["read:hub", "read:users!user"]', false), (102, 'chain', '["tokens!user=admin"]', false);
INSERT INTO public.group_role_map VALUES (102, 101, false), (103, 102, false);

SELECT pg_temp.someone(200, 'golden', '["groups!group=x", "access:servers!group=x", "read:users:groups!group=x"]') \g /dev/null
SELECT pg_temp.someone(201, 'halfway', '["groups!group=x", "access:servers!group=staff"]') \g /dev/null
SELECT pg_temp.someone(202, 'joiner', '["groups!group=staff"]') \g /dev/null
SELECT pg_temp.someone(203, 'minter', '["tokens!user=admin"]') \g /dev/null
SELECT pg_temp.someone(204, 'nested', '["groups!group=chain"]') \g /dev/null
SELECT pg_temp.someone(205, 'maker', '["admin:groups!group=ghost", "servers!group=ghost"]') \g /dev/null
SELECT pg_temp.someone(206, 'ghosted', '["servers!group=ghost", "groups!group=ghost"]') \g /dev/null
SELECT pg_temp.someone(207, 'plain', '["self", "admin:users", "shares!user", "admin:services"]') \g /dev/null
SELECT pg_temp.someone(208, 'flagged', '["admin:users"]') \g /dev/null
UPDATE public.users SET admin = true WHERE name = 'flagged';
SELECT pg_temp.someone(209, 'everyone', '["tokens"]') \g /dev/null
SELECT pg_temp.someone(210, 'grouptokens', '["tokens!group=physics"]') \g /dev/null
SELECT pg_temp.someone(211, 'reader', '["access:servers", "read:users"]') \g /dev/null
SELECT pg_temp.token(300, 'golden', '["groups!group=x", "access:servers!group=x"]') \g /dev/null
SELECT pg_temp.token(301, 'joiner', '["groups!group=staff"]') \g /dev/null
SELECT pg_temp.token(302, 'joiner', '["inherit"]') \g /dev/null
SELECT pg_temp.token(303, 'admin', '["tokens!user=admin"]') \g /dev/null
SELECT pg_temp.token(304, 'admin', '["read:hub"]') \g /dev/null
INSERT INTO public.services (id, name, admin) VALUES (101, 'by-user', false), (102, 'by-service', false);
INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES (110, 'svc-by-user', '["tokens!user=admin"]', false), (111, 'svc-by-service', '["tokens!service=admin"]', false);
INSERT INTO public.service_role_map VALUES (101, 110, false), (102, 111, false);

SELECT is(pg_temp.reached('user', 'golden'), '["access:servers", "read:users:groups"]', 'the members of a group, and access to their servers: access to all');
SELECT is(pg_temp.steps('user', 'golden', 'access:servers'), 'puts whom it wants into group "x"', '... by putting whom one wants into it');
SELECT is(pg_temp.reached('user', 'halfway'), NULL, 'another group is another matter');
SELECT is(pg_temp.reached('user', 'joiner'), '["read:hub", "read:users!user=joiner", "read:users:activity!user=joiner", "read:users:groups!user=joiner", "read:users:name!user=joiner"]', 'a group''s roles, for whom they are about');
SELECT is(pg_temp.steps('user', 'joiner', 'read:hub'), 'puts user "joiner" into group "staff"', '... by joining it');
SELECT ok(pg_temp.reached('user', 'minter')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) '["admin:users", "admin:groups", "access:servers", "shutdown"]', 'tokens of an admin give what an admin has');
SELECT is(pg_temp.steps('user', 'nested', 'shutdown'), 'puts user "nested" into group "chain"; makes a token of user "admin"', 'one step after the other');
SELECT is((SELECT step_count || ' ' || begins_with FROM jhub_authz.escalation_paths WHERE subject = 'nested' AND scope = 'shutdown'), '2 groups!group=chain', '... counted, and by what it begins');
SELECT is(pg_temp.reached('user', 'maker'), '["delete:servers", "read:servers", "read:users:name", "servers"]', 'a group that is not there is made');
SELECT is(pg_temp.reached('user', 'ghosted'), NULL, '... not by who may only fill it');
SELECT is(pg_temp.reached('user', 'plain'), NULL, 'admin:users, shares and admin:services give their writer nothing');
SELECT is(pg_temp.steps('user', 'flagged', 'shutdown'), 'sets the flag admin, and with it the role', 'admin:users of one with the flag');
SELECT ok(pg_temp.reached('user', 'everyone')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) '["admin:users", "servers", "access:servers"]', 'tokens of everybody');
SELECT ok(pg_temp.reached('user', 'grouptokens')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) '["servers!group=physics", "shares!group=physics", "admin:groups!group=lab one"]'
          AND NOT pg_temp.reached('user', 'grouptokens')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) 'servers', 'tokens of a group: what each has of its own, for the group');
SELECT is(pg_temp.reached('token', '300'), '["access:servers"]', 'a token reaches it, too');
SELECT is(pg_temp.reached('token', '301'), NULL, 'a token gains nothing from a group that its owner joins');
SELECT is(pg_temp.reached('token', '302'), pg_temp.reached('user', 'joiner'), '... unless it inherits');
SELECT ok(pg_temp.reached('token', '303')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) 'shutdown', 'a token that makes tokens of its owner is no narrow one');
SELECT is(pg_temp.reached('token', '304'), NULL, 'one that does not is');
SELECT ok(pg_temp.reached('service', 'by-user')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) 'shutdown' AND pg_temp.reached('service', 'by-service')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) 'shutdown', 'a service''s filter by user or by service, as releases from 5.5 on differ');
SELECT jhub_authz.use_hub_release('5.4') \g /dev/null
SELECT ok(pg_temp.reached('service', 'by-user') IS NULL AND pg_temp.reached('service', 'by-service')::jhub_authz.scopeset OPERATOR(jhub_authz.@>) 'shutdown', '... before, it needs the filter service, as in the hub');
SELECT jhub_authz.use_hub_release(NULL) \g /dev/null
\if :{?few}
\set looked_at 10
\else
\set looked_at ALL
\endif
SELECT is_empty(format($$ SELECT e.* FROM (SELECT * FROM jhub_authz.escalation_paths ORDER BY random() LIMIT %s) e WHERE jhub_authz.subject_has_scope(e.subject_kind, e.subject, e.scope) $$, :'looked_at'), 'nothing is told that is held');

SELECT results_eq($$ SELECT subject || ' ' || how COLLATE "C" FROM jhub_authz.effective_admins WHERE subject_kind = 'user' ORDER BY 1 $$,
    ARRAY['admin flag', 'admin role', 'admin scopes', 'admin servers', 'admin tokens', 'everyone reaches', 'everyone tokens', 'flagged flag', 'flagged reaches',
          'golden reaches servers', 'minter reaches', 'nested reaches', 'reader servers'] COLLATE "C", 'who is as good as admin');
SELECT results_eq($$ SELECT subject || ' ' || how COLLATE "C" FROM jhub_authz.effective_admins WHERE subject_kind <> 'user' ORDER BY 1 $$,
    ARRAY['300 reaches servers', '303 reaches', 'boss flag', 'boss role', 'boss scopes', 'boss servers', 'boss tokens', 'by-service reaches', 'by-user reaches'] COLLATE "C", '... tokens and services, too');
SELECT is((SELECT path FROM jhub_authz.effective_admins WHERE subject = 'nested'), 'puts user "nested" into group "chain"; makes a token of user "admin"', '... and by what path');

-- A query for one subject looks at that one: the same rows as among all, and none for who has none
\if :{?few}
\set asked '{admin,climber,nested,boss,300,303,nobody,a300,999999,x,by-user,by-service}'
\else
\set asked '{}'
\endif
SELECT set_config('audit_escalation.asked', :'asked', true) \g /dev/null
CREATE FUNCTION pg_temp.of_asked(name text) RETURNS boolean LANGUAGE sql AS $$ SELECT current_setting('audit_escalation.asked') = '{}' OR $1 = ANY (current_setting('audit_escalation.asked')::text[]) $$;
CREATE FUNCTION pg_temp.one_by_one(view text) RETURNS TABLE (line text) LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    FOR s IN SELECT a.* FROM (SELECT 'user' AS kind, name FROM public.users UNION ALL SELECT 'service', name FROM public.services UNION ALL SELECT 'token', id::text FROM public.api_tokens
             UNION ALL SELECT 'group', name FROM public.groups UNION ALL VALUES ('user', 'nobody'), ('token', 'a300'), ('token', '999999'), ('token', 'x'), ('none', 'admin')) a WHERE pg_temp.of_asked(a.name) LOOP
        RETURN QUERY EXECUTE format('SELECT x::text FROM jhub_authz.%I x WHERE subject_kind = %L AND subject = %L', view, s.kind, s.name);
    END LOOP;
END $$;
SELECT results_eq($$ SELECT line FROM pg_temp.one_by_one('effective_admins') ORDER BY line COLLATE "C" $$,
    $$ SELECT x::text FROM jhub_authz.effective_admins x WHERE pg_temp.of_asked(subject) ORDER BY x::text COLLATE "C" $$, 'who is as good as admin, asked one by one');
SELECT results_eq($$ SELECT line FROM pg_temp.one_by_one('escalation_paths') ORDER BY line COLLATE "C" $$,
    $$ SELECT x::text FROM jhub_authz.escalation_paths x WHERE pg_temp.of_asked(subject) ORDER BY x::text COLLATE "C" $$, '... and who can get more');
-- everybody is passed by in parts
\if :{?few}
\set others 300
\else
\set others 600
\endif
CREATE TEMP TABLE before AS SELECT x::text AS line FROM jhub_authz.effective_admins x UNION ALL SELECT x::text FROM jhub_authz.escalation_paths x;
INSERT INTO public.users (id, name, cookie_id) SELECT CASE WHEN i % 2 = 0 THEN -i ELSE 100000 + 5 * i END, 'other' || i, 'other' || i FROM generate_series(1, :others) i;
INSERT INTO public.user_role_map SELECT id, 1, false FROM public.users WHERE name ~ '^other';
SET LOCAL work_mem = '64kB';
SELECT results_eq($$ SELECT line FROM (SELECT x::text AS line FROM jhub_authz.effective_admins x UNION ALL SELECT x::text FROM jhub_authz.escalation_paths x) y ORDER BY line COLLATE "C" $$,
    $$ SELECT line FROM before ORDER BY line COLLATE "C" $$, 'the same among many who have nothing to tell of, in little memory');
UPDATE public.users SET admin = true WHERE name IN ('other1', 'other2', 'other' || :others - 1, 'other' || :others);
SELECT is((SELECT string_agg(subject, ' ' ORDER BY subject COLLATE "C") FROM jhub_authz.effective_admins WHERE how = 'flag' AND subject ~ '^other'), format('other1 other2 other%s other%s', :others - 1, :others), '... and the first and the last of them');
RESET work_mem;
DELETE FROM public.users WHERE name ~ '^other';

-- a chain of groups, each of which may fill the next
\if :{?few}
\set links 8
\else
\set links 300
\endif
INSERT INTO public.groups (id, name) SELECT 1000 + i, 'link' || i FROM generate_series(1, :links) i;
INSERT INTO public.roles (id, name, scopes, managed_by_auth) SELECT 1000 + i, 'link' || i, CASE i WHEN :links THEN '["shutdown"]' ELSE '["groups!group=link' || i + 1 || '"]' END, false FROM generate_series(1, :links) i;
INSERT INTO public.group_role_map SELECT 1000 + i, 1000 + i, false FROM generate_series(1, :links) i;
SELECT pg_temp.someone(2000, 'climber', '["groups!group=link1"]') \g /dev/null
SELECT is(pg_temp.steps('user', 'climber', 'shutdown'), (SELECT string_agg('puts user "climber" into group "link' || i || '"', '; ' ORDER BY i) FROM generate_series(1, :links) i), 'a long chain, each step in its place');

SELECT * FROM finish();
ROLLBACK;
