-- self_check names every live token without a baseline, and every one whose baseline is
-- of an earlier token, however many there are and wherever they lie.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\set hub hub_test
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
\if :{?seed}
\else
SELECT floor(random() * 100000)::int AS seed \gset
\endif
SELECT setseed((:seed % 100000) / 100000.0) \g /dev/null
SELECT diag('self_check_baselines, seed: ' || :seed);
\if :{?few}
\set tokens 2200
\else
\set tokens 5000
\endif
SELECT plan(6);

-- tokens with gaps between their ids
INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, expires_at, prefix, hashed, scopes)
SELECT 1000 + 3 * i, 1, 'jupyterhub', timestamp '2024-01-01' + i * interval '1 s', CASE WHEN i % 7 = 0 THEN timestamp '2024-02-01' END, 'x', 'x' || i, '["self"]' FROM generate_series(1, :tokens) i;
SELECT jhub_authz.attach('hub_test') \g /dev/null
CREATE FUNCTION pg_temp.told() RETURNS TABLE (object text, detail text) LANGUAGE sql AS $$
    SELECT c.object, c.detail FROM jhub_authz.self_check() c WHERE c.check_name = 'baseline' $$;
CREATE FUNCTION pg_temp.expected() RETURNS TABLE (object text, detail text) LANGUAGE sql AS $$
    SELECT 'token ' || t.id, CASE WHEN b.token_id IS NULL THEN 'The token has no baseline: it is not known if it grew.  Call attach() again.'
                                  ELSE 'The baseline is of an earlier token with the same id.  Call attach() again.' END
      FROM hub_test.api_tokens t LEFT JOIN jhub_authz.token_baselines b ON b.token_id = t.id
     WHERE (t.expires_at IS NULL OR t.expires_at > now() AT TIME ZONE 'UTC') AND b.created IS DISTINCT FROM t.created $$;
SELECT is_empty('SELECT * FROM pg_temp.told()', 'each has its own');

-- some have none, whole stretches and the last ones too; some have another's; some are left of tokens that are gone
DELETE FROM jhub_authz.token_baselines WHERE random() < 0.02 OR token_id BETWEEN 4000 AND 7500 OR token_id > 1000 + 3 * :tokens - 100;
UPDATE jhub_authz.token_baselines SET created = created - interval '1 day' WHERE random() < 0.02;
UPDATE jhub_authz.token_baselines SET created = NULL WHERE random() < 0.005;
INSERT INTO jhub_authz.token_baselines SELECT (jsonb_populate_record(b, jsonb_build_object('token_id', b.token_id + 1))).* FROM jhub_authz.token_baselines b WHERE b.token_id > 1000 AND random() < 0.5;
SELECT cmp_ok(count(*), '>', 900::bigint, 'many are to be told of') FROM pg_temp.expected();
SELECT set_eq('SELECT * FROM pg_temp.told()', 'SELECT * FROM pg_temp.expected()', 'all of them are, and no others');
SELECT results_eq('SELECT substr(object, 7)::int FROM pg_temp.told()', 'SELECT substr(object, 7)::int FROM pg_temp.expected() ORDER BY 1', '... once each, in order');
DELETE FROM jhub_authz.token_baselines;
SELECT set_eq('SELECT * FROM pg_temp.told()', 'SELECT * FROM pg_temp.expected()', 'none has one');
SELECT cmp_ok(count(*), '>', 1500::bigint, '... and all are told of') FROM pg_temp.told();
SELECT * FROM finish();
ROLLBACK;
