-- More of a hub, at random: to be read after hub_schema.sql, in the same schema.
-- Users, groups, roles with every kind of scope and filter, shares and tokens;
-- some filters name nobody, some scopes are undefined, a few rows do not parse.
--
-- psql variables: seed (a number; printed by the tests that use it), hub as in
-- hub_schema.sql.
\if :{?hub}
\else
\set hub public
\endif
SELECT setseed((:seed % 100000) / 100000.0) \g /dev/null
CREATE FUNCTION pg_temp.pick(choices text[]) RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT choices[1 + floor(random() * cardinality(choices))::int] $$;
CREATE FUNCTION pg_temp.random_scope() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    base text := pg_temp.pick('{self,inherit,admin:users,users,list:users,read:users,read:users:name,read:users:groups,tokens,read:tokens,admin:servers,servers,read:servers,delete:servers,access:servers,admin:groups,groups,list:groups,read:groups,read:services,access:services,shares,read:shares,users:shares,groups:shares,read:hub,custom:thing:read,read:uers}');
    owner text := 'r' || floor(random() * 70)::int;
BEGIN
    IF base IN ('self', 'inherit') THEN
        RETURN CASE WHEN random() < 0.7 THEN 'self' ELSE base END;
    END IF;
    RETURN base || CASE floor(random() * 10)::int
        WHEN 0 THEN '' WHEN 1 THEN '!user' WHEN 2 THEN '!user=' || owner WHEN 3 THEN '!user=' || owner
        WHEN 4 THEN '!group=rg' || floor(random() * 12)::int WHEN 5 THEN '!group=rg' || floor(random() * 12)::int
        WHEN 6 THEN '!server=' || owner || '/' || pg_temp.pick('{"",lab}') WHEN 7 THEN '!service=rs' || floor(random() * 5)::int
        WHEN 8 THEN '!server' ELSE '!service' END;
END $$;
CREATE FUNCTION pg_temp.random_scopes(most integer) RETURNS text LANGUAGE sql VOLATILE AS
    $$ SELECT coalesce(json_agg(pg_temp.random_scope()), '[]')::text FROM generate_series(1, floor(random() * (most + 1))::int) $$;

INSERT INTO :"hub".users (id, name, admin, created, cookie_id)
SELECT 1000 + i, 'r' || i, false, '2024-01-01', 'rc' || i FROM generate_series(0, 59) i;
INSERT INTO :"hub".groups (id, name) SELECT 1000 + i, 'rg' || i FROM generate_series(0, 9) i;
INSERT INTO :"hub".roles (id, name, scopes, managed_by_auth)
SELECT 1000 + i, 'rr' || i, CASE WHEN i = 7 THEN '["read:users' WHEN i = 8 THEN NULL
       WHEN i = 9 THEN '["read:users!user", "two words", "users!user=", "servers!group=rg1"]' ELSE pg_temp.random_scopes(4) END, false FROM generate_series(0, 24) i;
INSERT INTO :"hub".oauth_clients (id, identifier, allowed_scopes) SELECT 1000 + i, 'rc' || i, '[]' FROM generate_series(0, 29) i;
INSERT INTO :"hub".services (id, name, oauth_client_id) SELECT 1000 + i, 'rs' || i, 'rc' || i FROM generate_series(0, 3) i;
INSERT INTO :"hub".spawners (id, user_id, name, oauth_client_id)
SELECT 1000 + i, 1000 + i, '', 'rc' || i + 4 FROM generate_series(0, 19) i
UNION ALL SELECT 1100 + i, 1000 + i, 'lab', CASE WHEN i < 6 THEN 'rc' || i + 24 END FROM generate_series(0, 9) i;
INSERT INTO :"hub".user_role_map (user_id, role_id, managed_by_auth)
SELECT DISTINCT u.id, CASE WHEN random() < 0.3 THEN 1 ELSE 1000 + floor(random() * 25)::int END, false
  FROM :"hub".users u, generate_series(1, 2) WHERE u.id >= 1000;
-- somebody has the role that does not parse, whatever the seed
INSERT INTO :"hub".user_role_map (user_id, role_id, managed_by_auth) VALUES (1000, 1007, false) ON CONFLICT DO NOTHING;
INSERT INTO :"hub".group_role_map (group_id, role_id, managed_by_auth)
SELECT DISTINCT 1000 + floor(random() * 10)::int, 1000 + floor(random() * 25)::int, false FROM generate_series(1, 14);
INSERT INTO :"hub".service_role_map (service_id, role_id, managed_by_auth)
SELECT DISTINCT 1000 + floor(random() * 4)::int, 1000 + floor(random() * 25)::int, false FROM generate_series(1, 7);
INSERT INTO :"hub".user_group_map (user_id, group_id)
SELECT DISTINCT 1000 + floor(random() * 60)::int, 1000 + floor(random() * 10)::int FROM generate_series(1, 70);
INSERT INTO :"hub".shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
SELECT 1000 + i, s.user_id, s.id, CASE WHEN i % 2 = 0 THEN 1000 + floor(random() * 60)::int END,
       CASE WHEN i % 2 = 1 THEN 1000 + floor(random() * 10)::int END, '2024-02-01',
       CASE WHEN i = 9 THEN 'no json' WHEN i % 5 = 0 THEN pg_temp.random_scopes(2)
            ELSE json_build_array(pg_temp.pick('{access:servers,servers,read:servers}') || '!server=' || u.name || '/' || s.name)::text END
  FROM generate_series(1, 25) i, LATERAL (SELECT * FROM :"hub".spawners WHERE id >= 1000 AND i > 0 ORDER BY random() LIMIT 1) s
  JOIN :"hub".users u ON u.id = s.user_id;
INSERT INTO :"hub".api_tokens (id, user_id, service_id, client_id, created, expires_at, prefix, hashed, note, scopes)
SELECT 1000 + i, CASE WHEN i % 10 < 8 THEN 1000 + floor(random() * 60)::int END, CASE WHEN i % 10 = 8 THEN 1000 + floor(random() * 4)::int END,
       CASE WHEN random() < 0.5 THEN 'jupyterhub' ELSE 'rc' || floor(random() * 30)::int END, '2024-03-01',
       CASE WHEN i % 13 = 0 THEN timestamp '2024-04-01' WHEN i % 5 = 0 THEN timestamp '2999-01-01' END, 'r', 'rh' || i, '',
       CASE WHEN i = 17 THEN '["x' WHEN i = 19 THEN '["read:users!user", "two words", "users!user="]' WHEN i % 4 = 0 THEN '["inherit"]' ELSE pg_temp.random_scopes(4) END
  FROM generate_series(1, 120) i;
