-- A token's identity, for the rest of a (sub)transaction.

CREATE FUNCTION jhub_authz.act_as(token text) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_act_as' LANGUAGE C VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION jhub_authz.act_as(text) IS 'takes on a token''s identity until the end of the (sub)transaction; NULL: nobody''s';
REVOKE ALL ON FUNCTION jhub_authz.act_as(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.current_subject() RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_current_subject' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION jhub_authz.current_subject() IS 'the user or service acted as, as user:NAME or service:NAME; NULL without a live identity';
REVOKE ALL ON FUNCTION jhub_authz.current_subject() FROM PUBLIC;

CREATE FUNCTION jhub_authz.current_scopes() RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz_current_scopes' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION jhub_authz.current_scopes() IS 'what the token acted with holds at this moment, expanded; NULL without a live identity';
REVOKE ALL ON FUNCTION jhub_authz.current_scopes() FROM PUBLIC;
