-- Everything that the catalogues know of the extension, one line a fact, without
-- OIDs and in a fixed order: two ways to the same version print the same.
-- Columns: what, of which object, the fact.
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' | '
SET search_path = pg_catalog;
SET client_min_messages = warning;

CREATE TEMP TABLE member AS
    SELECT d.classid, d.objid, i.type, i.identity
      FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid,
           pg_identify_object(d.classid, d.objid, 0) i
     WHERE e.extname = 'jhub_authz' AND d.deptype = 'e';

-- privileges: grantor and grantee by name, in order
CREATE FUNCTION pg_temp.acl(acl aclitem[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s=%s%s by %s', CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END, privilege_type,
                             CASE WHEN is_grantable THEN '*' END, grantor::regrole), ', '
                      ORDER BY grantee::regrole::text, privilege_type, grantor::regrole::text)
      FROM aclexplode(acl) $$;

-- a catalogue row without its OIDs
CREATE FUNCTION pg_temp.plain(catalogue_row jsonb, VARIADIC without text[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format('%s=%s', key, value), ' ' ORDER BY key)
      FROM jsonb_each_text(catalogue_row) WHERE key <> ALL (without) AND value IS NOT NULL $$;

CREATE TEMP TABLE fact (what text, object text, fact text);

INSERT INTO fact SELECT 'member', type, identity FROM member;

INSERT INTO fact
SELECT 'extension', extname, format('version=%s relocatable=%s schema=%s owner=%s', extversion, extrelocatable, extnamespace::regnamespace, extowner::regrole)
  FROM pg_extension WHERE extname = 'jhub_authz';

INSERT INTO fact
SELECT 'dumped', c.rel::regclass::text, c.condition
  FROM pg_extension e, unnest(e.extconfig, e.extcondition) AS c (rel, condition) WHERE e.extname = 'jhub_authz';

INSERT INTO fact
SELECT 'schema', nspname, pg_temp.acl(nspacl) FROM pg_namespace WHERE nspname = 'jhub_authz'
UNION ALL
SELECT 'schema comment', 'jhub_authz', obj_description('jhub_authz'::regnamespace, 'pg_namespace');

INSERT INTO fact
SELECT 'function', m.identity,
       concat_ws(' ', pg_temp.plain(to_jsonb(p), 'oid', 'pronamespace', 'proowner', 'prolang', 'provariadic', 'prosupport',
                                    'prorettype', 'proargtypes', 'proallargtypes', 'protrftypes', 'proargdefaults', 'prosqlbody', 'proacl'),
                 'language=' || (SELECT lanname FROM pg_language WHERE oid = p.prolang),
                 'support=' || p.prosupport, 'arguments=' || pg_get_function_arguments(p.oid),
                 'result=' || pg_get_function_result(p.oid), 'owner=' || p.proowner::regrole,
                 'sqlbody=' || pg_get_function_sqlbody(p.oid))
  FROM member m JOIN pg_proc p ON p.oid = m.objid WHERE m.classid = 'pg_proc'::regclass
UNION ALL
SELECT 'aggregate', a.aggfnoid::regprocedure::text,
       concat_ws(' ', a.aggkind, a.aggnumdirectargs, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn,
                 a.aggfinalextra, a.aggfinalmodify, a.aggsortop::regoperator, a.aggtranstype::regtype, a.aggtransspace, a.agginitval)
  FROM member m JOIN pg_aggregate a ON a.aggfnoid = m.objid WHERE m.classid = 'pg_proc'::regclass
UNION ALL
SELECT 'type', m.identity,
       concat_ws(' ', pg_temp.plain(to_jsonb(t), 'oid', 'typnamespace', 'typowner', 'typrelid', 'typelem', 'typarray', 'typbasetype', 'typacl', 'typcollation'),
                 'elem=' || t.typelem::regtype, 'owner=' || t.typowner::regrole)
  FROM member m JOIN pg_type t ON t.oid = m.objid WHERE m.classid = 'pg_type'::regclass
UNION ALL
SELECT 'operator', m.identity,
       concat_ws(' ', o.oprkind, o.oprcanmerge, o.oprcanhash, o.oprresult::regtype, o.oprcom::regoperator, o.oprnegate::regoperator,
                 o.oprcode, o.oprrest, o.oprjoin)
  FROM member m JOIN pg_operator o ON o.oid = m.objid WHERE m.classid = 'pg_operator'::regclass
UNION ALL
SELECT 'operator class', m.identity, concat_ws(' ', c.opcdefault, c.opcintype::regtype, 'storage=' || c.opckeytype::regtype)
  FROM member m JOIN pg_opclass c ON c.oid = m.objid WHERE m.classid = 'pg_opclass'::regclass
UNION ALL
SELECT 'operator of family', m.identity,
       concat_ws(' ', a.amopstrategy, a.amoppurpose, a.amopopr::regoperator, a.amoplefttype::regtype, a.amoprighttype::regtype)
  FROM member m JOIN pg_amop a ON a.amopfamily = m.objid WHERE m.classid = 'pg_opfamily'::regclass
UNION ALL
SELECT 'function of family', m.identity,
       concat_ws(' ', a.amprocnum, a.amproc::regprocedure, a.amproclefttype::regtype, a.amprocrighttype::regtype)
  FROM member m JOIN pg_amproc a ON a.amprocfamily = m.objid WHERE m.classid = 'pg_opfamily'::regclass
UNION ALL
SELECT 'cast', m.identity, concat_ws(' ', c.castfunc::regprocedure, c.castcontext, c.castmethod)
  FROM member m JOIN pg_cast c ON c.oid = m.objid WHERE m.classid = 'pg_cast'::regclass;

-- relations: the members, their indexes and toast tables' options.  pg_attver is
-- the server's own stamp of when a column was last altered.
CREATE TEMP TABLE relation AS
    SELECT c.oid AS relid FROM member m JOIN pg_class c ON c.oid = m.objid WHERE m.classid = 'pg_class'::regclass
    UNION
    SELECT i.indexrelid FROM member m JOIN pg_index i ON i.indrelid = m.objid WHERE m.classid = 'pg_class'::regclass;

INSERT INTO fact
SELECT 'relation', c.oid::regclass::text,
       concat_ws(' ', c.relkind, c.relpersistence, c.relowner::regrole, 'columns=' || c.relnatts, 'checks=' || c.relchecks,
                 'rls=' || c.relrowsecurity, c.relforcerowsecurity, 'identity=' || c.relreplident::text, 'options=' || c.reloptions::text,
                 'toast=' || (SELECT t.reloptions::text FROM pg_class t WHERE t.oid = c.reltoastrelid), 'am=' || (SELECT amname FROM pg_am WHERE oid = c.relam))
  FROM relation r JOIN pg_class c ON c.oid = r.relid
UNION ALL
SELECT 'column', a.attrelid::regclass || '.' || a.attname,
       concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod), 'notnull=' || a.attnotnull, 'identity=' || a.attidentity::text,
                 'generated=' || a.attgenerated::text, 'storage=' || a.attstorage::text, 'compression=' || a.attcompression::text,
                 'collation=' || nullif(a.attcollation, 0)::regcollation, 'options=' || (SELECT string_agg(o, ',') FROM unnest(a.attoptions) o WHERE o !~ '^pg_attver='),
                 'default=' || pg_get_expr(d.adbin, d.adrelid), 'acl=' || pg_temp.acl(a.attacl))
  FROM relation r JOIN pg_attribute a ON a.attrelid = r.relid AND a.attnum > 0
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', conrelid::regclass || '.' || conname,
       concat_ws(' ', contype, pg_get_constraintdef(oid), condeferrable, condeferred, convalidated)
  FROM pg_constraint WHERE conrelid IN (SELECT relid FROM relation)
UNION ALL
SELECT 'index', indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid, indisreplident, indisclustered)
  FROM pg_index WHERE indrelid IN (SELECT relid FROM relation)
UNION ALL
SELECT 'trigger', tgrelid::regclass || '.' || tgname, concat_ws(' ', pg_get_triggerdef(oid), 'enabled=' || tgenabled::text)
  FROM pg_trigger WHERE tgrelid IN (SELECT relid FROM relation) AND NOT tgisinternal
UNION ALL
SELECT 'view', ev_class::regclass || '.' || rulename, concat_ws(' ', ev_type, ev_enabled, pg_get_ruledef(oid))
  FROM pg_rewrite WHERE ev_class IN (SELECT relid FROM relation)
UNION ALL
SELECT 'policy', polrelid::regclass || '.' || polname, concat_ws(' ', polcmd, polpermissive, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
  FROM pg_policy WHERE polrelid IN (SELECT relid FROM relation)
UNION ALL
SELECT 'statistics', stxname, pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid IN (SELECT relid FROM relation)
UNION ALL
SELECT 'sequence', seqrelid::regclass::text,
       concat_ws(' ', seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle)
  FROM pg_sequence WHERE seqrelid IN (SELECT relid FROM relation);

-- privileges, and those that a dump takes for given
INSERT INTO fact
SELECT 'privileges', m.identity, pg_temp.acl(coalesce(p.proacl, acldefault('f', p.proowner)))
  FROM member m JOIN pg_proc p ON p.oid = m.objid WHERE m.classid = 'pg_proc'::regclass
UNION ALL
SELECT 'privileges', m.identity, pg_temp.acl(coalesce(c.relacl, acldefault(CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", c.relowner)))
  FROM member m JOIN pg_class c ON c.oid = m.objid WHERE m.classid = 'pg_class'::regclass
UNION ALL
SELECT 'privileges', m.identity, pg_temp.acl(coalesce(t.typacl, acldefault('T', t.typowner)))
  FROM member m JOIN pg_type t ON t.oid = m.objid WHERE m.classid = 'pg_type'::regclass
UNION ALL
SELECT 'initial privileges', i.identity, format('%s %s', p.privtype, pg_temp.acl(p.initprivs))
  FROM pg_init_privs p, pg_identify_object(p.classoid, p.objoid, p.objsubid) i
 WHERE i.schema = 'jhub_authz';

INSERT INTO fact
SELECT 'comment', i.type || ' ' || i.identity, d.description
  FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) i
 WHERE i.schema = 'jhub_authz' OR i.identity ~ '^"?jhub_authz"?\.' OR i.identity ~ ' on jhub_authz\.' OR i.type = 'extension' AND i.identity = 'jhub_authz';

-- what hangs on what: on members, and among ours
INSERT INTO fact
SELECT DISTINCT 'depends', f.type || ' ' || f.identity, format('%s %s (%s)', t.type, t.identity, d.deptype)
  FROM pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) f, pg_identify_object(d.refclassid, d.refobjid, d.refobjsubid) t
 WHERE d.deptype <> 'e' AND (f.identity ~ 'jhub_authz\.' OR f.schema = 'jhub_authz') AND f.type <> 'toast table'
   AND f.identity !~ 'pg_toast|pg_temp' AND t.identity !~ 'pg_toast|pg_temp'
   -- the triggers of a foreign key have numbers in their names
   AND f.identity !~ '^"RI_ConstraintTrigger' AND t.identity !~ '^"RI_ConstraintTrigger';

SELECT what, object, replace(fact, E'\n', ' ') FROM fact ORDER BY what COLLATE "C", object COLLATE "C", fact COLLATE "C";
