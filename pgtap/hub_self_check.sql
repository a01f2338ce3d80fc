-- self_check finds what is wrong, each thing by itself, and nothing else.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE jhub_authz_test_hub;
CREATE ROLE jhub_authz_test_other;
\set hub hub_check
\set hub_owner jhub_authz_test_hub
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;

-- findings, a line each; cut after the first sentence
CREATE FUNCTION pg_temp.found() RETURNS text LANGUAGE sql AS
    $$SELECT coalesce(string_agg(concat_ws('|', level, check_name, object, (regexp_match(detail, '^.*?\.(?=  |$)'))[1]), E'\n'), '')
      FROM jhub_authz.self_check()$$;

SELECT plan(31);

SELECT is(pg_temp.found(), 'warning|attached|No hub is attached: nothing is watched.', 'without a hub');
SELECT jhub_authz.attach('hub_check') \g /dev/null
SELECT is(pg_temp.found(), '', 'an attached hub with nothing wrong');

-- stored scopes
SAVEPOINT s;
UPDATE hub_check.roles SET scopes = NULL WHERE name = 'grader';
SELECT is(pg_temp.found(), '', 'a role without scopes is all right');
SET LOCAL session_replication_role = replica;
UPDATE hub_check.roles SET scopes = '["read:users"' WHERE name = 'grader';
UPDATE hub_check.roles SET scopes = 'null' WHERE name = 'sharer';
UPDATE hub_check.api_tokens SET scopes = '{"a": 1' WHERE id = 3;
UPDATE hub_check.api_tokens SET scopes = '{"a": 1}' WHERE id = 10;
UPDATE hub_check.oauth_clients SET allowed_scopes = '["self", 1]' WHERE id = 3;
UPDATE hub_check.shares SET scopes = '["read:users!grp=x"]' WHERE id = 2;
UPDATE hub_check.share_codes SET scopes = '' WHERE id = 1;
SET LOCAL session_replication_role = origin;
SELECT is(pg_temp.found(), $$error|stored_scopes|role "grader"|The stored scopes do not parse and count as none.
error|stored_scopes|client "jupyterhub-user-alice-lab"|The stored scopes do not parse and count as none.
error|stored_scopes|share 2|The stored scopes do not parse and count as none.
error|stored_scopes|share code 1|The stored scopes do not parse and count as none.
error|stored_scopes|token 3|The stored scopes do not parse and count as none.$$,
          'stored scopes that do not parse, but not those of an expired token');
SELECT ok((SELECT detail FROM jhub_authz.self_check() WHERE object = 'share 2') ~ 'The kind of a filter must be', 'the detail says what does not parse');
ROLLBACK TO s;

UPDATE hub_check.roles SET scopes = '["read:uers", "self", "zzz"]' WHERE name = 'grader';
UPDATE hub_check.shares SET scopes = '["custom:nothing"]' WHERE id = 2;
SELECT is((SELECT string_agg(concat_ws('|', level, check_name, object, detail), E'\n') FROM jhub_authz.self_check()
           WHERE check_name = 'undefined_scope' AND object ~ 'role'),
          'warning|undefined_scope|role "grader"|Scope "read:uers" does not exist, nor do 1 others.  Perhaps "read:users" was meant.',
          'undefined scopes, with a suggestion');
SELECT ok((SELECT detail FROM jhub_authz.self_check() WHERE object = 'share 2') ~ '^Scope "custom:nothing" does not exist',
          'a custom scope that was not loaded');
ROLLBACK TO s;

-- triggers
ALTER TABLE hub_check.users DISABLE TRIGGER USER;
ALTER TABLE hub_check.users ENABLE TRIGGER USER;
SELECT is(pg_temp.found(), $$warning|trigger|jhub_authz_history on hub_check.users|It fires on the origin only, as after a restore with --disable-triggers: what replication brings is not recorded.
warning|trigger|jhub_authz_history_truncate on hub_check.users|It fires on the origin only, as after a restore with --disable-triggers: what replication brings is not recorded.$$,
          'a trigger that replication does not fire');
SELECT jhub_authz.attach('hub_check') \g /dev/null
SELECT is(pg_temp.found(), '', '... attach sees to it');
ALTER TABLE hub_check.users DISABLE TRIGGER jhub_authz_note;
SELECT is(pg_temp.found(), 'error|trigger|jhub_authz_note on hub_check.users|It is disabled: what happens to the table is not noticed.',
          'a disabled trigger');
ALTER TABLE hub_check.users ENABLE REPLICA TRIGGER jhub_authz_note;
SELECT is(pg_temp.found(), 'error|trigger|jhub_authz_note on hub_check.users|It is disabled: what happens to the table is not noticed.',
          'a trigger that fires on replicas only');
DROP TRIGGER jhub_authz_note ON hub_check.users;
SELECT is(pg_temp.found(), 'error|trigger|jhub_authz_note on hub_check.users|It is missing: what happens to the table is not noticed.',
          'a missing trigger');
ROLLBACK TO s;
ALTER TABLE jhub_authz.attachment DISABLE TRIGGER settings_changed;
SELECT is(pg_temp.found(), 'error|trigger|settings_changed on jhub_authz.attachment|It is disabled: nothing is decided until it is enabled.',
          'a disabled trigger on a table of ours');
ROLLBACK TO s;
DROP TABLE hub_check.shares, hub_check.share_codes;
SELECT is(pg_temp.found(), '', 'no shares tables is all right');
CREATE TABLE hub_check.shares (user_id int, group_id int, id int, created_at timestamp, scopes text,
                               expires_at timestamp, owner_id int, spawner_id int);
ALTER TABLE hub_check.shares OWNER TO jhub_authz_test_hub;
SELECT is(pg_temp.found(), $$error|trigger|jhub_authz_history on hub_check.shares|It is missing: what happens to the table is not noticed.
error|trigger|jhub_authz_history_truncate on hub_check.shares|It is missing: what happens to the table is not noticed.
error|trigger|jhub_authz_note on hub_check.shares|It is missing: what happens to the table is not noticed.$$,
          'a table that came later has no trigger yet');
ROLLBACK TO s;
UPDATE jhub_authz.attachment SET hub_schema = NULL;
SELECT ok(pg_temp.found() ~ 'warning\|trigger\|jhub_authz_note on hub_check.users\|It is left over from a hub that is not attached\.',
          'triggers that are left over');
ROLLBACK TO s;

-- tables
ALTER TABLE hub_check.share_codes OWNER TO jhub_authz_test_other;
SELECT is(pg_temp.found(), 'error|hub_table|share_codes|Its owner is "jhub_authz_test_other", that of the hub''s other tables is "jhub_authz_test_hub".',
          'a table of another owner');
ROLLBACK TO s;
ALTER TABLE hub_check.share_codes RENAME TO codes;
CREATE VIEW hub_check.share_codes AS SELECT * FROM hub_check.codes;
SELECT is(pg_temp.found(), 'error|hub_table|share_codes|It is not an ordinary table.', 'a view in place of a table');
ROLLBACK TO s;
ALTER TABLE hub_check.share_codes RENAME scopes TO rights;
SELECT is(pg_temp.found(), 'error|hub_table|share_codes|It has no column "scopes".', 'a column that is missing');
ROLLBACK TO s;
ALTER TABLE hub_check.user_group_map RENAME TO x;
SELECT ok(pg_temp.found() ~ 'error\|hub_table\|user_group_map\|The table is missing\.', 'a table that is missing');
ROLLBACK TO s;
ALTER SCHEMA hub_check RENAME TO elsewhere;
SELECT ok(pg_temp.found() ~ 'error\|hub_schema\|hub_check\|The attached schema does not exist\.', 'a schema that is gone');
ROLLBACK TO s;

-- the release
SET LOCAL session_replication_role = replica;
UPDATE hub_check.alembic_version SET version_num = 'ffffffffffff';
SET LOCAL session_replication_role = origin;
SELECT is(pg_temp.found(), $$warning|revision|ffffffffffff|No known release of JupyterHub has this revision.
warning|release|5.5|With an unknown revision the hub counts as newer than every release that is known here: scopes that are not defined are kept.$$, 'an unknown revision');
ROLLBACK TO s;
SET LOCAL session_replication_role = replica;
DELETE FROM hub_check.alembic_version;
SET LOCAL session_replication_role = origin;
SELECT is(pg_temp.found(), $$warning|revision|alembic_version does not hold one revision.
warning|release|5.5|The release was inferred from the columns of the hub's tables.$$, 'no revision');
ROLLBACK TO s;
DROP TABLE hub_check.alembic_version;
SELECT is(pg_temp.found(), $$warning|revision|There is no table alembic_version.
warning|release|5.5|The release was inferred from the columns of the hub's tables.$$, 'no table alembic_version');
SELECT jhub_authz.use_hub_release('5.5') \g /dev/null
SELECT is(pg_temp.found(), 'warning|revision|There is no table alembic_version.', 'pinned: the release is no question any more');
ROLLBACK TO s;
SELECT jhub_authz.use_hub_release('3.1') \g /dev/null
SELECT ok(pg_temp.found() ~ 'warning\|release\|3\.1\|This release is pinned, but the database is one of JupyterHub 5\.5\.',
          'a pinned release that is not the database''s');
ROLLBACK TO s;
SET LOCAL session_replication_role = replica;
UPDATE hub_check.roles SET scopes = '["admin:users", "admin:moon"]' WHERE name = 'admin';
SET LOCAL session_replication_role = origin;
SELECT ok(pg_temp.found() ~ 'warning\|release\|5\.5\|The hub is newer than every release that is known here\.',
          'a default role with a scope that no release has: the hub is newer');
UPDATE hub_check.roles SET scopes = '["admin:users", "custom:moon"]' WHERE name = 'admin';
SELECT ok(pg_temp.found() !~ 'The hub is newer', 'a custom scope there says nothing of the release');
ROLLBACK TO s;

-- baselines
DELETE FROM jhub_authz.token_baselines WHERE token_id = 5;
UPDATE jhub_authz.token_baselines SET created = created - interval '1 day' WHERE token_id = 7;
SELECT is(pg_temp.found(), $$error|baseline|token 5|The token has no baseline: it is not known if it grew.
error|baseline|token 7|The baseline is of an earlier token with the same id.$$, 'tokens without a baseline');
ROLLBACK TO s;

-- who may
GRANT USAGE ON SCHEMA jhub_authz TO jhub_authz_test_other;
SELECT jhub_authz.grant_auditor('jhub_authz_test_other') \g /dev/null
SET LOCAL ROLE jhub_authz_test_other;
SELECT is((SELECT count(*) FROM jhub_authz.self_check()), 0::bigint, 'an auditor without rights on the hub''s tables may ask');
SELECT is((SELECT hub_release FROM jhub_authz.status), '5.5', 'and sees the status');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
