"""Jobs on a hub's database: effective scopes, growth, writes, search, groups.

Databases are made by population.py; the rivals are the hub's own Python on the
same rows, and plain SQL, whose answers must be the same to the member.
"""

import datetime
import json

import population
from jobs_sets import OURS, Looped, answers, array_text, json_text, python_side, table

USERS = 10000
LARGE = 200000
SAMPLE = 400  # tokens that the hub's Python is asked for; its time is scaled


class Databases:
    """Made when they are first asked for; dsn(name) says how to connect."""

    def __init__(self, dsn, backend, schema_file, quick, small):
        self.dsn, self.backend, self.schema_file = dsn, backend, schema_file
        self.users = USERS // 10 if quick else USERS
        self.quick = quick
        self.small = small
        self.made = {}

    def of(self, users):
        name = f"hub_{users}"
        if name not in self.made:
            population.make(self.dsn, name, users, self.schema_file)
            self.made[name] = True
        return name

    def session(self, users):
        return self.backend(self.dsn(self.of(users)))

    def drop(self, users):
        with_name = f"hub_{users}"
        if self.made.pop(with_name, None):
            self.backend(self.dsn("postgres")).run(f"DROP DATABASE {with_name} WITH (FORCE)")


OURS_ALL = f"SELECT count(effective) FROM {OURS}.all_token_scopes()"


def token_sides(databases, hub, results, users, rng, name, bound, python):
    b = databases.session(users)
    total = b.value("SELECT count(*) FROM api_tokens")
    rows = population.effective()
    ids = sorted(rng.sample([r[0] for r in b.run("SELECT id FROM api_tokens")], min(SAMPLE, total)))
    b.run(f"CREATE TABLE rival_answer AS {population.AS_TEXT.format(rows=rows)}")
    # what no scope is left of has no row there
    b.run(f"""CREATE TABLE our_answer AS SELECT token_id AS id, effective::text AS scopes
              FROM {OURS}.all_token_scopes() WHERE {OURS}.scope_count(effective) > 0""")
    parted = b.run("""SELECT o.id, o.scopes, r.scopes FROM our_answer o FULL JOIN rival_answer r USING (id)
                      WHERE o.scopes IS DISTINCT FROM r.scopes LIMIT 1""")
    good = results.check(f"{name}: plain SQL, all tokens", not parted, str(parted)[:600])
    sides = {"jhub_authz all_token_scopes()": lambda: b.timed(OURS_ALL),
             "plain SQL": lambda: b.timed(f"SELECT count(*) FROM ({rows}) AS r")}
    if python:
        hub.ask({"job": "connect", "url": databases.url(users)})
        got = dict(b.run("SELECT id, scopes FROM our_answer WHERE id = ANY (%s)", (ids,)))
        request = {"job": "tokens", "ids": ids, "memory": True}
        answer = hub.ask(request)["answer"]
        good &= results.same(name, {"ours": [[i, got.get(i, "[]")] for i in ids], "hub": answer})
        for kind, memory in (("uncached", False), ("cached", True)):
            sides[f"JupyterHub's Python, {kind}, from {len(ids)}"] = lambda memory=memory: (
                hub.ask({**request, "memory": memory})["seconds"] * total / len(ids))
    b.run("DROP TABLE rival_answer, our_answer")
    return b, sides, good, total


def all_tokens(databases, hub, results, rng, effort):
    users = databases.users
    name = f"5 effective scopes of {users * 5 // 1000},000 tokens"
    bound = None if databases.quick else ("0.20 s", 0.20)
    b, sides, good, total = token_sides(databases, hub, results, users, rng, name, bound, True)
    if good:
        results.measure(name, "s", sides, bound=bound, rounds=3)
    results.row(name, "memory it takes, at most", databases.session(users).most_memory(OURS_ALL) / 1e6, "MB")


def all_tokens_large(databases, hub, results, rng, effort):
    if databases.small:
        return
    name = "5 effective scopes of 1,000,000 tokens"
    bound = ("4 s", 4.0)
    b, sides, good, total = token_sides(databases, hub, results, LARGE, rng, name, bound, False)
    if good:
        results.measure(name, "s", sides, bound=bound, rounds=1)
    results.row(name, "memory it takes, at most", databases.session(LARGE).most_memory(OURS_ALL) / 1e6, "MB")


def growth(databases, hub, results, rng, effort):
    """One role gains a scope: which tokens can do more than when they were issued?"""
    users = databases.users
    b = databases.session(users)
    holders = b.value(f"SELECT count(*) FROM user_role_map WHERE role_id = {population.HELPER_ROLE}")
    name = f"6 tokens grown by one role, {holders} holders"
    change = f"UPDATE roles SET scopes = left(scopes, -1) || ', \"read:metrics\"]' WHERE id = {population.HELPER_ROLE}"
    only = f"u.id IN (SELECT user_id FROM user_role_map WHERE role_id = {population.HELPER_ROLE})"
    rows = population.effective(only, "false")
    b.run(f"DROP TABLE IF EXISTS rival_baseline; CREATE TABLE rival_baseline AS {population.effective()}")
    b.run("CREATE INDEX ON rival_baseline (id, base)")
    b.run("ANALYZE rival_baseline")
    grown = f"""SELECT DISTINCT r.id FROM ({rows}) AS r WHERE NOT EXISTS (
        SELECT FROM rival_baseline h WHERE h.id = r.id AND h.base = r.base
           AND (h.kind = '' OR (h.kind = r.kind AND h.value = r.value)
                OR (r.kind = 'server' AND h.kind = 'user' AND h.value = split_part(r.value, '/', 1))))"""

    def ours(policy, then=None):
        b.run("BEGIN")
        for kind in ("user", "server", "oauth"):
            b.run(f"SELECT {OURS}.set_policy('{kind}', on_growth => '{policy}')")
        b.run("SET CONSTRAINTS ALL IMMEDIATE")
        b.run("SET CONSTRAINTS ALL DEFERRED")
        taken = b.timed(change, "SET CONSTRAINTS ALL IMMEDIATE")
        found = b.run(then) if then else None
        b.run("ROLLBACK")
        return found if then else taken

    def sql(then=None):
        b.run("BEGIN")
        b.run("SET LOCAL session_replication_role = replica")
        taken = b.timed(change, grown)
        found = b.run(grown) if then else None
        b.run("ROLLBACK")
        return found if then else taken

    revoked = f"""SELECT token_id FROM {OURS}.token_events
                   WHERE txid = pg_current_xact_id() AND action = 'revoked' ORDER BY 1"""
    # the hub keeps no baselines: it gets ours, of some of the holders' tokens
    all_of_them = b.run(f"""SELECT b.token_id, b.baseline::text FROM {OURS}.token_baselines b JOIN api_tokens t ON t.id = b.token_id
                             JOIN user_role_map u ON u.user_id = t.user_id AND u.role_id = {population.HELPER_ROLE}""")
    some = sorted(rng.sample(all_of_them, min(SAMPLE, len(all_of_them))))
    hub.ask({"job": "connect", "url": databases.url(users)})
    request = {"job": "grown", "change": change, "baselines": [[token_id, json.loads(baseline)] for token_id, baseline in some]}
    found = ours("revoke", revoked)
    of_some = [[token_id] for (token_id,) in found if token_id in dict(some)]
    good = results.same(name + ", of some tokens", {"ours": of_some, "hub": [[i] for i in hub.ask(request)["answer"]]})

    def python(memory):
        return lambda: hub.ask({**request, "memory": memory})["seconds"] * len(all_of_them) / len(some)

    if results.same(name, {"ours": found, "SQL": sorted(sql(True))}) and good:
        results.measure(name, "ms", {
            "jhub_authz, the decision": lambda: ours("ignore"),
            "jhub_authz, and all revoked": lambda: ours("revoke"),
            "plain SQL, the decision": sql,
            f"JupyterHub's Python, uncached, from {len(some)}": python(False),
            f"JupyterHub's Python, cached, from {len(some)}": python(True),
        }, bound=None if databases.quick else ("20 ms", 20), rounds=5)


# What a validating trigger costs that somebody writes in an afternoon.
VALIDATE = """
CREATE OR REPLACE FUNCTION rival_validate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.scopes IS NOT NULL AND json_typeof(NEW.scopes::json) <> 'array' THEN
        RAISE EXCEPTION 'scopes must be an array';
    END IF;
    RETURN NEW;
END $$"""


def writes(databases, hub, results, rng, effort):
    """The hub's common writes: what we add to them."""
    users = databases.users
    b = databases.session(users)
    n = 20000 if not databases.quick else 2000
    b.run(VALIDATE)

    def insert(scopes, owner=f"1 + i %% {users}"):
        owner = owner.replace("%%", "%")
        return (f"""INSERT INTO api_tokens (user_id, client_id, created, hashed, prefix, scopes)
            SELECT {owner}, 'jupyterhub', now(), 'bench' || i, 'abcd', {scopes} FROM generate_series(1, {n}) i""")

    kinds = {
        "that inherit": "'[\"inherit\"]'",
        "with two scopes": f"format('[\"read:users!user=user%1$s\", \"tokens!user=user%1$s\"]', lpad((1 + i % {users})::text, 6, '0'))",
    }
    names = [r[0] for r in b.run("SELECT tgname FROM pg_trigger WHERE tgrelid = 'api_tokens'::regclass AND tgname ~ '^jhub_authz'")]
    off = "ALTER TABLE api_tokens " + ", ".join(f"DISABLE TRIGGER {t}" for t in names)
    keys = [r[0] for r in b.run("""SELECT conname FROM pg_constraint WHERE conrelid = 'api_tokens'::regclass
                                   AND contype = 'f' AND confrelid = 'users'::regclass""")]

    def side(scopes, *setup):
        def run():
            b.run("BEGIN")
            for sql in setup:
                b.run(sql)
            taken = b.timed(insert(scopes), "SET CONSTRAINTS ALL IMMEDIATE")
            b.run("ROLLBACK")
            return taken
        return run

    for kind, scopes in kinds.items():
        name = f"7 {n // 1000},000 tokens inserted {kind}, a row"
        found = results.measure(name + ", in all", "us", {
            "with jhub_authz": side(scopes),
            "without": side(scopes, off),
            "without, nor the key to users": side(
                scopes, off, *(f"ALTER TABLE api_tokens DROP CONSTRAINT {k}" for k in keys)),
            "without, a validating plpgsql trigger": side(
                scopes, off, "CREATE TRIGGER v BEFORE INSERT ON api_tokens FOR EACH ROW EXECUTE FUNCTION rival_validate()"),
        }, per=n, rounds=5)
        bare = found["without"]
        added = found["with jhub_authz"] - bare
        for what, figure in (
            ("jhub_authz adds", added),
            ("the foreign key adds", bare - found["without, nor the key to users"]),
            ("the plpgsql trigger adds", found["without, a validating plpgsql trigger"] - bare),
        ):
            results.row(name, what, figure, "us", figure / added if added else None,
                        ("1.6 us", 1.6) if what.startswith("jhub") else None)
        b.run("VACUUM api_tokens")
    single_writes(b, results, users, effort)


def single_writes(b, results, users, effort):
    """Statement by statement, each a transaction, as the hub does it."""
    tables = "api_tokens users user_group_map user_role_map".split()
    names = b.run("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgname ~ '^jhub_authz' AND tgrelid = ANY (%s::regclass[])",
                  (tables,))
    n = 100 * effort

    def triggers(what):
        for relation, trigger in names:
            if what == "DISABLE":
                b.run(f"ALTER TABLE {relation} DISABLE TRIGGER {trigger}")
            else:
                always = "ALWAYS" if "history" in trigger else ""
                b.run(f"ALTER TABLE {relation} ENABLE {always} TRIGGER {trigger}")

    jobs = {
        "last_activity of a token": (
            [f"UPDATE api_tokens SET last_activity = now() WHERE id = {i * 5}" for i in range(1, n)],
            ["VACUUM api_tokens"], ("0.02 ms", 0.02)),
        "login that changes no group": (
            [f"UPDATE users SET last_activity = now() WHERE id = {i}" for i in range(1, n)],
            ["VACUUM users"], None),
        "token made": (
            [f"INSERT INTO api_tokens (user_id, client_id, created, hashed, prefix, scopes)"
             f" VALUES ({i}, 'jupyterhub', now(), 'single{i}', 'abcd', '[\"inherit\"]')" for i in range(1, n)],
            ["DELETE FROM api_tokens WHERE hashed ~ '^single'"], None),
        "group joined": (
            [f"INSERT INTO user_group_map VALUES ({i}, 800001)" for i in range(20, 20 + n)],
            ["DELETE FROM user_group_map WHERE group_id = 800001"], ("0.5 ms", 0.5)),
        "group joined that roles filter by": (
            [f"INSERT INTO user_group_map VALUES ({i}, 2) ON CONFLICT DO NOTHING" for i in range(20, 20 + n)],
            ["DELETE FROM user_group_map m WHERE group_id = 2 AND user_id BETWEEN 20 AND 5000"
             " AND NOT EXISTS (SELECT FROM kept_map k WHERE k.user_id = m.user_id AND k.group_id = 2)"],
            ("0.5 ms", 0.5)),
    }
    b.run("INSERT INTO groups (id, name) VALUES (800001, 'plain') ON CONFLICT DO NOTHING")
    b.run("DROP TABLE IF EXISTS kept_map; CREATE TABLE kept_map AS SELECT * FROM user_group_map")
    for name, (statements, after, bound) in jobs.items():
        def side(attached):
            def run():
                if not attached:
                    triggers("DISABLE")
                b.run(statements[0])
                taken = b.timed(*statements[1:]) / (len(statements) - 1)
                for sql in after:
                    b.run(sql)
                if not attached:
                    triggers("ENABLE")
                return taken
            return run
        found = results.measure(f"7 {name}, in all", "ms", {"with jhub_authz": side(True), "without": side(False)}, rounds=5)
        added = found["with jhub_authz"] - found["without"]
        results.row(f"7 {name}", "jhub_authz adds", added, "ms", None, bound)


def search(databases, hub, results, rng, effort):
    """Which of many sets hold a scope: by index, and one after the other."""
    b = databases.session(databases.users)
    rows = 1000000 if not databases.quick else 20000
    b.run("DROP TABLE IF EXISTS found_set, found_hash, found_text")
    b.run(f"""CREATE TABLE found_text AS SELECT i AS id, ARRAY['read:users!user=u' || i % 100000, 'access:servers!server=u' || i % 100000 || '/',
              'tokens!user=u' || i % 100000, 'users:activity!user=u' || i % 100000, 'read:users:groups!user=u' || i % 100000]
              || CASE WHEN i % 200 = 7 THEN '{{read:hub}}'::text[] ELSE '{{}}' END
              || CASE WHEN i % 3 = 0 THEN ARRAY['list:users!group=g' || i % 500] ELSE '{{}}' END AS scopes FROM generate_series(1, {rows}) i""")
    b.run(f"CREATE TABLE found_set AS SELECT id, scopes::{OURS}.scopeset FROM found_text")
    b.run("CREATE TABLE found_hash AS TABLE found_set")
    b.run("CREATE INDEX found_set_gin ON found_set USING gin (scopes)")
    b.run(f"CREATE INDEX found_hash_gin ON found_hash USING gin (scopes {OURS}.scopeset_hash_ops)")
    b.run("CREATE INDEX found_text_gin ON found_text USING gin (scopes)")
    b.run("VACUUM ANALYZE found_set, found_hash, found_text")
    who = rng.randrange(1000)
    for kind, ours, function, theirs in (
        ("without a filter", "scopes OPERATOR(jhub_authz.@>) 'read:hub'", f"{OURS}.has_scope(scopes, 'read:hub')",
         "scopes && '{read:hub}'"),
        ("of a server", f"scopes OPERATOR(jhub_authz.@>) 'access:servers!server=u{who}/'",
         f"{OURS}.has_scope(scopes, 'access:servers!server=u{who}/')",
         f"scopes && '{{access:servers!server=u{who}/,access:servers!user=u{who},access:servers}}'"),
    ):
        count = lambda relation, condition: b.value(f"SELECT count(*) FROM {relation} WHERE {condition}")
        name = f"8 which of {rows:,} hold a scope {kind}"
        b.run("SET enable_seqscan = off")
        by_hash = count("found_hash", ours), count("found_hash", function)
        b.run("RESET enable_seqscan")
        if not results.same(name, {"operator": count("found_set", ours), "text[]": count("found_text", theirs),
                                   "function": count("found_set", function), "operator, by hash": by_hash[0],
                                   "function, by hash": by_hash[1]}):
            continue
        sides = {side: lambda sql=f"SELECT count(*) FROM {relation} WHERE {condition}": b.timed(sql)
                 for side, relation, condition in (("jhub_authz @>", "found_set", ours),
                                                   ("jhub_authz has_scope()", "found_set", function),
                                                   ("text[] &&", "found_text", theirs))}
        b.run("SET enable_seqscan = off")
        hashed = {f"{side}, scopeset_hash_ops": lambda sql=f"SELECT count(*) FROM found_hash WHERE {condition}": b.timed(sql)
                  for side, condition in (("jhub_authz @>", ours), ("jhub_authz has_scope()", function))}
        results.measure(name + ", by GIN", "ms", {**sides, **hashed}, bound=("7 ms", 7))
        b.run("RESET enable_seqscan")
        b.run("SET enable_bitmapscan = off")
        results.measure(name + ", sequentially", "ms", sides, bound=None if databases.quick else ("100 ms", 100), rounds=3)
        b.run("RESET enable_bitmapscan")
    sizes = {side: b.value("SELECT pg_relation_size(%s::regclass)", (index,)) / 2**20
             for side, index in (("jhub_authz, scopeset_hash_ops", "found_hash_gin"), ("jhub_authz", "found_set_gin"),
                                 ("text[]", "found_text_gin"))}
    for side, size in sizes.items():
        results.row(f"8 GIN index on {rows:,} sets", side, size, "MB", size / sizes["jhub_authz, scopeset_hash_ops"],
                    ("42 MB", 42) if side.endswith("hash_ops") else None)
    b.run("DROP TABLE found_set, found_hash, found_text")


def group_aware(databases, hub, results, rng, effort):
    """50 users against 50 groups, of which each user may be in some."""
    users = databases.users
    b = databases.session(users)
    groups = [r[0] for r in b.run("SELECT name FROM groups ORDER BY id")]
    pairs = []
    for _ in range(4):
        pairs.append(([f"read:users!user=user{n:06d}" for n in rng.sample(range(1, users), 50)],
                      [f"read:users!group={g}" for g in rng.sample(groups, min(50, len(groups)))]))
    name = f"10 intersect 50 users x {min(50, len(groups))} groups"
    table(b, "grouped", f"{OURS}.scopeset", f"{OURS}.scopeset", [(json_text(x), json_text(y)) for x, y in pairs])
    ours = f"{OURS}.intersect_scopes(a, b)"
    sql = """ARRAY(SELECT DISTINCT a.scope FROM unnest(a) AS a (scope), users u, user_group_map m, groups g
              WHERE u.name = split_part(a.scope, '=', 2) AND m.user_id = u.id AND g.id = m.group_id
                AND 'read:users!group=' || g.name = ANY (b))"""
    table(b, "grouped_text", "text[]", "text[]", [(array_text(x), array_text(y)) for x, y in pairs])
    hub.ask({"job": "connect", "url": databases.url(users)})
    request = {"job": "intersect", "pairs": pairs, "times": 1, "groups": True}
    got = {"ours": answers(b, "grouped", f"{ours}::text", str), "SQL": answers(b, "grouped_text", sql, json_text),
           "hub": hub.ask({**request, "times": 0})["answer"]}
    if results.same(name, got):
        results.measure(name, "us", {
            "jhub_authz intersect_scopes": Looped(b, "grouped", ours, 1000 * effort),
            "plain SQL on text[]": Looped(b, "grouped_text", sql, 200 * effort),
            "JupyterHub's Python, 50 queries": python_side(hub, request, len(pairs)),
        }, bound=("50 us", 50))


# As the hub tells a server's process, and as Jupyter Server's convention has it.
ACCESS = ("access:servers!server={who}/", "access:servers!user={who}")
REQUIRED = tuple(f"custom:jupyter_server:read:{resource}{narrow}" for resource in ("contents", "*")
                 for narrow in ("!server={who}/", "!user={who}"))


def request_cases(rng, users):
    """Requests to servers: who sends them holds 20 scopes, and mostly what it needs."""
    cases = []
    for n in rng.sample(range(1, users), 64):
        who, other = f"user{n:06d}", f"user{rng.randrange(1, users):06d}"
        have = {f"read:users:name!user=user{m:06d}" for m in rng.sample(range(1, users), 20)}
        have.add(rng.choice([f"access:servers!user={who}", f"access:servers!server={who}/", "access:servers",
                             f"access:servers!server={other}/"]))
        have.add(rng.choice(["custom:jupyter_server:read:contents", f"custom:jupyter_server:read:contents!user={who}",
                             "custom:jupyter_server:read:*", f"custom:jupyter_server:read:contents!server={other}/",
                             "custom:jupyter_server:read:kernels"]))
        cases.append({"who": who, "have": sorted(have), "access": [scope.format(who=who) for scope in ACCESS],
                      "required": [scope.format(who=who) for scope in REQUIRED]})
    return cases


def requests(databases, hub, results, rng, effort):
    """What every request to a server asks, a million times, of sets that are there."""
    b = databases.session(databases.users)
    n = 1000000 if not databases.quick else 100000
    cases = request_cases(rng, databases.users)
    call = f"{OURS}.authorize(a, b, '', 'read', 'contents')"
    table(b, "requests", f"{OURS}.scopeset", "text", [(json_text(c["have"]), c["who"]) for c in cases])
    name = f"authorize, a call of {n:,}"
    request = {"job": "authorize", "cases": cases, "times": 2 * effort}
    answer = answers(b, "requests", call, bool)
    good = results.same(name, {"ours": answer, "hub": hub.ask({**request, "times": 0})["answer"]})
    good &= results.check(f"{name}: some are refused and some are not", 10 < sum(answer) < 54, str(sum(answer)))
    if good:
        warm = {**request, "times": 20 * effort, "memory": True}
        # one check through a rule of users or servers, and one that is exact
        results.measure(name, "ns", {
            "jhub_authz authorize()": Looped(b, "requests", call, n),
            "jhub_authz has_scope() alone": Looped(b, "requests", f"{OURS}.has_scope(a, 'access:servers!server=user000007/')", n),
            "JupyterHub's check_scopes, twice, uncached": python_side(hub, request, len(cases) * 2 * effort),
            "JupyterHub's check_scopes, twice, cached": python_side(hub, warm, len(cases) * 20 * effort),
        }, bound=("140 ns", 140))
    b.run("DROP TABLE requests")


# The columns of api_users for one who may see everything, set-at-a-time.
EVERY_USER = """
SELECT u.name, 'user' AS kind, u.admin, coalesce(r.roles, '{}') AS roles, coalesce(g.groups, '{}') AS groups,
       NULL::text AS server, NULL::text AS pending, u.created AT TIME ZONE 'UTC' AS created,
       u.last_activity AT TIME ZONE 'UTC' AS last_activity, NULL::jsonb AS user_info, '{}'::jsonb AS servers, NULL::jsonb AS auth_state
  FROM users u
  LEFT JOIN (SELECT m.user_id, array_agg(r.name::text ORDER BY r.id) AS roles FROM user_role_map m JOIN roles r ON r.id = m.role_id GROUP BY 1) r ON r.user_id = u.id
  LEFT JOIN (SELECT m.user_id, array_agg(g.name::text ORDER BY g.id) AS groups FROM user_group_map m JOIN groups g ON g.id = m.group_id GROUP BY 1) g ON g.user_id = u.id"""


def user_models(columns, rows):
    """Rows as the hub's models, in order of name; lists of names in order."""
    models = []
    for row in rows:
        model = {name: value for name, value in zip(columns, row) if name != "user_info"}
        for time in ("created", "last_activity"):
            if model[time] is not None:
                model[time] = model[time].astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat() + "Z"
        models.append({**model, "roles": sorted(model["roles"]), "groups": sorted(model["groups"])})
    return sorted(models, key=lambda model: model["name"])


def listing(databases, hub, results, rng, effort):
    """GET /users: every user as an admin's token sees them."""
    users = databases.users
    b = databases.session(users)
    name = f"{users:,} rows through api_users"
    columns = "name kind admin roles groups server pending created last_activity user_info servers auth_state".split()
    ours = f"SELECT {', '.join(columns)} FROM {OURS}.api_users"
    token_id, clear = b.run(f"SELECT token_id, token FROM {OURS}.issue_token('user', 'user000001', 'inherit')")[0]
    hub.ask({"job": "connect", "url": databases.url(users)})
    request = {"job": "users", "token": token_id, "memory": True}

    def as_token(run):
        b.run("BEGIN")
        b.run(f"SELECT {OURS}.act_as(%s)", (clear,))
        found = run(ours)
        b.run("COMMIT")
        return found

    theirs = sorted(hub.ask(request)["answer"], key=lambda model: model["name"])
    theirs = [{**model, "roles": sorted(model["roles"]), "groups": sorted(model["groups"])} for model in theirs]
    if results.same(name, {"ours": user_models(columns, as_token(b.run)), "hub": theirs,
                           "SQL": user_models(columns, b.run(EVERY_USER))}):
        # so much is granted to all tokens of such a hub
        results.measure(name, "ms", {
            "jhub_authz api_users, as an admin's token": lambda: as_token(b.timed),
            "plain SQL that checks nothing": lambda: b.timed(EVERY_USER),
            "JupyterHub's Python, cached": lambda: hub.ask(request)["seconds"],
        }, bound=None if databases.quick else ("200 ms", 200), rounds=3)
    b.run("DELETE FROM api_tokens WHERE id = %s", (token_id,))


JOBS = [all_tokens, growth, writes, search, group_aware, requests, listing, all_tokens_large]
