-- Since when: of findings that the history can date.
-- How many rows a function gives is unknown to the planner.  Where it may be many on
-- both sides, nested loops are off: they would take the product.

-- When the last of each name went: users, groups, services and servers that were
-- there and are not.  A server is named with its owner; the default one is there
-- as long as the owner is.
CREATE FUNCTION jhub_authz._targets_gone(OUT filter_kind text, OUT filter_value text, OUT at timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 100
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
    AS 'MODULE_PATHNAME', 'jhub_authz__orphans' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._orphans() IS 'orphaned_grants, and when what a filter names went';
REVOKE ALL ON FUNCTION jhub_authz._orphans() FROM PUBLIC;

-- Since when users and services have their roles as these are now, own or a group's.
CREATE FUNCTION jhub_authz._roles_since(role_names text[], OUT subject_kind text, OUT subject text, OUT via_role text, OUT via_group text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 10000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    -- what attach found began at an unknown time before
    WITH began AS NOT MATERIALIZED (SELECT c.change_id, CASE WHEN c.source = 'attach' THEN '-infinity' ELSE c.at END AS at FROM jhub_authz.history_changes c),
    role AS MATERIALIZED (
        SELECT r.id, r.name, b.at AS since
          FROM jhub_authz.history_roles r LEFT JOIN began b ON b.change_id = r.began WHERE r.ended IS NULL AND r.name = ANY (role_names))
    SELECT 'user', u.name, r.name, NULL, greatest(r.since, b.at)
      FROM role r JOIN jhub_authz.history_user_role_map m ON m.role_id = r.id AND m.ended IS NULL
      JOIN jhub_authz.history_users u ON u.id = m.user_id AND u.ended IS NULL
      LEFT JOIN began b ON b.change_id = m.began
    UNION ALL
    SELECT 'service', s.name, r.name, NULL, greatest(r.since, b.at)
      FROM role r JOIN jhub_authz.history_service_role_map m ON m.role_id = r.id AND m.ended IS NULL
      JOIN jhub_authz.history_services s ON s.id = m.service_id AND s.ended IS NULL
      LEFT JOIN began b ON b.change_id = m.began
    UNION ALL
    SELECT 'user', u.name, r.name, g.name, greatest(r.since, b.at, ib.at)
      FROM role r JOIN jhub_authz.history_group_role_map m ON m.role_id = r.id AND m.ended IS NULL
      JOIN jhub_authz.history_groups g ON g.id = m.group_id AND g.ended IS NULL
      JOIN jhub_authz.history_user_group_map i ON i.group_id = g.id AND i.ended IS NULL
      JOIN jhub_authz.history_users u ON u.id = i.user_id AND u.ended IS NULL
      LEFT JOIN began b ON b.change_id = m.began LEFT JOIN began ib ON ib.change_id = i.began
    $body$;
COMMENT ON FUNCTION jhub_authz._roles_since(text[]) IS 'since when users and services have these roles as they are now; -infinity: since before attach';
REVOKE ALL ON FUNCTION jhub_authz._roles_since(text[]) FROM PUBLIC;

-- Moments that are no beginning: what is found by attach began before.
CREATE FUNCTION jhub_authz._unknown_before() RETURNS SETOF timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 2
    SET search_path = pg_catalog, pg_temp
    AS $body$ SELECT '-infinity'::timestamptz UNION SELECT c.at FROM jhub_authz.history_changes c WHERE c.source = 'attach' $body$;
COMMENT ON FUNCTION jhub_authz._unknown_before() IS 'when attach found what began at an unknown time before';
REVOKE ALL ON FUNCTION jhub_authz._unknown_before() FROM PUBLIC;

-- What a role's scopes give, as the hub stored them.
CREATE FUNCTION jhub_authz._stored_scopes(stored text) RETURNS jhub_authz.scopeset
    AS 'MODULE_PATHNAME', 'jhub_authz__stored_scopes' LANGUAGE C STABLE STRICT PARALLEL SAFE COST 20;
COMMENT ON FUNCTION jhub_authz._stored_scopes(text) IS 'what scopes give that are written as the hub stores them, but for what they give their owner about itself; none if they do not parse';
REVOKE ALL ON FUNCTION jhub_authz._stored_scopes(text) FROM PUBLIC;

-- When those who are users and services now had roles, their own or a group's: all
-- that is on record.  What attach found begins with attach here.
CREATE FUNCTION jhub_authz._roles_had(role_ids integer[], OUT subject_kind text, OUT subject text, OUT role_id integer, OUT had tstzmultirange) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 10000 ROWS 1000 SUPPORT jhub_authz._rows_support
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    WITH of_group AS MATERIALIZED (
        SELECT m.group_id, m.role_id, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at)) AS had
          FROM jhub_authz.history_group_role_map m
          LEFT JOIN jhub_authz.history_changes b ON b.change_id = m.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = m.ended
         WHERE m.role_id IN (SELECT unnest(role_ids)) AND (m.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
         GROUP BY m.group_id, m.role_id),
    member AS (
        SELECT m.user_id, m.group_id, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at)) AS had
          FROM jhub_authz.history_user_group_map m
          LEFT JOIN jhub_authz.history_changes b ON b.change_id = m.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = m.ended
         WHERE m.group_id IN (SELECT g.group_id FROM of_group g) AND (m.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
         GROUP BY m.user_id, m.group_id)
    SELECT 'user', u.name, m.role_id, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at))
      FROM jhub_authz.history_user_role_map m JOIN jhub_authz.history_users u ON u.id = m.user_id AND u.ended IS NULL
      LEFT JOIN jhub_authz.history_changes b ON b.change_id = m.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = m.ended
     WHERE m.role_id IN (SELECT unnest(role_ids)) AND (m.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
     GROUP BY u.name, m.role_id
    UNION ALL
    SELECT 'service', s.name, m.role_id, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at))
      FROM jhub_authz.history_service_role_map m JOIN jhub_authz.history_services s ON s.id = m.service_id AND s.ended IS NULL
      LEFT JOIN jhub_authz.history_changes b ON b.change_id = m.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = m.ended
     WHERE m.role_id IN (SELECT unnest(role_ids)) AND (m.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
     GROUP BY s.name, m.role_id
    UNION ALL
    SELECT 'user', u.name, g.role_id, range_agg(g.had * i.had)
      FROM of_group g JOIN member i ON i.group_id = g.group_id
      JOIN jhub_authz.history_users u ON u.id = i.user_id AND u.ended IS NULL
     GROUP BY u.name, g.role_id
    $body$;
COMMENT ON FUNCTION jhub_authz._roles_had(integer[]) IS 'when users and services had these roles, their own or a group''s';
REVOKE ALL ON FUNCTION jhub_authz._roles_had(integer[]) FROM PUBLIC;

-- When these users and services had which of these scopes by their roles, written
-- as here and no wider; by what scopes mean today.
CREATE FUNCTION jhub_authz._scopes_had(subject_kinds text[], subjects text[], scopes text[], OUT subject_kind text, OUT subject text, OUT scope text, OUT had tstzmultirange) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 100000 ROWS 1000 SUPPORT jhub_authz._rows_support
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    WITH given AS MATERIALIZED (
        SELECT v.scopes, x.scope
          FROM (SELECT DISTINCT r.scopes FROM jhub_authz.history_roles r WHERE cardinality(_scopes_had.scopes) > 0) AS v,
               LATERAL jhub_authz._shown_scopes(jhub_authz._stored_scopes(v.scopes)) x
         WHERE x.scope IN (SELECT unnest(_scopes_had.scopes))),
    gave AS MATERIALIZED (
        SELECT r.id, g.scope, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at)) AS had
          FROM jhub_authz.history_roles r JOIN given g ON g.scopes = r.scopes
          LEFT JOIN jhub_authz.history_changes b ON b.change_id = r.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = r.ended
         WHERE r.ended IS NULL OR e.at > coalesce(b.at, '-infinity')
         GROUP BY r.id, g.scope)
    SELECT h.subject_kind, h.subject, g.scope, range_agg(g.had * h.had)
      FROM jhub_authz._roles_had((SELECT array_agg(DISTINCT a.id) FROM gave a)) h JOIN gave g ON g.id = h.role_id
      JOIN (SELECT DISTINCT w.kind, w.name FROM unnest(subject_kinds, subjects) AS w (kind, name)) AS s ON s.kind = h.subject_kind AND s.name = h.subject
     GROUP BY h.subject_kind, h.subject, g.scope
    $body$;
COMMENT ON FUNCTION jhub_authz._scopes_had(text[], text[], text[]) IS 'when users and services had these scopes by their roles';
REVOKE ALL ON FUNCTION jhub_authz._scopes_had(text[], text[], text[]) FROM PUBLIC;

-- Since when who has the flag admin has no role of that name, or the other way
-- round, by all that is on record: a row for each user and service of whom either is
-- so now.
CREATE FUNCTION jhub_authz._drift_since(OUT subject_kind text, OUT subject text, OUT flag boolean, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    WITH role AS MATERIALIZED (
        SELECT r.id, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at)) AS had
          FROM jhub_authz.history_roles r
          LEFT JOIN jhub_authz.history_changes b ON b.change_id = r.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = r.ended
         WHERE r.name = 'admin' AND (r.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
         GROUP BY r.id),
    has_role AS (
        SELECT h.subject_kind, h.subject, range_agg(h.had * r.had) AS had
          FROM jhub_authz._roles_had((SELECT array_agg(r.id) FROM role r)) h JOIN role r ON r.id = h.role_id
         GROUP BY h.subject_kind, h.subject),
    flagged AS (
        SELECT 'user' AS subject_kind, n.name AS subject, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at)) AS had
          FROM jhub_authz.history_users u JOIN jhub_authz.history_users n ON n.id = u.id AND n.ended IS NULL
          LEFT JOIN jhub_authz.history_changes b ON b.change_id = u.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = u.ended
         WHERE u.admin AND (u.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
         GROUP BY n.name
        UNION ALL
        SELECT 'service', n.name, range_agg(tstzrange(coalesce(b.at, '-infinity'), e.at))
          FROM jhub_authz.history_services s JOIN jhub_authz.history_services n ON n.id = s.id AND n.ended IS NULL
          LEFT JOIN jhub_authz.history_changes b ON b.change_id = s.began LEFT JOIN jhub_authz.history_changes e ON e.change_id = s.ended
         WHERE s.admin AND (s.ended IS NULL OR e.at > coalesce(b.at, '-infinity'))
         GROUP BY n.name)
    SELECT subject_kind, subject, d.flag, CASE WHEN lower(l) NOT IN (SELECT a.at FROM jhub_authz._unknown_before() a (at)) THEN lower(l) END
      FROM has_role r FULL JOIN flagged f USING (subject_kind, subject),
           LATERAL (VALUES (true, coalesce(f.had, '{}') - coalesce(r.had, '{}')), (false, coalesce(r.had, '{}') - coalesce(f.had, '{}'))) AS d (flag, had),
           LATERAL unnest(d.had) AS l
     WHERE upper_inf(l)
    $body$;
COMMENT ON FUNCTION jhub_authz._drift_since() IS 'since when users and services have the flag admin and not the role (flag), or the role and not the flag; NULL: since an unknown time';
REVOKE ALL ON FUNCTION jhub_authz._drift_since() FROM PUBLIC;
