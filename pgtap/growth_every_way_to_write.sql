-- However a row is written, no live token comes to more than its baseline.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SET LOCAL search_path = public, jhub_authz;
SELECT jhub_authz.attach() \g /dev/null
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;

-- live tokens that can do more than their baseline, or have none
CREATE FUNCTION pg_temp.above() RETURNS integer[] LANGUAGE sql AS $$
    SELECT array_agg(t.id ORDER BY t.id) FROM api_tokens t LEFT JOIN jhub_authz.token_baselines b ON b.token_id = t.id
     WHERE (t.expires_at IS NULL OR t.expires_at > now() AT TIME ZONE 'UTC')
       AND NOT coalesce(jhub_authz.covers(b.baseline, jhub_authz.token_scopes(t.id)), jhub_authz.token_scopes(t.id) = '[]')
$$;
\if :{?few}
-- of those whom the changes are about
CREATE OR REPLACE FUNCTION pg_temp.above() RETURNS integer[] LANGUAGE sql AS $$
    SELECT array_agg(t.id ORDER BY t.id) FROM api_tokens t LEFT JOIN jhub_authz.token_baselines b ON b.token_id = t.id, jhub_authz.token_scopes(t.id) held
     WHERE (t.expires_at IS NULL OR t.expires_at > now() AT TIME ZONE 'UTC') AND t.id IN (1, 100) AND NOT coalesce(jhub_authz.covers(b.baseline, held), held = '[]')
$$;
\endif
-- ... after a change; with who of alice's tokens was revoked, and the scopes of a new one
CREATE FUNCTION pg_temp.after(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer text;
BEGIN
    BEGIN
        EXECUTE change;
        SET CONSTRAINTS ALL IMMEDIATE;
        answer := format('above %s, revoked %s, new %s', pg_temp.above(),
            (SELECT array_agg(id ORDER BY id) FROM api_tokens WHERE user_id = 9 AND id < 10 AND expires_at < now()),
            (SELECT scopes FROM api_tokens WHERE id = 100 AND expires_at IS NULL));
        RAISE EXCEPTION USING ERRCODE = 'UNDO0';
    EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
        RETURN answer;
    WHEN OTHERS THEN
        RETURN SQLSTATE;
    END;
END $$;
SELECT plan(42);
SELECT is(pg_temp.above(), NULL, 'to begin with, none');

-- the hub's role may have made these long ago
CREATE VIEW grants AS SELECT user_id AS who, role_id AS what, managed_by_auth FROM user_role_map;
CREATE VIEW tokens AS SELECT id, user_id, client_id, created, prefix, hashed, scopes, expires_at FROM api_tokens WHERE user_id > 0 WITH CHECK OPTION;
CREATE VIEW roles_by_hand AS SELECT id, upper(name) AS name, scopes FROM roles;
CREATE FUNCTION pg_temp.by_hand() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.roles SET scopes = NEW.scopes WHERE id = OLD.id; RETURN NEW; END $$;
CREATE TRIGGER by_hand INSTEAD OF UPDATE ON roles_by_hand FOR EACH ROW EXECUTE FUNCTION pg_temp.by_hand();

-- grants: each makes token 1, which inherits, able to list users
SELECT is(pg_temp.after(change), 'above , revoked {1}, new ', 'a grant by ' || what)
  FROM (VALUES
    ('INSERT', 'INSERT INTO user_role_map VALUES (9, 14, false)'),
    ('INSERT ... SELECT', 'INSERT INTO user_role_map SELECT id, 14, false FROM users WHERE name = ''alice'''),
    ('INSERT ... ON CONFLICT DO NOTHING', 'INSERT INTO user_role_map VALUES (9, 1, false), (9, 14, false) ON CONFLICT DO NOTHING'),
    ('INSERT ... ON CONFLICT DO UPDATE', 'INSERT INTO user_role_map VALUES (9, 15, false) ON CONFLICT (user_id, role_id) DO UPDATE SET role_id = 14'),
    ('UPDATE of another row', 'UPDATE user_role_map SET role_id = 14 WHERE user_id = 9 AND role_id = 15'),
    ('UPDATE of whose row it is', 'INSERT INTO user_role_map VALUES (14, 14, false); SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; UPDATE user_role_map SET user_id = 9 WHERE role_id = 14'),
    ('MERGE that inserts', 'MERGE INTO user_role_map m USING users u ON m.user_id = u.id AND m.role_id = 14 WHEN NOT MATCHED AND u.name = ''alice'' THEN INSERT VALUES (u.id, 14, false)'),
    ('MERGE that updates', 'MERGE INTO user_role_map m USING users u ON m.user_id = u.id AND u.name = ''alice'' WHEN MATCHED AND role_id = 15 THEN UPDATE SET role_id = 14'),
    ('COPY', 'COPY user_role_map FROM PROGRAM ''printf "9\\t14\\tf\\n"'''),
    ('a view', 'INSERT INTO grants VALUES (9, 14, false)'),
    ('UPDATE of a view', 'UPDATE grants SET what = 14 WHERE who = 9 AND what = 15'),
    ('INSTEAD OF a view', 'UPDATE roles_by_hand SET scopes = ''["read:hub"]'' WHERE name = ''SHARER'''),
    ('a WITH that writes', 'WITH made AS (INSERT INTO roles VALUES (77, ''made'', NULL, ''["read:hub"]'', false) RETURNING id), given AS (INSERT INTO user_role_map SELECT 9, id, false FROM made RETURNING 1) SELECT * FROM given'),
    ('a function', 'CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE sql AS ''INSERT INTO public.user_role_map VALUES (9, 14, false)''; SELECT pg_temp.f()'),
    ('a rule on another table', 'CREATE TABLE wishes (a integer); CREATE RULE r AS ON INSERT TO wishes DO ALSO INSERT INTO user_role_map VALUES (NEW.a, 14, false); INSERT INTO wishes VALUES (9)'),
    ('a rule on a hub table', 'CREATE RULE r AS ON UPDATE TO users DO ALSO INSERT INTO user_role_map VALUES (NEW.id, 14, false); UPDATE users SET last_activity = now() WHERE id = 9'),
    ('a trigger on a hub table', 'CREATE FUNCTION pg_temp.g() RETURNS trigger LANGUAGE plpgsql AS $g$ BEGIN INSERT INTO public.user_role_map VALUES (9, 14, false); RETURN NULL; END $g$; CREATE TRIGGER g AFTER UPDATE ON users FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.g(); UPDATE users SET last_activity = now() WHERE id = 9'),
    ('a deferred trigger', 'CREATE FUNCTION pg_temp.g() RETURNS trigger LANGUAGE plpgsql AS $g$ BEGIN INSERT INTO public.user_role_map VALUES (9, 14, false); RETURN NULL; END $g$; CREATE TABLE wishes (a integer); CREATE CONSTRAINT TRIGGER g AFTER INSERT ON wishes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.g(); INSERT INTO wishes VALUES (1)'),
    ('a trigger that rewrites NEW', 'CREATE FUNCTION pg_temp.g() RETURNS trigger LANGUAGE plpgsql AS $g$ BEGIN NEW.scopes := ''["read:hub"]''; RETURN NEW; END $g$; CREATE TRIGGER zz BEFORE UPDATE ON roles FOR EACH ROW EXECUTE FUNCTION pg_temp.g(); UPDATE roles SET description = ''x'' WHERE id = 15'),
    ('a parent of the table', 'CREATE TABLE parent (user_id integer NOT NULL, role_id integer NOT NULL, managed_by_auth boolean NOT NULL); ALTER TABLE user_role_map INHERIT parent; UPDATE parent SET role_id = 14 WHERE user_id = 9 AND role_id = 15'),
    ('a partitioned table that the table is a part of', 'CREATE TABLE parent (user_id integer NOT NULL, role_id integer NOT NULL, managed_by_auth boolean NOT NULL) PARTITION BY LIST (managed_by_auth); ALTER TABLE parent ATTACH PARTITION user_role_map DEFAULT; INSERT INTO parent VALUES (9, 14, false)'),
    ('a row that another part gave away', 'CREATE TABLE parent (user_id integer NOT NULL, role_id integer NOT NULL, managed_by_auth boolean NOT NULL) PARTITION BY RANGE (user_id); ALTER TABLE parent ATTACH PARTITION user_role_map FOR VALUES FROM (0) TO (1000); CREATE TABLE part PARTITION OF parent DEFAULT; INSERT INTO parent VALUES (5000, 14, false); UPDATE parent SET user_id = 9 WHERE user_id = 5000')
  ) AS w (what, change);

-- tokens: each asks for more than bob has, and for it all
SELECT is(pg_temp.after(change), 'above , revoked , new ["self"]', 'a token by ' || what)
  FROM (VALUES
    ('INSERT', 'INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''["read:hub", "self"]'')'),
    ('a column''s default', 'ALTER TABLE api_tokens ALTER scopes SET DEFAULT ''["read:hub", "self"]''; INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'')'),
    ('INSERT ... ON CONFLICT DO UPDATE', 'INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''["self"]''); INSERT INTO api_tokens AS t (id, user_id, scopes) VALUES (100, 10, ''["read:hub"]'') ON CONFLICT (id) DO UPDATE SET scopes = ''["read:hub", "self"]'''),
    ('MERGE that inserts', 'MERGE INTO api_tokens t USING (VALUES (100)) v (id) ON t.id = v.id WHEN NOT MATCHED THEN INSERT (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''["read:hub", "self"]'')'),
    ('MERGE that updates', 'INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''[]''); MERGE INTO api_tokens t USING (VALUES (100)) v (id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET scopes = ''["read:hub", "self"]'''),
    ('COPY', 'COPY api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) FROM PROGRAM ''printf "100\\t10\\tjupyterhub\\t2024-01-01\\tx\\tx\\t[\"read:hub\", \"self\"]\\n"'''),
    ('a view', 'INSERT INTO tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''["read:hub", "self"]'')'),
    ('a rule', 'CREATE TABLE wishes (a integer); CREATE RULE r AS ON INSERT TO wishes DO INSTEAD INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (NEW.a, 10, ''jupyterhub'', now(), ''x'', ''x'', ''["read:hub", "self"]''); INSERT INTO wishes VALUES (100)'),
    ('a trigger before ours that rewrites NEW', 'CREATE FUNCTION pg_temp.g() RETURNS trigger LANGUAGE plpgsql AS $g$ BEGIN NEW.scopes := ''["read:hub", "self"]''; RETURN NEW; END $g$; CREATE TRIGGER aa BEFORE INSERT ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.g(); INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''[]'')'),
    ('a partitioned table that the table is a part of', 'CREATE TABLE parent (LIKE api_tokens) PARTITION BY LIST (prefix); ALTER TABLE parent ATTACH PARTITION api_tokens DEFAULT; INSERT INTO parent (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''["read:hub", "self"]'')')
  ) AS w (what, change);

-- A trigger after ours can write what it likes: that is found at commit.
CREATE FUNCTION pg_temp.more() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.scopes := '["read:hub", "self"]'; RETURN NEW; END $$;
CREATE TRIGGER zz BEFORE INSERT ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.more();
SELECT is(pg_temp.after('INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''[]'')'),
          'above , revoked , new ["self"]', 'a token by a trigger after ours that rewrites NEW');
SELECT is(pg_temp.after('INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, ''jupyterhub'', now(), ''x'', ''x'', ''[]''); SET CONSTRAINTS ALL IMMEDIATE; INSERT INTO user_role_map VALUES (10, 14, false)'),
          'above , revoked , new ["self"]', '... which is narrowed for good');
DROP TRIGGER zz ON api_tokens;
CREATE FUNCTION pg_temp.alive() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.expires_at := NULL; NEW.scopes := '["inherit"]'; RETURN NEW; END $$;
CREATE TRIGGER zz BEFORE UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.alive();
SELECT is(pg_temp.after('INSERT INTO user_role_map VALUES (9, 14, false)'), '27000', 'one that would undo a revocation makes the grant fail');
DROP TRIGGER zz ON api_tokens;
SELECT is(pg_temp.after('SELECT jhub_authz.revoke_token(1, ''x''); CREATE TRIGGER zz BEFORE UPDATE OF last_activity ON api_tokens FOR EACH ROW EXECUTE FUNCTION pg_temp.alive(); UPDATE api_tokens SET last_activity = now() WHERE id = 1'),
          'above , revoked {1}, new ', 'and one that revives a revoked token has it revoked again');
CREATE RULE r AS ON UPDATE TO api_tokens DO INSTEAD NOTHING;
SELECT matches(pg_temp.after('INSERT INTO user_role_map VALUES (9, 14, false)'), '^[0-9A-Z]{5}$', 'nor does a rule: the grant fails');
DROP RULE r ON api_tokens;

-- Rows of a child table are the hub's rows, and no trigger of ours sees them.
SAVEPOINT a;
CREATE TABLE child () INHERITS (user_role_map);
SELECT ok(detail ~ 'child', 'a table that has children is reported') FROM jhub_authz.self_check() WHERE object ~ 'user_role_map';
SELECT throws_ok('SELECT jhub_authz.attach()', '42809', NULL, '... and not attached');
ROLLBACK TO a;
SAVEPOINT a;
CREATE TABLE child () INHERITS (api_tokens);
INSERT INTO child (id, user_id, client_id, created, prefix, hashed, scopes) VALUES (100, 10, 'jupyterhub', now(), 'x', 'x', '["inherit"]');
SELECT ok(count(*) = 2, 'so is a token without a baseline in one') FROM jhub_authz.self_check() WHERE object ~ 'api_tokens|100' OR detail ~ 'baseline|child';
ROLLBACK TO a;
SELECT is(pg_temp.above(), NULL, 'in the end, none');

SELECT * FROM finish();
ROLLBACK;
