-- In a database whose encoding lacks characters that a hub's texts have, the
-- scopes stay what they are, and what is only shown is shown as far as it can be.
\set database :DBNAME
CREATE DATABASE jhub_authz_latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c jhub_authz_latin1
\encoding UTF8
SET client_min_messages = warning;
CREATE EXTENSION jhub_authz;
SET search_path = jhub_authz, public;

-- the hub's descriptions have U+2019
SELECT count(*) > 30 AS all_of_them, count(*) FILTER (WHERE description LIKE '%?%') AS marks FROM scope_definitions;
SELECT name, description FROM scope_definitions WHERE description LIKE '%''%' ORDER BY 1 LIMIT 2;
SELECT * FROM describe('["proxy", "users!user=\u00e9", "users!user=ann\u2019s", "users!user=\u4e2d"]');

-- names are never changed, neither in a set nor where they must be told
SELECT '["users!user=ann\u2019s"]'::scopeset;
SELECT '["users!user=ann\u2019s"]'::scopeset = '["users!user=anns"]'::scopeset AS same;
SELECT '["users!user=ann\u2019s"]'::scopeset::text[];

-- a hint is left out rather than failing
SELECT '["users!usr=\u4e2d"]'::scopeset;
SELECT '["users!usr=x"]'::scopeset;

\c :database
DROP DATABASE jhub_authz_latin1;
