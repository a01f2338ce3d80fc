-- 2000 bytes a scope, 65535 scopes a set, on every way in.
SET search_path = jhub_authz, public;

CREATE FUNCTION pg_temp.n_scopes(n int, base text DEFAULT 'users!user=') RETURNS text[] LANGUAGE sql
AS $$ SELECT array_agg(base || i) FROM generate_series(1, n) i $$;

-- a scope of 2000 bytes is good, by each form
SELECT length(('["users!user=' || repeat('x', 1989) || '"]')::scopeset::text), scope_count(('a' || repeat('b', 1999))::scopeset),
  scope_count(('["users!user=' || repeat('\u00e9', 994) || 'x"]')::scopeset), scope_count(('users!user=' || repeat('é', 994) || 'x')::scopeset),
  scope_count(('["' || repeat('é', 1000) || '"]')::scopeset);
-- one more byte is not
SELECT ('["users!user=' || repeat('x', 1990) || '"]')::scopeset;
SELECT ('self users!user=' || repeat('x', 1990))::scopeset;
SELECT ('["' || repeat('a', 2001) || '"]')::scopeset;
SELECT ('["users!user=' || repeat('\u00e9', 995) || '"]')::scopeset;
SELECT ('["users!user=' || repeat('é', 995) || '"]')::scopeset;
SELECT ('["' || repeat('\u0061', 2001) || '"]')::scopeset;
SELECT ARRAY['users!user=' || repeat('x', 1990)]::scopeset;
SELECT scopeset_of('users!user=' || repeat('x', 1990));
SELECT jsonb_build_array('users!user=' || repeat('x', 1990))::scopeset;
SELECT scopeset_agg('users!user=' || repeat('x', 1990));

-- 65535 members are good
SELECT scope_count(pg_temp.n_scopes(65535)::scopeset), scope_count(pg_temp.n_scopes(65535, 'c:')::scopeset),
  scope_count(pg_temp.n_scopes(65535, 'c:x!group=')::scopeset);
CREATE TEMP TABLE big AS SELECT pg_temp.n_scopes(65535)::scopeset AS s, pg_temp.n_scopes(65535, 'c:')::scopeset AS c, pg_temp.n_scopes(65535, 'c:x!group=')::scopeset AS g;
SELECT s::text::scopeset = s, c::text[]::scopeset = c, g::jsonb::scopeset = g, reduce(s) = s, s & s = s, s | s = s, s - s = '', s @> s, s && s, (c & c) = c, (g & g) = g, c @> c, g - g, g @> g FROM big;
SELECT scope_count(s - 'users!user=7'), scope_count(s & 'users'), scope_count(c - 'c:7'), s @> 'users!server=7/x', 'users'::scopeset @> s, 'c:x'::scopeset @> g FROM big;
SELECT scopeset_hash(s) = scopeset_hash(s::text::scopeset), scopeset_cmp(s, s::text::scopeset), (SELECT count(*) FROM scope_explode(s)) FROM big;
SELECT length(scopeset_send(s)) = length(s::text) + 1 FROM big;
-- repetitions do not count
SELECT scope_count((pg_temp.n_scopes(65535) || pg_temp.n_scopes(65535))::scopeset), scope_count((pg_temp.n_scopes(65535, 'c:') || pg_temp.n_scopes(65535, 'c:'))::scopeset);
-- bases times filters
SELECT scope_count(scopeset_agg(b || '!user=' || i)) FROM unnest('{users,read:users,servers}'::text[]) b, generate_series(1, 21845) i;

-- one more is not
SELECT pg_temp.n_scopes(65536)::scopeset;
SELECT pg_temp.n_scopes(65536, 'c:')::scopeset;
SELECT pg_temp.n_scopes(65536, 'c:x!group=')::scopeset;
SELECT to_jsonb(pg_temp.n_scopes(65536))::text::scopeset;
SELECT array_to_string(pg_temp.n_scopes(65536), ' ')::scopeset;
SELECT to_jsonb(pg_temp.n_scopes(65536))::scopeset;
SELECT scopeset_of(VARIADIC pg_temp.n_scopes(65536));
SELECT scopeset_agg(s) FROM unnest(pg_temp.n_scopes(65536)) s;
SELECT scopeset_agg(s::scopeset) FROM unnest(pg_temp.n_scopes(65536)) s;
SELECT scopeset_agg(b || '!user=' || i) FROM unnest('{users,read:users,servers}'::text[]) b, generate_series(1, 21846) i;
SELECT s | 'self' FROM big;
SELECT s | c FROM big;
SELECT c | g FROM big;
SELECT c | 'self' FROM big;
-- but an intersection or a difference of large sets is no matter
SELECT s & c, scope_count(c - g), scope_count(c - s), g & c FROM big;
-- a name that grows beyond the limit by renaming
SELECT _rename_filter('c:a!user=x', '{user}', '{x}', ARRAY[repeat('x', 1992)]);
