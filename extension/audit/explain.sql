-- Why somebody holds a permission, or not.

CREATE FUNCTION jhub_authz.explain(kind text, name text, required text, OUT held boolean, OUT chain integer, OUT step integer,
                                   OUT node_kind text, OUT node text, OUT says text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_explain' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 1000 ROWS 10;
COMMENT ON FUNCTION jhub_authz.explain(text, text, text)
    IS 'why a user, service, group or token (by its id) holds a required scope: a chain for each grant, step by step, then what to take away to end it; or why it does not: the nearest grants and what is missing';
REVOKE ALL ON FUNCTION jhub_authz.explain(text, text, text) FROM PUBLIC;
