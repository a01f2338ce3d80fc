"""A hub's database of any size, and plain SQL that answers the same questions.

The population: users in groups of students, each of which has a group of
staff with a role that filters by it, one role with many holders, services, and five tokens a user, of the kinds that
a hub makes: one that inherits, a server's, one over OAuth, one made by hand
with more than its owner holds, one that is the user's own.  Everything follows
from the number of users.
"""

import os
import subprocess

HELPERS = 794  # holders of one role, in a hub of 10,000
HELPER_ROLE = 300

POPULATION = """
TRUNCATE users, groups, services, servers, shares, share_codes, oauth_codes CASCADE;
DELETE FROM roles WHERE id > 4;
DELETE FROM oauth_clients WHERE id > 1;
INSERT INTO groups (id, name) SELECT i, 'group' || lpad(i::text, 4, '0') FROM generate_series(1, {groups}) i;
INSERT INTO groups (id, name) SELECT {groups} + i, 'staff' || lpad(i::text, 4, '0') FROM generate_series(1, {staffed}) i;
INSERT INTO roles (id, name, scopes, managed_by_auth)
SELECT 10 + i, 'staff-' || i,
       format('["list:users!group=group%1$s", "read:users:activity!group=group%1$s", "admin:servers!group=group%1$s", "access:services"]', lpad(i::text, 4, '0')), false
  FROM generate_series(1, {staffed}) i;
INSERT INTO roles (id, name, scopes, managed_by_auth) VALUES
    ({helper_role}, 'helper', '["read:users:name", "access:servers!group=group0001"]', false),
    (301, 'reader', '["list:users", "read:groups"]', false),
    (303, 'student', '["access:services", "read:groups:name"]', false),
    (302, 'culler', '["list:users", "read:users:activity", "read:servers", "delete:servers"]', false);
INSERT INTO users (id, name, admin, created, cookie_id)
SELECT i, 'user' || lpad(i::text, 6, '0'), i = 1, '2026-01-01', 'cookie' || i FROM generate_series(1, {users}) i;
INSERT INTO user_role_map SELECT i, 1, false FROM generate_series(1, {users}) i;
INSERT INTO user_role_map VALUES (1, 2, false);
INSERT INTO user_role_map SELECT i, {helper_role}, false FROM generate_series(2, {helpers} + 1) i;
INSERT INTO user_role_map SELECT i, 301, false FROM generate_series(1, {users}) i WHERE i % 33 = 0;
INSERT INTO user_group_map SELECT i, g FROM generate_series(1, {users}) i, LATERAL (VALUES (1 + i % {groups}), (1 + i * 7 % {groups})) AS v (g) GROUP BY 1, 2;
INSERT INTO user_group_map SELECT 1 + i * k % {users}, {groups} + i FROM generate_series(1, {staffed}) i, (VALUES (37), (53)) AS v (k) GROUP BY 1, 2;
INSERT INTO group_role_map SELECT {groups} + i, 10 + i, false FROM generate_series(1, {staffed}) i;
INSERT INTO group_role_map SELECT i, 303, false FROM generate_series(1, {groups}) i;
INSERT INTO oauth_clients (id, identifier, allowed_scopes) SELECT 10 + i, 'service-' || i, '[]' FROM generate_series(1, 20) i;
INSERT INTO services (id, name, admin, oauth_client_id) SELECT i, 'service' || i, false, 'service-' || i FROM generate_series(1, 20) i;
INSERT INTO service_role_map SELECT i, 302, false FROM generate_series(1, 20) i;
INSERT INTO spawners (id, user_id, name) SELECT i, i, '' FROM generate_series(1, {users}) i;
INSERT INTO api_tokens (id, user_id, client_id, created, prefix, hashed, note, scopes)
SELECT i * 5 + k, i, CASE k WHEN 2 THEN 'service-' || 1 + i % 20 ELSE 'jupyterhub' END, timestamp '2026-01-01' + i * interval '1 s',
       'abcd', 'sha512:1:' || i * 5 + k, CASE k WHEN 1 THEN 'Server at /user/' || name || '/' ELSE '' END,
       CASE k WHEN 0 THEN '["inherit"]'
              WHEN 1 THEN format('["access:servers!server=%1$s/", "users:activity!user=%1$s"]', name)
              WHEN 2 THEN format('["access:services!service=service%2$s", "read:users:name!user=%1$s"]', name, 1 + i % 20)
              WHEN 3 THEN format('["list:users!group=group%2$s", "read:hub", "read:users!user=%1$s", "servers!server=%1$s/lab", "delete:servers!user=user%3$s", "tokens!user"]',
                                 name, lpad((1 + i % {groups})::text, 4, '0'), lpad((1 + (i + {groups}) % {users})::text, 6, '0'))
              ELSE '["self"]' END
  FROM generate_series(1, {users}) i, generate_series(0, 4) k, LATERAL (SELECT 'user' || lpad(i::text, 6, '0') AS name) n
 ORDER BY i, k;
INSERT INTO api_tokens (id, service_id, client_id, created, prefix, hashed, scopes)
SELECT {users} * 5 + 100 + i, i, 'jupyterhub', '2026-01-01', 'abcd', 'sha512:1:s' || i, '["inherit"]' FROM generate_series(1, 20) i;
SELECT setval('api_tokens_id_seq', {users} * 5 + 1000), setval('users_id_seq', {users} + 1000);
"""

# What each base implies, itself included: a table, filled once from the hub's
# definitions, as a developer would.  "self" stands for the same fourteen always.
CLOSURE = """
DROP TABLE IF EXISTS rival_subscopes;
CREATE TABLE rival_subscopes AS
WITH RECURSIVE below (base, sub) AS (
    SELECT name, name FROM jhub_authz.scope_definitions
    UNION SELECT below.base, s FROM below JOIN jhub_authz.scope_definitions d ON d.name = below.sub,
                 unnest(d.subscopes) AS s)
SELECT base, sub FROM below WHERE base NOT IN ('self', 'inherit');
CREATE INDEX ON rival_subscopes (base);
DROP TABLE IF EXISTS rival_self;
CREATE TABLE rival_self AS SELECT unnest('{read:users,read:users:name,read:users:groups,users:shares,read:users:shares,read:shares,users:activity,read:users:activity,servers,delete:servers,read:servers,tokens,read:tokens,access:servers}'::text[]) AS sub;
ANALYZE rival_subscopes, rival_self;
"""

# Effective scopes of tokens as rows (token_id, base, kind, value).  {only}: a
# condition on the owners u; {tokens}: one on the tokens t.
EFFECTIVE = """
WITH raw_role AS MATERIALIZED (
    SELECT r.id AS role_id, split_part(s, '!', 1) AS base, split_part(split_part(s, '!', 2), '=', 1) AS kind,
           substr(s, nullif(strpos(s, '='), 0) + 1) AS value
      FROM roles r, json_array_elements_text(r.scopes::json) AS s),
role AS MATERIALIZED (
    -- expanded once for each role, not once for each holder
    SELECT DISTINCT role_id, sub AS base, kind, value FROM raw_role JOIN rival_subscopes USING (base)
    UNION ALL SELECT DISTINCT role_id, rival_self.sub, 'user', NULL FROM raw_role, rival_self WHERE raw_role.base = 'self'),
holder AS (
    SELECT m.user_id AS owner, m.role_id FROM user_role_map m JOIN users u ON u.id = m.user_id WHERE {only}
    UNION SELECT m.user_id, g.role_id FROM user_group_map m JOIN group_role_map g USING (group_id) JOIN users u ON u.id = m.user_id WHERE {only}
    UNION SELECT -m.service_id, m.role_id FROM service_role_map m WHERE {services}),
held_all AS (
    SELECT DISTINCT owner, base, kind, CASE WHEN kind = 'user' AND value IS NULL THEN u.name ELSE value END AS value
      FROM holder JOIN role USING (role_id) LEFT JOIN users u ON u.id = owner),
held AS MATERIALIZED (
    SELECT h.*, bool_or(kind = '') OVER (PARTITION BY owner, base) AS open FROM held_all h),
token AS MATERIALIZED (
    SELECT t.id, coalesce(t.user_id, -t.service_id) AS owner, t.client_id, t.scopes, t.scopes LIKE '%%"inherit"%%' AS inherits, u.name
      FROM api_tokens t LEFT JOIN users u ON u.id = t.user_id WHERE ({only} OR (t.user_id IS NULL AND {services}))),
raw_token AS (
    SELECT t.id, t.owner, t.name, split_part(s, '!', 1) AS base, split_part(split_part(s, '!', 2), '=', 1) AS kind,
           CASE WHEN strpos(s, '=') > 0 THEN substr(s, strpos(s, '=') + 1) WHEN s LIKE '%%!user' THEN t.name END AS value
      FROM token t, json_array_elements_text(t.scopes::json) AS s WHERE NOT inherits),
wanted_all AS (
    SELECT id, owner, sub AS base, kind, value FROM raw_token JOIN rival_subscopes USING (base)
     -- as the hub: a server's scope implies nothing about users
     WHERE NOT (kind = 'server' AND sub LIKE 'read:user%%')
    UNION SELECT id, owner, rival_self.sub, 'user', name FROM raw_token, rival_self WHERE raw_token.base = 'self'
    UNION SELECT id, owner, b, 'user', name FROM token, unnest('{{read:users:name,read:users:groups}}'::text[]) AS b WHERE NOT inherits AND owner > 0
    UNION SELECT t.id, t.owner, 'access:services', 'service', s.name FROM token t JOIN services s ON s.oauth_client_id = t.client_id WHERE NOT inherits),
wanted AS MATERIALIZED (
    SELECT w.*, bool_or(kind = '') OVER (PARTITION BY id, base) AS open FROM wanted_all w)
SELECT t.id, h.base, h.kind, h.value FROM token t JOIN held h ON h.owner = t.owner WHERE t.inherits AND (h.kind = '' OR NOT h.open)
UNION
SELECT w.id, w.base, w.kind, w.value FROM wanted w
 WHERE (w.kind = '' OR NOT w.open)
   AND EXISTS (SELECT FROM held h WHERE h.owner = w.owner AND h.base = w.base
                  AND (h.kind = '' OR (h.kind = w.kind AND h.value = w.value)
                       OR (w.kind = 'server' AND h.kind = 'user' AND h.value = split_part(w.value, '/', 1))
                       OR (w.kind IN ('user', 'server') AND h.kind = 'group'
                           AND EXISTS (SELECT FROM user_group_map m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id
                                        WHERE u.name = split_part(w.value, '/', 1) AND g.name = h.value))))
UNION
SELECT w.id, h.base, h.kind, h.value FROM wanted w JOIN held h ON h.owner = w.owner AND h.base = w.base
 WHERE NOT h.open AND (w.kind = ''
       OR (h.kind = 'server' AND w.kind = 'user' AND w.value = split_part(h.value, '/', 1))
       OR (h.kind IN ('user', 'server') AND w.kind = 'group'
           AND EXISTS (SELECT FROM user_group_map m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id
                        WHERE u.name = split_part(h.value, '/', 1) AND g.name = w.value)))
"""


def effective(only="true", services="true"):
    return EFFECTIVE.format(only=only, services=services).replace("%%", "%")


AS_TEXT = """SELECT id, '["' || string_agg(scope, '", "' ORDER BY scope COLLATE "C") || '"]' AS scopes
  FROM (SELECT id, base || CASE WHEN kind = '' THEN '' ELSE '!' || kind || '=' || value END AS scope FROM ({rows}) AS r) AS m GROUP BY id"""


def make(dsn_of, name, users, schema_file, attach=True):
    """A database of that many users, attached if wanted."""
    groups = max(users // 50, 2)
    quiet = {**os.environ, "PGOPTIONS": "--client_min_messages=warning"}
    subprocess.run(["psql", "-Xq", "-c", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "-c", f"CREATE DATABASE {name}",
                    dsn_of("postgres")], check=True, env=quiet)
    subprocess.run(["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null", "-f", str(schema_file),
                    "-c", "CREATE EXTENSION jhub_authz",
                    "-c", POPULATION.format(users=users, groups=groups, staffed=min(groups, 200),
                                            helpers=min(HELPERS, users // 10), helper_role=HELPER_ROLE),
                    "-c", "ANALYZE", "-c", "SELECT jhub_authz.attach()" if attach else "SELECT jhub_authz.use_hub_release('5.5')",
                    "-c", CLOSURE, "-c", "VACUUM ANALYZE", dsn_of(name)], check=True, env=quiet)
