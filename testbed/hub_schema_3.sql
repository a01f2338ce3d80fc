-- The same hub as JupyterHub 3.0 makes it: no shares, no managed_by_auth, no
-- properties.  See hub_schema.sql for the variables.
\ir hub_schema.sql
SET ROLE :"hub_owner";

DROP TABLE :"hub".shares, :"hub".share_codes;
ALTER TABLE :"hub".roles DROP managed_by_auth;
ALTER TABLE :"hub".user_role_map DROP managed_by_auth;
ALTER TABLE :"hub".group_role_map DROP managed_by_auth;
ALTER TABLE :"hub".service_role_map DROP managed_by_auth;
ALTER TABLE :"hub".groups DROP properties;
ALTER TABLE :"hub".services DROP url, DROP oauth_client_allowed_scopes, DROP info, DROP display,
    DROP oauth_no_confirm, DROP command, DROP cwd, DROP environment, DROP "user", DROP from_config;
UPDATE :"hub".alembic_version SET version_num = '651f5419b74d';
UPDATE :"hub".roles SET scopes = '["admin-ui", "admin:users", "admin:servers", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics"]'
WHERE name = 'admin';
UPDATE :"hub".roles SET scopes = '["users:activity!user", "access:servers!user"]' WHERE name = 'server';
DELETE FROM :"hub".roles WHERE name = 'sharer';

RESET ROLE;
