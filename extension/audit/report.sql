-- report_html(): one page that stands alone.  It asks the views that everybody
-- may ask, with the rights of who calls it; names become HTML in _html() alone.
-- The page is ASCII and holds no script.

CREATE FUNCTION jhub_authz._html(value text, most integer DEFAULT 200) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz__html' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._html(text, integer) IS 'a value as HTML text or attribute: markup and all beyond ASCII escaped, so many characters at most, a dash for NULL';
REVOKE ALL ON FUNCTION jhub_authz._html(text, integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz._report_date(at timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$ SELECT coalesce(to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), CASE WHEN at IS NULL THEN '&ndash;' ELSE at::text END) $body$;
COMMENT ON FUNCTION jhub_authz._report_date(timestamptz) IS 'a day of the report, in UTC';
REVOKE ALL ON FUNCTION jhub_authz._report_date(timestamptz) FROM PUBLIC;

CREATE FUNCTION jhub_authz._report_number(n numeric) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$ SELECT replace(ltrim(to_char(n, 'FM999,999,999,999,990')), ',', '&#8239;') $body$;
COMMENT ON FUNCTION jhub_authz._report_number(numeric) IS 'a number of the report, its thousands set apart';
REVOKE ALL ON FUNCTION jhub_authz._report_number(numeric) FROM PUBLIC;

CREATE FUNCTION jhub_authz._report_severity(severity text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT format('<span class="sev %1$s"><i aria-hidden="true">%2$s</i>%1$s</span>', severity,
                  repeat('&#9646;', 5 - array_position(ARRAY['critical', 'high', 'medium', 'low', 'info'], severity) + 1)
                  || repeat('&#9647;', array_position(ARRAY['critical', 'high', 'medium', 'low', 'info'], severity) - 1))
    $body$;
COMMENT ON FUNCTION jhub_authz._report_severity(text) IS 'a severity of the report: its word, and as many marks as it weighs';
REVOKE ALL ON FUNCTION jhub_authz._report_severity(text) FROM PUBLIC;

-- A table that can be wider than the page.  columns: headings, with "#" first for
-- numbers; body: rows of <tr>; left_out: rows that are not shown.
CREATE FUNCTION jhub_authz._report_table(title text, columns text[], body text, left_out bigint DEFAULT 0) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT format('<div class="scroll" role="region" tabindex="0" aria-label="%5$s"><table><caption>%1$s</caption><thead><tr>%2$s</tr></thead><tbody>%3$s%4$s</tbody></table></div>',
                  title,
                  (SELECT string_agg(format('<th scope="col"%s>%s</th>', CASE WHEN c ^@ '#' THEN ' class="n"' ELSE '' END, ltrim(c, '#')), '' ORDER BY n)
                     FROM unnest(columns) WITH ORDINALITY AS u (c, n)),
                  body,
                  CASE WHEN left_out > 0 THEN format('<tr class="more"><td colspan="%s">and %s more</td></tr>', cardinality(columns), jhub_authz._report_number(left_out)) ELSE '' END,
                  regexp_replace(title, '<[^>]*>', '', 'g'))
    $body$;
COMMENT ON FUNCTION jhub_authz._report_table(text, text[], text, bigint) IS 'a table of the report';
REVOKE ALL ON FUNCTION jhub_authz._report_table(text, text[], text, bigint) FROM PUBLIC;

-- The heat map: groups that hold most, by the scopes that most of them hold.
CREATE FUNCTION jhub_authz._report_heat(most integer) RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH held AS MATERIALIZED (
        SELECT g.name, e.base, bool_or(e.filter_kind IS NULL) AS everywhere, count(*) AS n
          FROM jhub_authz.all_group_scopes() g, LATERAL jhub_authz._shown_scopes(g.scopes) e
         GROUP BY g.name, e.base),
    wide AS (SELECT base, row_number() OVER (ORDER BY count(*) DESC, base COLLATE "C") AS place FROM held GROUP BY base),
    tall AS (
        SELECT h.name, coalesce(m.members, 0) AS members,
               row_number() OVER (ORDER BY count(*) FILTER (WHERE h.everywhere) DESC, sum(h.n) DESC, m.members DESC, h.name COLLATE "C") AS place
          FROM held h LEFT JOIN (SELECT name, sum(members) AS members FROM jhub_authz._group_members() GROUP BY name) m ON m.name = h.name
         GROUP BY h.name, m.members),
    cells AS (
        SELECT t.place, t.name, t.members,
               string_agg(CASE WHEN h.base IS NULL THEN '<td></td>'
                               WHEN h.everywhere THEN '<td class="h4">all</td>'
                               ELSE format('<td class="h%s">%s</td>', CASE WHEN h.n < 3 THEN 1 WHEN h.n < 10 THEN 2 ELSE 3 END, h.n) END, '' ORDER BY w.place) AS row
          FROM tall t CROSS JOIN wide w LEFT JOIN held h ON h.name = t.name AND h.base = w.base
         WHERE t.place <= most AND w.place <= 30
         GROUP BY t.place, t.name, t.members)
    SELECT coalesce((SELECT format(
        '<ul class="key"><li><b>all</b>: without a filter, on the whole hub</li><li><b>a number</b>: on so many users, groups, services or servers that filters name</li><li>empty: not held</li></ul>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Groups by scopes"><table class="heat"><caption>Expanded scopes that each group gives its members, by its roles and shares</caption>'
        '<thead><tr><th scope="col">Group</th><th scope="col" class="n">Members</th>%s</tr></thead><tbody>%s</tbody></table></div>%s',
        (SELECT string_agg(format('<th scope="col"><div>%s</div></th>', jhub_authz._html(base, 40)), '' ORDER BY place) FROM wide WHERE place <= 30),
        (SELECT string_agg(format('<tr><th scope="row">%s</th><td class="members">%s</td>%s</tr>', jhub_authz._html(name, 60), jhub_authz._report_number(members), row), '' ORDER BY place) FROM cells),
        (SELECT coalesce('<p class="soft">' || nullif(concat_ws(', ',
                    CASE WHEN (SELECT count(*) FROM tall) > most THEN 'and ' || jhub_authz._report_number((SELECT count(*) FROM tall) - most) || ' more groups' END,
                    CASE WHEN (SELECT count(*) FROM wide) > 30 THEN 'and ' || jhub_authz._report_number((SELECT count(*) FROM wide) - 30) || ' more scopes' END), '') || '</p>', '')))
        WHERE EXISTS (SELECT FROM held)),
        '<p>No group gives its members a scope.</p>')
    $body$;
COMMENT ON FUNCTION jhub_authz._report_heat(integer) IS 'the heat map of the report: groups by scopes';
REVOKE ALL ON FUNCTION jhub_authz._report_heat(integer) FROM PUBLIC;

-- A curve: one value for each of the equal steps between two times.
CREATE FUNCTION jhub_authz._report_curve(title text, marks numeric[], from_time timestamptz, to_time timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT format(
        '<figure><figcaption>%1$s</figcaption><svg viewBox="0 0 340 132" role="img" aria-label="%1$s: %2$s at first, %3$s at last, %4$s at most">'
        '<line class="grid" x1="0" x2="270" y1="100.5" y2="100.5"/><line class="grid" x1="0" x2="270" y1="12.5" y2="12.5"/>'
        '<text class="soft" x="0" y="8">%4$s</text><polyline class="line" points="%5$s"/><text x="277" y="%6$s">%3$s</text>'
        '<text class="soft" x="0" y="118">%7$s</text><text class="soft" x="270" y="118" text-anchor="end">%8$s</text></svg></figure>',
        title, jhub_authz._report_number(marks[1]), jhub_authz._report_number(marks[cardinality(marks)]), jhub_authz._report_number(s.highest),
        (SELECT string_agg(round(270.0 * (n - 1) / greatest(cardinality(marks) - 1, 1), 1) || ',' || round(100 - 88 * v / s.highest, 1), ' ' ORDER BY n)
           FROM unnest(marks) WITH ORDINALITY AS u (v, n)),
        round(104 - 88 * marks[cardinality(marks)] / s.highest, 1),
        jhub_authz._report_date(from_time), jhub_authz._report_date(to_time))
      FROM (SELECT greatest(max(v), 1) AS highest FROM unnest(marks) AS v) AS s
    $body$;
COMMENT ON FUNCTION jhub_authz._report_curve(text, numeric[], timestamptz, timestamptz) IS 'a curve of the report';
REVOKE ALL ON FUNCTION jhub_authz._report_curve(text, numeric[], timestamptz, timestamptz) FROM PUBLIC;

-- Bars: up for the first list, down for the second.
CREATE FUNCTION jhub_authz._report_bars(title text, up_word text, ups numeric[], down_word text, downs numeric[], from_time timestamptz, to_time timestamptz) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$
    SELECT format(
        '<figure><figcaption>%1$s: %2$s %3$s, above the line; %4$s %5$s, below</figcaption><svg viewBox="0 0 340 126" role="img" aria-label="%1$s: %2$s %3$s, %4$s %5$s in all">'
        '%6$s<line class="grid" x1="0" x2="330" y1="%7$s" y2="%7$s"/>'
        '<text class="soft" x="0" y="122">%8$s</text><text class="soft" x="330" y="122" text-anchor="end">%9$s</text></svg></figure>',
        title, jhub_authz._report_number(s.up), up_word, jhub_authz._report_number(s.down), down_word,
        (SELECT string_agg(
                CASE WHEN ups[n] > 0 THEN format('<rect class="bar" x="%s" y="%s" width="8" height="%s"/>', 11 * (n - 1) + 1, round(s.axis - greatest(92 * ups[n] / s.scale, 1.5), 1), round(greatest(92 * ups[n] / s.scale, 1.5), 1)) ELSE '' END
                || CASE WHEN downs[n] > 0 THEN format('<rect class="bar b2" x="%s" y="%s" width="8" height="%s"/>', 11 * (n - 1) + 1, s.axis, round(greatest(92 * downs[n] / s.scale, 1.5), 1)) ELSE '' END, '' ORDER BY n)
           FROM generate_subscripts(ups, 1) AS n),
        s.axis, jhub_authz._report_date(from_time), jhub_authz._report_date(to_time))
      FROM (SELECT t.up, t.down, greatest(t.highest + t.lowest, 1) AS scale, round(8 + 92 * CASE WHEN t.highest + t.lowest > 0 THEN t.highest / (t.highest + t.lowest) ELSE 1 END, 1) AS axis
              FROM (SELECT (SELECT sum(v) FROM unnest(ups) AS v) AS up, (SELECT sum(v) FROM unnest(downs) AS v) AS down,
                           (SELECT max(v) FROM unnest(ups) AS v) AS highest, (SELECT max(v) FROM unnest(downs) AS v) AS lowest) AS t) AS s
    $body$;
COMMENT ON FUNCTION jhub_authz._report_bars(text, text, numeric[], text, numeric[], timestamptz, timestamptz) IS 'a bar chart of the report';
REVOKE ALL ON FUNCTION jhub_authz._report_bars(text, text, numeric[], text, numeric[], timestamptz, timestamptz) FROM PUBLIC;

-- Growth over time, since the past is kept, in 30 equal steps.
CREATE FUNCTION jhub_authz._report_growth() RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH span AS (SELECT min(at) AS since, statement_timestamp() AS till FROM jhub_authz.history_changes),
    moved AS (
        SELECT v.what, v.change, sum(v.n) AS n
          FROM (SELECT 'users' AS what, began AS change, 1 AS n FROM jhub_authz.history_users
                UNION ALL SELECT 'users', ended, -1 FROM jhub_authz.history_users
                UNION ALL SELECT 'members', began, 1 FROM jhub_authz.history_user_group_map
                UNION ALL SELECT 'members', ended, -1 FROM jhub_authz.history_user_group_map
                UNION ALL SELECT 'roles', began, 1 FROM jhub_authz.history_user_role_map
                UNION ALL SELECT 'roles', ended, -1 FROM jhub_authz.history_user_role_map
                UNION ALL SELECT 'roles', began, 1 FROM jhub_authz.history_group_role_map
                UNION ALL SELECT 'roles', ended, -1 FROM jhub_authz.history_group_role_map
                UNION ALL SELECT 'roles', began, 1 FROM jhub_authz.history_service_role_map
                UNION ALL SELECT 'roles', ended, -1 FROM jhub_authz.history_service_role_map) AS v
         WHERE v.change IS NOT NULL
         GROUP BY v.what, v.change),
    -- what a pruned change began is there from the first step on
    stepped AS (
        SELECT m.what, CASE WHEN c.at IS NULL OR s.till <= s.since THEN 1
                            ELSE least(1 + floor(30 * extract(epoch FROM c.at - s.since) / extract(epoch FROM s.till - s.since)), 30) END AS step, m.n
          FROM moved m CROSS JOIN span s LEFT JOIN jhub_authz.history_changes c ON c.change_id = m.change),
    curves AS (
        SELECT w.what, array_agg(w.marks ORDER BY w.step) AS marks
          FROM (SELECT k.what, g.step, sum(coalesce(x.n, 0)) OVER (PARTITION BY k.what ORDER BY g.step) AS marks
                  FROM (VALUES ('users'), ('members'), ('roles')) AS k (what) CROSS JOIN generate_series(1, 30) AS g (step)
                  LEFT JOIN (SELECT what, step, sum(n) AS n FROM stepped GROUP BY what, step) x ON x.what = k.what AND x.step = g.step) AS w
         GROUP BY w.what),
    events AS (
        SELECT CASE WHEN s.till <= s.since THEN 1
                    ELSE greatest(1, least(1 + floor(30 * extract(epoch FROM e.at - s.since) / extract(epoch FROM s.till - s.since)), 30)) END AS step,
               count(*) FILTER (WHERE e.action = 'issued') AS issued,
               count(*) FILTER (WHERE e.action = 'revoked') AS revoked,
               count(*) FILTER (WHERE e.action = 'narrowed') AS narrowed,
               count(*) FILTER (WHERE e.action IN ('revoked', 'would_revoke') AND e.gained IS NOT NULL) AS grown
          FROM jhub_authz.token_events e CROSS JOIN span s
         WHERE e.at >= s.since
         GROUP BY 1),
    bars AS (
        SELECT array_agg(coalesce(e.issued, 0)::numeric ORDER BY g.step) AS issued, array_agg(coalesce(e.revoked, 0)::numeric ORDER BY g.step) AS revoked,
               array_agg(coalesce(e.narrowed, 0)::numeric ORDER BY g.step) AS narrowed, array_agg(coalesce(e.grown, 0)::numeric ORDER BY g.step) AS grown
          FROM generate_series(1, 30) AS g (step) LEFT JOIN events e ON e.step = g.step)
    SELECT CASE WHEN s.since IS NULL THEN '<p>The past is kept from <code>attach()</code> on: there is none yet.</p>'
           ELSE format('<p>Since %s, when the past began to be kept.</p><div class="charts">%s%s%s%s%s</div>', jhub_authz._report_date(s.since),
                (SELECT jhub_authz._report_curve('Users', marks, s.since, s.till) FROM curves WHERE what = 'users'),
                (SELECT jhub_authz._report_curve('Assignments of roles', marks, s.since, s.till) FROM curves WHERE what = 'roles'),
                (SELECT jhub_authz._report_curve('Memberships of groups', marks, s.since, s.till) FROM curves WHERE what = 'members'),
                (SELECT jhub_authz._report_bars('Tokens', 'issued', issued, 'revoked', revoked, s.since, s.till) FROM bars),
                (SELECT jhub_authz._report_bars('Tokens at issue and after', 'narrowed', narrowed, 'grown', grown, s.since, s.till) FROM bars))
           END
      FROM span s
    $body$;
COMMENT ON FUNCTION jhub_authz._report_growth() IS 'curves of the report since the past is kept';
REVOKE ALL ON FUNCTION jhub_authz._report_growth() FROM PUBLIC;

-- The first findings of many, so many (1,000 at most), in no order: by since, the
-- latest first, then by who it is about.
CREATE FUNCTION jhub_authz._first_findings_add(internal, most integer, since timestamptz, subject_kind text, subject text, object text, detail text) RETURNS internal
    AS 'MODULE_PATHNAME', 'jhub_authz__first_findings_add' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._first_findings_add(internal, integer, timestamptz, text, text, text, text) IS 'aggregate transition function';
REVOKE ALL ON FUNCTION jhub_authz._first_findings_add(internal, integer, timestamptz, text, text, text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz._first_findings_rows(internal) RETURNS jhub_authz._findings[]
    AS 'MODULE_PATHNAME', 'jhub_authz__first_findings_rows' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._first_findings_rows(internal) IS 'aggregate final function';
REVOKE ALL ON FUNCTION jhub_authz._first_findings_rows(internal) FROM PUBLIC;

CREATE AGGREGATE jhub_authz._first_findings(most integer, since timestamptz, subject_kind text, subject text, object text, detail text) (
    SFUNC = jhub_authz._first_findings_add,
    STYPE = internal,
    SSPACE = 8192,
    FINALFUNC = jhub_authz._first_findings_rows,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE jhub_authz._first_findings(integer, timestamptz, text, text, text, text) IS 'the first of many findings of a code and severity, for the report';

-- One pass over findings.  Of open ones a row for each code and severity: how many
-- there are, and the first. Of acknowledged ones a row for each acknowledgement.
-- They are grouped by a hash: a sort would take all of them through files.
CREATE FUNCTION jhub_authz._report_found(most integer, OUT code text, OUT severity text, OUT subject_kind text, OUT subject text,
        OUT acknowledged_by name, OUT acknowledged_at timestamptz, OUT acknowledged_until timestamptz, OUT acknowledged_reason text,
        OUT n bigint, OUT objects bigint, OUT times bigint, OUT first jhub_authz._findings[]) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 1000000 ROWS 100
    SET search_path = pg_catalog, pg_temp SET enable_sort = off SET jit = off
    AS $body$
    SELECT f.code, f.severity, CASE WHEN f.acknowledged_at IS NOT NULL THEN f.subject_kind END, CASE WHEN f.acknowledged_at IS NOT NULL THEN f.subject END,
           f.acknowledged_by, f.acknowledged_at, f.acknowledged_until, f.acknowledged_reason, count(*), count(f.object), count(f.since),
           jhub_authz._first_findings(most, f.since, f.subject_kind, f.subject, f.object, f.detail) FILTER (WHERE f.acknowledged_at IS NULL)
      FROM jhub_authz.findings f
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    $body$;
COMMENT ON FUNCTION jhub_authz._report_found(integer) IS 'findings in numbers, with the first of each code and severity';
REVOKE ALL ON FUNCTION jhub_authz._report_found(integer) FROM PUBLIC;

-- Findings: numbers by severity, then each kind with the first of its findings.
CREATE FUNCTION jhub_authz._report_findings(most integer, OUT body text, OUT open bigint, OUT worst text) RETURNS record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH severities AS (SELECT severity, rank FROM unnest(ARRAY['critical', 'high', 'medium', 'low', 'info']) WITH ORDINALITY AS u (severity, rank)),
    found AS MATERIALIZED (SELECT f.*, s.rank FROM jhub_authz._report_found(most) f JOIN severities s ON s.severity = f.severity),
    summed AS (SELECT f.* FROM found f WHERE f.acknowledged_at IS NULL),
    counted AS (
        SELECT u.code, sum(u.n)::bigint AS n, min(u.rank) AS code_rank, min(u.rank) < max(u.rank) AS several, sum(u.objects) > 0 AS objects, sum(u.times) > 0 AS times
          FROM summed u GROUP BY u.code),
    weighed AS (SELECT w.severity, w.rank, sum(w.n)::bigint AS n FROM summed w GROUP BY w.severity, w.rank),
    listed AS (
        SELECT u.code, u.severity, o.subject_kind, o.subject, o.object, o.detail, o.since, c.n, c.code_rank, c.several, c.objects, c.times,
               row_number() OVER (PARTITION BY u.code ORDER BY u.rank, o.since DESC NULLS LAST, o.subject_kind, length(o.subject), o.subject COLLATE "C", o.object COLLATE "C") AS place
          FROM summed u JOIN counted c ON c.code = u.code, LATERAL unnest(u.first) o),
    kinds AS (
        SELECT l.code, l.code_rank, l.n, l.several, l.objects, l.times,
               string_agg(format('<tr>%s<td class="name"><span class="soft">%s</span> %s</td>%s<td>%s</td>%s</tr>',
                                 CASE WHEN l.several THEN '<td>' || jhub_authz._report_severity(l.severity) || '</td>' ELSE '' END,
                                 jhub_authz._html(l.subject_kind), jhub_authz._html(l.subject, 80),
                                 CASE WHEN NOT l.objects THEN '' WHEN l.object IS NULL THEN '<td></td>' ELSE '<td><code>' || jhub_authz._html(l.object, 120) || '</code></td>' END,
                                 jhub_authz._html(l.detail, 400), CASE WHEN l.times THEN '<td class="t">' || jhub_authz._report_date(l.since) || '</td>' ELSE '' END), '' ORDER BY l.place) AS rows
          FROM listed l WHERE l.place <= most GROUP BY l.code, l.code_rank, l.n, l.several, l.objects, l.times),
    -- each acknowledgement once, whatever it covers
    accepted AS (
        SELECT f.code, f.subject_kind, f.subject, f.acknowledged_by, f.acknowledged_at, f.acknowledged_until, f.acknowledged_reason, sum(f.n)::bigint AS n
          FROM found f WHERE f.acknowledged_at IS NOT NULL
         GROUP BY f.code, f.subject_kind, f.subject, f.acknowledged_by, f.acknowledged_at, f.acknowledged_until, f.acknowledged_reason),
    accepted_listed AS (SELECT a.*, row_number() OVER (ORDER BY a.acknowledged_at DESC, a.code, a.subject COLLATE "C") AS place FROM accepted a)
    SELECT (SELECT format('<ul class="tiles">%s</ul>', string_agg(format('<li class="tile"><b>%s</b>%s</li>',
                          jhub_authz._report_number(coalesce((SELECT w.n FROM weighed w WHERE w.severity = s.severity), 0)), jhub_authz._report_severity(s.severity)), '' ORDER BY s.rank))
              FROM severities s)
           || coalesce((SELECT string_agg(format('<div class="finding %s"><h3>%s %s</h3><p>%s</p><p class="soft">%s</p>%s</div>',
                               s.severity, jhub_authz._html(initcap(left(k.code, 1)) || replace(substr(k.code, 2), '_', ' ')), jhub_authz._report_severity(s.severity),
                               jhub_authz._html(c.meaning, 1000), jhub_authz._html(c.advice, 1000),
                               jhub_authz._report_table(jhub_authz._report_number(k.n) || ' open, code <code>' || k.code || '</code>', array_remove(ARRAY[CASE WHEN k.several THEN 'Severity' END, 'Subject', CASE WHEN k.objects THEN 'Object' END, 'Finding', CASE WHEN k.times THEN 'Since' END], NULL), k.rows, k.n - most)),
                               '' ORDER BY k.code_rank, c.place)
                          FROM kinds k JOIN severities s ON s.rank = k.code_rank
                          JOIN (SELECT f.*, row_number() OVER () AS place FROM jhub_authz.finding_codes f) c ON c.code = k.code),
                       '<p>Nothing is open.</p>')
           || coalesce((SELECT '<h3>Acknowledged</h3>' || jhub_authz._report_table('Findings that somebody accepted, and why', ARRAY['Finding', 'Subject', '#Findings', 'By', 'At', 'Until', 'Reason'],
                               string_agg(format('<tr><td><code>%s</code></td><td class="name"><span class="soft">%s</span> %s</td><td class="n">%s</td><td class="name">%s</td><td class="t">%s</td><td class="t">%s</td><td>%s</td></tr>',
                                      a.code, jhub_authz._html(a.subject_kind), jhub_authz._html(a.subject, 80), jhub_authz._report_number(a.n), jhub_authz._html(a.acknowledged_by::text, 63),
                                      jhub_authz._report_date(a.acknowledged_at), jhub_authz._report_date(a.acknowledged_until), jhub_authz._html(a.acknowledged_reason, 400)), '' ORDER BY a.place),
                               (SELECT count(*) FROM accepted) - most)
                          FROM accepted_listed a WHERE a.place <= most HAVING count(*) > 0), ''),
           (SELECT coalesce(sum(w.n), 0)::bigint FROM weighed w),
           (SELECT w.severity FROM weighed w ORDER BY w.rank LIMIT 1)
    $body$;
COMMENT ON FUNCTION jhub_authz._report_findings(integer) IS 'the findings of the report, how many are open, and the worst severity';
REVOKE ALL ON FUNCTION jhub_authz._report_findings(integer) FROM PUBLIC;

-- Who is admin, and who is as good as admin; those first whom nobody declared.
CREATE FUNCTION jhub_authz._report_admins(most integer, OUT body text, OUT n bigint) RETURNS record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH admins AS MATERIALIZED (
        SELECT a.*, row_number() OVER (ORDER BY a.declared, a.subject_kind, a.subject COLLATE "C") AS place FROM jhub_authz._admins() a)
    SELECT coalesce((SELECT jhub_authz._report_table('Users and services that are admin or as good as admin', ARRAY['Subject', 'Declared', 'What makes it so', 'By'],
               string_agg(format('<tr><td class="name"><span class="soft">%s</span> %s</td><td class="t">%s</td><td>%s</td><td>%s</td></tr>',
                      jhub_authz._html(a.subject_kind), jhub_authz._html(a.subject, 80), CASE WHEN a.declared THEN 'yes' ELSE '<b>no</b>' END,
                      (SELECT string_agg(coalesce(w.words, jhub_authz._html(h.how)), ', ' ORDER BY h.place)
                         FROM unnest(a.hows) WITH ORDINALITY AS h (how, place)
                         LEFT JOIN (VALUES ('flag', 'the flag admin'), ('role', 'the role admin'), ('scopes', 'all scopes of an admin'), ('tokens', 'may make a token of anybody'),
                                           ('servers', 'may enter every server'), ('reaches', 'can get all scopes of an admin'), ('reaches servers', 'can get into every server')) AS w (how, words) ON w.how = h.how),
                      jhub_authz._html(a.grants, 300)), '' ORDER BY a.place),
               (SELECT count(*) FROM admins) - most)
          FROM admins a WHERE a.place <= most HAVING count(*) > 0), '<p>Nobody is admin.</p>'),
           (SELECT count(*) FROM admins)
    $body$;
COMMENT ON FUNCTION jhub_authz._report_admins(integer) IS 'the admins of the report, and how many there are';
REVOKE ALL ON FUNCTION jhub_authz._report_admins(integer) FROM PUBLIC;

-- Tokens by class, and those that can do most.
CREATE FUNCTION jhub_authz._report_tokens(most integer, OUT body text, OUT live bigint) RETURNS record
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH live AS MATERIALIZED (
        SELECT t.token_id, t.prefix, t.owner_kind, t.owner, t.client_id, t.class, t.created, t.last_activity, t.expires_at, t.uses_inherit, t.never_used,
               coalesce(t.last_activity, t.created) < (SELECT jhub_authz._dormant_before()) AS dormant,
               jhub_authz.scope_count(t.effective) AS scopes, coalesce(jhub_authz.scope_count(t.grown), 0) > 0 AS grown,
               t.effective OPERATOR(jhub_authz.@>) 'admin:users'::jhub_authz.scopeset AS admin
          FROM jhub_authz.token_audit t WHERE NOT t.expired),
    classes AS (
        SELECT c.class, c.place, c.words, count(l.token_id) AS n, count(*) FILTER (WHERE l.token_id IS NOT NULL AND l.expires_at IS NULL) AS endless,
               count(*) FILTER (WHERE l.dormant) AS dormant, count(*) FILTER (WHERE l.never_used) AS unused, count(*) FILTER (WHERE l.uses_inherit) AS inheriting,
               count(*) FILTER (WHERE l.grown) AS grown, count(*) FILTER (WHERE l.admin) AS admin
          FROM (VALUES ('user', 1, 'made by hand or over the API'), ('oauth', 2, 'for a service or server'), ('server', 3, 'a server''s own'), ('service', 4, 'a service''s own')) AS c (class, place, words)
          LEFT JOIN live l ON l.class = c.class
         GROUP BY c.class, c.place, c.words),
    first AS (SELECT l.*, row_number() OVER (ORDER BY l.admin DESC, l.scopes DESC, l.expires_at IS NULL DESC, l.token_id) AS place
                FROM (SELECT * FROM live ORDER BY admin DESC, scopes DESC, expires_at IS NULL DESC, token_id LIMIT most) l)
    SELECT jhub_authz._report_table('Live tokens by class', ARRAY['Class', '#Live', '#Never expire', '#Dormant', '#Never used', '#Inherit', '#Grown', '#May manage users'],
               (SELECT string_agg(format('<tr><th scope="row">%s <span class="soft">%s</span></th>%s</tr>', class, words,
                       (SELECT string_agg('<td class="n">' || CASE WHEN v = 0 THEN '<span class="soft">0</span>' ELSE jhub_authz._report_number(v) END || '</td>', '' ORDER BY i)
                          FROM unnest(ARRAY[n, endless, dormant, unused, inheriting, grown, admin]) WITH ORDINALITY AS u (v, i))), '' ORDER BY place) FROM classes))
           || coalesce((SELECT jhub_authz._report_table('Tokens that can do most', ARRAY['#Token', 'Owner', 'Client', '#Scopes', 'Made', 'Last used', 'Expires', 'Remarks'],
                   string_agg(format('<tr><td class="n">%s</td><td class="name"><span class="soft">%s</span> %s</td><td class="name">%s</td><td class="n">%s</td><td class="t">%s</td><td class="t">%s</td><td class="t">%s</td><td>%s</td></tr>',
                          f.token_id, jhub_authz._html(f.owner_kind), jhub_authz._html(f.owner, 80), CASE WHEN f.client_id = 'jupyterhub' THEN '' ELSE jhub_authz._html(f.client_id, 60) END,
                          f.scopes, jhub_authz._report_date(f.created), CASE WHEN f.last_activity IS NULL THEN 'never' ELSE jhub_authz._report_date(f.last_activity) END,
                          CASE WHEN f.expires_at IS NULL THEN 'never' ELSE jhub_authz._report_date(f.expires_at) END,
                          concat_ws(', ', CASE WHEN f.admin THEN 'may manage users' END, CASE WHEN f.uses_inherit THEN 'inherits' END, CASE WHEN f.dormant THEN 'dormant' END, CASE WHEN f.grown THEN 'grown' END)), '' ORDER BY f.place),
                   (SELECT count(*) FROM live) - most)
                FROM first f WHERE f.place <= most HAVING count(*) > 0), ''),
           (SELECT count(*) FROM live)
    $body$;
COMMENT ON FUNCTION jhub_authz._report_tokens(integer) IS 'the tokens of the report, and how many are live';
REVOKE ALL ON FUNCTION jhub_authz._report_tokens(integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz._report_shares(most integer) RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
    AS $body$
    WITH shares AS MATERIALIZED (SELECT s.*, row_number() OVER (ORDER BY s.expired DESC, s.kind, s.created DESC, s.share_id) AS place FROM jhub_authz.share_audit s)
    SELECT coalesce((SELECT jhub_authz._report_table('Shares and codes', ARRAY['Kind', 'Server', 'Given by', 'To', 'Scopes', 'Made', 'Ends', '#Taken'],
               string_agg(format('<tr><td>%s</td><td class="name">%s</td><td class="name">%s</td><td class="name">%s</td><td><code>%s</code></td><td class="t">%s</td><td class="t">%s</td><td class="n">%s</td></tr>',
                      s.kind, jhub_authz._html(s.server, 80), jhub_authz._html(s.owner, 80),
                      CASE WHEN s.to_kind IS NULL THEN 'whoever has the code' ELSE '<span class="soft">' || s.to_kind || '</span> ' || jhub_authz._html(s.to_name, 80) END,
                      jhub_authz._html(coalesce(s.error, jhub_authz._some_scopes(s.scopes), '')), jhub_authz._report_date(s.created),
                      CASE WHEN s.expires_at IS NULL THEN 'never' ELSE jhub_authz._report_date(s.expires_at) || CASE WHEN s.expired THEN ' (past)' ELSE '' END END, jhub_authz._html(s.uses::text)), '' ORDER BY s.place),
               (SELECT count(*) FROM shares) - most)
          FROM shares s WHERE s.place <= most HAVING count(*) > 0),
        '<p>Nothing is shared.</p>')
    $body$;
COMMENT ON FUNCTION jhub_authz._report_shares(integer) IS 'the shares of the report';
REVOKE ALL ON FUNCTION jhub_authz._report_shares(integer) FROM PUBLIC;

CREATE FUNCTION jhub_authz._report_section(anchor text, title text, body text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    SET search_path = pg_catalog, pg_temp
    AS $body$ SELECT format('<section id="%1$s" aria-labelledby="%1$s-title"><h2 id="%1$s-title">%2$s</h2>%3$s</section>', anchor, title, body) $body$;
COMMENT ON FUNCTION jhub_authz._report_section(text, text, text) IS 'a section of the report';
REVOKE ALL ON FUNCTION jhub_authz._report_section(text, text, text) FROM PUBLIC;

-- jit: compiling what is run once takes 10 MB of memory.
CREATE FUNCTION jhub_authz.report_html(most integer DEFAULT 25) RETURNS text
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 1000000
    SET search_path = pg_catalog, pg_temp SET jit = off
    AS $body$
    WITH rows AS (SELECT greatest(1, least(coalesce(most, 25), 1000)) AS most),
    status AS (SELECT * FROM jhub_authz.status),
    counts AS MATERIALIZED (SELECT what, n FROM jhub_authz._row_counts()),
    findings AS MATERIALIZED (SELECT f.* FROM rows r, jhub_authz._report_findings(r.most) f),
    admins AS MATERIALIZED (SELECT a.* FROM rows r, jhub_authz._report_admins(r.most) a),
    tokens AS MATERIALIZED (SELECT t.* FROM rows r, jhub_authz._report_tokens(r.most) t)
    SELECT '<!DOCTYPE html>' || E'\n<html lang="en"><head><meta charset="utf-8"><title>Access review: JupyterHub ' || jhub_authz._html(s.hub_release) || '</title>'
        || '<meta name="viewport" content="width=device-width, initial-scale=1">'
        || '<meta http-equiv="Content-Security-Policy" content="default-src ''none''; style-src ''unsafe-inline''; base-uri ''none''; form-action ''none''">'
        || '<meta name="referrer" content="no-referrer"><style>' || jhub_authz._report_style() || E'</style></head>\n<body>'
        || format('<header><div class="kicker">Access review</div><h1>JupyterHub %s</h1><dl class="meta">%s</dl>',
                  jhub_authz._html(s.hub_release),
                  (SELECT string_agg(format('<div><dt>%s</dt><dd>%s</dd></div>', m.word, m.value), '' ORDER BY m.place)
                     FROM (VALUES (1, 'As of', to_char(statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
                                  (2, 'Database', jhub_authz._html(current_database()::text) || ', schema ' || jhub_authz._html(s.hub_schema)),
                                  (3, 'Release', CASE WHEN s.hub_release_certain THEN 'known' ELSE 'inferred' END || ', revision ' || jhub_authz._html(s.alembic_revision)),
                                  (4, 'Mode', jhub_authz._html(s.mode) || ', attached ' || jhub_authz._report_date(s.attached_at)),
                                  (5, 'jhub_authz', (SELECT jhub_authz._html(extversion) FROM pg_extension WHERE extname = 'jhub_authz')),
                                  (6, 'Asked by', jhub_authz._html(current_user::text))) AS m (place, word, value)))
        || '<nav aria-label="Sections"><ul><li><a href="#summary">Summary</a></li><li><a href="#findings">Findings</a></li>'
        || '<li><a href="#admins">Admins</a></li><li><a href="#groups">Groups</a></li><li><a href="#growth">Growth</a></li><li><a href="#tokens">Tokens</a></li><li><a href="#shares">Shares</a></li></ul></nav></header>'
        || E'\n<main>'
        || jhub_authz._report_section('summary', 'Summary',
             (SELECT format('<p>%s</p><ul class="tiles">%s</ul>',
                 CASE WHEN f.open = 0 THEN 'No finding is open.'
                      ELSE format('%s %s open; the worst is %s.', jhub_authz._report_number(f.open), CASE WHEN f.open = 1 THEN 'finding is' ELSE 'findings are' END, jhub_authz._report_severity(f.worst)) END,
                 (SELECT string_agg(format('<li class="tile"><b>%s</b><span>%s</span></li>', jhub_authz._report_number(v.n), v.words), '' ORDER BY v.place)
                    FROM (SELECT 1, (SELECT n FROM counts WHERE what = 'users'), 'users'
                          UNION ALL SELECT 2, (SELECT n FROM counts WHERE what = 'groups'), 'groups'
                          UNION ALL SELECT 3, (SELECT n FROM counts WHERE what = 'roles'), 'roles'
                          UNION ALL SELECT 4, (SELECT n FROM counts WHERE what = 'services'), 'services'
                          UNION ALL SELECT 5, (SELECT n FROM counts WHERE what = 'servers'), 'servers'
                          UNION ALL SELECT 6, a.n, 'effective admins'
                          UNION ALL SELECT 7, t.live, 'live tokens'
                          UNION ALL SELECT 8, (SELECT coalesce(sum(n), 0) FROM counts WHERE what IN ('shares', 'share codes')), 'shares and codes') AS v (place, n, words)))
                FROM findings f, admins a, tokens t))
        || jhub_authz._report_section('findings', 'Findings', '<p>What is worth a look, the most severe first. A severity is a word and as many marks.</p>' || (SELECT body FROM findings))
        || jhub_authz._report_section('admins', 'Admins', '<p>Declared is whom the hub knows as admin, by the flag or by the role.</p>' || (SELECT body FROM admins))
        || jhub_authz._report_section('groups', 'Groups by scopes', (SELECT jhub_authz._report_heat(r.most) FROM rows r))
        || jhub_authz._report_section('growth', 'Growth over time', jhub_authz._report_growth())
        || jhub_authz._report_section('tokens', 'Tokens', (SELECT body FROM tokens))
        || jhub_authz._report_section('shares', 'Shares', (SELECT jhub_authz._report_shares(r.most) FROM rows r))
        || E'</main>\n<footer>Made by <code>SELECT jhub_authz.report_html()</code> from the hub''s database as it was at the time above. It holds names of users, and no token or hash.</footer></body></html>\n'
      FROM status s
    $body$;
COMMENT ON FUNCTION jhub_authz.report_html(integer) IS 'one HTML page for an access review: findings, groups by scopes, growth, admins, tokens, shares; so many rows of each table at most';
REVOKE ALL ON FUNCTION jhub_authz.report_html(integer) FROM PUBLIC;
