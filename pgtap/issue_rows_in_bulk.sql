-- Tokens issued in bulk: their baselines and events are written without an INSERT where the
-- tables are as we made them.  The rows are the same, every index has them, and whatever
-- somebody has put on the tables works as it does with INSERT.
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
SET LOCAL application_name = 'in bulk';
SELECT plan(24);
DELETE FROM api_tokens;
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES
    (100, 'staff', '["list:users!group=physics", "read:hub", "access:services"]', false),
    (101, 'large', (SELECT json_agg('read:users!user=' || md5(i::text)) FROM generate_series(1, 2000) i), false);
INSERT INTO user_role_map VALUES (2, 100, false), (3, 100, false);
INSERT INTO oauth_clients (id, identifier) VALUES (100, 'bulk');
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
SELECT count(*) AS events, coalesce(max(event_id), 0) AS last FROM jhub_authz.token_events \gset

\if :{?few}
\set many 40
\set some 12
\else
\set many 700
\set some 40
\endif
CREATE FUNCTION issue(n integer, owner integer DEFAULT 2) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.api_tokens (id, user_id, service_id, client_id, created, hashed, prefix, scopes)
    SELECT i, CASE WHEN i % 7 > 0 THEN owner + i % 2 END, CASE WHEN i % 7 = 0 THEN 1 END, CASE WHEN i % 3 = 0 THEN 'bulk' ELSE 'jupyterhub' END,
           CASE WHEN i % 5 > 0 THEN timestamp '2026-01-01' + i * interval '1 s' END, 'bulk' || i, 'p' || i % 10,
           CASE i % 4 WHEN 0 THEN '["inherit"]' WHEN 1 THEN '["list:users!group=physics"]' WHEN 2 THEN '[]' ELSE '["read:hub", "self"]' END
      FROM generate_series(10001, 10000 + n) i;
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
END $$;
-- what a row says, without when and under which number
CREATE FUNCTION baselines() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg((token_id, baseline, requested, release, created, user_id, service_id, client_id, revoked_at, observed, expires_before)::text ORDER BY token_id)
      FROM jhub_authz.token_baselines WHERE token_id > 10000 $$;
CREATE FUNCTION events() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg((actor, role, application_name, token_id, prefix, owner_kind, owner_name, client_id, action, reason, before, after, gained)::text ORDER BY event_id)
      FROM jhub_authz.token_events WHERE token_id > 10000 $$;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.seen SELECT TG_TABLE_NAME || ' ' || TG_LEVEL, CASE WHEN TG_LEVEL = 'ROW' THEN 1 ELSE (SELECT count(*) FROM written) END; RETURN NULL; END $$;
CREATE FUNCTION noted_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO public.seen VALUES (TG_TABLE_NAME || ' ' || TG_LEVEL, 1); RETURN NEW; END $$;
CREATE TABLE seen (what text, n bigint);

-- the same rows
SAVEPOINT a;
CREATE TRIGGER x BEFORE INSERT ON jhub_authz.token_baselines FOR EACH ROW EXECUTE FUNCTION noted_row();
CREATE TRIGGER x AFTER INSERT ON jhub_authz.token_events REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION noted();
SELECT issue(:many);
SELECT baselines() AS b, events() AS e \gset by_insert_
SELECT is((SELECT sum(n) FROM seen WHERE what = 'token_baselines ROW'), :many::numeric, 'a trigger on a table sees each row');
SELECT is((SELECT sum(n) FROM seen WHERE what = 'token_events STATEMENT'), cardinality(events())::numeric, '... one for statements all of them');
ROLLBACK TO a;
SELECT issue(:many);
SELECT is(cardinality(baselines()), :many, 'each token has a baseline');
SELECT ok(baselines() = :'by_insert_b'::text[], '... the same as by INSERT');
SELECT ok(events() = :'by_insert_e'::text[], '... and the same event');
SELECT is((SELECT array_agg(DISTINCT (txid = pg_current_xact_id() AND at BETWEEN now() AND clock_timestamp())) FROM jhub_authz.token_events WHERE token_id > 10000),
          '{true}', 'events have their time and transaction');
SELECT is((SELECT array_agg(DISTINCT taken_at = now()) FROM jhub_authz.token_baselines WHERE token_id > 10000), '{true}', '... and baselines the time of it');
SELECT is((SELECT max(event_id) - min(event_id) + 1 FROM jhub_authz.token_events WHERE token_id > 10000), cardinality(events())::bigint, 'numbers of events come from their sequence, in order');
SELECT cmp_ok((SELECT last_value FROM jhub_authz.token_events_event_id_seq), '=', (SELECT max(event_id) FROM jhub_authz.token_events), '... which goes on behind them');

-- every index has them
CREATE FUNCTION asked(seqscan boolean) RETURNS text LANGUAGE plpgsql AS $$ DECLARE
    found text := '';
    n bigint;
    q text;
BEGIN
    PERFORM set_config('enable_seqscan', seqscan::text, true), set_config('enable_indexscan', (NOT seqscan)::text, true),
            set_config('enable_bitmapscan', (NOT seqscan)::text, true), set_config('enable_indexonlyscan', (NOT seqscan)::text, true);
    FOREACH q IN ARRAY ARRAY[
        'token_baselines WHERE token_id BETWEEN 10100 AND 10300', 'token_baselines WHERE user_id = 2', 'token_baselines WHERE service_id = 1',
        'token_baselines WHERE client_id = ''bulk'' AND client_id <> ''jupyterhub''',
        'token_baselines WHERE (jhub_authz._filters_by_group(baseline) OR jhub_authz._filters_by_group(requested)) AND jhub_authz._filter_groups(baseline, requested) && ARRAY[' ||
        (SELECT jhub_authz._filter_groups(baseline, requested) FROM jhub_authz.token_baselines WHERE token_id = 10001)[1] || ']',
        'token_events WHERE token_id = 10007', 'token_events WHERE at > now()', 'token_events WHERE event_id > 3'] LOOP
        EXECUTE 'SELECT count(*) FROM jhub_authz.' || q INTO n;
        found := found || ' ' || n;
        IF NOT seqscan THEN
            DECLARE line text; plan text := ''; BEGIN
                FOR line IN EXECUTE 'EXPLAIN SELECT count(*) FROM jhub_authz.' || q LOOP plan := plan || line; END LOOP;
                IF plan !~ 'Index' THEN found := found || ' no index: ' || plan; END IF;
            END;
        END IF;
    END LOOP;
    RETURN found;
END $$;
SELECT is(asked(false), asked(true), 'by each index as many rows are found as without');
RESET enable_seqscan; RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_indexonlyscan;
ROLLBACK TO a;
SELECT is(baselines(), NULL, 'a savepoint takes the rows back');
SELECT issue(:many);
SELECT ok(baselines() = :'by_insert_b'::text[] AND events() = :'by_insert_e'::text[], '... and they can be written again');
ROLLBACK TO a;

-- sets that do not fit into a page
INSERT INTO user_role_map VALUES (2, 101, false);
SELECT issue(:some);
SELECT is((SELECT count(*) FROM jhub_authz.token_baselines b WHERE token_id > 10000 AND user_id = 2 AND requested OPERATOR(jhub_authz.=) '["inherit"]' AND jhub_authz.scope_count(baseline) > 2000
              AND baseline OPERATOR(jhub_authz.=) jhub_authz.token_scopes(token_id)), (SELECT count(*) FROM api_tokens WHERE user_id = 2 AND scopes = '["inherit"]'),
          'large sets are stored whole');
SELECT cmp_ok((SELECT count(*) FROM jhub_authz.token_baselines WHERE token_id > 10000 AND jhub_authz.scope_count(baseline) > 2000), '>', 0::bigint, '... there were some');
ROLLBACK TO a;

-- what somebody has made of the tables
ALTER TABLE jhub_authz.token_events ADD COLUMN mine text DEFAULT 'more', ADD COLUMN none text;
ALTER TABLE jhub_authz.token_events DROP COLUMN none;
SELECT issue(:some);
SELECT is((SELECT count(*) FROM jhub_authz.token_events WHERE mine = 'more' AND token_id > 10000), cardinality(events())::bigint, 'a column more has its default');
ROLLBACK TO a;
ALTER TABLE jhub_authz.token_events ADD COLUMN made text GENERATED ALWAYS AS (action || '!') STORED;
SELECT issue(:some);
SELECT is((SELECT count(*) FROM jhub_authz.token_events WHERE made = action || '!' AND token_id > 10000), cardinality(events())::bigint, 'one that is generated its value');
ROLLBACK TO a;
ALTER TABLE jhub_authz.token_events ALTER COLUMN prefix TYPE varchar(1);
SELECT throws_ok(format('SELECT issue(%s)', :some), '22001', NULL, 'a column of another type is what it is');
ROLLBACK TO a;
ALTER TABLE jhub_authz.token_baselines ADD CHECK (token_id < 10010);
SELECT throws_ok(format('SELECT issue(%s)', :some), '23514', NULL, 'a check is checked');
ROLLBACK TO a;
ALTER TABLE jhub_authz.token_events ALTER COLUMN before SET NOT NULL;
SELECT throws_ok(format('SELECT issue(%s)', :some), '23502', NULL, '... and NOT NULL');
ROLLBACK TO a;
CREATE UNIQUE INDEX ON jhub_authz.token_events ((token_id / 10)) WHERE token_id > 10020;
SELECT throws_ok('SELECT issue(40)', '23505', NULL, '... and a unique index');
ROLLBACK TO a;
CREATE RULE r AS ON INSERT TO jhub_authz.token_events DO ALSO INSERT INTO public.seen VALUES ('rule', NEW.token_id);
SELECT issue(:some);
SELECT is((SELECT count(*) FROM seen WHERE what = 'rule'), cardinality(events())::bigint, 'a rule is followed');
ROLLBACK TO a;
ALTER TABLE jhub_authz.token_events ENABLE ROW LEVEL SECURITY;
SELECT issue(:some);
SELECT cmp_ok(cardinality(events()), '>=', :some, 'row level security does not bind the owner');
ROLLBACK TO a;
SELECT jhub_authz.set_option('notify', 'on') \g /dev/null
SELECT issue(:some);
SELECT cmp_ok(cardinality(events()), '>=', :some, 'with notifications as well');
ROLLBACK TO a;

-- many that are revoked at a time
SELECT issue(:some);
INSERT INTO user_role_map VALUES (2, 101, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT cmp_ok((SELECT count(*) FROM jhub_authz.token_events e JOIN api_tokens t ON t.id = e.token_id WHERE action = 'revoked' AND t.expires_at < now() AT TIME ZONE 'UTC'),
              '=', (SELECT count(*) FROM api_tokens WHERE expires_at IS NOT NULL), 'what is revoked has its events');
SELECT * FROM finish();
ROLLBACK;
