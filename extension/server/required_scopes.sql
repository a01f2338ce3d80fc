-- What a request to a server needs: stored rows over the defaults, which are in
-- the code (required_scopes.c).  The table is dumped; its triggers have no effect
-- but to tell every session that it changed.

CREATE TABLE jhub_authz.required_scope_values (
    app text NOT NULL,
    resource text NOT NULL,
    action text NOT NULL,
    scopes text[] NOT NULL,
    PRIMARY KEY (app, resource, action)
);
COMMENT ON TABLE jhub_authz.required_scope_values IS 'required scopes that differ from the defaults; use set_required_scopes and the view required_scopes';
COMMENT ON COLUMN jhub_authz.required_scope_values.app IS 'the program that serves, such as jupyter_server';
COMMENT ON COLUMN jhub_authz.required_scope_values.resource IS 'what is asked for; * is any resource of the app that has nothing of its own for the action';
COMMENT ON COLUMN jhub_authz.required_scope_values.action IS 'what is to be done with it: read, write or execute';
COMMENT ON COLUMN jhub_authz.required_scope_values.scopes IS 'any of these will do; empty: nobody may';

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.required_scope_values', '');

CREATE FUNCTION jhub_authz._required_scopes_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz__required_scopes_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz._required_scopes_changed() IS 'tells every session that required scopes changed; has no other effect';
REVOKE ALL ON FUNCTION jhub_authz._required_scopes_changed() FROM PUBLIC;

-- By row, because the apply worker of logical replication fires only such.
CREATE TRIGGER required_scopes_changed AFTER INSERT OR UPDATE OR DELETE ON jhub_authz.required_scope_values
    FOR EACH ROW EXECUTE FUNCTION jhub_authz._required_scopes_changed();
CREATE TRIGGER required_scopes_truncated AFTER TRUNCATE ON jhub_authz.required_scope_values
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._required_scopes_changed();
ALTER TABLE jhub_authz.required_scope_values ENABLE ALWAYS TRIGGER required_scopes_changed;
ALTER TABLE jhub_authz.required_scope_values ENABLE ALWAYS TRIGGER required_scopes_truncated;
COMMENT ON TRIGGER required_scopes_changed ON jhub_authz.required_scope_values IS 'tells every session that required scopes changed';
COMMENT ON TRIGGER required_scopes_truncated ON jhub_authz.required_scope_values IS 'tells every session that required scopes changed';

CREATE FUNCTION jhub_authz._required_scope_defaults(OUT app text, OUT resource text, OUT action text, OUT scope text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__required_scope_defaults' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 132;
COMMENT ON FUNCTION jhub_authz._required_scope_defaults() IS 'the resources of Jupyter Server and the scopes that they need by default';

CREATE VIEW jhub_authz.required_scopes AS
    SELECT v.app, v.resource, v.action, u.scope
      FROM jhub_authz.required_scope_values v
     CROSS JOIN LATERAL pg_catalog.unnest(v.scopes) AS u (scope)
    UNION ALL
    SELECT d.app, d.resource, d.action, d.scope
      FROM jhub_authz._required_scope_defaults() d
     WHERE NOT EXISTS (SELECT FROM jhub_authz.required_scope_values v
                        WHERE v.app OPERATOR(pg_catalog.=) d.app
                          AND v.resource OPERATOR(pg_catalog.=) d.resource
                          AND v.action OPERATOR(pg_catalog.=) d.action);
COMMENT ON VIEW jhub_authz.required_scopes IS 'what a request to a server needs besides access: any of the scopes of its resource and action; change it with set_required_scopes';
COMMENT ON COLUMN jhub_authz.required_scopes.app IS 'the program that serves, such as jupyter_server';
COMMENT ON COLUMN jhub_authz.required_scopes.resource IS 'what is asked for; * is any resource of the app that has nothing of its own for the action';
COMMENT ON COLUMN jhub_authz.required_scopes.action IS 'what is to be done with it: read, write or execute';
COMMENT ON COLUMN jhub_authz.required_scopes.scope IS 'a scope that will do; {owner} and {server} stand for the server';

CREATE FUNCTION jhub_authz.set_required_scopes(app text, resource text, action text, scopes text[]) RETURNS void
    AS 'MODULE_PATHNAME', 'jhub_authz_set_required_scopes' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 1000;
COMMENT ON FUNCTION jhub_authz.set_required_scopes(text, text, text, text[]) IS 'sets which scopes a resource and action of an app need, any of them; empty: nobody may; NULL: back to the default';
REVOKE ALL ON FUNCTION jhub_authz.set_required_scopes(text, text, text, text[]) FROM PUBLIC;
