-- Text in both forms, and what comes out: Python's json.dumps(sorted(s)).
SET search_path = jhub_authz, public;

-- the JSON form, as the hub stores it
SELECT '["read:users", "servers!user=ada", "self"]'::scopeset;
SELECT '[]'::scopeset, ' [ ] '::scopeset, E'\n["self"]\t'::scopeset;
SELECT E' [ "b" ,\n"a",\t"a" ,"a!user"] '::scopeset;

-- the OAuth form: separated by white space
SELECT 'read:users servers!user=ada self'::scopeset;
SELECT ''::scopeset, '   '::scopeset, (E'\t b\n a\f\r' || chr(11) || 'b ')::scopeset;
SELECT '(no_scope) custom:a:* {"a":1} null 12'::scopeset;

-- code point order: by base, then by kind and value
SELECT '["ab", "a!user=x", "a", "a-", "a\"", "zz", "users", "users!user", "users!user=a", "users!service=s",
  "users!service", "users!server=o/n", "users!server", "users!group=g", "users:shares", "users!user=b", "users!user=ab"]'::scopeset;
SELECT array_agg(scope ORDER BY scope COLLATE "C") = array_agg(scope ORDER BY n) AS in_order
FROM scope_explode('["ab", "a!user=x", "a", "a-", "a\"", "zz", "users", "users!user", "users!user=a", "users!service=s",
  "users!service", "users!server=o/n", "users!server", "users!group=g", "users:shares", "users!user=b", "users!user=ab",
  "\u00e9", "\ud83d\ude00", "\uffee"]') WITH ORDINALITY AS s(scope, base, kind, value, n);

-- well-known and other bases between each other
SELECT '["admin:users", "admin:userr", "admin:userz!user=x", "admin:usert", "zz", "(a)", "users!user=x", "(no_scope)", "~"]'::scopeset;

-- values may hold spaces, '!' and '=', quotes, backslashes
SELECT '["users!user=ann bob", "users!user=a!b", "users!user=a=b=", "users!user= x ", "users!user=o''brien",
  "users!user=\"q\"", "users!user=back\\slash", "users!user=a/b", "users!user=per%cent_x", "users!group=group!x=y",
  "users!server=o/", "users!server=o/n/m", "users!server=noslash", "users!service=s 1"]'::scopeset;

-- escapes on the way in; all JSON allows
SELECT '["\u0075sers\u0021user\u003Dx", "a\/b", "\u00E9!user=\ud83d\ude00", "users!group=\"\\\/"]'::scopeset;

-- beyond ASCII: by escape or as it is, escaped on the way out
SELECT '["users!user=zoë", "users!user=zo\u00eb", "users!user=日本", "users!user=😀", "é"]'::scopeset;
SELECT 'users!user=zoë é!group=😀'::scopeset;
SELECT scope, filter_value FROM scope_explode('["users!user=zo\u00eb", "users!user=\u65e5\u672c", "users!user=\ud83d\ude00"]');

-- duplicates, also written differently
SELECT '["a", "\u0061", "a", "users", "users"]'::scopeset;

-- what comes out goes in again
SELECT s = s::text::scopeset AS text_again, s = s::text[]::scopeset AS array_again, s = s::jsonb::scopeset AS jsonb_again
FROM (SELECT '["users!user=zoë \"q\" \\ !=", "x!group=😀", "a", "self", "users!server=o/n", "users!user"]'::scopeset) t(s);

-- binary: a version byte, then the text
SELECT encode(scopeset_send('["a", "users!user=zoë"]'), 'escape');

-- and back; the server's COPY is the shortest way to scopeset_recv
CREATE TEMP TABLE sent (s scopeset);
INSERT INTO sent VALUES ('["users!user=zo\u00eb \"q\"", "a", "self"]'), (''), (NULL);
COPY sent TO PROGRAM 'cat > scopeset_recv.tmp' (FORMAT binary);
CREATE TEMP TABLE received (s scopeset);
COPY received FROM PROGRAM 'cat scopeset_recv.tmp; rm scopeset_recv.tmp' (FORMAT binary);
TABLE received;
-- what is sent by others is parsed like any input: here not in order
CREATE TEMP TABLE bytes (b bytea);
INSERT INTO bytes VALUES ('\x01' || convert_to('["b", "a", "b"]', 'UTF8')), ('\x01');
COPY bytes TO PROGRAM 'cat > scopeset_recv.tmp' (FORMAT binary);
COPY received FROM PROGRAM 'cat scopeset_recv.tmp; rm scopeset_recv.tmp' (FORMAT binary);
TABLE received;
TRUNCATE bytes;
INSERT INTO bytes VALUES ('\x02' || convert_to('["a"]', 'UTF8'));
COPY bytes TO PROGRAM 'cat > scopeset_recv.tmp' (FORMAT binary);
\set VERBOSITY terse
\set SHOW_CONTEXT never
COPY received FROM PROGRAM 'cat scopeset_recv.tmp; rm scopeset_recv.tmp' (FORMAT binary);
TRUNCATE bytes;
INSERT INTO bytes VALUES ('\x01' || convert_to('["a!b"]', 'UTF8'));
COPY bytes TO PROGRAM 'cat > scopeset_recv.tmp' (FORMAT binary);
COPY received FROM PROGRAM 'cat scopeset_recv.tmp; rm scopeset_recv.tmp' (FORMAT binary);
\set VERBOSITY default

-- scope_count, scope_explode
SELECT scope_count(''), scope_count('self'), scope_count('self users users!user=x a!user b');
SELECT * FROM scope_explode('["users", "users!user", "users!user=a b", "users!server=o/n", "custom:x!group=g", "users!service"]');
SELECT count(*) FROM scope_explode('');

-- the planner knows how many rows a constant gives
CREATE FUNCTION pg_temp.rows_of(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  EXECUTE 'EXPLAIN ' || query INTO line;
  RETURN substring(line FROM 'rows=[0-9]+');
END $$;
SELECT pg_temp.rows_of($$SELECT * FROM jhub_authz.scope_explode('a b c')$$) AS three,
  pg_temp.rows_of($$SELECT * FROM jhub_authz.scope_explode(NULL)$$) AS by_default;

-- toasted and short values
CREATE TEMP TABLE t (s scopeset);
INSERT INTO t VALUES ('self'), (NULL), (''), ((SELECT scopeset_agg('users!user=' || md5(i::text)) FROM generate_series(1, 3000) i));
SELECT scope_count(s), pg_column_size(s) > 2000 AS big FROM t ORDER BY 1;
SELECT count(*) FROM t WHERE s = (SELECT scopeset_agg('users!user=' || md5(i::text)) FROM generate_series(1, 3000) i);
