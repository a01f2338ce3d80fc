\echo Use "CREATE EXTENSION jhub_authz" to load this file. \quit

-- The schema is the extension's own: one that is there already and belongs to
-- somebody else could be used to plant objects among ours.  A superuser's may be
-- one that pg_restore made and gave back to whom it belonged.
DO $guard$
BEGIN
    IF (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'jhub_authz')
       OPERATOR(pg_catalog.<>) (SELECT oid FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user)
       AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_namespace n
                  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
                 WHERE n.nspname OPERATOR(pg_catalog.=) 'jhub_authz')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = 'schema "jhub_authz" belongs to another role',
            HINT = 'Drop or rename that schema, then run CREATE EXTENSION again.';
    END IF;
END
$guard$;

COMMENT ON SCHEMA jhub_authz IS 'JupyterHub authorization: scope sets, effective scopes, token baselines and audit';
GRANT USAGE ON SCHEMA jhub_authz TO PUBLIC;
