-- What is dropped, renamed or given away around the extension leaves nothing
-- orphaned: what cannot be decided any more fails with a hint, self_check says
-- why, and the records stay.
BEGIN;
SELECT plan(35);
CREATE ROLE apart_hub;
CREATE ROLE apart_heir;
\set hub apart
\set hub_owner apart_hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SELECT jhub_authz.attach('apart') \g /dev/null
SELECT count(*) AS baselines FROM jhub_authz.token_baselines \gset
CREATE FUNCTION pg_temp.ours() RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('apart')) AND tgname LIKE 'jhub\_authz%' $$;
\set grants '''INSERT INTO apart.user_role_map VALUES (3, 14, false)'''

-- DROP EXTENSION
SELECT throws_ok('DROP EXTENSION jhub_authz', '2BP01', 'cannot drop extension jhub_authz because other objects depend on it', 'a drop is refused while triggers are attached');
SELECT cmp_ok(pg_temp.ours(), '>', 14::bigint, 'and has taken none off');
SELECT throws_ok('DROP SCHEMA jhub_authz', '2BP01', NULL, 'nor can the schema be dropped');
SELECT throws_ok('ALTER EXTENSION jhub_authz SET SCHEMA public', '0A000', NULL, 'it cannot move to another schema');

SAVEPOINT dropped;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO apart.user_role_map VALUES (3, 14, false);
SELECT throws_ok('DROP EXTENSION jhub_authz CASCADE', '55006', NULL, 'nor is it dropped while changes wait to be decided');
ROLLBACK TO dropped;
SELECT lives_ok('DROP EXTENSION jhub_authz CASCADE', 'CASCADE drops it');
SELECT is(pg_temp.ours(), 0::bigint, 'with all its triggers');
SELECT lives_ok('DROP SCHEMA jhub_authz', 'and leaves nothing in its schema, which PostgreSQL keeps');
SELECT lives_ok(:grants, 'the hub goes on');
SELECT is((SELECT count(*) FROM apart.api_tokens), 15::bigint, 'with its tokens');
SELECT lives_ok('CREATE EXTENSION jhub_authz', 'it can be made again');
SELECT lives_ok('SELECT jhub_authz.attach(''apart'')', 'and attached');
ROLLBACK TO dropped;

-- half attached
DROP TRIGGER jhub_authz_note ON apart.users;
ALTER TABLE apart.groups DISABLE TRIGGER jhub_authz_note;
SELECT lives_ok('DROP EXTENSION jhub_authz CASCADE', 'half attached, it is dropped as well');
SELECT is(pg_temp.ours(), 0::bigint, 'with what triggers there were');
ROLLBACK TO dropped;

-- after detach it goes without CASCADE
REVOKE SELECT ON jhub_authz.token_events FROM apart_hub;
SELECT results_eq('SELECT detail FROM jhub_authz.self_check() WHERE check_name = ''grant''', ARRAY['The owner of the hub''s tables has no right to jhub_authz.token_events, so that its pg_dump fails.  Call attach() again, as after each update of the extension.'], 'one right is lacking');
GRANT SELECT ON jhub_authz.token_events TO apart_hub;
SELECT jhub_authz.detach() \g /dev/null
SELECT is_empty($$ SELECT c.oid::regclass FROM pg_extension e, unnest(e.extconfig) c (oid) WHERE e.extname = 'jhub_authz' AND NOT has_table_privilege('apart_hub', c.oid, 'SELECT') $$,
    'after detach the hub''s role can read what its dump still has');
SELECT lives_ok('DROP EXTENSION jhub_authz', 'after detach nothing is in the way');
ROLLBACK TO dropped;

-- the hub's schema is renamed
ALTER SCHEMA apart RENAME TO moved;
SELECT set_has('SELECT check_name, object, detail FROM jhub_authz.self_check()',
    $$VALUES ('hub_schema', 'apart', 'The attached schema does not exist.')$$, 'a renamed schema: self_check says so');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT throws_ok('INSERT INTO moved.user_role_map VALUES (3, 14, false)', '55000', NULL, 'a grant fails: it cannot be decided');
SELECT jhub_authz.detach() \g /dev/null
SELECT lives_ok('SELECT jhub_authz.attach(''moved'')', 'detach and attach set it right');
SELECT is_empty('SELECT * FROM jhub_authz.self_check() WHERE level = ''error''', 'all is well');
SELECT is((SELECT count(*) FROM jhub_authz.token_baselines), :baselines::bigint, 'with the same baselines');
ROLLBACK TO dropped;

-- one table is given away, one is dropped
ALTER TABLE apart.groups OWNER TO apart_heir;
SELECT set_has('SELECT check_name, object FROM jhub_authz.self_check() WHERE level = ''error''', $$VALUES ('hub_table', 'groups')$$, 'a table of another owner: self_check says so');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT throws_ok(:grants, '55000', NULL, 'and grants fail');
ROLLBACK TO dropped;
DROP TABLE apart.shares;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT lives_ok(:grants, 'without the table of shares, which some hubs lack, it goes on');
ROLLBACK TO dropped;
DROP TABLE apart.user_group_map;
SELECT set_has('SELECT check_name, object, detail FROM jhub_authz.self_check()', $$VALUES ('hub_table', 'user_group_map', 'The table is missing.')$$, 'without a table that every hub has, self_check says so');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT throws_ok(:grants, '55000', NULL, 'and grants fail');
ROLLBACK TO dropped;

-- all of it gets another owner
REASSIGN OWNED BY apart_hub TO apart_heir;
SELECT is_empty('SELECT * FROM jhub_authz.self_check() WHERE level = ''error''', 'another owner of all tables is none the worse');
SET CONSTRAINTS ALL IMMEDIATE;
INSERT INTO apart.user_role_map VALUES (3, 14, false);
SELECT isnt_empty('SELECT FROM jhub_authz.token_events WHERE action = ''issued'' OR action = ''adopted''', 'decisions go on');
SELECT alike((SELECT detail FROM jhub_authz.self_check() WHERE check_name = 'grant' AND object = 'apart_heir'), 'The owner of the hub''s tables has no right to jhub_authz.% and % more, so that its pg_dump fails.  Call attach() again, %', 'it lacks what its dump needs: self_check says so');
SELECT jhub_authz.attach('apart') \g /dev/null
SELECT is_empty('SELECT * FROM jhub_authz.self_check()', 'attach sets it right');
SELECT ok(has_table_privilege('apart_heir', 'jhub_authz.token_events', 'SELECT'), 'attach gives the new owner what its dump needs');
SELECT lives_ok('DROP OWNED BY apart_hub', 'what the old one was granted can go');
ROLLBACK TO dropped;

-- all of it is dropped
DROP OWNED BY apart_hub;
SELECT set_has('SELECT check_name, object FROM jhub_authz.self_check()', $$VALUES ('hub_schema', 'apart')$$, 'tables and schema gone: self_check says so');
ROLLBACK TO dropped;
RELEASE dropped;
SELECT is((SELECT count(*) FROM jhub_authz.token_baselines), :baselines::bigint, 'the records stand');
SELECT * FROM finish();
ROLLBACK;
