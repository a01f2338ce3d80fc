-- pgTAP made light, for a server that throws its caches away: there its own ways cost
-- more than what is tested.  A result is said, but not numbered and kept in temporary
-- tables (whoever runs a file counts its results and compares with the plan: hard/suite).
-- Judged is in C (light_tap.c), rows as texts: the types of columns are for the runs
-- that keep caches.  What is not named here stays pgTAP's own.
-- Run in a database that has the extension pgtap, by its owner, with the psql variable
-- library: the path of light_tap.so.

CREATE OR REPLACE FUNCTION plan(integer) RETURNS text LANGUAGE sql STRICT
AS $$ SELECT '1..' || $1 $$;
CREATE OR REPLACE FUNCTION finish(exception_on_failure boolean DEFAULT NULL) RETURNS SETOF text LANGUAGE sql
AS $$ SELECT NULL::text WHERE false $$;
CREATE OR REPLACE FUNCTION ok(boolean, text) RETURNS text LANGUAGE c AS :'library', 'light_ok';
CREATE OR REPLACE FUNCTION is(anyelement, anyelement, text) RETURNS text LANGUAGE c AS :'library', 'light_is';
CREATE OR REPLACE FUNCTION isnt(anyelement, anyelement, text) RETURNS text LANGUAGE c AS :'library', 'light_isnt';
CREATE OR REPLACE FUNCTION cmp_ok(anyelement, text, anyelement, text) RETURNS text LANGUAGE c AS :'library', 'light_cmp_ok';
CREATE OR REPLACE FUNCTION matches(anyelement, text, text) RETURNS text LANGUAGE c AS :'library', 'light_matches';
CREATE OR REPLACE FUNCTION doesnt_match(anyelement, text, text) RETURNS text LANGUAGE c AS :'library', 'light_doesnt_match';
CREATE OR REPLACE FUNCTION alike(anyelement, text, text) RETURNS text LANGUAGE c AS :'library', 'light_alike';
CREATE OR REPLACE FUNCTION unalike(anyelement, text, text) RETURNS text LANGUAGE c AS :'library', 'light_unalike';
CREATE OR REPLACE FUNCTION throws_ok(text, character, text, text) RETURNS text LANGUAGE c AS :'library', 'light_throws_ok';
CREATE OR REPLACE FUNCTION throws_like(text, text, text) RETURNS text LANGUAGE c AS :'library', 'light_throws_like';
CREATE OR REPLACE FUNCTION lives_ok(text, text) RETURNS text LANGUAGE c AS :'library', 'light_lives_ok';
CREATE OR REPLACE FUNCTION is_empty(text, text) RETURNS text LANGUAGE c AS :'library', 'light_is_empty';
CREATE OR REPLACE FUNCTION isnt_empty(text, text) RETURNS text LANGUAGE c AS :'library', 'light_isnt_empty';
CREATE OR REPLACE FUNCTION results_eq(text, text, text) RETURNS text LANGUAGE c AS :'library', 'light_results_eq';
CREATE OR REPLACE FUNCTION results_eq(text, anyarray, text) RETURNS text LANGUAGE c AS :'library', 'light_results_eq_array';
CREATE OR REPLACE FUNCTION set_eq(text, text, text) RETURNS text LANGUAGE c AS :'library', 'light_set_eq';
CREATE OR REPLACE FUNCTION set_eq(text, anyarray, text) RETURNS text LANGUAGE c AS :'library', 'light_set_eq_array';
CREATE OR REPLACE FUNCTION set_has(text, text, text) RETURNS text LANGUAGE c AS :'library', 'light_set_has';
CREATE OR REPLACE FUNCTION bag_eq(text, text, text) RETURNS text LANGUAGE c AS :'library', 'light_bag_eq';

-- that they judge
PREPARE light_one AS SELECT 1;
PREPARE light_none AS SELECT 1 WHERE false;
DO $$
DECLARE
	judged record;
BEGIN
	FOR judged IN VALUES
		(false, ok(false, 'a')), (false, ok(NULL::boolean, 'a')), (true, ok(true, 'a')),
		(false, is(1, 2, 'a')), (false, is(NULL, 2, 'a')), (true, is(NULL::integer, NULL, 'a')), (true, is(1, 1, 'a')),
		(false, isnt(1, 1, 'a'::text)), (false, isnt(NULL, NULL::integer, 'a')), (true, isnt(1, NULL, 'a')), (true, isnt(1, 2, 'a')),
		(false, cmp_ok(1, '>', 2, 'a')), (false, cmp_ok(NULL, '>', 2, 'a')), (true, cmp_ok(1, '<', 2, 'a')), (true, cmp_ok('{2}'::integer[], '>', '{1,3}', 'a')),
		(false, matches('a'::text, 'b', 'a')), (false, matches(NULL::text, 'b', 'a')), (true, matches('a'::text, '^a$', 'a')),
		(false, doesnt_match('a'::text, 'a', 'a')), (false, doesnt_match(NULL::text, 'a', 'a')), (true, doesnt_match('a'::text, 'b', 'a')),
		(false, alike('a'::text, 'b%', 'a')), (true, alike('ab'::text, 'a%', 'a')), (false, unalike('a'::text, 'a', 'a')), (true, unalike('a'::text, 'b', 'a')),
		(false, throws_ok('SELECT 1', '22012', 'a', 'a')), (false, throws_ok('SELECT 1/0', '22013', NULL::text, 'a')),
		(false, throws_ok('SELECT 1/0', '22012', 'other', 'a')), (true, throws_ok('SELECT 1/0', '22012', NULL::text, 'a')),
		(true, throws_ok('SELECT 1/0', '22012', 'division by zero', 'a')),
		(false, throws_like('SELECT 1', '%', 'a')), (false, throws_like('SELECT 1/0', 'zero%', 'a')), (true, throws_like('SELECT 1/0', '%zero', 'a')),
		(false, lives_ok('SELECT 1/0', 'a'::text)), (true, lives_ok('SELECT 1', 'a'::text)), (true, lives_ok('light_one', 'a'::text)), (false, throws_ok('light_one', NULL, NULL, 'a')), (true, throws_ok(NULL, '22004', NULL, 'a')), (true, throws_ok('COMMIT ;', '0A000', NULL, 'a')),
		(false, results_eq('VALUES (1), (2)', 'VALUES (2), (1)', 'a')), (false, results_eq('VALUES (1), (2)', 'VALUES (1)', 'a')), (false, results_eq('VALUES (1)', 'VALUES (1), (1)', 'a')),
		(false, results_eq('VALUES (1, NULL)', 'VALUES (1, '''')', 'a')), (false, results_eq('VALUES (1)', 'SELECT 1 WHERE false', 'a')), (false, results_eq('SELECT 1 WHERE false', 'VALUES (1)', 'a')),
		(true, results_eq('VALUES (1, NULL), (2, ''a,b'')', 'VALUES (1, NULL), (2, ''a,b'')', 'a')), (false, results_eq('VALUES (1, ''a,b'')', 'VALUES (1, ''a'', ''b'')', 'a')),
		(true, results_eq('SELECT 1 WHERE false', 'SELECT 2 WHERE false', 'a')), (false, results_eq('light_one', 'VALUES (2)', 'a')), (true, results_eq('EXECUTE light_one', 'VALUES (1)', 'a')),
		(false, results_eq('VALUES (1), (2)', ARRAY[2, 1], 'a')), (true, results_eq('VALUES (1), (2)', ARRAY[1, 2], 'a')), (false, results_eq('VALUES (NULL)', ARRAY[]::text[], 'a')),
		(true, results_eq('VALUES (NULL)', ARRAY[NULL], 'a')), (true, results_eq('WITH w AS (SELECT 3) TABLE w', ARRAY[3], 'a')),
		(false, set_eq('VALUES (1)', 'VALUES (2)', 'a')), (false, set_eq('VALUES (1), (2)', 'VALUES (1)', 'a')), (false, set_eq('VALUES (1)', 'VALUES (2), (1)', 'a')),
		(true, set_eq('VALUES (1), (2), (1)', 'VALUES (2), (1)', 'a')), (false, set_eq('VALUES (1), (2)', ARRAY[1], 'a')), (false, set_eq('SELECT 1 WHERE false', ARRAY[1], 'a')),
		(false, set_eq('VALUES (1)', ARRAY[1, 2], 'a')), (true, set_eq('VALUES (2), (1)', ARRAY[1, 2], 'a')), (true, set_eq('SELECT 1 WHERE false', 'SELECT 2 WHERE false', 'a')),
		(false, bag_eq('VALUES (1), (1)', 'VALUES (1)', 'a')), (false, bag_eq('VALUES (1), (2)', 'VALUES (1), (1)', 'a')), (true, bag_eq('VALUES (1), (2)', 'VALUES (2), (1)', 'a')),
		(false, set_has('VALUES (1)', 'VALUES (2)', 'a')), (false, set_has('SELECT 1 WHERE false', 'VALUES (2)', 'a')), (true, set_has('VALUES (1), (2)', 'VALUES (2)', 'a')),
		(false, is_empty('SELECT 1', 'a')), (false, is_empty('SELECT NULL', 'a')), (false, is_empty('light_one', 'a')), (true, is_empty('light_none', 'a')), (true, is_empty('SELECT 1 WHERE false', 'a')),
		(false, isnt_empty('SELECT 1 WHERE false', 'a')), (true, isnt_empty('SELECT NULL', 'a')),
		(false, has_table('none'::name, 'a')), (false, hasnt_column('pg_class'::name, 'oid'::name, 'a'))
	LOOP
		IF judged.column2 NOT LIKE (CASE WHEN judged.column1 THEN 'ok - a%' ELSE 'not ok%' END) THEN
			RAISE 'pgTAP does not judge any more: %, %', judged.column1, judged.column2;
		END IF;
	END LOOP;
END $$;
DEALLOCATE light_one;
DEALLOCATE light_none;
