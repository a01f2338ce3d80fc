-- Findings: all that is worth a look, in one view, and what was acknowledged.
-- A condition on the code, or on the kind of subject, leaves out the parts of the
-- view that are for others: a part has one code, or is put under "WHERE code = ANY
-- (its codes)", and likewise by the kinds of its subjects.  For that to be seen to contradict a condition, it must stand over
-- a UNION ALL (the planner looks for contradictions in members of an append alone),
-- so there is a second, empty member.

CREATE VIEW jhub_authz.finding_codes AS
    SELECT v.code, v.severity, v.meaning, v.advice
      FROM (VALUES
        ('effective_admin', 'critical', 'Somebody is as good as admin without being declared one.',
         'Take away the grant that the path names, or make the subject an admin whom everybody knows of.'),
        ('self_check', 'critical', 'The extension or the hub''s data is not as it should be; at "error" something is not watched.',
         'Do what the detail says; SELECT * FROM jhub_authz.self_check() shows it when it is done.'),
        ('toxic_combination', 'critical', 'Grants that are harmless one by one give more together: who may put anybody into a group holds all that is restricted to that group''s members without restriction.',
         'Take groups away from who holds the scopes for the group''s members, or give groups to somebody else.'),
        ('escalation', 'high', 'Somebody may write what would give more than is held.',
         'Take away the scope that lets it be written, or accept that the subject can have all of it.'),
        ('grown_token', 'high', 'A token can do more than when it was issued, and nothing revoked it.',
         'Revoke it with revoke_token(), or accept the growth with rebase().'),
        ('leaver', 'high', 'Credentials are alive of a user who is gone: not seen for longer than dormant_after, or without any role or share.',
         'Revoke them with revoke_all(''user'', NAME, REASON), with logins => true if the user is to be logged out too.'),
        ('unreadable_scopes', 'high', 'Stored scopes do not parse and count as none; the hub may fail on them.',
         'Write the row anew in the hub.'),
        ('dormant_token', 'medium', 'A token was not used for longer than dormant_after.',
         'Ask the owner and revoke it; max_age of a policy keeps it from coming again.'),
        ('expired_share', 'medium', 'A share or code is past its end, but still there: the hub lets a share count until it is purged.',
         'Have the hub purge it, or delete it over the hub''s API.'),
        ('never_used_token', 'medium', 'A token was never used, and is older than dormant_after.',
         'Ask the owner and revoke it.'),
        ('open_share_code', 'medium', 'Whoever has the code can take the share.',
         'Revoke it over the hub''s API, or with revoke_all(''user'', OWNER, REASON), if it is not to be used any more.'),
        ('open_oauth_code', 'medium', 'Whoever has the code and the client''s secret can make a token of it. The hub lets a code live for five minutes.',
         'One that lives longer was not made by the hub: delete it, or revoke it with revoke_all(''user'', NAME, REASON).'),
        ('orphaned_grant', 'medium', 'A grant names what is not there, or gives nothing: it comes alive when somebody makes that name.',
         'Take it out of the role, client or share.'),
        ('ownerless_token', 'medium', 'A token belongs to nobody.', 'Revoke it.'),
        ('server_without_slash', 'medium', 'A filter by server without "/" is taken for every server of that name, whoever owns it.',
         'Write owner/name; owner/ is the default server.'),
        ('undefined_scope', 'medium', 'A scope does not exist in the release in force: misspelt, or custom and not defined here.',
         'Correct it, or load the custom scopes with define_scopes().'),
        ('discarded_scopes', 'low', 'A token holds what its owner does not: it comes alive when the owner gets it.',
         'Issue it anew with less.'),
        ('admin_drift', 'low', 'The admin flag and the role admin of a subject do not agree; the hub may give or take the role at its next start.',
         'Set or take away both, over the hub''s admin page or its configuration.'),
        ('name_twins', 'low', 'Names differ in upper and lower case alone: one is easily taken for the other.',
         'Rename one, or see that the authenticator makes names lower case.'),
        ('expired_oauth_code', 'low', 'An OAuth code is past its end, but still there: the hub takes it no more, and deletes it when it purges.',
         'See that the hub runs: it purges once in an hour.'),
        ('never_expires', 'low', 'A token has no expiry.',
         'Give the class a max_age with set_policy() and apply it with expire_old_tokens().'),
        ('inherit_token', 'info', 'A token can do whatever its owner can, as that changes.',
         'Issue tokens with the scopes that are needed.'),
        ('open_share', 'info', 'A share has no end.', 'Ask the owner if it is still needed.')
      ) AS v (code, severity, meaning, advice);
COMMENT ON VIEW jhub_authz.finding_codes IS 'the codes of findings: what each means and what to do';
COMMENT ON COLUMN jhub_authz.finding_codes.code IS 'short name of the kind of finding';
COMMENT ON COLUMN jhub_authz.finding_codes.severity IS 'the most severe that it can be: critical, high, medium, low or info';
COMMENT ON COLUMN jhub_authz.finding_codes.meaning IS 'what it is';
COMMENT ON COLUMN jhub_authz.finding_codes.advice IS 'what to do about it';

CREATE TABLE jhub_authz.finding_acknowledgements (
    acknowledgement_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    actor name NOT NULL,
    role name NOT NULL,
    application_name text NOT NULL,
    code text NOT NULL,
    subject_kind text NOT NULL,
    subject text NOT NULL,
    object text,
    reason text NOT NULL,
    until timestamptz,
    withdrawn boolean NOT NULL
);
COMMENT ON TABLE jhub_authz.finding_acknowledgements IS 'who accepted which finding, why, and until when; rows are only added, the last of a finding counts';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.acknowledgement_id IS 'number of the acknowledgement';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.at IS 'when it was acknowledged or withdrawn';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.actor IS 'session user who did it';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.role IS 'current role at that statement';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.application_name IS 'application_name of that session';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.code IS 'code of the finding';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.subject_kind IS 'its subject_kind';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.subject IS 'its subject';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.object IS 'its object; NULL: whatever the object';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.reason IS 'why it is accepted, or not any more';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.until IS 'until when it is accepted; NULL: without end';
COMMENT ON COLUMN jhub_authz.finding_acknowledgements.withdrawn IS 'it takes an earlier acknowledgement back';
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.finding_acknowledgements', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.finding_acknowledgements_acknowledgement_id_seq', '');

CREATE VIEW jhub_authz._acknowledged AS
    SELECT l.code, l.subject_kind, l.subject, l.object, l.reason, l.until, l.at, l.actor
      FROM (SELECT DISTINCT ON (a.code, a.subject_kind, a.subject, a.object) a.*
              FROM jhub_authz.finding_acknowledgements a
             ORDER BY a.code, a.subject_kind, a.subject, a.object, a.acknowledgement_id DESC) l
     WHERE NOT l.withdrawn AND (l.until IS NULL OR l.until OPERATOR(pg_catalog.>) pg_catalog.now());
COMMENT ON VIEW jhub_authz._acknowledged IS 'the acknowledgements in force';
COMMENT ON COLUMN jhub_authz._acknowledged.code IS 'code of the finding';
COMMENT ON COLUMN jhub_authz._acknowledged.subject_kind IS 'its subject_kind';
COMMENT ON COLUMN jhub_authz._acknowledged.subject IS 'its subject';
COMMENT ON COLUMN jhub_authz._acknowledged.object IS 'its object; NULL: whatever the object';
COMMENT ON COLUMN jhub_authz._acknowledged.reason IS 'why';
COMMENT ON COLUMN jhub_authz._acknowledged.until IS 'until when; NULL: without end';
COMMENT ON COLUMN jhub_authz._acknowledged.at IS 'since when';
COMMENT ON COLUMN jhub_authz._acknowledged.actor IS 'who did it';

CREATE FUNCTION jhub_authz._dormant_before() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$ SELECT now() - o.value::interval FROM jhub_authz.options o WHERE o.name = 'dormant_after' $body$;
COMMENT ON FUNCTION jhub_authz._dormant_before() IS 'who was last seen before that is dormant: option dormant_after';
REVOKE ALL ON FUNCTION jhub_authz._dormant_before() FROM PUBLIC;

CREATE FUNCTION jhub_authz._some_scopes(scopes jhub_authz.scopeset) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT string_agg(e.scope, ', ' ORDER BY e.n) FILTER (WHERE e.n <= 4)
           || CASE WHEN count(*) > 4 THEN format(' and %s more', count(*) - 4) ELSE '' END
      FROM (SELECT s.scope, row_number() OVER () AS n FROM jhub_authz._shown_scopes(scopes) s) AS e
    $body$;
COMMENT ON FUNCTION jhub_authz._some_scopes(jhub_authz.scopeset) IS 'the first of some scopes, and how many more there are';
REVOKE ALL ON FUNCTION jhub_authz._some_scopes(jhub_authz.scopeset) FROM PUBLIC;

-- The functions "of" somebody are about those of a name, or of whatever name for NULL.
-- The functions of C that they read look at one subject if the condition is
-- "column = constant", so each case is a query of its own, and the ones that do not
-- apply are not run.

CREATE FUNCTION jhub_authz._group_fillers(asked text, OUT subject_kind text, OUT subject text, OUT scopes jhub_authz.scopeset) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__group_fillers' LANGUAGE C STABLE PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._group_fillers(text) IS 'users and services that may write who is in a group, and what they hold; of this name if it can be found by it, else all';
REVOKE ALL ON FUNCTION jhub_authz._group_fillers(text) FROM PUBLIC;

-- Who may put anybody into a group, and holds something for its members: a row for
-- each group, since when both are so.  Tokens can do no more than their owners, who
-- are here.
CREATE FUNCTION jhub_authz._toxic_combinations_of(asked text, OUT severity text, OUT subject_kind text, OUT subject text, OUT object text, OUT detail text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    WITH toxic AS MATERIALIZED (
        SELECT s.subject_kind AS kind, s.subject AS name, held.filter_value AS of_group, held.base, held.scope
          FROM jhub_authz._group_fillers(asked) s, LATERAL jhub_authz._shown_scopes(s.scopes) held
         WHERE (asked IS NULL OR s.subject = asked)
           AND held.filter_kind = 'group'
           AND NOT held.base = ANY (ARRAY['groups', 'admin:groups', 'delete:groups', 'read:groups', 'read:groups:name', 'list:groups', 'read:roles:groups'])
           -- a name that is too long for that scope is in nobody's filter of groups
           AND CASE WHEN octet_length(convert_to('groups!group=' || held.filter_value, 'UTF8')) <= 2000
                    THEN s.scopes OPERATOR(jhub_authz.@>) jhub_authz.scopeset_of('groups!group=' || held.filter_value)
                    ELSE s.scopes OPERATOR(jhub_authz.@>) 'groups'::jhub_authz.scopeset END),
    had AS MATERIALIZED (
        SELECT h.subject_kind, h.subject, h.scope, h.had
          FROM (SELECT array_agg(d.kind) AS kinds, array_agg(d.name) AS names FROM (SELECT DISTINCT t.kind, t.name FROM toxic t) AS d) AS who,
               (SELECT array_agg(d.scope) AS scopes
                  FROM (SELECT t.scope FROM toxic t UNION SELECT 'groups!group=' || t.of_group FROM toxic t UNION SELECT 'groups' FROM toxic t) AS d) AS what,
               LATERAL jhub_authz._scopes_had(who.kinds, who.names, what.scopes) h),
    combined AS (
        SELECT t.kind, t.name, t.of_group, array_agg(t.base ORDER BY t.base COLLATE "C") AS bases, bool_or(t.base !~ '^(read|list):') AS writing,
               (coalesce(range_agg(every.had), '{}') + coalesce(range_agg(one.had), '{}')) * coalesce(range_agg(h.had), '{}') AS both_had
          FROM toxic t
          LEFT JOIN had AS h ON h.subject_kind = t.kind AND h.subject = t.name AND h.scope = t.scope
          LEFT JOIN had AS one ON one.subject_kind = t.kind AND one.subject = t.name AND one.scope = 'groups!group=' || t.of_group
          LEFT JOIN had AS every ON every.subject_kind = t.kind AND every.subject = t.name AND every.scope = 'groups'
         GROUP BY t.kind, t.name, t.of_group)
    SELECT CASE WHEN c.bases && ARRAY['access:servers', 'admin:servers', 'servers', 'tokens', 'admin:users', 'users', 'shares'] THEN 'critical'
                WHEN c.writing THEN 'high' ELSE 'medium' END,
           c.kind, c.name, 'groups!group=' || c.of_group,
           format('May put anybody into group "%s", so these hold for everybody: %s.', c.of_group, array_to_string(c.bases, ', ')),
           CASE WHEN l.since NOT IN (SELECT a.at FROM jhub_authz._unknown_before() a (at)) THEN l.since END
      FROM combined c
      LEFT JOIN LATERAL (SELECT lower(r) AS since FROM unnest(c.both_had) r WHERE upper_inf(r)) AS l ON true
    $body$;
COMMENT ON FUNCTION jhub_authz._toxic_combinations_of(text) IS 'rows of _toxic_combinations() of this name; NULL: all';
REVOKE ALL ON FUNCTION jhub_authz._toxic_combinations_of(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._toxic_combinations(OUT severity text, OUT subject_kind text, OUT subject text, OUT object text, OUT detail text, OUT since timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__toxic_combinations' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._toxic_combinations() IS 'who may put anybody into a group and holds something for its members';
REVOKE ALL ON FUNCTION jhub_authz._toxic_combinations() FROM PUBLIC;

-- Users and services that are admin or as good as admin, one row each, and by what.
-- Whom the hub knows as admin, by flag or role, is declared; if by one alone, since
-- is when that came about.  Of the others it is when the first of the roles that
-- suffice by themselves was given as it is now.
CREATE FUNCTION jhub_authz._admins_of(asked text, OUT subject_kind text, OUT subject text, OUT declared boolean, OUT flag boolean, OUT role boolean, OUT hows text[], OUT grants text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    WITH reason AS MATERIALIZED (
        SELECT * FROM jhub_authz.effective_admins e WHERE asked IS NULL AND e.subject_kind IN ('user', 'service')
        UNION ALL SELECT * FROM jhub_authz.effective_admins e WHERE asked IS NOT NULL AND e.subject_kind = 'user' AND e.subject = asked
        UNION ALL SELECT * FROM jhub_authz.effective_admins e WHERE asked IS NOT NULL AND e.subject_kind = 'service' AND e.subject = asked),
    undeclared AS (
        SELECT d.subject_kind, d.subject
          FROM reason d GROUP BY d.subject_kind, d.subject HAVING NOT bool_or(d.how IN ('flag', 'role'))),
    dated AS (
        SELECT d.subject_kind, d.subject, nullif(min(s.since), '-infinity') AS since
          FROM reason d JOIN undeclared k ON k.subject_kind = d.subject_kind AND k.subject = d.subject
          JOIN jhub_authz._roles_since((SELECT array_agg(DISTINCT w.via_role) FROM reason w JOIN undeclared k ON k.subject_kind = w.subject_kind AND k.subject = w.subject)) s
            ON s.subject_kind = d.subject_kind AND s.subject = d.subject AND s.via_role = d.via_role AND s.via_group IS NOT DISTINCT FROM d.via_group
         GROUP BY d.subject_kind, d.subject
        UNION ALL
        SELECT d.subject_kind, d.subject, s.since
          FROM (SELECT k.subject_kind, k.subject, bool_or(k.how = 'flag') AS flag FROM reason k WHERE k.how IN ('flag', 'role')
                 GROUP BY k.subject_kind, k.subject HAVING NOT (bool_or(k.how = 'flag') AND bool_or(k.how = 'role'))) AS d
          JOIN jhub_authz._drift_since() s ON s.subject_kind = d.subject_kind AND s.subject = d.subject AND s.flag = d.flag)
    SELECT a.subject_kind, a.subject, bool_or(a.how IN ('flag', 'role')), bool_or(a.how = 'flag'), bool_or(a.how = 'role'),
           array_agg(DISTINCT a.how COLLATE "C"),
           string_agg(DISTINCT coalesce('role "' || a.via_role || '"' || coalesce(' of group "' || a.via_group || '"', ''), a.path) COLLATE "C", '; '),
           s.since
      FROM reason a LEFT JOIN dated s ON s.subject_kind = a.subject_kind AND s.subject = a.subject
     GROUP BY a.subject_kind, a.subject, s.since
    $body$;
COMMENT ON FUNCTION jhub_authz._admins_of(text) IS 'rows of _admins() of this name; NULL: all';
REVOKE ALL ON FUNCTION jhub_authz._admins_of(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._admins(OUT subject_kind text, OUT subject text, OUT declared boolean, OUT flag boolean, OUT role boolean, OUT hows text[], OUT grants text, OUT since timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__admins' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._admins() IS 'users and services that are admin or as good as admin, one row each';
REVOKE ALL ON FUNCTION jhub_authz._admins() FROM PUBLIC;

-- What could be reached, by what is held and lets it be done, and since when that is
-- held.  Tokens can reach no more than their owners, who are here.
CREATE FUNCTION jhub_authz._escalations_of(asked text, OUT subject_kind text, OUT subject text, OUT begins_with text, OUT detail text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET enable_nestloop = off SET jit = off
    AS $body$
    WITH path AS (
        SELECT * FROM jhub_authz.escalation_paths p WHERE asked IS NULL AND p.subject_kind IN ('user', 'service')
        UNION ALL SELECT * FROM jhub_authz.escalation_paths p WHERE asked IS NOT NULL AND p.subject_kind = 'user' AND p.subject = asked
        UNION ALL SELECT * FROM jhub_authz.escalation_paths p WHERE asked IS NOT NULL AND p.subject_kind = 'service' AND p.subject = asked),
    way AS MATERIALIZED (
        SELECT e.subject_kind, e.subject, e.begins_with, split_part(e.begins_with, '!', 1) AS begins_wider,
               format('Step by step: %s. It gets %s %s that it does not hold, such as %s.', e.first_steps, count(*), CASE WHEN count(*) = 1 THEN 'permission' ELSE 'permissions' END, min(e.scope COLLATE "C")) AS detail
          FROM (SELECT p.*, first_value(p.steps) OVER (PARTITION BY p.subject_kind, p.subject, p.begins_with ORDER BY p.step_count, p.steps COLLATE "C") AS first_steps
                  FROM path p) AS e
         GROUP BY e.subject_kind, e.subject, e.begins_with, e.first_steps),
    held AS (
        SELECT w.subject_kind, w.subject, w.begins_with, range_agg(h.had) AS had
          FROM (SELECT array_agg(d.subject_kind) AS kinds, array_agg(d.subject) AS names FROM (SELECT DISTINCT w.subject_kind, w.subject FROM way w) AS d) AS who,
               (SELECT array_agg(d.scope) AS scopes FROM (SELECT w.begins_with AS scope FROM way w UNION SELECT w.begins_wider FROM way w) AS d) AS what,
               LATERAL jhub_authz._scopes_had(who.kinds, who.names, what.scopes) h
          JOIN way w ON w.subject_kind = h.subject_kind AND w.subject = h.subject AND h.scope IN (w.begins_with, w.begins_wider)
         GROUP BY w.subject_kind, w.subject, w.begins_with)
    SELECT w.subject_kind, w.subject, w.begins_with, w.detail,
           CASE WHEN l.since NOT IN (SELECT a.at FROM jhub_authz._unknown_before() a (at)) THEN l.since END
      FROM way w
      LEFT JOIN held h ON h.subject_kind = w.subject_kind AND h.subject = w.subject AND h.begins_with = w.begins_with
      LEFT JOIN LATERAL (SELECT lower(r) AS since FROM unnest(h.had) r WHERE upper_inf(r)) AS l ON true
    $body$;
COMMENT ON FUNCTION jhub_authz._escalations_of(text) IS 'rows of _escalations() of this name; NULL: all';
REVOKE ALL ON FUNCTION jhub_authz._escalations_of(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._escalations(OUT subject_kind text, OUT subject text, OUT begins_with text, OUT detail text, OUT since timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__escalations' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._escalations() IS 'what users and services could reach by writing what they may write, one row for each permission that begins it';
REVOKE ALL ON FUNCTION jhub_authz._escalations() FROM PUBLIC;

-- Users whose names differ in upper and lower case alone, by the first of them.
CREATE FUNCTION jhub_authz._user_twins_of(asked text, OUT subject text, OUT names text, OUT since timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET jit = off
    AS $body$
    SELECT min(u.name COLLATE "C"), string_agg(u.name, ', ' ORDER BY u.name COLLATE "C"), max(u.created)
      FROM jhub_authz._users_made(asked) u
     GROUP BY lower(u.name) HAVING count(*) > 1
    $body$;
COMMENT ON FUNCTION jhub_authz._user_twins_of(text) IS 'rows of _user_twins() of this name; NULL: all';
REVOKE ALL ON FUNCTION jhub_authz._user_twins_of(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._user_twins(OUT subject text, OUT names text, OUT since timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__user_twins' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._user_twins() IS 'users whose names differ in case alone, a row for each such name';
REVOKE ALL ON FUNCTION jhub_authz._user_twins() FROM PUBLIC;

CREATE VIEW jhub_authz._findings AS
    SELECT CASE WHEN c.level OPERATOR(pg_catalog.=) 'error' THEN 'critical' ELSE 'medium' END AS severity, 'self_check'::text AS code,
           'hub'::text AS subject_kind, c.check_name AS subject, c.object, c.detail, NULL::timestamptz AS since
      FROM jhub_authz._self_check() c
    UNION ALL
    SELECT x.severity, x.code, x.subject_kind, x.subject, x.object, x.detail, x.since
      FROM (SELECT CASE WHEN o.defect OPERATOR(pg_catalog.=) 'does not parse' THEN 'high'
                        WHEN o.defect OPERATOR(pg_catalog.=) ANY (ARRAY['empty role', 'unheld role', 'no target']) THEN 'low'
                        ELSE 'medium' END AS severity,
                   CASE WHEN o.defect OPERATOR(pg_catalog.=) 'does not parse' THEN 'unreadable_scopes'
                        WHEN o.defect OPERATOR(pg_catalog.=) 'undefined' THEN 'undefined_scope'
                        WHEN o.defect OPERATOR(pg_catalog.=) 'no slash' THEN 'server_without_slash'
                        ELSE 'orphaned_grant' END AS code,
                   o.subject_kind, o.subject, COALESCE(o.scope, NULLIF(o.defect, 'does not parse')) AS object, o.detail, o.since
              FROM jhub_authz._orphans() o
             WHERE o.defect OPERATOR(pg_catalog.<>) 'no owner'
            UNION ALL SELECT NULL AS severity, NULL AS code, NULL AS subject_kind, NULL AS subject, NULL AS object, NULL AS detail, NULL AS since WHERE false) x
     WHERE x.code OPERATOR(pg_catalog.=) ANY (ARRAY['unreadable_scopes', 'undefined_scope', 'server_without_slash', 'orphaned_grant'])
       AND x.subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['role', 'client', 'share', 'share code', 'token'])
    UNION ALL
    SELECT x.severity, 'toxic_combination', x.subject_kind, x.subject, x.object, x.detail, x.since
      FROM (SELECT t.severity, t.subject_kind, t.subject, t.object, t.detail, t.since
              FROM jhub_authz._toxic_combinations() t
            UNION ALL SELECT NULL AS severity, NULL AS subject_kind, NULL AS subject, NULL AS object, NULL AS detail, NULL AS since WHERE false) x
     WHERE x.subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'service'])
    UNION ALL
    SELECT x.severity, x.code, x.subject_kind, x.subject, x.object, x.detail, x.since
      FROM (SELECT CASE WHEN a.declared THEN 'low' ELSE 'critical' END AS severity, CASE WHEN a.declared THEN 'admin_drift' ELSE 'effective_admin' END AS code,
                   a.subject_kind, a.subject, CASE WHEN NOT a.declared THEN pg_catalog.array_to_string(a.hows, ', ') END AS object,
                   CASE WHEN NOT a.declared THEN pg_catalog.format('As good as admin: %s.', a.grants)
                        WHEN a.flag THEN 'The flag admin is set, but there is no role admin.'
                        ELSE 'There is a role admin, but the flag admin is not set.' END AS detail, a.since
              FROM jhub_authz._admins() a WHERE NOT a.declared OR a.flag OPERATOR(pg_catalog.<>) a.role
            UNION ALL SELECT NULL AS severity, NULL AS code, NULL AS subject_kind, NULL AS subject, NULL AS object, NULL AS detail, NULL AS since WHERE false) x
     WHERE x.code OPERATOR(pg_catalog.=) ANY (ARRAY['effective_admin', 'admin_drift'])
       AND x.subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'service'])
    UNION ALL
    SELECT 'high', 'escalation', x.subject_kind, x.subject, x.begins_with, x.detail, x.since
      FROM (SELECT e.subject_kind, e.subject, e.begins_with, e.detail, e.since
              FROM jhub_authz._escalations() e
            UNION ALL SELECT NULL AS subject_kind, NULL AS subject, NULL AS begins_with, NULL AS detail, NULL AS since WHERE false) x
     WHERE x.subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'service'])
    UNION ALL
    SELECT 'high', 'leaver', 'user', u.subject, NULL,
           pg_catalog.format('%s live %s, %s; %s.', u.live_tokens, CASE WHEN u.live_tokens OPERATOR(pg_catalog.=) 1 THEN 'token' ELSE 'tokens' END,
                             COALESCE('last used ' OPERATOR(pg_catalog.||) pg_catalog.to_char(u.last_token_use AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never used'),
                             CASE WHEN NOT u.has_grants THEN 'the user has no role and no share'
                                      OPERATOR(pg_catalog.||) COALESCE(' since ' OPERATOR(pg_catalog.||) pg_catalog.to_char(u.removed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), '')
                                  ELSE 'the user was not seen since ' OPERATOR(pg_catalog.||) COALESCE(pg_catalog.to_char(u.last_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'ever') END),
           COALESCE(u.removed_at, u.last_seen)
      FROM jhub_authz._leavers() u
    UNION ALL
    SELECT CASE WHEN s.expires_at IS NULL THEN 'medium' ELSE 'low' END, 'open_share_code', 'share code', s.share_id::text, s.server,
           pg_catalog.format('Made by "%s", taken %s %s, %s.', s.owner, s.uses, CASE WHEN s.uses OPERATOR(pg_catalog.=) 1 THEN 'time' ELSE 'times' END,
                             COALESCE('open until ' OPERATOR(pg_catalog.||) pg_catalog.to_char(s.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC'), 'without an end')),
           s.created
      FROM jhub_authz.share_audit s
     WHERE s.kind OPERATOR(pg_catalog.=) 'code' AND NOT s.expired
    UNION ALL
    SELECT x.severity, 'expired_share', x.subject_kind, x.subject, x.object, x.detail, x.since
      FROM (SELECT CASE WHEN s.kind OPERATOR(pg_catalog.=) 'share' THEN 'medium' ELSE 'low' END AS severity,
                   CASE WHEN s.kind OPERATOR(pg_catalog.=) 'share' THEN 'share' ELSE 'share code' END AS subject_kind, s.share_id::text AS subject, s.server AS object,
                   CASE WHEN s.kind OPERATOR(pg_catalog.=) 'share' THEN pg_catalog.format('Given by "%s" to %s "%s", and still counts.', s.owner, s.to_kind, s.to_name)
                        ELSE pg_catalog.format('Made by "%s", not purged.', s.owner) END AS detail,
                   s.expires_at AS since
              FROM jhub_authz.share_audit s
             WHERE s.expired
            UNION ALL SELECT NULL AS severity, NULL AS subject_kind, NULL AS subject, NULL AS object, NULL AS detail, NULL AS since WHERE false) x
     WHERE x.subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['share', 'share code'])
    UNION ALL
    SELECT CASE WHEN c.expires_at IS NULL OR c.expires_at OPERATOR(pg_catalog.>) (pg_catalog.now() OPERATOR(pg_catalog.+) interval '1 day') THEN 'medium' ELSE 'info' END,
           'open_oauth_code', 'oauth code', c.code_id::text, c.client_id,
           pg_catalog.format('For a token of user "%s", %s.', c.user_name,
                             COALESCE('open until ' OPERATOR(pg_catalog.||) pg_catalog.to_char(c.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC'), 'without an end')),
           NULL
      FROM jhub_authz._oauth_codes() c
     WHERE c.expires_at IS NULL OR c.expires_at OPERATOR(pg_catalog.>=) pg_catalog.now()
    UNION ALL
    SELECT 'low', 'expired_oauth_code', 'oauth code', c.code_id::text, c.client_id,
           pg_catalog.format('For a token of user "%s", not purged.', c.user_name), c.expires_at
      FROM jhub_authz._oauth_codes() c
     WHERE c.expires_at OPERATOR(pg_catalog.<) pg_catalog.now()
    UNION ALL
    SELECT 'info', 'open_share', 'share', s.share_id::text, s.server,
           pg_catalog.format('Given by "%s" to %s "%s".', s.owner, s.to_kind, s.to_name), s.created
      FROM jhub_authz.share_audit s
     WHERE s.kind OPERATOR(pg_catalog.=) 'share' AND s.expires_at IS NULL
    UNION ALL
    SELECT 'low', 'name_twins', 'user', u.subject, u.names, 'Names of users that differ in case alone.', u.since
      FROM jhub_authz._user_twins() u
    UNION ALL
    SELECT 'low', 'name_twins', 'group', pg_catalog.min(g.name COLLATE "C"), pg_catalog.string_agg(g.name, ', ' ORDER BY g.name COLLATE "C"),
           'Names of groups that differ in case alone.', NULL
      FROM jhub_authz._group_members() g GROUP BY pg_catalog.lower(g.name) HAVING pg_catalog.count(*) OPERATOR(pg_catalog.>) 1
    UNION ALL
    -- a token is looked at once, for all of these, and becomes a row for each that it is
    SELECT CASE WHEN x.code OPERATOR(pg_catalog.=) 'grown_token'
                THEN CASE WHEN x.on_growth OPERATOR(pg_catalog.=) 'ignore' OR x.uses_inherit AND x.inherit OPERATOR(pg_catalog.=) 'follow' THEN 'info' ELSE 'high' END
                WHEN x.code OPERATOR(pg_catalog.=) 'never_expires'
                THEN CASE WHEN x.class OPERATOR(pg_catalog.=) ANY (ARRAY['server', 'service']) THEN 'info' ELSE 'low' END
                WHEN x.code OPERATOR(pg_catalog.=) 'discarded_scopes' THEN 'low'
                WHEN x.code OPERATOR(pg_catalog.=) 'inherit_token' THEN 'info'
                ELSE 'medium' END,
           x.code, x.subject_kind, x.subject,
           CASE WHEN x.code OPERATOR(pg_catalog.=) 'grown_token' THEN x.grown::text END,
           pg_catalog.format('%s (of %s "%s"%s, %s)',
                             CASE WHEN x.code OPERATOR(pg_catalog.=) 'ownerless_token' THEN 'It belongs to nobody'
                                  WHEN x.code OPERATOR(pg_catalog.=) 'grown_token' THEN 'It can do more than at issue: ' OPERATOR(pg_catalog.||) jhub_authz._some_scopes(x.grown)
                                  WHEN x.code OPERATOR(pg_catalog.=) 'dormant_token' THEN 'Last used ' OPERATOR(pg_catalog.||) COALESCE(pg_catalog.to_char(x.last_activity AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never')
                                  WHEN x.code OPERATOR(pg_catalog.=) 'never_used_token' THEN 'Never used'
                                  WHEN x.code OPERATOR(pg_catalog.=) 'never_expires' THEN 'It has no expiry'
                                  WHEN x.code OPERATOR(pg_catalog.=) 'discarded_scopes' THEN 'It holds more than its owner: ' OPERATOR(pg_catalog.||) jhub_authz._some_scopes(x.discarded)
                                  ELSE 'It can do whatever its owner can' END,
                             COALESCE(x.owner_kind, 'nobody'), COALESCE(x.owner, ''),
                             CASE WHEN x.class OPERATOR(pg_catalog.=) 'oauth' THEN ' for client "' OPERATOR(pg_catalog.||) COALESCE(x.client_id, '') OPERATOR(pg_catalog.||) '"' ELSE '' END,
                             COALESCE('made ' OPERATOR(pg_catalog.||) pg_catalog.to_char(x.created AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'made at an unknown time')),
           CASE WHEN x.code OPERATOR(pg_catalog.=) 'grown_token'
                THEN (SELECT pg_catalog.max(e.at) FROM jhub_authz.token_events e
                       WHERE e.token_id OPERATOR(pg_catalog.=) x.token_id AND e.action OPERATOR(pg_catalog.=) 'would_revoke')
                WHEN x.code OPERATOR(pg_catalog.=) 'dormant_token' THEN x.last_activity
                WHEN x.code OPERATOR(pg_catalog.<>) 'discarded_scopes' THEN x.created END
      FROM (SELECT pg_catalog.unnest(pg_catalog.array_remove(ARRAY[
                       CASE WHEN t.owner_kind IS NULL THEN 'ownerless_token' END,
                       CASE WHEN jhub_authz.scope_count(t.grown) OPERATOR(pg_catalog.>) 0 THEN 'grown_token' END,
                       CASE WHEN t.last_activity OPERATOR(pg_catalog.<) b.before THEN 'dormant_token' END,
                       CASE WHEN t.last_activity IS NULL AND t.created OPERATOR(pg_catalog.<) b.before THEN 'never_used_token' END,
                       CASE WHEN t.never_expires THEN 'never_expires' END,
                       CASE WHEN jhub_authz.scope_count(t.discarded) OPERATOR(pg_catalog.>) 0 THEN 'discarded_scopes' END,
                       CASE WHEN t.uses_inherit THEN 'inherit_token' END], NULL)) AS code,
                   'token'::text AS subject_kind, t.token_id::text AS subject, t.token_id, t.on_growth, t.uses_inherit, t.inherit, t.class,
                   t.grown, t.discarded, t.last_activity, t.created, t.owner_kind, t.owner, t.client_id
              FROM jhub_authz.token_audit t, jhub_authz._dormant_before() b (before)
             WHERE NOT t.expired
            UNION ALL SELECT NULL AS code, 'token' AS subject_kind, NULL AS subject, NULL AS token_id, NULL AS on_growth, NULL AS uses_inherit, NULL AS inherit,
                   NULL AS class, NULL AS grown, NULL AS discarded, NULL AS last_activity, NULL AS created, NULL AS owner_kind, NULL AS owner,
                   NULL AS client_id WHERE false) x
     WHERE x.code OPERATOR(pg_catalog.=) ANY (ARRAY['ownerless_token', 'grown_token', 'dormant_token', 'never_used_token', 'never_expires',
                                                    'discarded_scopes', 'inherit_token']);
COMMENT ON VIEW jhub_authz._findings IS 'findings, acknowledged or not';
COMMENT ON COLUMN jhub_authz._findings.severity IS 'critical, high, medium, low or info';
COMMENT ON COLUMN jhub_authz._findings.code IS 'kind of finding: finding_codes says what it means and what to do';
COMMENT ON COLUMN jhub_authz._findings.subject_kind IS 'what it is about: user, service, group, role, client, token, share, share code, oauth code or hub';
COMMENT ON COLUMN jhub_authz._findings.subject IS 'its name; id of a token, share or code; name of the check of self_check';
COMMENT ON COLUMN jhub_authz._findings.object IS 'what about it: a scope, a server, another name; NULL: nothing more';
COMMENT ON COLUMN jhub_authz._findings.detail IS 'the finding in a sentence';
COMMENT ON COLUMN jhub_authz._findings.since IS 'when it began, where that is known; else NULL';

CREATE VIEW jhub_authz.findings AS
    SELECT f.severity, f.code, f.subject_kind, f.subject, f.object, f.detail, f.since,
           COALESCE(a.at, w.at) AS acknowledged_at, COALESCE(a.actor, w.actor) AS acknowledged_by,
           CASE WHEN a.at IS NOT NULL THEN a.reason ELSE w.reason END AS acknowledged_reason,
           CASE WHEN a.at IS NOT NULL THEN a.until ELSE w.until END AS acknowledged_until
      FROM jhub_authz._findings f
      LEFT JOIN jhub_authz._acknowledged a
             ON a.code OPERATOR(pg_catalog.=) f.code AND a.subject_kind OPERATOR(pg_catalog.=) f.subject_kind
            AND a.subject OPERATOR(pg_catalog.=) f.subject AND a.object OPERATOR(pg_catalog.=) f.object
      LEFT JOIN jhub_authz._acknowledged w
             ON w.code OPERATOR(pg_catalog.=) f.code AND w.subject_kind OPERATOR(pg_catalog.=) f.subject_kind
            AND w.subject OPERATOR(pg_catalog.=) f.subject AND w.object IS NULL;
COMMENT ON VIEW jhub_authz.findings IS 'all that is worth a look, by severity, and what of it was acknowledged';
COMMENT ON COLUMN jhub_authz.findings.severity IS 'critical, high, medium, low or info';
COMMENT ON COLUMN jhub_authz.findings.code IS 'kind of finding: finding_codes says what it means and what to do';
COMMENT ON COLUMN jhub_authz.findings.subject_kind IS 'what it is about: user, service, group, role, client, token, share, share code, oauth code or hub';
COMMENT ON COLUMN jhub_authz.findings.subject IS 'its name; id of a token, share or code; name of the check of self_check';
COMMENT ON COLUMN jhub_authz.findings.object IS 'what about it: a scope, a server, another name; NULL: nothing more';
COMMENT ON COLUMN jhub_authz.findings.detail IS 'the finding in a sentence';
COMMENT ON COLUMN jhub_authz.findings.since IS 'when it began, where that is known; else NULL';
COMMENT ON COLUMN jhub_authz.findings.acknowledged_at IS 'when it was acknowledged; NULL: it is open';
COMMENT ON COLUMN jhub_authz.findings.acknowledged_by IS 'who acknowledged it';
COMMENT ON COLUMN jhub_authz.findings.acknowledged_reason IS 'why it is accepted';
COMMENT ON COLUMN jhub_authz.findings.acknowledged_until IS 'until when it is accepted; NULL: without end';

CREATE VIEW jhub_authz.open_findings AS
    SELECT f.severity, f.code, f.subject_kind, f.subject, f.object, f.detail, f.since
      FROM jhub_authz.findings f WHERE f.acknowledged_at IS NULL;
COMMENT ON VIEW jhub_authz.open_findings IS 'findings that are not acknowledged';
COMMENT ON COLUMN jhub_authz.open_findings.severity IS 'critical, high, medium, low or info';
COMMENT ON COLUMN jhub_authz.open_findings.code IS 'kind of finding: finding_codes says what it means and what to do';
COMMENT ON COLUMN jhub_authz.open_findings.subject_kind IS 'what it is about: user, service, group, role, client, token, share, share code, oauth code or hub';
COMMENT ON COLUMN jhub_authz.open_findings.subject IS 'its name; id of a token, share or code; name of the check of self_check';
COMMENT ON COLUMN jhub_authz.open_findings.object IS 'what about it: a scope, a server, another name; NULL: nothing more';
COMMENT ON COLUMN jhub_authz.open_findings.detail IS 'the finding in a sentence';
COMMENT ON COLUMN jhub_authz.open_findings.since IS 'when it began, where that is known; else NULL';

CREATE FUNCTION jhub_authz.acknowledge(code text, subject_kind text, subject text, object text, reason text, until timestamptz DEFAULT NULL) RETURNS bigint
    AS 'MODULE_PATHNAME', 'jhub_authz_acknowledge' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.acknowledge(text, text, text, text, text, timestamptz)
    IS 'accepts a finding, for a reason and until a time (NULL: without end), whatever the object if that is NULL; returns how many there are of it';
REVOKE ALL ON FUNCTION jhub_authz.acknowledge(text, text, text, text, text, timestamptz) FROM PUBLIC;

CREATE FUNCTION jhub_authz.withdraw_acknowledgement(code text, subject_kind text, subject text, object text, reason text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_withdraw_acknowledgement' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.withdraw_acknowledgement(text, text, text, text, text) IS 'takes an acknowledgement back; false if there is none in force';
REVOKE ALL ON FUNCTION jhub_authz.withdraw_acknowledgement(text, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.dormant_tokens(idle interval DEFAULT NULL, OUT token_id integer, OUT owner_kind text, OUT owner text, OUT client_id text,
        OUT note text, OUT created timestamptz, OUT last_activity timestamptz, OUT expires_at timestamptz, OUT never_used boolean) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 10000 ROWS 1000 SUPPORT jhub_authz._rows_support
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT t.token_id, t.owner_kind, t.owner, t.client_id, t.note, t.created, t.last_activity, t.expires_at, t.never_used
      FROM jhub_authz.token_audit t
     WHERE NOT t.expired AND coalesce(t.last_activity, t.created) < CASE WHEN dormant_tokens.idle IS NULL THEN (SELECT jhub_authz._dormant_before()) ELSE now() - dormant_tokens.idle END
     ORDER BY coalesce(t.last_activity, t.created), t.token_id
    $body$;
COMMENT ON FUNCTION jhub_authz.dormant_tokens(interval) IS 'live tokens that were not used for so long (NULL: option dormant_after), the longest idle first';
REVOKE ALL ON FUNCTION jhub_authz.dormant_tokens(interval) FROM PUBLIC;
