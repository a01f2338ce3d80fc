-- An identity and the ends of transactions: what the tests that are rolled back
-- cannot show.
\set VERBOSITY terse
\getenv srcdir PG_ABS_SRCDIR
\set population :srcdir '/testbed/hub_schema.sql'
\set hub act_as_hub
\set ECHO none
\i :population
\set ECHO all
SET client_min_messages = error;
SET search_path = act_as_hub;
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('act_as_hub', 'observe');
CREATE FUNCTION who() RETURNS text LANGUAGE sql AS $$
    SELECT COALESCE(jhub_authz.current_subject(), 'nobody') || ' sees '
        || ((SELECT count(*) FROM jhub_authz.api_users) + (SELECT count(*) FROM jhub_authz.api_tokens)) $$;

-- by itself, a statement is a transaction
SELECT jhub_authz.act_as(md5('token1'));
SELECT who();
SELECT jhub_authz.act_as(md5('token1')), who();

-- COMMIT, ROLLBACK, an error
BEGIN; SELECT jhub_authz.act_as(md5('token1')); COMMIT; SELECT who();
BEGIN; SELECT jhub_authz.act_as(md5('token1')); ROLLBACK; SELECT who();
BEGIN; SELECT jhub_authz.act_as(md5('token1')); SELECT 1 / 0; COMMIT; SELECT who();
BEGIN; SELECT jhub_authz.act_as(md5('token1')); COMMIT AND CHAIN; SELECT who(); ROLLBACK AND CHAIN; SELECT who(); COMMIT;
BEGIN; SAVEPOINT a; SELECT jhub_authz.act_as(md5('token1')); SELECT 1 / 0; ROLLBACK TO a; SELECT who(); COMMIT;
BEGIN; SELECT jhub_authz.act_as(md5('token8')); SAVEPOINT a; SELECT jhub_authz.act_as('guessed'); ROLLBACK TO a; SELECT who(); COMMIT; SELECT who();

-- procedures that commit
DO $$ BEGIN
    PERFORM jhub_authz.act_as(md5('token1'));
    RAISE INFO '%', who();
    COMMIT;
    RAISE INFO '%', who();
    PERFORM jhub_authz.act_as(md5('token8'));
    ROLLBACK;
    RAISE INFO '%', who();
END $$;

-- a deferred trigger still runs within the transaction
CREATE TABLE late (who text);
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE INFO 'at commit: %', who(); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late();
BEGIN; SELECT jhub_authz.act_as(md5('token1')); INSERT INTO late VALUES ('x'); COMMIT;
SELECT who();
DROP TABLE late;
DROP FUNCTION late();

-- cursors: what is fetched goes by the identity of that moment
BEGIN;
DECLARE before CURSOR FOR SELECT name FROM jhub_authz.api_users;
SAVEPOINT a;
SELECT jhub_authz.act_as(md5('token1'));
FETCH 2 FROM before;
ROLLBACK TO a;
FETCH 2 FROM before;
SELECT jhub_authz.act_as(md5('token1'));
DECLARE during CURSOR FOR SELECT name FROM jhub_authz.api_users;
FETCH 2 FROM during;
SELECT jhub_authz.act_as(NULL);
FETCH 2 FROM during;
SELECT jhub_authz.act_as(md5('token8'));
FETCH 2 FROM during;
COMMIT;

-- the same statement, prepared once, for one after the other
PREPARE listed AS SELECT count(*), jhub_authz.current_subject() FROM jhub_authz.api_users;
EXECUTE listed;
BEGIN; SELECT jhub_authz.act_as(md5('token1')); EXECUTE listed; SELECT jhub_authz.act_as(md5('token3')); EXECUTE listed; COMMIT;
EXECUTE listed;
SET plan_cache_mode = force_generic_plan;
BEGIN; SELECT jhub_authz.act_as(md5('token8')); EXECUTE listed; COMMIT;
EXECUTE listed;
RESET plan_cache_mode;

-- a simple expression of PL/pgSQL is kept for the transaction; its answer is not
CREATE FUNCTION expressed() RETURNS text LANGUAGE plpgsql AS $$
DECLARE subject text;
BEGIN subject := jhub_authz.current_subject(); RETURN subject; END $$;
BEGIN;
SELECT jhub_authz.act_as(md5('token1'));
SELECT expressed();
UPDATE api_tokens SET expires_at = '2020-01-01' WHERE id = 1;
SELECT expressed();
SELECT jhub_authz.act_as(md5('token8'));
SELECT expressed();
ROLLBACK;
SELECT expressed();

-- many rows, one token that ends in between
BEGIN;
SELECT jhub_authz.act_as(md5('token1'));
CREATE FUNCTION ends(i integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    IF i = 3 THEN UPDATE api_tokens SET expires_at = '2020-01-01' WHERE id = 1; END IF;
    RETURN jhub_authz.current_subject();
END $$;
SELECT i, ends(i) FROM generate_series(1, 5) i;
ROLLBACK;

-- parallel plans: the leader alone asks
BEGIN;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; SET LOCAL max_parallel_workers_per_gather = 2;
ALTER TABLE users SET (parallel_workers = 2);
SELECT jhub_authz.act_as(md5('token1'));
EXPLAIN (COSTS OFF) SELECT count(*) FROM users u WHERE 'user:' || u.name = jhub_authz.current_subject();
SELECT count(*) FROM users u WHERE 'user:' || u.name = jhub_authz.current_subject();
SELECT count(*) FROM users u JOIN jhub_authz.api_users a ON a.name = u.name;
ROLLBACK;

-- no statement of an error in the log holds a token; here, no message
\set VERBOSITY default
SELECT jhub_authz.act_as('secret');

\set VERBOSITY terse
DEALLOCATE listed;
DELETE FROM jhub_authz.attachment;
DROP SCHEMA act_as_hub CASCADE;
