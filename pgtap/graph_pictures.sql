-- graph_dot and graph_mermaid: what a picture shows is so, no name breaks its
-- text, and what does not fit is told.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
CREATE SCHEMA hub_test AUTHORIZATION hub_test_owner;
\set hub hub_test
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT no_plan();
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');

-- labels of the nodes of a kind, and edges as "label > label"
CREATE FUNCTION pg_temp.nodes(dot text, OUT n text, OUT label text) RETURNS SETOF record LANGUAGE sql AS $$
    SELECT m[1], m[2] FROM regexp_matches(dot, '^  (n\d+) \[label="((?:[^"\\]|\\.)*)"', 'gn') AS m $$;
CREATE FUNCTION pg_temp.edges(dot text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT a.label || ' > ' || b.label FROM regexp_matches(dot, '^  (n\d+) -> (n\d+)', 'gn') AS m
      JOIN pg_temp.nodes(dot) a ON a.n = m[1] JOIN pg_temp.nodes(dot) b ON b.n = m[2] $$;

-- a user: roles, groups, shares, what they give and on what
SELECT set_eq($$SELECT pg_temp.edges(jhub_authz.graph_dot('user', 'bob'))$$, ARRAY[
    'user\nbob > role\nuser', 'role\nuser > self', 'self > oneself',
    'user\nbob > role\nnull\n(without scopes)',
    'user\nbob > group\nphysics', 'group\nphysics > role\nby-server',
    'role\nby-server > access:servers!server=alice/', 'access:servers!server=alice/ > server\nalice/',
    'role\nby-server > access:servers!user=bob', 'access:servers!user=bob > user\nbob',
    'role\nby-server > servers!server=bob/', 'servers!server=bob/ > server\nbob/',
    'group\nphysics > share 2 of\nalice/lab',
    'share 2 of\nalice/lab > access:servers!server=alice/lab\nservers!server=alice/lab',
    'access:servers!server=alice/lab\nservers!server=alice/lab > server\nalice/lab',
    'user\nbob > share 1 of\nalice/',
    'share 1 of\nalice/ > access:servers!server=alice/', 'access:servers!server=alice/ > server\nalice/'], 'a user');
SELECT set_eq($$SELECT pg_temp.edges(jhub_authz.graph_dot('token', 'a6'))$$,
    $$SELECT 'token\n6 > client\njupyterhub-user-alice-lab' UNION SELECT 'token\n6 > user\nalice'
      UNION SELECT 'token\n6 > access:servers!server=alice/lab' UNION SELECT 'access:servers!server=alice/lab > server\nalice/lab'
      UNION SELECT pg_temp.edges(jhub_authz.graph_dot('user', 'alice'))$$, 'a token, and its owner');
SELECT set_eq($$SELECT pg_temp.edges(jhub_authz.graph_dot('service', 'idle-culler'))$$, ARRAY[
    'service\nidle-culler > role\nculler', 'role\nculler > delete:servers\nlist:users\nread:servers\nread:users:activity',
    'delete:servers\nlist:users\nread:servers\nread:users:activity > the whole hub'], 'a service');
SELECT set_eq($$SELECT pg_temp.edges(jhub_authz.graph_dot('role', 'by-service'))$$, ARRAY[
    'group\nempty\n0 members > role\nby-service', 'service\nannounce > role\nby-service',
    'role\nby-service > access:services!service=announce', 'access:services!service=announce > service\nannounce',
    'role\nby-service > read:services!service=sv c!1', 'read:services!service=sv c!1 > service\nsv c!1'], 'a role, and who has it');
SELECT set_has($$SELECT pg_temp.edges(jhub_authz.graph_dot('group', 'physics'))$$,
    $$VALUES ('user\nalice > group\nphysics\n2 members'), ('user\nbob > group\nphysics\n2 members'),
             ('group\nphysics\n2 members > role\nby-server')$$, 'a group, and who is in it');
SELECT set_has($$SELECT pg_temp.edges(jhub_authz.graph_dot())$$,
    $$VALUES ('13 users > role\nuser'), ('user\nadmin\n(admin) > role\nadmin'), ('service\nboss > role\nadmin'),
             ('group\nlab one\n3 members > role\nby-group')$$, 'the hub');

-- who reaches a server: the same as the check says, for everybody
SELECT set_eq(format($$SELECT pg_temp.edges(jhub_authz.graph_dot('server', %L))$$, 'alice/lab'), ARRAY[
    'user\nadmin\n(admin) > role\nadmin', 'service\nboss > role\nadmin', 'role\nadmin > access:servers\nshares', 'access:servers\nshares > server\nalice/lab',
    'group\nlab one\n3 members > role\nby-group', 'role\nby-group > access:servers!group=physics', 'access:servers!group=physics > server\nalice/lab',
    'user\nalice > role\nuser', 'role\nuser > self', 'self > server\nalice/lab',
    'user\nalice > role\nsharer', 'role\nsharer > shares!user', 'shares!user > server\nalice/lab',
    'group\nphysics\n2 members > share 2 of\nalice/lab', 'share 2 of\nalice/lab > access:servers!server=alice/lab',
    'access:servers!server=alice/lab > server\nalice/lab'], 'who reaches a server, and how');
CREATE FUNCTION pg_temp.shown(kind text, name text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT CASE WHEN n.label LIKE 'group%' THEN u.name ELSE split_part(n.label, '\n', 2) END
      FROM pg_temp.nodes(jhub_authz.graph_dot(kind, name)) n
      LEFT JOIN (hub_test.groups g JOIN hub_test.user_group_map m ON m.group_id = g.id JOIN hub_test.users u ON u.id = m.user_id)
        ON n.label LIKE 'group\\n%' AND g.name = split_part(n.label, '\n', 2)
     WHERE n.label ~ '^(user|group)\\n' AND (n.label !~ '^group' OR u.name IS NOT NULL) $$;
SELECT set_eq(format($$SELECT DISTINCT pg_temp.shown('server', %L)$$, s.server),
    format($$SELECT name::text FROM hub_test.users WHERE jhub_authz.subject_has_scope('user', name, 'access:servers!server=' || %L)$$, s.server),
    'users of server ' || s.server)
FROM (VALUES ('alice/'), ('alice/lab'), ('bob/'), ('o''brien/'), ('lonely/x')) AS s (server);
SELECT set_eq(format($$SELECT DISTINCT pg_temp.shown('scope', %L)$$, s.scope),
    format($$SELECT name::text FROM hub_test.users WHERE jhub_authz.subject_has_scope('user', name, %L)$$, s.scope),
    'holders of ' || s.scope)
FROM (VALUES ('read:users!user=bob'), ('list:groups!group=lab one'), ('admin:users'), ('tokens!user=o''brien'), ('read:groups:name!group=group!x=y'), ('shutdown')) AS s (scope);
SELECT is(jhub_authz.graph_dot('server', 'alice'), replace(jhub_authz.graph_dot('server', 'alice/'), 'label="server alice/"', 'label="server alice"'),
    'an owner is the default server');

-- names that would end a label, a line or a diagram
INSERT INTO hub_test.users (id, name, admin, cookie_id)
SELECT 100 + n, name, false, 'odd' || n FROM (VALUES
    (1, '"]; x [label="y'), (2, '\'), (3, 'a\nb'), (4, E'new\nline'), (5, 'end'), (6, '%%{init: {"theme": "dark"}}%%'),
    (7, '<script>alert(1)</script>'), (8, '`**md**`'), (9, '&quot;&amp;#34;'), (10, U&'\202Eltr\FB02\00B0\00B034\00B6\00DF'), (11, '1. - list'),
    (12, 'style x:#y;'), (13, repeat('long ', 50)), (14, 'click n1 "javascript:alert(1)"'), (15, '-->|x| n1')) AS o (n, name);
INSERT INTO hub_test.roles (id, name, scopes, managed_by_auth) VALUES
    (100, '"} digraph {', '["read:users!user=\"]; click n1", "nosuch:scope", "access:servers!group=gone"]', false), (101, 'broken', '{', false);
INSERT INTO hub_test.user_role_map (user_id, role_id, managed_by_auth)
SELECT id, CASE WHEN id = 101 THEN 101 ELSE 100 END, false FROM hub_test.users WHERE id > 100 AND id <= 106;
INSERT INTO hub_test.user_role_map (user_id, role_id, managed_by_auth)
SELECT id, CASE WHEN id % 2 = 0 THEN 12 ELSE 9 END, false FROM hub_test.users WHERE id > 106;
CREATE TEMP TABLE odd AS
SELECT kind, name, jhub_authz.graph_dot(kind, name, 1000) AS dot, jhub_authz.graph_mermaid(kind, name, 1000) AS mermaid
FROM (SELECT 'user' AS kind, name::text FROM hub_test.users
      UNION ALL SELECT 'role', name FROM hub_test.roles UNION ALL SELECT 'hub', NULL
      UNION ALL SELECT 'server', name || '/"]' FROM hub_test.users WHERE name !~ '\n'
      UNION ALL SELECT 'scope', 'read:users!user=' || name FROM hub_test.users WHERE name !~ '\n') AS s;
SELECT is_empty($$
    SELECT kind, name, l FROM odd, regexp_split_to_table(rtrim(dot, E'\n'), E'\n') AS l
     WHERE l !~ '^(digraph jhub_authz \{|  (graph|node|edge) \[.*\];|  n\d+ \[label="([^"\\]|\\["\\n])*", shape=[a-z]+(, (peripheries=2|style="[a-z,]+"|margin="0.3,0.1"))?, fillcolor="#[0-9a-f]{6}", color="#[0-9a-f]{6}"(, penwidth=3)?\];|  n\d+ -> n\d+( \[label="[a-z ]+"\])?;|\})$' $$,
    'every line of DOT is one of ours, whatever the names');
SELECT is_empty($$
    SELECT kind, name, l FROM odd, regexp_split_to_table(dot, E'\n') AS l WHERE l ~ '^  graph' AND l !~ '^  graph \[[^"]*"UTF-8"[^"]*"Helvetica"[^"]*label="([^"\\]|\\["\\n])*"\];$' $$,
    '... its title too');
SELECT is_empty($$
    SELECT kind, name, l FROM odd, regexp_split_to_table(rtrim(mermaid, E'\n'), E'\n') AS l
     WHERE l !~ '^(flowchart LR|  (n\d+|left)(\(\[|\[\[|\[/|\[\\|>|\{\{|\[|\()"([[:alnum:] /,\u0080-\U0010FFFF]|#\d+;|<br/>)*"(\]\)|\]\]|/\]|\\\]|\]|\}\}|\))|  n\d+ -->(\|"[a-z ]+"\|)? n\d+|  class [n0-9,]+ [a-z]+|  classDef [a-z]+ [-a-z:#0-9, ]+|  style n\d+ stroke-width:3px)$' $$,
    'every line of Mermaid is one of ours, whatever the names');
SELECT is_empty($$SELECT kind, name FROM odd WHERE dot IS NULL OR mermaid IS NULL$$, '... and there is a picture of each');
SELECT ok(strpos(dot, 'label="user\n\"]; x [label=\"y"') > 0, 'a quote is escaped') FROM odd WHERE name = '"]; x [label="y' AND kind = 'user';
SELECT ok(strpos(mermaid, '"user<br/>#60;script#62;alert#40;1#41;#60;/script#62;"') > 0, 'markup is not markup')
FROM odd WHERE name = '<script>alert(1)</script>' AND kind = 'user';
SELECT is(length(substring(dot FROM 'user\\n((long )+)')), 80, 'a long name is cut') FROM odd WHERE name ~ '^long' AND kind = 'user';
SELECT set_has($$SELECT label FROM pg_temp.nodes((SELECT dot FROM odd WHERE name = '"} digraph {' AND kind = 'role'))$$,
    $$VALUES ('nosuch:scope (undefined)'), ('members of group\ngone\n(there is none)')$$, 'what does not exist is marked');
SELECT set_has($$SELECT label FROM pg_temp.nodes((SELECT dot FROM odd WHERE name = 'broken' AND kind = 'role'))$$,
    $$VALUES ('role\nbroken\n(its scopes do not parse)')$$, '... and what does not parse');

-- the size
SELECT is((SELECT count(*) FROM pg_temp.nodes(jhub_authz.graph_dot('hub', NULL, 5))), 5::bigint, 'no more nodes than asked for');
SELECT ok(jhub_authz.graph_dot('hub', NULL, 5) ~ 'label="JupyterHub 5.5: [^"]*\\nLeft out: [0-9]+ users, ([0-9]+ [a-z ]+, )+[0-9]+ targets"', 'what was left out is told');
SELECT ok(jhub_authz.graph_mermaid('hub', NULL, 5) ~ '\n  left\["Left out#58; [0-9]+ users', '... in Mermaid too');
SELECT ok(jhub_authz.graph_dot('hub', NULL, 1000) !~ 'Left out', 'nothing, if all is there');
SELECT is((SELECT sum(m[1]::int) FROM regexp_matches(substring(jhub_authz.graph_dot('hub', NULL, 5) FROM 'Left out: [^"]*'), '\d+', 'g') AS m) + 5,
    (SELECT count(*) FROM pg_temp.nodes(jhub_authz.graph_dot('hub', NULL, 1000))), '... and each counts once');
SELECT ok(jhub_authz.graph_dot('user', 'alice', 1) ~ 'n1 \[label="user\\nalice"', 'what it is about comes first');

-- what there is not
SELECT is(jhub_authz.graph_dot(kind, 'nobody'), NULL, 'no such ' || kind) FROM unnest(ARRAY['user', 'role', 'group', 'service', 'token']) AS kind;
SELECT is(jhub_authz.graph_mermaid(NULL, NULL, NULL), jhub_authz.graph_mermaid(), 'NULL is the default');
SELECT throws_ok($$SELECT jhub_authz.graph_dot('users', 'x')$$, '22023', 'invalid kind of graph: "users"', 'no kind');
SELECT throws_ok($$SELECT jhub_authz.graph_dot('user')$$, '22023', 'a graph of kind "user" needs a name', 'no name');
SELECT throws_ok($$SELECT jhub_authz.graph_dot('hub', NULL, 0)$$, '22023', 'invalid size of a graph: 0', 'no size');
SELECT throws_ok($$SELECT jhub_authz.graph_dot('scope', 'read users')$$, '22P02', NULL, 'no scope');
SELECT throws_ok($$SELECT jhub_authz.graph_dot('scope', 'servers!user')$$, '22023', NULL, 'a self filter');
SELECT throws_ok($$SELECT jhub_authz.graph_dot('server', '')$$, '22023', NULL, 'no server');
DELETE FROM jhub_authz.attachment;
SELECT throws_ok($$SELECT jhub_authz.graph_dot()$$, '55000', NULL, 'no hub, no picture');

SELECT * FROM finish();
ROLLBACK;
