-- Option login_mode: what upstream lets through and strict does not, gap by gap.
\set ON_ERROR_STOP 1
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT plan(38);

-- outcome and name in one mode or the other
CREATE FUNCTION pg_temp.decided(mode text, family text, document text, user_info jsonb, facts jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM jhub_authz.set_option('login_mode', mode), jhub_authz.load_login_config('p', family, document);
    RETURN (SELECT concat_ws(' ', outcome, username, nullif(array_to_string(groups, ','), ''))
              FROM jhub_authz.login_decide('p', user_info, facts));
END $$;

SELECT throws_ok($$ SELECT jhub_authz.set_option('login_mode', 'loose') $$, '22023', NULL, 'two modes');
SELECT is(value, 'upstream', 'upstream is the default') FROM jhub_authz.options WHERE name = 'login_mode';

SELECT unnest(ARRAY[is(pg_temp.decided('upstream', family, document, user_info::jsonb, facts::jsonb), upstream, 'upstream: ' || what),
                    is(pg_temp.decided('strict', family, document, user_info::jsonb, facts::jsonb), strict, 'strict: ' || what)])
  FROM (VALUES
    ('an unverified e-mail of auth0, with allow_all', 'auth0', '{"allow_all": true}', '{"email": "ann@x.org", "email_verified": false}', '{}',
     'allowed ann@x.org', 'http_403 ann@x.org'),
    ('... of google', 'google', '{"allow_all": true}', '{"email": "ann@x.org", "verified_email": false}', '{}', 'allowed ann@x.org', 'http_403 ann@x.org'),
    ('... and one without a word about it', 'google', '{"allow_all": true}', '{"email": "ann@x.org"}', '{}', 'allowed ann@x.org', 'http_403 ann@x.org'),
    ('a blocked name in another case', 'base', '{"allow_all": true, "blocked_users": ["Ann"]}', '{"name": "Ann"}', '{}', 'allowed ann', 'blocked ann'),
    ('... and as it is written', 'base', '{"allow_all": true, "blocked_users": ["ann"]}', '{"name": "Ann"}', '{}', 'blocked ann', 'blocked ann'),
    ('a blocked name that is mapped', 'base', '{"allow_all": true, "blocked_users": ["ann"], "username_map": {"ann": "bob"}}', '{"name": "ann"}', '{}',
     'allowed bob', 'blocked bob'),
    ('a map that is gone through twice', 'generic', '{"allow_all": true, "username_map": {"ann": "bob", "bob": "root"}}', '{"username": "ann"}', '{}',
     'allowed root', 'allowed bob'),
    ('a claim of groups that is a string', 'generic', '{"allow_all": true, "manage_groups": true}', '{"username": "ann", "groups": "ab"}', '{}',
     'allowed ann a,b', 'error ann'),
    ('the case of an identity provider', 'globus', '{"allow_all": true, "identity_provider": "X.org"}', '{"preferred_username": "ann@x.org"}', '{}',
     'http_403 ann', 'allowed ann'),
    ('the case of a domain with groups', 'google', '{"allowed_google_groups": {"X.org": ["g"]}}', '{"email": "ann@x.org", "verified_email": true}', '{"google_groups": ["g"]}',
     'denied ann@x.org', 'allowed ann@x.org'),
    ('the case of a hosted domain', 'google', '{"allow_all": true, "hosted_domain": ["x.org"]}', '{"email": "ann@x.org", "verified_email": true, "hd": "X.org"}', '{}',
     'blocked ann', 'allowed ann'),
    ('the case of an allowed hosted domain', 'google', '{"allowed_hosted_domains": ["x.org"]}', '{"email": "ann@x.org", "verified_email": true, "hd": "X.org"}', '{}',
     'denied ann@x.org', 'allowed ann@x.org'),
    ('a pattern that holds for the beginning of a name', 'base', '{"allow_all": true, "username_pattern": "[a-z]+"}', '{"name": "ann; rm"}', '{}',
     'allowed ann; rm', 'invalid_username ann; rm'),
    ('... and for all of it', 'base', '{"allow_all": true, "username_pattern": "[a-z]+"}', '{"name": "ann"}', '{}', 'allowed ann', 'allowed ann'),
    ('a refresh of one who is not allowed any more', 'generic', '{"enable_auth_state": true, "allowed_users": ["bob"]}', '{"username": "ann"}', '{"refresh": true}',
     'allowed ann', 'denied ann'),
    ('... of one who is blocked', 'generic', '{"enable_auth_state": true, "allow_all": true, "blocked_users": ["ann"]}', '{"username": "ann"}', '{"refresh": true}',
     'allowed ann', 'blocked ann'),
    ('... with the hub''s own', 'base', '{"allowed_users": ["bob"]}', '{"name": "ann"}', '{"refresh": true, "existing_users": []}', 'allowed ann', 'denied ann')
  ) AS v (what, family, document, user_info, facts, upstream, strict);

SELECT is(pg_temp.decided('strict', 'auth0', '{"allow_all": true, "allow_unverified_email": true}', '{"email": "ann@x.org"}'), 'allowed ann@x.org',
          'what is allowed by name stays allowed');
SELECT is_empty($$ SELECT FROM jhub_authz.options WHERE name = 'login_mode' AND value <> 'strict' $$, 'the mode is an option like the others');

SELECT * FROM finish();
ROLLBACK;
