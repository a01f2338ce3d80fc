-- Settings: the attachment, options and policies.  Only what differs from the
-- defaults is stored; the defaults are in the code (settings.c), and views lay
-- the stored rows over them.

CREATE TABLE jhub_authz.attachment (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    hub_schema name,
    mode text NOT NULL DEFAULT 'enforce' CHECK (mode OPERATOR(pg_catalog.=) ANY (ARRAY['enforce', 'observe', 'off'])),
    pinned_release text,
    attached_at timestamptz
);
COMMENT ON TABLE jhub_authz.attachment IS 'the hub that is attached, in at most one row';
COMMENT ON COLUMN jhub_authz.attachment.singleton IS 'always true: there is one row at most';
COMMENT ON COLUMN jhub_authz.attachment.hub_schema IS 'schema of the hub''s tables; NULL when detached';
COMMENT ON COLUMN jhub_authz.attachment.mode IS 'enforce, observe or off';
COMMENT ON COLUMN jhub_authz.attachment.pinned_release IS 'release set with use_hub_release; NULL: follow the database';
COMMENT ON COLUMN jhub_authz.attachment.attached_at IS 'when attach was first called for this schema';

CREATE TABLE jhub_authz.option_values (
    name text PRIMARY KEY,
    value text NOT NULL
);
COMMENT ON TABLE jhub_authz.option_values IS 'options that differ from their default; use set_option and the view options';
COMMENT ON COLUMN jhub_authz.option_values.name IS 'name of the option';
COMMENT ON COLUMN jhub_authz.option_values.value IS 'its value';

CREATE TABLE jhub_authz.policy_values (
    target text PRIMARY KEY,
    on_growth text CHECK (on_growth OPERATOR(pg_catalog.=) ANY (ARRAY['revoke', 'log', 'veto', 'ignore'])),
    inherit text CHECK (inherit OPERATOR(pg_catalog.=) ANY (ARRAY['fix', 'guard', 'follow'])),
    on_share text CHECK (on_share OPERATOR(pg_catalog.=) ANY (ARRAY['follow', 'revoke'])),
    max_age interval,
    object_id integer,
    created timestamp
);
COMMENT ON TABLE jhub_authz.policy_values IS 'policies that differ from their default; use set_policy and the view token_policies';
COMMENT ON COLUMN jhub_authz.policy_values.target IS 'class of tokens (user, oauth, server or service) or, narrower, token:<id>, client:<identifier> or group:<name>';
COMMENT ON COLUMN jhub_authz.policy_values.on_growth IS 'what to do with a token that grew; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.inherit IS 'what becomes of the scope inherit; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.on_share IS 'what to do when a share alone makes a token grow; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.max_age IS 'longest life of a token; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.object_id IS 'id of the token or group in the hub: it is meant by that';
COMMENT ON COLUMN jhub_authz.policy_values.created IS 'the token''s created: an id that is used again is another token';

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.attachment', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.option_values', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.policy_values', '');

CREATE FUNCTION jhub_authz._settings_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz__settings_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz._settings_changed() IS 'tells every session that settings changed; has no other effect';
REVOKE ALL ON FUNCTION jhub_authz._settings_changed() FROM PUBLIC;

CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON jhub_authz.attachment
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._settings_changed();
CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON jhub_authz.option_values
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._settings_changed();
CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON jhub_authz.policy_values
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._settings_changed();
ALTER TABLE jhub_authz.attachment ENABLE ALWAYS TRIGGER settings_changed;
ALTER TABLE jhub_authz.option_values ENABLE ALWAYS TRIGGER settings_changed;
ALTER TABLE jhub_authz.policy_values ENABLE ALWAYS TRIGGER settings_changed;

CREATE FUNCTION jhub_authz._option_defaults(OUT name text, OUT default_value text, OUT description text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__option_defaults' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 9;
COMMENT ON FUNCTION jhub_authz._option_defaults() IS 'the options and their defaults';

CREATE FUNCTION jhub_authz._policy_defaults(OUT target text, OUT on_growth text, OUT inherit text, OUT on_share text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__policy_defaults' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION jhub_authz._policy_defaults() IS 'the classes of tokens and their default policies';

CREATE VIEW jhub_authz.options AS
    SELECT d.name, COALESCE(v.value, d.default_value) AS value, d.default_value, d.description
      FROM jhub_authz._option_defaults() d
      LEFT JOIN jhub_authz.option_values v ON v.name OPERATOR(pg_catalog.=) d.name;
COMMENT ON VIEW jhub_authz.options IS 'what influences what is stored or decided; change it with set_option';
COMMENT ON COLUMN jhub_authz.options.name IS 'name of the option';
COMMENT ON COLUMN jhub_authz.options.value IS 'value in force';
COMMENT ON COLUMN jhub_authz.options.default_value IS 'value when nothing is set';
COMMENT ON COLUMN jhub_authz.options.description IS 'what it does';

CREATE VIEW jhub_authz.token_policies AS
    SELECT COALESCE(d.target, v.target) AS target,
           COALESCE(v.on_growth, d.on_growth) AS on_growth,
           COALESCE(v.inherit, d.inherit) AS inherit,
           COALESCE(v.on_share, d.on_share) AS on_share,
           v.max_age
      FROM jhub_authz._policy_defaults() d
      FULL JOIN jhub_authz.policy_values v ON v.target OPERATOR(pg_catalog.=) d.target;
COMMENT ON VIEW jhub_authz.token_policies IS 'what happens to tokens, by class and for narrower targets; change it with set_policy';
COMMENT ON COLUMN jhub_authz.token_policies.target IS 'class of tokens (user, oauth, server or service) or, narrower, token:<id>, client:<identifier> or group:<name>';
COMMENT ON COLUMN jhub_authz.token_policies.on_growth IS 'revoke, log, veto or ignore a token that grew; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.token_policies.inherit IS 'fix, guard or follow what the scope inherit stands for; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.token_policies.on_share IS 'follow or revoke when a share alone makes a token grow; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.token_policies.max_age IS 'longest life of a token; NULL: as the next wider policy says, for a class no limit';

CREATE FUNCTION jhub_authz.set_option(name text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'jhub_authz_set_option' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.set_option(text, text) IS 'sets an option; NULL sets it back to its default';
REVOKE ALL ON FUNCTION jhub_authz.set_option(text, text) FROM PUBLIC;
