-- What a subject may do is what the hub says it may do.
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

SELECT plan(71);

-- Expected is what JupyterHub 5.5.1 answers (get_scopes_for) on this population
CREATE TEMP TABLE expected (kind text, name text, scopes text);
INSERT INTO expected VALUES
    ('user', 'eq=ual', '["access:servers!user=eq=ual", "delete:servers!user=eq=ual", "read:servers!user=eq=ual", "read:shares!user=eq=ual", "read:tokens!user=eq=ual", "read:users!user=eq=ual", "read:users:activity!user=eq=ual", "read:users:groups!user=eq=ual", "read:users:name!user=\"quo\"te", "read:users:name!user=back\\slash", "read:users:name!user=bang!user", "read:users:name!user=eq=ual", "read:users:name!user=per%cent_x", "read:users:name!user=trailing ", "read:users:name!user=zo\u00eb", "read:users:shares!user=eq=ual", "servers!user=eq=ual", "tokens!user=eq=ual", "users:activity!user=eq=ual", "users:shares!user=eq=ual"]'),
    ('user', 'zoë', '["access:servers!group=physics", "access:servers!server=bob/", "access:servers!user=zo\u00eb", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!user=zo\u00eb", "groups!group=lab one", "list:groups!group=group!x=y", "list:groups!group=lab one", "read:groups!group=lab one", "read:groups:name!group=group!x=y", "read:groups:name!group=lab one", "read:roles:groups!group=lab one", "read:servers!user=zo\u00eb", "read:shares!user=zo\u00eb", "read:tokens!user=zo\u00eb", "read:users!user=zo\u00eb", "read:users:activity!user=zo\u00eb", "read:users:groups!user=zo\u00eb", "read:users:name!user=\"quo\"te", "read:users:name!user=back\\slash", "read:users:name!user=bang!user", "read:users:name!user=eq=ual", "read:users:name!user=per%cent_x", "read:users:name!user=trailing ", "read:users:name!user=zo\u00eb", "read:users:shares!user=zo\u00eb", "servers!user=zo\u00eb", "tokens!user=zo\u00eb", "users:activity!user=zo\u00eb", "users:shares!user=zo\u00eb"]'),
    ('user', 'trailing ', '["access:servers!user=trailing ", "delete:servers!user=trailing ", "read:servers!user=trailing ", "read:shares!user=trailing ", "read:tokens!user=trailing ", "read:users!user=trailing ", "read:users:activity!user=trailing ", "read:users:groups!user=trailing ", "read:users:name!user=trailing ", "read:users:shares!user=trailing ", "servers!user=trailing ", "tokens!user=trailing ", "users:activity!user=trailing ", "users:shares!user=trailing "]'),
    ('user', 'bob', '["access:servers!server=alice/", "access:servers!server=alice/lab", "access:servers!user=bob", "delete:servers!server=alice/lab", "delete:servers!server=bob/", "delete:servers!user=bob", "read:servers!server=alice/lab", "read:servers!server=bob/", "read:servers!user=bob", "read:shares!user=bob", "read:tokens!user=bob", "read:users!user=bob", "read:users:activity!user=bob", "read:users:groups!user=bob", "read:users:name!user=bob", "read:users:shares!user=bob", "servers!server=alice/lab", "servers!server=bob/", "servers!user=bob", "tokens!user=bob", "users:activity!user=bob", "users:shares!user=bob"]'),
    ('user', 'lonely', '["access:servers!server=bob/"]'),
    ('service', 'announce', '["access:services!service=announce", "read:services!service=announce", "read:services!service=sv c!1", "read:services:name!service=announce", "read:services:name!service=sv c!1"]'),
    ('service', 'idle-culler', '["delete:servers", "list:users", "read:servers", "read:users:activity", "read:users:name"]'),
    ('service', 'sv c!1', '[]'),
    ('group', 'physics', '["access:servers!server=alice/", "access:servers!server=alice/lab", "access:servers!user=bob", "delete:servers!server=alice/lab", "delete:servers!server=bob/", "read:servers!server=alice/lab", "read:servers!server=bob/", "servers!server=alice/lab", "servers!server=bob/"]'),
    ('group', 'lab one', '["access:servers!group=physics", "admin:groups!group=lab one", "delete:groups!group=lab one", "groups!group=lab one", "list:groups!group=group!x=y", "list:groups!group=lab one", "read:groups!group=lab one", "read:groups:name!group=group!x=y", "read:groups:name!group=lab one", "read:roles:groups!group=lab one"]'),
    ('group', 'group!x=y', '["read:users:name!user=\"quo\"te", "read:users:name!user=back\\slash", "read:users:name!user=bang!user", "read:users:name!user=eq=ual", "read:users:name!user=per%cent_x", "read:users:name!user=trailing ", "read:users:name!user=zo\u00eb"]'),
    ('group', 'empty', '["access:services!service=announce", "read:services!service=sv c!1", "read:services:name!service=sv c!1"]'),
    ('token', '2', '["access:servers!server=alice/", "access:servers!user=alice", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice"]'),
    ('token', 'a3', '["access:servers!server=alice/", "access:servers!user=bob", "read:users:groups!user=bob", "read:users:name!user=bob"]'),
    ('token', '4', '["admin:auth_state", "admin:users", "delete:users", "list:users", "read:roles:users", "read:users", "read:users:activity", "read:users:groups", "read:users:name", "users", "users:activity"]'),
    ('token', 'a5', '["access:servers!server=alice/", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice", "users:activity!user=alice"]'),
    ('token', '6', '["access:servers!server=alice/lab", "read:users:groups!user=alice", "read:users:name!user=alice"]'),
    ('token', 'a7', '["read:users:groups!user=bob", "read:users:name!user=bob"]'),
    ('token', '8', '["delete:servers", "list:users", "read:servers", "read:users:activity", "read:users:name"]'),
    ('token', 'a9', '["read:services!service=announce", "read:services:name!service=announce"]'),
    ('token', '10', '["access:servers!server=alice/", "access:servers!user=alice", "delete:servers!user=alice", "read:servers!user=alice", "read:shares!user=alice", "read:tokens!user=alice", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice", "read:users:shares!user=alice", "servers!user=alice", "tokens!user=alice", "users:activity!user=alice", "users:shares!user=alice"]'),
    ('token', 'a11', '["read:users:groups!user=o''brien", "read:users:name!user=o''brien"]'),
    ('token', '12', '["access:servers!server=bob/"]'),
    ('token', '14', '["read:users:groups!user=bob", "read:users:name!user=bob"]'),
    ('token', 'a15', '["access:servers!server=alice/", "read:users:groups!user=alice", "read:users:name!user=alice"]');
SELECT is(jhub_authz.subject_scopes(kind, name)::text, scopes, format('%s "%s"', kind, name))
FROM expected ORDER BY kind, name;

SELECT is(jhub_authz.user_scopes('bob')::text, (SELECT scopes FROM expected WHERE kind = 'user' AND name = 'bob'), 'user_scopes');
SELECT is(jhub_authz.service_scopes('announce')::text, (SELECT scopes FROM expected WHERE name = 'announce'), 'service_scopes');
SELECT is(jhub_authz.group_scopes('lab one')::text, (SELECT scopes FROM expected WHERE name = 'lab one'), 'group_scopes');
SELECT is(jhub_authz.token_scopes(7)::text, (SELECT scopes FROM expected WHERE name = 'a7'), 'token_scopes');

-- who does not exist
SELECT is(jhub_authz.subject_scopes(kind, name)::text, NULL, format('no %s "%s"', kind, name))
FROM (VALUES ('user', 'nobody'), ('user', ''), ('service', 'alice'), ('group', 'none'), ('token', '999'),
    ('token', 'a'), ('token', 'x1'), ('token', '99999999999999999999'), ('token', '-1')) AS n (kind, name);
SELECT throws_ok($$SELECT jhub_authz.subject_scopes('role', 'user')$$, '22023', NULL, 'unknown kind of subject');
SELECT is(jhub_authz.user_scopes(NULL)::text, NULL, 'NULL has no scopes');

-- raw scopes
SELECT is(jhub_authz.raw_scopes('user', 'bob')::text,
    '["access:servers!server=alice/", "access:servers!user=bob", "self", "servers!server=bob/"]', 'raw: roles and groups'' roles, no shares');
SELECT is(jhub_authz.raw_scopes('service', 'sv c!1')::text, '[]', 'raw: an empty role');
SELECT is(jhub_authz.raw_scopes('group', 'physics')::text,
    '["access:servers!server=alice/", "access:servers!user=bob", "servers!server=bob/"]', 'raw: a group''s roles');
SELECT is(jhub_authz.raw_scopes('token', 'a10')::text, '["self"]', 'raw: a token''s, as stored');
SELECT is(jhub_authz.raw_scopes('token', '11')::text, '[]', 'raw: NULL is none');
SELECT is(jhub_authz.raw_scopes('token', '9999')::text, NULL, 'raw: no such token');

-- yes or no
SELECT ok(jhub_authz.subject_has_scope('user', 'bob', 'access:servers!server=alice/lab'), 'a share with the group gives it');
SELECT ok(jhub_authz.subject_has_scope('user', 'zoë', 'access:servers!server=alice/x'), 'a filter by group reaches its members'' servers');
SELECT ok(NOT jhub_authz.subject_has_scope('user', 'zoë', 'access:servers!server=o''brien/x'), '... and nobody else''s');
SELECT ok(NOT jhub_authz.subject_has_scope('user', 'bob', 'access:servers'), 'filtered is not enough for unfiltered');
SELECT ok(NOT jhub_authz.subject_has_scope('user', 'nobody', 'read:hub'), 'nobody holds nothing');
SELECT ok(jhub_authz.subject_has_scope('token', 'a8', 'list:users'), 'a token');
SELECT ok(NOT jhub_authz.subject_has_scope('token', 'a10', 'servers!user=alice'), 'an expired token may do nothing');
SELECT throws_ok($$SELECT jhub_authz.subject_has_scope('user', 'nobody', 'servers!user')$$, '22023', NULL, 'self filter in what is required');
SELECT throws_ok($$SELECT jhub_authz.subject_has_scope('user', 'nobody', 'ser vers')$$, '22P02', NULL, 'no scope');
SELECT throws_ok($$SELECT jhub_authz.subject_has_scope('users', 'bob', 'servers')$$, '22023', NULL, 'no kind');
SELECT ok(jhub_authz.subject_covers('user', 'bob', '["self", "read:users!user"]'), 'wanted is expanded for the subject');
SELECT ok(NOT jhub_authz.subject_covers('user', 'lonely', '["self"]'), 'self is not held without a role');
SELECT ok(jhub_authz.subject_covers('user', 'bob', '["access:servers!server"]', 'jupyterhub-user-alice-lab'), 'the client is what !server means');
SELECT ok(NOT jhub_authz.subject_covers('user', 'o''brien', '["access:servers!server"]', 'jupyterhub-user-alice-lab'), '... for who has no share of it');
SELECT ok(jhub_authz.subject_covers('user', 'zoë', '["access:servers!user=bob"]'), 'covered through a group');
SELECT ok(jhub_authz.subject_covers('token', '6', '["access:servers!server"]'), 'a token''s own client');
SELECT ok(NOT jhub_authz.subject_covers('token', '10', '[]'), 'an expired token covers nothing');
SELECT ok(NOT jhub_authz.subject_covers('user', 'nobody', '[]'), 'nor does nobody');
SELECT throws_ok($$SELECT jhub_authz.subject_covers('user', 'bob', '[]', 'none')$$, '42704', NULL, 'unknown client');

-- option token_shares
SELECT ok(NOT jhub_authz.token_scopes(7) OPERATOR(jhub_authz.@>) 'servers!server=alice/lab', 'the hub leaves group shares out of tokens');
UPDATE public.api_tokens SET scopes = '["access:servers!server=alice/lab"]' WHERE id = 7;
SELECT ok(NOT jhub_authz.subject_has_scope('token', '7', 'access:servers!server=alice/lab'), '... of those that ask for them, too');
SELECT lives_ok($$SELECT jhub_authz.set_option('token_shares', 'documented')$$, 'token_shares = documented');
SELECT ok(jhub_authz.subject_has_scope('token', '7', 'access:servers!server=alice/lab'), 'counts them');
SELECT ok((SELECT effective OPERATOR(jhub_authz.@>) 'access:servers!server=alice/lab' FROM jhub_authz.all_token_scopes() WHERE token_id = 7), '... for everyone');

-- not attached
DELETE FROM jhub_authz.attachment;
SELECT throws_ok($$SELECT jhub_authz.user_scopes('bob')$$, '55000', NULL, 'no hub, no subjects');

SELECT * FROM finish();
ROLLBACK;
