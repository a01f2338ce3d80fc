-- One call of every function of the extension that a user may call, and a look at
-- every view and table, from the catalogue: a line "reads|writes name statement".
-- A parameter whose type has no sample here ends it.
SELECT jhub_authz.load_login_config('campus', 'base', '{"allow_all": true}') \g /dev/null
CREATE TEMP TABLE sample (function text, parameter text, type text, value text);
INSERT INTO sample VALUES
    ('service_scopes', 'name', 'text', '''announce'''),
    ('group_scopes', 'name', 'text', '''physics'''),
    ('access_scopes', 'client_id', 'text', '''service-announce'''),
    (NULL, 'token', 'text', 'md5(''token1'')'), ('api_group', 'name', 'text', '''physics'''), ('api_service', 'name', 'text', '''announce'''),
    ('undefine_scope', 'name', 'text', '''custom:replica:read'''),
    ('set_option', 'name', 'text', '''base_url'''), ('set_option', 'value', 'text', '''/x/'''),
    ('load_assertions', 'document', 'jsonb', '''[]'''), (NULL, 'document', 'jsonb', '''{}'''),
    (NULL, 'document', 'text', '''{"custom:replica:write": {"description": "x"}}'''),
    (NULL, 'provider', 'text', '''campus'''), (NULL, 'family', 'text', '''base'''), ('load_login_config', 'document', 'text', '''{}'''),
    (NULL, 'user_info', 'jsonb', '''{"name": "alice"}'''), (NULL, 'facts', 'jsonb', '''{}'''),
    (NULL, 'release', 'text', '''5.5'''), (NULL, 'mode', 'text', '''observe'''), (NULL, 'target', 'text', '''user'''),
    (NULL, 'change', 'text', '''SELECT 1'''),
    ('has_any_scope', 'required', 'text', '''list:users'''), (NULL, 'client_id', 'text', '''jupyterhub'''), (NULL, 'client', 'text', '''jupyterhub'''),
    (NULL, 'kind', 'text', '''user'''), (NULL, 'owner_kind', 'text', '''user'''),
    (NULL, 'name', 'text', '''alice'''), (NULL, 'owner_name', 'text', '''alice'''),
    (NULL, 'required', 'text', '''read:users!user=bob'''), (NULL, 'required', 'text[]', 'ARRAY[''list:users'', ''read:groups'']'),
    (NULL, 'requested', 'text[]', 'ARRAY[''access:servers!server=alice/'']'),
    (NULL, 'txid', 'xid8', '''1'''), (NULL, 'role_name', 'regrole', 'current_user::regrole'), (NULL, 'role_name', 'text', '''by-group'''),
    (NULL, NULL, 'jhub_authz.scopeset', '''["read:users!user=alice","access:servers!group=physics","list:users","self"]'''),
    (NULL, NULL, 'text', '''read:users'''), (NULL, NULL, 'text[]', 'ARRAY[''list:users'']'), (NULL, NULL, 'integer', '1'),
    (NULL, NULL, 'bigint', '1'), (NULL, NULL, 'boolean', 'true'), (NULL, NULL, 'interval', '''1 day'''),
    (NULL, 'wanted', 'jsonb', '''{"contents": ["read", "write"]}'''),
    (NULL, NULL, 'jsonb', '''["read:users"]'''), (NULL, NULL, 'timestamp with time zone', 'now()'),
    (NULL, NULL, 'name', 'current_user'), (NULL, NULL, 'regrole', 'current_user::regrole');

CREATE TEMP TABLE call AS
SELECT p.oid::regprocedure::text AS name,
       CASE WHEN p.provolatile = 'v' AND p.proname <> 'act_as' THEN 'writes' ELSE 'reads' END AS kind,
       format('SELECT * FROM jhub_authz.%I(%s)', p.proname,
              (SELECT string_agg(CASE WHEN p.provariadic <> 0 AND a.n = p.pronargs THEN 'VARIADIC ' ELSE '' END || coalesce((SELECT s.value FROM sample s
                                            WHERE s.type = format_type(a.type, NULL) AND coalesce(s.function, p.proname) = p.proname
                                              AND coalesce(s.parameter, a.name) = a.name
                                            ORDER BY s.function IS NULL, s.parameter IS NULL LIMIT 1),
                                          ('no sample for ' || a.name || ' of ' || p.proname)::integer::text)
                                 || '::' || format_type(a.type, NULL), ', ' ORDER BY a.n)
                 FROM unnest(p.proargtypes::oid[], p.proargnames[1:p.pronargs]) WITH ORDINALITY AS a (type, name, n)
                WHERE a.n <= p.pronargs - p.pronargdefaults)) AS statement
  FROM pg_proc p
 WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype
   AND p.proname !~ '^_|^scopeset_(in|out|recv|send)$|_to_scopeset$' AND NOT 'internal'::regtype = ANY (p.proargtypes)
UNION ALL
SELECT c.oid::regclass::text, 'reads', format('SELECT * FROM %s', c.oid::regclass)
  FROM pg_class c
 WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v') AND c.relname <> 'pending';
SELECT kind || ' ' || replace(name, ' ', '') || ' ' || statement FROM call ORDER BY name;
