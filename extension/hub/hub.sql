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
    AS 'MODULE_PATHNAME', 'jhub_authz__status' LANGUAGE C STABLE PARALLEL SAFE COST 1000;
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
