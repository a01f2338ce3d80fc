-- testbed/update: the database holds a hub that an earlier version was attached
-- to.  Update the extension, see that nothing is lost and that it works on.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

CREATE SCHEMA kept;
CREATE TABLE kept.was (rel regclass, content jsonb);
CREATE FUNCTION kept.content() RETURNS TABLE (rel regclass, content jsonb) LANGUAGE plpgsql AS $$
BEGIN
    FOR rel IN SELECT r::regclass FROM pg_extension e, unnest(e.extconfig) r JOIN pg_class c ON c.oid = r
                WHERE e.extname = 'jhub_authz' AND c.relkind = 'r' UNION ALL SELECT 'public.api_tokens' LOOP
        FOR content IN EXECUTE format('SELECT to_jsonb(t) FROM %s t', rel) LOOP RETURN NEXT; END LOOP;
    END LOOP;
END $$;
CREATE FUNCTION kept.must(good boolean, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF good IS NOT TRUE THEN RAISE EXCEPTION 'not so: %', what; END IF;
END $$;

INSERT INTO kept.was SELECT * FROM kept.content();
SELECT kept.must((SELECT count(*) FROM kept.was) > 70, 'there is something to keep') \g /dev/null

ALTER EXTENSION jhub_authz UPDATE;

-- every row as it was, whatever columns it has got since; and no other
SELECT kept.must(NOT EXISTS (SELECT FROM kept.was w WHERE NOT EXISTS (SELECT FROM kept.content() n WHERE n.rel = w.rel AND n.content @> w.content)), 'every row is there'),
       kept.must((SELECT count(*) FROM kept.was) = (SELECT count(*) FROM kept.content()), 'no row came') \g /dev/null

-- attached again, for which self_check asks, everything is in place, and that has changed nothing either
SELECT kept.must(EXISTS (SELECT FROM jhub_authz.self_check() WHERE check_name = 'grant' AND object = 'jupyterhub'), 'self_check asks for attach') \g /dev/null
SELECT jhub_authz.attach() \g /dev/null
SELECT kept.must(NOT EXISTS (SELECT FROM kept.was w WHERE NOT EXISTS (SELECT FROM kept.content() n WHERE n.rel = w.rel AND n.content @> w.content)), 'every row is there after attach'),
       kept.must((SELECT count(*) FROM jhub_authz.token_events) = 30, 'attach found nothing to decide'),
       kept.must(NOT EXISTS (SELECT FROM jhub_authz.self_check() WHERE level = 'error' OR check_name = 'grant'), 'self_check')  \g /dev/null
TABLE jhub_authz.attachment;
SELECT level, check_name, object, detail FROM jhub_authz.self_check();

-- it works on: an issue, and a growth of token 18, which inherits
SET ROLE jupyterhub;
INSERT INTO api_tokens (id, user_id, client_id, hashed, prefix, created, note, scopes) VALUES (19, 9, 'jupyterhub', 'sha512:1:19:00', 'dddd', now(), 'after', '["read:users!user=alice", "admin:users"]');
INSERT INTO user_role_map VALUES (3, 14, false);
RESET ROLE;
SELECT kept.must((SELECT max(event_id) FROM jhub_authz.token_events) > 30, 'events go on'),
       kept.must(EXISTS (SELECT FROM jhub_authz.token_events WHERE event_id > 30 AND action = 'narrowed'), 'an issue is narrowed'),
       kept.must(EXISTS (SELECT FROM jhub_authz.token_events WHERE event_id > 30 AND action = 'issued'), 'an issue has its baseline'),
       kept.must((SELECT array_agg(token_id) FROM jhub_authz.token_events WHERE event_id > 30 AND action = 'revoked') = '{18}', 'growth is revoked'),
       kept.must((SELECT expires_at < now() AT TIME ZONE 'UTC' FROM api_tokens WHERE id = 18), 'the token has expired'),
       kept.must(NOT EXISTS (SELECT FROM jhub_authz.pending), 'nothing is pending') \g /dev/null
