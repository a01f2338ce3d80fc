-- What PUBLIC may do: exactly this.  A new object that comes without REVOKE, or one
-- that was meant for everybody and is not in this list, fails here.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT plan(11);

-- Functions of the type and of its algebra, which read no table, and what is told
-- about scopes that everybody can read in the hub's manual.
SELECT results_eq($$
    SELECT p.oid::regprocedure::text COLLATE "C"
      FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'jhub_authz'
     WHERE has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1 $$,
    ARRAY[
    'jhub_authz._filters_by_group(jhub_authz.scopeset)',
    'jhub_authz._first_findings(integer,timestamp with time zone,text,text,text,text)',
    'jhub_authz._option_defaults()',
    'jhub_authz._policy_defaults()',
    'jhub_authz._rename_filter(jhub_authz.scopeset,text[],text[],text[])',
    'jhub_authz._required_scope_defaults()',
    'jhub_authz._required_sets(text[])',
    'jhub_authz._scope_check_support(internal)',
    'jhub_authz._scope_definitions()',
    'jhub_authz.describe(jhub_authz.scopeset,text)',
    'jhub_authz.identify_scopes(text,text)',
    'jhub_authz.jsonb_to_scopeset(jsonb)',
    'jhub_authz.oauth_scope(jhub_authz.scopeset)',
    'jhub_authz.reduce(jhub_authz.scopeset)',
    'jhub_authz.scope_count(jhub_authz.scopeset)',
    'jhub_authz.scope_explode(jhub_authz.scopeset)',
    'jhub_authz.scopeset_agg(jhub_authz.scopeset)',
    'jhub_authz.scopeset_agg(text)',
    'jhub_authz.scopeset_agg_add(internal,jhub_authz.scopeset)',
    'jhub_authz.scopeset_agg_add_text(internal,text)',
    'jhub_authz.scopeset_agg_combine(internal,internal)',
    'jhub_authz.scopeset_agg_deserialize(bytea,internal)',
    'jhub_authz.scopeset_agg_final(internal)',
    'jhub_authz.scopeset_agg_serialize(internal)',
    'jhub_authz.scopeset_as_text(jhub_authz.scopeset)',
    'jhub_authz.scopeset_cmp(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_contained(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_contains(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_containsel(internal,oid,internal,integer)',
    'jhub_authz.scopeset_eq(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_ge(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_gin_compare_partial(bytea,bytea,smallint,internal)',
    'jhub_authz.scopeset_gin_consistent(internal,smallint,jhub_authz.scopeset,integer,internal,internal,internal,internal)',
    'jhub_authz.scopeset_gin_extract_query(jhub_authz.scopeset,internal,smallint,internal,internal,internal,internal)',
    'jhub_authz.scopeset_gin_extract_value(jhub_authz.scopeset,internal,internal)',
    'jhub_authz.scopeset_gin_hash_consistent(internal,smallint,jhub_authz.scopeset,integer,internal,internal,internal,internal)',
    'jhub_authz.scopeset_gin_hash_extract_query(jhub_authz.scopeset,internal,smallint,internal,internal,internal,internal)',
    'jhub_authz.scopeset_gin_hash_extract_value(jhub_authz.scopeset,internal,internal)',
    'jhub_authz.scopeset_gin_hash_triconsistent(internal,smallint,jhub_authz.scopeset,integer,internal,internal,internal)',
    'jhub_authz.scopeset_gin_triconsistent(internal,smallint,jhub_authz.scopeset,integer,internal,internal,internal)',
    'jhub_authz.scopeset_gt(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_hash(jhub_authz.scopeset)',
    'jhub_authz.scopeset_hash_extended(jhub_authz.scopeset,bigint)',
    'jhub_authz.scopeset_in(cstring)',
    'jhub_authz.scopeset_intersect(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_intersect_agg(jhub_authz.scopeset)',
    'jhub_authz.scopeset_le(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_lt(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_may_be_contained(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_may_contain(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_may_containsel(internal,oid,internal,integer)',
    'jhub_authz.scopeset_minus(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_ne(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_of(text[])',
    'jhub_authz.scopeset_out(jhub_authz.scopeset)',
    'jhub_authz.scopeset_overlaps(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.scopeset_overlapsel(internal,oid,internal,integer)',
    'jhub_authz.scopeset_recv(internal)',
    'jhub_authz.scopeset_send(jhub_authz.scopeset)',
    'jhub_authz.scopeset_to_array(jhub_authz.scopeset)',
    'jhub_authz.scopeset_to_jsonb(jhub_authz.scopeset)',
    'jhub_authz.scopeset_typanalyze(internal)',
    'jhub_authz.scopeset_union(jhub_authz.scopeset,jhub_authz.scopeset)',
    'jhub_authz.text_array_to_scopeset(text[])',
    'jhub_authz.text_to_scopeset(text)',
    'jhub_authz.validate(jhub_authz.scopeset)'
    ] COLLATE "C", 'the functions that PUBLIC may execute');
SELECT results_eq($$
    SELECT c.oid::regclass::text COLLATE "C", p.privilege
      FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
       AND (has_table_privilege('public', c.oid, p.privilege)
            OR p.privilege NOT IN ('DELETE', 'TRUNCATE', 'TRIGGER') AND has_any_column_privilege('public', c.oid, p.privilege))
     ORDER BY 1, 2 $$,
    $$ VALUES ('jhub_authz.scope_definitions' COLLATE "C", 'SELECT') $$, 'the tables and views that PUBLIC may use');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS p (privilege)
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND CASE WHEN c.relkind = 'S' THEN has_sequence_privilege('public', c.oid, p.privilege) END $$,
    'no sequence');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
       AND p.prorettype IN ('trigger'::regtype, 'event_trigger'::regtype) AND has_function_privilege('public', p.oid, 'EXECUTE') $$,
    'no trigger function');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
       AND (p.prosecdef OR p.provolatile = 'v') AND has_function_privilege('public', p.oid, 'EXECUTE') $$,
    'nothing that writes and nothing that runs as its owner');
SELECT results_eq($$
    SELECT p.privilege FROM unnest(ARRAY['CREATE', 'USAGE']) AS p (privilege) WHERE has_schema_privilege('public', 'jhub_authz', p.privilege) $$,
    ARRAY['USAGE'], 'of the schema its use, no more');
SELECT results_eq($$
    SELECT t.typname::text COLLATE "C" FROM pg_type t
     WHERE t.typnamespace = 'jhub_authz'::regnamespace AND t.typrelid = 0 AND t.typelem = 0 AND has_type_privilege('public', t.oid, 'USAGE') ORDER BY 1 $$,
    ARRAY['scopeset'] COLLATE "C", 'the type');

-- Everything of ours is in the schema, which the above went by.
SELECT results_eq($$
    SELECT DISTINCT d.classid::regclass::text COLLATE "C"
      FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass AND e.extname = 'jhub_authz'
     WHERE d.deptype = 'e' AND (pg_identify_object(d.classid, d.objid, 0)).schema IS DISTINCT FROM 'jhub_authz' ORDER BY 1 $$,
    ARRAY['pg_cast'] COLLATE "C", 'nothing of ours but the casts is outside of the schema');

-- A function that runs as its owner, or whose text is parsed when it is called,
-- goes by no one else's search_path.
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
     WHERE p.pronamespace = 'jhub_authz'::regnamespace AND (p.prosecdef OR l.lanname NOT IN ('c', 'internal')) AND p.prosqlbody IS NULL
       AND NOT 'search_path=pg_catalog, pg_temp' = ANY (coalesce(p.proconfig, '{}')) $$,
    'every search_path is pinned');
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.proleakproof $$,
    'nothing says that it is leakproof');

-- whatever is denied, is so to a role that has nothing, too
CREATE ROLE hub_test_nobody;
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
       AND has_function_privilege('hub_test_nobody', p.oid, 'EXECUTE') <> has_function_privilege('public', p.oid, 'EXECUTE') $$,
    'a role without anything may do what PUBLIC may');

SELECT * FROM finish();
ROLLBACK;
