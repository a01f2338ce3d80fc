-- What must hold for every object of the extension, in the manner of the
-- server's own opr_sanity.  Each query returns what breaks the rule: no rows.

CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
 WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'jhub_authz');
CREATE TEMP VIEW member_function AS
SELECT p.*, p.oid::regprocedure AS signature FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;
CREATE TEMP VIEW member_operator AS
SELECT o.*, o.oid::regoperator AS signature FROM pg_operator o JOIN member m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid;
CREATE TEMP VIEW member_relation AS
SELECT c.* FROM pg_class c JOIN member m ON m.classid = 'pg_class'::regclass AND m.objid = c.oid;

-- index support
SELECT opc.opcname FROM pg_opclass opc JOIN member m ON m.classid = 'pg_opclass'::regclass AND m.objid = opc.oid
 WHERE NOT amvalidate(opc.oid);

-- operators: commutator and negator agree, every boolean one has estimators
SELECT o.signature FROM member_operator o LEFT JOIN pg_operator c ON c.oid = o.oprcom
 WHERE o.oprresult = 'bool'::regtype AND (c.oid IS NULL OR c.oprcom <> o.oid);
SELECT o.signature FROM member_operator o JOIN pg_operator n ON n.oid = o.oprnegate
 WHERE n.oprnegate <> o.oid;
SELECT o.signature FROM member_operator o
 WHERE o.oprresult = 'bool'::regtype AND (o.oprrest = 0 OR o.oprjoin = 0);
SELECT o.signature FROM member_operator o
 WHERE o.oprname = '=' AND NOT (o.oprcanhash AND o.oprcanmerge);
SELECT o.signature, o.oprrest, o.oprjoin FROM member_operator o
 WHERE o.oprname = '<>' AND (o.oprrest <> 'neqsel'::regproc OR o.oprjoin <> 'neqjoinsel'::regproc);
SELECT o.signature FROM member_operator o JOIN pg_proc p ON p.oid = o.oprcode
 WHERE p.provolatile <> 'i' OR p.proparallel <> 's' OR NOT p.proisstrict;
-- the function of an operator says so, the operator has the real description
SELECT o.signature, obj_description(o.oprcode, 'pg_proc') FROM member_operator o
 WHERE obj_description(o.oprcode, 'pg_proc') IS DISTINCT FROM 'implementation of ' || o.oprname || ' operator';

-- functions
SELECT signature FROM member_function WHERE provolatile = 'i' AND proparallel <> 's';
SELECT signature FROM member_function WHERE proleakproof;
SELECT signature FROM member_function
 WHERE prolang IN (SELECT oid FROM pg_language WHERE lanname IN ('sql', 'plpgsql'))
   AND prosqlbody IS NULL AND NOT coalesce(array_to_string(proconfig, ',') LIKE 'search_path=pg_catalog, pg_temp%', false);
SELECT signature FROM member_function WHERE prosecdef AND proacl IS NULL;
-- every parameter has a name, but for what the type's own machinery calls
SELECT signature FROM member_function
 WHERE pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames[1:pronargs]))
   AND NOT 'internal'::regtype = ANY (proargtypes) AND prorettype <> 'internal'::regtype
   AND prokind = 'f' AND proname !~ '^(scopeset|gin)_';

-- everything has a comment
SELECT pg_describe_object(m.classid, m.objid, 0) AS without_comment FROM member m
 WHERE obj_description(m.objid, (SELECT relname FROM pg_class WHERE oid = m.classid)) IS NULL
   AND m.classid <> ALL (ARRAY['pg_cast', 'pg_amop', 'pg_amproc']::regclass[])
   -- what comes with a table or a type by itself
   AND NOT (m.classid = 'pg_type'::regclass AND m.objid IN (SELECT oid FROM pg_type WHERE typrelid <> 0 OR typelem <> 0))
   AND NOT (m.classid = 'pg_class'::regclass AND m.objid IN (SELECT oid FROM pg_class WHERE relkind NOT IN ('r', 'v')))
 ORDER BY 1;
SELECT c.castsource::regtype, c.casttarget::regtype FROM pg_cast c JOIN member m ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
 WHERE obj_description(c.oid, 'pg_cast') IS NULL ORDER BY 1, 2;
SELECT r.relname, a.attname FROM member_relation r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE r.relkind IN ('r', 'v') AND col_description(r.oid, a.attnum) IS NULL ORDER BY 1, 2;

-- all lives in one schema; no cast is implicit
SELECT pg_describe_object(m.classid, m.objid, 0) FROM member m
  JOIN LATERAL pg_identify_object(m.classid, m.objid, 0) i ON true
 WHERE i.schema IS NOT NULL AND i.schema <> 'jhub_authz';
SELECT c.castsource::regtype, c.casttarget::regtype FROM pg_cast c JOIN member m ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
 WHERE c.castcontext = 'i';

-- what PUBLIC may do: nothing that writes, no table but those of the catalogue
SELECT signature FROM member_function
 WHERE provolatile = 'v' AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY 1;
SELECT relname FROM member_relation
 WHERE relkind IN ('r', 'v', 'S') AND has_table_privilege('public', oid, 'SELECT') ORDER BY 1;
SELECT relname FROM member_relation
 WHERE relkind IN ('r', 'v') AND has_table_privilege('public', oid, 'INSERT, UPDATE, DELETE, TRUNCATE') ORDER BY 1;
-- ... and the functions that it may call
SELECT signature FROM member_function
 WHERE has_function_privilege('public', oid, 'EXECUTE') AND NOT 'internal'::regtype = ANY (proargtypes)
   AND NOT 'jhub_authz.scopeset'::regtype = ANY (proargtypes || prorettype) ORDER BY 1;

-- dumped tables are empty after CREATE EXTENSION; sequences go with their tables
CREATE TEMP VIEW dumped AS SELECT unnest(extconfig)::regclass AS rel FROM pg_extension WHERE extname = 'jhub_authz';
SELECT rel FROM dumped d JOIN pg_class c ON c.oid = d.rel WHERE c.relkind = 'r'
   AND (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', rel), false, true, '')))[1]::text <> '0';
SELECT s.oid::regclass FROM pg_class s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype IN ('a', 'i')
 WHERE s.relkind = 'S' AND d.refobjid IN (SELECT rel FROM dumped) AND s.oid NOT IN (SELECT rel FROM dumped);
SELECT rel FROM dumped ORDER BY rel::text;
-- no trigger of a dumped table does more than tell that a cache is old
SELECT t.tgrelid::regclass, t.tgname, t.tgfoid::regproc, t.tgenabled FROM pg_trigger t
 WHERE t.tgrelid IN (SELECT rel FROM dumped) AND NOT t.tgisinternal ORDER BY 1, 2;
-- and none holds a plain oid
SELECT a.attrelid::regclass, a.attname FROM pg_attribute a
 WHERE a.attrelid IN (SELECT rel FROM dumped) AND a.attnum > 0 AND a.atttypid = 'oid'::regtype;
