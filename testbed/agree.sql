-- Do baselines, events and tokens agree?  One row for each thing that does not;
-- none when all is well.  A single statement, read-only, for an attached hub whose
-- tables are on the search_path; run it while nothing else writes, as a role that
-- may read it all, with jit off (compiling it takes longer than running it).  What a
-- policy keeps out of enforcement is left out.
WITH hub AS (
    SELECT hub_release, mode FROM jhub_authz.status
), token AS (
    SELECT t.id, t.created, t.scopes, t.expires_at, t.user_id, t.service_id, t.client_id,
           CASE WHEN t.service_id IS NOT NULL THEN 'service'
                WHEN t.client_id <> 'jupyterhub' THEN 'oauth'
                WHEN t.note LIKE 'Server at %' THEN 'server'
                ELSE 'user' END AS class,
           (t.expires_at IS NULL OR t.expires_at >= now() AT TIME ZONE 'UTC') AS live
      FROM api_tokens t
), record AS (
    -- a token's own: an id that is used again is another token
    SELECT t.*, b.token_id, b.baseline, b.release, b.revoked_at
      FROM token t
      LEFT JOIN jhub_authz.token_baselines b
        ON b.token_id = t.id AND b.created IS NOT DISTINCT FROM t.created
), enforced AS (
    -- the strictest reading: a token that any policy that could be its own spares is left out
    SELECT r.*
      FROM record r, hub
     WHERE r.live AND hub.mode = 'enforce'
       AND NOT EXISTS (
           SELECT FROM jhub_authz.token_policies p
            WHERE (p.target IN (r.class, 'token:' || r.id, 'client:' || r.client_id)
                   OR p.target IN (SELECT 'group:' || g.name FROM user_group_map m JOIN groups g ON g.id = m.group_id
                                    WHERE m.user_id = r.user_id))
              AND (p.on_growth IN ('log', 'ignore')
                   OR p.inherit = 'follow' AND r.scopes LIKE '%"inherit"%'))
), event AS (
    SELECT e.token_id, max(e.event_id) FILTER (WHERE e.action = 'revoked') AS revoked,
           max(e.event_id) FILTER (WHERE e.action = 'reinstated') AS reinstated,
           max(e.at) FILTER (WHERE e.action = 'revoked') AS revoked_at,
           bool_or(e.action IN ('issued', 'adopted', 'migrated')) AS begun
      FROM jhub_authz.token_events e
     WHERE e.token_id IS NOT NULL
     GROUP BY e.token_id
), pruned AS (
    SELECT EXISTS (SELECT FROM jhub_authz.token_events WHERE action = 'pruned') AS ever
)
SELECT 'a live token without a baseline' AS what, e.id AS token_id, NULL::text AS detail
  FROM enforced e
 WHERE e.token_id IS NULL
UNION ALL
SELECT 'a live token above its baseline', e.id, s.effective::text || ' but ' || e.baseline::text
  FROM enforced e
  JOIN jhub_authz.all_token_scopes() s ON s.token_id = e.id
  JOIN hub ON hub.hub_release = e.release
 WHERE e.baseline IS NOT NULL AND NOT jhub_authz.covers(e.baseline, s.effective)
UNION ALL
SELECT 'a baseline waits for an owner who holds scopes', e.id, s.effective::text
  FROM enforced e
  JOIN jhub_authz.all_token_scopes() s ON s.token_id = e.id
 WHERE e.token_id IS NOT NULL AND e.baseline IS NULL AND jhub_authz.scope_count(s.effective) > 0
UNION ALL
SELECT 'a revoked token is alive', r.id, r.revoked_at::text
  FROM record r, hub
 WHERE r.live AND r.revoked_at IS NOT NULL AND hub.mode = 'enforce'
UNION ALL
SELECT 'a revoked event, but the token is alive', r.id, NULL
  FROM record r
  JOIN event e ON e.token_id = r.id AND e.revoked > coalesce(e.reinstated, 0)
 WHERE r.live AND (r.created AT TIME ZONE 'UTC' < e.revoked_at OR r.created IS NULL)
UNION ALL
SELECT 'a revoked event, but no revoked_at', r.id, NULL
  FROM record r
  JOIN event e ON e.token_id = r.id AND e.revoked > coalesce(e.reinstated, 0)
 WHERE r.revoked_at IS NULL AND (r.created AT TIME ZONE 'UTC' < e.revoked_at OR r.created IS NULL)
UNION ALL
SELECT 'revoked_at, but no revoked event', b.token_id, b.revoked_at::text
  FROM jhub_authz.token_baselines b
  LEFT JOIN event e ON e.token_id = b.token_id
 CROSS JOIN pruned
 WHERE b.revoked_at IS NOT NULL AND e.revoked IS NULL AND NOT pruned.ever
UNION ALL
SELECT 'expired as we do it, but no record of it', r.id, r.expires_at::text
  FROM record r
 WHERE r.expires_at <= r.created AND r.revoked_at IS NULL
UNION ALL
SELECT 'a baseline without an event', b.token_id, NULL
  FROM jhub_authz.token_baselines b
  LEFT JOIN event e ON e.token_id = b.token_id
 CROSS JOIN pruned
 WHERE b.baseline IS NOT NULL AND e.begun IS NOT TRUE AND NOT pruned.ever
UNION ALL
SELECT 'a change that was not decided', p.id, p.kind
  FROM jhub_authz.pending p
 ORDER BY 1, 2
