-- findings: each kind is found where it is, and is gone when it is mended; one bad
-- row, or an odd name, stops nothing.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
-- dates in what is expected are the hub's
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
CREATE SCHEMA hub_test AUTHORIZATION hub_test_owner;
\set hub hub_test
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT no_plan();
-- everybody was here today, and every token too
UPDATE hub_test.users SET created = now() AT TIME ZONE 'UTC', last_activity = now() AT TIME ZONE 'UTC';
UPDATE hub_test.api_tokens SET created = now() AT TIME ZONE 'UTC' - interval '30 days', last_activity = now() AT TIME ZONE 'UTC'
 WHERE expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC';
UPDATE hub_test.roles SET scopes = '["self"]' WHERE name = 'by-group';
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
SELECT jhub_authz.set_mode('observe') \g /dev/null

CREATE FUNCTION pg_temp.found(of_code text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY EXECUTE format('SELECT concat_ws('' '', severity, subject_kind, subject, ''('' || object || '')'', since::date::text) FROM jhub_authz.findings WHERE code = %L', of_code);
END $$;
-- what a change adds to the findings of a code; those before it are asked for once until they change
CREATE TEMP TABLE found_before (of_code text PRIMARY KEY, findings text[]);
CREATE FUNCTION pg_temp.added(of_code text, change text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before text[] := (SELECT b.findings FROM pg_temp.found_before b WHERE b.of_code = added.of_code);
    after text[];
BEGIN
    IF before IS NULL THEN
        before := ARRAY(SELECT pg_temp.found(of_code));
        INSERT INTO pg_temp.found_before VALUES (of_code, before);
    END IF;
    BEGIN
        EXECUTE change;
        SET CONSTRAINTS ALL IMMEDIATE;
        after := ARRAY(SELECT pg_temp.found(of_code));
        RAISE EXCEPTION USING ERRCODE = 'ZZ001';
    EXCEPTION WHEN SQLSTATE 'ZZ001' THEN
    END;
    RETURN QUERY SELECT unnest(after) EXCEPT ALL SELECT unnest(before);
END $$;

CREATE TEMP TABLE whole AS SELECT * FROM jhub_authz.findings;
-- a hub in order has little to tell
SELECT set_eq($$ SELECT DISTINCT code FROM whole WHERE severity IN ('critical', 'high', 'medium') AND code NOT IN ('effective_admin', 'escalation', 'orphaned_grant') $$,
    ARRAY['expired_share', 'open_oauth_code'], 'a hub in order has few findings');
SELECT is_empty($$ SELECT f.* FROM whole f LEFT JOIN jhub_authz.finding_codes c ON c.code = f.code WHERE c.code IS NULL $$, 'every code is one of finding_codes');
SELECT is_empty($$ SELECT f.* FROM whole f JOIN jhub_authz.finding_codes c ON c.code = f.code
    WHERE array_position(ARRAY['critical', 'high', 'medium', 'low', 'info'], f.severity) < array_position(ARRAY['critical', 'high', 'medium', 'low', 'info'], c.severity) $$,
    '... and no more severe than that says');
SELECT is_empty($$ SELECT * FROM whole WHERE severity IS NULL OR subject_kind IS NULL OR subject IS NULL OR detail IS NULL $$, '... and says what, of whom, and how');
SELECT is((SELECT count(*) FROM whole), (SELECT count(*) FROM (SELECT DISTINCT code, subject_kind, subject, object FROM whole) d), 'a finding is known by code, subject and object');

-- a condition on the code leaves the rest out
CREATE FUNCTION pg_temp.plan(condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    plan text := '';
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) SELECT * FROM jhub_authz.findings WHERE ' || condition LOOP
        plan := plan || line || E'\n';
    END LOOP;
    RETURN (SELECT string_agg(DISTINCT m[1], ' ' ORDER BY m[1]) FROM regexp_matches(plan, 'Function Call: jhub_authz\.?(_?[a-z_]+)\(', 'g') m);
END $$;
SELECT is(pg_temp.plan('code = ''toxic_combination'''), '_toxic_combinations', 'a condition on the code asks what it is about alone');
SELECT is(pg_temp.plan('code = ''never_expires'''), '_audit_keys _dormant_before _token_audit', '... of tokens');
SELECT is(pg_temp.plan('code = ''undefined_scope'''), '_orphans', '... of grants');
SELECT is(pg_temp.plan('subject_kind = ''token'' AND subject = ''1'''), '_audit_keys _dormant_before _orphans _token_audit', '... and one on the kind likewise: of a token');
SELECT is(pg_temp.plan('subject_kind = ''share'''), '_orphans _shares', '... of a share');
SELECT is(pg_temp.plan('subject_kind = ''role'''), '_orphans', '... of a role');

-- tokens
SELECT set_eq($$ SELECT pg_temp.found('never_expires') $$, $$ SELECT format('%s token %s %s', CASE WHEN class IN ('server', 'service') THEN 'info' ELSE 'low' END, token_id, created::date)
    FROM jhub_authz.token_audit WHERE expires_at IS NULL $$, 'tokens that never expire');
SELECT set_eq($$ SELECT pg_temp.found('inherit_token') $$, $$ SELECT format('info token %s %s', n, current_date - 30) FROM unnest(ARRAY[1, 8]) n $$, 'tokens that inherit');
SELECT set_eq($$ SELECT pg_temp.found('discarded_scopes') $$, $$ SELECT 'low token ' || token_id FROM jhub_authz.token_audit WHERE NOT expired AND jhub_authz.scope_count(discarded) > 0 $$, 'tokens that hold more than they can use');
SELECT set_has($$ SELECT pg_temp.found('discarded_scopes') $$, $$ VALUES ('low token 7') $$, '... there is one');
SELECT results_eq($$ SELECT pg_temp.added('dormant_token', 'UPDATE hub_test.api_tokens SET last_activity = ''2024-05-05'' WHERE id IN (2, 10)') $$,
    ARRAY['medium token 2 2024-05-05'], 'a token that was used long ago; one that has expired is none');
SELECT results_eq($$ SELECT pg_temp.added('never_used_token', 'UPDATE hub_test.api_tokens SET last_activity = NULL, created = ''2024-05-05'' WHERE id = 2') $$,
    ARRAY['medium token 2 2024-05-05'], 'a token that was never used');
SELECT is_empty($$ SELECT pg_temp.added('never_used_token', 'UPDATE hub_test.api_tokens SET last_activity = NULL WHERE id = 2') $$, '... but is not old');
SELECT results_eq($$ SELECT pg_temp.added('never_used_token', 'UPDATE hub_test.api_tokens SET last_activity = NULL WHERE id = 2; SELECT jhub_authz.set_option(''dormant_after'', ''29 days'')') $$,
    $$ SELECT format('medium token 2 %s', current_date - 30) $$, '... as dormant_after says');
SELECT results_eq($$ SELECT pg_temp.added('grown_token', 'INSERT INTO hub_test.user_role_map VALUES (9, 14, false)') $$,
    $$ SELECT 'high token 1 (' || jhub_authz.scopeset_of('delete:servers', 'read:servers', 'read:users:activity')::text || ') ' || current_date $$, 'a token that gained by its owner''s new role');
SELECT results_eq($$ SELECT pg_temp.added('grown_token', 'SELECT jhub_authz.set_policy(''token:1'', ''ignore''); INSERT INTO hub_test.user_role_map VALUES (9, 14, false)') $$,
    $$ SELECT 'info token 1 (' || jhub_authz.scopeset_of('delete:servers', 'read:servers', 'read:users:activity')::text || ')' $$, '... is of no weight where the policy allows it');
SELECT results_eq($$ SELECT pg_temp.added('ownerless_token', 'UPDATE hub_test.api_tokens SET user_id = NULL WHERE id = 2') $$,
    $$ SELECT format('medium token 2 %s', current_date - 30) $$, 'a token that belongs to nobody');
SELECT is((SELECT array_agg(token_id) FROM jhub_authz.dormant_tokens()), NULL, 'dormant_tokens: none');
UPDATE hub_test.api_tokens SET last_activity = now() AT TIME ZONE 'UTC' - interval '50 days' WHERE id = 3;
UPDATE hub_test.api_tokens SET last_activity = NULL WHERE id = 2;
SELECT results_eq($$ SELECT token_id, never_used FROM jhub_authz.dormant_tokens('29 days') $$, $$ VALUES (3, false), (2, true) $$, '... any length of time may be asked for, the longest idle first');
SELECT results_eq($$ SELECT token_id FROM jhub_authz.dormant_tokens('31 days') $$, ARRAY[3], '... and counts');
UPDATE hub_test.api_tokens SET last_activity = now() AT TIME ZONE 'UTC' WHERE id IN (2, 3);

-- leavers
SELECT results_eq($$ SELECT pg_temp.added('leaver', 'UPDATE hub_test.users SET last_activity = ''2024-05-05'' WHERE name IN (''bob'', ''back\slash'')') $$,
    ARRAY['high user bob 2024-05-05'], 'not seen for long, with live tokens; who has none is no finding');
SELECT results_eq($$ SELECT pg_temp.added('leaver', 'DELETE FROM hub_test.user_role_map WHERE user_id = 2') $$, $$ SELECT 'high user o''brien ' || current_date $$, 'a user without any role left');
SELECT is_empty($$ SELECT pg_temp.added('leaver', 'DELETE FROM hub_test.user_role_map WHERE user_id = 10') $$, '... but for who has one by a group');

-- as good as admin, and who could become it
CREATE FUNCTION pg_temp.graders(of_code text, scopes text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT pg_temp.added(of_code, format('UPDATE hub_test.roles SET scopes = %L WHERE name = ''grader''', scopes)) $$;
SELECT is_empty($$ SELECT pg_temp.found('effective_admin') UNION ALL SELECT pg_temp.found('admin_drift') $$, 'declared admins are no finding');
SELECT set_eq($$ SELECT pg_temp.graders('effective_admin', '["tokens"]') $$, ARRAY['critical user alice (reaches)', 'critical user o''brien (reaches, tokens)'],
    'who may make a token of anybody, and who may make one of the first');
SELECT set_eq($$ SELECT pg_temp.graders('effective_admin', '["access:servers"]') $$, ARRAY['critical user alice (reaches servers)', 'critical user o''brien (servers)'], 'who may enter every server');
SELECT set_eq($$ SELECT pg_temp.graders('effective_admin', '["groups!group=physics", "access:servers!group=physics"]') $$, ARRAY['critical user alice (reaches servers)', 'critical user o''brien (reaches servers)'], '... by putting everybody into a group');
SELECT is_empty($$ SELECT pg_temp.graders('effective_admin', '["list:users", "read:users", "admin:groups!group=empty"]') $$, 'nobody for reading');
SELECT results_eq($$ SELECT pg_temp.graders('escalation', '["tokens!user=bob"]') $$, ARRAY['high user o''brien (tokens!user=bob)'], 'who may make a token of somebody who holds more');
SELECT is_empty($$ SELECT pg_temp.graders('escalation', '["read:tokens!user=bob"]') $$, '... not by reading');
SELECT set_eq($$ SELECT pg_temp.added('admin_drift', 'UPDATE hub_test.users SET admin = true WHERE name = ''bob''; UPDATE hub_test.users SET admin = false WHERE name = ''admin''') $$,
    ARRAY['low user admin', 'low user bob'], 'the flag without the role, and the role without the flag');

-- toxic combinations: the golden case, and what is none
CREATE FUNCTION pg_temp.toxic(scopes text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT pg_temp.added('toxic_combination', format('UPDATE hub_test.roles SET scopes = %L WHERE name = ''grader''', scopes)) $$;
SELECT results_eq($$ SELECT pg_temp.toxic('["groups!group=physics", "access:servers!group=physics"]') $$, ARRAY['critical user o''brien (groups!group=physics)'],
    'groups and access to servers of the same group');
SELECT results_eq($$ SELECT pg_temp.toxic('["admin:groups!group=physics", "tokens!group=physics"]') $$, ARRAY['critical user o''brien (groups!group=physics)'], '... by what implies groups, and for tokens');
SELECT results_eq($$ SELECT pg_temp.toxic('["groups!group=physics", "read:users!group=physics"]') $$, ARRAY['medium user o''brien (groups!group=physics)'], '... for reading it is of less weight');
SELECT is_empty($$ SELECT pg_temp.toxic('["groups!group=physics", "access:servers!group=lab one"]') $$, 'of another group it is none');
SELECT is_empty($$ SELECT pg_temp.toxic('["groups!group=physics", "access:servers"]') $$, 'nor where it is unrestricted anyway');
SELECT is_empty($$ SELECT pg_temp.toxic('["groups!group=physics", "access:servers!user=alice"]') $$, 'nor for a user, in the group or not');
SELECT is_empty($$ SELECT pg_temp.toxic('["read:groups!group=physics", "access:servers!group=physics"]') $$, 'nor where the group can only be read');
SELECT results_eq($$ SELECT pg_temp.toxic('["groups", "access:servers!group=physics"]') $$, ARRAY['critical user o''brien (groups!group=physics)'], 'who may put anybody into any group');
SELECT results_eq($$ SELECT pg_temp.added('toxic_combination', $c$ INSERT INTO hub_test.roles (id, name, scopes, managed_by_auth) VALUES (50, 'a', '["groups!group=physics"]', false), (51, 'b', '["access:servers!group=physics"]', false);
    INSERT INTO hub_test.service_role_map VALUES (1, 50, false), (1, 51, false) $c$) $$, ARRAY['critical service announce (groups!group=physics)'], 'the parts may come from several roles');

-- shares
SELECT set_eq($$ SELECT pg_temp.found('expired_share') $$, ARRAY['medium share 4 (bob/) 2024-02-02'], 'an expired share that still counts');
SELECT set_eq($$ SELECT pg_temp.found('open_share') $$, ARRAY['info share 1 (alice/) 2024-02-01', 'info share 2 (alice/lab) 2024-02-01', 'info share 3 (bob/) 2024-02-01'], 'shares without an end');
SELECT set_eq($$ SELECT pg_temp.found('open_share_code') $$, ARRAY['low share code 1 (alice/) 2024-02-01'], 'a code that is open');
SELECT results_eq($$ SELECT pg_temp.added('open_share_code', 'UPDATE hub_test.share_codes SET expires_at = NULL') $$, ARRAY['medium share code 1 (alice/) 2024-02-01'], '... without an end');
SELECT results_eq($$ SELECT pg_temp.added('expired_share', 'UPDATE hub_test.share_codes SET expires_at = ''2024-03-03''') $$, ARRAY['low share code 1 (alice/) 2024-03-03'], '... and past it');
SELECT is((SELECT detail FROM jhub_authz.findings WHERE code = 'open_share_code'), 'Made by "alice", taken 0 times, open until 2999-01-01 00:00 UTC.', 'how often it was taken is told');

-- OAuth codes
SELECT results_eq($$ SELECT pg_temp.found('open_oauth_code') $$, ARRAY['medium oauth code 1 (service-announce)'], 'an OAuth code that is open for years');
SELECT is((SELECT detail FROM jhub_authz.findings WHERE code = 'open_oauth_code'), 'For a token of user "bob", open until 2033-05-18 03:33 UTC.', '... whose, and until when');
SELECT set_eq($$ SELECT pg_temp.added('open_oauth_code', 'INSERT INTO hub_test.oauth_codes (id, client_id, code, expires_at, user_id) VALUES (7, ''jupyterhub-user-alice'', ''x'', extract(epoch FROM now())::int + 300, 9), (8, NULL, ''y'', NULL, NULL)') $$,
    ARRAY['info oauth code 7 (jupyterhub-user-alice)', 'medium oauth code 8'], '... for minutes is how it should be; without an end is not');
SELECT results_eq($$ SELECT pg_temp.added('expired_oauth_code', 'UPDATE hub_test.oauth_codes SET expires_at = 1700000000') $$, ARRAY['low oauth code 1 (service-announce) 2023-11-14'], 'one that is past its end');
SELECT is_empty($$ SELECT f.* FROM jhub_authz.findings f, hub_test.oauth_codes c WHERE strpos(f::text, c.code) > 0 $$, 'never the code itself');

-- stored scopes
SELECT set_eq($$ SELECT pg_temp.added('undefined_scope', 'UPDATE hub_test.roles SET scopes = ''["read:uers", "self", "custom:x:y!user=bob"]'' WHERE name = ''grader''') $$,
    ARRAY['medium role grader (custom:x:y!user=bob)', 'medium role grader (read:uers)'], 'scopes that do not exist');
SELECT results_eq($$ SELECT pg_temp.added('server_without_slash', 'UPDATE hub_test.shares SET scopes = ''["access:servers!server=lab"]'' WHERE id = 1') $$,
    ARRAY['medium share 1 (access:servers!server=lab)'], 'a filter by server without an owner');
SELECT set_eq($$ SELECT pg_temp.added('unreadable_scopes', 'UPDATE hub_test.roles SET scopes = ''{'' WHERE name = ''grader''; UPDATE hub_test.oauth_clients SET allowed_scopes = ''[1]'' WHERE id = 8;
    UPDATE hub_test.shares SET scopes = ''"x'' WHERE id = 1; UPDATE hub_test.share_codes SET scopes = ''x''; INSERT INTO hub_test.roles (id, name, scopes, managed_by_auth) VALUES (60, ''a "b" c'', ''['', false)') $$,
    ARRAY['high role grader', 'high client orphan', 'high share 1', 'high share code 1', 'high role a "b" c'], 'what does not parse, wherever it is, and what it is called');

-- grants that give nothing
SELECT set_has($$ SELECT pg_temp.found('orphaned_grant') $$, $$ VALUES ('low role null (empty role)'), ('low role empty (empty role)'), ('low client orphan (no target)') $$,
    'empty roles, and a client of nothing');
SELECT results_eq($$ SELECT pg_temp.graders('orphaned_grant', '["self", "access:servers!group=gone"]') $$, ARRAY['medium role grader (access:servers!group=gone)'], 'a filter that names nobody');

-- the rest
SELECT set_eq($$ SELECT pg_temp.found('name_twins') $$, $$ SELECT 'low user Alice (Alice, alice) ' || current_date $$, 'names that differ in case alone');
SELECT set_has($$ SELECT DISTINCT split_part(f, ' (', 1) FROM pg_temp.added('self_check', 'ALTER TABLE hub_test.roles DISABLE TRIGGER jhub_authz_note') f $$, $$ VALUES ('critical hub trigger') $$, 'self_check is among them');

-- one bad row of each kind at once, and odd names: the view answers, and says so
UPDATE hub_test.roles SET scopes = '{' WHERE name = 'user';
UPDATE hub_test.shares SET scopes = 'x', expires_at = 'infinity' WHERE id = 1;
UPDATE hub_test.share_codes SET exchange_count = NULL, expires_at = '-infinity';
UPDATE hub_test.users SET last_activity = '-infinity' WHERE id = 9;
UPDATE hub_test.users SET last_activity = 'infinity', created = NULL WHERE id = 10;
UPDATE hub_test.api_tokens SET created = '-infinity' WHERE id = 2;
UPDATE hub_test.api_tokens SET last_activity = 'infinity' WHERE id = 3;
UPDATE hub_test.api_tokens SET created = NULL, last_activity = NULL, client_id = NULL, note = NULL WHERE id = 14;
UPDATE hub_test.api_tokens SET expires_at = 'infinity' WHERE id = 15;
INSERT INTO hub_test.users (id, name, admin, cookie_id) VALUES (99, E'%s "x" \\ \n''$1', NULL, 'odd'), (98, NULL, NULL, 'none');
INSERT INTO hub_test.groups (id, name) VALUES (99, E'%s "x" \\ \n''$1');
-- a scope for the members of a group whose name is too long for the scope groups
UPDATE hub_test.roles SET scopes = format('["groups", "proxy!group=%s"]', repeat('g', 1988)) WHERE name = 'grader';
SELECT lives_ok('SELECT count(*) FROM jhub_authz.findings', 'rows that are odd in every way');
SELECT is((SELECT string_agg(subject || ' ' || length(object), ', ') FROM jhub_authz.findings WHERE code = 'toxic_combination' AND length(object) > 1000), 'o''brien 2001',
    '... one of which nobody could write down');
SELECT isnt_empty($$ SELECT FROM jhub_authz.findings WHERE code = 'unreadable_scopes' AND subject_kind = 'role' AND subject = 'user' $$, '... are told');

DELETE FROM jhub_authz.attachment;
SELECT throws_ok('SELECT * FROM jhub_authz.findings', '55000', NULL, 'no hub, no findings');

SELECT * FROM finish();
ROLLBACK;
