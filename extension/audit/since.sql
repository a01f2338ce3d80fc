-- Since when: of findings that the history can date.

-- When a change was; what attach found began at an unknown time before.
CREATE FUNCTION jhub_authz._began(change_id bigint) RETURNS timestamptz
    LANGUAGE sql STABLE STRICT PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$ SELECT CASE WHEN c.source = 'attach' THEN '-infinity' ELSE c.at END FROM jhub_authz.history_changes c WHERE c.change_id = _began.change_id $body$;
COMMENT ON FUNCTION jhub_authz._began(bigint) IS 'when a change was; -infinity: attach found it';
REVOKE ALL ON FUNCTION jhub_authz._began(bigint) FROM PUBLIC;

-- When the last of each name went: users, groups, services and servers that were
-- there and are not.  A server is named with its owner; the default one is there
-- as long as the owner is.
CREATE FUNCTION jhub_authz._targets_gone(OUT filter_kind text, OUT filter_value text, OUT at timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 1000
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT 'user', u.name, max(e.at) FROM jhub_authz.history_users u JOIN jhub_authz.history_changes e ON e.change_id = u.ended GROUP BY u.name
    UNION ALL
    SELECT 'server', u.name || '/', max(e.at) FROM jhub_authz.history_users u JOIN jhub_authz.history_changes e ON e.change_id = u.ended GROUP BY u.name
    UNION ALL
    SELECT 'group', g.name, max(e.at) FROM jhub_authz.history_groups g JOIN jhub_authz.history_changes e ON e.change_id = g.ended GROUP BY g.name
    UNION ALL
    SELECT 'service', s.name, max(e.at) FROM jhub_authz.history_services s JOIN jhub_authz.history_changes e ON e.change_id = s.ended GROUP BY s.name
    UNION ALL
    SELECT 'server', u.name || '/' || p.name, max(least(pe.at, ue.at))
      FROM jhub_authz.history_spawners p
      JOIN jhub_authz.history_users u ON u.id = p.user_id
      JOIN jhub_authz.history_changes pb ON pb.change_id = p.began
      JOIN jhub_authz.history_changes ub ON ub.change_id = u.began
      LEFT JOIN jhub_authz.history_changes pe ON pe.change_id = p.ended
      LEFT JOIN jhub_authz.history_changes ue ON ue.change_id = u.ended
     WHERE p.name <> '' AND (p.ended IS NOT NULL OR u.ended IS NOT NULL)
       AND greatest(pb.at, ub.at) < least(pe.at, ue.at)
     GROUP BY u.name, p.name
    $body$;
COMMENT ON FUNCTION jhub_authz._targets_gone() IS 'when the last user, group, service or server of a name was deleted or renamed';
REVOKE ALL ON FUNCTION jhub_authz._targets_gone() FROM PUBLIC;

CREATE FUNCTION jhub_authz._orphans(OUT subject_kind text, OUT subject text, OUT scope text, OUT defect text, OUT detail text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT o.subject_kind, o.subject, o.scope, o.defect, o.detail, g.at
      FROM jhub_authz.orphaned_grants o
      LEFT JOIN jhub_authz._targets_gone() g ON o.defect = 'names nobody' AND g.filter_kind = o.filter_kind AND g.filter_value = o.filter_value
    $body$;
COMMENT ON FUNCTION jhub_authz._orphans() IS 'orphaned_grants, and when what a filter names went';
REVOKE ALL ON FUNCTION jhub_authz._orphans() FROM PUBLIC;

-- Since when users and services have their roles as these are now, own or a group's.
CREATE FUNCTION jhub_authz._roles_since(role_names text[], OUT subject_kind text, OUT subject text, OUT via_role text, OUT via_group text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 10000 ROWS 100
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH role AS (SELECT r.id, r.name, jhub_authz._began(r.began) AS since FROM jhub_authz.history_roles r WHERE r.ended IS NULL AND r.name = ANY (role_names))
    SELECT 'user', u.name, r.name, NULL, greatest(r.since, jhub_authz._began(m.began))
      FROM role r JOIN jhub_authz.history_user_role_map m ON m.role_id = r.id AND m.ended IS NULL
      JOIN jhub_authz.history_users u ON u.id = m.user_id AND u.ended IS NULL
    UNION ALL
    SELECT 'service', s.name, r.name, NULL, greatest(r.since, jhub_authz._began(m.began))
      FROM role r JOIN jhub_authz.history_service_role_map m ON m.role_id = r.id AND m.ended IS NULL
      JOIN jhub_authz.history_services s ON s.id = m.service_id AND s.ended IS NULL
    UNION ALL
    SELECT 'user', u.name, r.name, g.name, greatest(r.since, jhub_authz._began(m.began), jhub_authz._began(i.began))
      FROM role r JOIN jhub_authz.history_group_role_map m ON m.role_id = r.id AND m.ended IS NULL
      JOIN jhub_authz.history_groups g ON g.id = m.group_id AND g.ended IS NULL
      JOIN jhub_authz.history_user_group_map i ON i.group_id = g.id AND i.ended IS NULL
      JOIN jhub_authz.history_users u ON u.id = i.user_id AND u.ended IS NULL
    $body$;
COMMENT ON FUNCTION jhub_authz._roles_since(text[]) IS 'since when users and services have these roles as they are now; -infinity: since before attach';
REVOKE ALL ON FUNCTION jhub_authz._roles_since(text[]) FROM PUBLIC;
