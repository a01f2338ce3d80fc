-- Every malformed form has its own message and its position.
SET search_path = jhub_authz, public;

-- the scope
SELECT '!user=x'::scopeset;
SELECT '["a", ""]'::scopeset;
SELECT 'users!'::scopeset;
SELECT 'self users!usr=x'::scopeset;
SELECT 'users!=x'::scopeset;
SELECT 'users!grup=x'::scopeset;
SELECT 'users!srever'::scopeset;
SELECT 'users!nobody=x'::scopeset;
SELECT 'users!User=x'::scopeset;
SELECT 'users!group'::scopeset;
SELECT 'users!user='::scopeset;
SELECT '["users!user x"]'::scopeset;
SELECT '["read users"]'::scopeset;
SELECT '["read:users", "ré\u00a0x"]'::scopeset;
SELECT '["a\u3000b"]'::scopeset;
SELECT '["a\tb"]'::scopeset;
SELECT '["a\u0001b"]'::scopeset;
SELECT '["a\u0085b"]'::scopeset;
SELECT '["a\u009fb"]'::scopeset;
SELECT '["users!user=a\tb"]'::scopeset;
SELECT '["users!user=a\u007f"]'::scopeset;
SELECT '["users!user=é\u0080"]'::scopeset;

-- positions count characters, behind escapes too
SELECT '["ééé!x"]'::scopeset;
SELECT '["\u00e9\u00e9\ud83d\ude00!x"]'::scopeset;
SELECT 'ééé 😀!x'::scopeset;

-- the array
SELECT '['::scopeset;
SELECT '["a"'::scopeset;
SELECT '["a",'::scopeset;
SELECT '["a'::scopeset;
SELECT '["a\'::scopeset;
SELECT '["a\"'::scopeset;
SELECT '[,"a"]'::scopeset;
SELECT '["a",]'::scopeset;
SELECT '["a",,"b"]'::scopeset;
SELECT '["a" "b"]'::scopeset;
SELECT '["a"}'::scopeset;
SELECT '["a", 1]'::scopeset;
SELECT '["a", null]'::scopeset;
SELECT '[["a"]]'::scopeset;
SELECT '[{"a": 1}]'::scopeset;
SELECT '["a"] x'::scopeset;
SELECT '["a"]]'::scopeset;
SELECT '[''a'']'::scopeset;
SELECT E'["a\nb"]'::scopeset;
SELECT '["\x"]'::scopeset;
SELECT '["\u12"]'::scopeset;
SELECT '["\u12g4"]'::scopeset;
SELECT '["a\u0000"]'::scopeset;
SELECT '["\ud83d"]'::scopeset;
SELECT '["\ud83dx"]'::scopeset;
SELECT '["\ud83d\u0041"]'::scopeset;
SELECT '["x\ude00"]'::scopeset;

-- long input is cut at a character's boundary
SELECT ('users!usr=' || repeat('é', 300))::scopeset;

-- elements of arrays
SELECT ARRAY['self', 'users!usr=x']::scopeset;
SELECT ARRAY['self', NULL]::scopeset;
SELECT ARRAY['self users']::scopeset;
SELECT scopeset_of('self', '');
SELECT scopeset_of('["self"]', NULL);
SELECT '["self", "users!group"]'::jsonb::scopeset;
SELECT '"self"'::jsonb::scopeset;
SELECT '{"self": 1}'::jsonb::scopeset;
SELECT 'null'::jsonb::scopeset;
SELECT '["self", 1]'::jsonb::scopeset;
SELECT '["self", ["a"]]'::jsonb::scopeset;

-- the OAuth form cannot hold white space
SELECT oauth_scope('["self", "users!user=ann bob"]');
SELECT oauth_scope('["users!user=ann\u00a0bob"]');

-- codes
\set VERBOSITY sqlstate
SELECT 'users!usr=x'::scopeset;
SELECT '["a"'::scopeset;
SELECT ARRAY['self', NULL]::scopeset;
SELECT '1'::jsonb::scopeset;
SELECT oauth_scope('["users!user=ann bob"]');
