-- A condition on the subject costs a look at its key and the single question, one on several
-- a look at the list of subjects besides, no condition one pass: counted in rows of the hub's tables that are read.
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
SELECT plan(18);
INSERT INTO public.users (id, name, cookie_id) SELECT 1000 + i, 'u' || i, 'u' || i FROM generate_series(1, 2000) i;
INSERT INTO public.user_role_map SELECT 1000 + i, 1, false FROM generate_series(1, 2000) i;
INSERT INTO public.api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
SELECT 1000 + i, 1001 + i % 2000, 'jupyterhub', '2024-05-01', 'zzzz', 'x' || i, '["read:users:name!user"]' FROM generate_series(1, 4000) i;
ANALYZE public.users; ANALYZE public.user_role_map; ANALYZE public.api_tokens;

CREATE FUNCTION pg_temp.rows_read(rel regclass) RETURNS bigint LANGUAGE sql VOLATILE AS
    $$ SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_all_tables WHERE relid = rel $$;
-- rows of users, user_role_map and api_tokens that a query reads
CREATE FUNCTION pg_temp.reads(what text, OUT users bigint, OUT roles bigint, OUT tokens bigint) LANGUAGE plpgsql AS $$
BEGIN
    users := pg_temp.rows_read('public.users'); roles := pg_temp.rows_read('public.user_role_map'); tokens := pg_temp.rows_read('public.api_tokens');
    EXECUTE 'SELECT count(*) FROM (' || what || ') x';
    users := pg_temp.rows_read('public.users') - users; roles := pg_temp.rows_read('public.user_role_map') - roles;
    tokens := pg_temp.rows_read('public.api_tokens') - tokens;
END $$;
CREATE TEMP TABLE read AS SELECT n, (pg_temp.reads(what)).* FROM (VALUES
    ('one', 'SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = ''user'' AND subject = ''u7'''),
    ('what_can', 'SELECT * FROM jhub_authz.what_can(''user'', ''u7'')'),
    ('all', 'SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = ''user'''),
    ('token', 'SELECT * FROM jhub_authz.token_audit WHERE token_id = 1007'),
    ('text', 'SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = ''token'' AND subject = ''1007'''),
    ('tokens', 'SELECT * FROM jhub_authz.token_audit'),
    ('some', 'SELECT * FROM jhub_authz.token_audit WHERE token_id IN (1007, 3000, 2000)'),
    ('who', 'SELECT * FROM jhub_authz.who_can(''access:servers!server=u7/'')')) v (n, what);

SELECT cmp_ok(users, '<', 10::bigint, 'one user: no other is read') || E'\n# rows of users: ' || users FROM read WHERE n = 'one';
SELECT cmp_ok(roles, '<', 10::bigint, '... and only its roles') || E'\n# rows of user_role_map: ' || roles FROM read WHERE n = 'one';
SELECT is(tokens, 0::bigint, '... and nothing of other kinds') FROM read WHERE n = 'one';
SELECT cmp_ok(users, '<', 10::bigint, 'what_can does not read the list') || E'\n# rows of users: ' || users FROM read WHERE n = 'what_can';
SELECT cmp_ok(users, '<', 2014 * 3 + 100::bigint, 'all users: the list and one pass, in which the owners of shared servers are looked up, too') || E'\n# rows of users: ' || users FROM read WHERE n = 'all';
SELECT cmp_ok(roles, '<', 2022 + 200::bigint, '... over roles as well') || E'\n# rows of user_role_map: ' || roles FROM read WHERE n = 'all';
SELECT cmp_ok(tokens, '<', 10::bigint, 'one token: no other is read') || E'\n# rows of api_tokens: ' || tokens FROM read WHERE n = 'token';
SELECT cmp_ok(roles, '<', 10::bigint, '... with its owner''s roles') FROM read WHERE n = 'token';
SELECT cmp_ok(tokens, '<', 10::bigint, '... nor where its id is compared as a text') || E'\n# rows of api_tokens: ' || tokens FROM read WHERE n = 'text';
SELECT cmp_ok(tokens, '<', 4015 + 30::bigint, 'three tokens: the list of all, and these') || E'\n# rows of api_tokens: ' || tokens FROM read WHERE n = 'some';
SELECT cmp_ok(tokens, '<', 4015 * 3 + 200::bigint, 'all tokens: the list, its order once more, and one pass') || E'\n# rows of api_tokens: ' || tokens FROM read WHERE n = 'tokens';
SELECT cmp_ok(roles, '<', 2022 + 200::bigint, '... of which the roles are read once') || E'\n# rows of user_role_map: ' || roles FROM read WHERE n = 'tokens';
SELECT cmp_ok(users, '<', 100::bigint, 'who_can looks at no user that no grant points to') || E'\n# rows of users: ' || users FROM read WHERE n = 'who';
SELECT cmp_ok(roles, '<', 2022 + 100::bigint, '... and goes over who has which role once') || E'\n# rows of user_role_map: ' || roles FROM read WHERE n = 'who';

-- the plan: a filter on the list, the function for what is left of it, no other kind;
-- whatever autovacuum may have found out of the table of baselines, which is empty here
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.plan_of(what text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || what; END $$;
SELECT results_eq($$ SELECT trim(pg_temp.plan_of('SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = ''user'' AND subject = ''u7''')) $$,
    $$ VALUES ('Nested Loop'), ('->  Function Scan on _audit_keys k'), ('Filter: (name = ''u7''::text)'), ('->  Function Scan on _scopes_of s') $$, 'its plan');
SELECT is((SELECT count(*) FROM pg_temp.plan_of('SELECT * FROM jhub_authz.token_audit WHERE token_id = 1007') p WHERE p ~ 'Filter: \(id = 1007\)|Index Cond: \(token_id = k.id\)'), 2::bigint, 'of a token: by the list and the key of its baseline');
SELECT is_empty($$ SELECT * FROM pg_temp.plan_of('SELECT count(*), count(baseline) FROM jhub_authz.token_audit') p WHERE p ~ 'Hash|Merge|Sort' $$, '... of all tokens, too: they stay in the order of the list, in which they are read ahead');
SELECT isnt_empty($$ SELECT * FROM pg_temp.plan_of('SELECT * FROM jhub_authz.effective_scopes') p WHERE p ~ 'Append' $$, 'of everybody: one kind after the other');

SELECT * FROM finish();
ROLLBACK;
