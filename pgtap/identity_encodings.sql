-- In a database of another encoding than UTF8, JSON of the hub's with a character
-- that the encoding lacks is NULL, and the rest of a view goes on.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
\set home :DBNAME
SET client_min_messages = warning;
DROP DATABASE IF EXISTS jhub_authz_latin1;
CREATE DATABASE jhub_authz_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
\c jhub_authz_latin1
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT jhub_authz.attach('public', 'off') \g /dev/null
SELECT plan(15);
UPDATE roles SET scopes = '["list:groups", "read:groups"]' WHERE name = 'user';
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
CREATE FUNCTION pg_temp.properties(document text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    UPDATE groups SET properties = document WHERE name = 'physics';
    RETURN (SELECT count(*) || ' ' || coalesce(max(properties::text) FILTER (WHERE name = 'physics'), 'NULL') FROM jhub_authz.api_groups);
END $$;
SELECT is(pg_temp.properties(document), expected, document) FROM (VALUES
    ('{"a": "\u00eb"}', U&'4 {"a": "\00EB"}'),
    ('{"a": "\u4e2d"}', '4 NULL'),
    ('{"\u4E2D": 1}', '4 NULL'),
    ('{"a": "\ud83d\ude00"}', '4 NULL'),
    ('{"a": "\ud83d"}', '4 NULL'),
    ('{"a": "\u0000"}', '4 NULL'),
    ('{"a": "\\u4e2d"}', '4 {"a": "\\u4e2d"}'),
    ('{"a": "x\u4e', '4 NULL'),
    ('{"a": 1}', '4 {"a": 1}')) v (document, expected);
-- what has to be given whole, and cannot be, is an error that says which and why
UPDATE roles SET scopes = '["list:users!user=\u4e2dx", "read:users!user=zo\u00eb"]' WHERE name = 'user';
UPDATE api_tokens SET scopes = '["list:users!user=\u4e2dx", "read:users!user=zo\u00eb"]' WHERE id = 2;
SELECT throws_ok($$ SELECT jhub_authz.whoami(md5('token2')) $$, '22P05', '"list:users!user=\u4e2dx" has characters that the encoding "LATIN1" lacks', 'whoami: a scope that cannot be written');
SELECT is(jhub_authz.token_scopes(2)::text ~ '"list:users!user=\\u4e2dx".*"read:users!user=zo\\u00eb"', true, '... it counts all the same');
UPDATE api_tokens SET scopes = '["read:users!user=zo\u00eb"]' WHERE id = 2;
SELECT is(jhub_authz.whoami(md5('token2')) -> 'scopes' ? U&'read:users!user=zo\00EB', true, 'whoami: one that can');
-- a picture goes on
UPDATE roles SET scopes = '["list:users!user=\u4e2dx", "read:users!user=zo\u00eb"]' WHERE name = 'user';
SELECT matches(jhub_authz.graph_dot('role', 'user'), 'user.n&#20013;x.n.there is none.", ', 'a picture for Graphviz: nobody has a name that cannot be written');
SELECT matches(jhub_authz.graph_dot('role', 'user'), 'user.nzo&#235;", ', '... and one that can is found');
SELECT matches(jhub_authz.graph_mermaid('user', 'alice'), '20013;x.*there is none', '... and for Mermaid');
SELECT * FROM finish();
ROLLBACK;
\c :home
DROP DATABASE jhub_authz_latin1;
