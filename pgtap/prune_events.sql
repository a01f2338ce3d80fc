-- Old events can go, but for those that answers rest on; nobody else takes one away.
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
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SELECT plan(29);

-- a log of three years, one event a day
INSERT INTO jhub_authz.token_events (at, actor, role, application_name, token_id, action, reason)
SELECT now() - n * interval '1 day', 'x', 'x', '', 1, 'adopted', 'old' FROM generate_series(1, 1000) AS n;
CREATE FUNCTION pg_temp.old() RETURNS integer LANGUAGE sql AS $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE reason = 'old' $$;

SELECT is(jhub_authz.prune_events('10 years'), 0::bigint, 'none is that old');
SELECT is(jhub_authz.prune_events(keep), 0::bigint, '... nor that: ' || keep) FROM unnest(ARRAY['1000000 years', '178000000 years']::interval[]) keep;
SELECT is(jhub_authz.prune_events('900 days 1 hour'), 100::bigint, 'those that are older go');
SELECT is(pg_temp.old(), 900, '... and no others');
SELECT results_eq($$ SELECT token_id, reason ~ '^prune: 100 events before 20\d\d-' FROM jhub_authz.token_events WHERE action = 'pruned' ORDER BY event_id DESC LIMIT 1 $$,
                  $$ VALUES (NULL::integer, true) $$, 'which is an event, with number and moment');
SELECT is((SELECT actor FROM jhub_authz.token_events WHERE action = 'pruned' LIMIT 1), session_user, '... by whom');
SELECT is(jhub_authz.prune_events('1 month'), (SELECT 900 - count(*) FROM generate_series(1, 1000) n WHERE now() - n * interval '1 day' >= now() - interval '1 month'), 'months are months');
SELECT throws_ok($$ SELECT jhub_authz.prune_events('-1 second') $$, '22023', NULL, 'what is to come cannot be pruned');
SELECT throws_ok($$ SELECT jhub_authz.prune_events('1 month -31 days') $$, '22023', NULL, '... in whatever words');
SELECT is(jhub_authz.prune_events(NULL), NULL, 'NULL is nothing');

-- what answers rest on
SELECT jhub_authz.revoke_token(2, 'x') \g /dev/null
SELECT jhub_authz.revoke_token(3, 'x') \g /dev/null
SELECT jhub_authz.reinstate_token(3, 'x') \g /dev/null
INSERT INTO user_role_map VALUES (9, 14, false);
UPDATE jhub_authz.token_events SET at = at - interval '20 years';
UPDATE jhub_authz.token_baselines SET revoked_at = revoked_at - interval '20 years';
SELECT ok(jhub_authz.prune_events('10 years') > 0, 'after years');
SELECT results_eq($$ SELECT token_id FROM jhub_authz.token_events WHERE action = 'revoked' ORDER BY 1 $$,
                  $$ VALUES (1), (2) $$, 'the revocations of what is revoked still are there');
SELECT ok((SELECT count(*) FROM jhub_authz.token_events WHERE action = 'pruned') >= 4, '... and so is where the log has gaps');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action NOT IN ('revoked', 'pruned')), 0, '... and nothing else');
SELECT ok(jhub_authz.reinstate_token(1, 'x'), 'so that it can be put back');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 1), '["inherit"]', '... with its scopes');
SELECT is((SELECT jhub_authz.prune_events('10 years')), 1::bigint, '... and then its revocation goes too');
DELETE FROM api_tokens WHERE id = 2;
SELECT is((SELECT jhub_authz.prune_events('10 years')), 1::bigint, 'that of a token that was deleted likewise');

-- nobody else
CREATE ROLE b_auditor;
CREATE ROLE b_operator;
GRANT USAGE ON SCHEMA jhub_authz TO b_auditor, b_operator;
SELECT jhub_authz.grant_auditor('b_auditor'), jhub_authz.grant_operator('b_operator'), jhub_authz.grant_auditor('b_operator') \g /dev/null
SELECT ok(NOT has_function_privilege(r, 'jhub_authz.prune_events(interval)', 'execute'), r || ' may not prune')
  FROM unnest(ARRAY['public', 'b_auditor', 'b_operator']) r;
SELECT ok(NOT has_table_privilege(r, 'jhub_authz.token_events', 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES'), r || ' may not touch an event')
  FROM unnest(ARRAY['public', 'b_auditor', 'b_operator']) r;
GRANT EXECUTE ON FUNCTION jhub_authz.prune_events(interval) TO b_operator;
SET ROLE b_operator;
SELECT lives_ok($$ SELECT jhub_authz.prune_events('0') $$, 'whom the owner grants it, may');
SELECT throws_ok('DELETE FROM jhub_authz.token_events', '42501', NULL, '... and has no other way');
RESET ROLE;
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events WHERE action = 'pruned' AND role = 'b_operator'), 1, '... which is an event of that role');
SET TRANSACTION READ ONLY;
SELECT throws_ok($$ SELECT jhub_authz.prune_events('1 day') $$, '25006', NULL, 'nor in a read-only transaction');

SELECT * FROM finish();
ROLLBACK;
