-- The same hub as JupyterHub 6.0 makes it.  See hub_schema.sql for the
-- variables.
\ir hub_schema.sql
SET ROLE :"hub_owner";

ALTER TABLE :"hub".oauth_codes ADD code_challenge varchar(255), ADD code_challenge_method varchar(64);
ALTER TABLE :"hub".services ADD timeout integer NOT NULL DEFAULT 0;
ALTER TABLE :"hub".services ALTER timeout DROP DEFAULT;
ALTER TABLE :"hub".spawners ADD display_name varchar(255);
ALTER TABLE :"hub".users ADD user_info text;
UPDATE :"hub".alembic_version SET version_num = 'f460b0348206';

RESET ROLE;
