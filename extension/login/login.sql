-- Login decisions: providers, their rules, and what follows from them.

CREATE TABLE jhub_authz.login_providers (
    provider text PRIMARY KEY,
    family text NOT NULL,
    username_claim text,
    groups_key text,
    manage_groups boolean NOT NULL,
    manage_roles boolean NOT NULL,
    enable_auth_state boolean NOT NULL,
    strip_domain boolean NOT NULL,
    keep_case boolean NOT NULL,
    username_pattern text,
    config_error text
);
COMMENT ON TABLE jhub_authz.login_providers IS 'what load_login_config was given, option by option: settings that hold for everybody';
COMMENT ON COLUMN jhub_authz.login_providers.provider IS 'a name of your own';
COMMENT ON COLUMN jhub_authz.login_providers.family IS 'whose decision it is: github, google, base, ...';
COMMENT ON COLUMN jhub_authz.login_providers.username_claim IS 'claim that holds the name; NULL where the family has another way';
COMMENT ON COLUMN jhub_authz.login_providers.groups_key IS 'auth_state_groups_key in force: path of the groups claim';
COMMENT ON COLUMN jhub_authz.login_providers.manage_groups IS 'groups come from the provider and replace the hub''s';
COMMENT ON COLUMN jhub_authz.login_providers.manage_roles IS 'roles come from the authenticator and replace the user''s';
COMMENT ON COLUMN jhub_authz.login_providers.enable_auth_state IS 'the hub keeps auth_state, and refreshes from it';
COMMENT ON COLUMN jhub_authz.login_providers.strip_domain IS 'google: the name goes without a hosted domain';
COMMENT ON COLUMN jhub_authz.login_providers.keep_case IS 'pam_normalize_username: the system''s own spelling of a name';
COMMENT ON COLUMN jhub_authz.login_providers.username_pattern IS 'what a name must begin with, as a regular expression of Python''s; NULL: anything';
COMMENT ON COLUMN jhub_authz.login_providers.config_error IS 'why the authenticator would not start; NULL: it would';

CREATE TABLE jhub_authz.login_rules (
    rule_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    provider text NOT NULL REFERENCES jhub_authz.login_providers ON DELETE CASCADE,
    effect text NOT NULL CHECK (effect OPERATOR(pg_catalog.=) ANY (ARRAY['admin', 'allow', 'block', 'require'])),
    kind text NOT NULL,
    value text,
    qualifier text,
    UNIQUE NULLS NOT DISTINCT (provider, effect, kind, value, qualifier)
);
COMMENT ON TABLE jhub_authz.login_rules IS 'who is let in, kept out and made an admin, one row for each element of an option';
COMMENT ON COLUMN jhub_authz.login_rules.rule_id IS 'id, as in matched; stays when the provider is loaded again';
COMMENT ON COLUMN jhub_authz.login_rules.provider IS 'whose rule it is';
COMMENT ON COLUMN jhub_authz.login_rules.effect IS 'allow, admin, block or require (one of a kind must hold)';
COMMENT ON COLUMN jhub_authz.login_rules.kind IS 'what is looked at: any, user, existing_user, group, unix_group, scope, organization, team, ...';
COMMENT ON COLUMN jhub_authz.login_rules.value IS 'what it must be; NULL for a kind that needs no value, or for a domain without groups';
COMMENT ON COLUMN jhub_authz.login_rules.qualifier IS 'google_group: the domain; idp_domain: the identity provider';

CREATE TABLE jhub_authz.login_idps (
    provider text NOT NULL REFERENCES jhub_authz.login_providers ON DELETE CASCADE,
    idp text NOT NULL,
    username_claim text NOT NULL,
    action text,
    argument text,
    allowed_domains_claim text,
    PRIMARY KEY (provider, idp)
);
COMMENT ON TABLE jhub_authz.login_idps IS 'cilogon: the identity providers, and how each gives a name';
COMMENT ON COLUMN jhub_authz.login_idps.provider IS 'whose it is';
COMMENT ON COLUMN jhub_authz.login_idps.idp IS 'entity id of the identity provider';
COMMENT ON COLUMN jhub_authz.login_idps.username_claim IS 'claim that holds the name';
COMMENT ON COLUMN jhub_authz.login_idps.action IS 'strip_idp_domain, prefix, or NULL';
COMMENT ON COLUMN jhub_authz.login_idps.argument IS 'the domain or the prefix of the action';
COMMENT ON COLUMN jhub_authz.login_idps.allowed_domains_claim IS 'claim that allowed domains are compared with; NULL: the name';

CREATE TABLE jhub_authz.login_username_maps (
    provider text NOT NULL REFERENCES jhub_authz.login_providers ON DELETE CASCADE,
    name text NOT NULL,
    username text NOT NULL,
    PRIMARY KEY (provider, name)
);
COMMENT ON TABLE jhub_authz.login_username_maps IS 'username_map: the name that the hub gives to somebody';
COMMENT ON COLUMN jhub_authz.login_username_maps.provider IS 'whose it is';
COMMENT ON COLUMN jhub_authz.login_username_maps.name IS 'name in lower case';
COMMENT ON COLUMN jhub_authz.login_username_maps.username IS 'what it becomes';

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.login_providers', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.login_rules', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.login_rules_rule_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.login_idps', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.login_username_maps', '');

CREATE FUNCTION jhub_authz._login_options(OUT family text, OUT name text, OUT type text, OUT use text, OUT other text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__login_options' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 750;
COMMENT ON FUNCTION jhub_authz._login_options() IS 'the options of every authenticator';
REVOKE ALL ON FUNCTION jhub_authz._login_options() FROM PUBLIC;

CREATE VIEW jhub_authz.login_options AS
    SELECT o.family, o.name, o.type, o.use, o.other FROM jhub_authz._login_options() o;
COMMENT ON VIEW jhub_authz.login_options IS 'the options that load_login_config knows, by family';
COMMENT ON COLUMN jhub_authz.login_options.family IS 'family of authenticators';
COMMENT ON COLUMN jhub_authz.login_options.name IS 'name of the option';
COMMENT ON COLUMN jhub_authz.login_options.type IS 'what its value must be';
COMMENT ON COLUMN jhub_authz.login_options.use IS 'decides; checked when it is loaded; ignored (means nothing to a decision, is not stored); alias; refused';
COMMENT ON COLUMN jhub_authz.login_options.other IS 'what an alias stands for, or what to use instead';

CREATE FUNCTION jhub_authz.load_login_config(provider text, family text, document text) RETURNS void
    AS 'MODULE_PATHNAME', 'jhub_authz_load_login_config' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.load_login_config(text, text, text)
    IS 'takes an authenticator''s options, as JSON, apart into rules; what the provider had before is replaced';
REVOKE ALL ON FUNCTION jhub_authz.load_login_config(text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.drop_login_config(provider text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_drop_login_config' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.drop_login_config(text) IS 'forgets a provider and its rules; false if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.drop_login_config(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.login_decide(provider text, user_info jsonb, facts jsonb DEFAULT '{}',
                                        OUT outcome text, OUT username text, OUT admin boolean,
                                        OUT groups text[], OUT matched bigint[])
    AS 'MODULE_PATHNAME', 'jhub_authz_login_decide' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.login_decide(text, jsonb, jsonb)
    IS 'may this user log in, as whom, and as what? matched: the rules that decided';
REVOKE ALL ON FUNCTION jhub_authz.login_decide(text, jsonb, jsonb) FROM PUBLIC;

CREATE FUNCTION jhub_authz.login_apply(provider text, user_info jsonb, facts jsonb DEFAULT '{}',
                                       OUT outcome text, OUT username text, OUT admin boolean,
                                       OUT groups text[], OUT matched bigint[], OUT user_id integer)
    AS 'MODULE_PATHNAME', 'jhub_authz_login_apply' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.login_apply(text, jsonb, jsonb)
    IS 'does to the tables of a stopped hub what the hub does with an allowed login; nothing otherwise';
REVOKE ALL ON FUNCTION jhub_authz.login_apply(text, jsonb, jsonb) FROM PUBLIC;
