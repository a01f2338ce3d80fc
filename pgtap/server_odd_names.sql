-- Names of owners and servers are names, whatever they look like.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT plan(17);
CREATE TEMP TABLE names (name text);
INSERT INTO names VALUES ('ann'), ('o''brien'), ('bang!user'), ('eq=ual'), ('lab one'), (U&'zo\00EB'), (U&'\540D\524D'), (U&'\+01F600'), ('{server}'), ('{owner}'),
    ('"quo"te'), ('back\slash'), ('per%cent_x'), ('trailing '), ('ann!user=bob'), ('*'), (repeat('x', 255)), (repeat(U&'\+01F600', 255));
CREATE FUNCTION pg_temp.scope(base text, filter text, name text) RETURNS jhub_authz.scopeset LANGUAGE sql AS $$
    SELECT jhub_authz.scopeset_of(base || '!' || filter || '=' || name) $$;
\set read 'custom:jupyter_server:read:contents'

-- by the owner, everybody's with everybody: met where the names are the same, and nowhere else
SELECT is_empty($$ SELECT o.name, h.name FROM names o, names h
     WHERE jhub_authz.authorize(pg_temp.scope('access:servers', 'user', h.name) OPERATOR(jhub_authz.|) pg_temp.scope('custom:jupyter_server:read:contents', 'user', h.name), o.name, 'lab', 'read', 'contents')
           IS DISTINCT FROM (o.name = h.name) $$, 'by the owner''s name');
-- by the server
SELECT is_empty($$ SELECT o.name, s.name, h.name FROM names o, names s, names h
     WHERE octet_length(o.name || s.name || h.name) < 1500 AND jhub_authz.authorize(pg_temp.scope('access:servers', 'server', o.name || '/' || h.name) OPERATOR(jhub_authz.|) pg_temp.scope('custom:jupyter_server:read:contents', 'server', o.name || '/' || h.name), o.name, s.name, 'read', 'contents')
           IS DISTINCT FROM (s.name = h.name) $$, 'by the server''s');
SELECT is_empty($$ SELECT o.name FROM names o
     WHERE octet_length(o.name) < 1000 AND NOT jhub_authz.authorize(pg_temp.scope('access:servers', 'server', o.name || '/') OPERATOR(jhub_authz.|) pg_temp.scope('custom:jupyter_server:read:contents', 'server', o.name || '/'), o.name, '', 'read', 'contents') $$,
    'the default server has the empty name');
SELECT is_empty($$ SELECT o.name, s.name FROM names o, names s WHERE NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:read:contents"]', o.name, s.name, 'read', 'contents') $$,
    'and unfiltered scopes do for all of them, however long');
-- what is put in is not read again
SELECT ok(NOT jhub_authz.authorize('["access:servers!server=lab/lab", "access:servers!user=lab", "custom:jupyter_server:read:*"]', '{server}', 'lab', 'read', 'contents'), 'an owner called {server} is not the server');
SELECT ok(jhub_authz.authorize('["access:servers!server={server}/lab", "custom:jupyter_server:read:*!user={server}"]', '{server}', 'lab', 'read', 'contents'), '... but who is called so');
SELECT ok(NOT jhub_authz.authorize('["access:servers!server=ann/ann", "custom:jupyter_server:read:*!server=ann/ann"]', 'ann', '{owner}', 'read', 'contents'), 'a server called {owner} neither');
SELECT jhub_authz.set_required_scopes('jupyter_server', 'mixed', 'read', '{"custom:app:use!group={server} of {owner}"}') \g /dev/null
SELECT ok(jhub_authz.authorize('["access:servers", "custom:app:use!group={owner} of {server}"]', '{server}', '{owner}', 'read', 'mixed')
      AND NOT jhub_authz.authorize('["access:servers", "custom:app:use!group={server} of {server}"]', '{server}', '{owner}', 'read', 'mixed'), 'nor in the midst of text');
-- no name makes another filter, or another owner
SELECT ok(NOT jhub_authz.authorize('["access:servers!user=ann", "custom:jupyter_server:read:*!user=ann"]', 'ann/lab', '', 'read', 'contents')
      AND NOT jhub_authz.authorize('["access:servers!user=ann", "custom:jupyter_server:read:*!user=ann"]', 'ann/', 'lab', 'read', 'contents'), 'an owner with a / is nobody, not whom it begins with');
SELECT ok(NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:read:*"]', 'ann/lab', '', 'read', 'contents'), '... for nobody');
SELECT ok(NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:read:*"]', '', 'lab', 'read', 'contents'), 'nor is one without a name');
SELECT ok(jhub_authz.authorize('["access:servers!user=ann", "custom:jupyter_server:read:*!server=ann/a/b"]', 'ann', 'a/b', 'read', 'contents'), 'a server may have a / in its name');
SELECT ok(NOT jhub_authz.authorize('["access:servers!user=ann", "custom:jupyter_server:read:*!server=ann/a/b"]', 'ann', 'a', 'read', 'contents'), '... and is meant by all of it');
SELECT ok(NOT jhub_authz.authorize('["access:servers!server=lab", "custom:jupyter_server:read:*"]', 'ann', 'lab', 'read', 'contents'), 'a filter without a / is nobody''s server');
SELECT ok(NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:read:*"]', E'an\nn', 'lab', 'read', 'contents')
      AND NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:read:*"]', 'ann', E'l\tab', 'read', 'contents'), 'control characters are in no name');
SELECT ok(NOT jhub_authz.authorize('["access:servers!user=Ann", "custom:jupyter_server:read:*"]', 'ann', 'lab', 'read', 'contents'), 'names are taken as they are');
SELECT is((SELECT count(*) FROM names o, names s, jhub_authz.authorize_explain('["access:servers", "custom:jupyter_server:read:*"]', o.name, s.name, 'read', 'contents') e WHERE e.satisfied_by IS NOT NULL), (SELECT count(*) * 4 FROM names o, names s), 'and the reasons can be told of all of them');

SELECT * FROM finish();
ROLLBACK;
