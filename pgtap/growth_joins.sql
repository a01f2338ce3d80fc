-- Somebody joins or leaves a group, or gets another name, in a hub of chance: revoked are the
-- tokens that can do more than their baselines say then, and no other; after a rename, which
-- changes baselines, none is left that can.  Whoever works out whom a join concerns
-- has to find each of them: here all tokens are looked at.
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
SELECT coalesce(nullif(current_setting('jhub_authz.seed', true), ''), extract(epoch FROM clock_timestamp())::bigint::text) AS seed \gset
\if :{?few}
-- one of which there are joins alone that revoke
\set seed 1
\endif
SELECT plan(3);
\echo # seed :seed
SELECT setseed((:seed % 100000) / 100000.0) \g /dev/null

-- names that are alike, and some that JSON escapes
TRUNCATE users, groups, services, servers, spawners, shares, oauth_codes, api_tokens, user_group_map CASCADE;
DELETE FROM roles WHERE id > 4;
DELETE FROM oauth_clients WHERE identifier <> 'jupyterhub';
INSERT INTO users (id, name, cookie_id) SELECT i, n, n FROM unnest(ARRAY['ann', 'anna', 'group', 'ben', 'a"b', 'mütze', 'ben/x', 'zoe']) WITH ORDINALITY AS u (n, i);
INSERT INTO users (id, name, cookie_id) SELECT i, 'many' || i, 'many' || i FROM generate_series(101, 140) i;
INSERT INTO groups (id, name) SELECT i, n FROM unnest(ARRAY['lab', 'labs', 'user', 'l"b', 'straße']) WITH ORDINALITY AS g (n, i);
INSERT INTO services (id, name, admin) VALUES (1, 'cull', false), (2, 'grade', false);
INSERT INTO user_role_map SELECT id, 1, false FROM users WHERE id <> 8;
INSERT INTO oauth_clients (id, identifier) SELECT 10 + i, 'c' || i FROM generate_series(1, 12) i;
UPDATE services SET oauth_client_id = 'c' || 10 + id;
INSERT INTO spawners (id, user_id, name, oauth_client_id) SELECT i, i, '', 'c' || i FROM generate_series(1, 8) i;

CREATE FUNCTION pick(VARIADIC of text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT of[1 + floor(random() * cardinality(of))::int] $$;
CREATE FUNCTION somebody() RETURNS integer LANGUAGE sql VOLATILE AS $$ SELECT 1 + floor(random() * 8)::int $$;
CREATE FUNCTION some_group() RETURNS integer LANGUAGE sql VOLATILE AS $$ SELECT 1 + floor(random() * 5)::int $$;
CREATE FUNCTION some_scope() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    base text := public.pick('list:users', 'read:users:name', 'access:servers', 'access:servers', 'servers', 'tokens');
    who text := (ARRAY(SELECT name FROM public.users WHERE id < 100 ORDER BY id))[public.somebody()];
BEGIN
    RETURN base || CASE floor(random() * 8)::int
        WHEN 0 THEN '!user' WHEN 1 THEN '!user=' || who WHEN 2 THEN '!user=' || who WHEN 3 THEN '!server=' || who || '/'
        WHEN 4 THEN CASE WHEN random() < 0.2 THEN '' ELSE '!server' END
        ELSE '!group=' || (ARRAY(SELECT name FROM public.groups ORDER BY id))[public.some_group()] END;
END $$;
-- as PostgreSQL writes it, or with escapes as Python does
CREATE FUNCTION some_scopes() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    written text := (SELECT json_agg(public.some_scope())::text FROM generate_series(1, 1 + floor(random() * 3)::int));
BEGIN
    RETURN CASE WHEN random() < 0.5 THEN written ELSE replace(replace(written, 'ü', '\u00fc'), 'ß', '\u00df') END;
END $$;
INSERT INTO roles (id, name, scopes, managed_by_auth) SELECT 10 + i, 'role' || i, some_scopes(), false FROM generate_series(1, 8) i;
INSERT INTO user_role_map SELECT somebody(), 11 + i % 8, false FROM generate_series(1, 8) i ON CONFLICT DO NOTHING;
INSERT INTO group_role_map SELECT some_group(), 11 + i % 8, false FROM generate_series(1, 4) i ON CONFLICT DO NOTHING;
INSERT INTO service_role_map SELECT 1 + i % 2, 11 + i, false FROM generate_series(1, 5) i;
INSERT INTO shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT i, i, i, CASE i % 2 WHEN 0 THEN somebody() END, CASE i % 2 WHEN 1 THEN some_group() END, now(), some_scopes() FROM generate_series(1, 6) i;

SELECT jhub_authz.attach() \g /dev/null
SELECT jhub_authz.set_policy(c, on_growth => 'revoke', inherit => 'guard', on_share => 'revoke') FROM unnest('{user,server,oauth,service}'::text[]) c \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- as they come before an attach: not narrowed, they may ask for more than there is
CREATE FUNCTION issue(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    written integer[];
BEGIN
    SET LOCAL session_replication_role = replica;
    WITH made AS (
        INSERT INTO public.api_tokens (user_id, service_id, client_id, created, hashed, prefix, scopes)
        SELECT CASE WHEN i % 6 > 0 THEN public.somebody() END, CASE WHEN i % 6 = 0 THEN 1 + floor(random() * 2)::int END,
               CASE WHEN random() < 0.5 THEN 'jupyterhub' ELSE 'c' || 1 + floor(random() * 12)::int END, clock_timestamp(), 'j' || random(), 'abcd',
               CASE WHEN random() < 0.1 THEN '["inherit"]' ELSE public.some_scopes() END
          FROM generate_series(1, n) i RETURNING id),
    -- others ask for something else than was requested at their issue
    changed AS (UPDATE public.api_tokens SET scopes = public.some_scopes() WHERE random() < 0.1 AND expires_at IS NULL RETURNING id)
    SELECT array_agg(id) INTO written FROM (SELECT id FROM made UNION ALL SELECT id FROM changed) w;
    SET LOCAL session_replication_role = origin;
    PERFORM jhub_authz.rebase(id, 'test') FROM unnest(written) id;
END $$;
CREATE FUNCTION beyond() RETURNS integer[] LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(array_agg(t.id ORDER BY t.id), '{}') FROM public.api_tokens t JOIN jhub_authz.token_baselines b ON b.token_id = t.id
      JOIN jhub_authz.all_token_scopes() s ON s.token_id = t.id
     WHERE t.expires_at IS NULL AND NOT jhub_authz.covers(b.baseline, s.effective) $$;
CREATE FUNCTION live() RETURNS integer[] LANGUAGE sql VOLATILE AS $$ SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM public.api_tokens WHERE expires_at IS NULL $$;
CREATE FUNCTION swap(of text, a integer, b integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    named text[];
BEGIN
    EXECUTE format('SELECT array_agg(name ORDER BY id = %s) FROM public.%I WHERE id IN (%s, %s)', b, of, a, b) INTO named;
    EXECUTE format('UPDATE public.%I SET name = %L WHERE id = %s', of, 'between', a);
    EXECUTE format('UPDATE public.%I SET name = %L WHERE id = %s', of, named[1], b);
    EXECUTE format('UPDATE public.%I SET name = %L WHERE id = %s', of, named[2], a);
END $$;
CREATE TABLE steps (step integer, change text, expected integer[], revoked integer[], beyond integer[]);
CREATE FUNCTION walk(n integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    change text;
    before integer[];
    expected integer[];
    what double precision;
BEGIN
    FOR step IN 1 .. n LOOP
        PERFORM public.issue(12);
        SET CONSTRAINTS ALL IMMEDIATE;
        SET CONSTRAINTS ALL DEFERRED;
        before := public.live();
        change := '';
        FOR i IN 1 .. 1 + floor(random() * random() * 4)::int LOOP
            what := random();
            IF what < 0.65 THEN
                change := change || ' join';
                INSERT INTO public.user_group_map SELECT public.somebody(), public.some_group() ON CONFLICT DO NOTHING;
            ELSIF what < 0.9 THEN
                change := change || ' leave';
                DELETE FROM public.user_group_map WHERE (user_id, group_id) IN (SELECT user_id, group_id FROM public.user_group_map WHERE user_id < 100 ORDER BY random() LIMIT 2);
            ELSIF what < 0.93 THEN
                change := change || ' role';
                UPDATE public.roles SET scopes = public.some_scopes() WHERE id = 11 + floor(random() * 8)::int;
            ELSIF what < 0.94 THEN
                change := change || ' rename';
                PERFORM public.swap('users', 1 + step % 8, 1 + (step + 3) % 8);
            ELSIF what < 0.95 THEN
                change := change || ' rename';
                PERFORM public.swap('groups', 1 + step % 5, 1 + (step + 2) % 5);
            ELSIF what < 0.96 THEN
                change := change || ' move';
                UPDATE public.user_group_map SET group_id = 5 WHERE (user_id, group_id) IN (SELECT m.user_id, m.group_id FROM public.user_group_map m
                   WHERE m.user_id < 100 AND NOT EXISTS (SELECT FROM public.user_group_map o WHERE o.user_id = m.user_id AND o.group_id = 5) ORDER BY random() LIMIT 1);
            ELSE
                change := change || ' many';
                INSERT INTO public.user_group_map SELECT id, 1 + step % 5 FROM public.users ON CONFLICT DO NOTHING;
            END IF;
        END LOOP;
        expected := public.beyond();
        SET CONSTRAINTS ALL IMMEDIATE;
        SET CONSTRAINTS ALL DEFERRED;
        INSERT INTO public.steps VALUES (step, change, expected, ARRAY(SELECT unnest(before) EXCEPT SELECT unnest(public.live()) ORDER BY 1), public.beyond());
        DELETE FROM public.user_group_map WHERE user_id > 100;
        SET CONSTRAINTS ALL IMMEDIATE;
        SET CONSTRAINTS ALL DEFERRED;
        DELETE FROM public.api_tokens WHERE expires_at IS NOT NULL;
    END LOOP;
END $$;
\if :{?few}
\set usual 5
\else
\set usual 30
\endif
SELECT coalesce(nullif(current_setting('jhub_authz.steps', true), '')::int, :usual) AS steps \gset
SELECT walk(:steps) \g /dev/null
SELECT is((SELECT string_agg(s::text, E'\n' ORDER BY step) FROM steps s WHERE expected <> revoked AND change !~ 'rename' OR beyond <> '{}'), NULL, 'revoked are those that are beyond their baseline, and no other');
SELECT cmp_ok((SELECT count(*) FROM steps WHERE expected <> '{}' AND change ~ '^( join)+$')::int, '>', 0, 'there were such among joins alone');
SELECT is(beyond(), '{}', 'none is left');
SELECT * FROM finish();
ROLLBACK;
