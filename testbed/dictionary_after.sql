-- testbed/dictionary, with the library that knows two names more: nothing that
-- was stored before has changed its meaning.
SET search_path = jhub_authz, public;
SELECT * FROM no_plan();

-- The release is there, and its names with it
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM scope_definitions WHERE description = 'Invented.'),
          '(any_scope) read:kernels', 'the new names are defined');
SELECT is(expand('read:kernels!user=ann')::text, '["read:kernels!user=ann", "read:servers!user=ann", "read:users:name!user=ann"]', 'and imply what they should');

-- Values
SELECT is((SELECT count(*) FROM sets WHERE s::text <> t), 0::bigint, 'every value reads as it did');
CREATE TABLE again AS SELECT id, t, t::scopeset AS s FROM sets;
SELECT is((SELECT count(*) FROM sets JOIN again USING (id) WHERE same_bytes(sets.s, again.s)), 0::bigint,
          'written anew, no value is the same bytes');
SELECT is((SELECT count(*) FROM sets o JOIN again n USING (id)
            WHERE NOT (o.s = n.s AND n.s = o.s AND o.s <= n.s AND o.s >= n.s AND NOT o.s <> n.s AND NOT o.s < n.s
                       AND NOT o.s > n.s AND scopeset_cmp(n.s, o.s) = 0)), 0::bigint, 'old and new are equal');
SELECT is((SELECT count(*) FROM sets o JOIN again n USING (id)
            WHERE scopeset_hash(o.s) <> scopeset_hash(n.s) OR scopeset_hash_extended(o.s, 7) <> scopeset_hash_extended(n.s, 7)),
          0::bigint, 'old and new have the same hash');
SELECT is((SELECT count(*) FROM (SELECT id, s FROM sets UNION ALL SELECT id, s FROM again) v JOIN alone a USING (id)
            WHERE scopeset_hash(v.s) <> a.h OR scopeset_hash_extended(v.s, 7) <> a.h7 OR reduce(v.s)::text <> a.reduced
               OR scope_count(v.s) <> a.n OR has_scope(v.s, 'read:kernels!user=ann') <> a.kernels
               OR _rename_filter(v.s, '{user}', '{ann}', '{bob}')::text <> a.renamed
               OR md5((SELECT string_agg(scope, ' ' ORDER BY scope) FROM scope_explode(v.s))) IS DISTINCT FROM a.members),
          0::bigint, 'functions say what they said');

-- Pairs: both old, one of each, both new
CREATE TABLE versions AS
SELECT 'old' AS version, id, s FROM small UNION ALL SELECT 'new', id, again.s FROM again JOIN small USING (id);
SELECT is((SELECT count(*) FROM pair p JOIN versions x ON x.id = a JOIN versions y ON y.id = b AND y.version = v2 WHERE x.version = v1
              AND ((x.s = y.s) <> eq OR scopeset_cmp(x.s, y.s) <> cmp OR (x.s @> y.s) <> covers OR (y.s <@ x.s) <> covers
                   OR (x.s && y.s) <> meets OR md5((x.s | y.s)::text) <> u OR md5((x.s & y.s)::text) <> i
                   OR md5((x.s - y.s)::text) <> m)), 0::bigint, format('every operator agrees: %s with %s', v1, v2))
FROM (VALUES ('old', 'old'), ('old', 'new'), ('new', 'old'), ('new', 'new')) v(v1, v2);

-- Aggregates, grouping, joins
SELECT is((SELECT md5(scopeset_agg(s)::text) FROM sets WHERE id % 5 = 0), (SELECT u FROM whole), 'scopeset_agg');
SELECT is((SELECT scopeset_intersect_agg(s)::text FROM sets WHERE id % 5 = 0), (SELECT i FROM whole), 'scopeset_intersect_agg');
SELECT is((SELECT md5(scopeset_agg(s)::text) FROM (SELECT id, s FROM sets UNION ALL SELECT id, s FROM again) v WHERE id % 5 = 0),
          (SELECT u FROM whole), 'scopeset_agg over both');
SET enable_hashagg = off;
SELECT is((SELECT count(*) FROM (SELECT s FROM (SELECT s FROM sets UNION ALL SELECT s FROM again) v GROUP BY s HAVING count(*) = 2) w),
          (SELECT count(*) FROM sets), 'groups by sorting');
SET enable_hashagg = on; SET enable_sort = off;
SELECT is((SELECT count(*) FROM (SELECT s FROM (SELECT s FROM sets UNION ALL SELECT s FROM again) v GROUP BY s HAVING count(*) = 2) w),
          (SELECT count(*) FROM sets), 'groups by hash');
RESET enable_sort;
SET enable_nestloop = off; SET enable_hashjoin = off;
SELECT is((SELECT count(*) FROM sets o JOIN again n ON o.s = n.s WHERE o.id = n.id), (SELECT count(*) FROM sets), 'merge join');
SET enable_mergejoin = off; SET enable_hashjoin = on;
SELECT is((SELECT count(*) FROM sets o JOIN again n ON o.s = n.s WHERE o.id = n.id), (SELECT count(*) FROM sets), 'hash join');
RESET enable_nestloop; RESET enable_mergejoin;

-- What an operator gives is of the new version: as if made of new values only
SELECT is((SELECT count(*) FROM sets o JOIN again n USING (id)
            WHERE NOT (same_bytes(o.s | '[]', n.s) AND same_bytes(o.s - '[]', n.s) AND same_bytes(reduce(o.s), reduce(n.s))
                       AND same_bytes(o.s & o.s, n.s & n.s) AND same_bytes(validate(o.s & 'self'), n.s & 'self'))),
          0::bigint, 'results are of the new version');

-- Indexes: the old rows are found, by new values
CREATE FUNCTION pg_temp.uses(query text, index text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    IF position(index IN line) > 0 THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END $$;
CREATE FUNCTION pg_temp.finds(what text, tab text, op text, operands text) RETURNS SETOF text LANGUAGE plpgsql AS $$
-- each row of 'operands' against the table by index, and against its texts without
DECLARE
  query text := format('SELECT count(*), coalesce(sum(h.id * n.id), 0) FROM %s n, LATERAL (SELECT id FROM %I i WHERE i.s OPERATOR(jhub_authz.%s) n.s OFFSET 0) h',
                       operands, tab, op);
  by_index record; by_text record;
BEGIN
  RETURN NEXT ok(pg_temp.uses(query, 'i_' || substr(tab, 4)), what || ' uses the index');
  EXECUTE query INTO by_index;
  EXECUTE format('SELECT count(*), coalesce(sum(h.id * n.id), 0) FROM %s n, (SELECT id, (t || '''')::jhub_authz.scopeset AS s FROM %I OFFSET 0) h WHERE h.s OPERATOR(jhub_authz.%s) n.s',
                 operands, tab, op) INTO by_text;
  RETURN NEXT is(by_index, by_text, what || ' finds every row');
  RETURN NEXT cmp_ok(by_index.count, '>', 0::bigint, what || ' finds rows');
END $$;
SET enable_seqscan = off; SET max_parallel_workers_per_gather = 0;
SELECT pg_temp.finds('btree ' || op, 'by_btree', op, '(SELECT * FROM again WHERE id % 3 = 0)') FROM unnest(ARRAY['<', '<=', '=', '>=', '>']) op;
SELECT pg_temp.finds('hash =', 'by_hash', '=', 'again');
SELECT pg_temp.finds('gin ' || op, 'by_gin', op, '(SELECT * FROM again WHERE id % 3 = 0)') FROM unnest(ARRAY['@>', '<@', '&&', '=']) op;
SELECT lives_ok('SELECT bt_index_check(''i_btree'', true)', 'amcheck, old values');
SELECT throws_ok('INSERT INTO by_btree SELECT * FROM again WHERE scope_count(s) < 1000 AND scope_count(s) > 1 LIMIT 1', '23505', NULL,
                 'a new value is a duplicate of the old one');
INSERT INTO by_btree SELECT * FROM again WHERE scope_count(s) < 1000 ON CONFLICT (s) DO NOTHING;
SELECT is((SELECT count(*) FROM by_btree), (SELECT count(DISTINCT id) FROM by_btree), 'and none gets in');

-- Indexes with values of both versions
CREATE INDEX i_both ON by_btree (s);
DROP INDEX i_btree;
INSERT INTO by_btree SELECT * FROM again WHERE scope_count(s) < 1000;
INSERT INTO by_btree SELECT id, t, (t || '')::scopeset | 'zzz!user=new' FROM again WHERE scope_count(s) < 1000;
ALTER INDEX i_both RENAME TO i_btree;
INSERT INTO by_hash SELECT * FROM again;
INSERT INTO by_gin SELECT * FROM again;
UPDATE by_btree SET t = s::text;
UPDATE by_btree SET s = t::scopeset WHERE id % 7 = 0;
SELECT pg_temp.finds('mixed btree ' || op, 'by_btree', op, '(SELECT * FROM versions WHERE id % 3 = 0)') FROM unnest(ARRAY['<', '<=', '=', '>=', '>']) op;
SELECT pg_temp.finds('mixed hash =', 'by_hash', '=', 'versions');
SELECT pg_temp.finds('mixed gin ' || op, 'by_gin', op, '(SELECT * FROM versions WHERE id % 3 = 0)') FROM unnest(ARRAY['@>', '<@', '&&', '=']) op;
SELECT lives_ok('SELECT bt_index_check(''i_btree'', true)', 'amcheck, values of both versions');
DELETE FROM by_btree WHERE id % 2 = 0;
VACUUM by_btree;
REINDEX TABLE by_btree;
SELECT lives_ok('SELECT bt_index_check(''i_btree'', true)', 'amcheck after REINDEX');
RESET enable_seqscan;
ANALYZE;
SELECT lives_ok('EXPLAIN SELECT * FROM by_gin WHERE s @> ''read:kernels'' OR s && ''users''', 'planning with statistics of both versions');

-- Reading an old value leaves nothing behind: a sort compares each many times
SELECT is((SELECT count(*) FROM (SELECT s FROM sets, generate_series(1, 40) ORDER BY s) v), 40 * (SELECT count(*) FROM sets), 'a large sort');

-- Copying by text, and a table made anew
CREATE TABLE copied (id int, t text, s scopeset);
\copy sets (id, t, s) TO 'copied.tmp'
\copy copied FROM 'copied.tmp'
\! rm -f copied.tmp
SELECT is((SELECT count(*) FROM copied c JOIN again n USING (id) WHERE same_bytes(c.s, n.s)), (SELECT count(*) FROM sets), 'COPY brings values up to date');
