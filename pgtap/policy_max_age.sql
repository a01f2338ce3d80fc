-- No token is issued for longer than max_age, and what is there can be cut to it.
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
SELECT plan(60);
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.live(token integer) RETURNS boolean LANGUAGE sql AS
    $$ SELECT expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = token $$;
CREATE FUNCTION pg_temp.events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what $$;
-- as the hub inserts one
CREATE FUNCTION pg_temp.issue(token integer, expires timestamp DEFAULT NULL, who integer DEFAULT 9, born timestamp DEFAULT now() AT TIME ZONE 'UTC',
                              client text DEFAULT 'jupyterhub', what text DEFAULT '["inherit"]') RETURNS timestamp LANGUAGE sql AS
    $$ INSERT INTO api_tokens (user_id, service_id, id, hashed, prefix, client_id, session_id, created, expires_at, last_activity, note, scopes)
       VALUES (who, NULL, token, 'h' || token, 'abcd', client, NULL, born, expires, NULL, 'Requested via api', what) RETURNING expires_at $$;
-- what is wanted goes by the time at which the transaction began, and that may be a while ago
CREATE FUNCTION pg_temp.is_about(have timestamp, wanted timestamp, name text) RETURNS text LANGUAGE sql AS
    $$ SELECT ok(coalesce(have - wanted BETWEEN interval '-1 minute' AND interval '1 minute' + (clock_timestamp() - now()), false), name)  $$;
CREATE FUNCTION pg_temp.utc(after interval DEFAULT '0') RETURNS timestamp LANGUAGE sql AS $$ SELECT now() AT TIME ZONE 'UTC' + after $$;
SET LOCAL TimeZone = 'Asia/Tokyo';
SET LOCAL DateStyle = 'German';
SET CONSTRAINTS ALL IMMEDIATE;

-- values
SELECT throws_ok(format('SELECT jhub_authz.set_policy(''user'', max_age => %L)', age), '22023', NULL, 'max_age must be positive: ' || age)
  FROM unnest(ARRAY['0', '-1 day', '1 month -30 days', '1 day -24:00']) age;
SELECT throws_ok($$ SELECT jhub_authz.set_policy('user', max_age => '2000 years') $$, '22023', NULL, '... and no era');

-- at issue
SELECT is(pg_temp.issue(100), NULL, 'no max_age: as it was');
SELECT is(pg_temp.issue(101, '2999-01-01'), '2999-01-01', '... also with an expiry');
SELECT jhub_authz.set_policy('user', max_age => '30 days') \g /dev/null
SELECT pg_temp.is_about(pg_temp.issue(102), pg_temp.utc('30 days'), 'never becomes max_age from now, in the hub''s UTC');
SELECT pg_temp.is_about(pg_temp.issue(103, pg_temp.utc('1 year')), pg_temp.utc('30 days'), 'later becomes earlier');
SELECT pg_temp.is_about(pg_temp.issue(104, '2999-01-01', born => '2998-12-31'), pg_temp.utc('30 days'), 'who comes from the future gains nothing by it');
SELECT is(pg_temp.issue(105, born => pg_temp.utc('-10 days')), pg_temp.utc('20 days'), 'counted from created');
SELECT pg_temp.is_about(pg_temp.issue(106, born => NULL), pg_temp.utc('30 days'), '... from now where that is not known');
SELECT is(pg_temp.issue(107, pg_temp.utc('1 day')), pg_temp.utc('1 day'), 'earlier stays');
SELECT pg_temp.is_about(pg_temp.issue(108, 'infinity', what => '["read:users!user=alice"]'), pg_temp.utc('30 days'), 'infinity is never');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 108), '["read:users!user=alice"]', '... the scopes stay byte for byte');
SELECT pg_temp.is_about(pg_temp.issue(109, what => '["proxy", "read:users!user=alice"]'), pg_temp.utc('30 days'), 'with what the owner does not hold');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 109), '["read:users!user=alice"]', '... which is taken off as well');
SELECT pg_temp.is_about(pg_temp.issue(110, what => '[]'), pg_temp.utc('30 days'), '... with none');
SELECT pg_temp.is_about(pg_temp.issue(111, who => 14, what => '["self"]'), pg_temp.utc('30 days'), '... of one who has nothing yet');
SELECT is(pg_temp.issue(112, client => 'jupyterhub-user-alice'), NULL, 'another class has another policy');
SELECT token_id FROM jhub_authz.issue_token('user', 'alice', '["self"]', expires_in => '1 year') \gset
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = :token_id), pg_temp.utc('30 days'), 'issue_token');
SELECT is((SELECT action || ' ' || reason FROM jhub_authz.token_events WHERE token_id = 105 AND reason LIKE 'max_age%'),
    'narrowed max_age: expires ' || to_char(pg_temp.utc('20 days'), 'YYYY-MM-DD HH24:MI:SS') || ' UTC instead of never', 'an event says what and why');
SELECT is((SELECT owner_kind || owner_name || prefix || client_id FROM jhub_authz.token_events WHERE token_id = 105 AND reason LIKE 'max_age%'), 'useraliceabcdjupyterhub', '... and whose');
SELECT is(pg_temp.events(107, 'narrowed') + pg_temp.events(112, 'narrowed'), 0, '... where something was done');

-- an UPDATE
UPDATE api_tokens SET expires_at = '2999-01-01' WHERE id = 105;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 105), pg_temp.utc('20 days'), 'an UPDATE does not get beyond it');
UPDATE api_tokens SET expires_at = NULL WHERE id = 107;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 107), pg_temp.utc('30 days'), '... nor to never');
UPDATE api_tokens SET last_activity = pg_temp.utc() WHERE id = 100;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 100), NULL, 'what the hub does with every request cuts nothing');
SELECT is((SELECT client_id FROM api_tokens WHERE id = 112), 'jupyterhub-user-alice', 'a token of another class ...');
UPDATE api_tokens SET client_id = 'jupyterhub' WHERE id = 112;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 112), pg_temp.utc('30 days'), '... comes under the policy with its new client');

-- a restore
SAVEPOINT a;
CREATE TEMP TABLE kept AS SELECT * FROM api_tokens WHERE id = 100;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 100;
INSERT INTO api_tokens SELECT * FROM kept;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 100), NULL, 'a token that comes back comes as it was');
ROLLBACK TO a;

-- ... and one that only pretends: it was there until this transaction
CREATE FUNCTION pg_temp.max_events(token integer, what text) RETURNS integer LANGUAGE sql AS
    $$ SELECT count(*)::int FROM jhub_authz.token_events WHERE token_id = token AND action = what AND reason LIKE 'max_age%' $$;
CREATE TEMP TABLE row102 AS SELECT * FROM api_tokens WHERE id = 102;
SELECT expires_at AS was FROM row102 \gset
SAVEPOINT a;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 102;
INSERT INTO api_tokens SELECT * FROM row102;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', 'deleted and inserted again as it was: it stays so');
SELECT is(pg_temp.max_events(102, 'narrowed'), 1, '... without a word');
UPDATE row102 SET expires_at = NULL;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 102;
INSERT INTO api_tokens SELECT * FROM row102;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', '... with a later expiry: max_age');
SELECT is(pg_temp.max_events(102, 'narrowed'), 2, '... and an event');
SET CONSTRAINTS ALL DEFERRED;
WITH gone AS (DELETE FROM api_tokens WHERE id = 102 RETURNING id) INSERT INTO api_tokens SELECT r.* FROM gone JOIN row102 r USING (id);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', '... in one statement');
SET CONSTRAINTS ALL DEFERRED;
WITH gone AS (DELETE FROM api_tokens WHERE id = 102 RETURNING id) INSERT INTO api_tokens SELECT r.* FROM gone JOIN row102 r USING (id);
UPDATE api_tokens SET id = 202 WHERE id = 102;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 202), :'was', '... that takes another id then');
ROLLBACK TO a;
CREATE FUNCTION pg_temp.again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.api_tokens SELECT * FROM row102; RETURN NULL; END $$;
CREATE TRIGGER "a first" AFTER DELETE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.again();
UPDATE row102 SET expires_at = NULL;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 102;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', '... by a trigger on its way');
ROLLBACK TO a;
UPDATE row102 SET expires_at = NULL;
SET CONSTRAINTS ALL DEFERRED;
TRUNCATE api_tokens;
INSERT INTO api_tokens SELECT * FROM row102;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', '... after TRUNCATE');
ROLLBACK TO a;
UPDATE row102 SET expires_at = NULL;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 102;
INSERT INTO api_tokens SELECT * FROM row102;
DELETE FROM api_tokens WHERE id = 102;
INSERT INTO api_tokens SELECT * FROM row102;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', '... when that is done twice');
ROLLBACK TO a;
UPDATE row102 SET expires_at = NULL;
SELECT jhub_authz.set_mode('observe') \g /dev/null
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 102;
INSERT INTO api_tokens SELECT * FROM row102;
DELETE FROM api_tokens WHERE id = 103;
INSERT INTO api_tokens (user_id, id, hashed, prefix, client_id, created, scopes) VALUES (9, 103, 'h103', 'abcd', 'jupyterhub', pg_temp.utc('1 second'), '["inherit"]');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 102), NULL, 'observe: it stays as it was written');
SELECT is(pg_temp.max_events(102, 'would_narrow'), 1, '... and it is said');
SELECT is(pg_temp.max_events(103, 'would_narrow'), 1, '... once, of another token with the id too');
ROLLBACK TO a;
-- a restore into tables that are empty; TRUNCATE was another transaction's
CREATE TEMP TABLE row100 AS SELECT * FROM api_tokens WHERE id = 100;
SELECT jhub_authz.set_mode('off') \g /dev/null
DELETE FROM api_tokens WHERE id = 100;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
INSERT INTO api_tokens SELECT * FROM row100;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 100), NULL, 'a token whose record stands comes as it was');
UPDATE api_tokens SET id = 200 WHERE id = 100;
SELECT pg_temp.is_about((SELECT expires_at FROM api_tokens WHERE id = 200), pg_temp.utc('30 days'), 'one that takes another id is looked at like a new one');
UPDATE api_tokens SET created = created - interval '10 days' WHERE id = 200;
SELECT is((SELECT expires_at - created FROM api_tokens WHERE id = 200), '30 days', '... or another created');
ROLLBACK TO a;
-- a trigger of the hub's role
CREATE FUNCTION pg_temp.never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.expires_at := NULL; RETURN NEW; END';
CREATE TRIGGER zz_never BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.never();
UPDATE row102 SET expires_at = NULL;
SET CONSTRAINTS ALL DEFERRED;
DELETE FROM api_tokens WHERE id = 102;
INSERT INTO api_tokens SELECT * FROM row102;
SELECT throws_ok('SET CONSTRAINTS ALL IMMEDIATE', '27000', NULL, 'no trigger keeps it from being cut');
ROLLBACK TO a;
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 102), :'was', 'nothing of that remains');

-- modes
SAVEPOINT a;
SELECT jhub_authz.set_mode('observe') \g /dev/null
SELECT is(pg_temp.issue(120), NULL, 'observe: nothing is changed');
SELECT is((SELECT action FROM jhub_authz.token_events WHERE token_id = 120 AND reason LIKE 'max_age%'), 'would_narrow', '... and it is said');
SELECT jhub_authz.set_mode('off') \g /dev/null
SELECT is(pg_temp.issue(121), NULL, 'off: nothing');
ROLLBACK TO a;

-- what is there already
SELECT is((SELECT string_agg(token_id::text, ',' ORDER BY token_id) FROM jhub_authz.expire_old_tokens()), '1,2,3,4,11,12,13,14,100,101', 'dry: the live tokens that may live longer');
SELECT is((SELECT expires_at FROM api_tokens WHERE id = 100), NULL, '... nothing is done');
SELECT jhub_authz.set_policy('token:4', max_age => '900 years'), jhub_authz.set_policy('group:lab one', max_age => '20 days') \g /dev/null
SELECT is((SELECT new_expires_at AT TIME ZONE 'UTC' FROM jhub_authz.expire_old_tokens() WHERE token_id = 100), pg_temp.utc('20 days'), '... by the policy of each');
CREATE TEMP TABLE done AS SELECT * FROM jhub_authz.expire_old_tokens(false);
SELECT is((SELECT string_agg(token_id::text, ',' ORDER BY token_id) FROM done WHERE token_id < 102), '1,2,3,4,5,6,11,12,13,14,15,16,100,101', 'done: those, and a group''s of other classes');
SELECT is((SELECT new_expires_at AT TIME ZONE 'UTC' FROM done WHERE token_id = 4), '2924-03-01 04:00', '... each by its own policy');
SELECT ok((SELECT bool_and(t.expires_at = d.new_expires_at AT TIME ZONE 'UTC') FROM done d JOIN api_tokens t ON t.id = d.token_id), '... are as it says');
SELECT ok(NOT pg_temp.live(1) AND pg_temp.live(100), '... too old ones are dead, others have their rest');
SELECT is((SELECT owner_kind || ' ' || owner_name || ' ' || coalesce(expires_at::text, 'never') FROM done WHERE token_id = 1), 'user alice never', '... with their owners');
SELECT is((SELECT count(*)::int FROM jhub_authz.token_events e JOIN done d USING (token_id) WHERE action = 'narrowed' AND reason LIKE 'max_age: expires % instead of %'
             AND event_id > (SELECT max(event_id) FROM jhub_authz.token_events WHERE action = 'policy')), (SELECT count(*)::int FROM done), '... and an event each');
SELECT is((SELECT count(*)::int FROM jhub_authz.expire_old_tokens()), 0, 'a second time there is nothing to do');

SELECT * FROM finish();
ROLLBACK;
