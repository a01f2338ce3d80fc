-- An identity is what a live token gives, for a (sub)transaction, and nothing else.
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
SELECT plan(52);
-- no attach(): the identity does not rest on its triggers
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');

CREATE FUNCTION pg_temp.shown() RETURNS bigint LANGUAGE sql AS $$
    SELECT (SELECT count(*) FROM jhub_authz.api_users) + (SELECT count(*) FROM jhub_authz.api_groups)
         + (SELECT count(*) FROM jhub_authz.api_services) + (SELECT count(*) FROM jhub_authz.api_servers)
         + (SELECT count(*) FROM jhub_authz.api_tokens) + (SELECT count(*) FROM jhub_authz.api_user('alice'))
         + (SELECT count(*) FROM jhub_authz.api_group('physics')) + (SELECT count(*) FROM jhub_authz.api_service('announce')) $$;

-- without one
SELECT is(jhub_authz.current_subject(), NULL, 'nobody at first');
SELECT is(jhub_authz.current_scopes()::text, NULL, '... who holds nothing');
SELECT is(pg_temp.shown(), 0::bigint, '... and sees nothing');
SELECT throws_ok(format('SELECT jhub_authz.act_as(%L)', token), '28000', 'the token is not valid', 'no token: ' || what)
  FROM (VALUES ('guessed', 'guessed'), ('', 'empty'), (repeat('a', 32), 'of the right form'), (left(md5('token1'), 31), 'one digit short'),
               (md5('token1') || ' ', 'a space too many'), (upper(md5('token1')), 'in upper case'), (md5('token10'), 'one that has expired'),
               ('a1', 'an id')) AS t (token, what);
SELECT throws_ok($$ SELECT jhub_authz.act_as((SELECT hashed FROM api_tokens WHERE id = 1)) $$, '28000', NULL, 'no token: a hash');
SELECT is(jhub_authz.current_subject(), NULL, 'nobody after a refusal');

-- with one
SAVEPOINT outside;
SELECT is(jhub_authz.act_as(md5('token1')), 'user:alice', 'act_as a user''s');
SELECT is(jhub_authz.current_subject(), 'user:alice', '... is whom one is');
SELECT is(jhub_authz.current_scopes()::text, jhub_authz.token_scopes(1)::text, '... with what the token holds');
SELECT ok(pg_temp.shown() > 20, '... and sees something');
SELECT throws_ok($$ SELECT jhub_authz.act_as('guessed') $$, '28000', NULL, 'a wrong token');
SELECT is(jhub_authz.current_subject(), 'user:alice', '... in a subtransaction of its own changes nothing outside');
SELECT is(jhub_authz.act_as(md5('token8')), 'service:idle-culler', 'a service''s in its place');
SELECT is(jhub_authz.current_scopes()::text, jhub_authz.token_scopes(8)::text, '... with what that holds');
SELECT is(jhub_authz.act_as(NULL), NULL, 'act_as(NULL)');
SELECT is(jhub_authz.current_subject(), NULL, '... is nobody');
SELECT is(pg_temp.shown(), 0::bigint, '... and sees nothing');
ROLLBACK TO outside;
SELECT is(jhub_authz.current_subject(), NULL, 'ROLLBACK TO takes it all back');

-- subtransactions
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
SAVEPOINT a;
SELECT is(jhub_authz.current_subject(), 'user:alice', 'it reaches into a savepoint');
SELECT jhub_authz.act_as(md5('token8')) \g /dev/null
SAVEPOINT b;
SELECT jhub_authz.act_as(md5('token3')) \g /dev/null
SELECT is(jhub_authz.current_subject(), 'user:bob', 'the innermost counts');
RELEASE b;
SELECT is(jhub_authz.current_subject(), 'service:idle-culler', 'RELEASE ends it as well');
ROLLBACK TO a;
SELECT is(jhub_authz.current_subject(), 'user:alice', 'ROLLBACK TO: whom one was before');
SELECT jhub_authz.act_as(NULL) \g /dev/null
RELEASE a;
SELECT is(jhub_authz.current_subject(), 'user:alice', 'nobody is for the subtransaction, too');
DO $$ BEGIN
    PERFORM jhub_authz.act_as(md5('token8'));
    RAISE EXCEPTION 'x';
EXCEPTION WHEN raise_exception THEN NULL; END $$;
SELECT is(jhub_authz.current_subject(), 'user:alice', 'an exception handler takes it back');
DO $$ BEGIN
    BEGIN PERFORM jhub_authz.act_as(md5('token8')); EXCEPTION WHEN raise_exception THEN NULL; END;
    IF jhub_authz.current_subject() <> 'user:alice' THEN RAISE EXCEPTION 'still the service'; END IF;
END $$;
SELECT pass('a block that could have handled one ends it, too');
DO $$ BEGIN PERFORM jhub_authz.act_as(md5('token8')); END $$;
SELECT is(jhub_authz.current_subject(), 'service:idle-culler', 'a plain block does not');

-- nobody can write it
SELECT jhub_authz.act_as(NULL) \g /dev/null
SET LOCAL jhub_authz.identity = 'user:alice';
SET LOCAL jhub_authz.act_as = '1';
SET LOCAL jhub_authz.current_subject = 'user:alice';
SELECT is(jhub_authz.current_subject(), NULL, 'no setting makes an identity');
SELECT is(pg_temp.shown(), 0::bigint, '... or shows anything');
SELECT is_empty($$ SELECT name FROM pg_settings WHERE name ~ '^jhub_authz' AND name NOT IN ('jhub_authz.identity', 'jhub_authz.act_as', 'jhub_authz.current_subject') $$,
    '... there is none of ours');
SELECT jhub_authz.act_as(md5('token1')) \g /dev/null
SELECT is_empty($$ SELECT name FROM pg_settings WHERE setting LIKE '%' || md5('token1') || '%' $$, 'the token is in no setting');

-- alive at each use
SAVEPOINT alive;
UPDATE api_tokens SET expires_at = now() AT TIME ZONE 'UTC' - interval '1 s' WHERE id = 1;
SELECT is(jhub_authz.current_subject(), NULL, 'expired');
SELECT is(pg_temp.shown(), 0::bigint, '... sees nothing');
ROLLBACK TO alive;
SELECT is(jhub_authz.current_subject(), 'user:alice', 'that was undone');
DELETE FROM api_tokens WHERE id = 1;
SELECT is(pg_temp.shown(), 0::bigint, 'deleted');
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes)
SELECT 1, 1, client_id, created, prefix, replace(hashed, 'a', 'b'), '["inherit"]' FROM api_tokens WHERE id = 2;
SELECT is(jhub_authz.current_subject(), NULL, 'another one in its place by id');
ROLLBACK TO alive;
UPDATE api_tokens SET client_id = NULL WHERE id = 1;
SELECT is(jhub_authz.current_subject(), NULL, 'without a client it is none');
ROLLBACK TO alive;
UPDATE api_tokens SET user_id = NULL WHERE id = 1;
SELECT is(jhub_authz.current_subject(), NULL, 'without an owner it is nobody''s');
ROLLBACK TO alive;
DELETE FROM user_role_map WHERE user_id = 9;
SELECT is(jhub_authz.current_scopes()::text, jhub_authz.token_scopes(1)::text, 'roles that were taken away count at once');
SELECT is_empty($$ SELECT name FROM jhub_authz.api_users $$, '... nothing to list any more');
ROLLBACK TO alive;
UPDATE users SET name = 'carol' WHERE id = 9;
SELECT is(jhub_authz.current_subject(), 'user:carol', 'a new name');
ROLLBACK TO alive;
DELETE FROM jhub_authz.attachment;
SELECT is(jhub_authz.current_subject(), NULL, 'no hub is attached');
SELECT is(pg_temp.shown(), 0::bigint, '... nothing is shown');
ROLLBACK TO alive;
SELECT is(jhub_authz.current_subject(), 'user:alice', 'as it was');

-- how it is marked
SELECT is_empty($$ SELECT p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
    AND (p.proname IN ('act_as', 'whoami', 'current_subject', 'current_scopes') OR p.proname ~ '^_?api_')
    AND (p.proparallel <> 'r' OR p.proleakproof OR p.prosecdef OR has_function_privilege('public', p.oid, 'EXECUTE')) $$,
    'never in a parallel worker, not leakproof, nobody''s by default');
SELECT is((SELECT provolatile::text FROM pg_proc WHERE oid = 'jhub_authz.act_as(text)'::regprocedure), 'v', 'act_as is volatile');
SELECT * FROM finish();
ROLLBACK;
