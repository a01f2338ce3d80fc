-- explain has a chain exactly where the permission is held, names exactly the single
-- grants that end it, and says what is missing where it is not.
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
SELECT plan(35);

-- Sentences
SELECT jhub_authz.attach() \g /dev/null
CREATE FUNCTION pg_temp.sentences(kind text, name text, required text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT string_agg(says, ' ' ORDER BY step) FROM jhub_authz.explain($1, $2, $3) WHERE node_kind <> 'cut' GROUP BY chain ORDER BY chain $$;
CREATE FUNCTION pg_temp.cuts(kind text, name text, required text) RETURNS SETOF text LANGUAGE sql AS
    $$ SELECT coalesce(node, says) FROM jhub_authz.explain($1, $2, $3) WHERE node_kind = 'cut' ORDER BY step $$;
SELECT results_eq($$ SELECT pg_temp.sentences('user', 'bob', 'access:servers!server=alice/lab') $$,
    $$ VALUES ('User "bob" is in group "physics", which has a share of server "alice/lab", which has the scope "access:servers!server=alice/lab", and that is what is required.') $$, 'group, share, scope');
SELECT results_eq($$ SELECT pg_temp.cuts('user', 'bob', 'access:servers!server=alice/lab') $$, $$ VALUES ('user "bob" in group "physics"'), ('share 2') $$, '... and what ends it');
SELECT results_eq($$ SELECT pg_temp.sentences('user', 'zoë', 'access:servers!server=alice/x') $$,
    $$ VALUES ('User "zoë" is in group "lab one", which has the role "by-group", which has the scope "access:servers!group=physics", and that covers "access:servers!server=alice/x", for user "alice" is in group "physics".') $$,
    'group, role, scope, filter by another group');
SELECT results_eq($$ SELECT pg_temp.cuts('user', 'zoë', 'access:servers!server=alice/x') $$,
    $$ VALUES ('user "zoë" in group "lab one"'), ('role "by-group" of group "lab one"'), ('scope "access:servers!group=physics" of role "by-group"'), ('user "alice" in group "physics"') $$,
    '... of whom the filter means as well');
SELECT results_eq($$ SELECT pg_temp.sentences('service', 'idle-culler', 'read:users:name!user=bob') $$,
    $$ VALUES ('Service "idle-culler" has the role "culler", which has the scope "list:users", which implies "read:users:name", and that has no filter and so covers "read:users:name!user=bob".'),
              ('Service "idle-culler" has the role "culler", which has the scope "read:servers", which implies "read:users:name", and that has no filter and so covers "read:users:name!user=bob".') $$,
    'subscopes, by two ways');
SELECT results_eq($$ SELECT pg_temp.cuts('service', 'idle-culler', 'read:users:name!user=bob') $$, $$ VALUES ('role "culler" of service "idle-culler"') $$, '... of which neither alone ends it');
SELECT results_eq($$ SELECT pg_temp.cuts('user', 'admin', 'access:servers!user=admin') $$, $$ VALUES ('No single grant ends it: there are 3 chains, and each of them suffices.') $$, 'no single grant');
SELECT is((SELECT s FROM pg_temp.sentences('token', 'a15', 'access:servers!server=alice/') s WHERE s ~ 'OAuth' AND s ~ '"user"' LIMIT 1),
    'Token 15 was issued through the OAuth client "jupyterhub-user-alice" of server "alice/", which adds "access:servers!server=alice/", and belongs to user "alice", who has the role "user", which has the scope "self", which is "access:servers!user=alice" among others for user "alice", and that covers "access:servers!server=alice/", a server of user "alice".',
    'a token by its client');
SELECT is((SELECT s FROM pg_temp.sentences('token', '1', 'servers!server=bob/') s),
    'Token 1 has the scope "inherit", which is all that its owner holds, and belongs to user "alice", who is in group "physics", which has the role "by-server", which has the scope "servers!server=bob/", and that is what is required.',
    'a token that inherits');
SELECT matches((SELECT s FROM pg_temp.sentences('user', 'zoë', 'access:servers!server=bob/') s WHERE s ~ 'share'), 'has a share of server "bob/", which expired at 2024-02-02 00:00:00\+00 and counts until the hub deletes it', 'a share that has expired');

-- Refusals
SELECT matches((SELECT string_agg(s, E'\n') FROM pg_temp.sentences(kind, name, required) s), words, what) FROM (VALUES
    ('user', 'alice', 'access:servers!server=zoë/', 'which is "access:servers!user=alice" among others for user "alice", but only for user "alice", and "access:servers!server=zoë/" is required\.', 'the wrong filter'),
    ('user', 'alice', 'access:servers!server=zoë/', '"access:servers!group=physics", but user "zoë" is not in group "physics"', 'not in the group'),
    ('user', 'alice', 'access:servers!server=zoë/', '"access:servers!server", but that names nobody here', 'a self filter without a target'),
    ('user', 'alice', 'access:servers', 'but only for group "physics", and "access:servers" without a filter is required', 'filtered where unfiltered is needed'),
    ('user', 'alice', 'access:servers', 'The role "admin" would give it', 'what would give it'),
    ('token', '6', 'servers!server=alice/lab', '^The owner, user "alice", holds it, but token 6 narrows it: it has \["access:servers!server=alice/lab"\]\.$', 'a token that narrows its owner'),
    ('token', '7', 'servers!server=alice/lab', 'The owner, user "bob", holds it by a share, but the hub does not count that for tokens', 'a share that the hub leaves out of tokens'),
    ('token', '14', 'read:users', 'Token 14 does not ask for it, and its owner, user "bob", does not hold it', 'neither'),
    ('token', '3', 'access:servers!server=zoë/', 'Token 3 does not ask for it, and its owner, user "bob", does not hold it', 'a filter of the token'),
    ('token', '10', 'servers!user=alice', '^Token 10 expired or was revoked: its expiry was 2024-03-02 00:00:00\+00\.', 'an expired token'),
    ('user', 'alice', 'read:uers', '^The scope "read:uers" does not exist; perhaps "read:users" is meant\.', 'a scope that does not exist'),
    ('user', 'nobody', 'read:users', '^There is no user "nobody"\.$', 'nobody'),
    ('user', 'lonely', 'read:hub', 'No role or share of user "lonely" gives "read:hub", whatever the filter', 'nothing near')) v (kind, name, required, words, what);
UPDATE public.roles SET scopes = '["read:users"' WHERE name = 'null';
SELECT ok(EXISTS (SELECT FROM jhub_authz.explain('user', 'bob', 'read:hub') WHERE node_kind = 'defect' AND node = 'null' AND says ~ 'do not parse and give nothing'), 'a role that does not parse');

-- At random: a chain where it is held, and nowhere else
SELECT jhub_authz.set_mode('off') \g /dev/null
\ir ../testbed/random_hub.sql
SELECT diag('seed ' || :'seed');
\if :{?few}
\set share 0.01
\set most 8
\set some 3
\set tokens 90
\set many 4
\set ended 2
\set by_token 0
\else
\set share 0.08
\set most 150
\set some 15
\set tokens 20
\set many 40
\set ended 20
\set by_token 5
\endif
CREATE TEMP TABLE path AS SELECT * FROM jhub_authz.effective_scopes WHERE scope !~ '!(user|server|service)$';
CREATE TEMP TABLE asked AS
    SELECT row_number() OVER () AS n, a.*
      FROM ((SELECT DISTINCT subject_kind AS kind, subject AS name, scope AS required FROM path WHERE random() < :share LIMIT :most)
            UNION (SELECT s.kind, s.name, r.required
                     FROM (SELECT subject_kind AS kind, subject AS name, random() AS r FROM path ORDER BY 3 LIMIT :some) s, (SELECT scope AS required, random() AS r FROM path ORDER BY 2 LIMIT :some) r)
            UNION SELECT 'token', id::text, 'access:servers!server=r3/' FROM public.api_tokens WHERE id % :tokens = 1) a;
CREATE TEMP TABLE verdict AS SELECT a.*, jhub_authz.subject_has_scope(kind, name, required) AS held FROM asked a;
SELECT cmp_ok((SELECT count(*) FILTER (WHERE held) FROM verdict), '>', :many::bigint, 'many are held');
SELECT cmp_ok((SELECT count(*) FILTER (WHERE NOT held) FROM verdict), '>', :many::bigint, '... and many are not');
CREATE TEMP TABLE explained AS SELECT v.n, e.* FROM verdict v, jhub_authz.explain(v.kind, v.name, v.required) e;
SELECT is_empty($$ SELECT v.* FROM verdict v WHERE v.held <> EXISTS (SELECT FROM explained e WHERE e.n = v.n AND e.held AND e.chain > 0 AND e.node_kind = 'required') $$, 'a chain to what is required exactly where it is held');
SELECT is_empty($$ SELECT v.* FROM verdict v WHERE NOT EXISTS (SELECT FROM explained e WHERE e.n = v.n) OR EXISTS (SELECT FROM explained e WHERE e.n = v.n AND e.held <> v.held) $$, '... and an answer for all');
SELECT is_empty($$ SELECT v.* FROM verdict v WHERE NOT v.held AND NOT EXISTS (SELECT FROM explained e WHERE e.n = v.n AND e.node_kind IN ('missing', 'defect')) $$, 'a refusal says what is missing');
SELECT is_empty($$ SELECT v.* FROM verdict v WHERE v.held AND NOT EXISTS (SELECT FROM explained e WHERE e.n = v.n AND e.node_kind = 'cut') $$, '... and a chain what ends it');

-- Take each grant away by which it could be held: it ends it if it was named, and only then
CREATE TEMP TABLE grants_of (n bigint, node text, sql text);
INSERT INTO grants_of
    WITH holder AS (SELECT v.n, CASE v.kind WHEN 'token' THEN t.user_id ELSE u.id END AS user_id, CASE v.kind WHEN 'token' THEN t.service_id END AS service_id
                      FROM verdict v LEFT JOIN public.users u ON v.kind = 'user' AND u.name = v.name LEFT JOIN public.api_tokens t ON v.kind = 'token' AND t.id::text = v.name
                     WHERE v.held AND v.kind IN ('user', 'token')),
    member AS (SELECT h.n, m.user_id, m.group_id, u.name AS user_name, g.name AS group_name FROM holder h JOIN public.user_group_map m ON m.user_id = h.user_id
                JOIN public.users u ON u.id = m.user_id JOIN public.groups g ON g.id = m.group_id),
    assigned AS (SELECT h.n, r.id, r.name, r.scopes, format('role "%s" of user "%s"', r.name, u.name) AS node, format('DELETE FROM public.user_role_map WHERE user_id = %s AND role_id = %s', h.user_id, r.id) AS sql
                   FROM holder h JOIN public.user_role_map m ON m.user_id = h.user_id JOIN public.roles r ON r.id = m.role_id JOIN public.users u ON u.id = h.user_id
                 UNION ALL SELECT h.n, r.id, r.name, r.scopes, format('role "%s" of service "%s"', r.name, s.name), format('DELETE FROM public.service_role_map WHERE service_id = %s AND role_id = %s', h.service_id, r.id)
                   FROM holder h JOIN public.service_role_map m ON m.service_id = h.service_id AND h.user_id IS NULL JOIN public.roles r ON r.id = m.role_id JOIN public.services s ON s.id = h.service_id
                 UNION ALL SELECT b.n, r.id, r.name, r.scopes, format('role "%s" of group "%s"', r.name, b.group_name), format('DELETE FROM public.group_role_map WHERE group_id = %s AND role_id = %s', b.group_id, r.id)
                   FROM member b JOIN public.group_role_map m ON m.group_id = b.group_id JOIN public.roles r ON r.id = m.role_id)
    SELECT n, node, sql FROM assigned
    UNION SELECT n, format('user "%s" in group "%s"', user_name, group_name), format('DELETE FROM public.user_group_map WHERE user_id = %s AND group_id = %s', user_id, group_id) FROM member
    UNION SELECT n, format('scope "%s" of role "%s"', x, a.name), format('UPDATE public.roles SET scopes = (scopes::jsonb - %L)::text WHERE id = %s', x, a.id)
      FROM assigned a, jsonb_array_elements_text(CASE WHEN a.scopes ~ '\]$' THEN a.scopes ELSE '[]' END::jsonb) x
    UNION SELECT v.n, format('token %s', v.name), format('DO $do$ BEGIN PERFORM jhub_authz.revoke_token(%s, ''tried''); END $do$', v.name) FROM verdict v WHERE v.held AND v.kind = 'token'
    UNION SELECT v.n, format('scope "%s" of token %s', x, v.name), format('UPDATE public.api_tokens SET scopes = (scopes::jsonb - %L)::text WHERE id = %s', x, t.id)
      FROM verdict v JOIN public.api_tokens t ON t.id::text = v.name, jsonb_array_elements_text(CASE WHEN t.scopes ~ '\]$' THEN t.scopes ELSE '[]' END::jsonb) x WHERE v.held AND v.kind = 'token'
    UNION SELECT h.n, format('share %s', s.id), format('DELETE FROM public.shares WHERE id = %s', s.id) FROM holder h JOIN public.shares s ON s.user_id = h.user_id
    UNION SELECT b.n, format('share %s', s.id), format('DELETE FROM public.shares WHERE id = %s', s.id) FROM member b JOIN public.shares s ON s.group_id = b.group_id;
CREATE FUNCTION pg_temp.ends_it(what text, kind text, name text, required text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    answer boolean;
BEGIN
    EXECUTE what;
    answer := NOT jhub_authz.subject_has_scope(kind, name, required);
    RAISE EXCEPTION USING ERRCODE = 'ZZ001', MESSAGE = answer::text;
EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
    RETURN SQLERRM::boolean;
END $$;
CREATE TEMP TABLE tried AS SELECT v.*, g.node, pg_temp.ends_it(g.sql, v.kind, v.name, v.required) AS ends FROM grants_of g JOIN verdict v USING (n);
SELECT cmp_ok((SELECT count(*) FILTER (WHERE ends) FROM tried), '>', :ended::bigint, 'much was taken away that ended it');
SELECT cmp_ok((SELECT count(*) FILTER (WHERE ends AND node ~ '^token ') FROM tried), '>', :by_token::bigint, '... tokens were revoked');
SELECT cmp_ok((SELECT count(*) FILTER (WHERE ends AND node ~ '^scope .* of token ') FROM tried), '>=', least(:by_token, 4)::bigint, '... and narrowed');
SELECT is_empty($$ SELECT t.* FROM tried t WHERE t.ends AND NOT EXISTS (SELECT FROM explained e WHERE e.n = t.n AND e.node_kind = 'cut' AND e.node = t.node) $$, 'what ends it is named');
SELECT is_empty($$ SELECT t.* FROM tried t WHERE NOT t.ends AND EXISTS (SELECT FROM explained e WHERE e.n = t.n AND e.node_kind = 'cut' AND e.node = t.node) $$, 'what does not end it is not');

SELECT * FROM finish();
ROLLBACK;
