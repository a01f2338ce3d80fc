-- A database half way from JupyterHub 2.x: roles put on a token are resolved to
-- its scopes.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SET search_path = hub, public, jhub_authz;
CREATE TABLE api_token_role_map (
    api_token_id integer REFERENCES api_tokens (id) ON DELETE CASCADE,
    role_id integer REFERENCES roles (id) ON DELETE CASCADE,
    PRIMARY KEY (api_token_id, role_id));
SELECT jhub_authz.attach('hub') AS release \gset

SELECT plan(5);
INSERT INTO api_token_role_map SELECT 14, id FROM roles WHERE name IN ('null', 'user');
SELECT is((SELECT scopes FROM api_tokens WHERE id = 14), '["self"]', 'a role''s scopes are the token''s');
INSERT INTO api_token_role_map SELECT 11, id FROM roles WHERE name IN ('culler', 'grader');
SELECT ok((SELECT scopes FROM api_tokens WHERE id = 11)::scopeset @> '["list:users!group=physics"]', 'also of several');
SELECT ok(covers(user_scopes('o''brien'), expand((SELECT scopes FROM api_tokens WHERE id = 11)::scopeset, 'user', 'o''brien')), 'and not more');
SELECT set_mode('observe') \g /dev/null
INSERT INTO api_token_role_map SELECT 11, id FROM roles WHERE name = 'user';
SELECT isnt((SELECT scopes FROM api_tokens WHERE id = 11)::scopeset @> '["self"]', true, 'observe: nothing is changed');
SELECT throws_ok('DO $$BEGIN PERFORM jhub_authz.resolve_token_roles(); END$$', '39P01', NULL, 'it is a trigger function');

SELECT * FROM finish();
ROLLBACK;
