-- A large hub: after testbed/hub_schema.sql, in schema public.
-- psql variables: users, tokens, groups (numbers); seed.
SELECT setseed((:seed % 1000) / 1000.0) \g /dev/null
SET synchronous_commit = off;
INSERT INTO public.users (id, name, admin, created, cookie_id)
SELECT 100 + i, 'user-' || i, i % 20000 = 0, '2024-01-01', 'cookie' || i FROM generate_series(1, :users) i;
INSERT INTO public.groups (id, name) SELECT 100 + i, 'group-' || i FROM generate_series(1, :groups) i;
INSERT INTO public.oauth_clients (id, identifier, allowed_scopes)
SELECT 100 + i, 'jupyterhub-user-user-' || i, '["access:servers!server=user-' || i || '/"]' FROM generate_series(1, :users) i;
INSERT INTO public.spawners (id, user_id, name, oauth_client_id) SELECT 100 + i, 100 + i, '', 'jupyterhub-user-user-' || i FROM generate_series(1, :users) i;
-- roles: the group's instructors, the group's members, a few for all
INSERT INTO public.roles (id, name, scopes, managed_by_auth)
SELECT 1000 + i, 'instructor-' || i, format('["list:users!group=group-%1$s", "admin:servers!group=group-%1$s", "read:groups!group=group-%1$s"]', i), true FROM generate_series(1, :groups / 2) i
UNION ALL SELECT 100000 + i, 'member-' || i, format('["read:groups!group=group-%1$s", "read:users:name!group=group-%1$s"]', i), true FROM generate_series(1, :groups / 4) i
UNION ALL SELECT 200000, 'helpdesk', '["list:users", "read:users", "read:servers", "delete:servers"]', false;
INSERT INTO public.user_role_map (user_id, role_id, managed_by_auth)
SELECT 100 + i, 1, false FROM generate_series(1, :users) i
UNION ALL SELECT 100 + i, 2, false FROM generate_series(20000, :users, 20000) i
UNION ALL SELECT 100 + i, 200000, false FROM generate_series(7, :users, 2500) i
UNION ALL SELECT DISTINCT 100 + 1 + floor(random() * (:users - 1))::int, 1000 + i, true FROM generate_series(1, :groups / 2) i, generate_series(1, 2);
INSERT INTO public.group_role_map (group_id, role_id, managed_by_auth) SELECT 100 + i, 100000 + i, true FROM generate_series(1, :groups / 4) i;
INSERT INTO public.user_group_map (user_id, group_id)
SELECT DISTINCT 100 + i, 100 + 1 + floor(random() * (:groups - 1))::int FROM generate_series(1, :users) i, generate_series(1, 3);
INSERT INTO public.shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 100 + i, s.user_id, s.id, CASE WHEN i % 4 > 0 THEN 100 + 1 + floor(random() * (:users - 1))::int END, CASE WHEN i % 4 = 0 THEN 100 + 1 + i % :groups END,
       '2024-02-01', '["access:servers!server=user-' || s.id - 100 || '/"]'
  FROM generate_series(1, :users / 20) i JOIN public.spawners s ON s.id = 100 + i * 17 % :users + 1;
-- tokens: of servers, of single-user servers' logins, made by hand; one in five inherits
INSERT INTO public.api_tokens (id, user_id, client_id, created, expires_at, last_activity, prefix, hashed, note, scopes)
SELECT 100 + i, 100 + u, CASE i % 10 WHEN 4 THEN 'jupyterhub-user-user-' || u WHEN 5 THEN 'jupyterhub-user-user-' || u WHEN 6 THEN 'jupyterhub-user-user-' || u ELSE 'jupyterhub' END,
       timestamp '2024-03-01' + i * interval '1 second', CASE WHEN i % 10 IN (5, 6) THEN timestamp '2999-01-01' END, CASE WHEN i % 3 > 0 THEN timestamp '2024-06-01' + i * interval '1 second' END,
       substr(md5(i::text), 1, 4), 'hash' || i, CASE WHEN i % 10 < 4 THEN 'Server at /user/user-' || u || '/' ELSE '' END,
       CASE WHEN i % 10 < 4 THEN format('["access:servers!server=user-%1$s/", "users:activity!user=user-%1$s"]', u)
            WHEN i % 10 < 7 THEN format('["access:servers!server=user-%s/"]', u)
            WHEN i % 10 < 9 THEN '["inherit"]' ELSE '["read:users!user", "servers!user"]' END
  FROM generate_series(1, :tokens) i, LATERAL (SELECT 1 + (i * 7919::bigint % :users)::int AS u) x;
ANALYZE;
