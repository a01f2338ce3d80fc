-- Custom scopes: those that a hub's configuration adds to the hub's own, which
-- are compiled in.  The table is dumped; its triggers have no effect but to
-- tell every session that it changed.

CREATE TABLE jhub_authz.custom_scopes (
    name text COLLATE "C" PRIMARY KEY
        CHECK (name OPERATOR(pg_catalog.~) '^custom:[a-z0-9][-a-z0-9_*:]+[a-z0-9_*]$'),
    description text NOT NULL,
    subscopes text[] NOT NULL DEFAULT '{}'
        CHECK (pg_catalog.array_to_string(subscopes, '!', '!') OPERATOR(pg_catalog.!~) '[[:space:]]|^!|!!|!$')
);
COMMENT ON TABLE jhub_authz.custom_scopes IS 'custom scopes of the hub''s configuration; write it with define_scopes, replace_scopes and undefine_scope';
COMMENT ON COLUMN jhub_authz.custom_scopes.name IS 'the scope, custom:...';
COMMENT ON COLUMN jhub_authz.custom_scopes.description IS 'what a user is told when asked to grant it';
COMMENT ON COLUMN jhub_authz.custom_scopes.subscopes IS 'custom scopes that it implies, the direct ones';

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.custom_scopes', '');

CREATE FUNCTION jhub_authz._custom_scopes_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz__custom_scopes_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz._custom_scopes_changed() IS 'tells every session that custom scopes changed; has no other effect';
REVOKE ALL ON FUNCTION jhub_authz._custom_scopes_changed() FROM PUBLIC;

-- By row, because the apply worker of logical replication fires only such.
CREATE TRIGGER custom_scopes_changed AFTER INSERT OR UPDATE OR DELETE ON jhub_authz.custom_scopes
    FOR EACH ROW EXECUTE FUNCTION jhub_authz._custom_scopes_changed();
CREATE TRIGGER custom_scopes_truncated AFTER TRUNCATE ON jhub_authz.custom_scopes
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._custom_scopes_changed();
ALTER TABLE jhub_authz.custom_scopes ENABLE ALWAYS TRIGGER custom_scopes_changed;
ALTER TABLE jhub_authz.custom_scopes ENABLE ALWAYS TRIGGER custom_scopes_truncated;
COMMENT ON TRIGGER custom_scopes_changed ON jhub_authz.custom_scopes IS 'tells every session that custom scopes changed';
COMMENT ON TRIGGER custom_scopes_truncated ON jhub_authz.custom_scopes IS 'tells every session that custom scopes changed';

CREATE FUNCTION jhub_authz.define_scopes(document text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_define_scopes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.define_scopes(text) IS 'add custom scopes from a JSON document of the form of JupyterHub''s custom_scopes; returns how many are new';
REVOKE ALL ON FUNCTION jhub_authz.define_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.replace_scopes(document text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_replace_scopes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.replace_scopes(text) IS 'add or redefine custom scopes from a JSON document; returns how many are new or changed';
REVOKE ALL ON FUNCTION jhub_authz.replace_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.undefine_scope(name text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_undefine_scope' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.undefine_scope(text) IS 'remove a custom scope that nothing uses; false if there is none of that name';
REVOKE ALL ON FUNCTION jhub_authz.undefine_scope(text) FROM PUBLIC;
