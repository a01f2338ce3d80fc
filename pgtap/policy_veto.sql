-- With the policy veto a change that would let a token grow does not happen.
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
SELECT plan(21);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;
CREATE FUNCTION pg_temp.message(what text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE what;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;
CREATE FUNCTION pg_temp.grow() RETURNS text LANGUAGE sql AS
    $$ SELECT 'INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false)' $$;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES
    (100, 9, 'jupyterhub', '2024-05-01', 'zzzz', 'secret', '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT jhub_authz.set_policy('user', on_growth => 'veto') \g /dev/null

SELECT throws_ok(pg_temp.grow(), '42501', '2 tokens would come to do more than when they were issued', 'the change fails');
SELECT is((pg_temp.message(pg_temp.grow())).detail,
    'Their policy is veto: token 1 of user "alice" (user_role: culler), token 100 of user "alice" (user_role: culler).',
    'all tokens are named in one error, with the reason');
SELECT matches((pg_temp.message(pg_temp.grow())).hint, 'jhub_authz\.preview', 'the hint shows the way');
SELECT unalike((pg_temp.message(pg_temp.grow()))::text, '%secret%', 'no hash is in it');
SELECT ok(NOT EXISTS (SELECT FROM user_role_map WHERE user_id = 9 AND role_id = 14), 'nothing of the change is there');
SELECT ok(pg_temp.live(1) AND pg_temp.events(1, 'would_revoke') = 0 AND pg_temp.events(1, 'revoked') = 0, '... nor of the decision');

SELECT lives_ok($$ INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (11, 14, false) $$, 'what makes nobody grow passes');
SELECT lives_ok($$ DELETE FROM user_role_map WHERE user_id = 9 AND role_id = 6 $$, '... as what is taken away');

-- a transaction that brings it and takes it back
SET CONSTRAINTS ALL DEFERRED;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) VALUES (9, 14, false);
DELETE FROM user_role_map WHERE user_id = 9 AND role_id = 14;
SELECT lives_ok('SET CONSTRAINTS ALL IMMEDIATE', 'judged at the end of the transaction, not before');

-- many
\if :{?few}
\set many 25
\else
\set many 2500
\endif
SAVEPOINT a;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
    SELECT 1000 + i, 9, 'jupyterhub', '2024-05-01', 'zzzz', 'm' || i, '["inherit"]' FROM generate_series(1, :many) i;
SELECT is((pg_temp.message(pg_temp.grow())).message, :many + 2 || ' tokens would come to do more than when they were issued', 'many: they are counted');
SELECT matches((pg_temp.message(pg_temp.grow())).detail, 'token 1008 of user "alice" \(user_role: culler\) and ' || :many - 8 || ' more\.$', '... and the first are named');
ROLLBACK TO a;

-- one vetoes, another only logs: the transaction fails for both
SAVEPOINT a;
SELECT jhub_authz.set_policy('user', on_growth => 'log'), jhub_authz.set_policy('token:100', on_growth => 'veto') \g /dev/null
SELECT is((pg_temp.message(pg_temp.grow())).message, '1 token would come to do more than when it was issued', 'only those whose policy it is are named');
SELECT jhub_authz.revoke_token(100, 'in the way') \g /dev/null
SELECT lives_ok(pg_temp.grow(), 'a token that is dead vetoes nothing');
SELECT is(pg_temp.events(1, 'would_revoke'), 1, '... the other is logged');
ROLLBACK TO a;

-- a preview shows what would be in the way
SELECT results_eq(format('SELECT token_id, action, reason FROM jhub_authz.preview(%L) ORDER BY token_id', pg_temp.grow()),
    $$ VALUES (1, 'would_revoke', 'veto: user_role: culler'), (100, 'would_revoke', 'veto: user_role: culler') $$, 'preview does not fail');
SELECT throws_ok(pg_temp.grow(), '42501', NULL, '... and leaves nothing behind');

-- modes
SAVEPOINT a;
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT lives_ok(pg_temp.grow(), 'observe: the change passes');
SELECT is((SELECT reason FROM jhub_authz.token_events WHERE token_id = 1 AND action = 'would_revoke'), 'veto: user_role: culler', '... and is logged as what it would have been');
SELECT throws_ok($$ SELECT jhub_authz.set_mode('enforce') $$, '42501', NULL, 'going to enforce judges by policy');
SELECT jhub_authz.rebase(1, 'agreed'), jhub_authz.rebase(100, 'agreed') \g /dev/null
SELECT is(jhub_authz.set_mode('enforce'), 0::bigint, '... and goes when the growth is accepted');
ROLLBACK TO a;
SELECT is((SELECT value FROM show_policy(1) WHERE setting = 'on_growth'), 'veto', 'show_policy says so');

SELECT * FROM finish();
ROLLBACK;
