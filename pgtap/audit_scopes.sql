-- What the audit says of anybody is what the checks say: effective_scopes, what_can,
-- who_can and subject_has_scope agree, and each permission has a grant that gives it.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SELECT coalesce(nullif(current_setting('jhub_authz.seed', true), ''), extract(epoch FROM clock_timestamp())::bigint::text) AS seed \gset
BEGIN;
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = error;
SET LOCAL TimeZone = 'UTC';
\ir ../testbed/random_hub.sql
SELECT diag('seed ' || :'seed');
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');
SELECT plan(26);

CREATE TEMP TABLE subject AS
    SELECT 'user' AS kind, name, scopes AS held FROM jhub_authz.all_user_scopes()
    UNION ALL SELECT 'service', name, scopes FROM jhub_authz.all_service_scopes()
    UNION ALL SELECT 'group', name, scopes FROM jhub_authz.all_group_scopes()
    UNION ALL SELECT 'token', token_id::text, effective FROM jhub_authz.all_token_scopes() JOIN public.api_tokens t ON t.id = token_id
     WHERE t.expires_at IS NULL OR t.expires_at >= now() AT TIME ZONE 'UTC';
CREATE TEMP TABLE path AS SELECT * FROM jhub_authz.effective_scopes;
-- of whom single questions are asked
\if :{?few}
CREATE TEMP TABLE one AS SELECT kind, name, held FROM (SELECT s.*, row_number() OVER (PARTITION BY kind ORDER BY random()) AS n FROM subject s) s WHERE n <= 2
    UNION SELECT * FROM subject WHERE (kind, name) IN (('user', 'alice'), ('user', 'r3'));
\set questions 3
\set questions_held 3
\set held 2
\set in_random_order 6
\else
CREATE TEMP TABLE one AS SELECT * FROM subject;
\set questions 60
\set questions_held 0
\set held 300
\set in_random_order 1000000
\endif
SELECT cmp_ok((SELECT count(*) FROM subject), '>', 220::bigint, 'a hub of some size');
SELECT cmp_ok((SELECT count(*) FROM path), '>', 2000::bigint, '... with many permissions');

-- Grouped by subject it is what the subject holds, to the member
SELECT is_empty($$
    SELECT s.kind, s.name, p.scopes, s.held FROM subject s
      LEFT JOIN (SELECT subject_kind, subject, jhub_authz.scopeset_agg(scope) AS scopes FROM path GROUP BY 1, 2) p ON p.subject_kind = s.kind AND p.subject = s.name
     WHERE coalesce(p.scopes, '[]') OPERATOR(jhub_authz.<>) s.held $$, 'effective_scopes grouped by subject is what each holds');
SELECT is_empty($$ SELECT p.* FROM path p LEFT JOIN subject s ON s.kind = p.subject_kind AND s.name = p.subject WHERE s.kind IS NULL $$, '... and has nobody else, no expired token either');
SELECT is_empty($$ SELECT s.* FROM one s WHERE jhub_authz.subject_scopes(s.kind, s.name) OPERATOR(jhub_authz.<>) s.held $$, '... as the single questions say');

-- One subject by what_can, by a condition, and of everybody: the same rows
CREATE TEMP TABLE what_can AS SELECT w.* FROM one s, jhub_authz.what_can(s.kind, s.name) w;
SELECT is_empty($$ (SELECT * FROM what_can EXCEPT ALL SELECT * FROM path)
    UNION ALL (SELECT p.* FROM path p JOIN one o ON (o.kind, o.name) = (p.subject_kind, p.subject) EXCEPT ALL SELECT * FROM what_can) $$, 'what_can has the rows of effective_scopes');
SELECT results_eq($$ SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = 'user' AND subject = 'r3' $$, $$ SELECT * FROM jhub_authz.what_can('user', 'r3') $$, 'a condition on the subject, too');
SELECT results_eq($$ SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = 'token' AND subject = '1006' $$, $$ SELECT * FROM jhub_authz.what_can('token', 'a1006') $$, '... and on a token');
SELECT is_empty($$ SELECT * FROM jhub_authz.what_can('user', 'nobody') $$, 'who is not there can do nothing');
SELECT is_empty($$ SELECT * FROM jhub_authz.what_can('token', '10') $$, 'nor can an expired token');
-- asked for out of order, and again and again
SELECT is_empty(format($$ SELECT k.id, count(*) FROM (SELECT id FROM jhub_authz._audit_keys('token') ORDER BY random() LIMIT %s) k, jhub_authz._scopes_of('token', k.id) s GROUP BY 1
    EXCEPT SELECT subject::integer, count(*) FROM path WHERE subject_kind = 'token' GROUP BY 1 $$, :in_random_order), 'the order in which tokens are asked for does not matter');

-- The grant of a path gives it, and is there
SELECT is_empty($$ SELECT * FROM path WHERE scope IS NOT NULL AND (via_role IS NULL) = (via_share IS NULL) $$, 'each permission comes from a role or from a share');
SELECT is_empty($$ SELECT p.* FROM path p JOIN public.roles r ON r.name = p.via_role WHERE scope IS NOT NULL AND NOT r.scopes::jsonb ? p.raw_scope $$, 'the role has the scope');
SELECT is_empty($$ SELECT p.* FROM path p JOIN public.shares s ON s.id = p.via_share WHERE scope IS NOT NULL AND NOT s.scopes::jsonb ? p.raw_scope $$, '... or the share');
SELECT is_empty($$ SELECT p.* FROM path p WHERE subject_kind = 'user' AND via_role IS NOT NULL AND NOT EXISTS (
    SELECT FROM public.users u JOIN public.roles r ON r.name = p.via_role WHERE u.name = p.subject AND
        CASE WHEN p.via_group IS NULL THEN EXISTS (SELECT FROM public.user_role_map m WHERE m.user_id = u.id AND m.role_id = r.id)
             ELSE EXISTS (SELECT FROM public.user_group_map m JOIN public.groups g ON g.id = m.group_id JOIN public.group_role_map gr ON gr.group_id = g.id AND gr.role_id = r.id
                           WHERE m.user_id = u.id AND g.name = p.via_group) END) $$, 'the user has the role, directly or through the group');
SELECT is_empty($$ SELECT p.* FROM path p WHERE subject_kind = 'token' AND scope IS NOT NULL AND (via_token IS NULL OR (token_scope IS NULL) <> (via_token IN ('client', 'identify'))) $$, 'a token says why it asks for it');
SELECT is_empty($$ SELECT p.* FROM path p JOIN public.api_tokens t ON p.subject_kind = 'token' AND t.id::text = p.subject
    WHERE token_scope IS NOT NULL AND NOT t.scopes::jsonb ? token_scope $$, '... with a scope that it has');
SELECT is_empty($$ SELECT p.* FROM path p, jhub_authz.scope_explode(jhub_authz.scopeset_of(VARIADIC array_remove(ARRAY[p.scope], NULL))) e
    WHERE (e.base, e.filter_kind, e.filter_value) IS DISTINCT FROM (p.base, p.filter_kind, p.filter_value) $$, 'base and filter are the scope''s');

-- subject_has_scope <=> a row of who_can <=> a row of what_can that meets it
CREATE TEMP TABLE asked (required text PRIMARY KEY);
INSERT INTO asked
    (SELECT DISTINCT scope FROM path WHERE scope IS NOT NULL AND scope !~ '!(user|server|service)$' ORDER BY 1)
    UNION (SELECT DISTINCT base FROM path WHERE base IS NOT NULL)
    UNION VALUES ('read:users!user=r1'), ('access:servers!server=r2/lab'), ('access:servers!server=r3/'), ('servers!server=r4/'), ('read:hub'),
        ('users!group=rg1'), ('groups!group=rg2'), ('access:services!service=rs1'), ('tokens!user=nobody'), ('shutdown'), ('custom:nothing:here'), ('read:servers!server=noslash');
DELETE FROM asked WHERE required NOT IN (SELECT required FROM asked ORDER BY random() LIMIT :questions)
    AND required NOT IN (SELECT required FROM asked WHERE required IN (SELECT scope FROM path JOIN one o ON (o.kind, o.name) = (subject_kind, subject)) ORDER BY random() LIMIT :questions_held);
CREATE TEMP TABLE verdict AS
    SELECT a.required, s.kind, s.name, jhub_authz.subject_has_scope(s.kind, s.name, a.required) AS held FROM asked a, one s;
CREATE TEMP TABLE holder AS SELECT a.required, w.* FROM asked a, jhub_authz.who_can(a.required) w;
SELECT cmp_ok((SELECT count(*) FROM verdict WHERE held), '>', :held::bigint, 'many hold something of it');
SELECT is_empty($$ (SELECT required, kind, name FROM verdict WHERE held EXCEPT SELECT required, subject_kind, subject FROM holder)
    UNION ALL (SELECT required, subject_kind, subject FROM holder JOIN one o ON (o.kind, o.name) = (subject_kind, subject) EXCEPT SELECT required, kind, name FROM verdict WHERE held) $$, 'who_can has exactly those who hold it');
SELECT is_empty($$ SELECT v.required, v.kind, v.name, v.held FROM verdict v
    WHERE v.held <> EXISTS (SELECT FROM path p WHERE p.subject_kind = v.kind AND p.subject = v.name AND p.scope IS NOT NULL AND jhub_authz.has_scope(jhub_authz.scopeset_of(p.scope), v.required)) $$,
    'who holds it has a row that meets it');
SELECT is_empty($$ SELECT subject_kind, subject, scope, filter_kind, filter_value, base, via_role, via_group, via_share, share_server, raw_scope, owner_kind, owner, client_id, via_token, token_scope, error FROM holder
    EXCEPT SELECT * FROM path $$, 'the rows of who_can are rows of effective_scopes');
SELECT throws_ok($$ SELECT * FROM jhub_authz.who_can('servers!user') $$, '22023', NULL, 'a self filter cannot be required');

-- What does not parse is told, of each whom it concerns
SELECT is_empty($$ SELECT u.name FROM jhub_authz.all_user_scopes() u WHERE (u.error IS NULL) = EXISTS (SELECT FROM path p WHERE p.subject_kind = 'user' AND p.subject = u.name AND p.error IS NOT NULL) $$,
    'rows that do not parse are told');
SELECT isnt_empty($$ SELECT FROM path WHERE error IS NOT NULL AND scope IS NULL AND via_role = 'rr7' $$, '... with the role they are of');
-- option token_shares
SELECT jhub_authz.set_option('token_shares', 'documented') \g /dev/null
SELECT is_empty($$ SELECT t.token_id, s.scopes, t.effective FROM jhub_authz.all_token_scopes() t JOIN public.api_tokens a ON a.id = t.token_id LEFT JOIN
    (SELECT subject, jhub_authz.scopeset_agg(scope) AS scopes FROM jhub_authz.effective_scopes WHERE subject_kind = 'token' GROUP BY 1) s ON s.subject = t.token_id::text
    WHERE coalesce(s.scopes, '[]') OPERATOR(jhub_authz.<>) t.effective AND (a.expires_at IS NULL OR a.expires_at > now() AT TIME ZONE 'UTC') $$, 'with token_shares = documented as well');

SELECT * FROM finish();
ROLLBACK;
