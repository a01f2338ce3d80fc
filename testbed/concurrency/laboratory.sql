-- A small hub for two transactions at a time: every kind of change that the
-- interleavings make meets the tokens of ann.  lab.reset() puts it back as it
-- was, past all triggers, in a few milliseconds.
--
-- Loaded into an empty database after CREATE EXTENSION and hub_schema.sql,
-- whose tables it uses and whose rows it throws away.

CREATE SCHEMA lab;

CREATE FUNCTION lab.population() RETURNS void LANGUAGE plpgsql
    SET session_replication_role = replica
AS $$
BEGIN
    DELETE FROM api_tokens; DELETE FROM shares; DELETE FROM share_codes; DELETE FROM oauth_codes;
    DELETE FROM user_group_map; DELETE FROM user_role_map; DELETE FROM group_role_map;
    DELETE FROM service_role_map; DELETE FROM spawners; DELETE FROM services; DELETE FROM users;
    DELETE FROM groups; DELETE FROM roles; DELETE FROM oauth_clients; DELETE FROM alembic_version;
    DELETE FROM jhub_authz.token_baselines; DELETE FROM jhub_authz.token_events;
    DELETE FROM jhub_authz.pending; DELETE FROM jhub_authz.custom_scopes;

    INSERT INTO alembic_version VALUES ('4621fec11365');
    INSERT INTO jhub_authz.custom_scopes (name, description, subscopes) VALUES
        ('custom:x:aa', 'a', '{}'), ('custom:x:bb', 'b', '{}'), ('custom:x:cc', 'c', '{}');
    INSERT INTO users (id, name, admin, cookie_id) VALUES (1, 'ann', false, 'a'), (2, 'bob', false, 'b'), (3, 'eve', false, 'e');
    INSERT INTO groups (id, name) VALUES (1, 'lab'), (2, 'dept'), (3, 'club'), (4, 'phys');
    INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES
        (1, 'user', '["self"]', false), (4, 'token', '["inherit"]', false),
        (5, 'work', '["read:users:name", "read:users!group=phys", "custom:x:aa", "access:servers!server=bob/lab"]', false),
        (6, 'more', '["list:users", "users:activity"]', false), (7, 'other', '["list:groups", "users:activity"]', false),
        (8, 'lab', '["read:hub"]', false), (9, 'dept', '["proxy"]', false);
    INSERT INTO user_role_map VALUES (1, 1, false), (1, 5, false), (2, 1, false), (3, 1, false);
    INSERT INTO group_role_map VALUES (1, 8, false), (2, 9, false);
    INSERT INTO user_group_map VALUES (1, 3), (3, 4);
    INSERT INTO oauth_clients (id, identifier) VALUES (1, 'jupyterhub'), (2, 'ann'), (3, 'ann-lab'), (4, 'bob-lab'), (5, 'svc');
    INSERT INTO services (id, name, admin, oauth_client_id) VALUES (1, 'svc', false, 'svc');
    INSERT INTO service_role_map VALUES (1, 5, false);
    INSERT INTO spawners (id, user_id, name, oauth_client_id) VALUES (1, 1, '', 'ann'), (2, 1, 'lab', 'ann-lab'), (3, 2, 'lab', 'bob-lab');
    -- 2 asks for more than its owner has; 6 lives by a group that bob may join; 7 is
    -- revoked and 8 could do more, see below
    INSERT INTO api_tokens (id, user_id, service_id, client_id, created, hashed, scopes)
    SELECT id, u, s, client, timestamp '2024-01-01' + id * interval '1 hour', 'h' || id, scopes
      FROM (VALUES (1, 1, NULL::int, 'jupyterhub', '["inherit"]'),
                   (2, 1, NULL, 'jupyterhub', '["list:users", "list:groups", "read:hub", "proxy", "custom:x:aa", "read:users!user=bob", "read:users:name"]'),
                   (3, 1, NULL, 'ann-lab', '["access:servers!server=ann/lab", "read:users:groups!user=ann"]'),
                   (4, NULL, 1, 'jupyterhub', '["inherit"]'),
                   (5, 3, NULL, 'jupyterhub', '["inherit"]'),
                   (6, 1, NULL, 'jupyterhub', '["read:users!group=phys", "access:servers!server=bob/lab"]'),
                   (7, 1, NULL, 'jupyterhub', '["read:users:name", "list:users", "list:groups"]'),
                   (8, 1, NULL, 'jupyterhub', '["read:users:name"]'))
           AS t (id, u, s, client, scopes);
END
$$;

-- What attach says of this population, once; then it is copied.
SELECT lab.population();
UPDATE api_tokens SET scopes = '["inherit"]' WHERE id = 8;
SELECT jhub_authz.attach();
SELECT jhub_authz.set_policy('service', inherit => 'guard');
SELECT jhub_authz.revoke_token(7, 'before it all');
CREATE TABLE lab.revoked AS SELECT id, expires_at FROM api_tokens WHERE id = 7;
CREATE TABLE lab.events AS SELECT * FROM jhub_authz.token_events WHERE action = 'revoked';
CREATE TABLE lab.baselines AS SELECT * FROM jhub_authz.token_baselines;

CREATE FUNCTION lab.reset(mode text) RETURNS void LANGUAGE plpgsql
    SET session_replication_role = replica
AS $$
BEGIN
    PERFORM lab.population();
    UPDATE api_tokens t SET expires_at = r.expires_at FROM lab.revoked r WHERE r.id = t.id;
    INSERT INTO jhub_authz.token_baselines SELECT * FROM lab.baselines;
    INSERT INTO jhub_authz.token_events OVERRIDING SYSTEM VALUE SELECT * FROM lab.events;
    UPDATE jhub_authz.attachment SET mode = reset.mode, pinned_release = NULL;
END
$$;
