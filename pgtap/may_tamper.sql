-- What the hub's role does to our triggers on its tables, which it owns: it can
-- take them off, and self_check says so in each case until attach mends it.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
CREATE SCHEMA hub_test AUTHORIZATION hub_test_owner;
\set hub hub_test
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
\ir ../testbed/may.sql
SELECT plan(34);
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE FUNCTION pg_temp.says() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(object || ': ' || substring(detail FROM '^It (?:is|was) [a-z]+'), ', ' ORDER BY object) FROM jhub_authz.self_check() WHERE level = 'error' AND check_name = 'trigger' $$;
SELECT is(pg_temp.says(), NULL, 'all is well');

CREATE TEMP TABLE damage (id serial, what text, says text);
INSERT INTO damage (what, says) VALUES
    ('ALTER TABLE hub_test.api_tokens DISABLE TRIGGER jhub_authz_narrow', 'jhub_authz_narrow on hub_test.api_tokens: It is disabled'),
    ('ALTER TABLE hub_test.user_role_map DISABLE TRIGGER jhub_authz_note', 'jhub_authz_note on hub_test.user_role_map: It is disabled'),
    ('ALTER TABLE hub_test.roles ENABLE REPLICA TRIGGER jhub_authz_note', 'jhub_authz_note on hub_test.roles: It is disabled'),
    ('DROP TRIGGER jhub_authz_note ON hub_test.roles', 'jhub_authz_note on hub_test.roles: It is missing'),
    ('ALTER TRIGGER jhub_authz_note ON hub_test.roles RENAME TO mine', 'jhub_authz_note on hub_test.roles: It is missing'),
    ('CREATE OR REPLACE TRIGGER jhub_authz_note AFTER INSERT OR UPDATE OR DELETE ON hub_test.roles FOR EACH ROW EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger()',
     'jhub_authz_note on hub_test.roles: It is missing'),
    ('CREATE OR REPLACE TRIGGER jhub_authz_note AFTER INSERT OR UPDATE OR DELETE ON hub_test.roles FOR EACH ROW WHEN (false) EXECUTE FUNCTION jhub_authz.note_change()',
     'jhub_authz_note on hub_test.roles: It was changed'),
    ('CREATE OR REPLACE TRIGGER jhub_authz_note AFTER DELETE ON hub_test.roles FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change()',
     'jhub_authz_note on hub_test.roles: It was changed'),
    ('CREATE OR REPLACE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE OF name ON hub_test.roles FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change()',
     'jhub_authz_note on hub_test.roles: It was changed'),
    ('CREATE OR REPLACE TRIGGER jhub_authz_narrow BEFORE UPDATE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION jhub_authz.narrow_token()',
     'jhub_authz_narrow on hub_test.api_tokens: It was changed'),
    ('DROP TRIGGER jhub_authz_note ON hub_test.roles; CREATE CONSTRAINT TRIGGER jhub_authz_note AFTER INSERT OR UPDATE OR DELETE ON hub_test.roles FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change()',
     'jhub_authz_note on hub_test.roles: It was changed');
\if :{?few}
WITH gone AS (DELETE FROM damage WHERE id % 3 <> 1 RETURNING what) SELECT skip('there are few', (count(*) + count(*) FILTER (WHERE what !~ 'CONSTRAINT'))::int) FROM gone;
\endif
CREATE FUNCTION pg_temp.damaged(what text, OUT says text, OUT mended text) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE hub_test_owner;
    EXECUTE what;
    RESET ROLE;
    says := pg_temp.says();
    IF what !~ 'CONSTRAINT' THEN
        PERFORM jhub_authz.attach('hub_test');
        mended := pg_temp.says();
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
END $$;
SELECT is((d).says, says, what) FROM (SELECT id, what, says, pg_temp.damaged(what) AS d FROM damage OFFSET 0) x ORDER BY id;
SELECT is((d).mended, NULL, '... mended by attach') FROM (SELECT id, what, pg_temp.damaged(what) AS d FROM damage WHERE what !~ 'CONSTRAINT' OFFSET 0) x ORDER BY id;

-- a decision, which the other triggers still bring about, mends what it can
SAVEPOINT a;
SET LOCAL ROLE hub_test_owner;
DROP TRIGGER jhub_authz_note ON hub_test.roles;
UPDATE hub_test.roles SET scopes = '["self", "read:hub"]' WHERE name = 'user';
UPDATE hub_test.users SET name = 'lonelier' WHERE name = 'lonely';
SET CONSTRAINTS ALL IMMEDIATE;
RESET ROLE;
SELECT is(pg_temp.says(), NULL, 'the next decision puts a dropped trigger back');
SELECT isnt_empty($$ SELECT FROM jhub_authz.token_events WHERE action = 'revoked' AND token_id = 1 $$, '... and judges everybody, so that what it missed counts');
SELECT is_empty($$ SELECT FROM jhub_authz.self_check() WHERE level = 'error' $$, '... and all is well');
ROLLBACK TO a;
SELECT is(pg_temp.says(), NULL, 'as it was');

-- A column that is rewritten or exchanged by ALTER TABLE fires no trigger of
-- anybody's, like one that is disabled for a while.  Who asks is told.
CREATE TEMP TABLE rewriting (id serial, what text);
INSERT INTO rewriting (what) VALUES
    ('ALTER TABLE hub_test.roles ALTER scopes TYPE text USING ''["self", "read:hub"]'''),
    ('ALTER TABLE hub_test.roles RENAME scopes TO were; ALTER TABLE hub_test.roles ADD scopes text DEFAULT ''["self", "read:hub"]'''),
    ('ALTER TABLE hub_test.roles DISABLE TRIGGER jhub_authz_note; UPDATE hub_test.roles SET scopes = ''["self", "read:hub"]''; ALTER TABLE hub_test.roles ENABLE TRIGGER jhub_authz_note');
CREATE FUNCTION pg_temp.rewritten(what text, OUT before boolean, OUT told text, OUT after boolean) LANGUAGE plpgsql AS $$
BEGIN
    SET LOCAL ROLE hub_test_owner;
    EXECUTE what;
    SET CONSTRAINTS ALL IMMEDIATE;
    RESET ROLE;
    before := (SELECT expires_at IS NULL FROM hub_test.api_tokens WHERE id = 1);
    told := (SELECT action || ' ' || (gained OPERATOR(jhub_authz.@>) 'read:hub')
               FROM jhub_authz.preview($p$ SELECT jhub_authz.set_mode('enforce') $p$) WHERE token_id = 1);
    PERFORM jhub_authz.set_mode('enforce');
    after := (SELECT expires_at IS NULL FROM hub_test.api_tokens WHERE id = 1);
    RAISE EXCEPTION USING ERRCODE = 'ZZ001';
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN NULL;
END $$;
CREATE TEMP TABLE rewrote AS SELECT id, what, (r).* FROM (SELECT id, what, pg_temp.rewritten(what) AS r FROM rewriting OFFSET 0) x;
SELECT ok(before, 'unnoticed: ' || what) FROM rewrote ORDER BY id;
SELECT is(told || ', ' || after, 'revoked true, false', '... a preview of set_mode(''enforce'') tells, and that revokes') FROM rewrote ORDER BY id;
SELECT is_empty($$ SELECT * FROM jhub_authz.preview($p$ SELECT jhub_authz.set_mode('enforce') $p$) $$, 'if nothing was done so, it tells nothing');

SELECT * FROM finish();
ROLLBACK;
