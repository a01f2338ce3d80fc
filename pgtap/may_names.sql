-- Names are ours to look up: operators, functions, types and tables that somebody
-- put in front of pg_catalog, or into pg_temp, are never taken for ours or for the
-- server's, and the answers are what they were.
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
SELECT plan(14);
-- a token that may see everything
UPDATE hub_test.api_tokens SET scopes = '["inherit"]' WHERE id = 4;
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE ROLE hub_test_auditor;
SELECT jhub_authz.grant_auditor('hub_test_auditor') \g /dev/null
-- the past begins with a commit
INSERT INTO jhub_authz.history_changes SELECT began, now(), now(), pg_current_xact_id(), 'x', 'x', 'x', 'attach' FROM jhub_authz.history_attachment;

-- all that reads, but aggregates
CREATE TEMP TABLE asked AS SELECT row_number() OVER () AS n, object, replace(statement, '::text', '::pg_catalog.text') AS statement
    FROM pg_temp.statements(current_user) WHERE statement ~ '^SELECT [*]' AND object !~ 'scopeset_out';
\if :{?few}
DELETE FROM asked WHERE n % 10 <> 1 AND object !~ 'api_(users|tokens)$';
\set most 5
SET debug_discard_caches = 0;
\else
\set most 60
\endif

-- Everything that stands in front of pg_catalog tells that it was called: by a
-- sequence, whose value no rollback takes back.
CREATE SCHEMA evil;
GRANT ALL ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE evil.called;
GRANT ALL ON evil.called TO PUBLIC;
CREATE FUNCTION pg_temp.plant() RETURNS integer LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    o record;
    n integer := 0;
BEGIN
    -- operators of these types, of the server's and of our own
    FOR o IN SELECT p.oprname, format_type(p.oprleft, NULL) AS l, format_type(p.oprright, NULL) AS r, format_type(p.oprresult, NULL) AS result
               FROM pg_operator p
              WHERE p.oprkind = 'b' AND p.oprnamespace IN ('pg_catalog'::regnamespace, 'jhub_authz'::regnamespace)
                AND p.oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '~', '!~', '@>', '<@', '&&', '&', '|', '-', '+', '~~')
                AND ARRAY[p.oprleft, p.oprright] <@ '{text,name,int4,int8,int2,oid,bool,"\"char\"",timestamp,timestamptz,interval,text[],xid8,jsonb,bpchar,jhub_authz.scopeset}'::regtype[]::oid[]
    LOOP
        n := n + 1;
        EXECUTE format('CREATE FUNCTION evil.op%s(%s, %s) RETURNS %s LANGUAGE plpgsql IMMUTABLE AS %L', n, o.l, o.r, o.result,
                       'BEGIN PERFORM pg_catalog.nextval(''evil.called''); RETURN NULL; END');
        EXECUTE format('CREATE OPERATOR evil.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.op%s)', o.oprname, o.l, o.r, n);
    END LOOP;
    -- functions that SQL of ours calls, and our own
    FOR o IN SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS args, pg_get_function_result(p.oid) AS result
               FROM pg_proc p
              WHERE p.prokind = 'f' AND p.provariadic = 0 AND p.prolang <> 0
                AND (p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN ('format', 'now', 'array_to_string', 'pg_current_xact_id', 'clock_timestamp', 'set_config',
                        'current_setting', 'unnest', 'replace', 'lower', 'gen_random_uuid', 'current_database', 'array_length', 'quote_ident', 'quote_literal', 'to_regclass',
                        'greatest', 'extract', 'date_part', 'array_append', 'array_cat', 'regclassout', 'scopeset_in')
                     OR p.pronamespace = 'jhub_authz'::regnamespace AND p.prorettype <> 'trigger'::regtype)
                AND NOT '{internal,cstring,"\"any\"",anyelement,anyarray,anycompatible,anymultirange}'::regtype[]::oid[] && (p.proargtypes::oid[] || p.prorettype)
    LOOP
        BEGIN
            EXECUTE format('CREATE FUNCTION evil.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', o.proname, o.args, o.result,
                           'BEGIN PERFORM pg_catalog.nextval(''evil.called''); RAISE EXCEPTION ''evil''; END');
            n := n + 1;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
    EXECUTE 'CREATE DOMAIN evil.text AS pg_catalog.text CHECK (pg_catalog.nextval(''evil.called'') < 0)';
    EXECUTE 'CREATE DOMAIN evil.name AS pg_catalog.name CHECK (pg_catalog.nextval(''evil.called'') < 0)';
    EXECUTE 'CREATE DOMAIN evil.regclass AS pg_catalog.regclass CHECK (pg_catalog.nextval(''evil.called'') < 0)';
    EXECUTE 'CREATE DOMAIN evil.scopeset AS jhub_authz.scopeset CHECK (pg_catalog.nextval(''evil.called'') < 0)';
    FOR o IN SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND (c.relnamespace IN ('jhub_authz'::regnamespace, 'hub_test'::regnamespace)
                 OR c.relname IN ('pg_class', 'pg_proc', 'pg_trigger', 'pg_namespace', 'pg_extension', 'pg_roles', 'pg_authid') AND c.relnamespace = 'pg_catalog'::regnamespace) LOOP
        EXECUTE format('CREATE VIEW evil.%I AS SELECT pg_catalog.nextval(''evil.called'') AS id', o.relname);
        EXECUTE format('CREATE TEMP VIEW %I AS SELECT pg_catalog.nextval(''evil.called'') AS id', o.relname);
    END LOOP;
    RETURN n;
END $$;
GRANT ALL ON SCHEMA evil TO hub_test_owner;
SELECT ok(pg_temp.plant() > 150, 'much is planted');
\if :{?few}
RESET debug_discard_caches;
\endif
SELECT setval('evil.called', 1, false) \g /dev/null

-- The statement alone runs under the path; the rest is this file's.
CREATE FUNCTION pg_temp.under(path text, what text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM set_config('search_path', path, true);
    BEGIN
        EXECUTE what;
        SET LOCAL search_path = pg_catalog;
    EXCEPTION WHEN OTHERS THEN
        SET LOCAL search_path = pg_catalog;
        RETURN SQLSTATE OPERATOR(pg_catalog.||) ' ' OPERATOR(pg_catalog.||) SQLERRM;
    END;
    RETURN NULL;
END $$;
CREATE FUNCTION pg_temp.content(name text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE answer text;
BEGIN
    EXECUTE format('SELECT string_agg(x::text, chr(10) ORDER BY x::text) FROM pg_temp.%I x', name) INTO answer;
    RETURN answer;
END $$;
SELECT is(pg_temp.under('evil, pg_catalog', 'SELECT ''a''::pg_catalog.text = ''b''::pg_catalog.text'), NULL, 'the path is a hostile one');
SELECT ok((SELECT is_called FROM evil.called), '... which this finds out');
SELECT setval('evil.called', 1, false) \g /dev/null

CREATE FUNCTION pg_temp.ask(path text) RETURNS TABLE (object text, answer text, called boolean) LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE a record; error text;
BEGIN
    FOR a IN SELECT * FROM pg_temp.asked ORDER BY n LOOP
        object := a.object;
        DROP TABLE IF EXISTS pg_temp.got;
        error := pg_temp.under(path, 'CREATE TEMP TABLE got AS ' || a.statement);
        answer := coalesce(error, CASE WHEN error IS NULL THEN pg_temp.content('got') END);
        SELECT s.is_called INTO called FROM evil.called s;
        PERFORM setval('evil.called', 1, false);
        RETURN NEXT;
    END LOOP;
END $$;
-- with an identity, or api_* would show nothing
SELECT jhub_authz.act_as(md5('token4')) \g /dev/null
CREATE TEMP TABLE plain AS SELECT * FROM pg_temp.ask('pg_catalog');
CREATE TEMP TABLE hostile AS SELECT * FROM pg_temp.ask('evil, pg_temp, jhub_authz, hub_test, pg_catalog');
SELECT ok((SELECT count(*) > :most FROM hostile), 'every function and view that reads was asked');
SELECT is_empty($$ SELECT object, answer FROM plain WHERE answer ~ '^[0-9A-Z]{5} ' $$, '... and answers');
SELECT is_empty($$ SELECT object FROM plain WHERE object ~ '^jhub_authz[.]api_[a-z]+$' AND answer IS NULL $$, '... api_* with rows');
SELECT is_empty($$ SELECT object FROM hostile WHERE called $$, '... none of them calls what was planted');
SELECT is_empty($$ SELECT h.object, h.answer, p.answer FROM hostile h JOIN plain p USING (object) WHERE regexp_replace(h.answer, 'As of</dt><dd>[^<]*', '') IS DISTINCT FROM regexp_replace(p.answer, 'As of</dt><dd>[^<]*', '') $$,
    '... and the answers are the same, but for the minute of a report');

-- what writes, and what is decided at the end
CREATE FUNCTION pg_temp.work(path text) RETURNS text LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    what text;
    errors text;
BEGIN
    FOREACH what IN ARRAY ARRAY[
        'INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, hashed, scopes) VALUES (901, 9, ''jupyterhub'', ''2024-03-01'', ''h901'', ''["inherit"]'')',
        'SELECT jhub_authz.issue_token(''user'', ''alice'', ''["read:users:name!user=alice"]'')', 'SET CONSTRAINTS ALL IMMEDIATE', 'SET CONSTRAINTS ALL DEFERRED',
        'INSERT INTO hub_test.user_role_map VALUES (9, 14, false)', 'SET CONSTRAINTS ALL IMMEDIATE', 'SET CONSTRAINTS ALL DEFERRED',
        'SELECT jhub_authz.revoke_token(3, ''test'')', 'SELECT jhub_authz.revoke_all(''user'', ''bob'', ''test'', true)', 'SELECT jhub_authz.rebase(5, ''test'')',
        'SELECT jhub_authz.define_scopes(''{"custom:a:b": {"description": "d"}}'')', 'SELECT jhub_authz.set_option(''lock_timeout'', ''4s'')',
        'SELECT jhub_authz.set_policy(''user'', ''log'')', 'SELECT jhub_authz.use_hub_release(''5.5'')', 'SELECT jhub_authz.undefine_scope(''custom:a:b'')',
        'SELECT jhub_authz.set_mode(''observe'')', 'SELECT jhub_authz.set_mode(''enforce'')', 'SELECT jhub_authz.attach(''hub_test'')',
        'SELECT jhub_authz.grant_auditor(''hub_test_auditor'')', 'SELECT jhub_authz.revoke_auditor(''hub_test_auditor'')',
        'UPDATE hub_test.users SET name = ''alice2'' WHERE name OPERATOR(pg_catalog.=) ''alice''::pg_catalog.varchar::pg_catalog.text', 'SET CONSTRAINTS ALL IMMEDIATE', 'SET CONSTRAINTS ALL DEFERRED',
        'SELECT jhub_authz.detach()']
    LOOP
        errors := concat_ws('; ', errors, what || ': ' || pg_temp.under(path, what));
    END LOOP;
    RETURN nullif(errors, '');
END $$;
SELECT is(pg_temp.work('evil, pg_temp, jhub_authz, hub_test, pg_catalog'), NULL, 'all that writes works under the hostile path');
SELECT ok(NOT (SELECT is_called FROM evil.called), '... and calls nothing that was planted');
SELECT isnt_empty($$ SELECT FROM jhub_authz.token_events WHERE action = 'revoked' AND token_id = 1 $$, '... growth was noticed');
SELECT isnt_empty($$ SELECT FROM jhub_authz.token_events WHERE action = 'renamed' $$, '... and a rename');
SELECT is((SELECT count(*)::int FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid WHERE p.pronamespace = 'jhub_authz'::regnamespace
    AND t.tgrelid IN (SELECT oid FROM pg_catalog.pg_class WHERE relnamespace = 'hub_test'::regnamespace)), 0, '... and detach found its triggers');

SELECT * FROM finish();
ROLLBACK;
