-- What would come of a change, without the change.

CREATE FUNCTION jhub_authz.preview(change text,
                                   OUT token_id integer, OUT owner_kind text, OUT owner_name text,
                                   OUT action text, OUT gained jhub_authz.scopeset, OUT reason text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_preview' LANGUAGE C VOLATILE PARALLEL UNSAFE COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz.preview(text)
    IS 'runs statements as the caller, decides, and undoes all of it; returns what would be done to tokens';
REVOKE ALL ON FUNCTION jhub_authz.preview(text) FROM PUBLIC;
