-- token_audit has every token, with what the other functions say of it, and no secret.
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
SET LOCAL TimeZone = 'Asia/Tokyo';
SELECT plan(28);

-- Times are the hub's, in UTC, whatever the session's zone
UPDATE public.api_tokens SET last_activity = '2024-05-06 07:08:09' WHERE id = 2;
SELECT jhub_authz.attach() \g /dev/null
SELECT is(created, '2024-03-01 02:00:00+00'::timestamptz, 'created') FROM jhub_authz.token_audit WHERE token_id = 2;
SELECT is(last_activity, '2024-05-06 07:08:09+00'::timestamptz, 'last_activity') FROM jhub_authz.token_audit WHERE token_id = 2;
SELECT is(expires_at, '2024-03-02 00:00:00+00'::timestamptz, 'expires_at') FROM jhub_authz.token_audit WHERE token_id = 10;
SELECT is(age || ' ' || idle, (now() - created) || ' ' || (now() - last_activity), 'age and idle') FROM jhub_authz.token_audit WHERE token_id = 2;
SELECT is(idle, age, 'idle since it was made, if it was never used') FROM jhub_authz.token_audit WHERE token_id = 1;
SELECT results_eq($$ SELECT token_id FROM jhub_authz.token_audit WHERE expired ORDER BY 1 $$, ARRAY[10], 'expired');
SELECT results_eq($$ SELECT token_id FROM jhub_authz.token_audit WHERE uses_inherit ORDER BY 1 $$, ARRAY[1, 8], 'uses_inherit');
SELECT results_eq($$ SELECT token_id FROM jhub_authz.token_audit WHERE NOT never_expires ORDER BY 1 $$, ARRAY[6, 7, 10, 13], 'never_expires');
SELECT results_eq($$ SELECT token_id FROM jhub_authz.token_audit WHERE NOT never_used ORDER BY 1 $$, ARRAY[2], 'never_used');
SELECT results_eq($$ SELECT token_id, class FROM jhub_authz.token_audit WHERE token_id IN (1, 5, 6, 8) ORDER BY 1 $$, $$ VALUES (1, 'user'), (5, 'server'), (6, 'oauth'), (8, 'service') $$, 'class');
SELECT is(count(baseline) || ' ' || count(grown) || ' ' || count(*), '14 14 15', 'all live ones have a baseline') FROM jhub_authz.token_audit;

-- Policies, the narrowest named
SELECT is(policy || ' ' || on_growth || ' ' || inherit || ' ' || on_share || coalesce(max_age::text, ''), 'service revoke follow follow', 'a class''s policy') FROM jhub_authz.token_audit WHERE token_id = 8;
SELECT jhub_authz.set_policy('token:2', on_growth => 'log', max_age => '30000 days'), jhub_authz.set_policy('group:physics', inherit => 'follow', on_growth => 'ignore'),
       jhub_authz.set_policy('client:service-announce', on_share => 'revoke') \g /dev/null
SELECT results_eq($$ SELECT token_id, policy, on_growth, inherit, on_share, max_age FROM jhub_authz.token_audit WHERE token_id IN (1, 2, 4, 7) ORDER BY 1 $$,
    $$ VALUES (1, 'group:physics', 'ignore', 'follow', 'follow', NULL::interval), (2, 'token:2', 'log', 'follow', 'follow', '30000 days'),
              (4, 'user', 'revoke', 'guard', 'follow', NULL), (7, 'client:service-announce', 'ignore', 'follow', 'revoke', NULL) $$, 'narrower ones');
SELECT is_empty($$ SELECT t.token_id, p.* FROM jhub_authz.token_audit t, jhub_authz.show_policy(t.token_id) p
    WHERE p.value IS DISTINCT FROM CASE p.setting WHEN 'on_growth' THEN t.on_growth WHEN 'inherit' THEN t.inherit WHEN 'on_share' THEN t.on_share ELSE t.max_age::text END $$, 'as show_policy says');

-- What it gained
INSERT INTO public.user_role_map VALUES (9, 5, false);
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is(grown::text, '["read:groups!group=physics", "read:users:activity!group=physics"]', 'what a token gained') FROM jhub_authz.token_audit WHERE token_id = 1;
SELECT is_empty($$ SELECT token_id, grown FROM jhub_authz.token_audit WHERE jhub_authz.scope_count(grown) > 0 AND token_id <> 1 $$, '... and others did not');
SELECT jhub_authz.rebase(1, 'ok') \g /dev/null
SELECT is(jhub_authz.scope_count(grown), 0, 'accepted, it is no gain') FROM jhub_authz.token_audit WHERE token_id = 1;
SELECT jhub_authz.revoke_token(3, 'lost') \g /dev/null
SELECT ok(expired AND revoked_at IS NOT NULL, 'revoked') FROM jhub_authz.token_audit WHERE token_id = 3;
SELECT jhub_authz.set_mode('off') \g /dev/null
DELETE FROM public.api_tokens WHERE id = 2;
INSERT INTO public.api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (2, 10, 'jupyterhub', '2025-01-01', 'new', 'new', '["self"]');
SELECT ok(baseline IS NULL AND grown IS NULL AND baseline_taken_at IS NULL AND policy = 'group:physics', 'an id that is used again is another token') FROM jhub_authz.token_audit WHERE token_id = 2;
-- times that no age can be told of
UPDATE public.api_tokens SET created = 'infinity', last_activity = '-infinity' WHERE id = 4;
SELECT is(ARRAY[created::text, last_activity::text, age::text, idle::text], ARRAY['infinity', '-infinity', NULL, NULL], 'infinite times') FROM jhub_authz.token_audit WHERE token_id = 4;

-- At random, one by one and all at once; what does not parse is told
\ir ../testbed/random_hub.sql
SELECT diag('seed ' || :'seed');
CREATE TEMP TABLE audited AS SELECT * FROM jhub_authz.token_audit;
SELECT is_empty($$ SELECT a.token_id FROM jhub_authz.all_token_scopes() a FULL JOIN audited t USING (token_id)
    WHERE (a.owner_kind, a.owner_name, a.client_id, a.stored::text, a.effective::text, a.discarded::text, a.error)
          IS DISTINCT FROM (t.owner_kind, t.owner, t.client_id, t.stored::text, t.effective::text, t.discarded::text, t.error) $$, 'as all_token_scopes says');
SELECT is((SELECT count(*) FROM audited), 135::bigint, 'every token');
SELECT is_empty($$ SELECT token_id FROM (SELECT id FROM public.api_tokens ORDER BY random() LIMIT 25) i, LATERAL (SELECT t::text AS one, t.token_id FROM jhub_authz.token_audit t WHERE t.token_id = i.id) o
    WHERE one <> (SELECT a::text FROM audited a WHERE a.token_id = o.token_id) $$, 'one by one the same');
-- ... beside what is broken of its random owner, who may hold nothing at all
SELECT ok(stored IS NULL AND error ~ '(^|  )token: ' AND effective IS NOT NULL, 'scopes that do not parse') FROM audited WHERE token_id = 1017;
SELECT ok(stored IS NULL AND error IS NULL, 'no scopes at all') FROM audited WHERE token_id = 11;
-- no secret
SELECT is_empty($$ SELECT a.token_id FROM audited a, public.api_tokens t WHERE strpos(a::text, t.hashed) > 0 AND t.id < 1000 AND t.id <> 2 $$, 'no hash');
SELECT is_empty($$ SELECT a.token_id FROM audited a, public.api_tokens t WHERE strpos(a::text, md5('token' || t.id)) > 0 $$, 'no token');
SELECT is_empty($$ SELECT column_name FROM information_schema.columns WHERE table_schema = 'jhub_authz' AND table_name = 'token_audit' AND column_name ~ 'hash' $$, 'no column for it');

SELECT * FROM finish();
ROLLBACK;
