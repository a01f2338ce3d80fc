-- Grants that give nothing are found, each with its reason; and how far a role reaches.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = error;
INSERT INTO jhub_authz.attachment (hub_schema, mode) VALUES ('public', 'observe');
SELECT plan(20);
CREATE FUNCTION pg_temp.found(kind text, name text) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(defect || coalesce(' ' || scope, ''), ', ' ORDER BY defect, scope COLLATE "C") FROM jhub_authz.orphaned_grants WHERE subject_kind = kind AND subject = name $$;
SELECT is((SELECT string_agg(subject_kind || ' ' || subject || ': ' || defect, ', ' ORDER BY subject_kind, subject) FROM jhub_authz.orphaned_grants),
    'client orphan: no target, role empty: empty role, role null: empty role', 'what the small hub has');

INSERT INTO public.roles (id, name, scopes, managed_by_auth) VALUES
    (100, 'odd', '["read:users!user=ghost", "read:users!user=alice", "servers!server=alice/none", "servers!server=alice/", "servers!server=alice/lab", "servers!server=ghost/", "read:groups!group=gone", "read:groups!group=physics", "access:services!service=ghost", "access:servers!server=lab", "read:users!user"]', false),
    (101, 'typo', '["read:uers!group=physics", "custom:ours:read"]', false), (102, 'broken', '["read:users"', false), (103, 'fine', '["read:users", "self"]', false);
INSERT INTO public.user_role_map SELECT 9, id, false FROM generate_series(100, 102) id;
SELECT is(pg_temp.found('role', 'odd'),
    'names nobody access:services!service=ghost, names nobody read:groups!group=gone, names nobody read:users!user=ghost, names nobody servers!server=alice/none, names nobody servers!server=ghost/, no slash access:servers!server=lab', 'filters that name nobody');
SELECT is((SELECT filter_kind || ' ' || filter_value || ': ' || detail FROM jhub_authz.orphaned_grants WHERE scope = 'read:groups!group=gone'), 'group gone: There is no group "gone"; if one is made, it takes effect.', '... with whom');
SELECT is(pg_temp.found('role', 'typo'), 'undefined custom:ours:read, undefined read:uers!group=physics', 'scopes that are not defined');
SELECT matches((SELECT detail FROM jhub_authz.orphaned_grants WHERE scope ~ 'uers'), 'The scope does not exist; perhaps "read:users(!group=physics)?" is meant\.', '... with what may be meant');
SELECT matches((SELECT defect || ': ' || detail FROM jhub_authz.orphaned_grants WHERE subject = 'broken'), '^does not parse: .', 'scopes that do not parse');
SELECT is(pg_temp.found('role', 'fine'), 'unheld role', 'a role that nobody has');
SELECT is(pg_temp.found('role', 'server'), NULL, '... which the hub''s own may be');
SELECT jhub_authz.define_scopes('{"custom:ours:read": {"description": "x"}}') \g /dev/null
SELECT is(pg_temp.found('role', 'typo'), 'undefined read:uers!group=physics', 'a custom scope that is defined now');
UPDATE public.shares SET scopes = '["access:servers!server=ghost/"]', spawner_id = NULL WHERE id = 2;
SELECT is(pg_temp.found('share', '2'), 'names nobody access:servers!server=ghost/, no target', 'a share of nothing');
INSERT INTO public.share_codes (id, hashed, created_at, scopes, owner_id) VALUES (100, 'h', '2024-01-01', '["x', 9);
SELECT is(pg_temp.found('share code', '100'), 'does not parse, no target', 'a code');
INSERT INTO public.api_tokens (id, client_id, created, expires_at, hashed, scopes) VALUES
    (100, 'jupyterhub', '2024-01-01', NULL, 'h1', '["read:users!user=ghost"]'), (101, 'jupyterhub', '2024-01-01', '2024-01-02', 'h2', '["read:users!user=ghost"]');
SELECT is(pg_temp.found('token', '100'), 'names nobody read:users!user=ghost, no owner', 'a token');
SELECT is(pg_temp.found('token', '101'), NULL, '... but not an expired one');
UPDATE public.oauth_clients SET allowed_scopes = '["read:users:name!user=ghost"]' WHERE identifier = 'service-odd';
SELECT is(pg_temp.found('client', 'service-odd'), 'names nobody read:users:name!user=ghost', 'what a client may ask for');

-- role_reach
CREATE FUNCTION pg_temp.reach(name text) RETURNS text LANGUAGE sql AS
    $$ SELECT string_agg(relation || ' ' || object_kind || ' ' || number || '/' || of_all, ', ') FROM jhub_authz.role_reach(name) WHERE number > 0 $$;
SELECT is(pg_temp.reach('by-group'), 'has it by a group user 3/14, has it group 1/4, uses it token 5/15, reaches user 2/14, reaches server 3/6, reaches group 2/4', 'a role of a group');
SELECT is((SELECT names FROM jhub_authz.role_reach('by-group') WHERE relation = 'reaches' AND object_kind = 'server'), '{alice/,alice/lab,bob/}', '... with the names');
SELECT is(pg_temp.reach('user'), 'has it user 13/14, uses it token 11/15, reaches user 13/14, reaches server 6/6', 'everybody to itself');
SELECT is(pg_temp.reach('culler'), 'has it service 1/4, uses it token 1/15, reaches user 14/14, reaches server 6/6', 'a service to all');
SELECT is((SELECT count(*) FROM jhub_authz.role_reach('by-group')), 9::bigint, 'a row for each question');
SELECT is_empty($$ SELECT * FROM jhub_authz.role_reach('nothing') $$, 'no such role');

SELECT * FROM finish();
ROLLBACK;
