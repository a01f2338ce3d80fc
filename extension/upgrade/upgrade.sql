-- A database of JupyterHub 2.x on its way to 3.0 and later.

CREATE FUNCTION jhub_authz.upgrade_check(hub_schema text DEFAULT NULL, OUT level text, OUT object text, OUT detail text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_upgrade_check' LANGUAGE C STABLE PARALLEL UNSAFE ROWS 20;
COMMENT ON FUNCTION jhub_authz.upgrade_check(text)
    IS 'where a hub''s database stands on its way from 2.x, and what upgrade_token_roles would do; changes nothing';
REVOKE ALL ON FUNCTION jhub_authz.upgrade_check(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.upgrade_token_roles(dry_run boolean DEFAULT false, hub_schema text DEFAULT NULL,
                                               OUT object_kind text, OUT object_id integer, OUT roles text[],
                                               OUT scopes jhub_authz.scopeset)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_upgrade_token_roles' LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10000 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz.upgrade_token_roles(boolean, text)
    IS 'upgrades a database of JupyterHub 2.x: roles of tokens and OAuth clients become scopes';
REVOKE ALL ON FUNCTION jhub_authz.upgrade_token_roles(boolean, text) FROM PUBLIC;
