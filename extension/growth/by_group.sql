-- Tokens by the groups that their scopes filter by: a change of who is in a group
-- concerns these, and there may be many that filter by others.

CREATE FUNCTION jhub_authz._filter_groups(baseline jhub_authz.scopeset, requested jhub_authz.scopeset) RETURNS integer[]
    AS 'MODULE_PATHNAME', 'jhub_authz__filter_groups' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._filter_groups(jhub_authz.scopeset, jhub_authz.scopeset)
    IS 'internal: hashes of the names of the groups that either set filters by';
REVOKE ALL ON FUNCTION jhub_authz._filter_groups(jhub_authz.scopeset, jhub_authz.scopeset) FROM PUBLIC;

-- Without fastupdate: its list of what is not sorted in yet would be read through
-- by every decision about a group.
CREATE INDEX token_baselines_by_group ON jhub_authz.token_baselines
    USING gin (jhub_authz._filter_groups(baseline, requested)) WITH (fastupdate = off)
    WHERE jhub_authz._filters_by_group(baseline) OR jhub_authz._filters_by_group(requested);
