-- Nothing of a previewed change remains, nor of what was decided about it.
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
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- every row of every table, ours and the hub's, and what the views answer
CREATE FUNCTION pg_temp.everything(kinds text DEFAULT 'rv') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    rel regclass; one text; answer text := '';
BEGIN
    FOR rel IN SELECT c.oid::regclass FROM pg_class c
                WHERE strpos(kinds, c.relkind::text) > 0 AND c.relnamespace IN ('public'::regnamespace, 'jhub_authz'::regnamespace)
                  AND c.oid NOT IN (SELECT objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                                     WHERE d.classid = 'pg_class'::regclass AND e.extname = 'pgtap')
                ORDER BY c.relname
    LOOP
        EXECUTE format('SELECT md5(string_agg(x::text, chr(10) ORDER BY x::text)) FROM %s x', rel) INTO one;
        answer := answer || rel || ' ' || coalesce(one, '-') || chr(10);
    END LOOP;
    RETURN answer;
END $$;
CREATE FUNCTION pg_temp.answers() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws('; ', (SELECT string_agg(name || value, ',' ORDER BY name) FROM jhub_authz.options),
                     (SELECT string_agg(p::text, ',' ORDER BY target) FROM jhub_authz.token_policies p),
                     (SELECT mode || hub_release || hub_release_certain FROM jhub_authz.status),
                     (SELECT count(*) FROM jhub_authz.scope_definitions),
                     jhub_authz.expand('["self", "custom:aaa"]', 'user', 'alice'))
$$;
SELECT pg_temp.answers() AS answers \gset
-- views, which rest on the tables, are not asked in a hard build
\if :{?few}
\set kinds r
\else
\set kinds rv
\endif
SELECT pg_temp.everything(:'kinds') AS everything \gset

-- each of these leaves everything as it was
CREATE TEMPORARY TABLE changes (what text, change text);
INSERT INTO changes VALUES
    ('a role that makes tokens grow', 'INSERT INTO user_role_map SELECT id, 2, false FROM users WHERE id > 1'),
    ('several statements', 'UPDATE roles SET scopes = ''["list:users"]'' WHERE id = 1; DELETE FROM user_group_map; DROP TABLE shares'),
    ('a token', 'INSERT INTO api_tokens (user_id, client_id, created, prefix, hashed, scopes) VALUES (9, ''jupyterhub'', now(), ''x'', ''x'', ''["self", "admin:users"]'')'),
    ('one with its clear text', 'SELECT * FROM jhub_authz.issue_token(''user'', ''alice'')'),
    ('a revocation', 'SELECT jhub_authz.revoke_all(''user'', ''alice'', ''x'', true)'),
    ('a reinstatement', 'SELECT jhub_authz.revoke_token(1, ''x''); SELECT jhub_authz.reinstate_token(1, ''y'')'),
    ('an option', 'SELECT jhub_authz.set_option(''undefined_scopes'', ''refuse''); SELECT jhub_authz.set_option(''notify'', ''on''); INSERT INTO user_role_map VALUES (10, 2, false)'),
    ('a policy', 'SELECT jhub_authz.set_policy(''user'', on_growth => ''log'', inherit => ''follow''); INSERT INTO user_role_map VALUES (10, 2, false)'),
    ('a mode', 'SELECT jhub_authz.set_mode(''observe''); INSERT INTO user_role_map VALUES (10, 2, false)'),
    ('no mode', 'SELECT jhub_authz.set_mode(''off'')'),
    ('custom scopes', 'SELECT jhub_authz.define_scopes(''{"custom:aaa": {"description": "a", "subscopes": ["custom:bbb"]}, "custom:bbb": {"description": "b"}}''); INSERT INTO roles VALUES (99, ''a'', '''', ''["custom:aaa"]'', false); INSERT INTO user_role_map VALUES (10, 99, false)'),
    ('another release', 'SELECT jhub_authz.use_hub_release(''3.0''); SELECT count(*) FROM jhub_authz.scope_definitions'),
    ('a migration', 'UPDATE alembic_version SET version_num = ''651f5419b74d''; ALTER TABLE api_tokens RENAME COLUMN note TO notes; ALTER TABLE api_tokens ADD x integer; UPDATE api_tokens SET scopes = ''["self"]'' WHERE id = 1'),
    ('a rename', 'UPDATE users SET name = ''alicia'' WHERE id = 9; UPDATE groups SET name = ''chemistry'' WHERE id = 1'),
    ('TRUNCATE', 'TRUNCATE users, api_tokens CASCADE'),
    ('detach', 'SELECT jhub_authz.detach()'),
    ('pruning', 'SELECT jhub_authz.prune_events(''0'')'),
    ('the whole extension', 'DROP EXTENSION jhub_authz CASCADE'),
    ('settings of the session', 'SET search_path = pg_temp; SET ROLE pg_read_all_data; LISTEN jhub_authz; SET work_mem = ''64kB'''),
    ('cursors', 'DECLARE c CURSOR WITH HOLD FOR SELECT * FROM users; FETCH c; DECLARE d CURSOR FOR SELECT 1');
\if :{?few}
DELETE FROM changes WHERE length(what) % 3 <> 0 AND what NOT IN ('settings of the session', 'cursors', 'custom scopes', 'a policy');
\endif
SELECT plan(2 * (SELECT count(*)::int FROM changes) + 22);
SELECT lives_ok(format('SELECT * FROM jhub_authz.preview(%L)', change), what || ' is previewed') FROM changes;
SELECT is(pg_temp.everything(:'kinds'), :'everything', what || ': not a row remains')
  FROM changes, LATERAL (SELECT count(*) FROM jhub_authz.preview(change)) p;
SELECT is(pg_temp.answers(), :'answers', 'what is asked afterwards is answered as before');
SELECT is(current_setting('search_path') || current_user, 'public, jhub_authz' || session_user, 'the session is as it was');
SELECT is((SELECT count(*)::int FROM pg_listening_channels()), 0, '... and listens to nothing');
SELECT is((SELECT count(*)::int FROM pg_cursors WHERE name IN ('c', 'd')), 0, '... and has no cursor more');

-- an answer that was cached within the change is not served after it
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('SELECT jhub_authz.set_policy(''user'', on_growth => ''log''); INSERT INTO user_role_map VALUES (10, 2, false)') WHERE token_id = 3 $$,
                  $$ VALUES (3, 'would_revoke') $$, 'with another policy');
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (10, 2, false)') WHERE token_id = 3 $$,
                  $$ VALUES (3, 'revoked') $$, '... and without it again');

-- what fails leaves as little, and comes out as it is
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('INSERT INTO user_role_map VALUES (9, 14, false); SELECT 1/0') $$, '22012', 'division by zero', 'an error of the change');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('SELECT 1; SELEC 2') $$, '42601', NULL, '... of its text');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('BEGIN') $$, '0A000', NULL, 'BEGIN is refused');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('DELETE FROM user_role_map; COMMIT') $$, '0A000', NULL, '... and COMMIT');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('SAVEPOINT a; ROLLBACK TO a') $$, '0A000', NULL, '... and savepoints');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('DO ''BEGIN COMMIT; END''') $$, '2D000', NULL, '... and COMMIT within');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('COPY users FROM STDIN') $$, '0A000', NULL, '... and COPY FROM STDIN');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('VACUUM users') $$, '25001', NULL, '... and what cannot run in a function');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('SELECT * FROM jhub_authz.preview(''SELECT 1'')') $$, '0A000', NULL, '... and another preview');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview(NULL) $$, '22004', NULL, 'there is no change NULL');
SELECT lives_ok($$ SELECT * FROM jhub_authz.preview('') $$, 'an empty one is one');
SELECT is(pg_temp.everything(:'kinds'), :'everything', 'and after all of that, not a row');

-- what was noted before is decided for it and is open again after it
INSERT INTO user_role_map VALUES (9, 14, false);
SELECT results_eq($$ SELECT token_id, action FROM jhub_authz.preview('DELETE FROM api_tokens WHERE id = 4') $$, $$ VALUES (1, 'revoked') $$,
                  'what the transaction did before would be decided too');
SELECT ok((SELECT expires_at IS NULL FROM api_tokens WHERE id = 1) AND EXISTS (SELECT FROM jhub_authz.pending), '... is not yet decided');
SELECT throws_ok($$ SELECT * FROM jhub_authz.preview('SELECT 1/0') $$, '22012', NULL, '... nor by one that fails');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT ok((SELECT expires_at < now() FROM api_tokens WHERE id = 1) AND NOT EXISTS (SELECT FROM jhub_authz.pending), '... and is at the end');

SELECT * FROM finish();
ROLLBACK;
