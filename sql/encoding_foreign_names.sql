-- A hub's scopes may name what the database's encoding has no characters for,
-- because JSON writes them in ASCII: that is nobody's name here, and no error.
\set database :DBNAME
CREATE DATABASE jhub_authz_foreign TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
\c jhub_authz_foreign
SET client_min_messages = warning;
CREATE EXTENSION jhub_authz;
\getenv srcdir PG_ABS_SRCDIR
\set population :srcdir '/testbed/hub_schema.sql'
\set ECHO none
\i :population
\set ECHO all
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES
    (50, 'group', '["read:users!group=physics"]', false),
    (51, 'odd', '["nosuch\u4e2d:x", "read:users!user=\ud83d\ude00"]', false),
    (52, 'misspelt', '["read:uers!user=\ud83d\ude00"]', false);
INSERT INTO user_role_map VALUES (10, 50, false);
SELECT jhub_authz.attach();
INSERT INTO api_tokens (id, user_id, client_id, created, hashed, scopes) VALUES
    (901, 10, 'jupyterhub', '2024-03-01', 'h901', '["read:users!user=\u4e2d", "read:users!user=alice"]');
SELECT scopes FROM api_tokens WHERE id = 901;
SELECT jhub_authz.subject_covers('user', 'bob', '["read:users!user=\u4e2d"]');
SELECT jhub_authz.covers('["read:users!group=physics"]', '["read:users!user=\u4e2d"]');
SELECT * FROM jhub_authz.self_check();
-- and audits tell it, as JSON writes it
INSERT INTO user_role_map VALUES (10, 51, false);
SELECT scope, filter_value FROM jhub_authz.effective_scopes WHERE subject_kind = 'user' AND subject = 'bob' AND via_role = 'odd' ORDER BY scope COLLATE "C";
SELECT code, subject, object FROM jhub_authz.findings WHERE subject_kind = 'role' AND subject IN ('odd', 'misspelt') ORDER BY code, subject COLLATE "C", object COLLATE "C";
SELECT jhub_authz.report_html() ~ 'nosuch.u4e2d:x' AS reported;
\c :database
DROP DATABASE jhub_authz_foreign;
