-- More users, groups, roles, tokens and shares for the hub of hub_schema.sql, with
-- a past of half a year: something to look at.  psql variable groups: how many.
SET client_min_messages = warning;
SELECT setseed(0.5) \g /dev/null
INSERT INTO users (id, name, admin, created, last_activity, cookie_id)
SELECT 1000 + n, 'student' || n, false, now() AT TIME ZONE 'UTC' - interval '200 days', now() AT TIME ZONE 'UTC' - random() * interval '150 days', 'look' || n
  FROM generate_series(1, :groups * 3) AS n;
INSERT INTO user_role_map (user_id, role_id, managed_by_auth) SELECT id, 1, false FROM users WHERE id > 1000;
INSERT INTO groups (id, name)
SELECT 1000 + n, (ARRAY['physics', 'chemistry', 'biology', 'history', 'linguistics'])[1 + n % 5] || '-' || 100 + n FROM generate_series(1, :groups) AS n;
INSERT INTO user_group_map (user_id, group_id)
SELECT DISTINCT u.id, 1001 + (u.id * k * 7919) % :groups FROM users u, generate_series(1, 3) AS k WHERE u.id > 1000;
INSERT INTO roles (id, name, scopes, managed_by_auth)
SELECT 1000 + n, 'graders-' || n, format('["list:users!group=%1$s", "read:users:activity!group=%1$s", "access:servers!group=%1$s"%2$s]',
       (SELECT g.name FROM groups g WHERE g.id = 1000 + n), CASE WHEN n % 40 = 0 THEN ', "groups!group=' || (SELECT g.name FROM groups g WHERE g.id = 1000 + n) || '"' WHEN n % 7 = 0 THEN ', "read:groups", "servers"' ELSE '' END), false
  FROM generate_series(1, :groups) AS n;
INSERT INTO group_role_map (group_id, role_id, managed_by_auth) SELECT 1000 + n, 1000 + (n * 31) % :groups + 1, false FROM generate_series(1, :groups) AS n;
INSERT INTO api_tokens (id, user_id, client_id, created, expires_at, last_activity, note, prefix, hashed, scopes)
SELECT 1000 + n, 1000 + 1 + (n * 13) % (:groups * 3), 'jupyterhub', now() AT TIME ZONE 'UTC' - random() * interval '180 days',
       CASE WHEN n % 3 > 0 THEN now() AT TIME ZONE 'UTC' + interval '90 days' END, CASE WHEN n % 4 > 0 THEN now() AT TIME ZONE 'UTC' - random() * interval '170 days' END,
       'look', 'abcd', 'look' || n, CASE WHEN n % 2 = 0 THEN '["inherit"]' ELSE '["self", "list:users"]' END
  FROM generate_series(1, :groups * 5) AS n;
SELECT jhub_authz.revoke_token(id, 'lost') FROM api_tokens WHERE id > 1000 AND id % 29 = 0 \g /dev/null
-- half of the memberships came one after the other, and so did the tokens
UPDATE jhub_authz.history_changes SET at = now() - interval '180 days', recorded_at = now() - interval '180 days';
DO $$
DECLARE
    i integer;
    last bigint := (SELECT max(change_id) FROM jhub_authz.history_changes);
BEGIN
    FOR i IN 1 .. 60 LOOP
        INSERT INTO jhub_authz.history_changes (change_id, at, recorded_at, txid, actor, role, application_name, source)
        SELECT last + i, now() - interval '180 days' * (1 - sqrt(i / 61.0)), now(), pg_current_xact_id(), 'hub', 'hub', '', 'change';
        UPDATE jhub_authz.history_user_group_map SET began = last + i WHERE user_id % 122 = i;
        UPDATE jhub_authz.history_users SET began = last + i WHERE id > 1000 AND id % 80 = i;
        UPDATE jhub_authz.history_user_role_map SET began = last + i WHERE user_id > 1000 AND user_id % 80 = i;
    END LOOP;
END $$;
UPDATE jhub_authz.token_events SET at = at - random() * random() * interval '180 days';
