-- acknowledge: what is accepted is known with who and why, is not open until its
-- time is over or it is taken back, and hides nothing but what it names.
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
SELECT no_plan();
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE ROLE hub_test_operator;
CREATE ROLE hub_test_auditor;
SELECT jhub_authz.grant_operator('hub_test_operator'), jhub_authz.grant_auditor('hub_test_auditor') \g /dev/null
UPDATE hub_test.roles SET scopes = '["read:uers", "read:groops"]' WHERE name = 'grader';
CREATE FUNCTION pg_temp.open(kind text, name text) RETURNS bigint LANGUAGE sql AS $$
    SELECT count(*) FROM jhub_authz.open_findings WHERE subject_kind = kind AND subject = name $$;
CREATE TEMP TABLE before AS SELECT * FROM jhub_authz.open_findings;

-- accepted
SELECT is(pg_temp.open('role', 'grader'), 2::bigint, 'two are open');
SET LOCAL application_name = 'review 2024';
SET LOCAL ROLE hub_test_operator;
SELECT is(jhub_authz.acknowledge('undefined_scope', 'role', 'grader', 'read:uers', 'known, ticket 7', now() + interval '1 day'), 1::bigint, 'an operator acknowledges one');
RESET ROLE;
SELECT is(pg_temp.open('role', 'grader'), 1::bigint, '... the other stays open');
SELECT is((SELECT row(acknowledged_by, acknowledged_reason, acknowledged_until = now() + interval '1 day', acknowledged_at IS NOT NULL)::text FROM jhub_authz.findings WHERE object = 'read:uers'),
    row(session_user, 'known, ticket 7', true, true)::text, 'findings still has it, with who, why and until when');
SELECT is((SELECT row(actor, role, application_name, code, subject_kind, subject, object, reason, withdrawn)::text FROM jhub_authz.finding_acknowledgements),
    row(session_user, 'hub_test_operator', 'review 2024', 'undefined_scope', 'role', 'grader', 'read:uers', 'known, ticket 7', false)::text, '... and so is it kept');
SELECT set_eq('SELECT * FROM jhub_authz.open_findings', 'SELECT * FROM before WHERE object IS DISTINCT FROM ''read:uers''', 'nothing else is hidden');
SELECT is((SELECT count(*) FROM jhub_authz.findings), (SELECT count(*) FROM before), 'no finding twice');

-- whatever the object
SELECT is(jhub_authz.acknowledge('undefined_scope', 'role', 'grader', NULL, 'all of them'), 2::bigint, 'whatever the object');
SELECT is(pg_temp.open('role', 'grader'), 0::bigint, '... both are accepted');
SELECT set_eq($$ SELECT object || ' ' || acknowledged_reason FROM jhub_authz.findings WHERE subject_kind = 'role' AND subject = 'grader' $$,
    ARRAY['read:uers known, ticket 7', 'read:groops all of them'], '... the narrower one counts first');
SELECT is((SELECT count(*) FROM jhub_authz.findings), (SELECT count(*) FROM before), '... and no finding twice');

-- taken back, each for itself, and never forgotten
SELECT is(jhub_authz.withdraw_acknowledgement('undefined_scope', 'role', 'grader', NULL, 'it was wrong'), true, 'taken back');
SELECT is(pg_temp.open('role', 'grader'), 1::bigint, '... it is open again, the other is not');
SELECT is(jhub_authz.withdraw_acknowledgement('undefined_scope', 'role', 'grader', NULL, 'again'), false, '... once');
SELECT is(jhub_authz.withdraw_acknowledgement('undefined_scope', 'role', 'grader', 'read:users', 'no such'), false, 'none of that object');
SELECT is(jhub_authz.acknowledge('undefined_scope', 'role', 'grader', 'read:groops', 'anew'), 1::bigint, 'acknowledged anew');
SELECT is((SELECT acknowledged_reason FROM jhub_authz.findings WHERE object = 'read:groops'), 'anew', '... the last counts');
SELECT is((SELECT count(*) FROM jhub_authz.finding_acknowledgements), 4::bigint, 'every word is kept');

-- its time
UPDATE jhub_authz.finding_acknowledgements SET until = now() - interval '1 second' WHERE object = 'read:uers';
SELECT is(pg_temp.open('role', 'grader'), 1::bigint, 'when its time is over, it is open again');

-- of a token that grows on, what was not accepted is open
UPDATE hub_test.roles SET scopes = '["self"]' WHERE name = 'grader';
SELECT jhub_authz.set_mode('observe') \g /dev/null
INSERT INTO hub_test.user_role_map VALUES (9, 14, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT jhub_authz.acknowledge(code, subject_kind, subject, object, 'seen') FROM jhub_authz.open_findings WHERE code = 'grown_token' AND subject = '1'), 1::bigint, 'a growth is accepted');
SELECT is_empty($$ SELECT FROM jhub_authz.open_findings WHERE code = 'grown_token' AND subject = '1' $$, '... and not open');
INSERT INTO hub_test.user_role_map VALUES (9, 2, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT isnt_empty($$ SELECT FROM jhub_authz.open_findings WHERE code = 'grown_token' AND subject = '1' $$, '... until it grows further');

-- what is refused
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('undefined_scopes', 'role', 'grader', NULL, 'x') $$, '22023', 'invalid code of a finding: "undefined_scopes"', 'no such code');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('undefined_scope', 'role', 'nobody', NULL, 'x') $$, '42704', 'there is no finding "undefined_scope" of role "nobody"', 'no such finding');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('leaver', 'user', 'alice', 'x', 'x') $$, '42704', NULL, 'not of that object');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('leaver', 'user', 'alice', NULL, E' \t') $$, '22023', 'reason cannot be empty', 'no reason');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('leaver', 'user', 'alice', NULL, NULL) $$, '22004', 'reason cannot be null', 'NULL for a reason');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('leaver', NULL, 'alice', NULL, 'x') $$, '22004', 'subject_kind cannot be null', 'of nobody');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('leaver', 'user', 'alice', NULL, 'x', now() - interval '1 day') $$, '22023', 'until must be in the future', 'past');
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('x'' OR true --', 'user', 'alice', NULL, 'x') $$, '22023', NULL, 'a code is no SQL');

-- who may not
SET LOCAL ROLE hub_test_auditor;
SELECT throws_ok($$ SELECT jhub_authz.acknowledge('leaver', 'user', 'alice', NULL, 'x') $$, '42501', NULL, 'an auditor does not acknowledge');
SELECT throws_ok($$ SELECT jhub_authz.withdraw_acknowledgement('leaver', 'user', 'alice', NULL, 'x') $$, '42501', NULL, '... nor take back');
SELECT isnt_empty('SELECT FROM jhub_authz.findings', '... but reads');
SET LOCAL ROLE hub_test_operator;
SELECT throws_ok($$ UPDATE jhub_authz.finding_acknowledgements SET reason = 'better' $$, '42501', NULL, 'nobody changes what was said');
SELECT throws_ok($$ DELETE FROM jhub_authz.finding_acknowledgements $$, '42501', NULL, '... or takes it away');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
