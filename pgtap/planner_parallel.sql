-- What is marked PARALLEL SAFE runs in a parallel worker and answers there as in the
-- session: every function, aggregate and operator of the catalogue, none left out but
-- those that only the server itself can call.  What is not marked so is named here,
-- with the reason.
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
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
-- a past, as if transactions had passed: attached then, and later a user gone and a role taken away
INSERT INTO jhub_authz.history_changes (change_id, at, recorded_at, txid, actor, role, application_name, source)
SELECT began, '2024-01-01', '2024-01-01', '1', 'x', 'x', '', 'attach' FROM jhub_authz.history_attachment
UNION ALL VALUES (1, '2024-02-01'::timestamptz, '2024-02-01'::timestamptz, '2'::xid8, 'x', 'x', '', 'change');
INSERT INTO jhub_authz.history_users (id, name, admin, began, ended) SELECT 900, 'gone', false, began, 1 FROM jhub_authz.history_attachment;
INSERT INTO jhub_authz.history_user_role_map (user_id, role_id, began, ended) SELECT 2, 1, began, 1 FROM jhub_authz.history_attachment;
\o /dev/null
\ir ../testbed/replica_calls.sql
\o
INSERT INTO sample VALUES (NULL, NULL, 'numeric[]', '''{1,2,3}'''), (NULL, NULL, 'integer[]', '''{1}'''), (NULL, NULL, 'double precision[]', '''{1,2}'''),
    (NULL, NULL, 'cstring', '''["read:users"]'''), (NULL, 'provider', 'text', '''campus'''), (NULL, NULL, 'numeric', '12.5'), (NULL, NULL, 'oid', '1'),
    ('visible_groups', 'have', 'jhub_authz.scopeset', '''["list:groups"]'''), ('visible_services', 'have', 'jhub_authz.scopeset', '''["list:services"]'''),
    ('visible_servers', 'have', 'jhub_authz.scopeset', '''["read:servers"]'''), ('_grants_ended', 'user_ids', 'integer[]', '''{2,3,4}'''),
    ('_scopes_had', 'subject_kinds', 'text[]', '''{user}'''), ('_scopes_had', 'subjects', 'text[]', '''{alice}'''), ('_scopes_had', 'scopes', 'text[]', '''{access:servers!user=bob}'''),
    ('_stored_scopes', 'stored', 'text', '''["read:users"]'''),
    ('_targets_of', 'document', 'jsonb', '''{"load_groups": {}, "load_roles": [{"name": "user", "scopes": ["self"], "users": ["alice"]}]}'''),
    ('_roles_since', 'role_names', 'text[]', '''{user}'''), ('user_scopes_as_of', 'name', 'text', '''gone'''), ('user_scopes_as_of', 'at', 'timestamp with time zone', '''2024-01-15'''),
    ('_rename_filter', 'kinds', 'text[]', '''{user}'''), ('_rename_filter', 'old_names', 'text[]', '''{alice}'''), ('_rename_filter', 'new_names', 'text[]', '''{zoe}''');
SELECT name AS forced FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') ORDER BY name LIMIT 1 \gset
SELECT set_config('test.forced', :'forced', true) \g /dev/null

-- the arguments come from a row, so that nothing is worked out when it is planned
SET LOCAL enable_parallel_append = off;
SET LOCAL parallel_leader_participation = off;
CREATE TABLE args (call integer, row integer, v text[]);
CREATE TABLE calls (call integer, name text, query text);
CREATE FUNCTION here() RETURNS integer LANGUAGE plpgsql STABLE PARALLEL SAFE AS 'BEGIN RETURN pg_backend_pid(); END';
CREATE FUNCTION sample_of(of text, parameter_name text, of_type oid) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    EXECUTE format('SELECT (%s)::%s::text', coalesce((SELECT s.value FROM sample s WHERE s.type = format_type(of_type, NULL) AND coalesce(s.function, of) = of
            AND coalesce(s.parameter, parameter_name) = parameter_name ORDER BY s.function IS NULL, s.parameter IS NULL LIMIT 1),
        format('(SELECT ''no sample for %s of %s, %s''::integer)', parameter_name, of, format_type(of_type, NULL))),
        CASE of_type WHEN 'cstring'::regtype THEN 'text' ELSE format_type(of_type, NULL) END) INTO answer;
    RETURN answer;
END $$;

CREATE TEMP TABLE ours AS
SELECT row_number() OVER (ORDER BY p.oid::regprocedure::text COLLATE "C")::integer AS call, p.*
  FROM pg_proc p
 WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proparallel = 's'
   AND NOT 'internal'::regtype = ANY (p.proargtypes) AND p.prorettype <> 'trigger'::regtype;
INSERT INTO calls
SELECT p.call, p.oid::regprocedure::text,
       format(CASE p.prokind WHEN 'a' THEN 'SELECT jhub_authz.%I(%s)::text, min(here()) FROM args a WHERE a.call = %s'
              ELSE 'SELECT string_agg(x::text, '','' ORDER BY x::text COLLATE "C"), min(here()) FROM args a LEFT JOIN LATERAL jhub_authz.%I(%s) AS x ON true WHERE a.call = %s' END,
              p.proname, (SELECT string_agg(CASE WHEN p.provariadic <> 0 AND n = p.pronargs THEN 'VARIADIC ' ELSE '' END
                                            || format('a.v[%s]::%s', n, format_type(t, NULL)), ', ' ORDER BY n)
                            FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n) WHERE n <= p.pronargs - p.pronargdefaults), p.call)
  FROM ours p;
INSERT INTO args
SELECT p.call, row, (SELECT array_agg(sample_of(p.proname, coalesce(p.proargnames[n], ''), t) ORDER BY n) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a (t, n))
  FROM ours p, generate_series(1, CASE p.prokind WHEN 'a' THEN 3 ELSE 1 END) AS row;
INSERT INTO calls
SELECT 1000 + row_number() OVER (ORDER BY o.oid), o.oid::regoperator::text,
       format('SELECT (a.v[1]::%s OPERATOR(jhub_authz.%s) a.v[2]::%s)::text, here() FROM args a WHERE a.call = 1000', format_type(o.oprleft, NULL), o.oprname, format_type(o.oprright, NULL))
  FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode WHERE o.oprnamespace = 'jhub_authz'::regnamespace AND p.proparallel = 's';
INSERT INTO args VALUES (1000, 1, ARRAY['["read:users!user=alice"]', '["read:users!user=alice"]']);
ANALYZE args;

-- all in one statement, for which one worker is started
CREATE FUNCTION answers(parallel boolean, target text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config(current_setting('test.forced'), CASE WHEN parallel THEN 'on' ELSE 'off' END, true);
    PERFORM set_config('max_parallel_workers_per_gather', CASE WHEN parallel THEN '2' ELSE '0' END, true);
    EXECUTE (SELECT format('CREATE TABLE %I (call, answer, pid) AS ', target) || string_agg(format('(SELECT %s, q.* FROM (%s) q)', call, query), ' UNION ALL ' ORDER BY call) FROM calls);
    PERFORM set_config(current_setting('test.forced'), 'off', true);
END $$;
SELECT answers(false, 'alone') \g /dev/null
SELECT answers(true, 'workers') \g /dev/null
CREATE TEMP TABLE answers AS
SELECT c.call, c.name, a.answer AS alone, w.answer AS worker, w.pid <> pg_backend_pid() AS elsewhere
  FROM calls c LEFT JOIN alone a USING (call) LEFT JOIN workers w USING (call);

SELECT plan((SELECT count(*)::int FROM answers) + 5);
SELECT ok(elsewhere AND worker IS NOT DISTINCT FROM alone, name || ': in a worker as in the session')
       || CASE WHEN worker IS DISTINCT FROM alone THEN E'\n# worker: ' || coalesce(worker, 'NULL') || E'\n# session: ' || coalesce(alone, 'NULL') ELSE '' END
  FROM answers ORDER BY call;

-- that this says something
SELECT is((SELECT string_agg(name, ', ' ORDER BY name) FROM answers WHERE coalesce(alone, '') = ''), NULL, 'all have something to answer');
SELECT is((SELECT array_agg(DISTINCT pid) FROM alone), ARRAY[pg_backend_pid()], 'what it is compared with came from the session');
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY 1) FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proparallel = 's'
             AND NOT EXISTS (SELECT FROM ours WHERE ours.oid = p.oid) AND NOT 'internal'::regtype = ANY (p.proargtypes)), NULL, 'only what takes an argument of the server''s own is left out');

-- what is not safe
CREATE TEMP TABLE reason (function text, why text);
INSERT INTO reason SELECT unnest(functions), why FROM (VALUES
    ('{act_as,current_subject,current_scopes,_api_users,_api_user,_api_groups,_api_group,_api_services,_api_service,_api_user_servers,_api_token_users,_api_user_tokens,api_user,api_group,api_service}'::text[],
     'the identity is in the memory of the session''s process'),
    ('{authenticate,authorize_token,whoami}',
     'the session keeps its statement, which may hold the token, out of the log; it would not for an error of a worker'),
    ('{all_user_scopes,all_service_scopes,all_group_scopes,all_token_scopes,_audit_keys,_is_there,_scopes_of,_token_audit,who_can,who_could,role_reach,scope_changes,actual_grants,grant_diffs,graph_dot,graph_mermaid,_effective_admins,_admins,_admins_of,_escalation_paths,_escalations,_escalations_of,_toxic_combinations,_toxic_combinations_of,_group_fillers,_orphaned_grants,_orphans,_leavers,_leavers_of,_leaver_gaps,dormant_tokens,_users_seen,_users_made,_user_twins,_user_twins_of,_group_members,_shares,_oauth_codes,_row_counts,_self_check,self_check,_drift_since,check_assertions,require_assertions,require_targets,report_html,_report_admins,_report_findings,_report_found,_report_growth,_report_heat,_report_shares,_report_tokens}',
     'they read the whole hub, or may: each worker would read it once more'),
    ('{upgrade_check}', 'it needs a subtransaction')) AS v (functions, why);
SELECT is((SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY 1) FROM pg_proc p LEFT JOIN reason r ON r.function = p.proname
            WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prokind = 'f' AND (p.provolatile <> 'v' OR p.proparallel <> 'u') AND p.proparallel <> 's' AND r.function IS NULL), NULL, 'what reads and is not safe has a reason');
SELECT is((SELECT string_agg(r.function, ', ' ORDER BY 1) FROM reason r WHERE NOT EXISTS (SELECT FROM pg_proc p
            WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proname = r.function AND p.proparallel <> 's')), NULL, '... and what has one is there and is not safe');
SELECT * FROM finish();
ROLLBACK;
