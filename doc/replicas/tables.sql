-- On the hub's server: print the statements that make the published tables, with
-- the published columns alone, for the audit database.
--
--   psql -qAt -f tables.sql "dbname=jupyterhub ..." | psql "dbname=audit ..."
--
-- psql variable, optional: publication (jhub_audit)
\if :{?publication}
\else
\set publication jhub_audit
\endif
\set ON_ERROR_STOP 1

-- what is there already stays; a column that is new is added
SELECT 'SET client_min_messages = warning;';
SELECT DISTINCT format('CREATE SCHEMA IF NOT EXISTS %I;', schemaname)
  FROM pg_publication_tables WHERE pubname = :'publication';
SELECT format('CREATE TABLE IF NOT EXISTS %I.%I (%s, PRIMARY KEY (%s));', t.schemaname, t.tablename,
              string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum),
              (SELECT string_agg(quote_ident(k.attname), ', ' ORDER BY k.attnum)
                 FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = ANY (i.indkey)
                WHERE i.indrelid = a.attrelid AND i.indisprimary))
       || string_agg(format(E'\nALTER TABLE %I.%I ADD COLUMN IF NOT EXISTS %I %s;', t.schemaname, t.tablename,
                            a.attname, format_type(a.atttypid, a.atttypmod)), '' ORDER BY a.attnum)
  FROM pg_publication_tables t
  JOIN pg_attribute a ON a.attrelid = format('%I.%I', t.schemaname, t.tablename)::regclass
                     AND a.attname = ANY (t.attnames)
 WHERE t.pubname = :'publication'
 GROUP BY t.schemaname, t.tablename, a.attrelid;
-- a hub has one; its rows live for minutes and hold secrets, so they stay there
SELECT DISTINCT format('CREATE TABLE IF NOT EXISTS %I.oauth_codes (id integer PRIMARY KEY, client_id varchar(255), user_id integer);', schemaname)
  FROM pg_publication_tables WHERE pubname = :'publication';
