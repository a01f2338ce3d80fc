-- A plan that was made while a table was small does not read all of it when it has grown.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
\if :{?few}
\set rows 12
\set more 3
\set some 5
\else
\set rows 2000
\set more 20
\set some 50
\endif
SELECT plan(5);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.scanned(rel regclass) RETURNS bigint LANGUAGE sql AS
    $$ SELECT seq_tup_read FROM pg_stat_xact_all_tables WHERE relid = rel $$;
CREATE FUNCTION pg_temp.issue(first integer, n integer) RETURNS void LANGUAGE sql AS
    $$ INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
       SELECT first + i, 9, 'jupyterhub', '2024-05-01', 'zzzz', 'x' || first + i, '["read:users:name!user"]' FROM generate_series(1, n) i $$;
-- each statement is planned while the tables are known to be small
ANALYZE jhub_authz.token_baselines;
ANALYZE jhub_authz.token_events;
ANALYZE jhub_authz.history_api_tokens;
ANALYZE api_tokens;
ANALYZE users;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.issue(1000, 2) \g /dev/null
UPDATE api_tokens SET expires_at = '2999-01-01' WHERE id > 1000;
DELETE FROM api_tokens WHERE id > 1000;
INSERT INTO users (id, name, cookie_id) SELECT 1000 + i, 'u' || i, 'u' || i FROM generate_series(1, :rows) i;
SET CONSTRAINTS ALL DEFERRED;
SELECT pg_temp.issue(2000, :rows) \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
CREATE TEMP TABLE before AS
    SELECT r, pg_temp.scanned(r::regclass) AS n
      FROM unnest(ARRAY['jhub_authz.token_baselines', 'jhub_authz.history_api_tokens', 'users']) r;

SELECT pg_temp.issue(6000, :more) \g /dev/null
UPDATE api_tokens SET expires_at = '2999-01-01' WHERE id BETWEEN 2001 AND 2000 + :some;
UPDATE api_tokens SET expires_at = NULL WHERE id BETWEEN 2001 AND 2000 + :some;
DELETE FROM api_tokens WHERE id BETWEEN 2001 AND 2000 + :some;
-- where no plan can be kept there is none to ask of
SELECT current_setting('debug_discard_caches') <> '0' AS none_is_kept \gset
SELECT ok(:'none_is_kept' OR pg_temp.scanned(r::regclass) - n < 20000, r || ' was not read for each row')
    || E'\n# rows read: ' || pg_temp.scanned(r::regclass) - n FROM before;
SELECT is((SELECT count(*)::int FROM api_tokens WHERE id > 2000), :rows + :more - :some, 'all is done');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_baselines WHERE token_id > 2000), :rows + :more - :some, '... and recorded');

SELECT * FROM finish();
ROLLBACK;
