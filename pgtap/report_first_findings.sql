-- The report's one pass over findings: the first of each kind are those that ORDER BY puts
-- first, however many tie, and the numbers are those of the view.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = error;
SELECT plan(16);

-- few different values of each, so that rows tie in all but the last; NULL, infinite times, wide characters
SELECT coalesce(nullif(current_setting('jhub_authz.seed', true), ''), extract(epoch FROM clock_timestamp())::bigint::text) AS seed \gset
SELECT diag('seed ' || :'seed');
SELECT setseed((:seed % 1000) / 1000.0) \g /dev/null
CREATE TEMP TABLE given AS
SELECT DISTINCT ON (g, subject_kind, subject, object) g, (ARRAY['2024-01-01', '2024-01-02', 'infinity', '-infinity', '2024-01-01 00:00:00.000001', NULL])[1 + floor(random() * 6)]::timestamptz AS since,
       (ARRAY['token', 'user', 'share', 'share code', 'Role'])[1 + floor(random() * 5)] AS subject_kind,
       (ARRAY['a', 'B', 'b', 'zz', 'üü', 'ü', '10', '9', 'ab', '', E'a\tb', repeat('x', 3000)])[1 + floor(random() * 12)] AS subject,
       (ARRAY['a', 'B', '', 'ü', NULL])[1 + floor(random() * 5)] AS object
  FROM generate_series(1, 3000) AS i, LATERAL (SELECT i % 3 AS g) x;
ALTER TABLE given ADD detail text;
UPDATE given SET detail = md5(g || subject_kind || subject || coalesce('!' || object, ''));
CREATE FUNCTION pg_temp.firsts(most integer) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws('|', s.g, u.since, u.subject_kind, length(u.subject), left(u.subject, 9), coalesce(u.object, 'NULL'), u.detail)
      FROM (SELECT g, jhub_authz._first_findings(most, since, subject_kind, subject, object, detail) AS rows FROM (SELECT * FROM given ORDER BY random()) r GROUP BY g) s, unnest(s.rows) u $$;
CREATE FUNCTION pg_temp.sorted(most integer) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT concat_ws('|', g, since, subject_kind, length(subject), left(subject, 9), coalesce(object, 'NULL'), detail)
      FROM (SELECT s.*, row_number() OVER (PARTITION BY g ORDER BY since DESC NULLS LAST, subject_kind, length(subject), subject COLLATE "C", object COLLATE "C") AS place FROM given s) o WHERE place <= most $$;
SELECT set_eq(format('SELECT pg_temp.firsts(%s)', n), format('SELECT pg_temp.sorted(%s)', n), format('the first %s', n)) FROM unnest(ARRAY[1, 2, 3, 25, 100, 1000]) n;
SELECT is((SELECT count(*) FROM pg_temp.firsts(100)), 300::bigint, '... and so many');
SELECT is_empty('SELECT pg_temp.firsts(0)', 'none');
SELECT is_empty('SELECT pg_temp.firsts(-1)', '... nor fewer');
SELECT is_empty('SELECT pg_temp.firsts(NULL)', '... nor an unknown number');
SELECT is((SELECT cardinality(jhub_authz._first_findings(2000000000, NULL, 'k', i::text, NULL, NULL)) FROM generate_series(1, 1500) i), 1000, 'never more than a thousand');
SELECT is((SELECT jhub_authz._first_findings(5, NULL, NULL, NULL, NULL, NULL) FROM given WHERE false), '{}'::jhub_authz._findings[], 'of nothing');
SELECT is((SELECT cardinality(jhub_authz._first_findings(5, NULL, NULL, NULL, NULL, NULL)) FROM generate_series(1, 20)), 5, 'of rows without anything');

-- the whole pass
INSERT INTO public.api_tokens (id, user_id, client_id, created, hashed, scopes) SELECT 1000 + i, 9, 'jupyterhub', timestamp '2024-01-01' + i % 7 * interval '1 day', 'x' || i, CASE i % 3 WHEN 0 THEN '["inherit"]' ELSE '["read:users!user=ghost"]' END FROM generate_series(1, 60) i;
SELECT jhub_authz.attach() \g /dev/null
SELECT jhub_authz.acknowledge('never_expires', 'token', '1003', NULL, 'it is known') \g /dev/null
SELECT jhub_authz.acknowledge('orphaned_grant', 'token', '1004', NULL, 'it is known, too') \g /dev/null
SELECT set_eq($$ SELECT code, severity, n, objects, times FROM jhub_authz._report_found(5) WHERE acknowledged_at IS NULL $$,
    $$ SELECT code, severity, count(*) AS n, count(object) AS objects, count(since) AS times FROM jhub_authz.findings WHERE acknowledged_at IS NULL GROUP BY code, severity $$, 'numbers of open findings');
SELECT set_eq($$ SELECT code, severity, subject_kind, subject, acknowledged_by, acknowledged_at, acknowledged_until, acknowledged_reason, n FROM jhub_authz._report_found(5) WHERE acknowledged_at IS NOT NULL $$,
    $$ SELECT code, severity, subject_kind, subject, acknowledged_by, acknowledged_at, acknowledged_until, acknowledged_reason, count(*) FROM jhub_authz.findings WHERE acknowledged_at IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 $$, '... and of acknowledged ones');
SELECT set_eq($$ SELECT f.code, f.severity, u.since, u.subject_kind, u.subject, u.object, u.detail FROM jhub_authz._report_found(5) f, unnest(f.first) u $$,
    $$ SELECT code, severity, since, subject_kind, subject, object, detail
         FROM (SELECT f.*, row_number() OVER (PARTITION BY code, severity ORDER BY since DESC NULLS LAST, subject_kind, length(subject), subject COLLATE "C", object COLLATE "C") AS place
                 FROM jhub_authz.findings f WHERE acknowledged_at IS NULL) o WHERE place <= 5 $$, 'the first of each');

SELECT * FROM finish();
ROLLBACK;
