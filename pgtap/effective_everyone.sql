-- The whole hub in one pass says what the single questions say.
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
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');

SELECT plan(23);

-- one by one and all at once is the same
SELECT is_empty($$
    SELECT name, scopes::text, error FROM jhub_authz.all_user_scopes()
    EXCEPT SELECT name, jhub_authz.user_scopes(name)::text, NULL FROM public.users$$, 'users');
SELECT is((SELECT count(*) FROM jhub_authz.all_user_scopes()), 14::bigint, 'all of them');
SELECT is_empty($$
    SELECT name, scopes::text, error FROM jhub_authz.all_service_scopes()
    EXCEPT SELECT name, jhub_authz.service_scopes(name)::text, NULL FROM public.services$$, 'services');
SELECT is((SELECT count(*) FROM jhub_authz.all_service_scopes()), 4::bigint, 'all of them');
SELECT is_empty($$
    SELECT name, scopes::text, error FROM jhub_authz.all_group_scopes()
    EXCEPT SELECT name, jhub_authz.group_scopes(name)::text, NULL FROM public.groups$$, 'groups');
SELECT is((SELECT count(*) FROM jhub_authz.all_group_scopes()), 4::bigint, 'all of them');
SELECT is_empty($$
    SELECT a.token_id, owner_kind, owner_name, a.client_id, stored::text, effective::text, error FROM jhub_authz.all_token_scopes() a
    EXCEPT SELECT t.id, CASE WHEN u.id IS NULL THEN 'service' ELSE 'user' END, COALESCE(u.name, s.name), t.client_id,
        t.scopes::jhub_authz.scopeset::text, jhub_authz.token_scopes(t.id)::text, NULL
    FROM public.api_tokens t LEFT JOIN public.users u ON u.id = t.user_id LEFT JOIN public.services s ON s.id = t.service_id$$, 'tokens');
SELECT is((SELECT count(*) FROM jhub_authz.all_token_scopes()), 15::bigint, 'all of them');
SELECT is((SELECT discarded::text FROM jhub_authz.all_token_scopes() WHERE token_id = 12),
    '["read:users:groups!user=lonely", "read:users:name!user=lonely"]', 'discarded: beyond the owner');
SELECT is((SELECT discarded::text FROM jhub_authz.all_token_scopes() WHERE token_id = 1), '[]', 'inherit discards nothing');
SELECT is((SELECT stored IS NULL FROM jhub_authz.all_token_scopes() WHERE token_id = 11), true, 'NULL is stored as NULL');

-- what does not parse is told, and is nobody else's trouble
UPDATE public.roles SET scopes = '["self", "read:users!user="]' WHERE name = 'self-filters';
UPDATE public.roles SET scopes = 'no json' WHERE name = 'by-server';
UPDATE public.shares SET scopes = '{"a" 1}' WHERE id = 3;
UPDATE public.api_tokens SET scopes = '[1]' WHERE id = 4;
SELECT results_eq($$SELECT name::text FROM jhub_authz.all_user_scopes() WHERE error IS NOT NULL ORDER BY name COLLATE "C"$$,
    ARRAY['alice', 'bob', 'lonely'], 'users with a row that does not parse');
SELECT matches((SELECT error FROM jhub_authz.all_user_scopes() WHERE name = 'alice'), 'role "by-server": .*role "self-filters": ', 'which rows');
SELECT matches((SELECT error FROM jhub_authz.all_user_scopes() WHERE name = 'lonely'), 'share 3 of server "bob/": ', 'a share');
SELECT is((SELECT scopes::text FROM jhub_authz.all_user_scopes() WHERE name = 'lonely'), '[]', 'it gives nothing');
SELECT results_eq($$SELECT name::text FROM jhub_authz.all_service_scopes() WHERE error IS NOT NULL$$, ARRAY['announce'], 'services');
SELECT results_eq($$SELECT name::text FROM jhub_authz.all_group_scopes() WHERE error IS NOT NULL$$, ARRAY['physics'], 'groups');
SELECT results_eq($$SELECT token_id, stored IS NULL, effective::text FROM jhub_authz.all_token_scopes() WHERE error ~ '^token: '$$,
    $$VALUES (4, true, '["read:users:groups!user=admin", "read:users:name!user=admin"]')$$, 'a token');
SELECT is((SELECT scopes::text FROM jhub_authz.all_user_scopes() WHERE name = 'bob'),
    (SELECT jhub_authz.user_scopes('bob')::text), 'the single question says the same');

-- who owns nothing
UPDATE public.api_tokens SET user_id = NULL WHERE id = 2;
SELECT results_eq($$SELECT owner_kind, owner_name, effective::text FROM jhub_authz.all_token_scopes() WHERE token_id = 2$$,
    $$VALUES (NULL::text, NULL::text, '[]'::text)$$, 'a token without an owner holds nothing');

-- without the tables of later releases
DROP TABLE public.share_codes, public.shares;
SELECT lives_ok($$SELECT * FROM jhub_authz.all_user_scopes()$$, 'without shares: users');
SELECT lives_ok($$SELECT * FROM jhub_authz.all_token_scopes()$$, 'without shares: tokens');
SELECT is(jhub_authz.user_scopes('lonely')::text, '[]', 'nothing is shared with lonely any more');

SELECT * FROM finish();
ROLLBACK;
