\echo Use "CREATE EXTENSION jhub_authz" to load this file. \quit

-- The schema is the extension's own: one that is there already and belongs to
-- somebody else could be used to plant objects among ours.  A superuser's may be
-- one that pg_restore made and gave back to whom it belonged.
DO $guard$
BEGIN
    IF (SELECT nspowner FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'jhub_authz')
       OPERATOR(pg_catalog.<>) (SELECT oid FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user)
       AND NOT (SELECT r.rolsuper FROM pg_catalog.pg_namespace n
                  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
                 WHERE n.nspname OPERATOR(pg_catalog.=) 'jhub_authz')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
            MESSAGE = 'schema "jhub_authz" belongs to another role',
            HINT = 'Drop or rename that schema, then run CREATE EXTENSION again.';
    END IF;
END
$guard$;

COMMENT ON SCHEMA jhub_authz IS 'JupyterHub authorization: scope sets, effective scopes, token baselines and audit';
GRANT USAGE ON SCHEMA jhub_authz TO PUBLIC;
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
    max_age interval
);
COMMENT ON TABLE jhub_authz.policy_values IS 'policies that differ from their default; use set_policy and the view token_policies';
COMMENT ON COLUMN jhub_authz.policy_values.target IS 'class of tokens: user, oauth, server or service';
COMMENT ON COLUMN jhub_authz.policy_values.on_growth IS 'what to do with a token that grew; NULL: the default';
COMMENT ON COLUMN jhub_authz.policy_values.inherit IS 'what becomes of the scope inherit; NULL: the default';
COMMENT ON COLUMN jhub_authz.policy_values.on_share IS 'what to do when a share alone makes a token grow; NULL: the default';
COMMENT ON COLUMN jhub_authz.policy_values.max_age IS 'longest life of a token at issue; NULL: the default';

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
    AS 'MODULE_PATHNAME', 'jhub_authz__option_defaults' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 8;
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
COMMENT ON VIEW jhub_authz.token_policies IS 'what happens to tokens, by class; change it with set_policy';
COMMENT ON COLUMN jhub_authz.token_policies.target IS 'class of tokens: user, oauth, server or service';
COMMENT ON COLUMN jhub_authz.token_policies.on_growth IS 'revoke, log, veto or ignore a token that grew';
COMMENT ON COLUMN jhub_authz.token_policies.inherit IS 'fix, guard or follow what the scope inherit stands for';
COMMENT ON COLUMN jhub_authz.token_policies.on_share IS 'follow or revoke when a share alone makes a token grow';
COMMENT ON COLUMN jhub_authz.token_policies.max_age IS 'longest life of a token at issue; NULL: no limit';

CREATE FUNCTION jhub_authz.set_option(name text, value text) RETURNS void
    AS 'MODULE_PATHNAME', 'jhub_authz_set_option' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.set_option(text, text) IS 'sets an option; NULL sets it back to its default';
REVOKE ALL ON FUNCTION jhub_authz.set_option(text, text) FROM PUBLIC;
/* ---- type scopeset: I/O ---- */

CREATE TYPE jhub_authz.scopeset;

CREATE FUNCTION jhub_authz.scopeset_in(input cstring) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_in(cstring) IS 'I/O';

CREATE FUNCTION jhub_authz.scopeset_out(scopes jhub_authz.scopeset) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_out(jhub_authz.scopeset) IS 'I/O';

CREATE FUNCTION jhub_authz.scopeset_recv(input internal) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_recv(internal) IS 'I/O';

CREATE FUNCTION jhub_authz.scopeset_send(scopes jhub_authz.scopeset) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_send(jhub_authz.scopeset) IS 'I/O';

CREATE TYPE jhub_authz.scopeset (
	INPUT = jhub_authz.scopeset_in,
	OUTPUT = jhub_authz.scopeset_out,
	RECEIVE = jhub_authz.scopeset_recv,
	SEND = jhub_authz.scopeset_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE jhub_authz.scopeset IS 'a set of JupyterHub scopes, such as ["read:users", "servers!user=ada"]';

/* ---- casts ---- */

CREATE FUNCTION jhub_authz.scopeset_as_text(scopes jhub_authz.scopeset) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_as_text(jhub_authz.scopeset) IS 'the scopes as JSON text, as the hub stores them';

CREATE CAST (jhub_authz.scopeset AS text)
	WITH FUNCTION jhub_authz.scopeset_as_text(jhub_authz.scopeset) AS ASSIGNMENT;
COMMENT ON CAST (jhub_authz.scopeset AS text) IS 'the scopes as JSON text, as the hub stores them';

CREATE FUNCTION jhub_authz.text_to_scopeset(scopes text) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.text_to_scopeset(text) IS 'the set that a JSON array or a list separated by white space stands for';

CREATE CAST (text AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.text_to_scopeset(text);
COMMENT ON CAST (text AS jhub_authz.scopeset) IS 'a JSON array or a list separated by white space';

CREATE CAST (varchar AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.text_to_scopeset(text);
COMMENT ON CAST (varchar AS jhub_authz.scopeset) IS 'a JSON array or a list separated by white space';

CREATE FUNCTION jhub_authz.scopeset_to_array(scopes jhub_authz.scopeset) RETURNS text[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_to_array(jhub_authz.scopeset) IS 'the scopes as an array, in code point order';

CREATE CAST (jhub_authz.scopeset AS text[])
	WITH FUNCTION jhub_authz.scopeset_to_array(jhub_authz.scopeset) AS ASSIGNMENT;
COMMENT ON CAST (jhub_authz.scopeset AS text[]) IS 'one scope an element, in code point order';

CREATE FUNCTION jhub_authz.text_array_to_scopeset(scopes text[]) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.text_array_to_scopeset(text[]) IS 'the set of the scopes in an array';

CREATE CAST (text[] AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.text_array_to_scopeset(text[]);
COMMENT ON CAST (text[] AS jhub_authz.scopeset) IS 'one scope an element, never split';

CREATE FUNCTION jhub_authz.scopeset_to_jsonb(scopes jhub_authz.scopeset) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_to_jsonb(jhub_authz.scopeset) IS 'the scopes as a jsonb array';

CREATE CAST (jhub_authz.scopeset AS jsonb)
	WITH FUNCTION jhub_authz.scopeset_to_jsonb(jhub_authz.scopeset);
COMMENT ON CAST (jhub_authz.scopeset AS jsonb) IS 'an array of strings';

CREATE FUNCTION jhub_authz.jsonb_to_scopeset(scopes jsonb) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.jsonb_to_scopeset(jsonb) IS 'the set of the scopes in a jsonb array of strings';

CREATE CAST (jsonb AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.jsonb_to_scopeset(jsonb);
COMMENT ON CAST (jsonb AS jhub_authz.scopeset) IS 'an array of strings, one scope an element';

/* ---- constructor, members ---- */

CREATE FUNCTION jhub_authz.scopeset_of(VARIADIC scopes text[]) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME', 'text_array_to_scopeset' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_of(text[]) IS 'the set of the scopes given, one an argument, never split';

CREATE FUNCTION jhub_authz.scope_explode_support(request internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'jhub_authz_scope_explode_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scope_explode_support(internal) IS 'planner support for scope_explode';
REVOKE ALL ON FUNCTION jhub_authz.scope_explode_support(internal) FROM PUBLIC;

CREATE FUNCTION jhub_authz.scope_explode(
	scopes jhub_authz.scopeset,
	OUT scope text, OUT base text, OUT filter_kind text, OUT filter_value text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'jhub_authz_scope_explode' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 5 ROWS 20 SUPPORT jhub_authz.scope_explode_support;
COMMENT ON FUNCTION jhub_authz.scope_explode(jhub_authz.scopeset) IS 'the scopes as rows, taken apart, in code point order';

CREATE FUNCTION jhub_authz.scope_count(scopes jhub_authz.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME', 'jhub_authz_scope_count' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scope_count(jhub_authz.scopeset) IS 'number of scopes in the set';

CREATE FUNCTION jhub_authz.reduce(scopes jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME', 'jhub_authz_reduce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.reduce(jhub_authz.scopeset) IS 'the set without filtered scopes whose unfiltered form is there';

CREATE FUNCTION jhub_authz.oauth_scope(scopes jhub_authz.scopeset) RETURNS text
	AS 'MODULE_PATHNAME', 'jhub_authz_oauth_scope' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.oauth_scope(jhub_authz.scopeset) IS 'the scopes separated by spaces, as OAuth writes them';

/* ---- helpers for the rooms above ---- */

CREATE FUNCTION jhub_authz._filters_by_group(scopes jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'jhub_authz__filters_by_group' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._filters_by_group(jhub_authz.scopeset) IS 'internal: has any scope a group filter?';

CREATE FUNCTION jhub_authz._rename_filter(
	scopes jhub_authz.scopeset, kinds text[], old_names text[], new_names text[])
	RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME', 'jhub_authz__rename_filter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._rename_filter(jhub_authz.scopeset, text[], text[], text[]) IS 'internal: the set with names in filters replaced, all at once';

/* ---- comparison ---- */

CREATE FUNCTION jhub_authz.scopeset_eq(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_eq(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of = operator';

CREATE FUNCTION jhub_authz.scopeset_ne(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_ne(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <> operator';

CREATE FUNCTION jhub_authz.scopeset_lt(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_lt(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of < operator';

CREATE FUNCTION jhub_authz.scopeset_le(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_le(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <= operator';

CREATE FUNCTION jhub_authz.scopeset_gt(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gt(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of > operator';

CREATE FUNCTION jhub_authz.scopeset_ge(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_ge(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of >= operator';

CREATE OPERATOR jhub_authz.= (
	FUNCTION = jhub_authz.scopeset_eq, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.=), NEGATOR = OPERATOR(jhub_authz.<>),
	RESTRICT = pg_catalog.eqsel, JOIN = pg_catalog.eqjoinsel,
	HASHES, MERGES
);
COMMENT ON OPERATOR jhub_authz.= (jhub_authz.scopeset, jhub_authz.scopeset) IS 'equal, member by member';

CREATE OPERATOR jhub_authz.<> (
	FUNCTION = jhub_authz.scopeset_ne, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<>), NEGATOR = OPERATOR(jhub_authz.=),
	RESTRICT = pg_catalog.neqsel, JOIN = pg_catalog.neqjoinsel
);
COMMENT ON OPERATOR jhub_authz.<> (jhub_authz.scopeset, jhub_authz.scopeset) IS 'not equal';

CREATE OPERATOR jhub_authz.< (
	FUNCTION = jhub_authz.scopeset_lt, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.>), NEGATOR = OPERATOR(jhub_authz.>=),
	RESTRICT = pg_catalog.scalarltsel, JOIN = pg_catalog.scalarltjoinsel
);
COMMENT ON OPERATOR jhub_authz.< (jhub_authz.scopeset, jhub_authz.scopeset) IS 'less than';

CREATE OPERATOR jhub_authz.<= (
	FUNCTION = jhub_authz.scopeset_le, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.>=), NEGATOR = OPERATOR(jhub_authz.>),
	RESTRICT = pg_catalog.scalarlesel, JOIN = pg_catalog.scalarlejoinsel
);
COMMENT ON OPERATOR jhub_authz.<= (jhub_authz.scopeset, jhub_authz.scopeset) IS 'less than or equal';

CREATE OPERATOR jhub_authz.> (
	FUNCTION = jhub_authz.scopeset_gt, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<), NEGATOR = OPERATOR(jhub_authz.<=),
	RESTRICT = pg_catalog.scalargtsel, JOIN = pg_catalog.scalargtjoinsel
);
COMMENT ON OPERATOR jhub_authz.> (jhub_authz.scopeset, jhub_authz.scopeset) IS 'greater than';

CREATE OPERATOR jhub_authz.>= (
	FUNCTION = jhub_authz.scopeset_ge, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<=), NEGATOR = OPERATOR(jhub_authz.<),
	RESTRICT = pg_catalog.scalargesel, JOIN = pg_catalog.scalargejoinsel
);
COMMENT ON OPERATOR jhub_authz.>= (jhub_authz.scopeset, jhub_authz.scopeset) IS 'greater than or equal';

/* ---- sets ---- */

CREATE FUNCTION jhub_authz.scopeset_contains(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_contains(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of @> operator';

CREATE FUNCTION jhub_authz.scopeset_contained(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_contained(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of <@ operator';

CREATE FUNCTION jhub_authz.scopeset_overlaps(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_overlaps(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of && operator';

CREATE FUNCTION jhub_authz.scopeset_intersect(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_intersect(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of & operator';

CREATE FUNCTION jhub_authz.scopeset_union(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_union(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of | operator';

CREATE FUNCTION jhub_authz.scopeset_minus(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_minus(jhub_authz.scopeset, jhub_authz.scopeset) IS 'implementation of - operator';

CREATE OPERATOR jhub_authz.@> (
	FUNCTION = jhub_authz.scopeset_contains, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.<@),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.@> (jhub_authz.scopeset, jhub_authz.scopeset) IS 'covers: every member of the right set is covered by the left one';

CREATE OPERATOR jhub_authz.<@ (
	FUNCTION = jhub_authz.scopeset_contained, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.@>),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.<@ (jhub_authz.scopeset, jhub_authz.scopeset) IS 'is covered by';

CREATE OPERATOR jhub_authz.&& (
	FUNCTION = jhub_authz.scopeset_overlaps, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.&&),
	RESTRICT = pg_catalog.matchingsel, JOIN = pg_catalog.matchingjoinsel
);
COMMENT ON OPERATOR jhub_authz.&& (jhub_authz.scopeset, jhub_authz.scopeset) IS 'have some permission in common';

CREATE OPERATOR jhub_authz.& (
	FUNCTION = jhub_authz.scopeset_intersect, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.&)
);
COMMENT ON OPERATOR jhub_authz.& (jhub_authz.scopeset, jhub_authz.scopeset) IS 'the permissions that both give, reduced';

CREATE OPERATOR jhub_authz.| (
	FUNCTION = jhub_authz.scopeset_union, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset,
	COMMUTATOR = OPERATOR(jhub_authz.|)
);
COMMENT ON OPERATOR jhub_authz.| (jhub_authz.scopeset, jhub_authz.scopeset) IS 'union of the members';

CREATE OPERATOR jhub_authz.- (
	FUNCTION = jhub_authz.scopeset_minus, LEFTARG = jhub_authz.scopeset, RIGHTARG = jhub_authz.scopeset
);
COMMENT ON OPERATOR jhub_authz.- (jhub_authz.scopeset, jhub_authz.scopeset) IS 'the members of the left set that the right one does not cover';

/* ---- btree ---- */

CREATE FUNCTION jhub_authz.scopeset_cmp(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_cmp(jhub_authz.scopeset, jhub_authz.scopeset) IS 'btree comparison';

CREATE OPERATOR FAMILY jhub_authz.scopeset_ops USING btree;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_ops USING btree IS 'order of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_ops
	DEFAULT FOR TYPE jhub_authz.scopeset USING btree FAMILY jhub_authz.scopeset_ops AS
	OPERATOR 1 jhub_authz.<,
	OPERATOR 2 jhub_authz.<=,
	OPERATOR 3 jhub_authz.=,
	OPERATOR 4 jhub_authz.>=,
	OPERATOR 5 jhub_authz.>,
	FUNCTION 1 jhub_authz.scopeset_cmp(jhub_authz.scopeset, jhub_authz.scopeset);
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_ops USING btree IS 'order of scopesets, member by member in code point order';

/* ---- hash ---- */

CREATE FUNCTION jhub_authz.scopeset_hash(scopes jhub_authz.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_hash(jhub_authz.scopeset) IS 'hash';

CREATE FUNCTION jhub_authz.scopeset_hash_extended(scopes jhub_authz.scopeset, seed bigint) RETURNS bigint
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_hash_extended(jhub_authz.scopeset, bigint) IS 'hash with a seed';

CREATE OPERATOR FAMILY jhub_authz.scopeset_ops USING hash;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_ops USING hash IS 'hashing of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_ops
	DEFAULT FOR TYPE jhub_authz.scopeset USING hash FAMILY jhub_authz.scopeset_ops AS
	OPERATOR 1 jhub_authz.=,
	FUNCTION 1 jhub_authz.scopeset_hash(jhub_authz.scopeset),
	FUNCTION 2 jhub_authz.scopeset_hash_extended(jhub_authz.scopeset, bigint);
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_ops USING hash IS 'hashing of scopesets';

/* ---- GIN ---- */

CREATE FUNCTION jhub_authz.scopeset_gin_extract_value(
	scopes jhub_authz.scopeset, nkeys internal, null_flags internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_extract_value(jhub_authz.scopeset, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_extract_query(
	query jhub_authz.scopeset, nkeys internal, strategy smallint, partial_match internal,
	extra_data internal, null_flags internal, search_mode internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_extract_query(jhub_authz.scopeset, internal, smallint, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_consistent(
	found internal, strategy smallint, query jhub_authz.scopeset, nkeys integer,
	extra_data internal, recheck internal, query_keys internal, null_flags internal) RETURNS boolean
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_consistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal, internal) IS 'GIN support';

CREATE FUNCTION jhub_authz.scopeset_gin_triconsistent(
	found internal, strategy smallint, query jhub_authz.scopeset, nkeys integer,
	extra_data internal, query_keys internal, null_flags internal) RETURNS "char"
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_gin_triconsistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal) IS 'GIN support';

CREATE OPERATOR FAMILY jhub_authz.scopeset_ops USING gin;
COMMENT ON OPERATOR FAMILY jhub_authz.scopeset_ops USING gin IS 'members of scopesets';

CREATE OPERATOR CLASS jhub_authz.scopeset_ops
	DEFAULT FOR TYPE jhub_authz.scopeset USING gin FAMILY jhub_authz.scopeset_ops AS
	OPERATOR 3 jhub_authz.&&,
	OPERATOR 7 jhub_authz.@>,
	OPERATOR 8 jhub_authz.<@,
	OPERATOR 18 jhub_authz.=,
	FUNCTION 1 pg_catalog.byteacmp(bytea, bytea),
	FUNCTION 2 jhub_authz.scopeset_gin_extract_value(jhub_authz.scopeset, internal, internal),
	FUNCTION 3 jhub_authz.scopeset_gin_extract_query(jhub_authz.scopeset, internal, smallint, internal, internal, internal, internal),
	FUNCTION 4 jhub_authz.scopeset_gin_consistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal, internal),
	FUNCTION 6 jhub_authz.scopeset_gin_triconsistent(internal, smallint, jhub_authz.scopeset, integer, internal, internal, internal),
	STORAGE bytea;
COMMENT ON OPERATOR CLASS jhub_authz.scopeset_ops USING gin IS 'members of scopesets, for @>, <@, && and =';

/* ---- aggregates ---- */

CREATE FUNCTION jhub_authz.scopeset_agg_add(state internal, scopes jhub_authz.scopeset) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_add(internal, jhub_authz.scopeset) IS 'aggregate transition function';

CREATE FUNCTION jhub_authz.scopeset_agg_add_text(state internal, scope text) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_add_text(internal, text) IS 'aggregate transition function';

CREATE FUNCTION jhub_authz.scopeset_agg_combine(state internal, other internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_combine(internal, internal) IS 'aggregate combine function';

CREATE FUNCTION jhub_authz.scopeset_agg_serialize(state internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_serialize(internal) IS 'aggregate serial function';

CREATE FUNCTION jhub_authz.scopeset_agg_deserialize(bytes bytea, dummy internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_deserialize(bytea, internal) IS 'aggregate deserial function';

CREATE FUNCTION jhub_authz.scopeset_agg_final(state internal) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_agg_final(internal) IS 'aggregate final function';

CREATE AGGREGATE jhub_authz.scopeset_agg(scopes jhub_authz.scopeset) (
	SFUNC = jhub_authz.scopeset_agg_add,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = jhub_authz.scopeset_agg_final,
	COMBINEFUNC = jhub_authz.scopeset_agg_combine,
	SERIALFUNC = jhub_authz.scopeset_agg_serialize,
	DESERIALFUNC = jhub_authz.scopeset_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz.scopeset_agg(jhub_authz.scopeset) IS 'union of all sets';

CREATE AGGREGATE jhub_authz.scopeset_agg(scope text) (
	SFUNC = jhub_authz.scopeset_agg_add_text,
	STYPE = internal,
	SSPACE = 4096,
	FINALFUNC = jhub_authz.scopeset_agg_final,
	COMBINEFUNC = jhub_authz.scopeset_agg_combine,
	SERIALFUNC = jhub_authz.scopeset_agg_serialize,
	DESERIALFUNC = jhub_authz.scopeset_agg_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz.scopeset_agg(text) IS 'set of all scopes, one a row';

CREATE AGGREGATE jhub_authz.scopeset_intersect_agg(scopes jhub_authz.scopeset) (
	SFUNC = jhub_authz.scopeset_intersect,
	STYPE = jhub_authz.scopeset,
	FINALFUNC = jhub_authz.reduce,
	COMBINEFUNC = jhub_authz.scopeset_intersect,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz.scopeset_intersect_agg(jhub_authz.scopeset) IS 'the permissions that all sets give';

-- Custom scopes: those that a hub's configuration adds to the hub's own, which
-- are compiled in.  The table is dumped; its triggers have no effect but to
-- tell every session that it changed.

CREATE TABLE jhub_authz.custom_scopes (
    name text COLLATE "C" PRIMARY KEY
        CHECK (name OPERATOR(pg_catalog.~) '^custom:[a-z0-9][-a-z0-9_*:]+[a-z0-9_*]$'),
    description text NOT NULL,
    subscopes text[] NOT NULL DEFAULT '{}'
        CHECK (pg_catalog.array_to_string(subscopes, '!', '!') OPERATOR(pg_catalog.!~) '[[:space:]]|^!|!!|!$')
);
COMMENT ON TABLE jhub_authz.custom_scopes IS 'custom scopes of the hub''s configuration; write it with define_scopes, replace_scopes and undefine_scope';
COMMENT ON COLUMN jhub_authz.custom_scopes.name IS 'the scope, custom:...';
COMMENT ON COLUMN jhub_authz.custom_scopes.description IS 'what a user is told when asked to grant it';
COMMENT ON COLUMN jhub_authz.custom_scopes.subscopes IS 'custom scopes that it implies, the direct ones';

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.custom_scopes', '');

CREATE FUNCTION jhub_authz._custom_scopes_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz__custom_scopes_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz._custom_scopes_changed() IS 'tells every session that custom scopes changed; has no other effect';
REVOKE ALL ON FUNCTION jhub_authz._custom_scopes_changed() FROM PUBLIC;

-- By row, because the apply worker of logical replication fires only such.
CREATE TRIGGER custom_scopes_changed AFTER INSERT OR UPDATE OR DELETE ON jhub_authz.custom_scopes
    FOR EACH ROW EXECUTE FUNCTION jhub_authz._custom_scopes_changed();
CREATE TRIGGER custom_scopes_truncated AFTER TRUNCATE ON jhub_authz.custom_scopes
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._custom_scopes_changed();
ALTER TABLE jhub_authz.custom_scopes ENABLE ALWAYS TRIGGER custom_scopes_changed;
ALTER TABLE jhub_authz.custom_scopes ENABLE ALWAYS TRIGGER custom_scopes_truncated;
COMMENT ON TRIGGER custom_scopes_changed ON jhub_authz.custom_scopes IS 'tells every session that custom scopes changed';
COMMENT ON TRIGGER custom_scopes_truncated ON jhub_authz.custom_scopes IS 'tells every session that custom scopes changed';

CREATE FUNCTION jhub_authz.define_scopes(document text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_define_scopes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.define_scopes(text) IS 'add custom scopes from a JSON document of the form of JupyterHub''s custom_scopes; returns how many are new';
REVOKE ALL ON FUNCTION jhub_authz.define_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.replace_scopes(document text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_replace_scopes' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.replace_scopes(text) IS 'add or redefine custom scopes from a JSON document; returns how many are new or changed';
REVOKE ALL ON FUNCTION jhub_authz.replace_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.undefine_scope(name text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_undefine_scope' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.undefine_scope(text) IS 'remove a custom scope that nothing uses; false if there is none of that name';
REVOKE ALL ON FUNCTION jhub_authz.undefine_scope(text) FROM PUBLIC;
-- The catalogue that is in force, and how things stand with the attached hub.

CREATE FUNCTION jhub_authz.validate(scopes jhub_authz.scopeset) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_validate' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION jhub_authz.validate(jhub_authz.scopeset) IS 'returns the scopes if all of them exist in the release in force';

CREATE FUNCTION jhub_authz.describe(scopes jhub_authz.scopeset, username text DEFAULT NULL,
    OUT scope text, OUT description text, OUT filter text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_describe' LANGUAGE C STABLE PARALLEL SAFE COST 20 ROWS 10;
COMMENT ON FUNCTION jhub_authz.describe(jhub_authz.scopeset, text) IS 'raw scopes in words, as the hub''s pages show them';

CREATE FUNCTION jhub_authz._scope_definitions(OUT name text, OUT description text, OUT subscopes text[], OUT origin text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__scope_definitions' LANGUAGE C STABLE PARALLEL SAFE COST 50 ROWS 50;
COMMENT ON FUNCTION jhub_authz._scope_definitions() IS 'implementation of view scope_definitions';

CREATE VIEW jhub_authz.scope_definitions AS
    SELECT d.name, d.description, d.subscopes, d.origin FROM jhub_authz._scope_definitions() d;
COMMENT ON VIEW jhub_authz.scope_definitions IS 'the scopes that exist in the release in force, and custom scopes';
COMMENT ON COLUMN jhub_authz.scope_definitions.name IS 'base name of the scope';
COMMENT ON COLUMN jhub_authz.scope_definitions.description IS 'what it permits, in words';
COMMENT ON COLUMN jhub_authz.scope_definitions.subscopes IS 'scopes that it directly implies';
COMMENT ON COLUMN jhub_authz.scope_definitions.origin IS 'hub or custom';
GRANT SELECT ON jhub_authz.scope_definitions TO PUBLIC;

CREATE FUNCTION jhub_authz.use_hub_release(release text) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_use_hub_release' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.use_hub_release(text) IS 'pins the release of the hub, or follows the database again (NULL); returns the one in force';
REVOKE ALL ON FUNCTION jhub_authz.use_hub_release(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._status(OUT hub_schema text, OUT alembic_revision text, OUT hub_release text,
    OUT hub_release_certain boolean, OUT mode text, OUT attached_at timestamptz, OUT live_tokens bigint) RETURNS record
    AS 'MODULE_PATHNAME', 'jhub_authz__status' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION jhub_authz._status() IS 'implementation of view status';
REVOKE ALL ON FUNCTION jhub_authz._status() FROM PUBLIC;

CREATE VIEW jhub_authz.status AS
    SELECT s.hub_schema, s.alembic_revision, s.hub_release, s.hub_release_certain, s.mode, s.attached_at, s.live_tokens
      FROM jhub_authz._status() s;
COMMENT ON VIEW jhub_authz.status IS 'the attached hub in one row; NULLs if there is none';
COMMENT ON COLUMN jhub_authz.status.hub_schema IS 'schema of the hub''s tables';
COMMENT ON COLUMN jhub_authz.status.alembic_revision IS 'revision that the hub''s migrations left';
COMMENT ON COLUMN jhub_authz.status.hub_release IS 'release of JupyterHub whose scopes are in force';
COMMENT ON COLUMN jhub_authz.status.hub_release_certain IS 'is the release known, rather than inferred';
COMMENT ON COLUMN jhub_authz.status.mode IS 'enforce, observe or off';
COMMENT ON COLUMN jhub_authz.status.attached_at IS 'when this schema was attached';
COMMENT ON COLUMN jhub_authz.status.live_tokens IS 'tokens that have not expired';

CREATE FUNCTION jhub_authz.self_check(OUT level text, OUT check_name text, OUT object text, OUT detail text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_self_check' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10;
COMMENT ON FUNCTION jhub_authz.self_check() IS 'what is wrong with the attachment or the hub''s data; no rows: nothing';
REVOKE ALL ON FUNCTION jhub_authz.self_check() FROM PUBLIC;
-- The group-aware algebra.  What reads group membership or clients could be
-- used to probe them, so all but identify_scopes is for auditors and the hub.

CREATE FUNCTION jhub_authz.expand(scopes jhub_authz.scopeset, owner_kind text DEFAULT NULL, owner_name text DEFAULT NULL, client_id text DEFAULT NULL) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_expand' LANGUAGE C STABLE PARALLEL SAFE COST 10;
COMMENT ON FUNCTION jhub_authz.expand(jhub_authz.scopeset, text, text, text) IS 'raw scopes to expanded ones: subscopes, metascopes and self filters, for an owner and an OAuth client';
REVOKE ALL ON FUNCTION jhub_authz.expand(jhub_authz.scopeset, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.intersect_scopes(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_intersect_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION jhub_authz.intersect_scopes(jhub_authz.scopeset, jhub_authz.scopeset) IS 'permissions that both give, knowing who is in which group';
REVOKE ALL ON FUNCTION jhub_authz.intersect_scopes(jhub_authz.scopeset, jhub_authz.scopeset) FROM PUBLIC;

CREATE FUNCTION jhub_authz.covers(a jhub_authz.scopeset, b jhub_authz.scopeset) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_covers' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10;
COMMENT ON FUNCTION jhub_authz.covers(jhub_authz.scopeset, jhub_authz.scopeset) IS 'does a give all that b gives, knowing who is in which group?';
REVOKE ALL ON FUNCTION jhub_authz.covers(jhub_authz.scopeset, jhub_authz.scopeset) FROM PUBLIC;

CREATE FUNCTION jhub_authz.has_scope(have jhub_authz.scopeset, required text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_has_scope' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text) IS 'is the required scope held? have is expanded';
REVOKE ALL ON FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.has_scope(have jhub_authz.scopeset, required text[]) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_has_scope_array' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text[]) IS 'is any of the required scopes held? have is expanded';
REVOKE ALL ON FUNCTION jhub_authz.has_scope(jhub_authz.scopeset, text[]) FROM PUBLIC;

CREATE FUNCTION jhub_authz.has_any_scope(have jhub_authz.scopeset, required text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_has_any_scope' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.has_any_scope(jhub_authz.scopeset, text) IS 'is the required scope held with or without a filter? have is expanded';
REVOKE ALL ON FUNCTION jhub_authz.has_any_scope(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.resolve_scopes(requested jhub_authz.scopeset, have jhub_authz.scopeset, owner_kind text, owner_name text, client_id text,
        OUT granted jhub_authz.scopeset, OUT refused jhub_authz.scopeset) RETURNS record
    AS 'MODULE_PATHNAME', 'jhub_authz_resolve_scopes' LANGUAGE C STABLE PARALLEL SAFE COST 50;
COMMENT ON FUNCTION jhub_authz.resolve_scopes(jhub_authz.scopeset, jhub_authz.scopeset, text, text, text) IS 'what of the requested raw scopes is granted to one who holds the raw scopes "have"';
REVOKE ALL ON FUNCTION jhub_authz.resolve_scopes(jhub_authz.scopeset, jhub_authz.scopeset, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.identify_scopes(kind text, name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_identify_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.identify_scopes(text, text) IS 'scopes by which a token can tell who its owner is';

CREATE FUNCTION jhub_authz.access_scopes(client_id text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_access_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 50;
COMMENT ON FUNCTION jhub_authz.access_scopes(text) IS 'scopes that give access to what an OAuth client stands for; NULL for a client that does not exist';
REVOKE ALL ON FUNCTION jhub_authz.access_scopes(text) FROM PUBLIC;
-- Effective scopes: what the hub's get_scopes_for gives.

CREATE FUNCTION jhub_authz.user_scopes(name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_user_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.user_scopes(text) IS 'effective scopes of a user; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.user_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.service_scopes(name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_service_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.service_scopes(text) IS 'effective scopes of a service; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.service_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.group_scopes(name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_group_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.group_scopes(text) IS 'effective scopes of a group; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.group_scopes(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.token_scopes(token_id integer) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_token_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.token_scopes(integer) IS 'effective scopes of a token, expired or not; NULL if there is none such';
REVOKE ALL ON FUNCTION jhub_authz.token_scopes(integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz.subject_scopes(kind text, name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_subject_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.subject_scopes(text, text) IS 'effective scopes of a user, service, group or token (by its id, 12 or a12)';
REVOKE ALL ON FUNCTION jhub_authz.subject_scopes(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.raw_scopes(kind text, name text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_raw_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.raw_scopes(text, text) IS 'scopes of the roles of a subject as written, a user''s groups included; of a token, those stored';
REVOKE ALL ON FUNCTION jhub_authz.raw_scopes(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.subject_has_scope(kind text, name text, required text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_subject_has_scope' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.subject_has_scope(text, text, text) IS 'does the subject hold the required scope? false for one that does not exist and for an expired token';
REVOKE ALL ON FUNCTION jhub_authz.subject_has_scope(text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.subject_covers(kind text, name text, wanted jhub_authz.scopeset, client_id text DEFAULT NULL) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_subject_covers' LANGUAGE C STABLE PARALLEL SAFE COST 500;
COMMENT ON FUNCTION jhub_authz.subject_covers(text, text, jhub_authz.scopeset, text) IS 'does the subject hold all of the wanted scopes, expanded with it as owner? what has no target in the expansion is not asked for';
REVOKE ALL ON FUNCTION jhub_authz.subject_covers(text, text, jhub_authz.scopeset, text) FROM PUBLIC;

-- The whole hub in one pass

CREATE FUNCTION jhub_authz.all_user_scopes(OUT name text, OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_user_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz.all_user_scopes() IS 'effective scopes of every user';
REVOKE ALL ON FUNCTION jhub_authz.all_user_scopes() FROM PUBLIC;

CREATE FUNCTION jhub_authz.all_service_scopes(OUT name text, OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_service_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 20;
COMMENT ON FUNCTION jhub_authz.all_service_scopes() IS 'effective scopes of every service';
REVOKE ALL ON FUNCTION jhub_authz.all_service_scopes() FROM PUBLIC;

CREATE FUNCTION jhub_authz.all_group_scopes(OUT name text, OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_group_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION jhub_authz.all_group_scopes() IS 'effective scopes of every group';
REVOKE ALL ON FUNCTION jhub_authz.all_group_scopes() FROM PUBLIC;

CREATE FUNCTION jhub_authz.all_token_scopes(OUT token_id integer, OUT owner_kind text, OUT owner_name text, OUT client_id text,
        OUT stored jhub_authz.scopeset, OUT effective jhub_authz.scopeset, OUT discarded jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_all_token_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 10000;
COMMENT ON FUNCTION jhub_authz.all_token_scopes() IS 'stored and effective scopes of every token, expired or not, and what its owner does not hold';
REVOKE ALL ON FUNCTION jhub_authz.all_token_scopes() FROM PUBLIC;

-- Rows of the hub's tables

CREATE FUNCTION jhub_authz.visible_users(have jhub_authz.scopeset, base text DEFAULT 'list:users') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_users' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz.visible_users(jhub_authz.scopeset, text) IS 'ids of the users that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_users(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.visible_groups(have jhub_authz.scopeset, base text DEFAULT 'list:groups') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_groups' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 100;
COMMENT ON FUNCTION jhub_authz.visible_groups(jhub_authz.scopeset, text) IS 'ids of the groups that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_groups(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.visible_services(have jhub_authz.scopeset, base text DEFAULT 'list:services') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_services' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 20;
COMMENT ON FUNCTION jhub_authz.visible_services(jhub_authz.scopeset, text) IS 'ids of the services that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_services(jhub_authz.scopeset, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.visible_servers(have jhub_authz.scopeset, base text DEFAULT 'read:servers') RETURNS SETOF integer
    AS 'MODULE_PATHNAME', 'jhub_authz_visible_servers' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 1000;
COMMENT ON FUNCTION jhub_authz.visible_servers(jhub_authz.scopeset, text) IS 'ids of the spawners that the scopes let one see';
REVOKE ALL ON FUNCTION jhub_authz.visible_servers(jhub_authz.scopeset, text) FROM PUBLIC;
-- Tokens: narrowing at issue, issuing, resolving requests, revoking.

CREATE FUNCTION jhub_authz.narrow_token() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_narrow_token' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.narrow_token() IS 'trigger on the hub''s api_tokens: takes off what the owner does not hold';
REVOKE ALL ON FUNCTION jhub_authz.narrow_token() FROM PUBLIC;

CREATE FUNCTION jhub_authz.resolve_token_roles() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_resolve_token_roles' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.resolve_token_roles() IS 'trigger on a 2.x hub''s api_token_role_map: resolves a token''s roles to its scopes';
REVOKE ALL ON FUNCTION jhub_authz.resolve_token_roles() FROM PUBLIC;

CREATE FUNCTION jhub_authz.resolve_request(owner_kind text, owner_name text, requested text[],
                                           client_id text DEFAULT 'jupyterhub',
                                           OUT granted jhub_authz.scopeset, OUT refused jhub_authz.scopeset,
                                           OUT confirm boolean)
    AS 'MODULE_PATHNAME', 'jhub_authz_resolve_request' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.resolve_request(text, text, text[], text)
    IS 'what the hub''s OAuth flow would grant of a request, and whether it would ask the user';
REVOKE ALL ON FUNCTION jhub_authz.resolve_request(text, text, text[], text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.issue_token(owner_kind text, owner_name text,
                                       scopes jhub_authz.scopeset DEFAULT NULL, roles text[] DEFAULT NULL,
                                       expires_in interval DEFAULT NULL, note text DEFAULT '',
                                       client_id text DEFAULT 'jupyterhub',
                                       OUT token_id integer, OUT token text,
                                       OUT granted jhub_authz.scopeset, OUT refused jhub_authz.scopeset)
    AS 'MODULE_PATHNAME', 'jhub_authz_issue_token' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.issue_token(text, text, jhub_authz.scopeset, text[], interval, text, text)
    IS 'makes a token that the hub accepts; its clear text is shown this once';
REVOKE ALL ON FUNCTION jhub_authz.issue_token(text, text, jhub_authz.scopeset, text[], interval, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.authenticate(token text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_authenticate' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.authenticate(text) IS 'id of the live token that this is, or NULL';
REVOKE ALL ON FUNCTION jhub_authz.authenticate(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_token(token_id integer, reason text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_revoke_token' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.revoke_token(integer, text) IS 'revokes a token; false if there is no such live one';
REVOKE ALL ON FUNCTION jhub_authz.revoke_token(integer, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_all(kind text, name text, reason text, logins boolean DEFAULT false) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_revoke_all' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.revoke_all(text, text, text, boolean)
    IS 'revokes the tokens and codes of a user, service, group, client or session; returns the number of tokens';
REVOKE ALL ON FUNCTION jhub_authz.revoke_all(text, text, text, boolean) FROM PUBLIC;
-- Baselines, pending changes and events.

CREATE TABLE jhub_authz.token_baselines (
    token_id integer PRIMARY KEY,
    baseline jhub_authz.scopeset,
    requested jhub_authz.scopeset,
    release text NOT NULL,
    created timestamp,
    user_id integer,
    service_id integer,
    client_id text,
    taken_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    revoked_at timestamptz,
    observed jhub_authz.scopeset
);
COMMENT ON TABLE jhub_authz.token_baselines IS 'what each token could do when it was issued';
COMMENT ON COLUMN jhub_authz.token_baselines.token_id IS 'id in the hub''s api_tokens';
COMMENT ON COLUMN jhub_authz.token_baselines.baseline IS 'expanded effective scopes at issue; NULL: waits for its owner''s first scopes';
COMMENT ON COLUMN jhub_authz.token_baselines.requested IS 'the stored scopes at issue, expanded';
COMMENT ON COLUMN jhub_authz.token_baselines.release IS 'release of the hub whose catalogue the baseline was taken under';
COMMENT ON COLUMN jhub_authz.token_baselines.created IS 'the token''s created: an id that is used again is another token';
COMMENT ON COLUMN jhub_authz.token_baselines.user_id IS 'the owner''s id in the hub''s users';
COMMENT ON COLUMN jhub_authz.token_baselines.service_id IS 'the owner''s id in the hub''s services';
COMMENT ON COLUMN jhub_authz.token_baselines.client_id IS 'the OAuth client that the token was issued through';
COMMENT ON COLUMN jhub_authz.token_baselines.taken_at IS 'when the baseline was taken or last added to';
COMMENT ON COLUMN jhub_authz.token_baselines.revoked_at IS 'when the token was revoked; NULL: it was not';
COMMENT ON COLUMN jhub_authz.token_baselines.observed IS 'gain that was last logged without revoking; it is logged once';

-- The hub has no index by which an owner's tokens are found; these serve.
CREATE INDEX token_baselines_by_user ON jhub_authz.token_baselines (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX token_baselines_by_service ON jhub_authz.token_baselines (service_id) WHERE service_id IS NOT NULL;
CREATE INDEX token_baselines_by_client ON jhub_authz.token_baselines (client_id) WHERE client_id OPERATOR(pg_catalog.<>) 'jupyterhub';

-- A change of who is in a group concerns the few tokens that filter by group.
CREATE INDEX token_baselines_by_group ON jhub_authz.token_baselines (token_id)
    WHERE jhub_authz._filters_by_group(baseline) OR jhub_authz._filters_by_group(requested);

CREATE TABLE jhub_authz.token_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    txid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    actor name NOT NULL,
    role name NOT NULL,
    application_name text NOT NULL,
    token_id integer,
    prefix text,
    owner_kind text,
    owner_name text,
    client_id text,
    action text NOT NULL,
    reason text NOT NULL,
    before jhub_authz.scopeset,
    after jhub_authz.scopeset,
    gained jhub_authz.scopeset
);
COMMENT ON TABLE jhub_authz.token_events IS 'what was done to tokens and why; rows are only added';
COMMENT ON COLUMN jhub_authz.token_events.event_id IS 'number of the event';
COMMENT ON COLUMN jhub_authz.token_events.at IS 'when it was decided';
COMMENT ON COLUMN jhub_authz.token_events.txid IS 'transaction that made the change';
COMMENT ON COLUMN jhub_authz.token_events.actor IS 'session user of the statement that made the change; through the hub: the hub''s role';
COMMENT ON COLUMN jhub_authz.token_events.role IS 'current role at that statement';
COMMENT ON COLUMN jhub_authz.token_events.application_name IS 'application_name of that session';
COMMENT ON COLUMN jhub_authz.token_events.token_id IS 'id in the hub''s api_tokens';
COMMENT ON COLUMN jhub_authz.token_events.prefix IS 'first characters of the token, as the hub shows them';
COMMENT ON COLUMN jhub_authz.token_events.owner_kind IS 'user or service';
COMMENT ON COLUMN jhub_authz.token_events.owner_name IS 'name of the owner at that time';
COMMENT ON COLUMN jhub_authz.token_events.client_id IS 'OAuth client that the token was issued through';
COMMENT ON COLUMN jhub_authz.token_events.action IS 'issued, narrowed, undefined, rescoped, renamed, shared, revoked, reinstated, adopted, migrated, would_narrow, would_revoke, policy or pruned';
COMMENT ON COLUMN jhub_authz.token_events.reason IS 'a short code, then what it was about';
COMMENT ON COLUMN jhub_authz.token_events.before IS 'stored scopes or baseline before';
COMMENT ON COLUMN jhub_authz.token_events.after IS 'stored scopes or baseline after; for issued: the baseline';
COMMENT ON COLUMN jhub_authz.token_events.gained IS 'what the token could do beyond its baseline';
CREATE INDEX token_events_by_token ON jhub_authz.token_events (token_id);
CREATE INDEX token_events_by_time ON jhub_authz.token_events (at);

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.token_baselines', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.token_events', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.token_events_event_id_seq', '');

-- What changed in a transaction that is still open.  Rows are made and taken by
-- the same transaction: nobody else ever sees one, and none is dumped.
CREATE UNLOGGED TABLE jhub_authz.pending (
    txid xid8 NOT NULL,
    cid integer NOT NULL,
    kind text NOT NULL,
    id integer NOT NULL,
    other integer NOT NULL,
    old_name text,
    actor name NOT NULL,
    role name NOT NULL,
    application_name text NOT NULL
);
COMMENT ON TABLE jhub_authz.pending IS 'changes that wait for the end of their transaction to be decided';
COMMENT ON COLUMN jhub_authz.pending.txid IS 'the transaction';
COMMENT ON COLUMN jhub_authz.pending.cid IS 'command in the transaction';
COMMENT ON COLUMN jhub_authz.pending.kind IS 'what kind of change';
COMMENT ON COLUMN jhub_authz.pending.id IS 'whose id';
COMMENT ON COLUMN jhub_authz.pending.other IS 'a second id, or 0';
COMMENT ON COLUMN jhub_authz.pending.old_name IS 'name before a rename, or another text';
COMMENT ON COLUMN jhub_authz.pending.actor IS 'session user of the statement';
COMMENT ON COLUMN jhub_authz.pending.role IS 'current role of the statement';
COMMENT ON COLUMN jhub_authz.pending.application_name IS 'application_name of the session';
CREATE INDEX pending_by_txid ON jhub_authz.pending (txid);

CREATE FUNCTION jhub_authz.note_change() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_note_change' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.note_change() IS 'trigger on the hub''s tables: notes what changed, to be decided at commit';
REVOKE ALL ON FUNCTION jhub_authz.note_change() FROM PUBLIC;

CREATE FUNCTION jhub_authz._decide() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz__decide' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz._decide() IS 'trigger on pending: decides at the end of the transaction';
REVOKE ALL ON FUNCTION jhub_authz._decide() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER decide AFTER INSERT ON jhub_authz.pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION jhub_authz._decide();

CREATE FUNCTION jhub_authz.rebase(token_id integer, reason text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_rebase' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.rebase(integer, text) IS 'accepts what a token can do now as its baseline; false if there is no such live token';
REVOKE ALL ON FUNCTION jhub_authz.rebase(integer, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.set_policy(target text, on_growth text DEFAULT NULL, inherit text DEFAULT NULL,
                                      on_share text DEFAULT NULL, max_age interval DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'jhub_authz_set_policy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.set_policy(text, text, text, text, interval)
    IS 'sets the policy of a class of tokens; what is NULL stays as it is';
REVOKE ALL ON FUNCTION jhub_authz.set_policy(text, text, text, text, interval) FROM PUBLIC;
-- Attaching a hub, detaching it, the mode, and who may use what.

CREATE FUNCTION jhub_authz.attach(hub_schema text DEFAULT 'public', mode text DEFAULT NULL) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_attach' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.attach(text, text) IS 'attaches the hub whose tables are in a schema; returns its release';
REVOKE ALL ON FUNCTION jhub_authz.attach(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.set_mode(mode text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'jhub_authz_set_mode' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.set_mode(text) IS 'enforce, observe or off; returns the number of tokens beyond their baseline';
REVOKE ALL ON FUNCTION jhub_authz.set_mode(text) FROM PUBLIC;

-- In PL/pgSQL on purpose: it has to work when the shared library is gone.
CREATE FUNCTION jhub_authz.detach() RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
AS $detach$
DECLARE
    wait text := coalesce((SELECT value FROM jhub_authz.option_values WHERE name = 'lock_timeout'), '5s');
    t record;
    waited boolean := false;
    kept text[] := '{}';
BEGIN
    PERFORM set_config('lock_timeout', wait, true);
    FOR t IN SELECT DISTINCT g.tgrelid::regclass AS rel
               FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
              WHERE p.pronamespace = 'jhub_authz'::regnamespace AND NOT g.tgisinternal
                AND g.tgrelid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace)
              ORDER BY 1
    LOOP
        PERFORM jhub_authz._disable_triggers(t.rel);
    END LOOP;
    FOR t IN SELECT g.tgname, g.tgrelid::regclass AS rel
               FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
              WHERE p.pronamespace = 'jhub_authz'::regnamespace AND NOT g.tgisinternal
                AND g.tgrelid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace)
              ORDER BY g.tgrelid::regclass::text, g.tgname
    LOOP
        BEGIN
            -- one wait in all: while it lasts, the hub's writes wait behind us
            IF waited THEN
                PERFORM set_config('lock_timeout', '1ms', true);
            END IF;
            EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel);
        EXCEPTION WHEN lock_not_available THEN
            waited := true;
            kept := kept || format('%s on %s', t.tgname, t.rel);
        END;
    END LOOP;
    -- the table's own trigger is C; altering the table tells the sessions as well
    ALTER TABLE jhub_authz.attachment DISABLE TRIGGER settings_changed;
    UPDATE jhub_authz.attachment SET hub_schema = NULL, attached_at = NULL;
    ALTER TABLE jhub_authz.attachment ENABLE ALWAYS TRIGGER settings_changed;
    IF kept <> '{}' THEN
        RAISE WARNING USING
            MESSAGE = 'some triggers could not be dropped and stay disabled',
            DETAIL = array_to_string(kept, ', '),
            HINT = 'Another session holds a lock on the hub''s tables. Call detach() again later.';
    END IF;
END
$detach$;
COMMENT ON FUNCTION jhub_authz.detach() IS 'takes our triggers off the hub''s tables; records stay';
REVOKE ALL ON FUNCTION jhub_authz.detach() FROM PUBLIC;

CREATE FUNCTION jhub_authz._disable_triggers(rel regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $disable$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT g.tgname FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
              WHERE g.tgrelid = rel AND p.pronamespace = 'jhub_authz'::regnamespace
                AND NOT g.tgisinternal AND g.tgenabled <> 'D'
              ORDER BY g.tgname
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', rel, t.tgname);
    END LOOP;
END
$disable$;
COMMENT ON FUNCTION jhub_authz._disable_triggers(regclass) IS 'disables our triggers on a table';
REVOKE ALL ON FUNCTION jhub_authz._disable_triggers(regclass) FROM PUBLIC;

CREATE FUNCTION jhub_authz._expected_triggers(OUT table_name regclass, OUT trigger_name text, OUT function_name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__expected_triggers' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 16;
COMMENT ON FUNCTION jhub_authz._expected_triggers() IS 'the triggers that attach puts on the hub''s tables';
REVOKE ALL ON FUNCTION jhub_authz._expected_triggers() FROM PUBLIC;

-- Who may use what.  An auditor reads: every function that writes nothing, and
-- every table and view but the one for open changes.  An operator acts besides.
CREATE FUNCTION jhub_authz._grantable(acting boolean) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
AS $grantable$
    SELECT format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
      FROM pg_proc p
     WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prokind = 'f'
       AND p.prorettype <> 'trigger'::regtype
       AND CASE WHEN acting
                THEN p.proname = ANY (ARRAY['issue_token', 'authenticate', 'revoke_token', 'revoke_all',
                                            'rebase', 'set_policy', 'resolve_request'])
                ELSE p.provolatile <> 'v' AND p.proname <> 'authenticate' END
    UNION ALL
    SELECT format('SELECT ON %s', c.oid::regclass)
      FROM pg_class c
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v')
       AND c.relname <> 'pending' AND NOT acting
$grantable$;
COMMENT ON FUNCTION jhub_authz._grantable(boolean) IS 'what grant_auditor and grant_operator grant';
REVOKE ALL ON FUNCTION jhub_authz._grantable(boolean) FROM PUBLIC;

CREATE FUNCTION jhub_authz._grant(verb text, preposition text, role_name regrole, acting boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $grant$
DECLARE
    what text;
BEGIN
    FOR what IN SELECT g FROM jhub_authz._grantable(acting) AS g LOOP
        EXECUTE format('%s %s %s %s', verb, what, preposition, role_name);
    END LOOP;
END
$grant$;
COMMENT ON FUNCTION jhub_authz._grant(text, text, regrole, boolean) IS 'grants or revokes what an auditor or operator needs';
REVOKE ALL ON FUNCTION jhub_authz._grant(text, text, regrole, boolean) FROM PUBLIC;

CREATE FUNCTION jhub_authz.grant_auditor(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('GRANT', 'TO', role_name, false);
END
$body$;
COMMENT ON FUNCTION jhub_authz.grant_auditor(regrole) IS 'grants a role reading everything';
REVOKE ALL ON FUNCTION jhub_authz.grant_auditor(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_auditor(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('REVOKE', 'FROM', role_name, false);
END
$body$;
COMMENT ON FUNCTION jhub_authz.revoke_auditor(regrole) IS 'revokes a role reading everything';
REVOKE ALL ON FUNCTION jhub_authz.revoke_auditor(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.grant_operator(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('GRANT', 'TO', role_name, true);
END
$body$;
COMMENT ON FUNCTION jhub_authz.grant_operator(regrole) IS 'grants a role acting: issue, revoke, policy';
REVOKE ALL ON FUNCTION jhub_authz.grant_operator(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_operator(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('REVOKE', 'FROM', role_name, true);
END
$body$;
COMMENT ON FUNCTION jhub_authz.revoke_operator(regrole) IS 'revokes a role acting: issue, revoke, policy';
REVOKE ALL ON FUNCTION jhub_authz.revoke_operator(regrole) FROM PUBLIC;
