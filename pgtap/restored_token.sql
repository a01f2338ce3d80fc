-- A token that our records know and that is inserted again, as a restore of data
-- into tables with triggers does, comes back as it was, whatever its owner holds
-- at that moment; and it cannot come back as more than it was.
BEGIN;
SELECT plan(10);
\ir ../testbed/hub_schema.sql
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;

CREATE TEMP TABLE was AS SELECT * FROM api_tokens;
CREATE TEMP TABLE held AS SELECT * FROM user_role_map;
CREATE TEMP TABLE records AS SELECT * FROM jhub_authz.token_baselines;
SELECT max(event_id) AS last FROM jhub_authz.token_events \gset

-- what a restore finds: our tables are there, the hub's are not.  Then tokens
-- come, when of their owner's grants only those through a group are there.
SELECT jhub_authz.set_mode('off') \g /dev/null
DELETE FROM api_tokens;
DELETE FROM user_role_map;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
INSERT INTO api_tokens SELECT * FROM was ORDER BY id;
SELECT set_eq('SELECT * FROM api_tokens', 'SELECT * FROM was', 'no token is cut');
SELECT is_empty(format('SELECT * FROM jhub_authz.token_events WHERE event_id > %s AND action <> ''policy''', :last), 'nothing is said of them');
INSERT INTO user_role_map SELECT * FROM held;
SELECT set_eq('SELECT * FROM api_tokens', 'SELECT * FROM was', 'nor is one revoked when its owner''s grants are there again');
SELECT set_eq('SELECT token_id, baseline::text FROM jhub_authz.token_baselines', 'SELECT token_id, baseline::text FROM records', 'baselines stand');

-- also one with scopes that no catalogue holds
SELECT jhub_authz.set_mode('off') \g /dev/null
UPDATE api_tokens SET scopes = '["no:such:scope", "list:users"]' WHERE id = 2;
CREATE TEMP TABLE odd AS SELECT * FROM api_tokens WHERE id = 2;
DELETE FROM api_tokens WHERE id = 2;
SELECT jhub_authz.set_mode('enforce') \g /dev/null
SELECT lives_ok('INSERT INTO api_tokens SELECT * FROM odd', 'undefined scopes come back too');
SELECT ok(jhub_authz.token_scopes(2) OPERATOR(jhub_authz.<@) (SELECT baseline FROM jhub_authz.token_baselines WHERE token_id = 2),
    'and it can do no more than its baseline');

-- one that comes back as more is beyond its baseline; another with its id is an issue
DELETE FROM api_tokens WHERE id = 2;
INSERT INTO jhub_authz.token_baselines SELECT * FROM records WHERE token_id = 2;
UPDATE was SET scopes = '["inherit"]' WHERE id = 2;
INSERT INTO api_tokens SELECT * FROM was WHERE id = 2;
SELECT ok((SELECT expires_at < now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = 2), 'with more scopes it is revoked');
DELETE FROM api_tokens WHERE id = 2;
UPDATE was SET created = created + interval '1 second', scopes = '["admin:users"]' WHERE id = 2;
INSERT INTO api_tokens SELECT * FROM was WHERE id = 2;
SELECT isnt((SELECT scopes FROM api_tokens WHERE id = 2), '["admin:users"]', 'another token with its id is narrowed');
-- one that had expired comes back as it was; revived, it is cut to what is held
INSERT INTO api_tokens (id, user_id, client_id, hashed, created, expires_at, scopes)
VALUES (110, 9, 'jupyterhub', 'sha512:1:110:00', '2024-03-01', '2024-03-02', '["admin:users", "read:users!user=alice"]');
UPDATE api_tokens SET expires_at = NULL WHERE id = 110;
SELECT isnt((SELECT scopes FROM api_tokens WHERE id = 110), '["admin:users", "read:users!user=alice"]', 'an expired one is narrowed when it is revived');
SELECT is_empty('SELECT * FROM jhub_authz.pending', 'nothing is pending');
SELECT * FROM finish();
ROLLBACK;
