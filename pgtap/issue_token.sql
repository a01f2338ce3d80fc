-- issue_token makes tokens that authenticate; nothing but its result knows them.
\set ON_ERROR_STOP 1
BEGIN;
\set hub hub
\ir ../testbed/hub_schema.sql
SET client_min_messages = warning;
SELECT jhub_authz.attach('hub') AS release \gset
SET search_path = hub, public, jhub_authz;

CREATE TEMP TABLE made (what text, token_id integer, token text, granted jhub_authz.scopeset, refused jhub_authz.scopeset);
CREATE FUNCTION pg_temp.granted(of text) RETURNS text LANGUAGE sql AS $$SELECT granted::text FROM made WHERE what = of$$;
CREATE FUNCTION pg_temp.refused(of text) RETURNS text LANGUAGE sql AS $$SELECT refused::text FROM made WHERE what = of$$;

SELECT plan(51);

-- Tokens that the hub made
SELECT is(jhub_authz.authenticate(md5('token2')), 2, 'a token with one round');
SELECT is(jhub_authz.authenticate(md5('token14')), 14, 'one with 16384 rounds');
SELECT is(jhub_authz.authenticate(md5('token10')), NULL, 'an expired one');
SELECT is(jhub_authz.authenticate(md5('token2') || 'x'), NULL, 'a longer one');
SELECT is(jhub_authz.authenticate(left(md5('token2'), 31)), NULL, 'a shorter one');
SELECT is(jhub_authz.authenticate(''), NULL, 'the empty one');
SELECT is(jhub_authz.authenticate(NULL), NULL, 'none');
SELECT is(jhub_authz.authenticate('zoë!'), NULL, 'a prefix that is not ASCII');

-- Hashes that fit nothing
INSERT INTO api_tokens (user_id, client_id, prefix, hashed, scopes)
SELECT 9, 'jupyterhub', 'abcd', replace(h, 'DIGEST', encode(sha512('00abcdefgh'), 'hex')), '[]'
FROM unnest(ARRAY['md5:1:00:DIGEST', 'sha512:0:00abcdefgh:DIGEST', 'sha512:01:00:DIGEST', 'sha512:-1:00:DIGEST', 'sha512:1:00', 'sha512',
                  'sha512:9999999999999999999999:00:DIGEST', 'sha512:1000000000:00:DIGEST', 'sha512:1:00:DIGEST:', 'sha512:1:00:', '']) h;
SELECT is(jhub_authz.authenticate('abcdefgh'), NULL, 'what the hub would not have written fits no token');
INSERT INTO api_tokens (user_id, client_id, prefix, hashed, scopes)
VALUES (9, NULL, 'abcd', 'sha512:1:00:' || encode(sha512('00abcdefgh'), 'hex'), '[]');
SELECT is(jhub_authz.authenticate('abcdefgh'), NULL, 'a token without a client is none');
UPDATE api_tokens SET client_id = 'jupyterhub' WHERE hashed LIKE 'sha512:1:00:%' AND length(hashed) = 140;
SELECT isnt(jhub_authz.authenticate('abcdefgh'), NULL, 'with one it is');

-- Issued
INSERT INTO made SELECT 'scopes', * FROM jhub_authz.issue_token('user', 'alice', '["self", "tokens!user", "proxy"]', note => 'by hand');
SELECT is(pg_temp.granted('scopes'), '["self", "tokens!user"]', 'granted is what the owner holds');
SELECT is(pg_temp.refused('scopes'), '["proxy"]', 'the rest is refused');
SELECT matches(token, '^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$', 'it looks as the hub''s do') FROM made WHERE what = 'scopes';
SELECT is(jhub_authz.authenticate(token), token_id, 'it authenticates') FROM made WHERE what = 'scopes';
SELECT results_eq($$SELECT t.user_id, t.service_id, t.client_id::text, t.session_id::text, t.expires_at, t.last_activity, t.note::text, t.scopes, t.prefix::text
                      FROM api_tokens t JOIN made m ON m.token_id = t.id$$,
                  $$SELECT 9, NULL::int, 'jupyterhub', NULL::text, NULL::timestamp, NULL::timestamp, 'by hand', '["self", "tokens!user"]', left(token, 4) FROM made$$,
                  'the row is as the hub would write it');
SELECT matches(t.hashed::text, '^sha512:1:[0-9a-f]{16}:[0-9a-f]{128}$', 'so is the hash') FROM api_tokens t JOIN made m ON m.token_id = t.id;
SELECT ok(abs(extract(epoch FROM t.created - (now() AT TIME ZONE 'UTC'))) < 600, 'created is UTC') FROM api_tokens t JOIN made m ON m.token_id = t.id;
SELECT is(hashed::text, 'sha512:1:' || split_part(hashed, ':', 3) || ':' ||
          encode(sha512(convert_to(split_part(hashed, ':', 3) || m.token, 'UTF8')), 'hex'), 'and the digest')
  FROM api_tokens t JOIN made m ON m.token_id = t.id;

INSERT INTO made SELECT 'default', * FROM jhub_authz.issue_token('user', 'alice');
SELECT is(pg_temp.granted('default'), '["inherit"]', 'neither scopes nor roles: the role token''s');
INSERT INTO made SELECT 'roles', * FROM jhub_authz.issue_token('user', 'zoë', roles => ARRAY['user', 'server', 'null', 'odd-names']);
SELECT is(pg_temp.granted('roles')::jhub_authz.scopeset OPERATOR(jhub_authz.-) jhub_authz.raw_scopes('user', 'zoë'), '["access:servers!server", "users:activity!user"]'::jhub_authz.scopeset, 'roles stand for their scopes');
INSERT INTO made SELECT 'none', * FROM jhub_authz.issue_token('user', 'alice', '[]');
SELECT is(pg_temp.granted('none'), '[]', 'no scopes are no scopes');
INSERT INTO made SELECT 'service', * FROM jhub_authz.issue_token('service', 'idle-culler', '["list:users"]', expires_in => '1 hour');
SELECT is(expires_at - created, '1 hour', 'a token of a service that expires') FROM api_tokens WHERE id = (SELECT token_id FROM made WHERE what = 'service');
SELECT is(service_id, 2, 'belongs to it') FROM api_tokens WHERE id = (SELECT token_id FROM made WHERE what = 'service');
INSERT INTO made SELECT 'partly', * FROM jhub_authz.issue_token('user', 'o''brien', '["list:users"]');
SELECT is(pg_temp.granted('partly')::jhub_authz.scopeset,
          jhub_authz.intersect_scopes(jhub_authz.expand('["list:users"]'), jhub_authz.user_scopes('o''brien')), 'a part is granted');
SELECT is(pg_temp.refused('partly'), '["list:users"]', 'and the whole reported as refused');
INSERT INTO made SELECT 'share', * FROM jhub_authz.issue_token('user', 'lonely', '["access:servers!server=bob/"]');
SELECT is(pg_temp.granted('share'), '["access:servers!server=bob/"]', 'what is held through a share can be granted');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'bob', '["list:users!group=physics"]', client_id => 'jupyterhub-user-bob')$$, '42501', NULL, 'through a client: no more than it may ask for');
INSERT INTO made SELECT 'client', * FROM jhub_authz.issue_token('user', 'bob', '["access:servers!server=bob/"]', client_id => 'jupyterhub-user-bob');
SELECT is(pg_temp.granted('client'), '["access:servers!server=bob/", "read:users:groups!user", "read:users:name!user"]', 'and identify and access scopes with it');
SELECT jhub_authz.set_policy('user', inherit => 'fix') \g /dev/null
INSERT INTO made SELECT 'fixed', * FROM jhub_authz.issue_token('user', 'alice', '["inherit"]');
SELECT is(pg_temp.granted('fixed')::jhub_authz.scopeset, jhub_authz.raw_scopes('user', 'alice'), 'inherit as the policy says');
SELECT is(pg_temp.refused('fixed'), '[]', 'which is no refusal');
DELETE FROM roles WHERE name = 'token';
INSERT INTO made SELECT 'without', * FROM jhub_authz.issue_token('service', 'idle-culler');
SELECT is(pg_temp.granted('without'), '["inherit"]', 'without a role token: inherit');
SELECT is((SELECT count(DISTINCT token) FROM made), (SELECT count(*) FROM made), 'no two tokens are equal');
SELECT is((SELECT array_agg(jhub_authz.authenticate(token) ORDER BY token_id) FROM made), (SELECT array_agg(token_id ORDER BY token_id) FROM made), 'all of them authenticate');

-- Refused arguments
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'no one')$$, '42704', 'user "no one" does not exist', 'an unknown user');
SELECT throws_ok($$SELECT jhub_authz.issue_token('service', 'alice')$$, '42704', 'service "alice" does not exist', 'an unknown service');
SELECT throws_ok($$SELECT jhub_authz.issue_token('group', 'physics')$$, '22023', NULL, 'a group owns no tokens');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', client_id => 'nothing')$$, '42704', 'OAuth client "nothing" does not exist', 'an unknown client');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', '["self"]', ARRAY['user'])$$, '22023', NULL, 'scopes and roles');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', roles => ARRAY['user', 'usr'])$$, '42704', 'role "usr" does not exist', 'an unknown role');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', roles => ARRAY['user', NULL])$$, '22004', NULL, 'a role that is NULL');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', '["read:uers"]')$$, '42704', NULL, 'a scope that does not exist');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', expires_in => '0')$$, '22023', NULL, 'no time to live');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', expires_in => '-1 day')$$, '22023', NULL, 'less than none');
SELECT throws_ok($$SELECT jhub_authz.issue_token('user', 'alice', note => repeat('ë', 1024))$$, '22001', NULL, 'a note that is too long');
SELECT lives_ok($$SELECT jhub_authz.issue_token('user', 'alice', note => repeat('ë', 1023))$$, 'one that just fits');
SELECT throws_ok($$SELECT jhub_authz.issue_token(NULL, 'alice')$$, '22004', NULL, 'no kind');

-- Where tokens must not be
SELECT is((SELECT count(*) FROM jhub_authz.token_events e, made m WHERE e::text LIKE '%' || m.token || '%'), 0::bigint, 'no event holds a token');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT is((SELECT count(*) FROM jhub_authz.token_events e, api_tokens t WHERE length(t.hashed) > 20 AND e::text LIKE '%' || split_part(t.hashed, ':', 4) || '%' AND split_part(t.hashed, ':', 4) <> ''),
          0::bigint, 'nor its hash');

ALTER TABLE api_tokens ADD CONSTRAINT pedantic CHECK (note <> 'no');
CREATE FUNCTION pg_temp.detail(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    EXECUTE statement;
    RETURN 'no error';
EXCEPTION WHEN check_violation OR datatype_mismatch THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN detail;
END
$$;
SELECT is(pg_temp.detail($$SELECT jhub_authz.issue_token('user', 'alice', note => 'no')$$),
          'The row is not shown, because it holds a hash.', 'nor the message when the row is not accepted');
ALTER TABLE api_tokens ALTER COLUMN scopes TYPE integer USING 1;
SELECT throws_ok($$INSERT INTO api_tokens (user_id, scopes) VALUES (9, 12345)$$, '42804', NULL, 'a column of another type is an error and no more');

SELECT * FROM finish();
ROLLBACK;
