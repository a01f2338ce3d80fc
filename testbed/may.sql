-- For the tests of who may do what: statements tried as somebody, and every
-- function called that somebody may call.  Included after the hub's tables.

-- SQLSTATE of a statement as that role, or done; it is undone in any case.  The
-- session is the role's own, as after a login.
CREATE FUNCTION pg_temp.tried(who name, what text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
    EXECUTE what;
    SET CONSTRAINTS ALL IMMEDIATE;
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = 'done';
EXCEPTION WHEN OTHERS THEN
    RETURN CASE SQLSTATE WHEN 'ZZ001' THEN 'done' ELSE SQLSTATE END;
END $$;

-- An argument that means something, from its type and name; NULL: none is known.
CREATE FUNCTION pg_temp.argument(type text, name text) RETURNS text LANGUAGE sql AS $$
    SELECT CASE
        WHEN type = 'jhub_authz.scopeset' THEN '''["list:users!group=physics", "read:users:name"]''::jhub_authz.scopeset'
        WHEN type = 'text[]' AND name = 'roles' THEN 'NULL::text[]'
        WHEN type = 'text[]' AND name ~ 'name' THEN '''{alice}''::text[]'
        WHEN type = 'text[]' AND name ~ 'kind' THEN '''{user}''::text[]'
        WHEN type = 'text[]' THEN '''{read:users:name!user=alice}''::text[]'
        WHEN type IN ('text', 'cstring', 'name', 'character varying') THEN quote_literal(CASE
            WHEN name ~ 'kind$' THEN 'user'
            WHEN name IN ('required', 'base', 'scope', 'scopes', 'wanted') THEN 'list:users'
            WHEN name IN ('input', 'have', 'a', 'b') THEN '["list:users"]'
            WHEN name = 'role_name' THEN 'user'
            WHEN name = 'release' THEN '5.5'
            WHEN name = 'document' THEN '{}'
            WHEN name = 'mode' THEN 'enforce'
            WHEN name = 'target' THEN 'user'
            WHEN name ~ 'client' THEN 'jupyterhub'
            WHEN name = 'change' THEN 'UPDATE hub_test.roles SET scopes = ''["self", "list:users"]'' WHERE name = ''user'''
            WHEN name = 'token' THEN md5('token1')
            WHEN name = 'provider' THEN 'campus'
            WHEN name = 'family' THEN 'base'
            ELSE 'alice' END) || '::' || type
        WHEN type = 'jsonb' AND name = 'wanted' THEN '''{"contents": ["read", "write"]}''::jsonb'
        WHEN type = 'jsonb' AND name = 'facts' THEN '''{}''::jsonb'
        WHEN type = 'jsonb' AND name = 'scopes' THEN '''["list:users"]''::jsonb'
        WHEN type = 'jsonb' AND name = 'document' THEN '''{}''::jsonb'
        WHEN type = 'jsonb' AND name = 'list' THEN '''["alice"]''::jsonb'
        WHEN type = 'jsonb' THEN '''{"name": "alice"}''::jsonb'
        WHEN type IN ('integer', 'bigint', 'smallint') THEN '1::' || type
        WHEN type = 'integer[]' THEN '''{1,2,9}''::integer[]'
        WHEN type = 'numeric' THEN '1::numeric'
        WHEN type = 'numeric[]' THEN '''{0,1,2}''::numeric[]'
        WHEN type = 'boolean' THEN 'false'
        WHEN type = 'interval' THEN '''1 day''::interval'
        WHEN type = 'xid8' THEN '''1''::xid8'
        WHEN type ~ '^timestamp' THEN 'pg_catalog.now()::' || type
        WHEN type = 'bytea' THEN '''00''::bytea'
        WHEN type = 'regclass' THEN '''pg_catalog.pg_class''::regclass'
        WHEN type = 'regrole' THEN '''pg_monitor''::regrole' END
$$;

-- not at the pace of a hard build, in which pgtap/login_load does this
\if :{?few}
SET LOCAL debug_discard_caches = 0;
\endif
SELECT jhub_authz.load_login_config('campus', 'base', '{"allow_all": true}') \g /dev/null
\if :{?few}
RESET debug_discard_caches;
\endif

-- Calls of all functions and SELECTs of all tables and views that the role may
-- run, one a row.  all_kinds: also those that write.
CREATE FUNCTION pg_temp.statements(who name, all_kinds boolean DEFAULT false)
    RETURNS TABLE (object text, statement text) LANGUAGE sql AS $$
    SELECT p.oid::regprocedure::text,
           CASE WHEN p.prokind = 'a' THEN format('SELECT jhub_authz.%I(%s)', p.proname, string_agg(t.variadic || pg_temp.argument(t.type, t.name), ', ' ORDER BY i))
                ELSE format('SELECT * FROM jhub_authz.%I(%s)', p.proname, string_agg(t.variadic || pg_temp.argument(t.type, t.name), ', ' ORDER BY i)) END
      FROM pg_proc p
      LEFT JOIN LATERAL (SELECT i, CASE WHEN a = 'jhub_authz.scopeset'::regtype THEN 'jhub_authz.scopeset' ELSE format_type(a, NULL) END AS type,
                                coalesce(p.proargnames[i], '') AS name,
                                CASE WHEN p.provariadic <> 0 AND i = p.pronargs THEN 'VARIADIC ' ELSE '' END AS variadic
                           FROM unnest(p.proargtypes) WITH ORDINALITY u (a, i)) t ON true
     WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prorettype <> 'trigger'::regtype
       AND (all_kinds OR p.provolatile <> 'v') AND has_function_privilege(who, p.oid, 'EXECUTE')
       AND NOT 'internal'::regtype = ANY (p.proargtypes) AND p.prorettype <> 'internal'::regtype
     GROUP BY p.oid, p.proname, p.prokind
    UNION ALL
    SELECT c.oid::regclass::text, format('SELECT * FROM %s', c.oid::regclass)
      FROM pg_class c
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v') AND has_table_privilege(who, c.oid, 'SELECT')
     ORDER BY 1
$$;

-- What they answer (every so many of them), rows as text, or the message; nothing that they do stays.
CREATE FUNCTION pg_temp.answers(who name, all_kinds boolean DEFAULT false, every integer DEFAULT 1)
    RETURNS TABLE (object text, state text, answer text) LANGUAGE plpgsql AS $$
DECLARE
    s record;
    detail text; hint text; context text;
BEGIN
    FOR s IN SELECT x.* FROM pg_temp.statements(who, all_kinds) WITH ORDINALITY x (object, statement, n) WHERE x.n % every = 0 LOOP
        object := s.object;
        BEGIN
            EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
            EXECUTE format('SELECT coalesce(string_agg(x::text, chr(10)), %L) FROM (%s) x', '', s.statement) INTO answer;
            RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = 'done';
        EXCEPTION WHEN OTHERS THEN
            state := SQLSTATE;
            IF state <> 'ZZ001' THEN
                GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
                answer := concat_ws(chr(10), SQLERRM, detail, hint, context);
            END IF;
        END;
        RETURN NEXT;
    END LOOP;
END $$;
