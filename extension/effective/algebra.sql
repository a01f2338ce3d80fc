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
