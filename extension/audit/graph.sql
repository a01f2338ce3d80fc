-- Pictures of who may do what.

CREATE FUNCTION jhub_authz.graph_dot(kind text DEFAULT 'hub', name text DEFAULT NULL, most integer DEFAULT 100) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_graph_dot' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.graph_dot(text, text, integer)
    IS 'picture for Graphviz: hub, or role, user, group, service, token, server or scope with its name; of so many nodes at most';
REVOKE ALL ON FUNCTION jhub_authz.graph_dot(text, text, integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz.graph_mermaid(kind text DEFAULT 'hub', name text DEFAULT NULL, most integer DEFAULT 100) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_graph_mermaid' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.graph_mermaid(text, text, integer)
    IS 'picture for Mermaid: hub, or role, user, group, service, token, server or scope with its name; of so many nodes at most';
REVOKE ALL ON FUNCTION jhub_authz.graph_mermaid(text, text, integer) FROM PUBLIC;
