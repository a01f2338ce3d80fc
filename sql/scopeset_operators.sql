-- Members as permissions: an unfiltered scope covers the filtered ones of its
-- base, a user's filter covers that user's servers.
SET search_path = jhub_authz, public;

-- cover
SELECT a, b, a::scopeset @> b::scopeset AS "a @> b", b::scopeset <@ a::scopeset AS "b <@ a", a::scopeset <@ b::scopeset AS "a <@ b"
FROM (VALUES
  ('', ''), ('self', ''), ('', 'self'), ('a', 'a'), ('a b', 'b'), ('a', 'a b'),
  ('users', 'users!user=x'), ('users!user=x', 'users'), ('users', 'users!user=x users!group=g users!server=o/n users!service=s users!user'),
  ('users', 'read:users!user=x'), ('users users!user=x', 'users'), ('users', 'users users!user=x'),
  ('users!user=o', 'users!server=o/n'), ('users!user=o', 'users!server=o/'), ('users!user=o', 'users!server=o'),
  ('users!user=o', 'users!server=p/n'), ('users!user=o', 'users!server=oo/n'), ('users!user=o', 'users!server=o/n/m'),
  ('users!server=o/n', 'users!user=o'), ('users!server=o/', 'users!server=o/n'), ('users!user=o/n', 'users!server=o/n/m'),
  ('users!user', 'users!user=o'), ('users!user', 'users!user'), ('users!user=o', 'users!user'), ('users!server', 'users!server=o/n'),
  ('users!group=g', 'users!user=o'), ('users!group=g', 'users!group=g'), ('users!service=s', 'users!service=s users!service=t'),
  ('c:a', 'c:a!user=x'), ('c:a!user=x', 'c:a'), ('c:a!user=o c:b', 'c:a!server=o/n c:b!server=q/n'), ('c:a!user=o', 'c:b!server=o/n'),
  ('c:a!user=o users!user=p', 'c:a!user=p users!user=o')
) v(a, b);

-- intersection, overlap, difference, union
SELECT a, b, a::scopeset & b::scopeset AS "a & b", a::scopeset && b::scopeset AS "&&", a::scopeset - b::scopeset AS "a - b", a::scopeset | b::scopeset AS "a | b"
FROM (VALUES
  ('', ''), ('a', ''), ('', 'a'), ('a b', 'b c'), ('a', 'b'),
  ('users', 'users!user=x users!group=g'), ('users users!user=x', 'users!user=y'), ('users users!user=x', 'users users!user=y'),
  ('users!user=x users!user=y', 'users!user=y users!user=z'), ('users!user=x', 'users!group=x'), ('users!user=x', 'read:users!user=x'),
  ('users!user=o', 'users!server=o/n users!server=p/n'), ('users!server=o/n', 'users!user=o'), ('users!user=o users!server=o/n', 'users!user=o'),
  ('users!server=o/n', 'users!server=o/m'), ('users!user', 'users!user'), ('users!user', 'users!user=x'), ('users', 'users!user'),
  ('c:a c:b!user=x', 'c:a!user=y c:b!user=x c:b!user=y'), ('c:a!user=o users!user=p', 'c:a!server=o/n c:a!server=p/n users!server=p/n'),
  ('c:a c:b', 'c:b c:c'), ('c:a!user=x', 'c:b!user=x users')
) v(a, b);

-- mind the precedence: @>, & and | are of one, and bind from the left
SELECT 'a b'::scopeset @> ('a b'::scopeset & 'b c'::scopeset), ('a'::scopeset | 'b'::scopeset) @> 'a b'::scopeset;

-- cover is a preorder
SELECT a @> b AS "a @> b", b @> a AS "b @> a", a = b AS "a = b" FROM (SELECT 'users users!user=x'::scopeset, 'users'::scopeset) t(a, b);

-- reduce
SELECT s, reduce(s::scopeset) FROM (VALUES (''), ('users users!user=x users!user'), ('users!user=o users!server=o/n'),
  ('c:a c:a!user=x c:b!user=x users!user=x'), ('users read:users!user=x')) v(s);

-- the OAuth form
SELECT oauth_scope(''), oauth_scope('b a users!user=x'), oauth_scope('["users!user=zoë"]');

-- constructor: never split
SELECT scopeset_of('self'), scopeset_of('b', 'a', 'b'), scopeset_of(VARIADIC '{}'), scopeset_of(VARIADIC NULL);
SELECT scopeset_of('["a"]');

-- strict
SELECT NULL::scopeset @> 'a', 'a'::scopeset & NULL, reduce(NULL), scope_count(NULL), oauth_scope(NULL);

-- group filters and renames, for the rooms above
SELECT s, _filters_by_group(s::scopeset) FROM (VALUES (''), ('users'), ('users!user=g'), ('users!group=g'), ('a b!group=g')) v(s);
SELECT _rename_filter('["users!user=a", "users!user=b", "users!server=a/n", "users!server=b/", "c:a!user=a", "c:a!server=a/n", "users!group=a", "users!service=a", "users!user", "self"]',
  '{user,user}', '{a,b}', '{b,a}');
SELECT _rename_filter('users!group=g users!service=s c:x!group=g users!user=g', '{group,service}', '{g,s}', '{h,t}');
-- a server's rename is by its owner's old name; the owner's follows
SELECT _rename_filter('users!server=a/one users!server=a/two users!server=b/one', '{server,user}', '{a/one,a}', '{a/two,z}');
SELECT _rename_filter('users!server=a/one users!server=a/two', '{server,server}', '{a/one,a/two}', '{a/two,a/one}');
-- two names become one
SELECT _rename_filter('users!user=a users!user=b', '{user}', '{a}', '{b}');
-- a name that cannot be written leaves no member
SELECT _rename_filter('users!user=a users!server=a/n users!group=a self', '{user,user}', '{a,b}', '{"",c}');
SELECT _rename_filter('users!user=a users!server=a/n users!group=a self', '{user}', '{a}', ARRAY[E'\x01']);
SELECT _rename_filter('users', '{nobody}', '{a}', '{b}');
SELECT _rename_filter('users', '{user}', '{a,b}', '{b}');
SELECT _rename_filter('users!user=a', '{user}', '{a}', ARRAY[repeat('x', 2000)]);
