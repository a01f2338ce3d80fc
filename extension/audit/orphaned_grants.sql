-- Grants that give nothing, or not what they say.

CREATE FUNCTION jhub_authz._orphaned_grants(OUT subject_kind text, OUT subject text, OUT scope text, OUT filter_kind text,
        OUT filter_value text, OUT defect text, OUT detail text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__orphaned_grants' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._orphaned_grants() IS 'rows of orphaned_grants';
REVOKE ALL ON FUNCTION jhub_authz._orphaned_grants() FROM PUBLIC;

CREATE VIEW jhub_authz.orphaned_grants AS
    SELECT o.subject_kind, o.subject, o.scope, o.filter_kind, o.filter_value, o.defect, o.detail
      FROM jhub_authz._orphaned_grants() o;
COMMENT ON VIEW jhub_authz.orphaned_grants IS 'roles, OAuth clients, shares, share codes and live tokens whose stored scopes name nobody, are not defined or do not parse; empty roles and roles that nobody has; clients without a server or service';
COMMENT ON COLUMN jhub_authz.orphaned_grants.subject_kind IS 'what it is: role, client, share, share code or token';
COMMENT ON COLUMN jhub_authz.orphaned_grants.subject IS 'name of the role or client; id of the share, share code or token';
COMMENT ON COLUMN jhub_authz.orphaned_grants.scope IS 'the stored scope that it is about; NULL: about the whole';
COMMENT ON COLUMN jhub_authz.orphaned_grants.filter_kind IS 'kind of the scope''s filter: user, group, server or service';
COMMENT ON COLUMN jhub_authz.orphaned_grants.filter_value IS 'whom the filter names';
COMMENT ON COLUMN jhub_authz.orphaned_grants.defect IS 'names nobody, no slash (a server that is not owner/name), undefined, does not parse, empty role, unheld role, no target, no owner';
COMMENT ON COLUMN jhub_authz.orphaned_grants.detail IS 'the defect as a sentence';
