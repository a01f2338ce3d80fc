-- The same hub as JupyterHub 2.x makes it: tokens and OAuth clients have roles
-- instead of scopes.  See hub_schema.sql for the variables.
\ir hub_schema_3.sql
SET ROLE :"hub_owner";

CREATE TABLE :"hub".api_token_role_map (
    api_token_id integer REFERENCES :"hub".api_tokens (id) ON DELETE CASCADE,
    role_id integer REFERENCES :"hub".roles (id) ON DELETE CASCADE, PRIMARY KEY (api_token_id, role_id));
CREATE TABLE :"hub".oauth_client_role_map (
    oauth_client_id integer REFERENCES :"hub".oauth_clients (id) ON DELETE CASCADE,
    role_id integer REFERENCES :"hub".roles (id) ON DELETE CASCADE, PRIMARY KEY (oauth_client_id, role_id));
CREATE TABLE :"hub".oauth_code_role_map (
    oauth_code_id integer REFERENCES :"hub".oauth_codes (id) ON DELETE CASCADE,
    role_id integer REFERENCES :"hub".roles (id) ON DELETE CASCADE, PRIMARY KEY (oauth_code_id, role_id));
INSERT INTO :"hub".api_token_role_map VALUES (1, 4), (2, 10), (3, 5), (5, 3), (8, 4), (9, 8);
INSERT INTO :"hub".oauth_client_role_map VALUES (2, 3), (6, 8);
ALTER TABLE :"hub".api_tokens DROP scopes;
ALTER TABLE :"hub".oauth_clients DROP allowed_scopes;
ALTER TABLE :"hub".oauth_codes DROP scopes;
UPDATE :"hub".roles SET scopes = '["admin:users", "admin:servers", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics"]'
WHERE name = 'admin';
UPDATE :"hub".roles SET scopes = '["read:users!user", "access:servers!user"]' WHERE name = 'self-filters';
UPDATE :"hub".roles SET scopes = '["access:services"]' WHERE name = 'by-service';
UPDATE :"hub".roles SET scopes = '["access:servers!user=bob"]' WHERE name = 'by-server';
UPDATE :"hub".alembic_version SET version_num = '833da8570507';

RESET ROLE;
