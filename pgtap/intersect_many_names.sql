-- Intersecting sets of many names, of all kinds that are easily got wrong: names
-- that begin alike, that go on below '/', that hold a slash, that are as long as a
-- machine word, and local bases.  Expected is, member by member, what both cover.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\if :{?seed}
\else
SELECT floor(random() * 1000000)::int AS seed \gset
\endif
\if :{?pairs}
\else
\set pairs 64
\endif
SELECT setseed(:seed / 1000000.0) \g /dev/null
BEGIN;
SELECT diag('intersect_many_names, seed: ' || :seed);
SELECT plan(9);

-- One name of a family; few numbers, so that both sides often have it.
CREATE FUNCTION pg_temp.name_of(family int, most int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE family % 8
        WHEN 0 THEN 'user' || lpad(i::text, 5, '0')
        WHEN 1 THEN repeat('a', 1 + i % 21)
        WHEN 2 THEN 'u' || repeat((ARRAY['-', '.', '+', '0', 'x'])[1 + i % 5], i % 7)
        WHEN 3 THEN left('longest-common-beginning/of-all', 24 + i % 5) || i % 30
        WHEN 4 THEN (ARRAY['ab', 'ab/cd', 'ab-', 'ab.e', 'abc', 'ab0', '12345678', '1234567', '123456789', '12345678-x', '12345678.y/z', 'é', 'éa'])[1 + i % 13] || CASE WHEN i > 40 THEN i % 4 || '' ELSE '' END
        WHEN 5 THEN 'group' || i
        WHEN 6 THEN md5((i % 40)::text)
        ELSE lpad(i::text, 8, 'z') END
    FROM (SELECT floor(random() * most)::int AS i) AS r $$;

CREATE FUNCTION pg_temp.base_of(custom double precision) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN random() < custom THEN (ARRAY['custom:tool', 'custom:', 'c:aaaaaaaaaaa', 'z'])[1 + i % 4] || lpad((i % 60)::text, 1 + i % 4, '0') || (ARRAY['', ':read'])[1 + i % 2]
           ELSE (ARRAY['access:servers', 'read:users', 'servers'])[1 + i % 3] END
    FROM (SELECT floor(random() * 240)::int AS i) AS r $$;

-- What a pair is like: the family of its names, how many, how often a base is a
-- custom one, and how often a scope has no filter.
CREATE TEMP TABLE shapes AS
    SELECT n, n % 8 AS family, (ARRAY[3, 20, 50, 150])[1 + n % 4] AS size, (ARRAY[60, 300])[1 + n % 2] AS most,
           (ARRAY[0, 0, 0.3, 1])[1 + (n / 8) % 4] AS custom, (ARRAY[0, 0.02, 0.2])[1 + (n / 3) % 3] AS bare,
           (ARRAY[1, 2, 5])[1 + (n / 5) % 3] AS kinds
    FROM generate_series(1, :pairs) AS n;

CREATE FUNCTION pg_temp.scope_of(s shapes, side int) RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.base_of(s.custom) || CASE
        WHEN random() < s.bare THEN ''
        -- one user for all: then custom scopes are held once each
        WHEN s.kinds = 1 AND s.custom = 1 THEN (ARRAY['!user=ab', '!user=ab', '!server=ab/cd', '!user'])[1 + (s.n / 32) % 2 * side * (1 + floor(random() * 2)::int)]
        -- users against servers
        WHEN s.kinds = 1 THEN CASE WHEN side = 0 THEN '!user=' || name ELSE '!server=' || name || (ARRAY['', '/', '/lab'])[1 + floor(random() * 3)::int] END
        WHEN s.kinds = 2 THEN '!user=' || name
        ELSE (ARRAY['!user=', '!user=', '!server=', '!server=', '!group=', '!service='])[1 + floor(random() * 6)::int] || name || (ARRAY['', '/', '/lab'])[1 + floor(random() * 3)::int] END
    FROM (SELECT pg_temp.name_of(s.family, s.most) AS name) AS r $$;

-- whatever makes the sets, it is about what they have in common
\if :{?few}
SET LOCAL debug_discard_caches = 0;
\endif
CREATE TEMP TABLE held AS
    SELECT s.n, s.size, s.custom, s.kinds, side, jhub_authz.scopeset_agg(pg_temp.scope_of(s, side)) AS scopes
    FROM shapes AS s, generate_series(0, 1) AS side, generate_series(1, s.size) AS i
    GROUP BY s.n, s.size, s.custom, s.kinds, side;
\if :{?few}
RESET debug_discard_caches;
\endif
CREATE TEMP TABLE pairs (n int, size int, custom numeric, kinds int, a jhub_authz.scopeset, b jhub_authz.scopeset);
ALTER TABLE pairs ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
INSERT INTO pairs
    SELECT n, a.size, a.custom, a.kinds, a.scopes AS a, b.scopes AS b FROM held AS a JOIN held AS b USING (n) WHERE a.side = 0 AND b.side = 1;

-- by cover, which compares one member at a time; both sides count as reduced
CREATE TEMP TABLE expected AS
    SELECT n, coalesce(jhub_authz.reduce(jhub_authz.scopeset_agg(m.scope) FILTER (WHERE p.a OPERATOR(jhub_authz.@>) m.one AND p.b OPERATOR(jhub_authz.@>) m.one)), '') AS scopes
    FROM pairs AS p, LATERAL (SELECT scope, jhub_authz.scopeset_of(scope) AS one
        FROM unnest((jhub_authz.reduce(p.a) OPERATOR(jhub_authz.|) jhub_authz.reduce(p.b))::text[]) AS scope) AS m
    GROUP BY n;

SELECT is_empty($$SELECT n, a, b, a OPERATOR(jhub_authz.&) b, e.scopes FROM pairs JOIN expected AS e USING (n)
    WHERE (a OPERATOR(jhub_authz.&) b) OPERATOR(jhub_authz.<>) e.scopes$$, 'an intersection is what both cover');
SELECT is_empty($$SELECT n, a, b FROM pairs JOIN expected AS e USING (n)
    WHERE (b OPERATOR(jhub_authz.&) a) OPERATOR(jhub_authz.<>) e.scopes$$, 'and the same the other way');
SELECT is_empty($$SELECT n FROM pairs
    WHERE (a OPERATOR(jhub_authz.&) b)::text::jhub_authz.scopeset::text OPERATOR(pg_catalog.<>) (a OPERATOR(jhub_authz.&) b)::text
       OR jhub_authz.scopeset_send(a OPERATOR(jhub_authz.&) b) <> jhub_authz.scopeset_send((a OPERATOR(jhub_authz.&) b)::text::jhub_authz.scopeset)
       OR jhub_authz.scopeset_hash_extended(a OPERATOR(jhub_authz.&) b, 0) <> jhub_authz.scopeset_hash_extended((a OPERATOR(jhub_authz.&) b)::text::jhub_authz.scopeset, 0)
       OR (a OPERATOR(jhub_authz.&) b) OPERATOR(jhub_authz.<>) (a OPERATOR(jhub_authz.&) b)::text::jhub_authz.scopeset
       OR pg_column_size(a OPERATOR(jhub_authz.&) b) <> pg_column_size((a OPERATOR(jhub_authz.&) b)::text::jhub_authz.scopeset)$$,
    'it is in the canonical form: read again, the same');
SELECT is_empty($$SELECT n FROM pairs
    WHERE (a OPERATOR(jhub_authz.&) a) OPERATOR(jhub_authz.<>) jhub_authz.reduce(a)$$, 'with itself, the set reduced');
SELECT ok((SELECT count(*) FROM expected JOIN pairs USING (n) WHERE expected.scopes OPERATOR(jhub_authz.<>) '' AND kinds = 1 AND custom = 0 AND size > 20) > 0,
    'among them are users against servers, many of each');
SELECT ok((SELECT count(*) FROM expected JOIN pairs USING (n) WHERE expected.scopes OPERATOR(jhub_authz.<>) '' AND kinds = 1 AND custom = 1 AND size > 20) > 0,
    'and custom scopes, held once each');

-- more of them than there is room for without allocating
SELECT is((SELECT jhub_authz.scope_count(jhub_authz.scopeset_agg('c:' || i || '!user=a') OPERATOR(jhub_authz.&) jhub_authz.scopeset_agg('c:' || i + 100 || '!user=a')) FROM generate_series(1, 1000) AS i),
          900, '900 of 1,000 custom scopes in common');
SELECT is((SELECT jhub_authz.scope_count(jhub_authz.scopeset_agg('c:' || i || '!user=' || i % 20) OPERATOR(jhub_authz.&) jhub_authz.scopeset_agg('c:' || i + 100 || '!user=' || i % 20)) FROM generate_series(1, 1000) AS i),
          900, 'and with many filters');

-- an owner whose servers come after those of names that go on below '/'
SELECT is((SELECT jhub_authz.scopeset_agg('servers!user=' || u) OPERATOR(jhub_authz.&) jhub_authz.scopeset_agg('servers!server=' || u || '/s')
           FROM (SELECT 'u' || repeat('-', i) AS u FROM generate_series(0, 30) AS i UNION ALL SELECT 'u' || repeat('-', i) || '.x' FROM generate_series(0, 30) AS i) AS names)::text,
          (SELECT jhub_authz.scopeset_agg('servers!server=' || u || '/s')
           FROM (SELECT 'u' || repeat('-', i) AS u FROM generate_series(0, 30) AS i UNION ALL SELECT 'u' || repeat('-', i) || '.x' FROM generate_series(0, 30) AS i) AS names)::text,
          'owners who are not in the order of their servers');
SELECT * FROM finish();
ROLLBACK;
