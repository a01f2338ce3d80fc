-- What the planner is told of the rows of each set-returning function: within a
-- factor of four, or a hundred rows, of what there is, on a small hub and on a large
-- one.  From the catalogue, so that none is forgotten.
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
CREATE FUNCTION pg_temp.estimated(call text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) SELECT * FROM ' || call INTO plan;
    RETURN plan -> 0 -> 'Plan' ->> 'Plan Rows';
END $$;

SELECT plan(18 + 2 * (SELECT count(*)::int FROM pg_proc WHERE pronamespace = 'jhub_authz'::regnamespace AND proretset AND proname NOT IN ('upgrade_token_roles', 'who_could', 'grant_diffs')));
SELECT is(pg_temp.estimated('jhub_authz.all_user_scopes()'), 1000::bigint, 'without a hub, what is declared');
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(pg_temp.estimated('jhub_authz.all_user_scopes()'), 1000::bigint, 'and before anybody has counted');

-- a call of each
\o /dev/null
\ir ../testbed/replica_calls.sql
\o
INSERT INTO sample VALUES (NULL, NULL, 'numeric[]', '''{1,2,3}'''), (NULL, NULL, 'integer[]', '''{1}'''), (NULL, NULL, 'timestamp without time zone', 'now()::timestamp'),
    ('visible_groups', 'have', 'jhub_authz.scopeset', '''["list:groups"]'''), ('visible_services', 'have', 'jhub_authz.scopeset', '''["list:services"]'''),
    ('visible_servers', 'have', 'jhub_authz.scopeset', '''["read:servers"]'''), ('_grants_ended', 'user_ids', 'integer[]', '''{2,3,4}'''),
    ('_targets_of', 'document', 'jsonb', '''{"load_groups": {}, "load_roles": [{"name": "user", "scopes": ["self"], "users": ["alice"]}]}''');
CREATE FUNCTION pg_temp.sample_of(of text, parameter_name text, of_type oid) RETURNS text LANGUAGE sql AS $$
    SELECT format('(%s)::%s', coalesce((SELECT s.value FROM sample s WHERE s.type = format_type(of_type, NULL) AND coalesce(s.function, of) = of
            AND coalesce(s.parameter, parameter_name) = parameter_name ORDER BY s.function IS NULL, s.parameter IS NULL LIMIT 1),
        format('(SELECT ''no sample for %s of %s, %s''::integer)', parameter_name, of, format_type(of_type, NULL))), format_type(of_type, NULL)) $$;
CREATE TEMP TABLE srf AS
SELECT p.oid::regprocedure::text AS name, p.prosupport,
       format('jhub_authz.%I(%s)', p.proname, (SELECT string_agg(pg_temp.sample_of(p.proname, coalesce(p.proargnames[n], ''), t), ', ' ORDER BY n)
                                                 FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n) WHERE n <= p.pronargs - p.pronargdefaults)) AS call
  FROM pg_proc p
 WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proretset
   -- nothing to upgrade here; no past within one transaction; planned by what it consists of
   AND p.proname NOT IN ('upgrade_token_roles', 'who_could', 'grant_diffs');
\if :{?few}
WITH gone AS (DELETE FROM srf WHERE length(name) % 4 <> 1 RETURNING 1) SELECT skip('there are few', 2 * count(*)::int) FROM gone;
\endif
CREATE FUNCTION pg_temp.told(call text, hub text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told bigint := pg_temp.estimated(call);
    actual bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM ' || call INTO actual;
    RETURN ok(abs(told - actual) <= 100 OR greatest(told, actual) <= 4 * least(told, actual), call || ' on a ' || hub || ' hub')
        || CASE WHEN abs(told - actual) <= 100 OR greatest(told, actual) <= 4 * least(told, actual) THEN '' ELSE format(E'\n# %s rows, told %s', actual, told) END;
END $$;
-- as an admin, who sees all
SELECT token FROM jhub_authz.issue_token('user', 'admin') \gset
SELECT jhub_authz.act_as(:'token') \g /dev/null
SELECT cmp_ok((SELECT count(*) FROM jhub_authz.api_users), '=', (SELECT count(*) FROM users), 'the identity sees every user');

ANALYZE users, groups, services, roles, user_role_map, group_role_map, service_role_map, user_group_map, spawners, shares, share_codes, oauth_clients, oauth_codes, api_tokens, jhub_authz.history_changes;
SELECT pg_temp.told(call, 'small') FROM srf ORDER BY name;

-- many of everything; nobody decides about so many here
\if :{?few}
\set size 1
\else
\set size 10
\endif
SELECT jhub_authz.set_mode('off') \g /dev/null
INSERT INTO users (id, name, admin, created, last_activity, cookie_id) SELECT 10000 + i, 'many' || i, false, '2024-01-01', CASE WHEN i % 2 = 0 THEN now() AT TIME ZONE 'UTC' END, md5('many' || i) FROM generate_series(1, 300 * :size) i;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) SELECT 10000 + i, 1, false FROM generate_series(1, 300 * :size) i;
INSERT INTO groups (id, name) SELECT 10000 + i, 'crowd' || i FROM generate_series(1, 60 * :size) i;
INSERT INTO user_group_map (user_id, group_id) SELECT 10000 + i, 10001 + i % (60 * :size) FROM generate_series(1, 300 * :size) i;
INSERT INTO oauth_clients (id, identifier, allowed_scopes) SELECT 10000 + i, 'client' || i, '[]' FROM generate_series(1, 80 * :size) i;
INSERT INTO services (id, name, oauth_client_id) SELECT 10000 + i, 'robot' || i, 'client' || i FROM generate_series(1, 30 * :size) i;
INSERT INTO spawners (id, user_id, name, oauth_client_id) SELECT 10000 + i, 10000 + i, '', 'client' || i FROM generate_series(30 * :size + 1, 80 * :size) i;
INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, scopes) SELECT 10000 + i, 10000 + i, 10000 + i, 10001 + i, now(), format('["access:servers!server=many%s/"]', i) FROM generate_series(30 * :size + 1, 80 * :size) i;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, note, scopes) SELECT 10000 + i, 10001 + i % (300 * :size), 'jupyterhub', '2024-01-02', '', md5('crowd' || i), '', '["inherit"]' FROM generate_series(1, 500 * :size) i;
INSERT INTO oauth_codes (id, client_id, code, expires_at, user_id, scopes) SELECT 10000 + i, 'client1', md5('c' || i), 1, 10000 + i, '[]' FROM generate_series(1, 40 * :size) i;
SELECT jhub_authz.set_mode('observe') \g /dev/null
ANALYZE users, groups, services, roles, user_role_map, group_role_map, service_role_map, user_group_map, spawners, shares, share_codes, oauth_clients, oauth_codes, api_tokens, jhub_authz.history_changes;
SELECT pg_temp.told(call, 'large') FROM srf ORDER BY name;

-- by what is asked
SELECT is(pg_temp.estimated(format('jhub_authz._audit_keys(%L)', kind)), rows, 'keys of kind ' || kind)
  FROM (VALUES ('user', (SELECT count(*) FROM users)), ('service', (SELECT count(*) FROM services)), ('group', (SELECT count(*) FROM groups)), ('token', (SELECT count(*) FROM api_tokens))) AS v (kind, rows);
SELECT is(pg_temp.estimated(call), rows, call)
  FROM (VALUES ($$jhub_authz.visible_users('list:users')$$, (SELECT count(*) FROM users)), ($$jhub_authz.visible_users('list:groups')$$, 1),
               ($$jhub_authz.visible_users('list:users!user=many1 list:users!user=many2 read:users!user=many3')$$, 2), ($$jhub_authz.visible_users('list:users!group=crowd1')$$, 5),
               ($$jhub_authz.visible_users('read:users!user=many1', 'read:users')$$, 1), ($$jhub_authz.visible_groups('list:groups!group=crowd1')$$, 1),
               ('jhub_authz.visible_servers(''read:servers!user=many' || 30 * :size + 1 || ''')', 1), ($$jhub_authz.visible_services('list:services!service=robot1 list:services!service=robot2')$$, 2)) AS v (call, rows);
SELECT cmp_ok(pg_temp.estimated($$jhub_authz.visible_users(jhub_authz.user_scopes('many1'))$$), '<', 10::bigint, 'and what a user may see, as it is when it is planned');
SELECT is(pg_temp.estimated($$jhub_authz.who_could('read:users', now())$$), pg_temp.estimated($$jhub_authz.who_can('read:users')$$), 'who_could as who_can');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prosupport = 'jhub_authz._rows_support'::regproc AND NOT p.proretset), NULL, 'only functions that return sets have that support');
SELECT * FROM finish();
ROLLBACK;
