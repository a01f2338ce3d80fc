-- testbed/move and testbed/pg_upgrade: everything that must be the same after a
-- move, one line a fact, in no order.
\set ON_ERROR_STOP on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET TimeZone = 'UTC';
SET search_path = pg_catalog;

CREATE FUNCTION pg_temp.rows(rel regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT to_jsonb(t)::text FROM %s t', rel);
END $$;

-- rows of the hub's tables and of ours that are dumped
SELECT 'row ' || c.oid::regclass || ' ' || r
  FROM pg_class c, pg_temp.rows(c.oid) r
 WHERE c.relkind = 'r' AND (c.relnamespace = 'public'::regnamespace
       OR c.oid = ANY ((SELECT extconfig FROM pg_extension WHERE extname = 'jhub_authz')::oid[]));
SELECT 'sequence ' || schemaname || '.' || sequencename || ' ' || coalesce(last_value::text, 'not used')
  FROM pg_sequences WHERE schemaname IN ('public', 'jhub_authz');
SELECT 'trigger ' || pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
 WHERE p.pronamespace = 'jhub_authz'::regnamespace AND NOT t.tgisinternal;
SELECT 'grant ' || p.oid::regprocedure || ' ' || a.grantee::regrole || ' ' || a.privilege_type
  FROM pg_proc p, aclexplode(p.proacl) a
 WHERE p.pronamespace = 'jhub_authz'::regnamespace AND a.grantee <> 0 AND a.grantee <> p.proowner;
SELECT 'grant ' || c.oid::regclass || ' ' || a.grantee::regrole || ' ' || a.privilege_type
  FROM pg_class c, aclexplode(c.relacl) a
 WHERE c.relnamespace = 'jhub_authz'::regnamespace AND a.grantee <> 0 AND a.grantee <> c.relowner;
SELECT 'owner ' || c.oid::regclass || ' ' || c.relowner::regrole
  FROM pg_class c WHERE c.relnamespace IN ('public'::regnamespace, 'jhub_authz'::regnamespace) AND relkind IN ('r', 'v', 'S');
SELECT 'status ' || to_jsonb(s)::text FROM jhub_authz.status s;
SELECT 'option ' || to_jsonb(o)::text FROM jhub_authz.options o;
SELECT 'policy ' || to_jsonb(p)::text FROM jhub_authz.token_policies p;
SELECT 'can ' || to_jsonb(t)::text FROM jhub_authz.all_token_scopes() t;
SELECT 'assertion ' || to_jsonb(a)::text FROM jhub_authz.check_assertions() a;
SELECT 'target ' || to_jsonb(d)::text FROM jhub_authz.grant_diffs() d;
SELECT 'was ' || c.at || ' ' || n.name || ' ' || coalesce(jhub_authz.user_scopes_as_of(n.name, c.at)::text, 'nobody')
  FROM (SELECT DISTINCT at FROM jhub_authz.history_changes) c, (SELECT DISTINCT name FROM jhub_authz.history_users WHERE name ~ 'move|waiter|renamed') n;
SELECT 'self_check ' || to_jsonb(c)::text FROM jhub_authz.self_check() c;
SELECT 'pending ' || count(*) FROM jhub_authz.pending;
