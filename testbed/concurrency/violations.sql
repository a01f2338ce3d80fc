-- For the interleavings and the stress: asked when nothing is under way.

CREATE SCHEMA audit;

-- What must never be: rows say what is wrong.
CREATE FUNCTION audit.violations() RETURNS TABLE (what text, token_id int, detail text) LANGUAGE sql AS $$
    WITH live AS (
        SELECT t.id, t.user_id, t.service_id, t.created, jhub_authz.token_scopes(t.id) AS now
          FROM public.api_tokens t WHERE t.expires_at IS NULL OR t.expires_at > now() AT TIME ZONE 'UTC')
    SELECT 'live token without a baseline', t.id, NULL
      FROM live t LEFT JOIN jhub_authz.token_baselines b ON b.token_id = t.id AND b.created = t.created
     WHERE b.token_id IS NULL
    UNION ALL
    SELECT 'baseline still waits', t.id, t.now::text
      FROM live t JOIN jhub_authz.token_baselines b ON b.token_id = t.id
     WHERE b.baseline IS NULL
       AND coalesce(jhub_authz.user_scopes((SELECT name FROM public.users WHERE id = t.user_id)),
                    jhub_authz.service_scopes((SELECT name FROM public.services WHERE id = t.service_id))) OPERATOR(jhub_authz.<>) '[]'
    UNION ALL
    SELECT 'token above its baseline', t.id, (t.now OPERATOR(jhub_authz.-) b.baseline)::text
      FROM live t JOIN jhub_authz.token_baselines b ON b.token_id = t.id
     WHERE NOT jhub_authz.covers(b.baseline, t.now)
    UNION ALL
    SELECT 'revoked token is alive', t.id, NULL
      FROM live t JOIN jhub_authz.token_baselines b ON b.token_id = t.id WHERE b.revoked_at IS NOT NULL
    UNION ALL
    SELECT 'revoked without an event', b.token_id, NULL
      FROM jhub_authz.token_baselines b
     WHERE b.revoked_at IS NOT NULL
       AND NOT EXISTS (SELECT FROM jhub_authz.token_events e WHERE e.token_id = b.token_id AND e.action = 'revoked')
    UNION ALL
    SELECT 'event of a revocation that is not recorded', e.token_id, e.reason
      FROM jhub_authz.token_events e
     WHERE e.action = 'revoked'
       AND NOT EXISTS (SELECT FROM jhub_authz.token_events r
                        WHERE r.token_id = e.token_id AND r.action = 'reinstated' AND r.event_id > e.event_id)
       AND EXISTS (SELECT FROM public.api_tokens t WHERE t.id = e.token_id)
       AND NOT EXISTS (SELECT FROM jhub_authz.token_baselines b WHERE b.token_id = e.token_id AND b.revoked_at IS NOT NULL)
    UNION ALL
    SELECT 'note that nobody took', p.id, p.kind FROM jhub_authz.pending p
$$;
