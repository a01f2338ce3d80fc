-- testbed/dictionary, with the library of today: values, indexes on them, and
-- what every operation says about them.
CREATE EXTENSION jhub_authz;
CREATE EXTENSION pgtap;
CREATE EXTENSION IF NOT EXISTS amcheck;
SET search_path = jhub_authz, public;
SELECT * FROM no_plan();
CREATE FUNCTION same_bytes(a scopeset, b scopeset) RETURNS boolean IMMUTABLE RETURN record_image_eq(row(a), row(b));

-- (any_scope) and read:kernels are local bases here, and known after
CREATE TABLE single AS
SELECT row_number() OVER (ORDER BY b, f) AS k, b || f AS scope
FROM unnest(ARRAY['(any_scope)', 'read:kernels', '(aaa)', '(no_scope)', 'access:servers', 'admin:users', 'custom:a',
                  'inherit', 'list:users', 'read:kernel', 'read:kernels:x', 'read:servers', 'read:users', 'self',
                  'servers', 'shutdown', 'users', 'users:shares', 'zzz']) b,
     unnest(ARRAY['', '!user', '!user=ann', '!user=bob', '!group=g', '!server=ann/x', '!server=bob/', '!service=s',
                  '!user=é '' "x"']) f;
-- single scopes, random sets of several densities, the empty set, a huge one
CREATE TABLE plain AS
SELECT row_number() OVER () AS id, t FROM (
  SELECT scopeset_of(scope)::text AS t FROM single WHERE k % 3 = 0
  UNION SELECT scopeset_agg(scope)::text FROM generate_series(1, 240) i, single
    WHERE abs(hashint8(i * 1000 + k)) % 97 < CASE i % 4 WHEN 0 THEN 1 WHEN 1 THEN 3 WHEN 2 THEN 15 ELSE 60 END GROUP BY i
  UNION SELECT '[]'
  UNION SELECT scopeset_agg(b || '!user=' || i)::text FROM generate_series(1, 2000) i, unnest(ARRAY['read:kernels', '(any_scope)', 'users', 'zzz']) b
) v(t);
CREATE TABLE sets AS SELECT id, t, t::scopeset AS s FROM plain;
CREATE TABLE by_btree AS TABLE sets;
CREATE TABLE by_hash AS TABLE sets;
CREATE TABLE by_gin AS TABLE sets;
-- the huge one is too large for a btree
DELETE FROM by_btree WHERE scope_count(s) > 1000;
CREATE UNIQUE INDEX i_btree ON by_btree (s);
CREATE INDEX i_hash ON by_hash USING hash (s);
CREATE INDEX i_gin ON by_gin USING gin (s);
ANALYZE;

CREATE TABLE small AS SELECT * FROM sets WHERE id % 4 = 0 OR scope_count(s) IN (0, 8000);
CREATE TABLE pair AS
SELECT a.id AS a, b.id AS b, a.s = b.s AS eq, scopeset_cmp(a.s, b.s) AS cmp, a.s @> b.s AS covers, a.s && b.s AS meets,
       md5((a.s | b.s)::text) AS u, md5((a.s & b.s)::text) AS i, md5((a.s - b.s)::text) AS m
FROM small a, small b;
CREATE TABLE alone AS
SELECT id, scopeset_hash(s) AS h, scopeset_hash_extended(s, 7) AS h7, reduce(s)::text AS reduced, scope_count(s) AS n,
       md5((SELECT string_agg(scope, ' ' ORDER BY scope) FROM scope_explode(s))) AS members,
       _rename_filter(s, '{user}', '{ann}', '{bob}')::text AS renamed,
       has_scope(s, 'read:kernels!user=ann') AS kernels
FROM sets;
CREATE TABLE whole AS SELECT md5(scopeset_agg(s)::text) AS u, scopeset_intersect_agg(s)::text AS i FROM sets WHERE id % 5 = 0;

SELECT cmp_ok((SELECT count(*) FROM sets), '>', 200::bigint, 'values are stored');
SELECT is((SELECT count(*) FROM sets WHERE NOT same_bytes(s, t::scopeset)), 0::bigint, 'a value is the same bytes as its text');
