-- On the hub's server, which needs no extension: publish what permissions rest
-- on, without hashes, cookies, secrets or the servers' state.
--
--   psql -f publication.sql "dbname=jupyterhub ..."
--
-- As the owner of the hub's tables, with CREATE on the database, on PostgreSQL 15
-- or later with wal_level = logical.  Run it again after an upgrade of the hub:
-- the publication then takes up tables and columns that are new.
--
-- psql variables, both optional: schema (public), publication (jhub_audit)
\if :{?schema}
\else
\set schema public
\endif
\if :{?publication}
\else
\set publication jhub_audit
\endif
\set ON_ERROR_STOP 1

WITH wanted (tab, cols) AS (VALUES
    ('users', '{id,name,admin}'::text[]),
    ('groups', '{id,name}'),
    ('services', '{id,name,admin,oauth_client_id}'),
    ('roles', '{id,name,scopes}'),
    ('user_role_map', '{user_id,role_id}'),
    ('group_role_map', '{group_id,role_id}'),
    ('service_role_map', '{service_id,role_id}'),
    ('user_group_map', '{user_id,group_id}'),
    ('spawners', '{id,user_id,name,oauth_client_id}'),
    ('oauth_clients', '{id,identifier,allowed_scopes}'),
    ('api_tokens', '{id,user_id,service_id,client_id,created,expires_at,last_activity,note,prefix,scopes}'),
    ('shares', '{id,owner_id,spawner_id,user_id,group_id,scopes,created_at,expires_at}'),
    ('alembic_version', '{version_num}')),
found AS (
    SELECT c.oid::regclass AS tab, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS cols
      FROM wanted w
      JOIN pg_class c ON c.relname = w.tab AND c.relnamespace = to_regnamespace(:'schema') AND c.relkind = 'r'
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attname = ANY (w.cols)
     GROUP BY c.oid)
SELECT format('%s PUBLICATION %I %s TABLE %s',
              CASE WHEN there THEN 'ALTER' ELSE 'CREATE' END, :'publication',
              CASE WHEN there THEN 'SET' ELSE 'FOR' END,
              string_agg(format('%s (%s)', tab, cols), ', ' ORDER BY tab::text))
  FROM found, (SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = :'publication')) AS p (there)
 GROUP BY there
\gexec
