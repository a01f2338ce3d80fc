-- A hub's database without the hub: the tables that JupyterHub 5.x makes
-- (create_all on PostgreSQL: same columns, keys and names), stamped with its
-- alembic revision, with its default roles and its own OAuth client, and a
-- small population with the names and scopes that are found in real hubs.
--
-- psql variables, both optional:
--   hub        the schema, made if it is not there (public)
--   hub_owner  the role that shall own it all (the current one)
--
-- May run within a transaction.  Ids are fixed, tests rest on them.  The clear
-- text of token number N is md5('token' || N).
\if :{?hub}
\else
\set hub public
\endif
\if :{?hub_owner}
\else
SELECT current_user AS hub_owner \gset
\endif

SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS :"hub" AUTHORIZATION :"hub_owner";
GRANT CREATE, USAGE ON SCHEMA :"hub" TO :"hub_owner";
RESET client_min_messages;
SET ROLE :"hub_owner";

CREATE TABLE :"hub".servers (
    id serial CONSTRAINT pk_servers PRIMARY KEY,
    proto varchar(15), ip varchar(255), port integer, base_url varchar(255), cookie_name varchar(255));

CREATE TABLE :"hub".roles (
    id serial CONSTRAINT pk_roles PRIMARY KEY,
    name varchar(255) CONSTRAINT uq_roles_name UNIQUE,
    description varchar(1023), scopes text, managed_by_auth boolean NOT NULL);

CREATE TABLE :"hub".groups (
    id serial CONSTRAINT pk_groups PRIMARY KEY,
    name varchar(255) CONSTRAINT uq_groups_name UNIQUE, properties text);

CREATE TABLE :"hub".users (
    id serial CONSTRAINT pk_users PRIMARY KEY,
    name varchar(255) CONSTRAINT uq_users_name UNIQUE,
    admin boolean, created timestamp, last_activity timestamp,
    cookie_id varchar(255) NOT NULL CONSTRAINT uq_users_cookie_id UNIQUE,
    state text, encrypted_auth_state bytea);

CREATE TABLE :"hub".oauth_clients (
    id serial CONSTRAINT pk_oauth_clients PRIMARY KEY,
    identifier varchar(255) CONSTRAINT uq_oauth_clients_identifier UNIQUE,
    description varchar(1023), secret varchar(255), redirect_uri varchar(1023), allowed_scopes text);

CREATE TABLE :"hub".services (
    id serial CONSTRAINT pk_services PRIMARY KEY,
    name varchar(255) CONSTRAINT uq_services_name UNIQUE,
    admin boolean, url varchar(2047), oauth_client_allowed_scopes text, info text, display boolean,
    oauth_no_confirm boolean, command text, cwd varchar(4095), environment text, "user" varchar(255),
    from_config boolean,
    _server_id integer CONSTRAINT fk_services__server_id_servers REFERENCES :"hub".servers (id) ON DELETE SET NULL,
    pid integer,
    oauth_client_id varchar(255) CONSTRAINT fk_services_oauth_client_id_oauth_clients
        REFERENCES :"hub".oauth_clients (identifier) ON DELETE SET NULL);

CREATE TABLE :"hub".spawners (
    id serial CONSTRAINT pk_spawners PRIMARY KEY,
    user_id integer CONSTRAINT fk_spawners_user_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    server_id integer CONSTRAINT fk_spawners_server_id_servers REFERENCES :"hub".servers (id) ON DELETE SET NULL,
    state text, name varchar(255), started timestamp, last_activity timestamp, user_options text,
    oauth_client_id varchar(255) CONSTRAINT fk_spawners_oauth_client_id_oauth_clients
        REFERENCES :"hub".oauth_clients (identifier) ON DELETE SET NULL);

CREATE TABLE :"hub".user_role_map (
    user_id integer CONSTRAINT fk_user_role_map_user_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    role_id integer CONSTRAINT fk_user_role_map_role_id_roles REFERENCES :"hub".roles (id) ON DELETE CASCADE,
    managed_by_auth boolean NOT NULL, CONSTRAINT pk_user_role_map PRIMARY KEY (user_id, role_id));

CREATE TABLE :"hub".group_role_map (
    group_id integer CONSTRAINT fk_group_role_map_group_id_groups REFERENCES :"hub".groups (id) ON DELETE CASCADE,
    role_id integer CONSTRAINT fk_group_role_map_role_id_roles REFERENCES :"hub".roles (id) ON DELETE CASCADE,
    managed_by_auth boolean NOT NULL, CONSTRAINT pk_group_role_map PRIMARY KEY (group_id, role_id));

CREATE TABLE :"hub".service_role_map (
    service_id integer CONSTRAINT fk_service_role_map_service_id_services
        REFERENCES :"hub".services (id) ON DELETE CASCADE,
    role_id integer CONSTRAINT fk_service_role_map_role_id_roles REFERENCES :"hub".roles (id) ON DELETE CASCADE,
    managed_by_auth boolean NOT NULL, CONSTRAINT pk_service_role_map PRIMARY KEY (service_id, role_id));

CREATE TABLE :"hub".user_group_map (
    user_id integer CONSTRAINT fk_user_group_map_user_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    group_id integer CONSTRAINT fk_user_group_map_group_id_groups REFERENCES :"hub".groups (id) ON DELETE CASCADE,
    CONSTRAINT pk_user_group_map PRIMARY KEY (user_id, group_id));

CREATE TABLE :"hub".api_tokens (
    user_id integer CONSTRAINT fk_api_tokens_user_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    service_id integer CONSTRAINT fk_api_tokens_service_id_services
        REFERENCES :"hub".services (id) ON DELETE CASCADE,
    id serial CONSTRAINT pk_api_tokens PRIMARY KEY,
    hashed varchar(255) CONSTRAINT uq_api_tokens_hashed UNIQUE, prefix varchar(16),
    client_id varchar(255) CONSTRAINT fk_api_tokens_client_id_oauth_clients
        REFERENCES :"hub".oauth_clients (identifier) ON DELETE CASCADE,
    session_id varchar(255), created timestamp, expires_at timestamp, last_activity timestamp,
    note varchar(1023), scopes text);
CREATE INDEX ix_api_tokens_prefix ON :"hub".api_tokens (prefix);

CREATE TABLE :"hub".oauth_codes (
    id serial CONSTRAINT pk_oauth_codes PRIMARY KEY,
    client_id varchar(255) CONSTRAINT fk_oauth_codes_client_id_oauth_clients
        REFERENCES :"hub".oauth_clients (identifier) ON DELETE CASCADE,
    code varchar(36), expires_at integer, redirect_uri varchar(1023), session_id varchar(255),
    user_id integer CONSTRAINT fk_oauth_codes_user_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    scopes text);

CREATE TABLE :"hub".shares (
    user_id integer CONSTRAINT fk_shares_user_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    group_id integer CONSTRAINT fk_shares_group_id_groups REFERENCES :"hub".groups (id) ON DELETE CASCADE,
    id serial CONSTRAINT pk_shares PRIMARY KEY, created_at timestamp NOT NULL, scopes text, expires_at timestamp,
    owner_id integer CONSTRAINT fk_shares_owner_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    spawner_id integer CONSTRAINT fk_shares_spawner_id_spawners REFERENCES :"hub".spawners (id) ON DELETE CASCADE);

CREATE TABLE :"hub".share_codes (
    hashed varchar(255) CONSTRAINT uq_share_codes_hashed UNIQUE, prefix varchar(16),
    exchange_count integer, last_exchanged_at timestamp,
    id serial CONSTRAINT pk_share_codes PRIMARY KEY, created_at timestamp NOT NULL, scopes text, expires_at timestamp,
    owner_id integer CONSTRAINT fk_share_codes_owner_id_users REFERENCES :"hub".users (id) ON DELETE CASCADE,
    spawner_id integer CONSTRAINT fk_share_codes_spawner_id_spawners
        REFERENCES :"hub".spawners (id) ON DELETE CASCADE);
CREATE INDEX ix_share_codes_prefix ON :"hub".share_codes (prefix);

CREATE TABLE :"hub".alembic_version (
    version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO :"hub".alembic_version VALUES ('4621fec11365');

-- Roles: the hub's own four, then one for every kind of filter
INSERT INTO :"hub".roles (id, name, description, scopes, managed_by_auth) VALUES
    (1, 'user', 'Standard user privileges', '["self"]', false),
    (2, 'admin', 'Elevated privileges (can do anything)', '["admin-ui", "admin:users", "admin:servers", "admin:services", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics", "shares"]', false),
    (3, 'server', 'Post activity only', '["users:activity!user", "access:servers!server"]', false),
    (4, 'token', 'Token with same permissions as its owner', '["inherit"]', false),
    (5, 'grader', NULL, '["list:users!group=physics", "read:users:activity!group=physics", "read:groups!group=physics"]', false),
    (6, 'by-user', NULL, '["read:users!user=alice", "tokens!user=o''brien", "read:users:name"]', false),
    (7, 'by-server', NULL, '["access:servers!server=alice/", "servers!server=bob/", "access:servers!user=bob"]', false),
    (8, 'by-service', NULL, '["access:services!service=announce", "read:services!service=sv c!1"]', false),
    (9, 'by-group', NULL, '["admin:groups!group=lab one", "list:groups!group=group!x=y", "access:servers!group=physics"]', false),
    (10, 'self-filters', NULL, '["read:users!user", "access:servers!server", "read:services!service"]', false),
    (11, 'null', 'no scopes at all', NULL, false),
    (12, 'empty', NULL, '[]', false),
    (13, 'odd-names', NULL, '["read:users:name!user=zo\u00eb", "read:users:name!user=trailing ", "read:users:name!user=eq=ual", "read:users:name!user=bang!user", "read:users:name!user=\"quo\"te", "read:users:name!user=back\\slash", "read:users:name!user=per%cent_x"]', false),
    (14, 'culler', NULL, '["list:users", "read:users:activity", "read:servers", "delete:servers"]', false),
    (15, 'sharer', NULL, '["shares!user", "list:users", "list:groups", "read:groups:name"]', true);

INSERT INTO :"hub".groups (id, name, properties) VALUES
    (1, 'physics', '{}'), (2, 'lab one', '{"quota": 3}'), (3, 'group!x=y', '{}'), (4, 'empty', NULL);

INSERT INTO :"hub".users (id, name, admin, created, cookie_id)
SELECT id, name, admin, timestamp '2024-01-01' + id * interval '1 day', md5('cookie' || id)
FROM (VALUES
    (1, 'admin', true), (2, 'o''brien', false), (3, 'bang!user', false), (4, 'eq=ual', false),
    (5, 'per%cent_x', false), (6, U&'zo\00EB', false), (7, 'trailing ', false), (8, 'group', false),
    (9, 'alice', false), (10, 'bob', false), (11, 'Alice', false), (12, '"quo"te', false),
    (13, 'back\slash', false), (14, 'lonely', NULL)) AS u (id, name, admin);

-- everyone has the role user, but for lonely, who has nothing
INSERT INTO :"hub".user_role_map (user_id, role_id, managed_by_auth)
SELECT id, 1, false FROM :"hub".users WHERE name <> 'lonely';
INSERT INTO :"hub".user_role_map (user_id, role_id, managed_by_auth) VALUES
    (1, 2, false), (2, 5, false), (6, 13, false), (9, 6, false), (9, 10, true), (9, 15, false), (10, 11, false);
INSERT INTO :"hub".user_group_map (user_id, group_id) VALUES
    (9, 1), (10, 1), (9, 2), (6, 2), (3, 2), (4, 3), (8, 3);
INSERT INTO :"hub".group_role_map (group_id, role_id, managed_by_auth) VALUES
    (1, 7, false), (2, 9, false), (3, 13, true), (4, 8, false);

INSERT INTO :"hub".oauth_clients (id, identifier, description, secret, redirect_uri, allowed_scopes) VALUES
    (1, 'jupyterhub', 'JupyterHub', '', '', '[]'),
    (2, 'jupyterhub-user-alice', 'Server at /user/alice/', '', '/user/alice/oauth_callback', '["access:servers!server=alice/", "read:users:groups!user=alice"]'),
    (3, 'jupyterhub-user-alice-lab', 'Server at /user/alice/lab/', '', '/user/alice/lab/oauth_callback', '["access:servers!server=alice/lab", "servers!server"]'),
    (4, 'jupyterhub-user-bob', 'Server at /user/bob/', '', '/user/bob/oauth_callback', '["access:servers!server=bob/"]'),
    (5, 'jupyterhub-user-zo%C3%AB', U&'Server at /user/zo\00EB/', '', '', '["access:servers!server=zo\u00eb/"]'),
    (6, 'service-announce', 'announce', '', '/services/announce/oauth_callback', '["access:services!service=announce", "read:users:name!user", "list:users!group=physics"]'),
    (7, 'service-odd', 'odd', '', '', NULL),
    (8, 'orphan', 'neither a server nor a service', '', '', '["inherit"]');

INSERT INTO :"hub".servers (id, proto, ip, port, base_url, cookie_name) VALUES
    (1, 'http', '127.0.0.1', 50001, '/user/alice/', 'c1'), (2, 'http', '127.0.0.1', 50002, '/user/bob/', 'c2');
INSERT INTO :"hub".services (id, name, admin, url, from_config, oauth_client_id) VALUES
    (1, 'announce', false, 'http://127.0.0.1:9999', true, 'service-announce'),
    (2, 'idle-culler', false, NULL, true, NULL),
    (3, 'sv c!1', NULL, NULL, false, 'service-odd'),
    (4, 'boss', true, NULL, true, NULL);
INSERT INTO :"hub".service_role_map (service_id, role_id, managed_by_auth) VALUES
    (1, 8, false), (1, 10, false), (2, 14, false), (3, 12, false), (4, 2, false);
INSERT INTO :"hub".spawners (id, user_id, server_id, name, oauth_client_id) VALUES
    (1, 9, 1, '', 'jupyterhub-user-alice'), (2, 9, NULL, 'lab', 'jupyterhub-user-alice-lab'),
    (3, 10, 2, '', 'jupyterhub-user-bob'), (4, 6, NULL, '', 'jupyterhub-user-zo%C3%AB'),
    (5, 1, NULL, '', NULL), (6, 7, NULL, 'my lab', NULL);

-- share 4 has expired: it counts until the hub purges it
INSERT INTO :"hub".shares (id, owner_id, spawner_id, user_id, group_id, created_at, expires_at, scopes) VALUES
    (1, 9, 1, 10, NULL, '2024-02-01', NULL, '["access:servers!server=alice/"]'),
    (2, 9, 2, NULL, 1, '2024-02-01', NULL, '["access:servers!server=alice/lab", "servers!server=alice/lab"]'),
    (3, 10, 3, 14, NULL, '2024-02-01', NULL, '["access:servers!server=bob/"]'),
    (4, 10, 3, 6, NULL, '2024-02-01', '2024-02-02', '["access:servers!server=bob/"]');
INSERT INTO :"hub".share_codes (id, hashed, prefix, exchange_count, created_at, expires_at, scopes, owner_id, spawner_id) VALUES
    (1, 'sha512:1:00:00', 'abcd', 0, '2024-02-01', '2999-01-01', '["access:servers!server=alice/"]', 9, 1);
INSERT INTO :"hub".oauth_codes (id, client_id, code, expires_at, session_id, user_id, scopes) VALUES
    (1, 'service-announce', 'code-1', 2000000000, 'session-2', 10, '["access:services!service=announce"]');

-- Tokens of every class; 10 has expired, 14 is hashed as the hub hashes tokens that users chose
INSERT INTO :"hub".api_tokens (id, user_id, service_id, client_id, session_id, created, expires_at, note, prefix, hashed, scopes)
SELECT id, user_id, service_id, client_id, session_id, timestamp '2024-03-01' + id * interval '1 hour',
       expires_at::timestamp, note, left(clear, 4),
       format('sha512:%s:%s:%s', rounds, salt, encode(sha512(convert_to(salt || repeat(clear, rounds), 'UTF8')), 'hex')), scopes
FROM (VALUES
    (1, 9, NULL, 'jupyterhub', NULL, NULL, 'inherits', '["inherit"]'),
    (2, 9, NULL, 'jupyterhub', NULL, NULL, 'own servers', '["read:users!user=alice", "access:servers!user=alice"]'),
    (3, 10, NULL, 'jupyterhub', NULL, NULL, '', '["access:servers!group=physics", "read:users:name!user=bob"]'),
    (4, 1, NULL, 'jupyterhub', NULL, NULL, 'admin things', '["admin:users", "list:users"]'),
    (5, 9, NULL, 'jupyterhub', NULL, NULL, 'Server at /user/alice/', '["access:servers!server=alice/", "users:activity!user=alice"]'),
    (6, 9, NULL, 'jupyterhub-user-alice-lab', 'session-1', '2999-01-01', 'OAuth', '["access:servers!server=alice/lab"]'),
    (7, 10, NULL, 'service-announce', 'session-2', '2999-01-01', NULL, '["access:services!service=announce"]'),
    (8, NULL, 2, 'jupyterhub', NULL, NULL, 'generated at startup', '["inherit"]'),
    (9, NULL, 1, 'jupyterhub', NULL, NULL, '', '["read:services!service=announce"]'),
    (10, 9, NULL, 'jupyterhub', NULL, '2024-03-02', 'expired', '["self"]'),
    (11, 2, NULL, 'jupyterhub', NULL, NULL, 'without scopes', NULL),
    (12, 14, NULL, 'jupyterhub', NULL, NULL, 'of one who has nothing', '["access:servers!server=bob/"]'),
    (13, 6, NULL, 'jupyterhub', NULL, '2999-01-01', U&'zo\00EB', '["read:users:name!user=zo\u00eb", "self"]'),
    (14, 10, NULL, 'jupyterhub', NULL, NULL, 'chosen', '[]'),
    (15, 9, NULL, 'jupyterhub-user-alice', 'session-3', NULL, 'OAuth', '["access:servers!server=alice/", "read:users:groups!user=alice"]'))
    AS t (id, user_id, service_id, client_id, session_id, expires_at, note, scopes),
    LATERAL (SELECT md5('token' || id), lpad(id::text, 16, '0'), CASE id WHEN 14 THEN 16384 ELSE 1 END)
    AS h (clear, salt, rounds);

SELECT FROM (VALUES ('roles', 15), ('groups', 4), ('users', 14), ('oauth_clients', 8), ('servers', 2), ('services', 4),
    ('spawners', 6), ('shares', 4), ('share_codes', 1), ('oauth_codes', 1), ('api_tokens', 15)) AS s (name, last),
    LATERAL setval(format('%I.%I', :'hub', name || '_id_seq')::regclass, last) \g /dev/null

RESET ROLE;
