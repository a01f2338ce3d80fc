-- How long credentials outlived the user.  The hub does not know that somebody has
-- left; it knows when a user was deleted, lost the last grant, or left the last
-- group, and the history has kept that.

-- When the last of their roles and shares ended, of users who have none: their
-- own, or a group's while they were in it.  By key: the users are few as a rule, and
-- what groups had is less; but where nobody has a role it has to end, too.
CREATE FUNCTION jhub_authz._grants_ended(user_ids integer[], OUT user_id integer, OUT at timestamptz, OUT change_id bigint) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL SAFE COST 1000 ROWS 100
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH membership AS MATERIALIZED (
        SELECT m.user_id, m.group_id, b.at AS began_at, coalesce(e.at, 'infinity') AS ended_at, m.ended
          FROM unnest(user_ids) AS wanted (id)
          JOIN jhub_authz.history_user_group_map m ON m.user_id = wanted.id
          JOIN jhub_authz.history_changes b ON b.change_id = m.began
          LEFT JOIN jhub_authz.history_changes e ON e.change_id = m.ended),
    of_group AS (
        SELECT g.group_id, b.at AS began_at, coalesce(e.at, 'infinity') AS ended_at, g.ended
          FROM (SELECT r.group_id, r.began, r.ended FROM jhub_authz.history_group_role_map r
                UNION ALL SELECT s.group_id, s.began, s.ended FROM jhub_authz.history_shares s WHERE s.group_id IS NOT NULL) AS g
          JOIN jhub_authz.history_changes b ON b.change_id = g.began
          LEFT JOIN jhub_authz.history_changes e ON e.change_id = g.ended)
    SELECT DISTINCT ON (l.user_id) l.user_id, l.at, l.change_id
      FROM (SELECT o.user_id, e.at, o.ended AS change_id
              FROM (SELECT r.user_id, r.began, r.ended FROM unnest(user_ids) AS wanted (id) JOIN jhub_authz.history_user_role_map r ON r.user_id = wanted.id
                    UNION ALL SELECT s.user_id, s.began, s.ended FROM unnest(user_ids) AS wanted (id) JOIN jhub_authz.history_shares s ON s.user_id = wanted.id) AS o
              JOIN jhub_authz.history_changes b ON b.change_id = o.began
              JOIN jhub_authz.history_changes e ON e.change_id = o.ended
             WHERE b.at < e.at
            UNION ALL
            SELECT m.user_id, least(m.ended_at, g.ended_at), CASE WHEN m.ended_at <= g.ended_at THEN m.ended ELSE g.ended END
              FROM membership m JOIN of_group g ON g.group_id = m.group_id
             WHERE greatest(m.began_at, g.began_at) < least(m.ended_at, g.ended_at)) AS l
     WHERE isfinite(l.at)
     ORDER BY l.user_id, l.at DESC
    $body$;
COMMENT ON FUNCTION jhub_authz._grants_ended(integer[]) IS 'when the last role or share of each of these users ended, and by which change';
REVOKE ALL ON FUNCTION jhub_authz._grants_ended(integer[]) FROM PUBLIC;

CREATE FUNCTION jhub_authz._leaver_gaps(OUT subject text, OUT user_id integer, OUT how text, OUT removed_at timestamptz, OUT change_id bigint,
        OUT live_tokens bigint, OUT last_token_ended timestamptz, OUT last_seen timestamptz, OUT last_token_use timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH seen AS MATERIALIZED (SELECT * FROM jhub_authz._users_seen()),
    deleted AS (
        SELECT v.id, v.name, v.at, v.ended
          FROM (SELECT DISTINCT ON (u.id) u.id, u.name, u.ended, e.at
                  FROM jhub_authz.history_users u
                  JOIN jhub_authz.history_changes b ON b.change_id = u.began
                  LEFT JOIN jhub_authz.history_changes e ON e.change_id = u.ended
                 ORDER BY u.id, e.at DESC NULLS FIRST, b.at DESC) AS v
         WHERE v.at IS NOT NULL),
    groupless AS (
        SELECT DISTINCT ON (m.user_id) m.user_id, e.at, m.ended
          FROM jhub_authz.history_user_group_map m LEFT JOIN jhub_authz.history_changes e ON e.change_id = m.ended
         ORDER BY m.user_id, e.at DESC NULLS FIRST),
    gone AS (
        SELECT d.id, d.name, 'deleted' AS how, d.at, d.ended AS change_id, 0 AS live_tokens, NULL::timestamptz AS last_token_expiry,
               NULL::timestamptz AS last_activity, NULL::timestamptz AS last_token_use
          FROM deleted d
        UNION ALL
        SELECT s.user_id, s.name, 'no grants', l.at, l.change_id, s.live_tokens, s.last_token_expiry, s.last_activity, s.last_token_use
          FROM jhub_authz._grants_ended((SELECT array_agg(w.user_id) FROM seen w WHERE NOT w.has_grants)) l
          JOIN seen s ON s.user_id = l.user_id
        UNION ALL
        SELECT s.user_id, s.name, 'no groups', g.at, g.ended, s.live_tokens, s.last_token_expiry, s.last_activity, s.last_token_use
          FROM groupless g JOIN seen s ON s.user_id = g.user_id
         WHERE g.at IS NOT NULL AND s.has_grants)
    SELECT g.name, g.id, g.how, g.at, g.change_id, g.live_tokens,
           CASE WHEN g.live_tokens = 0 THEN greatest(t.at, g.last_token_expiry) END, g.last_activity, g.last_token_use
      FROM gone g
      LEFT JOIN (SELECT h.user_id, max(least(h.expires_at AT TIME ZONE 'UTC', c.at)) AS at
                   FROM jhub_authz.history_api_tokens h JOIN jhub_authz.history_changes c ON c.change_id = h.ended
                  GROUP BY h.user_id) AS t ON t.user_id = g.id
    $body$;
COMMENT ON FUNCTION jhub_authz._leaver_gaps() IS 'implementation of view leaver_gaps';
REVOKE ALL ON FUNCTION jhub_authz._leaver_gaps() FROM PUBLIC;

CREATE VIEW jhub_authz.leaver_gaps AS
    SELECT 'user'::text AS subject_kind, l.subject, l.user_id, l.how, l.removed_at, l.change_id, l.live_tokens, l.last_token_ended,
           CASE WHEN l.live_tokens OPERATOR(pg_catalog.>) 0 AND pg_catalog.now() OPERATOR(pg_catalog.>) l.removed_at THEN pg_catalog.now() OPERATOR(pg_catalog.-) l.removed_at
                WHEN l.last_token_ended OPERATOR(pg_catalog.>) l.removed_at THEN l.last_token_ended OPERATOR(pg_catalog.-) l.removed_at
                ELSE interval '0' END AS gap,
           l.live_tokens OPERATOR(pg_catalog.>) 0 AS open, l.last_seen, l.last_token_use
      FROM jhub_authz._leaver_gaps() l;
COMMENT ON VIEW jhub_authz.leaver_gaps IS 'users who are gone, as far as the past is kept, and how long their tokens outlived that; the hub''s login cookies leave no record and are not counted';
COMMENT ON COLUMN jhub_authz.leaver_gaps.subject_kind IS 'user';
COMMENT ON COLUMN jhub_authz.leaver_gaps.subject IS 'name of the user; of one that was deleted, the last';
COMMENT ON COLUMN jhub_authz.leaver_gaps.user_id IS 'id of the user in the hub; who was deleted and made anew has another';
COMMENT ON COLUMN jhub_authz.leaver_gaps.how IS 'deleted; no grants: the last role or share has ended, own or a group''s; no groups: was in a group and is in none any more, but has a role or share';
COMMENT ON COLUMN jhub_authz.leaver_gaps.removed_at IS 'when that was';
COMMENT ON COLUMN jhub_authz.leaver_gaps.change_id IS 'the change that did it: history_changes says who';
COMMENT ON COLUMN jhub_authz.leaver_gaps.live_tokens IS 'tokens of the user that are alive';
COMMENT ON COLUMN jhub_authz.leaver_gaps.last_token_ended IS 'when the last token expired or was deleted; NULL: one is alive, or none is known';
COMMENT ON COLUMN jhub_authz.leaver_gaps.gap IS 'from the removal to the end of the last token, or until now while one is alive; 0: none outlived it';
COMMENT ON COLUMN jhub_authz.leaver_gaps.open IS 'a token is still alive';
COMMENT ON COLUMN jhub_authz.leaver_gaps.last_seen IS 'when the user was last seen by the hub; NULL: never, or the user was deleted';
COMMENT ON COLUMN jhub_authz.leaver_gaps.last_token_use IS 'when one of the live tokens was last used';

-- Who is there, has live tokens, and is gone by what the hub says today: has no
-- grant (since when, the past knows), or was not seen for long.  Of this name, or all.
CREATE FUNCTION jhub_authz._leavers_of(asked text, OUT subject text, OUT live_tokens bigint, OUT last_token_use timestamptz, OUT has_grants boolean,
        OUT last_seen timestamptz, OUT removed_at timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 100000 ROWS 100
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH left_over AS MATERIALIZED (
        SELECT s.*
          FROM (SELECT * FROM jhub_authz._users_seen() WHERE asked IS NULL
                UNION ALL SELECT * FROM jhub_authz._users_seen() u WHERE asked IS NOT NULL AND u.name = asked) AS s,
               jhub_authz._dormant_before() b (before)
         WHERE s.live_tokens > 0 AND (NOT s.has_grants OR coalesce(s.last_activity, s.created) < b.before))
    SELECT s.name, s.live_tokens, s.last_token_use, s.has_grants, coalesce(s.last_activity, s.created), e.at
      FROM left_over s
      LEFT JOIN jhub_authz._grants_ended((SELECT array_agg(w.user_id) FROM left_over w WHERE NOT w.has_grants)) e ON e.user_id = s.user_id
    $body$;
COMMENT ON FUNCTION jhub_authz._leavers_of(text) IS 'rows of _leavers() of this name; NULL: all';
REVOKE ALL ON FUNCTION jhub_authz._leavers_of(text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._leavers(OUT subject text, OUT live_tokens bigint, OUT last_token_use timestamptz, OUT has_grants boolean,
        OUT last_seen timestamptz, OUT removed_at timestamptz) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__leavers' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz._leavers() IS 'users with live tokens who have no grant or were not seen for long';
REVOKE ALL ON FUNCTION jhub_authz._leavers() FROM PUBLIC;
