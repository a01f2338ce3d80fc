-- Access to the server and a required scope: worked cases, each stage by itself
-- and both together.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/authorize_cases.sql
SELECT plan(12);

CREATE TEMP TABLE answered AS
SELECT c.*, jhub_authz.authorize(c.have::jhub_authz.scopeset, c.owner, c.server, c.action, c.resource) AS allowed,
       (SELECT bool_or(e.satisfied_by IS NOT NULL) FROM jhub_authz.authorize_explain(c.have::jhub_authz.scopeset, c.owner, c.server, c.action, c.resource) e
         WHERE e.stage = 'access') AS access_ok,
       (SELECT bool_or(e.satisfied_by IS NOT NULL) FROM jhub_authz.authorize_explain(c.have::jhub_authz.scopeset, c.owner, c.server, c.action, c.resource) e
         WHERE e.stage = 'required') AS required_ok,
       (SELECT coalesce(string_agg(e.required, ' ' ORDER BY e.required COLLATE "C"), '') FROM jhub_authz.authorize_explain(c.have::jhub_authz.scopeset, c.owner, c.server, c.action, c.resource) e
         WHERE e.stage = 'access' AND e.satisfied_by IS NOT NULL) AS access_by,
       (SELECT coalesce(string_agg(e.required, ' ' ORDER BY e.required COLLATE "C"), '') FROM jhub_authz.authorize_explain(c.have::jhub_authz.scopeset, c.owner, c.server, c.action, c.resource) e
         WHERE e.stage = 'required' AND e.satisfied_by IS NOT NULL) AS required_by
  FROM authorize_cases c;

SELECT is((SELECT count(*) FROM answered), 60::bigint, 'sixty cases');
SELECT is_empty($$ SELECT * FROM answered WHERE allowed IS DISTINCT FROM authorized $$, 'authorize answers as they say');
SELECT is_empty($$ SELECT * FROM answered WHERE access_ok IS DISTINCT FROM access $$, 'so does the stage of access');
SELECT is_empty($$ SELECT * FROM answered WHERE required_ok IS DISTINCT FROM required $$, 'and that of required scopes');
SELECT is_empty($$ SELECT * FROM answered WHERE access_by <> access_met $$, 'the scopes of access that are met are theirs');
SELECT is_empty($$ SELECT * FROM answered WHERE required_by <> required_met $$, 'and so are the required ones');
SELECT ok((SELECT bool_or(authorized) AND bool_or(access AND NOT required) AND bool_or(required AND NOT access) FROM answered), 'no stage is enough alone, both are');

-- no argument that is missing gives anything, and no decision is NULL
\set all '''["access:servers", "custom:jupyter_server:read:contents"]'''
SELECT ok(jhub_authz.authorize(:all, 'ann', '', 'read', 'contents'), 'unfiltered scopes do for everybody''s server');
SELECT is(ARRAY[jhub_authz.authorize(NULL, 'ann', '', 'read', 'contents'), jhub_authz.authorize(:all, NULL, '', 'read', 'contents'),
                jhub_authz.authorize(:all, 'ann', NULL, 'read', 'contents'), jhub_authz.authorize(:all, 'ann', '', NULL, 'contents'),
                jhub_authz.authorize(:all, 'ann', '', 'read', NULL), jhub_authz.authorize(:all, 'ann', '', 'read', 'contents', NULL)],
          ARRAY[false, false, false, false, false, false], 'a NULL is refused');
SELECT is(ARRAY[jhub_authz.authorize(:all, 'ann', '', 'READ', 'contents'), jhub_authz.authorize(:all, 'ann', '', 'read', 'Contents'),
                jhub_authz.authorize(:all, 'ann', '', 'read', 'contents '), jhub_authz.authorize(:all, 'ann', '', '', 'contents'),
                jhub_authz.authorize(:all, 'ann', '', 'read', ''), jhub_authz.authorize(:all, 'ann', '', 'read', 'contents', 'Jupyter_Server'),
                jhub_authz.authorize(:all, 'ann', '', 'read', 'contents', ''), jhub_authz.authorize(:all, 'ann', '', 'delete', 'contents')],
          array_fill(false, ARRAY[8]), 'words are taken as they are: another case is another word');
-- raw scopes are not expanded
SELECT ok(NOT jhub_authz.authorize('["self", "custom:jupyter_server:read:contents"]', 'ann', '', 'read', 'contents')
      AND NOT jhub_authz.authorize('["access:servers!server", "access:servers!user", "custom:jupyter_server:read:contents!user"]', 'ann', '', 'read', 'contents'),
          'what is held is taken as expanded');
SELECT ok(NOT jhub_authz.authorize('["access:servers", "custom:jupyter_server:*:*", "custom:jupyter_server:*:contents", "custom:*"]', 'ann', '', 'read', 'contents'),
          'a * is a letter');

SELECT * FROM finish();
ROLLBACK;
