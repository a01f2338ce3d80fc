-- Many tokens in one statement come out as one by one: narrowed, noted, recorded.
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
SET LOCAL search_path = public, jhub_authz;
INSERT INTO users (id, name, admin, cookie_id) SELECT i, 'u' || i, false, 'many' || i FROM generate_series(101, 400) i;
INSERT INTO user_role_map SELECT i, CASE WHEN i % 3 = 0 THEN 14 ELSE 1 END, false FROM generate_series(101, 400) i;
INSERT INTO user_group_map SELECT i, 1 FROM generate_series(101, 400) i WHERE i % 5 = 0;
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

CREATE FUNCTION pg_temp.scopes_for(i integer) RETURNS text LANGUAGE sql AS
    $$ SELECT CASE i % 4 WHEN 0 THEN '["inherit"]' WHEN 1 THEN '["list:users", "read:users!user=u' || 101 + i % 300 || '"]'
              WHEN 2 THEN '["read:users:name!user", "tokens!group=physics"]' ELSE '["access:servers!server=alice/", "servers!user=u150"]' END $$;
CREATE FUNCTION pg_temp.insert_tokens(first integer, last integer) RETURNS void LANGUAGE sql AS $$
    INSERT INTO api_tokens (id, user_id, client_id, created, hashed, prefix, scopes)
    SELECT i, 101 + i % 300, CASE WHEN i % 7 = 0 THEN 'service-announce' ELSE 'jupyterhub' END, now(), 'many' || i, 'abcd', pg_temp.scopes_for(i)
      FROM generate_series(first, last, CASE WHEN first <= last THEN 1 ELSE -1 END) i $$;
CREATE FUNCTION pg_temp.notes() RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(format('%s %s-%s', kind, id, other), ', ' ORDER BY cid) FROM jhub_authz.pending $$;
CREATE FUNCTION pg_temp.decide() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; END $$;
-- ids from 1000 on that are there without a baseline, or have one and are not there
CREATE FUNCTION pg_temp.off() RETURNS integer[] LANGUAGE sql AS $$
    SELECT array_agg(coalesce(t.id, b.token_id)) FROM api_tokens t FULL JOIN jhub_authz.token_baselines b ON b.token_id = t.id
     WHERE coalesce(t.id, b.token_id) >= 1000 AND (t.id IS NULL OR b.token_id IS NULL) $$;

\if :{?few}
\set tokens 14
\set born 20
\else
\set tokens 700
\set born 200
\endif
SELECT set_config('many_at_once.tokens', :'tokens', true) \g /dev/null
SELECT plan(20);

-- narrowed: each owner and client for itself
DO $$ BEGIN FOR i IN 1001..1000 + current_setting('many_at_once.tokens')::int LOOP PERFORM pg_temp.insert_tokens(i, i); END LOOP; END $$;
CREATE TEMP TABLE one_by_one AS SELECT user_id, client_id, scopes, count(*) AS n FROM api_tokens WHERE id >= 1000 GROUP BY 1, 2, 3;
SELECT pg_temp.decide();
CREATE TEMP TABLE baselines_one_by_one AS SELECT token_id, baseline, requested, user_id, client_id FROM jhub_authz.token_baselines WHERE token_id >= 1000;
SELECT is((SELECT count(*)::int FROM baselines_one_by_one), :tokens, 'one by one, each has its baseline');
SELECT cmp_ok((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'narrowed' AND token_id >= 1000), '>', :tokens * 3 / 7, '... and many were narrowed');
DELETE FROM api_tokens WHERE id >= 1000;
SELECT pg_temp.decide();
SELECT is(pg_temp.off(), NULL, '... which goes with it');

ANALYZE users;
SELECT pg_temp.insert_tokens(1001, 1000 + :tokens);
SELECT results_eq('SELECT user_id, client_id, scopes, count(*) FROM api_tokens WHERE id >= 1000 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3',
    'SELECT * FROM one_by_one ORDER BY 1, 2, 3', 'all at once are narrowed as one by one');
SELECT is(pg_temp.notes(), 'token 1001-' || 1000 + :tokens, '... and are one note');
SELECT pg_temp.decide();
SELECT results_eq('SELECT token_id, baseline::text, requested::text, user_id, client_id FROM jhub_authz.token_baselines WHERE token_id >= 1000 ORDER BY 1',
    'SELECT token_id, baseline::text, requested::text, user_id, client_id FROM baselines_one_by_one ORDER BY 1', '... with the same baselines');
SELECT is((SELECT count(DISTINCT token_id)::int FROM jhub_authz.token_events WHERE action = 'issued' AND token_id >= 1000), :tokens, '... and an event each');
DELETE FROM api_tokens WHERE id >= 1000;
SELECT pg_temp.decide();

-- what is done in the middle of the statement counts from then on
CREATE FUNCTION pg_temp.grant_late(i integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS
    $$ BEGIN IF i = 5 THEN INSERT INTO public.user_role_map VALUES (101, 14, false); END IF; RETURN i; END $$;
INSERT INTO api_tokens (id, user_id, client_id, created, hashed, prefix, scopes)
SELECT 2000 + pg_temp.grant_late(i), 101, 'jupyterhub', now(), 'late' || i, 'abcd', '["list:users", "read:users:name!user=u101"]' FROM generate_series(1, 8) i;
SELECT is((SELECT array_agg(scopes ORDER BY id) FROM api_tokens WHERE id BETWEEN 2001 AND 2004), array_fill('["read:users:name!user=u101"]'::text, '{4}'),
    'a role that the statement itself gives is not held before');
SELECT is((SELECT array_agg(scopes ORDER BY id) FROM api_tokens WHERE id BETWEEN 2005 AND 2008), array_fill('["list:users", "read:users:name!user=u101"]'::text, '{4}'),
    '... and is held from then on');
DELETE FROM api_tokens WHERE id >= 1000;
DELETE FROM user_role_map WHERE user_id = 101 AND role_id = 14;
SELECT pg_temp.decide();

-- the owner comes with the statement
WITH born AS (INSERT INTO users (id, name, cookie_id) VALUES (500, 'u500', 'many500') RETURNING id)
INSERT INTO api_tokens (id, user_id, client_id, created, hashed, prefix, scopes)
SELECT 2100 + i, coalesce(born.id, 101 + i), 'jupyterhub', now(), 'born' || i, 'abcd', '["list:users"]'
  FROM generate_series(1, :born) i LEFT JOIN born ON i = :born;
SELECT is((SELECT scopes FROM api_tokens WHERE id = 2100 + :born), '["list:users"]', 'the token of an owner who holds nothing yet stays as it is');
SELECT is((SELECT count(*)::int FROM api_tokens WHERE id BETWEEN 2101 AND 2099 + :born AND scopes = '["list:users"]'), :born / 3 + 1, '... those of others are narrowed');
DELETE FROM api_tokens WHERE id >= 1000;
SELECT pg_temp.decide();

-- notes and subtransactions
SELECT pg_temp.insert_tokens(1001, 1010);
SAVEPOINT a;
SELECT pg_temp.insert_tokens(1011, 1020);
SELECT is(pg_temp.notes(), 'token 1001-1010, token 1011-1020', 'a subtransaction has a note of its own');
ROLLBACK TO a;
SELECT pg_temp.insert_tokens(1011, 1012);
SELECT is(pg_temp.notes(), 'token 1001-1010, token 1011-1012', '... which goes with it');
RELEASE a;
SELECT pg_temp.insert_tokens(1013, 1014);
SAVEPOINT b;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.off(), NULL, 'SET CONSTRAINTS decides on all of a run');
SELECT pg_temp.insert_tokens(1015, 1016);
SELECT is(pg_temp.off(), NULL, '... and then on each statement');
ROLLBACK TO b;
SET CONSTRAINTS ALL DEFERRED;
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE token_id >= 1000), 0, 'what was decided goes with a savepoint');
SELECT pg_temp.insert_tokens(1015, 1017);
SELECT pg_temp.decide();
SELECT is(pg_temp.off(), NULL, '... and is decided again');

-- ids in any order, with gaps, among other notes, of another actor
SELECT pg_temp.insert_tokens(1130, 1121);
INSERT INTO api_tokens (id, user_id, client_id, created, hashed, prefix, scopes)
SELECT id, 101, 'jupyterhub', now(), 'gap' || id, 'abcd', '[]' FROM unnest('{1140,1142,1143,1141,1144,-5,-4}'::int[]) AS id;
UPDATE roles SET scopes = '["read:hub"]' WHERE id = 12;
SELECT pg_temp.insert_tokens(1145, 1146);
SET LOCAL application_name = 'another';
SELECT pg_temp.insert_tokens(1147, 1148);
SELECT matches(pg_temp.notes(), 'role 12-0, token 1145-1146, token 1147-1148$', 'a run ends where another change or another application comes');
SELECT pg_temp.decide();
SELECT is(pg_temp.off(), NULL, 'every one of them has its baseline');
SELECT is((SELECT array_agg(token_id ORDER BY token_id) FROM jhub_authz.token_baselines WHERE token_id < 0), '{-5,-4}', '... those with odd ids too');

SELECT * FROM finish();
ROLLBACK;
