-- authorize, authorize_explain and permissions give one answer, whatever is held.
-- Random sets; the seed is in the name of the first test.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT plan(16);
SELECT (extract(epoch FROM clock_timestamp())::bigint % 100000) / 100000.0 AS seed \gset
SELECT setseed(:seed) \g /dev/null
CREATE FUNCTION pg_temp.one(VARIADIC list text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT list[1 + floor(random() * cardinality(list))::integer] $$;
\if :{?few}
\set sets 30
\set both 5
\else
\set sets 1500
\set both 100
\endif
CREATE TEMP TABLE held AS
SELECT n, pg_temp.one('ann', 'bob') AS owner, pg_temp.one('', 'lab') AS server,
       (SELECT jhub_authz.scopeset_agg(pg_temp.one('access:servers', 'access:servers', 'custom:jupyter_server:read:*', 'custom:jupyter_server:write:contents', 'custom:jupyter_server:execute:kernels', 'custom:jupyter_server:read:ext:a')
                 || pg_temp.one('', '!user=ann', '!user=bob', '!server=ann/', '!server=ann/lab', '!server=bob/lab', '!group=g'))
          FROM generate_series(1, 1 + (n % 8))) AS have
  FROM generate_series(1, :sets) n;
CREATE TEMP TABLE asked AS
SELECT h.*, r.resource, a.action, jhub_authz.authorize(h.have, h.owner, h.server, a.action, r.resource) AS allowed
  FROM held h, (VALUES ('contents'), ('kernels'), ('csp'), ('ext:a')) r (resource), (VALUES ('read'), ('write'), ('execute'), ('none')) a (action);
SELECT ok((SELECT count(*) FILTER (WHERE allowed) > :both AND count(*) FILTER (WHERE NOT allowed) > :both FROM asked), 'both answers, seed ' || :seed);
SELECT is_empty($$ SELECT * FROM asked a WHERE a.allowed IS DISTINCT FROM
    (SELECT count(DISTINCT stage) FILTER (WHERE satisfied_by IS NOT NULL) = 2 FROM jhub_authz.authorize_explain(a.have, a.owner, a.server, a.action, a.resource)) $$, 'allowed is what both stages of the reasons say');
SELECT is_empty($$ SELECT * FROM asked a, jhub_authz.authorize_explain(a.have, a.owner, a.server, a.action, a.resource) e
     WHERE e.satisfied_by IS NOT NULL AND NOT (a.have OPERATOR(jhub_authz.@>) e.satisfied_by AND e.satisfied_by OPERATOR(jhub_authz.@>) jhub_authz.scopeset_of(e.required)) $$, 'a reason is held, and is one');
SELECT is_empty($$ SELECT * FROM asked a, jhub_authz.authorize_explain(a.have, a.owner, a.server, a.action, a.resource) e
     WHERE e.required IS NOT NULL AND (e.satisfied_by IS NULL) = jhub_authz.has_scope(a.have, e.required) $$, 'and is told where has_scope finds one');
SELECT is_empty($$ SELECT h.n FROM held h WHERE jhub_authz.permissions(h.have, h.owner, h.server, '{"contents": ["read", "write", "execute"], "kernels": ["execute", "none"], "ext:a": ["read"]}') IS DISTINCT FROM
    (SELECT jsonb_object_agg(w.resource, (SELECT coalesce(jsonb_agg(x.action ORDER BY x.n) FILTER (WHERE jhub_authz.authorize(h.have, h.owner, h.server, x.action, w.resource)), '[]') FROM unnest(w.actions) WITH ORDINALITY x (action, n)))
       FROM (VALUES ('contents', ARRAY['read', 'write', 'execute']), ('kernels', ARRAY['execute', 'none']), ('ext:a', ARRAY['read'])) w (resource, actions)) $$, 'permissions is many of them');
SELECT is_empty($$ SELECT * FROM asked WHERE action = 'none' AND allowed $$, 'nothing gives what nothing is required for');
SELECT is((SELECT ARRAY[stage, required, satisfied_by::text] FROM jhub_authz.authorize_explain('access:servers', 'ann', '', 'read', 'ext:a') WHERE stage = 'required'), ARRAY['required', NULL, NULL], '... and the reasons say so in a row');
SELECT is_empty($$ SELECT * FROM jhub_authz.authorize_explain(NULL, 'ann', '', 'read', 'contents') $$, 'no reasons for nobody');

-- the form of what is wanted
\set all '''["access:servers", "custom:jupyter_server:read:*"]'''
SELECT is(jhub_authz.permissions(:all, 'ann', '', '{"contents": ["write", "read", "read"], "nothing": ["read"], "empty": []}'), '{"contents": ["read", "read"], "nothing": [], "empty": []}', 'every resource that was asked for, actions as they were asked for');
SELECT is(jhub_authz.permissions(:all, 'ann', '', '{}'), '{}', 'nothing asked for');
SELECT is(ARRAY[jhub_authz.permissions(NULL, 'ann', '', '{"contents": ["read"]}'), jhub_authz.permissions(:all, NULL, '', '{"contents": ["read"]}'), jhub_authz.permissions(:all, 'ann', '', NULL)],
    ARRAY['{"contents": []}', '{"contents": []}', NULL]::jsonb[], 'nobody is allowed nothing');
SELECT throws_ok(format('SELECT jhub_authz.permissions(%L, ''ann'', '''', %L)', '["access:servers"]', w), '22023', NULL, 'no such form: ' || w)
  FROM (VALUES ('["contents"]'), ('"contents"'), ('{"contents": "read"}'), ('{"contents": ["read", 1]}'), ('{"contents": [["read"]]}')) v (w);

SELECT * FROM finish();
ROLLBACK;
