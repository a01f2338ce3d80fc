-- A session that fills a hub finds our records by key from the first row to the
-- last, though its plans were made while the tables were tiny.
BEGIN;
\if :{?few}
\set rows 15
\else
\set rows 300
\endif
SELECT plan(3);
\ir ../testbed/hub_schema.sql
SELECT jhub_authz.attach();
ANALYZE jhub_authz.history_user_group_map, jhub_authz.history_api_tokens, jhub_authz.token_baselines;

-- plans are made here
INSERT INTO users (id, name, admin, cookie_id) VALUES (5000, 'first', false, 'first');
INSERT INTO user_group_map SELECT 5000, id FROM groups WHERE name = 'physics';
DELETE FROM user_group_map WHERE user_id = 5000;
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

CREATE FUNCTION pg_temp.read(relation text) RETURNS bigint LANGUAGE sql AS
    $$ SELECT seq_tup_read FROM pg_stat_xact_all_tables WHERE schemaname = 'jhub_authz' AND relname = relation $$;
CREATE TEMPORARY TABLE before AS SELECT relation, pg_temp.read(relation) AS rows
    FROM unnest(ARRAY['history_user_group_map', 'history_api_tokens', 'token_baselines']) AS relation;

INSERT INTO users (id, name, admin, cookie_id) SELECT 5000 + n, 'bulk' || n, false, 'bulk' || n FROM generate_series(1, :rows) n;
INSERT INTO user_group_map SELECT 5000 + n, g.id FROM generate_series(1, :rows) n, groups g WHERE g.name = 'physics';
INSERT INTO api_tokens (user_id, client_id, created, hashed, prefix, scopes)
    SELECT 5000 + n, 'jupyterhub', '2026-01-01', 'bulk' || n, 'x', '["inherit"]' FROM generate_series(1, :rows) n;
SET CONSTRAINTS ALL IMMEDIATE;
DELETE FROM user_group_map WHERE user_id > 5000;
DELETE FROM api_tokens WHERE user_id > 5000;
SET CONSTRAINTS ALL IMMEDIATE;

-- one pass over everything is no harm, one for each row is
SELECT ok(pg_temp.read(relation) - rows < 5000, relation || ': read by key, not row by row (' || pg_temp.read(relation) - rows || ')')
  FROM before;

SELECT * FROM finish();
ROLLBACK;
