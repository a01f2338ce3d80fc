-- Putting back what was revoked, and what of the events may go.

CREATE FUNCTION jhub_authz.reinstate_token(token_id integer, reason text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_reinstate_token' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.reinstate_token(integer, text)
    IS 'puts back a revoked token, at a new baseline; false if there is none to put back';
REVOKE ALL ON FUNCTION jhub_authz.reinstate_token(integer, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.reinstate(txid xid8, reason text) RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_reinstate' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.reinstate(xid8, text)
    IS 'puts back the tokens that a transaction revoked, at new baselines; returns their number';
REVOKE ALL ON FUNCTION jhub_authz.reinstate(xid8, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.prune_events(keep interval) RETURNS bigint
    AS 'MODULE_PATHNAME', 'jhub_authz_prune_events' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION jhub_authz.prune_events(interval)
    IS 'deletes events that are older; returns their number';
REVOKE ALL ON FUNCTION jhub_authz.prune_events(interval) FROM PUBLIC;
