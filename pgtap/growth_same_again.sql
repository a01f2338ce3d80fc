-- One thing changed many times by one transaction is looked at once.
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
\set times 30
\else
\set times 300
\endif
SELECT set_config('same_again.times', :'times', true) \g /dev/null
SELECT plan(4);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
CREATE TEMP TABLE before AS SELECT id, expires_at, scopes FROM api_tokens;
CREATE FUNCTION pg_temp.same() RETURNS boolean LANGUAGE sql AS
    $$ SELECT NOT EXISTS (TABLE before EXCEPT SELECT id, expires_at, scopes FROM api_tokens)
        AND (SELECT count(*) FROM before) = (SELECT count(*) FROM api_tokens) $$;

-- a role that goes and comes back, two notes about one user each time
SET CONSTRAINTS ALL DEFERRED;
DO $$ BEGIN
    FOR i IN 1..current_setting('same_again.times')::int LOOP
        DELETE FROM user_role_map WHERE user_id = 9 AND role_id = 6;
        INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 6, false);
    END LOOP;
END $$;
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'a role that went and came back ' || :'times' || ' times is decided');
SELECT ok(pg_temp.same(), '... and no token is another');

-- and about one group
SET CONSTRAINTS ALL DEFERRED;
CREATE TEMP TABLE member AS SELECT user_id, group_id FROM user_group_map LIMIT 1;
DO $$ BEGIN
    FOR i IN 1..current_setting('same_again.times')::int LOOP
        DELETE FROM user_group_map m USING member o WHERE m.user_id = o.user_id AND m.group_id = o.group_id;
        INSERT INTO user_group_map (user_id, group_id) SELECT user_id, group_id FROM member;
    END LOOP;
END $$;
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'a member who left and joined ' || :'times' || ' times is decided');
SELECT ok(pg_temp.same(), '... and no token is another');
SELECT * FROM finish();
ROLLBACK;
