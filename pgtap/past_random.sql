-- The past agrees with what was said then: a random history, in which everybody's
-- scopes are written down at each step and asked for afterwards; and what
-- scope_changes tells between any two steps adds up to the difference.
-- Not in one transaction: the past is made of commits.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
DROP SCHEMA IF EXISTS hub_past CASCADE;
\set hub hub_past
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SELECT jhub_authz.attach('hub_past') \g /dev/null
\if :{?seed}
\else
SELECT floor(random() * 1000000)::int AS seed \gset
\endif
SELECT setseed(:seed / 1000000.0) \g /dev/null
SELECT diag('past_random, seed: ' || :seed);
\if :{?few}
\set steps 3
\set few t
\else
\set steps 60
\set few f
\endif
SELECT set_config('past_random.steps', :'steps', false) \g /dev/null
SELECT plan(7);

CREATE TABLE hub_past.kept_moments (step int PRIMARY KEY, moment timestamptz);
CREATE TABLE hub_past.kept (step int, kind text, id int, name text, scopes jhub_authz.scopeset);
CREATE TABLE hub_past.kept_holders (step int, required text, kind text, name text);
CREATE TABLE hub_past.wanted (required text);
INSERT INTO hub_past.wanted VALUES ('list:users'), ('access:servers!server=alice/'), ('read:users:name!user=bob'), ('custom:a:read'), ('read:servers!user=bob');
DELETE FROM hub_past.wanted WHERE :'few' AND required !~ '(alice/|users)$';

CREATE FUNCTION hub_past.pick(VARIADIC what text[]) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT what[1 + floor(random() * cardinality(what))::int] $$;

-- one change, or one that hits nothing
CREATE FUNCTION hub_past.step() RETURNS void LANGUAGE plpgsql SET search_path = hub_past, pg_catalog AS $$
DECLARE
    u int := (SELECT id FROM users ORDER BY random() LIMIT 1);
    g int := (SELECT id FROM groups ORDER BY random() LIMIT 1);
    r int := (SELECT id FROM roles ORDER BY random() LIMIT 1);
    s int := (SELECT id FROM services ORDER BY random() LIMIT 1);
    sp int := (SELECT id FROM spawners ORDER BY random() LIMIT 1);
    changed text := pick('["self"]', '["list:users"]', '["custom:a:all"]', '["access:servers!group=physics"]', '["read:users!user=bob", "inherit"]',
                        '["admin:users", "read:servers!server"]', '[]', 'broken', '["servers!server=alice/", "users!group=lab one"]');
BEGIN
    CASE floor(random() * 24)::int
        WHEN 0 THEN INSERT INTO user_role_map VALUES (u, r, false) ON CONFLICT DO NOTHING;
        WHEN 1 THEN DELETE FROM user_role_map WHERE (user_id, role_id) = (SELECT user_id, role_id FROM user_role_map ORDER BY random() LIMIT 1);
        WHEN 2 THEN INSERT INTO group_role_map VALUES (g, r, false) ON CONFLICT DO NOTHING;
        WHEN 3 THEN DELETE FROM group_role_map WHERE (group_id, role_id) = (SELECT group_id, role_id FROM group_role_map ORDER BY random() LIMIT 1);
        WHEN 4 THEN INSERT INTO service_role_map VALUES (s, r, false) ON CONFLICT DO NOTHING;
        WHEN 5 THEN DELETE FROM service_role_map WHERE (service_id, role_id) = (SELECT service_id, role_id FROM service_role_map ORDER BY random() LIMIT 1);
        WHEN 6, 7 THEN INSERT INTO user_group_map VALUES (u, g) ON CONFLICT DO NOTHING;
        WHEN 8 THEN DELETE FROM user_group_map WHERE (user_id, group_id) = (SELECT user_id, group_id FROM user_group_map ORDER BY random() LIMIT 1);
        WHEN 9, 10 THEN UPDATE roles SET scopes = changed WHERE id = r;
        WHEN 11 THEN UPDATE users SET name = name || '''' WHERE id = u;
        WHEN 12 THEN -- renamed, and the name taken by another
            UPDATE users SET name = 'was ' || name WHERE id = u AND name !~ '^was';
            INSERT INTO users (id, name, admin, cookie_id) SELECT max(id) + 1, pick('bob', 'alice', 'carol'), false, md5(random()::text) FROM users ON CONFLICT DO NOTHING;
        WHEN 13 THEN -- deleted, and made anew under the same name, perhaps the same id
            DECLARE gone users;
            BEGIN
                DELETE FROM users WHERE id = u RETURNING * INTO gone;
                INSERT INTO users (id, name, cookie_id) SELECT CASE WHEN random() < 0.5 THEN gone.id ELSE max(id) + 1 END, gone.name, gone.cookie_id FROM users;
            END;
        WHEN 14 THEN INSERT INTO shares (id, owner_id, spawner_id, user_id, group_id, created_at, scopes)
            SELECT coalesce(max(id), 0) + 1, 9, sp, CASE WHEN random() < 0.5 THEN u END, CASE WHEN random() < 0.5 THEN g END, now(),
                   pick('["access:servers!server=alice/"]', '["servers!server", "read:users!user"]', '["access:services!service"]') FROM shares;
        WHEN 15 THEN DELETE FROM shares WHERE id = (SELECT id FROM shares ORDER BY random() LIMIT 1);
        WHEN 16 THEN UPDATE shares SET expires_at = now() - interval '1 day', user_id = u WHERE id = (SELECT id FROM shares WHERE user_id IS NOT NULL ORDER BY random() LIMIT 1);
        WHEN 17 THEN UPDATE alembic_version SET version_num = pick('651f5419b74d', '0eee8c825d24', '4621fec11365');
        WHEN 18 THEN PERFORM jhub_authz.use_hub_release(pick('4.1', '5.0', NULL));
        WHEN 19 THEN PERFORM jhub_authz.replace_scopes(pick('{"custom:a:read": {"description": "x"}, "custom:a:all": {"description": "x", "subscopes": ["custom:a:read"]}}',
                                                            '{"custom:a:read": {"description": "x"}, "custom:a:all": {"description": "x"}}'));
        WHEN 20 THEN UPDATE spawners SET name = pick('a', 'b', ''), user_id = CASE WHEN random() < 0.2 THEN u ELSE user_id END WHERE id = sp;
        WHEN 21 THEN UPDATE groups SET name = pick('physics', 'chemistry', 'x') WHERE id = g AND NOT EXISTS (SELECT FROM groups WHERE name IN ('physics', 'chemistry', 'x') AND id <> g);
        WHEN 22 THEN
            UPDATE spawners SET oauth_client_id = pick('service-announce', 'service-odd', NULL) WHERE id = sp;
            UPDATE services SET oauth_client_id = pick('service-announce', 'service-odd', NULL) WHERE id = s;
        ELSE
            UPDATE api_tokens SET scopes = changed, expires_at = CASE WHEN random() < 0.3 THEN now() - interval '1 hour' ELSE expires_at END
             WHERE id = (SELECT id FROM api_tokens ORDER BY random() LIMIT 1) AND changed <> 'broken';
            DELETE FROM api_tokens WHERE random() < 0.05;
            INSERT INTO api_tokens (user_id, client_id, created, prefix, hashed, scopes)
                VALUES (u, 'jupyterhub', clock_timestamp() AT TIME ZONE 'UTC', 'x', md5(random()::text), pick('["inherit"]', '["list:users"]', '["self"]'));
    END CASE;
END $$;

CREATE PROCEDURE hub_past.keep(step int) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
    now_at timestamptz := clock_timestamp();
BEGIN
    INSERT INTO hub_past.kept_moments VALUES (step, now_at);
    INSERT INTO hub_past.kept SELECT step, 'user', u.id, u.name, s.scopes FROM jhub_authz.all_user_scopes() s JOIN hub_past.users u USING (name);
    INSERT INTO hub_past.kept SELECT step, 'group', g.id, g.name, s.scopes FROM jhub_authz.all_group_scopes() s JOIN hub_past.groups g USING (name);
    INSERT INTO hub_past.kept SELECT step, 'service', v.id, v.name, s.scopes FROM jhub_authz.all_service_scopes() s JOIN hub_past.services v USING (name);
    INSERT INTO hub_past.kept_holders
    SELECT step, w.required, k.kind, k.name FROM hub_past.kept k, hub_past.wanted w WHERE k.step = keep.step AND jhub_authz.has_scope(k.scopes, w.required)
    UNION ALL
    SELECT step, w.required, 'token', t.token_id::text FROM jhub_authz.all_token_scopes() t JOIN hub_past.api_tokens a ON a.id = t.token_id, hub_past.wanted w
     WHERE jhub_authz.has_scope(t.effective, w.required) AND (a.expires_at IS NULL OR a.expires_at >= now_at AT TIME ZONE 'UTC');
    COMMIT;
END $$;

DO $$
BEGIN
    FOR step IN 1 .. current_setting('past_random.steps')::int LOOP
        CALL hub_past.keep(step);
        FOR i IN 1 .. CASE WHEN random() < 0.3 THEN 6 ELSE 1 END LOOP
            BEGIN
                PERFORM hub_past.step();
            EXCEPTION WHEN OTHERS THEN NULL; -- a name that is taken, a token that was revoked: nothing happened
            END;
        END LOOP;
        COMMIT;
    END LOOP;
    CALL hub_past.keep(current_setting('past_random.steps')::int + 1);
END $$;

SELECT ok((SELECT count(DISTINCT at) FROM jhub_authz.history_changes) > :steps * 2 / 3, 'much happened');
-- of whom it is asked
CREATE TABLE hub_past.asked AS SELECT DISTINCT id FROM hub_past.kept WHERE NOT :'few' OR kind = 'user' AND id = 9;
SELECT is_empty($$
    SELECT m.step, k.name, k.scopes, jhub_authz.user_scopes_as_of(k.name, m.moment)
      FROM hub_past.kept_moments m JOIN hub_past.kept k USING (step)
     WHERE k.kind = 'user' AND k.id IN (SELECT id FROM hub_past.asked) AND jhub_authz.user_scopes_as_of(k.name, m.moment)::text IS DISTINCT FROM k.scopes::text $$, 'every user at every moment');
\if :few
SELECT skip('there are few', 1);
\else
SELECT is_empty($$
    SELECT m.step, n.name FROM hub_past.kept_moments m, (SELECT DISTINCT name FROM hub_past.kept WHERE kind = 'user') n
     WHERE NOT EXISTS (SELECT FROM hub_past.kept k WHERE k.step = m.step AND k.kind = 'user' AND k.name = n.name)
       AND jhub_authz.user_scopes_as_of(n.name, m.moment) IS NOT NULL $$, '... and nobody who was not there');
\endif
SELECT is_empty($$
    WITH held AS (SELECT DISTINCT m.step, w.required, c.subject_kind, c.subject
                    FROM hub_past.kept_moments m, hub_past.wanted w, LATERAL jhub_authz.who_could(w.required, m.moment) c)
    (SELECT 'missing', * FROM (TABLE hub_past.kept_holders EXCEPT TABLE held) x)
    UNION ALL (SELECT 'too much', * FROM (TABLE held EXCEPT TABLE hub_past.kept_holders) x) $$, 'whoever could, tokens among them');

-- scope by scope: what was gained less what was lost, from the first moment to each, and between neighbours
CREATE TABLE hub_past.members AS
    SELECT k.step, k.kind, k.id, e.scope FROM hub_past.kept k, LATERAL jhub_authz.scope_explode(k.scopes) e;
CREATE INDEX ON hub_past.members (step);
CREATE FUNCTION hub_past.wrong(a int, b int) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    WITH told AS (SELECT c.subject_kind, c.subject_id, c.scope, sum(CASE c.change WHEN 'gained' THEN 1 ELSE -1 END) AS net
                    FROM hub_past.kept_moments f, hub_past.kept_moments t, LATERAL jhub_authz.scope_changes(f.moment, t.moment) c
                   WHERE f.step = a AND t.step = b GROUP BY 1, 2, 3),
         real AS (SELECT kind, id, scope, sum(CASE step WHEN b THEN 1 ELSE -1 END) AS net FROM hub_past.members WHERE step IN (a, b) GROUP BY 1, 2, 3)
    SELECT format('%s to %s: %s', a, b, x) FROM ((SELECT 'not told', * FROM (SELECT * FROM real WHERE net <> 0 EXCEPT SELECT * FROM told) x)
        UNION ALL (SELECT 'told', * FROM (SELECT * FROM told WHERE net <> 0 EXCEPT SELECT * FROM real) x)) x
$$;
SELECT is_empty($$ SELECT hub_past.wrong(step - 1, step) FROM hub_past.kept_moments WHERE step > 1 $$, 'from each moment to the next');
SELECT is_empty($$ SELECT hub_past.wrong(1, step) FROM hub_past.kept_moments WHERE step % 10 = 1 AND step > 1 $$, '... and from the first');
SELECT is_empty($$ SELECT c.* FROM jhub_authz.scope_changes('-infinity', 'infinity') c LEFT JOIN jhub_authz.history_changes h USING (change_id)
                    WHERE h.at <> c.at OR h.change_id IS NULL OR c.cause = '' OR (h.txid, h.actor, h.source) IS DISTINCT FROM (c.txid, c.actor, c.source) $$,
                '... each with its change and its cause');
SELECT * FROM finish();

SELECT jhub_authz.use_hub_release(NULL), jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_past CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
