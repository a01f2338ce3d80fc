-- The past of what permissions rest on.  A version of a row is kept with the
-- numbers of the changes that began and ended it; no column holds a secret.
-- None of these tables has a unique key over versions, which a restore of rows
-- alone into a hub that is attached could run into.

CREATE TABLE jhub_authz.history_changes (
    change_id bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL,
    txid xid8 NOT NULL,
    actor name NOT NULL,
    role name NOT NULL,
    application_name text NOT NULL,
    source text NOT NULL CHECK (source OPERATOR(pg_catalog.=) ANY (ARRAY['change', 'replication', 'attach', 'detach', 'prune'])),
    kept_from timestamptz
);
COMMENT ON TABLE jhub_authz.history_changes IS 'who changed what permissions rest on, and when; what was changed is in the other tables history_...';
COMMENT ON COLUMN jhub_authz.history_changes.change_id IS 'number of the change, which began and ended name';
COMMENT ON COLUMN jhub_authz.history_changes.at IS 'when the transaction committed; through replication: over there';
COMMENT ON COLUMN jhub_authz.history_changes.recorded_at IS 'when it was recorded here';
COMMENT ON COLUMN jhub_authz.history_changes.txid IS 'transaction that made or brought the change';
COMMENT ON COLUMN jhub_authz.history_changes.actor IS 'session user of the statement; through the hub: the hub''s role; through replication: the subscription''s owner';
COMMENT ON COLUMN jhub_authz.history_changes.role IS 'current role at that statement';
COMMENT ON COLUMN jhub_authz.history_changes.application_name IS 'application_name of that session';
COMMENT ON COLUMN jhub_authz.history_changes.source IS 'change, replication, attach, detach or prune';
COMMENT ON COLUMN jhub_authz.history_changes.kept_from IS 'of a prune: the past is kept from then on';
CREATE INDEX history_changes_by_time ON jhub_authz.history_changes (at);
CREATE INDEX history_changes_prunes ON jhub_authz.history_changes (kept_from) WHERE kept_from IS NOT NULL;
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_changes', '');

CREATE TABLE jhub_authz.history_users (
    id integer NOT NULL,
    name text,
    admin boolean,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_users IS 'the past of the hub''s users';
COMMENT ON COLUMN jhub_authz.history_users.id IS 'the user''s id';
COMMENT ON COLUMN jhub_authz.history_users.name IS 'name of the user';
COMMENT ON COLUMN jhub_authz.history_users.admin IS 'the hub''s admin flag';
COMMENT ON COLUMN jhub_authz.history_users.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_users.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_users_by_key ON jhub_authz.history_users (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_users', '');

CREATE TABLE jhub_authz.history_groups (
    id integer NOT NULL,
    name text,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_groups IS 'the past of the hub''s groups';
COMMENT ON COLUMN jhub_authz.history_groups.id IS 'the group''s id';
COMMENT ON COLUMN jhub_authz.history_groups.name IS 'name of the group';
COMMENT ON COLUMN jhub_authz.history_groups.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_groups.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_groups_by_key ON jhub_authz.history_groups (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_groups', '');

CREATE TABLE jhub_authz.history_services (
    id integer NOT NULL,
    name text,
    admin boolean,
    oauth_client_id text,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_services IS 'the past of the hub''s services';
COMMENT ON COLUMN jhub_authz.history_services.id IS 'the service''s id';
COMMENT ON COLUMN jhub_authz.history_services.name IS 'name of the service';
COMMENT ON COLUMN jhub_authz.history_services.admin IS 'the hub''s admin flag';
COMMENT ON COLUMN jhub_authz.history_services.oauth_client_id IS 'its OAuth client';
COMMENT ON COLUMN jhub_authz.history_services.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_services.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_services_by_key ON jhub_authz.history_services (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_services', '');

CREATE TABLE jhub_authz.history_roles (
    id integer NOT NULL,
    name text,
    scopes text,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_roles IS 'the past of the hub''s roles';
COMMENT ON COLUMN jhub_authz.history_roles.id IS 'the role''s id';
COMMENT ON COLUMN jhub_authz.history_roles.name IS 'name of the role';
COMMENT ON COLUMN jhub_authz.history_roles.scopes IS 'its scopes, as the hub stored them';
COMMENT ON COLUMN jhub_authz.history_roles.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_roles.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_roles_by_key ON jhub_authz.history_roles (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_roles', '');

CREATE TABLE jhub_authz.history_user_role_map (
    user_id integer NOT NULL,
    role_id integer NOT NULL,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_user_role_map IS 'the past of the hub''s user_role_map';
COMMENT ON COLUMN jhub_authz.history_user_role_map.user_id IS 'a user';
COMMENT ON COLUMN jhub_authz.history_user_role_map.role_id IS 'a role that the user had';
COMMENT ON COLUMN jhub_authz.history_user_role_map.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_user_role_map.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_user_role_map_by_key ON jhub_authz.history_user_role_map (user_id, role_id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_user_role_map', '');

CREATE TABLE jhub_authz.history_group_role_map (
    group_id integer NOT NULL,
    role_id integer NOT NULL,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_group_role_map IS 'the past of the hub''s group_role_map';
COMMENT ON COLUMN jhub_authz.history_group_role_map.group_id IS 'a group';
COMMENT ON COLUMN jhub_authz.history_group_role_map.role_id IS 'a role that the group had';
COMMENT ON COLUMN jhub_authz.history_group_role_map.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_group_role_map.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_group_role_map_by_key ON jhub_authz.history_group_role_map (group_id, role_id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_group_role_map', '');

CREATE TABLE jhub_authz.history_service_role_map (
    service_id integer NOT NULL,
    role_id integer NOT NULL,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_service_role_map IS 'the past of the hub''s service_role_map';
COMMENT ON COLUMN jhub_authz.history_service_role_map.service_id IS 'a service';
COMMENT ON COLUMN jhub_authz.history_service_role_map.role_id IS 'a role that the service had';
COMMENT ON COLUMN jhub_authz.history_service_role_map.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_service_role_map.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_service_role_map_by_key ON jhub_authz.history_service_role_map (service_id, role_id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_service_role_map', '');

CREATE TABLE jhub_authz.history_user_group_map (
    user_id integer NOT NULL,
    group_id integer NOT NULL,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_user_group_map IS 'the past of the hub''s user_group_map';
COMMENT ON COLUMN jhub_authz.history_user_group_map.user_id IS 'a user';
COMMENT ON COLUMN jhub_authz.history_user_group_map.group_id IS 'a group that the user was in';
COMMENT ON COLUMN jhub_authz.history_user_group_map.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_user_group_map.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_user_group_map_by_key ON jhub_authz.history_user_group_map (user_id, group_id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_user_group_map', '');

CREATE TABLE jhub_authz.history_spawners (
    id integer NOT NULL,
    user_id integer,
    name text,
    oauth_client_id text,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_spawners IS 'the past of the hub''s spawners';
COMMENT ON COLUMN jhub_authz.history_spawners.id IS 'the server''s id';
COMMENT ON COLUMN jhub_authz.history_spawners.user_id IS 'the user it belongs to';
COMMENT ON COLUMN jhub_authz.history_spawners.name IS 'name of the server';
COMMENT ON COLUMN jhub_authz.history_spawners.oauth_client_id IS 'its OAuth client';
COMMENT ON COLUMN jhub_authz.history_spawners.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_spawners.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_spawners_by_key ON jhub_authz.history_spawners (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_spawners', '');

CREATE TABLE jhub_authz.history_oauth_clients (
    id integer NOT NULL,
    identifier text,
    allowed_scopes text,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_oauth_clients IS 'the past of the hub''s oauth_clients';
COMMENT ON COLUMN jhub_authz.history_oauth_clients.id IS 'the client''s id';
COMMENT ON COLUMN jhub_authz.history_oauth_clients.identifier IS 'name of the client';
COMMENT ON COLUMN jhub_authz.history_oauth_clients.allowed_scopes IS 'scopes it may ask for, as the hub stored them';
COMMENT ON COLUMN jhub_authz.history_oauth_clients.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_oauth_clients.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_oauth_clients_by_key ON jhub_authz.history_oauth_clients (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_oauth_clients', '');

CREATE TABLE jhub_authz.history_shares (
    id integer NOT NULL,
    owner_id integer,
    spawner_id integer,
    user_id integer,
    group_id integer,
    scopes text,
    expires_at timestamp,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_shares IS 'the past of the hub''s shares';
COMMENT ON COLUMN jhub_authz.history_shares.id IS 'the share''s id';
COMMENT ON COLUMN jhub_authz.history_shares.owner_id IS 'the user who shared';
COMMENT ON COLUMN jhub_authz.history_shares.spawner_id IS 'the server that was shared';
COMMENT ON COLUMN jhub_authz.history_shares.user_id IS 'the user it was shared with';
COMMENT ON COLUMN jhub_authz.history_shares.group_id IS 'the group it was shared with';
COMMENT ON COLUMN jhub_authz.history_shares.scopes IS 'its scopes, as the hub stored them';
COMMENT ON COLUMN jhub_authz.history_shares.expires_at IS 'when it was to end';
COMMENT ON COLUMN jhub_authz.history_shares.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_shares.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_shares_by_key ON jhub_authz.history_shares (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_shares', '');

CREATE TABLE jhub_authz.history_api_tokens (
    id integer NOT NULL,
    user_id integer,
    service_id integer,
    client_id text,
    note text,
    prefix text,
    created timestamp,
    expires_at timestamp,
    scopes text,
    began bigint,
    ended bigint NOT NULL
);
COMMENT ON TABLE jhub_authz.history_api_tokens IS 'what tokens were before they were changed or deleted; what they are is in the hub''s api_tokens';
COMMENT ON COLUMN jhub_authz.history_api_tokens.id IS 'the token''s id';
COMMENT ON COLUMN jhub_authz.history_api_tokens.user_id IS 'the user it belonged to';
COMMENT ON COLUMN jhub_authz.history_api_tokens.service_id IS 'the service it belonged to';
COMMENT ON COLUMN jhub_authz.history_api_tokens.client_id IS 'its OAuth client';
COMMENT ON COLUMN jhub_authz.history_api_tokens.note IS 'its note';
COMMENT ON COLUMN jhub_authz.history_api_tokens.prefix IS 'first characters of the token, as the hub shows them';
COMMENT ON COLUMN jhub_authz.history_api_tokens.created IS 'when it was made';
COMMENT ON COLUMN jhub_authz.history_api_tokens.expires_at IS 'when it was to end';
COMMENT ON COLUMN jhub_authz.history_api_tokens.scopes IS 'its scopes, as the hub stored them';
COMMENT ON COLUMN jhub_authz.history_api_tokens.began IS 'the change that began it; NULL: it was so since it was created';
COMMENT ON COLUMN jhub_authz.history_api_tokens.ended IS 'the change that ended it';
CREATE INDEX history_api_tokens_by_key ON jhub_authz.history_api_tokens (id);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_api_tokens', '');

CREATE TABLE jhub_authz.history_alembic_version (
    version_num text NOT NULL,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_alembic_version IS 'the past of the hub''s alembic_version';
COMMENT ON COLUMN jhub_authz.history_alembic_version.version_num IS 'revision of the hub''s tables';
COMMENT ON COLUMN jhub_authz.history_alembic_version.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_alembic_version.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_alembic_version_by_key ON jhub_authz.history_alembic_version (version_num);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_alembic_version', '');

CREATE TABLE jhub_authz.history_attachment (
    hub_schema name NOT NULL,
    mode text NOT NULL,
    pinned_release text,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_attachment IS 'from when to when a hub was attached, and so its past is kept';
COMMENT ON COLUMN jhub_authz.history_attachment.hub_schema IS 'schema of the hub''s tables';
COMMENT ON COLUMN jhub_authz.history_attachment.mode IS 'enforce, observe or off';
COMMENT ON COLUMN jhub_authz.history_attachment.pinned_release IS 'release set with use_hub_release; NULL: that of the database';
COMMENT ON COLUMN jhub_authz.history_attachment.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_attachment.ended IS 'the change that ended it; NULL: it is so today';
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_attachment', '');

CREATE TABLE jhub_authz.history_custom_scopes (
    name text COLLATE "C" NOT NULL,
    subscopes text[] NOT NULL,
    began bigint NOT NULL,
    ended bigint
);
COMMENT ON TABLE jhub_authz.history_custom_scopes IS 'the past of custom_scopes';
COMMENT ON COLUMN jhub_authz.history_custom_scopes.name IS 'the scope, custom:...';
COMMENT ON COLUMN jhub_authz.history_custom_scopes.subscopes IS 'custom scopes that it implied, the direct ones';
COMMENT ON COLUMN jhub_authz.history_custom_scopes.began IS 'the change that began it';
COMMENT ON COLUMN jhub_authz.history_custom_scopes.ended IS 'the change that ended it; NULL: it is so today';
CREATE INDEX history_custom_scopes_by_key ON jhub_authz.history_custom_scopes (name);
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.history_custom_scopes', '');

CREATE FUNCTION jhub_authz.note_history() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_note_history' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.note_history() IS 'trigger on the hub''s tables: keeps what a row was';
REVOKE ALL ON FUNCTION jhub_authz.note_history() FROM PUBLIC;

CREATE FUNCTION jhub_authz.keep_history(keep interval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'jhub_authz_keep_history' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.keep_history(interval) IS 'drops the past that ended longer ago, never what is so today; returns the number of rows dropped';
REVOKE ALL ON FUNCTION jhub_authz.keep_history(interval) FROM PUBLIC;

-- For detach, which has to work when the shared library is gone.  The number is
-- made as in changes.c.
CREATE FUNCTION jhub_authz._history_detached() RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    number bigint := (floor(extract(epoch FROM clock_timestamp() - timestamptz '2000-01-01 00:00+00') * 1000000)::bigint << 12)
                     | (pg_backend_pid() & 4095);
BEGIN
    UPDATE jhub_authz.history_attachment SET ended = number WHERE ended IS NULL;
    IF FOUND THEN
        INSERT INTO jhub_authz.history_changes (change_id, at, recorded_at, txid, actor, role, application_name, source)
        SELECT number, greatest(clock_timestamp(), max(c.at) + interval '1 microsecond'), clock_timestamp(),
               pg_current_xact_id(), session_user, current_user, current_setting('application_name'), 'detach'
          FROM jhub_authz.history_changes c;
    END IF;
END
$body$;
COMMENT ON FUNCTION jhub_authz._history_detached() IS 'the past is no longer kept';
REVOKE ALL ON FUNCTION jhub_authz._history_detached() FROM PUBLIC;
