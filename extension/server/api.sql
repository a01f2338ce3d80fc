-- The hub's data as a token may read it: lists of keys, joined to what is shown of
-- a key.  Without an identity (act_as) there is no key and nothing is shown.

CREATE FUNCTION jhub_authz._api_users(OUT id integer, OUT name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_users' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz._api_users() IS 'the users that the identity may list';
REVOKE ALL ON FUNCTION jhub_authz._api_users() FROM PUBLIC;

CREATE FUNCTION jhub_authz._api_user(user_id integer, OUT name text, OUT kind text, OUT admin boolean, OUT roles text[],
        OUT groups text[], OUT server text, OUT pending text, OUT created timestamptz,
        OUT last_activity timestamptz, OUT user_info jsonb, OUT servers jsonb, OUT auth_state jsonb,
        OUT fields text[]) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_user' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 50 ROWS 1;
COMMENT ON FUNCTION jhub_authz._api_user(integer) IS 'a user that the identity may list, as the hub shows it';
REVOKE ALL ON FUNCTION jhub_authz._api_user(integer) FROM PUBLIC;

CREATE VIEW jhub_authz.api_users WITH (security_barrier) AS
    SELECT k.name AS name, r.kind, r.admin, r.roles, r.groups, r.server, r.pending, r.created, r.last_activity,
           r.user_info, r.servers, r.auth_state, r.fields
      FROM jhub_authz._api_users() k, LATERAL jhub_authz._api_user(k.id) r;
COMMENT ON VIEW jhub_authz.api_users IS 'what GET /hub/api/users shows to the token acted with';
COMMENT ON COLUMN jhub_authz.api_users.name IS 'name of the user';
COMMENT ON COLUMN jhub_authz.api_users.kind IS 'always user';
COMMENT ON COLUMN jhub_authz.api_users.admin IS 'is the user an admin?';
COMMENT ON COLUMN jhub_authz.api_users.roles IS 'names of the roles assigned to the user';
COMMENT ON COLUMN jhub_authz.api_users.groups IS 'names of the user''s groups';
COMMENT ON COLUMN jhub_authz.api_users.server IS 'URL path of the default server while it runs';
COMMENT ON COLUMN jhub_authz.api_users.pending IS 'always NULL: only the hub''s process knows';
COMMENT ON COLUMN jhub_authz.api_users.created IS 'when the user was made';
COMMENT ON COLUMN jhub_authz.api_users.last_activity IS 'when the user was last active';
COMMENT ON COLUMN jhub_authz.api_users.user_info IS 'what the authenticator told (JupyterHub 6.0)';
COMMENT ON COLUMN jhub_authz.api_users.servers IS 'the servers that run and may be seen, by name';
COMMENT ON COLUMN jhub_authz.api_users.auth_state IS 'always NULL, as in the hub''s list';
COMMENT ON COLUMN jhub_authz.api_users.fields IS 'names of the fields that may be seen: NULL is null in these, and not permitted in others';

CREATE FUNCTION jhub_authz._api_groups(OUT id integer, OUT name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_groups' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 100 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz._api_groups() IS 'the groups that the identity may list';
REVOKE ALL ON FUNCTION jhub_authz._api_groups() FROM PUBLIC;

CREATE FUNCTION jhub_authz._api_group(group_id integer, OUT name text, OUT kind text, OUT roles text[], OUT users text[],
        OUT properties jsonb, OUT fields text[]) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_group' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 50 ROWS 1;
COMMENT ON FUNCTION jhub_authz._api_group(integer) IS 'a group that the identity may list, as the hub shows it';
REVOKE ALL ON FUNCTION jhub_authz._api_group(integer) FROM PUBLIC;

CREATE VIEW jhub_authz.api_groups WITH (security_barrier) AS
    SELECT k.name AS name, r.kind, r.roles, r.users, r.properties, r.fields
      FROM jhub_authz._api_groups() k, LATERAL jhub_authz._api_group(k.id) r;
COMMENT ON VIEW jhub_authz.api_groups IS 'what GET /hub/api/groups shows to the token acted with';
COMMENT ON COLUMN jhub_authz.api_groups.name IS 'name of the group';
COMMENT ON COLUMN jhub_authz.api_groups.kind IS 'always group';
COMMENT ON COLUMN jhub_authz.api_groups.roles IS 'names of the roles assigned to the group';
COMMENT ON COLUMN jhub_authz.api_groups.users IS 'names of its members';
COMMENT ON COLUMN jhub_authz.api_groups.properties IS 'its properties (JupyterHub 4.0)';
COMMENT ON COLUMN jhub_authz.api_groups.fields IS 'names of the fields that may be seen: NULL is null in these, and not permitted in others';

CREATE FUNCTION jhub_authz._api_services(OUT id integer, OUT name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_services' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 20 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz._api_services() IS 'the services that the identity may list';
REVOKE ALL ON FUNCTION jhub_authz._api_services() FROM PUBLIC;

CREATE FUNCTION jhub_authz._api_service(service_id integer, OUT name text, OUT kind text, OUT admin boolean, OUT roles text[], OUT url text,
        OUT prefix text, OUT command jsonb, OUT pid integer, OUT info jsonb, OUT display boolean,
        OUT fields text[]) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_service' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 50 ROWS 1;
COMMENT ON FUNCTION jhub_authz._api_service(integer) IS 'a service that the identity may list, as the hub shows it';
REVOKE ALL ON FUNCTION jhub_authz._api_service(integer) FROM PUBLIC;

CREATE VIEW jhub_authz.api_services WITH (security_barrier) AS
    SELECT k.name AS name, r.kind, r.admin, r.roles, r.url, r.prefix, r.command, r.pid, r.info, r.display,
           r.fields
      FROM jhub_authz._api_services() k, LATERAL jhub_authz._api_service(k.id) r;
COMMENT ON VIEW jhub_authz.api_services IS 'what GET /hub/api/services shows to the token acted with';
COMMENT ON COLUMN jhub_authz.api_services.name IS 'name of the service';
COMMENT ON COLUMN jhub_authz.api_services.kind IS 'always service';
COMMENT ON COLUMN jhub_authz.api_services.admin IS 'is the service an admin?';
COMMENT ON COLUMN jhub_authz.api_services.roles IS 'names of the roles assigned to the service';
COMMENT ON COLUMN jhub_authz.api_services.url IS 'where the service is (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_services.prefix IS 'URL path under which the hub serves it';
COMMENT ON COLUMN jhub_authz.api_services.command IS 'the command by which the hub starts it (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_services.pid IS 'always 0: only the hub''s process knows';
COMMENT ON COLUMN jhub_authz.api_services.info IS 'what the configuration tells of it (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_services.display IS 'does the hub''s page show it? (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_services.fields IS 'names of the fields that may be seen: NULL is null in these, and not permitted in others';

CREATE FUNCTION jhub_authz._api_user_servers(user_id integer, OUT user_name text, OUT name text, OUT full_name text, OUT display_name text,
        OUT last_activity timestamptz, OUT started timestamptz, OUT pending text, OUT ready boolean,
        OUT stopped boolean, OUT url text, OUT user_options jsonb, OUT progress_url text, OUT full_url text,
        OUT full_progress_url text, OUT state jsonb, OUT fields text[]) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_user_servers' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 50 ROWS 1;
COMMENT ON FUNCTION jhub_authz._api_user_servers(integer) IS 'the servers that the hub shows with a user that the identity may list';
REVOKE ALL ON FUNCTION jhub_authz._api_user_servers(integer) FROM PUBLIC;

CREATE VIEW jhub_authz.api_servers WITH (security_barrier) AS
    SELECT k.name AS user_name, r.name, r.full_name, r.display_name, r.last_activity, r.started, r.pending,
           r.ready, r.stopped, r.url, r.user_options, r.progress_url, r.full_url, r.full_progress_url, r.state,
           r.fields
      FROM jhub_authz._api_users() k, LATERAL jhub_authz._api_user_servers(k.id) r;
COMMENT ON VIEW jhub_authz.api_servers IS 'the servers that GET /hub/api/users shows to the token acted with';
COMMENT ON COLUMN jhub_authz.api_servers.user_name IS 'name of the server''s owner';
COMMENT ON COLUMN jhub_authz.api_servers.name IS 'name of the server; empty for the default server';
COMMENT ON COLUMN jhub_authz.api_servers.full_name IS 'owner/name (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_servers.display_name IS 'name for people (JupyterHub 6.0)';
COMMENT ON COLUMN jhub_authz.api_servers.last_activity IS 'when the server was last active';
COMMENT ON COLUMN jhub_authz.api_servers.started IS 'when the server was started';
COMMENT ON COLUMN jhub_authz.api_servers.pending IS 'always NULL: only the hub''s process knows';
COMMENT ON COLUMN jhub_authz.api_servers.ready IS 'always true: a server that is shown runs';
COMMENT ON COLUMN jhub_authz.api_servers.stopped IS 'always false: a server that is shown runs';
COMMENT ON COLUMN jhub_authz.api_servers.url IS 'URL path of the server';
COMMENT ON COLUMN jhub_authz.api_servers.user_options IS 'options that it was started with';
COMMENT ON COLUMN jhub_authz.api_servers.progress_url IS 'URL path of the progress of its start';
COMMENT ON COLUMN jhub_authz.api_servers.full_url IS 'URL of the server with option public_url (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_servers.full_progress_url IS 'URL of the progress with option public_url (JupyterHub 5.0)';
COMMENT ON COLUMN jhub_authz.api_servers.state IS 'always NULL: only the hub''s process knows';
COMMENT ON COLUMN jhub_authz.api_servers.fields IS 'names of the fields that may be seen: NULL is null in these, and not permitted in others';

CREATE FUNCTION jhub_authz._api_token_users(OUT id integer, OUT name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_token_users' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1000 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz._api_token_users() IS 'the users whose tokens the identity may see';
REVOKE ALL ON FUNCTION jhub_authz._api_token_users() FROM PUBLIC;

CREATE FUNCTION jhub_authz._api_user_tokens(user_id integer, OUT user_name text, OUT id text, OUT kind text, OUT roles text[],
        OUT scopes jhub_authz.scopeset, OUT created timestamptz, OUT last_activity timestamptz,
        OUT expires_at timestamptz, OUT note text, OUT session_id text, OUT oauth_client text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__api_user_tokens' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 50 ROWS 3;
COMMENT ON FUNCTION jhub_authz._api_user_tokens(integer) IS 'the tokens of a user, if the identity may see them';
REVOKE ALL ON FUNCTION jhub_authz._api_user_tokens(integer) FROM PUBLIC;

CREATE VIEW jhub_authz.api_tokens WITH (security_barrier) AS
    SELECT k.name AS user_name, r.id, r.kind, r.roles, r.scopes, r.created, r.last_activity, r.expires_at,
           r.note, r.session_id, r.oauth_client
      FROM jhub_authz._api_token_users() k, LATERAL jhub_authz._api_user_tokens(k.id) r;
COMMENT ON VIEW jhub_authz.api_tokens IS 'what GET /hub/api/users/NAME/tokens shows to the token acted with, for every user';
COMMENT ON COLUMN jhub_authz.api_tokens.user_name IS 'name of the token''s owner';
COMMENT ON COLUMN jhub_authz.api_tokens.id IS 'id of the token as in the hub''s API, such as a12';
COMMENT ON COLUMN jhub_authz.api_tokens.kind IS 'always api_token';
COMMENT ON COLUMN jhub_authz.api_tokens.roles IS 'always empty, as in the hub';
COMMENT ON COLUMN jhub_authz.api_tokens.scopes IS 'what the token holds';
COMMENT ON COLUMN jhub_authz.api_tokens.created IS 'when the token was made';
COMMENT ON COLUMN jhub_authz.api_tokens.last_activity IS 'when the token was last used';
COMMENT ON COLUMN jhub_authz.api_tokens.expires_at IS 'when the token expires; NULL: never';
COMMENT ON COLUMN jhub_authz.api_tokens.note IS 'what the token is for';
COMMENT ON COLUMN jhub_authz.api_tokens.session_id IS 'browser session that it was issued for';
COMMENT ON COLUMN jhub_authz.api_tokens.oauth_client IS 'OAuth client that it was issued through';

-- One by its name, which takes no permission to list

CREATE FUNCTION jhub_authz.api_user(name text) RETURNS SETOF jhub_authz.api_users
    AS 'MODULE_PATHNAME', 'jhub_authz_api_user' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1;
COMMENT ON FUNCTION jhub_authz.api_user(text) IS 'what GET /hub/api/users/NAME shows to the token acted with';
REVOKE ALL ON FUNCTION jhub_authz.api_user(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.api_group(name text) RETURNS SETOF jhub_authz.api_groups
    AS 'MODULE_PATHNAME', 'jhub_authz_api_group' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1;
COMMENT ON FUNCTION jhub_authz.api_group(text) IS 'what GET /hub/api/groups/NAME shows to the token acted with';
REVOKE ALL ON FUNCTION jhub_authz.api_group(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.api_service(name text) RETURNS SETOF jhub_authz.api_services
    AS 'MODULE_PATHNAME', 'jhub_authz_api_service' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000 ROWS 1;
COMMENT ON FUNCTION jhub_authz.api_service(text) IS 'what GET /hub/api/services/NAME shows to the token acted with';
REVOKE ALL ON FUNCTION jhub_authz.api_service(text) FROM PUBLIC;

-- Who may act with tokens: nobody, until it is granted.  It gives no more than the
-- tokens give that are handed in.
CREATE FUNCTION jhub_authz._readable() RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 30
    SET search_path = pg_catalog, pg_temp
AS $readable$
    SELECT format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
      FROM pg_proc p
     WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prokind = 'f'
       AND (p.proname = ANY (ARRAY['act_as', 'current_subject', 'current_scopes', 'whoami']) OR p.proname ~ '^_?api_')
    UNION ALL
    SELECT format('SELECT ON %s', c.oid::regclass)
      FROM pg_class c
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind = 'v' AND c.relname ~ '^api_'
$readable$;
COMMENT ON FUNCTION jhub_authz._readable() IS 'what grant_reader grants';
REVOKE ALL ON FUNCTION jhub_authz._readable() FROM PUBLIC;

-- Who is granted something may be an auditor, an operator and a reader, which have
-- some of it in common; nothing tells what it was granted for.  So who has all that
-- one of them has is one, and keeps that when it ceases to be another.
CREATE FUNCTION jhub_authz._kept_grants(role_name regrole, leaving text) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
    SET search_path = pg_catalog, pg_temp
AS $kept$
    WITH granted AS MATERIALIZED (
        SELECT format('EXECUTE ON FUNCTION %s', p.oid::regprocedure) AS what
          FROM pg_proc p, LATERAL aclexplode(p.proacl) a
         WHERE p.pronamespace = 'jhub_authz'::regnamespace AND a.grantee = role_name AND a.privilege_type = 'EXECUTE'
        UNION ALL
        SELECT format('SELECT ON %s', c.oid::regclass)
          FROM pg_class c, LATERAL aclexplode(c.relacl) a
         WHERE c.relnamespace = 'jhub_authz'::regnamespace AND a.grantee = role_name AND a.privilege_type = 'SELECT')
    SELECT unnest(capacity.grants)
      FROM (VALUES ('auditor', ARRAY(SELECT jhub_authz._grantable(false))), ('operator', ARRAY(SELECT jhub_authz._grantable(true))),
                   ('reader', ARRAY(SELECT jhub_authz._readable()))) AS capacity (name, grants)
     WHERE capacity.name <> leaving AND capacity.grants <@ ARRAY(SELECT g.what FROM granted g)
$kept$;
COMMENT ON FUNCTION jhub_authz._kept_grants(regrole, text) IS 'what a role keeps that ceases to be an auditor, operator or reader, since it is another of them';
REVOKE ALL ON FUNCTION jhub_authz._kept_grants(regrole, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._existing_role(role_name regrole) RETURNS regrole
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.oid = role_name) THEN
        RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('role with OID %s does not exist', role_name::oid);
    END IF;
    RETURN role_name;
END
$body$;
COMMENT ON FUNCTION jhub_authz._existing_role(regrole) IS 'the role; an error if there is none';
REVOKE ALL ON FUNCTION jhub_authz._existing_role(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.grant_reader(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    what text;
BEGIN
    PERFORM jhub_authz._existing_role(role_name);
    FOR what IN SELECT r FROM jhub_authz._readable() AS r LOOP
        EXECUTE format('GRANT %s TO %s', what, role_name);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION jhub_authz.grant_reader(regrole) IS 'grants a role acting with the tokens that it is handed, and reading what these may see';
REVOKE ALL ON FUNCTION jhub_authz.grant_reader(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_reader(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    what text;
BEGIN
    PERFORM jhub_authz._existing_role(role_name);
    FOR what IN SELECT r FROM jhub_authz._readable() AS r
                 WHERE r NOT IN (SELECT k FROM jhub_authz._kept_grants(role_name, 'reader') AS k) LOOP
        EXECUTE format('REVOKE %s FROM %s', what, role_name);
    END LOOP;
END
$body$;
COMMENT ON FUNCTION jhub_authz.revoke_reader(regrole) IS 'revokes a role acting with tokens';
REVOKE ALL ON FUNCTION jhub_authz.revoke_reader(regrole) FROM PUBLIC;
