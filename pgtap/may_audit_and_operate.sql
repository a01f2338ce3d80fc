-- An auditor reads everything and does nothing: no write, no hash, no token, no
-- event; an operator acts, and reads no more than that needs.
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
SELECT plan(31);
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE ROLE hub_test_auditor;
CREATE ROLE hub_test_operator;
SELECT jhub_authz.grant_auditor('hub_test_auditor'), jhub_authz.grant_operator('hub_test_operator') \g /dev/null

-- The auditor
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
       AND has_function_privilege('hub_test_auditor', p.oid, 'EXECUTE') AND (p.provolatile = 'v' OR p.prosecdef) $$, 'may call nothing that writes');
SELECT is_empty($$
    SELECT c.oid::regclass, p.privilege FROM pg_class c, unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (privilege)
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v', 'p') AND has_table_privilege('hub_test_auditor', c.oid, p.privilege) $$,
    '... and write nothing');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v', 'p')
       AND NOT has_table_privilege('hub_test_auditor', c.oid, 'SELECT') AND c.relname <> 'pending' $$, '... but read every table and view');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'hub_test'::regnamespace AND c.relkind = 'r'
       AND has_table_privilege('hub_test_auditor', c.oid, 'SELECT, INSERT, UPDATE, DELETE') $$, '... without a right on the hub''s tables');
SELECT is(pg_temp.tried('hub_test_auditor', 'SELECT hashed FROM hub_test.api_tokens'), '42501', 'no hash from the hub''s table');
SELECT is(pg_temp.tried('hub_test_auditor', what), '42501', 'denied: ' || what) FROM (VALUES
    ('UPDATE jhub_authz.token_events SET reason = reason'),
    ('DELETE FROM jhub_authz.token_events'),
    ('SELECT jhub_authz.revoke_token(1, ''x'')'),
    ('SELECT jhub_authz.rebase(1, ''x'')'),
    ('SELECT jhub_authz.set_policy(''user'', ''ignore'')'),
    ('SELECT jhub_authz.authenticate(md5(''token1''))'),
    ('SELECT * FROM jhub_authz.issue_token(''user'', ''alice'')')) AS v (what);

-- everything that it may run, run; the past begins with a commit, so there is one
INSERT INTO jhub_authz.history_changes SELECT began, now(), now(), pg_current_xact_id(), 'x', 'x', 'x', 'attach' FROM jhub_authz.history_attachment;
\if :{?few}
\set every 5
\else
\set every 1
\endif
CREATE TEMP TABLE answered AS SELECT * FROM pg_temp.answers('hub_test_auditor', every => :every);
SELECT is_empty($$ SELECT object, state, answer FROM answered WHERE state <> 'ZZ001'
 $$, 'every function and view answers the auditor');
SELECT ok((SELECT count(*) > 60 / :every FROM answered), '... and they are many');
SELECT is_empty($$ SELECT a.object, a.answer FROM answered a, hub_test.api_tokens t
    WHERE strpos(a.answer, t.hashed) > 0 OR strpos(a.answer, split_part(t.hashed, ':', 4)) > 0 OR strpos(a.answer, md5('token' || t.id)) > 0 $$,
    '... none with a hash or a token');

-- The operator
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace AND has_function_privilege('hub_test_operator', p.oid, 'EXECUTE')
       AND (p.prosecdef OR p.prorettype = 'trigger'::regtype OR p.proname ~ '^(attach|detach|set_mode|set_option|use_hub_release|grant_|revoke_(auditor|operator)|_grant|_disable|prune)') $$,
    'the operator does not administer');
SELECT is_empty($$
    SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v', 'p')
       AND (has_table_privilege('hub_test_operator', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')) $$, '... and writes no table');
CREATE TEMP TABLE acted AS SELECT * FROM pg_temp.answers('hub_test_operator', true);
SELECT is_empty($$ SELECT a.object, a.answer FROM acted a, hub_test.api_tokens t
    WHERE strpos(a.answer, t.hashed) > 0 OR strpos(a.answer, split_part(t.hashed, ':', 4)) > 0 OR strpos(a.answer, md5('token' || t.id)) > 0 $$,
    '... and no answer to it holds a hash, or a token but the one just made');
SELECT isnt_empty($$ SELECT FROM acted WHERE object ~ '^jhub_authz.issue_token' AND state = 'ZZ001' $$, '... which it was given');

-- taken back
SELECT jhub_authz.revoke_auditor('hub_test_auditor'), jhub_authz.revoke_operator('hub_test_operator') \g /dev/null
SELECT is_empty($$
    SELECT p.oid::regprocedure FROM pg_proc p, unnest(ARRAY['hub_test_auditor', 'hub_test_operator']) r WHERE p.pronamespace = 'jhub_authz'::regnamespace
       AND has_function_privilege(r, p.oid, 'EXECUTE') AND NOT has_function_privilege('public', p.oid, 'EXECUTE')
    UNION ALL
    SELECT c.oid::regprocedure FROM pg_class c, unnest(ARRAY['hub_test_auditor', 'hub_test_operator']) r WHERE c.relnamespace = 'jhub_authz'::regnamespace
       AND c.relkind IN ('r', 'v') AND has_table_privilege(r, c.oid, 'SELECT') AND NOT has_table_privilege('public', c.oid, 'SELECT') $$, 'taken back, nothing is left');
SELECT is(pg_temp.tried('hub_test_auditor', 'SELECT jhub_authz.user_scopes(''alice'')'), '42501', '... and nothing answers');

-- who is more than one of them stays the others
CREATE ROLE hub_test_all;
CREATE FUNCTION pg_temp.granted() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT p.oid::regprocedure::text FROM pg_proc p, aclexplode(p.proacl) a WHERE p.pronamespace = 'jhub_authz'::regnamespace AND a.grantee = 'hub_test_all'::regrole
    UNION ALL SELECT c.oid::regclass::text FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = 'jhub_authz'::regnamespace AND a.grantee = 'hub_test_all'::regrole $$;
CREATE FUNCTION pg_temp.as_granted(VARIADIC capacities text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE what text; answer text;
BEGIN
    FOREACH what IN ARRAY capacities LOOP EXECUTE format('SELECT jhub_authz.%s(''hub_test_all'')', what); END LOOP;
    SELECT string_agg(g, ' ' ORDER BY g COLLATE "C") INTO answer FROM pg_temp.granted() g;
    DROP OWNED BY hub_test_all;
    RETURN answer;
END $$;
SELECT is(pg_temp.as_granted(VARIADIC done), pg_temp.as_granted(VARIADIC wanted), array_to_string(done, ', ')) FROM (VALUES
    ('{grant_reader, grant_auditor, revoke_auditor}'::text[], '{grant_reader}'::text[]),
    ('{grant_auditor, grant_reader, revoke_reader}', '{grant_auditor}'),
    ('{grant_operator, grant_reader, revoke_operator}', '{grant_reader}'),
    ('{grant_operator, grant_reader, grant_auditor, revoke_reader, revoke_auditor}', '{grant_operator}'),
    ('{grant_reader, grant_auditor, revoke_reader, revoke_auditor}', '{}')) AS v (done, wanted) WHERE :every = 1 OR cardinality(done) = 3;
\if :{?few}
SELECT skip('there are few', 2);
\endif
-- half of one is none
SELECT jhub_authz.grant_auditor('hub_test_all') \g /dev/null
GRANT EXECUTE ON FUNCTION jhub_authz.act_as(text) TO hub_test_all;
SELECT jhub_authz.revoke_auditor('hub_test_all') \g /dev/null
SELECT results_eq('SELECT pg_temp.granted() COLLATE "C"', ARRAY['jhub_authz.act_as(text)' COLLATE "C"], 'what was granted alone is no reason to keep more');
-- there has to be such a role
SELECT throws_ok(format('SELECT jhub_authz.%s(''-'')', f), '42704', 'role with OID 0 does not exist', f || ': no role') FROM unnest(ARRAY['grant_auditor', 'revoke_operator', 'grant_reader']) f;

SELECT * FROM finish();
ROLLBACK;
