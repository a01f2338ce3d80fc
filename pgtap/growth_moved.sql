-- The hub's tables are not where they were: a change of grants cannot be decided, and does not pass.
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
SELECT plan(13);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;

SAVEPOINT a;
ALTER TABLE user_role_map RENAME TO urm;
INSERT INTO urm VALUES (10, 2, false);
SELECT throws_ok('SET CONSTRAINTS ALL IMMEDIATE', '55000',
    'a change of grants cannot be decided, because the attached hub''s tables are not all in schema "public"', 'a table under another name');
ROLLBACK TO a;

SAVEPOINT a;
ALTER TABLE user_role_map RENAME TO urm;
INSERT INTO user_group_map VALUES (10, 2);
SELECT throws_ok('SET CONSTRAINTS ALL IMMEDIATE', '55000', NULL, 'a change of another table meanwhile');
ROLLBACK TO a;

SAVEPOINT a;
ALTER TABLE user_role_map RENAME TO urm;
INSERT INTO urm VALUES (9, 2, false);
ALTER TABLE urm RENAME TO user_role_map;
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'all is in its place again at the end');
SELECT ok(NOT pg_temp.live(1), '... and decided');
ROLLBACK TO a;

SAVEPOINT a;
SET CONSTRAINTS ALL DEFERRED;
SET LOCAL search_path = public, elsewhere, jhub_authz;
ALTER SCHEMA public RENAME TO elsewhere;
INSERT INTO elsewhere.user_role_map VALUES (10, 2, false);
SELECT throws_ok('SET CONSTRAINTS ALL IMMEDIATE', '55000', NULL, 'the schema under another name');
ROLLBACK TO a;

SAVEPOINT a;
SET CONSTRAINTS ALL DEFERRED;
SET LOCAL search_path = public, elsewhere, jhub_authz;
ALTER SCHEMA public RENAME TO elsewhere;
SELECT jhub_authz.detach() \g /dev/null
SELECT jhub_authz.attach('elsewhere') \g /dev/null
INSERT INTO elsewhere.user_role_map VALUES (9, 2, false);
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'what the hint says helps');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'revoked'), 1, '... and it is decided');
ROLLBACK TO a;

-- what only goes away makes nobody grow: a hub can be cleared away
SAVEPOINT a;
DELETE FROM api_tokens;
DELETE FROM user_group_map;
DROP TABLE user_role_map;
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'emptying what is left');
ROLLBACK TO a;

SAVEPOINT a;
SET CONSTRAINTS ALL DEFERRED;
SELECT jhub_authz.set_mode('off') \g /dev/null
ALTER TABLE user_role_map RENAME TO urm;
INSERT INTO urm VALUES (10, 2, false);
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'mode off does not look');
ROLLBACK TO a;

-- a copy of a hub's table, triggers and all, is nobody's matter
CREATE SCHEMA copy;
CREATE TABLE copy.user_role_map (LIKE user_role_map);
CREATE TRIGGER jhub_authz_note AFTER INSERT ON copy.user_role_map FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();
INSERT INTO copy.user_role_map VALUES (9, 2, false);
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'a copy of a table elsewhere');
SELECT ok(pg_temp.live(1), '... concerns nobody');

-- a release that is pinned is a release change
SET CONSTRAINTS ALL DEFERRED;
SELECT jhub_authz.use_hub_release('3.1') \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT string_agg(DISTINCT release, ',') FROM jhub_authz.token_baselines b JOIN api_tokens t ON t.id = b.token_id
            WHERE t.expires_at IS NULL AND baseline IS NOT NULL), '3.1', 'a release that is pinned is decided like another');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'revoked'), 0, '... and is no growth');
SELECT * FROM finish();
ROLLBACK;
