-- pgTAP without its book-keeping, for a server that throws its caches away: who
-- judges what stays pgTAP's own, but a result is only said, not also numbered and
-- kept in temporary tables, which costs more there than what is tested.  Whoever
-- runs a file counts its results and compares with the plan (hard/suite).  Sets are
-- compared in one query, not by way of temporary tables.
-- Run in a database that has the extension pgtap, by its owner.

CREATE OR REPLACE FUNCTION plan(integer) RETURNS text LANGUAGE sql STRICT
AS $$ SELECT '1..' || $1 $$;

CREATE OR REPLACE FUNCTION ok(boolean, text) RETURNS text LANGUAGE sql
AS $$ SELECT CASE WHEN $1 THEN 'ok' ELSE 'not ok' END || COALESCE(' - ' || $2, '') $$;

CREATE OR REPLACE FUNCTION is(anyelement, anyelement, text) RETURNS text LANGUAGE sql
AS $$ SELECT CASE WHEN $1::text IS DISTINCT FROM $2::text THEN 'not ok' ELSE 'ok' END || COALESCE(' - ' || $3, '') $$;

CREATE OR REPLACE FUNCTION finish(exception_on_failure boolean DEFAULT NULL) RETURNS SETOF text LANGUAGE sql
AS $$ SELECT NULL::text WHERE false $$;

CREATE OR REPLACE FUNCTION set_eq(text, text, text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	same boolean;
BEGIN
	EXECUTE format('WITH a AS (%s), b AS (%s) SELECT NOT EXISTS ((TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a))', $1, $2) INTO same;
	RETURN ok(same, $3);
END $$;

CREATE OR REPLACE FUNCTION set_eq(text, anyarray, text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	same boolean;
BEGIN
	EXECUTE format('WITH a AS (%s), b AS (SELECT unnest($1)) SELECT NOT EXISTS ((TABLE a EXCEPT TABLE b) UNION ALL (TABLE b EXCEPT TABLE a))', $1) INTO same USING $2;
	RETURN ok(same, $3);
END $$;

CREATE OR REPLACE FUNCTION set_has(text, text, text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	has boolean;
BEGIN
	EXECUTE format('WITH a AS (%s), b AS (%s) SELECT NOT EXISTS (TABLE b EXCEPT TABLE a)', $1, $2) INTO has;
	RETURN ok(has, $3);
END $$;

-- that it still judges
DO $$
BEGIN
	IF ok(false, 'a') NOT LIKE 'not ok%' OR ok(NULL::boolean, 'a') NOT LIKE 'not ok%' OR ok(true, 'a') <> 'ok - a'
		OR is(1, 2, 'a') NOT LIKE 'not ok%' OR is(NULL, 2, 'a') NOT LIKE 'not ok%' OR is(NULL::integer, NULL, 'a') <> 'ok - a'
		OR isnt(1, 1, 'a'::text) NOT LIKE 'not ok%' OR cmp_ok(1, '>', 2, 'a') NOT LIKE 'not ok%'
		OR throws_ok('SELECT 1', '22012', 'a', 'a') NOT LIKE 'not ok%' OR throws_ok('SELECT 1/0', '22013', NULL::text, 'a') NOT LIKE 'not ok%'
		OR throws_ok('SELECT 1/0', '22012', 'other', 'a') NOT LIKE 'not ok%' OR throws_ok('SELECT 1/0', '22012', NULL::text, 'a') <> 'ok - a'
		OR lives_ok('SELECT 1/0', 'a'::text) NOT LIKE 'not ok%' OR matches('a'::text, 'b', 'a') NOT LIKE 'not ok%' OR unalike('a'::text, 'a', 'a') NOT LIKE 'not ok%'
		OR results_eq('VALUES (1), (2)', 'VALUES (2), (1)', 'a') NOT LIKE 'not ok%' OR set_eq('VALUES (1)', 'VALUES (2)', 'a') NOT LIKE 'not ok%'
		OR set_eq('VALUES (1), (2)', 'VALUES (1)', 'a') NOT LIKE 'not ok%' OR set_eq('VALUES (1)', 'VALUES (2), (1)', 'a') NOT LIKE 'not ok%'
		OR set_eq('VALUES (1), (2), (1)', 'VALUES (2), (1)', 'a') <> 'ok - a' OR set_eq('VALUES (1), (2)', ARRAY[1], 'a') NOT LIKE 'not ok%'
		OR set_eq('VALUES (1)', ARRAY[1, 2], 'a') NOT LIKE 'not ok%' OR set_eq('VALUES (2), (1)', ARRAY[1, 2], 'a') <> 'ok - a'
		OR set_has('VALUES (1), (2)', 'VALUES (2)', 'a') <> 'ok - a'
		OR bag_eq('VALUES (1), (1)', 'VALUES (1)', 'a') NOT LIKE 'not ok%' OR set_has('VALUES (1)', 'VALUES (2)', 'a') NOT LIKE 'not ok%'
		OR is_empty('SELECT 1', 'a') NOT LIKE 'not ok%' OR isnt_empty('SELECT 1 WHERE false', 'a') NOT LIKE 'not ok%'
		OR has_table('none'::name, 'a') NOT LIKE 'not ok%' OR hasnt_column('pg_class'::name, 'oid'::name, 'a') NOT LIKE 'not ok%'
	THEN
		RAISE 'pgTAP does not judge any more';
	END IF;
END $$;
