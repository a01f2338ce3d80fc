-- A total order on the members' text, and hashes that agree with equality.
SET search_path = jhub_authz, public;

CREATE TEMP TABLE s (n int, s scopeset);
INSERT INTO s SELECT ordinality, x::scopeset FROM unnest(ARRAY[
  '', '(no_scope)', 'a', 'a!user', 'a!user=x', 'a b', 'ab', 'admin:users', 'admin:users!group=g', 'admin:users!user=x',
  'admin:userz', 'b', 'self', 'self users', 'users', 'users users!user=x', 'users!group=b', 'users!server', 'users!server=o/n',
  'users!service=s', 'users!user', 'users!user=a', 'users!user=aa', 'users!user=b', 'users:shares', 'zz', '["é"]', '["😀"]']) WITH ORDINALITY x;

-- the order is that of the lists of members
SELECT array_agg(s ORDER BY s) = array_agg(s ORDER BY s::text[] COLLATE "C") AS as_lists FROM s;
SELECT s FROM s ORDER BY s;

-- the operators agree with each other
SELECT count(*) AS pairs,
  count(*) FILTER (WHERE (a.s < b.s) <> (scopeset_cmp(a.s, b.s) < 0) OR (a.s <= b.s) <> (scopeset_cmp(a.s, b.s) <= 0)
    OR (a.s > b.s) <> (scopeset_cmp(a.s, b.s) > 0) OR (a.s >= b.s) <> (scopeset_cmp(a.s, b.s) >= 0)
    OR (a.s = b.s) <> (scopeset_cmp(a.s, b.s) = 0) OR (a.s <> b.s) <> (scopeset_cmp(a.s, b.s) <> 0)
    OR scopeset_cmp(a.s, b.s) <> -scopeset_cmp(b.s, a.s)) AS wrong,
  count(*) FILTER (WHERE a.s = b.s AND a.n <> b.n) AS equal
FROM s a, s b;

-- equal sets hash alike, however they came about
SELECT count(*) FILTER (WHERE scopeset_hash(s) <> scopeset_hash(s::text::scopeset)
  OR scopeset_hash_extended(s, 7) <> scopeset_hash_extended((s | s), 7)) AS wrong,
  count(DISTINCT scopeset_hash(s)) = count(*) AS spread,
  count(*) FILTER (WHERE (scopeset_hash_extended(s, 0)::bit(64) << 32)::bit(32) <> scopeset_hash(s)::bit(32)) AS low_half_wrong,
  count(*) FILTER (WHERE scopeset_hash_extended(s, 0) = scopeset_hash_extended(s, 1)) AS seed_ignored
FROM s;
SELECT count(DISTINCT scopeset_hash(('users!user=u' || i)::scopeset)) > 9990 AS spread,
  count(DISTINCT scopeset_hash(('users!user=u' || i)::scopeset) & 255) AS of_256 FROM generate_series(1, 10000) i;

-- classes are whole
SELECT amname, opcname FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod
WHERE opcintype = 'scopeset'::regtype AND NOT amvalidate(o.oid);

-- used by sorting, hashing, merging, unique indexes, hash partitions
CREATE TABLE p (s scopeset) PARTITION BY HASH (s);
CREATE TABLE p0 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE p1 PARTITION OF p FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO p SELECT s FROM s;
SELECT count(*) AS all_there, count(*) FILTER (WHERE tableoid = 'p0'::regclass) BETWEEN 5 AND 23 AS shared_out FROM p;
DROP TABLE p;
CREATE UNIQUE INDEX s_unique ON s (s);
INSERT INTO s VALUES (99, 'users self');
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT n FROM s WHERE s > 'users!user=a' ORDER BY s;
SELECT n, s FROM s WHERE s > 'users!user=a' ORDER BY s;
DROP INDEX s_unique;
CREATE INDEX s_hash ON s USING hash (s);
EXPLAIN (COSTS OFF) SELECT n FROM s WHERE s = 'users self';
SELECT n FROM s WHERE s = 'users self';
DROP INDEX s_hash;
RESET enable_seqscan;
RESET enable_bitmapscan;
SET enable_nestloop = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM s a JOIN s b ON a.s = b.s;
SELECT count(*) FROM s a JOIN s b ON a.s = b.s;
SET enable_hashjoin = off;
SET enable_mergejoin = on;
EXPLAIN (COSTS OFF) SELECT count(*) FROM s a JOIN s b ON a.s = b.s;
SELECT count(*) FROM s a JOIN s b ON a.s = b.s;
SELECT count(*) FROM (SELECT DISTINCT s FROM (TABLE s UNION ALL TABLE s) u) d;
