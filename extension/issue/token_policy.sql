-- The policy of one token, and the longest life that it allows.

CREATE FUNCTION jhub_authz.show_policy(token_id integer, OUT setting text, OUT value text,
                                       OUT target text, OUT why text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_show_policy' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 10000 ROWS 4;
COMMENT ON FUNCTION jhub_authz.show_policy(integer) IS 'what counts for a token, field by field, and from which policy it comes';
REVOKE ALL ON FUNCTION jhub_authz.show_policy(integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz.expire_old_tokens(dry_run boolean DEFAULT true, OUT token_id integer, OUT owner_kind text,
                                             OUT owner_name text, OUT expires_at timestamptz,
                                             OUT new_expires_at timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_expire_old_tokens' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE COST 10000 ROWS 100;
COMMENT ON FUNCTION jhub_authz.expire_old_tokens(boolean)
    IS 'applies max_age to the live tokens that there are; dry_run only shows which';
REVOKE ALL ON FUNCTION jhub_authz.expire_old_tokens(boolean) FROM PUBLIC;
