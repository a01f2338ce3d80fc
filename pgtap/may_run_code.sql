-- Code that the hub's role puts on its own tables runs with that role's rights and
-- no more, whatever makes it run: issue, growth, revoking, administration, and
-- every function that reads for somebody who has no right on those tables.
--
-- The payload writes down who it runs as and tries what only another could do.
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
SELECT plan(40);
-- in a hard build each time others of the statements, and the payload tries less, and not each time
\if :{?few}
\set few 127
\else
\set few ''
\endif
SELECT set_config('hub_test.few', :'few', true) \g /dev/null
CREATE SEQUENCE pg_temp.turn;
CREATE FUNCTION pg_temp.some(who name) RETURNS TABLE (object text, statement text) LANGUAGE sql AS $$
    SELECT s.object, s.statement FROM (SELECT s.*, row_number() OVER () AS n FROM pg_temp.statements(who, true) s) s,
           (SELECT nullif(current_setting('hub_test.few'), '')::int AS few, nextval('pg_temp.turn') AS turn OFFSET 0) t
     WHERE t.few IS NULL OR (s.n + t.turn) % t.few = 0 OR s.object = 'jhub_authz.api_groups' $$;
-- a token that may see everything
UPDATE hub_test.api_tokens SET scopes = '["inherit"]' WHERE id = 4;
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE ROLE hub_test_auditor;
CREATE ROLE hub_test_operator;
CREATE ROLE hub_test_reader;
SELECT jhub_authz.grant_auditor('hub_test_auditor'), jhub_authz.grant_operator('hub_test_operator'), jhub_authz.grant_reader('hub_test_reader') \g /dev/null
SELECT jhub_authz.define_scopes('{"custom:part:one": {"description": "d"}, "custom:whole:all": {"description": "d"}}') \g /dev/null

SET LOCAL ROLE hub_test_owner;
CREATE TABLE hub_test.spied (via text, who name, might boolean, broke text);
-- a statement that fails takes its rows along, but no value of a sequence
CREATE SEQUENCE hub_test.ran;
CREATE SEQUENCE hub_test.harmed;
GRANT ALL ON hub_test.spied, hub_test.ran, hub_test.harmed TO PUBLIC;
GRANT USAGE ON SCHEMA hub_test TO PUBLIC;
CREATE FUNCTION hub_test.payload(via text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    attempt text;
    broke text;
    all_attempts boolean := current_setting('hub_test.few') = '';
BEGIN
    -- not while it is being put there
    IF current_setting('hub_test.quiet', true) = 'on' THEN RETURN true; END IF;
    IF NOT all_attempts AND current_user = 'hub_test_owner' AND nextval('hub_test.ran') % 50 <> 1 THEN RETURN true; END IF;
    FOREACH attempt IN ARRAY ARRAY[
        'ALTER ROLE hub_test_owner SUPERUSER', 'RESET ROLE', 'SET ROLE hub_test_operator', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION hub_test_auditor',
        'SET session_replication_role = replica', 'UPDATE jhub_authz.token_events SET reason = ''forged''', 'TRUNCATE jhub_authz.token_events',
        'DELETE FROM jhub_authz.pending', 'UPDATE jhub_authz.attachment SET mode = ''off''', 'CREATE TABLE jhub_authz.x (a int)',
        'GRANT pg_read_server_files TO hub_test_owner', 'COPY hub_test.spied (via) TO PROGRAM ''cat''', 'SELECT pg_read_file(''PG_VERSION'')']
    LOOP
        -- what would be first to work
        CONTINUE WHEN NOT all_attempts AND attempt !~ '^(RESET ROLE|UPDATE jhub_authz.token_events)';
        BEGIN
            EXECUTE attempt;
            broke := concat_ws('; ', broke, attempt);
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    PERFORM nextval('hub_test.ran');
    IF current_user <> 'hub_test_owner' OR broke IS NOT NULL THEN PERFORM nextval('hub_test.harmed'); END IF;
    INSERT INTO hub_test.spied VALUES (via, current_user, (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user), broke);
    RETURN true;
END $$;
CREATE FUNCTION hub_test.spy_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hub_test.payload(format('%s %s %s trigger on %s', TG_WHEN, TG_OP, TG_LEVEL, TG_TABLE_NAME));
    RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- marked as what an index and a generated column ask for
CREATE FUNCTION hub_test.pure(via text, value anyelement) RETURNS anyelement LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN PERFORM hub_test.payload(via); RETURN value; END $$;
CREATE FUNCTION hub_test.next_id(via text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN PERFORM hub_test.payload(via); RETURN nextval('hub_test.api_tokens_id_seq'); END $$;
RESET ROLE;

-- who ran it: the hub's role, and nobody else
CREATE FUNCTION pg_temp.who() RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    SELECT CASE WHEN (SELECT is_called FROM hub_test.harmed)
                THEN (SELECT concat('somebody else: ', string_agg(DISTINCT concat_ws(' ', via, who, broke), ', ')) FROM hub_test.spied WHERE who <> 'hub_test_owner' OR broke IS NOT NULL)
                WHEN (SELECT is_called FROM hub_test.ran) THEN 'hub_test_owner' ELSE 'nobody' END INTO answer;
    PERFORM setval('hub_test.ran', 1, false), setval('hub_test.harmed', 1, false);
    RETURN answer;
END $$;
-- what a role reads with the identity of that token
CREATE FUNCTION pg_temp.read_as(who name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    PERFORM jhub_authz.act_as(md5('token4'));
    FOR s IN SELECT statement FROM pg_temp.some(who) WHERE object ~ '^jhub_authz[.](_?api_|current_|whoami|act_as)' LOOP
        BEGIN
            EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
            EXECUTE s.statement;
            SET LOCAL SESSION AUTHORIZATION DEFAULT;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
EXCEPTION WHEN OTHERS THEN NULL;
END $$;
-- everything that may make it run, as the session of a superuser
CREATE FUNCTION pg_temp.act() RETURNS void LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    PERFORM pg_temp.read_as(session_user);
    FOR s IN SELECT statement FROM (SELECT statement FROM (VALUES
        ('SELECT * FROM jhub_authz.issue_token(''user'', ''alice'', ''["read:users:name!user=alice"]'')'),
        ('SELECT jhub_authz.revoke_token(2, ''test'')'), ('SELECT jhub_authz.rebase(1, ''test'')'), ('SELECT jhub_authz.revoke_all(''user'', ''bob'', ''test'', true)'),
        ('SELECT jhub_authz.replace_scopes(''{"custom:whole:all": {"description": "d", "subscopes": ["custom:part:one"]}}'')'),
        -- not a change of the hub's tables: that is made with the caller's rights, as it would be without preview
        ('SELECT * FROM jhub_authz.preview(''SELECT jhub_authz.replace_scopes(''''{"custom:whole:all": {"description": "d", "subscopes": ["custom:part:one"]}}'''')'')'),
        ('SELECT * FROM jhub_authz.preview(''SELECT jhub_authz.revoke_all(''''user'''', ''''alice'''', ''''test'''', true), jhub_authz.reinstate_token(1, ''''test'''')'')'),
        ('SELECT jhub_authz.set_mode(''observe'')'), ('SELECT jhub_authz.set_mode(''enforce'')'), ('SELECT jhub_authz.attach(''hub_test'')')) v (statement)
            WHERE current_setting('hub_test.few') = '' OR statement !~ '(preview|set_mode|attach)\(' OR (SELECT last_value FROM pg_temp.turn) < 4) w
        UNION ALL
        SELECT statement FROM pg_temp.some(session_user) WHERE object !~ '(detach|revoke_token|revoke_all|issue_token|attach|set_mode|_disable_triggers|preview)\('
    LOOP
        BEGIN
            EXECUTE s.statement;
            SET CONSTRAINTS ALL IMMEDIATE;
            SET CONSTRAINTS ALL DEFERRED;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END $$;
-- and as sessions of an auditor and of an operator
CREATE FUNCTION pg_temp.act_as(who name) RETURNS void LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
    IF current_setting('hub_test.few') <> '' AND nextval('pg_temp.turn') % 3 <> 1 THEN RETURN; END IF;
    PERFORM pg_temp.read_as(who);
    FOR s IN SELECT * FROM pg_temp.some(who) LOOP
        BEGIN
            EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', who);
            EXECUTE s.statement;
            SET CONSTRAINTS ALL IMMEDIATE;
            SET LOCAL SESSION AUTHORIZATION DEFAULT;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END $$;
-- tokens that grow when custom:whole:all does
INSERT INTO hub_test.roles (id, name, scopes, managed_by_auth) VALUES (90, 'whole', '["custom:whole:all"]', false);
INSERT INTO hub_test.user_role_map VALUES (9, 90, false), (10, 90, false);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, hashed, prefix, scopes) VALUES (91, 9, 'jupyterhub', '2024-03-01', 'h91', 'h91', '["custom:whole:all"]');
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- the payload can tell: as a superuser it would get through
SAVEPOINT a;
SELECT hub_test.payload('directly') \g /dev/null
SELECT matches(pg_temp.who(), '^somebody else: directly', 'called by a superuser, the payload does harm and tells');
ROLLBACK TO a;


\set way 'triggers BEFORE ROW'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'triggers AFTER ROW'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'triggers BEFORE STATEMENT'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'triggers AFTER STATEMENT'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.oauth_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
CREATE TRIGGER aaa AFTER INSERT OR UPDATE OR DELETE ON hub_test.share_codes FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a trigger with a condition'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW WHEN (hub_test.payload('WHEN')) EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger();
DROP TRIGGER aaa ON hub_test.api_tokens;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW WHEN (hub_test.payload('WHEN')) EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW WHEN (hub_test.payload('WHEN')) EXECUTE FUNCTION pg_catalog.suppress_redundant_updates_trigger();
DROP TRIGGER aaa ON hub_test.api_tokens;
CREATE TRIGGER aaa AFTER INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW WHEN (hub_test.payload('WHEN')) EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a constraint trigger that is not deferred'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE CONSTRAINT TRIGGER aaa AFTER INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE CONSTRAINT TRIGGER aaa AFTER INSERT OR UPDATE ON hub_test.api_tokens FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'column defaults'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ALTER id SET DEFAULT hub_test.next_id('DEFAULT'), ALTER session_id SET DEFAULT hub_test.payload('DEFAULT')::text;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ALTER id SET DEFAULT hub_test.next_id('DEFAULT'), ALTER session_id SET DEFAULT hub_test.payload('DEFAULT')::text;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a CHECK constraint'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ADD CHECK (hub_test.payload('CHECK')) NOT VALID;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ADD CHECK (hub_test.payload('CHECK')) NOT VALID;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a domain with a CHECK'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE DOMAIN hub_test.words AS varchar CHECK (hub_test.payload('DOMAIN') OR VALUE IS NOT NULL);
ALTER TABLE hub_test.api_tokens ALTER note TYPE hub_test.words, ALTER prefix TYPE hub_test.words;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE DOMAIN hub_test.words AS varchar CHECK (hub_test.payload('DOMAIN') OR VALUE IS NOT NULL);
ALTER TABLE hub_test.api_tokens ALTER note TYPE hub_test.words, ALTER prefix TYPE hub_test.words;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a generated column'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ADD extra text GENERATED ALWAYS AS (hub_test.pure('GENERATED', scopes)) STORED;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ADD extra text GENERATED ALWAYS AS (hub_test.pure('GENERATED', scopes)) STORED;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'an index with functions'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE INDEX ON hub_test.api_tokens ((hub_test.pure('INDEX', expires_at))) WHERE hub_test.pure('PREDICATE', id) > 0;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE INDEX ON hub_test.api_tokens ((hub_test.pure('INDEX', expires_at))) WHERE hub_test.pure('PREDICATE', id) > 0;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a rule beside the statement'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE RULE r AS ON UPDATE TO hub_test.oauth_codes DO ALSO SELECT hub_test.payload('RULE');
CREATE RULE r AS ON UPDATE TO hub_test.users DO ALSO SELECT hub_test.payload('RULE');
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE RULE r AS ON UPDATE TO hub_test.oauth_codes DO ALSO SELECT hub_test.payload('RULE');
CREATE RULE r AS ON UPDATE TO hub_test.users DO ALSO SELECT hub_test.payload('RULE');
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'policies, forced'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.api_tokens FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.api_tokens USING (hub_test.payload('POLICY api_tokens')) WITH CHECK (hub_test.payload('POLICY api_tokens'));
ALTER TABLE hub_test.users ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.users FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.users USING (hub_test.payload('POLICY users')) WITH CHECK (hub_test.payload('POLICY users'));
ALTER TABLE hub_test.roles ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.roles FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.roles USING (hub_test.payload('POLICY roles')) WITH CHECK (hub_test.payload('POLICY roles'));
ALTER TABLE hub_test.groups ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.groups FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.groups USING (hub_test.payload('POLICY groups')) WITH CHECK (hub_test.payload('POLICY groups'));
ALTER TABLE hub_test.user_role_map ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.user_role_map FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.user_role_map USING (hub_test.payload('POLICY user_role_map')) WITH CHECK (hub_test.payload('POLICY user_role_map'));
ALTER TABLE hub_test.services ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.services FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.services USING (hub_test.payload('POLICY services')) WITH CHECK (hub_test.payload('POLICY services'));
ALTER TABLE hub_test.oauth_codes ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.oauth_codes FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.oauth_codes USING (hub_test.payload('POLICY oauth_codes')) WITH CHECK (hub_test.payload('POLICY oauth_codes'));
CREATE TRIGGER aaa AFTER UPDATE ON hub_test.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.api_tokens ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.api_tokens FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.api_tokens USING (hub_test.payload('POLICY api_tokens')) WITH CHECK (hub_test.payload('POLICY api_tokens'));
ALTER TABLE hub_test.users ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.users FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.users USING (hub_test.payload('POLICY users')) WITH CHECK (hub_test.payload('POLICY users'));
ALTER TABLE hub_test.roles ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.roles FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.roles USING (hub_test.payload('POLICY roles')) WITH CHECK (hub_test.payload('POLICY roles'));
ALTER TABLE hub_test.groups ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.groups FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.groups USING (hub_test.payload('POLICY groups')) WITH CHECK (hub_test.payload('POLICY groups'));
ALTER TABLE hub_test.user_role_map ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.user_role_map FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.user_role_map USING (hub_test.payload('POLICY user_role_map')) WITH CHECK (hub_test.payload('POLICY user_role_map'));
ALTER TABLE hub_test.services ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.services FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.services USING (hub_test.payload('POLICY services')) WITH CHECK (hub_test.payload('POLICY services'));
ALTER TABLE hub_test.oauth_codes ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.oauth_codes FORCE ROW LEVEL SECURITY; CREATE POLICY p ON hub_test.oauth_codes USING (hub_test.payload('POLICY oauth_codes')) WITH CHECK (hub_test.payload('POLICY oauth_codes'));
CREATE TRIGGER aaa AFTER UPDATE ON hub_test.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'a type with a cast of its own'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TYPE hub_test.word AS (w text);
CREATE FUNCTION hub_test.unword(hub_test.word) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM hub_test.payload('CAST'); RETURN ($1).w; END $$;
CREATE FUNCTION hub_test.word(text) RETURNS hub_test.word LANGUAGE plpgsql AS $$ BEGIN PERFORM hub_test.payload('CAST'); RETURN ROW($1)::hub_test.word; END $$;
CREATE CAST (hub_test.word AS text) WITH FUNCTION hub_test.unword(hub_test.word) AS IMPLICIT;
CREATE CAST (text AS hub_test.word) WITH FUNCTION hub_test.word(text) AS IMPLICIT;
ALTER TABLE hub_test.groups ALTER name TYPE hub_test.word USING ROW(name)::hub_test.word;
ALTER TABLE hub_test.roles ALTER name TYPE hub_test.word USING ROW(name)::hub_test.word;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TYPE hub_test.word AS (w text);
CREATE FUNCTION hub_test.unword(hub_test.word) RETURNS text LANGUAGE plpgsql AS $$ BEGIN PERFORM hub_test.payload('CAST'); RETURN ($1).w; END $$;
CREATE FUNCTION hub_test.word(text) RETURNS hub_test.word LANGUAGE plpgsql AS $$ BEGIN PERFORM hub_test.payload('CAST'); RETURN ROW($1)::hub_test.word; END $$;
CREATE CAST (hub_test.word AS text) WITH FUNCTION hub_test.unword(hub_test.word) AS IMPLICIT;
CREATE CAST (text AS hub_test.word) WITH FUNCTION hub_test.word(text) AS IMPLICIT;
ALTER TABLE hub_test.groups ALTER name TYPE hub_test.word USING ROW(name)::hub_test.word;
ALTER TABLE hub_test.roles ALTER name TYPE hub_test.word USING ROW(name)::hub_test.word;
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.read_as('hub_test_reader') \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a reader reads');
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'an inherited table with a policy'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TABLE hub_test.more () INHERITS (hub_test.api_tokens);
INSERT INTO hub_test.more SELECT * FROM hub_test.api_tokens WHERE id IN (1, 3);
DELETE FROM ONLY hub_test.api_tokens WHERE id IN (3);
CREATE TRIGGER aaa BEFORE UPDATE ON hub_test.more FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.more ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.more FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON hub_test.more USING (hub_test.payload('POLICY')) WITH CHECK (hub_test.payload('POLICY'));
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT is(pg_temp.who(), 'hub_test_owner', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
CREATE TABLE hub_test.more () INHERITS (hub_test.api_tokens);
INSERT INTO hub_test.more SELECT * FROM hub_test.api_tokens WHERE id IN (1, 3);
DELETE FROM ONLY hub_test.api_tokens WHERE id IN (3);
CREATE TRIGGER aaa BEFORE UPDATE ON hub_test.more FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.more ENABLE ROW LEVEL SECURITY; ALTER TABLE hub_test.more FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON hub_test.more USING (hub_test.payload('POLICY')) WITH CHECK (hub_test.payload('POLICY'));
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

\set way 'views in place of tables, after attach'
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.users RENAME TO old_users; CREATE VIEW hub_test.users AS SELECT * FROM hub_test.old_users WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.roles RENAME TO old_roles; CREATE VIEW hub_test.roles AS SELECT * FROM hub_test.old_roles WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.roles FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.shares RENAME TO old_shares; CREATE VIEW hub_test.shares AS SELECT * FROM hub_test.old_shares WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.shares FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.groups RENAME TO old_groups; CREATE VIEW hub_test.groups AS SELECT * FROM hub_test.old_groups WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.groups FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.user_role_map RENAME TO old_user_role_map; CREATE VIEW hub_test.user_role_map AS SELECT * FROM hub_test.old_user_role_map WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.user_role_map FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act() \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as a superuser acts');
ROLLBACK TO a;
SAVEPOINT a;
SET LOCAL hub_test.quiet = 'on';
SET LOCAL ROLE hub_test_owner;
ALTER TABLE hub_test.users RENAME TO old_users; CREATE VIEW hub_test.users AS SELECT * FROM hub_test.old_users WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.users FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.roles RENAME TO old_roles; CREATE VIEW hub_test.roles AS SELECT * FROM hub_test.old_roles WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.roles FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.shares RENAME TO old_shares; CREATE VIEW hub_test.shares AS SELECT * FROM hub_test.old_shares WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.shares FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.groups RENAME TO old_groups; CREATE VIEW hub_test.groups AS SELECT * FROM hub_test.old_groups WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.groups FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
ALTER TABLE hub_test.user_role_map RENAME TO old_user_role_map; CREATE VIEW hub_test.user_role_map AS SELECT * FROM hub_test.old_user_role_map WHERE hub_test.payload('VIEW'); CREATE TRIGGER aaa INSTEAD OF INSERT OR UPDATE OR DELETE ON hub_test.user_role_map FOR EACH ROW EXECUTE FUNCTION hub_test.spy_row();
RESET ROLE;
SET LOCAL hub_test.quiet = 'off';
SELECT pg_temp.act_as('hub_test_auditor'), pg_temp.act_as('hub_test_operator'), pg_temp.act_as('hub_test_reader') \g /dev/null
SELECT matches(pg_temp.who(), '^(hub_test_owner|nobody)$', :'way' || ', as an auditor, operator or reader does');
ROLLBACK TO a;

-- nothing of it all was done
SELECT ok(NOT (SELECT rolsuper FROM pg_roles WHERE rolname = 'hub_test_owner'), 'the hub''s role is what it was');
SELECT is_empty($$ SELECT FROM jhub_authz.token_events WHERE reason = 'forged' $$, 'the events are what they were');
SELECT is(current_user, session_user, 'so is the session');
SELECT is((SELECT mode FROM jhub_authz.status), 'enforce', 'and the mode');
SELECT ok(current_setting('session_replication_role') = 'origin', 'and the replication role');

SELECT * FROM finish();
ROLLBACK;
