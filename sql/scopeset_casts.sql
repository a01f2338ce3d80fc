-- Casts: none implicit; to text and text[] on assignment.
SET search_path = jhub_authz, public;

SELECT castsource::regtype, casttarget::regtype, castcontext, castmethod,
  obj_description(c.oid, 'pg_cast') IS NOT NULL AS commented
FROM pg_cast c WHERE 'scopeset'::regtype IN (castsource, casttarget) ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";

-- the hub's own columns cast as they are
CREATE TEMP TABLE api_tokens (id int, scopes text, short varchar(40));
INSERT INTO api_tokens VALUES (1, '["read:users!user=ada", "self"]', 'self users'), (2, '[]', '["a"]'), (3, NULL, NULL);
SELECT id, scopes::scopeset, short::scopeset, scopes::scopeset::text = scopes AS same FROM api_tokens ORDER BY id;

-- assignment
CREATE TEMP TABLE t (x text, a text[], v varchar(30), s scopeset, j jsonb);
INSERT INTO t (x, a, v) SELECT s, s, s FROM (SELECT 'b a!user=x'::scopeset) u(s);
SELECT x, a, v FROM t;
UPDATE api_tokens SET scopes = '["b", "a", "b"]'::scopeset WHERE id = 3;
SELECT scopes FROM api_tokens WHERE id = 3;
-- the others are explicit
INSERT INTO t (s) VALUES ('a'::text);
INSERT INTO t (s) VALUES ('{a}'::text[]);
INSERT INTO t (s) VALUES ('["a"]'::jsonb);
INSERT INTO t (j) VALUES ('a'::scopeset);
-- and none is implicit
SELECT length('a'::scopeset);

-- text[]: one scope an element
SELECT ARRAY['b', 'users!user=ann bob', 'a', 'b']::scopeset, '{}'::text[]::scopeset, '{{a,b},{c,a}}'::text[]::scopeset;
SELECT 'b users!user a'::scopeset::text[], ''::scopeset::text[], '["users!user=zoë, \"x\""]'::scopeset::text[];

-- jsonb
SELECT '["b", "users!user=zo\u00eb", "b"]'::jsonb::scopeset, '[]'::jsonb::scopeset;
SELECT '["b", "users!user=zo\u00eb \"x\" \\"]'::scopeset::jsonb, ''::scopeset::jsonb;
SELECT jsonb_array_length('a b c'::scopeset::jsonb);

-- json goes by text
SELECT '["a"]'::json::text::scopeset;
