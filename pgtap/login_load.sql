-- load_login_config(): an authenticator's options become rules; a name or a type
-- that is wrong is refused by name, and then nothing is changed; a rule that stays
-- keeps its id.
\set ON_ERROR_STOP 1
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
SELECT plan(58);

CREATE FUNCTION pg_temp.load(family text, document text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text; hint text;
BEGIN
    PERFORM jhub_authz.load_login_config('p', family, document);
    RETURN 'loaded';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(' | ', SQLSTATE, SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- a whole section, secrets and all
SELECT is(pg_temp.load('github', '{
    "client_id": "abc", "client_secret": "do-not-keep", "oauth_callback_url": "https://hub/hub/oauth_callback",
    "scope": ["read:org"], "login_service": "GitHub", "enable_pkce": true, "http_request_kwargs": {"proxy_host": "p"},
    "modify_auth_state_hook": null, "auto_login": true, "allowed_organizations": ["jupyter", "jupyter:core"],
    "admin_users": ["Ann"], "blocked_users": "mallory", "username_map": {"annie": "ann"}}'), 'loaded', 'a whole section is taken');
SELECT results_eq($$ SELECT effect, kind, value FROM jhub_authz.login_rules WHERE provider = 'p' ORDER BY 1, 2, 3 $$,
    $$ VALUES ('admin', 'user', 'Ann'), ('allow', 'organization', 'jupyter'), ('allow', 'team', 'jupyter:core'), ('block', 'user', 'mallory') $$, '... as rules');
SELECT results_eq($$ SELECT name, username FROM jhub_authz.login_username_maps WHERE provider = 'p' $$, $$ VALUES ('annie', 'ann') $$, '... and a map of names');
SELECT is_empty($$ SELECT FROM jhub_authz.login_providers p WHERE p::text ~ 'do-not-keep' $$, 'no secret is kept');
SELECT results_eq($$ SELECT family, username_claim, groups_key, manage_groups, config_error FROM jhub_authz.login_providers WHERE provider = 'p' $$,
    $$ VALUES ('github', 'login', '', false, NULL::text) $$, 'settings with their defaults');

-- refused
CREATE TEMP TABLE before AS SELECT * FROM jhub_authz.login_rules;
SELECT is(pg_temp.load(family, document), expected, family || ' ' || left(document, 60)) FROM (VALUES
    ('github', '{"allowed_user": ["x"]}', '22023 | option "allowed_user" of family github does not exist | Perhaps you meant "allowed_users".'),
    ('generic', '{"allowed_organizations": ["x"]}', '22023 | option "allowed_organizations" of family generic does not exist | The view jhub_authz.login_options lists them.'),
    ('base', '{"manage_group": true}', '22023 | option "manage_group" of family base does not exist | Perhaps you meant "manage_groups".'),
    ('github', '{"allow_all": "yes"}', '22023 | invalid value for option "allow_all" | It must be: boolean.'),
    ('github', '{"allow_all": null}', '22023 | invalid value for option "allow_all" | It must be: boolean.'),
    ('github', '{"client_secret": 7}', '22023 | invalid value for option "client_secret" | It must be: string.'),
    ('github', '{"allowed_users": [1]}', '22023 | invalid value for option "allowed_users" | It must be: list of strings.'),
    ('github', '{"allowed_users": {"a": 1}}', '22023 | invalid value for option "allowed_users" | It must be: list of strings.'),
    ('github', '{"auth_refresh_age": 1.5}', '22023 | invalid value for option "auth_refresh_age" | It must be: integer.'),
    ('github', '{"username_map": {"a": 1}}', '22023 | invalid value for option "username_map" | It must be: object of strings.'),
    ('google', '{"allowed_google_groups": ["x"]}', '22023 | invalid value for option "allowed_google_groups" | It must be: object of lists of strings.'),
    ('google', '{"allowed_google_groups": {"x.org": "g"}}', '22023 | invalid value for option "allowed_google_groups" | It must be: object of lists of strings.'),
    ('github', '{"post_auth_hook": "f"}', '22023 | invalid value for option "post_auth_hook" | It is a function in Python, which JSON cannot hold; a decision knows nothing of what it does.'),
    ('github', '{"allowed_organizations": ["a:b:c"]}', '22023 | invalid value for option "allowed_organizations" | "a:b:c" is neither an organization nor organization:team.'),
    ('github', '{"username_pattern": "(a"}', '22023 | invalid value for option "username_pattern" | A parenthesis is not closed.'),
    ('github', '{"username_pattern": "(a)\\1"}', '22023 | invalid value for option "username_pattern" | "\1" is not supported.'),
    ('github', '{"username_pattern": "\\bann"}', '22023 | invalid value for option "username_pattern" | "\b" is not supported.'),
    ('github', '{"username_pattern": "(?i)ann"}', '22023 | invalid value for option "username_pattern" | Of groups that begin with "(?" only (?:, (?=, (?! and (?P<name> are supported.'),
    ('github', '{"username_pattern": "a{256}"}', '22023 | invalid value for option "username_pattern" | More than 255 repetitions are not supported.'),
    ('github', '{"username_pattern": "a*+"}', '22023 | invalid value for option "username_pattern" | Possessive quantifiers are not supported.'),
    ('github', '{"username_pattern": "((a{255}){255}){255}"}', '22023 | invalid value for option "username_pattern" | The server cannot run it, most likely because its repetitions multiply.'),
    ('cilogon', '{"username_claim": "email"}', '22023 | option "username_claim" is no longer accepted | The authenticator refuses it too.  Use "idps".'),
    ('cilogon', '{"idps": {}}', '22023 | invalid value for option "idps" | One or more identity providers must be configured.'),
    ('cilogon', '{"idps": {"https://i": {"username_derivation": {"username_claim": "e"}, "allowed_domain": []}}}',
        '22023 | invalid value for option "idps" | Identity provider "https://i": There is no "allowed_domain".  Perhaps you meant "allowed_domains".'),
    ('cilogon', '{"idps": {"i": {"username_derivation": {"username_claim": "e"}}}}', '22023 | invalid value for option "idps" | Identity provider "i": An entity id begins with urn:, https: or http:.'),
    ('cilogon', '{"idps": {"urn:i": {"username_derivation": {"username_claim": "e", "action": "prefix"}}}}',
        '22023 | invalid value for option "idps" | Identity provider "urn:i": The action prefix needs "prefix".'),
    ('cilogon', '{"idps": {"urn:i": {}}}', '22023 | invalid value for option "idps" | Identity provider "urn:i": "username_derivation" is missing.'),
    ('githb', '{}', '22023 | login family "githb" does not exist | Perhaps you meant "github".'),
    ('github', '[]', '22023 | the configuration of a login provider must be a JSON object | Its keys are the names of the authenticator''s options.')
) AS v (family, document, expected);
SELECT matches(pg_temp.load('github', '{"allow_all": tru}'), '^22P02', 'broken JSON');
SELECT throws_ok($$ SELECT jhub_authz.load_login_config('', 'github', '{}') $$, '22023', NULL, 'a provider has a name');
SELECT bag_eq('SELECT * FROM jhub_authz.login_rules', 'SELECT * FROM before', 'what is refused changes nothing');

-- what is well-formed, but keeps the authenticator from starting
CREATE FUNCTION pg_temp.config_error(family text, document text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM jhub_authz.load_login_config('p', family, document);
    RETURN (SELECT config_error FROM jhub_authz.login_providers WHERE provider = 'p');
END $$;
SELECT is(pg_temp.config_error(family, document), expected, coalesce(expected, document)) FROM (VALUES
    ('generic', '{"admin_groups": ["x"]}', 'admin_groups requires manage_groups to be set as well'),
    ('generic', '{"claim_groups_key": "x"}', 'claim_groups_key requires manage_groups to be set as well'),
    ('pam', '{"admin_groups": ["x"]}', NULL),
    ('generic', '{"allowed_scopes": ["x"], "scope": ["x"]}', NULL),
    ('generic', '{"allowed_scopes": ["x"], "scope": ["y"]}', 'allowed_scopes must be a subset of scope'),
    ('generic', '{"allowed_users": ["a/b"]}', 'allowed_users holds an invalid name: "a/b"')) AS v (family, document, expected);
SELECT is(outcome, 'config_error', 'each decision says so') FROM jhub_authz.login_decide('p', '{"username": "ann"}');

-- old names, and a single string for a list
SELECT is(pg_temp.load('github', '{"github_organization_whitelist": "jupyter", "allowed_organizations": ["other"]}'), 'loaded', 'an old name');
SELECT results_eq($$ SELECT kind, value FROM jhub_authz.login_rules WHERE provider = 'p' $$, $$ VALUES ('organization', 'jupyter') $$, '... wins, as in the authenticator');

-- a rule that stays keeps its id, and no number is lost
SELECT jhub_authz.load_login_config('ids', 'google', '{"allowed_users": ["a", "b"], "allowed_google_groups": {"x.org": ["g", "h"], "y.org": []}}') \g /dev/null
CREATE TEMP TABLE ids AS SELECT * FROM jhub_authz.login_rules WHERE provider = 'ids';
SELECT jhub_authz.load_login_config('ids', 'google', '{"allowed_users": ["b", "c"], "allowed_google_groups": {"x.org": ["g", "h"], "y.org": []}}') \g /dev/null
SELECT results_eq($$ SELECT value FROM jhub_authz.login_rules r WHERE provider = 'ids' AND NOT EXISTS (SELECT FROM ids i WHERE i.rule_id = r.rule_id) $$,
    $$ VALUES ('c') $$, 'one rule is new');
SELECT results_eq($$ SELECT value FROM ids i WHERE NOT EXISTS (SELECT FROM jhub_authz.login_rules r WHERE i.rule_id = r.rule_id) $$, $$ VALUES ('a') $$, '... and one is gone');
SELECT is((SELECT max(rule_id) FROM jhub_authz.login_rules), (SELECT max(rule_id) + 1 FROM ids), '... with the next number');

-- two of them, compared as doc/login.md does: also what has no value, and what a qualifier tells apart
CREATE FUNCTION pg_temp.diff(a text, b text) RETURNS SETOF text LANGUAGE sql AS $$
    WITH old AS (SELECT effect, kind, value, qualifier FROM jhub_authz.login_rules WHERE provider = a),
         new AS (SELECT effect, kind, value, qualifier FROM jhub_authz.login_rules WHERE provider = b)
    SELECT concat_ws(' ', change, effect, kind, value, qualifier) AS line
      FROM (SELECT '-' AS change, * FROM (TABLE old EXCEPT TABLE new) AS d UNION ALL SELECT '+', * FROM (TABLE new EXCEPT TABLE old) AS d) AS d
     ORDER BY concat_ws(' ', change, effect, kind, value, qualifier) COLLATE "C"
$$;
SELECT jhub_authz.load_login_config('one', 'google', '{"allow_all": true, "allowed_google_groups": {"x.org": ["g"], "y.org": ["g"]}, "hosted_domain": ["x.org"]}'),
       jhub_authz.load_login_config('same', 'google', '{"hosted_domain": ["x.org"], "allowed_google_groups": {"y.org": ["g"], "x.org": ["g"]}, "allow_all": true}'),
       jhub_authz.load_login_config('other', 'google', '{"allowed_users": ["ann"], "allowed_google_groups": {"x.org": ["g"], "z.org": ["g"]}, "hosted_domain": ["x.org"]}') \g /dev/null
SELECT is_empty($$ SELECT pg_temp.diff('one', 'same') $$, 'what says the same does not differ, in whatever order it stands');
SELECT results_eq($$ SELECT pg_temp.diff('one', 'other') $$, ARRAY['+ allow google_group g z.org', '+ allow user ann', '- allow any', '- allow google_group g y.org'],
    'what differs is listed, on its side');
SELECT is_empty($$ SELECT to_jsonb(p) - 'provider' FROM jhub_authz.login_providers p WHERE provider = 'one'
    EXCEPT SELECT to_jsonb(p) - 'provider' FROM jhub_authz.login_providers p WHERE provider = 'same' $$, 'nor do the settings');
SELECT jhub_authz.load_login_config('same', 'google', '{"hosted_domain": ["x.org"], "username_claim": "sub", "allow_all": true}') \g /dev/null
SELECT results_eq($$ SELECT o.key, o.value, n.value FROM jhub_authz.login_providers a, jhub_authz.login_providers b, jsonb_each_text(to_jsonb(a)) o JOIN jsonb_each_text(to_jsonb(b)) n USING (key)
    WHERE a.provider = 'one' AND b.provider = 'same' AND o.value IS DISTINCT FROM n.value AND o.key <> 'provider' $$, $$ VALUES ('username_claim', 'email', 'sub') $$, 'a setting that differs');

-- gone
SELECT ok(jhub_authz.drop_login_config('ids'), 'dropped');
SELECT ok(NOT jhub_authz.drop_login_config('ids'), '... once');
SELECT is_empty($$ SELECT FROM jhub_authz.login_rules WHERE provider = 'ids' $$, '... with its rules');
SELECT throws_ok($$ SELECT * FROM jhub_authz.login_decide('ids', '{}') $$, '42704', 'login provider "ids" does not exist', 'and decides nothing');

-- a long list in the place of another: not each with each, which would take hours
\if :{?few}
\set long 300
\else
\set long 50000
\endif
SELECT jhub_authz.load_login_config('long', 'base', jsonb_build_object('allowed_users', (SELECT jsonb_agg('a' || i) FROM generate_series(1, :long) i))::text) \g /dev/null
SELECT jhub_authz.load_login_config('long', 'base', jsonb_build_object('allowed_users', (SELECT jsonb_agg('b' || i) FROM generate_series(1, :long) i))::text) \g /dev/null
SELECT is((SELECT count(*) FROM jhub_authz.login_rules WHERE provider = 'long' AND value LIKE 'b%'), :long::bigint, 'long lists are replaced');

SELECT * FROM finish();
ROLLBACK;
