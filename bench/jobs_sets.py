"""Jobs on sets alone: intersect, has_scope, parse and write, storage.

Each side works on a table of its own with the same pairs of sets, in the form
that the side would store.  A statement evaluates an expression for each row,
over and over; what the same statement costs without the expression is taken
off.  Columns are stored plain, so that no side pays for compression.
"""

import json
import statistics

OURS = "jhub_authz"
PAIRS = 64

BASES = [
    "access:servers", "admin:auth_state", "admin:server_state", "admin:servers", "admin:users",
    "delete:servers", "delete:users", "list:users", "read:roles:users", "read:servers",
    "read:shares", "read:tokens", "read:users", "read:users:activity", "read:users:groups",
    "read:users:name", "read:users:shares", "servers", "shares", "start:servers", "tokens",
    "users", "users:activity", "users:shares", "groups",
]  # fmt: skip
OPEN = BASES + [
    "(no_scope)", "admin-ui", "admin:groups", "admin:services", "delete:groups", "list:groups",
    "list:services", "proxy", "read:groups", "read:groups:name", "read:hub", "read:metrics",
    "read:roles", "read:roles:groups", "read:roles:services", "read:services",
    "read:services:name", "shutdown", "access:services", "groups:shares", "read:groups:shares",
]  # fmt: skip


def user(n):
    return f"user{n:05d}"


def two_users(rng):
    """25 bases for each of two users; the sides have one of the users in common."""
    a, b, c = rng.sample(range(99999), 3)
    return ([f"{base}!user={user(n)}" for base in BASES for n in (a, b)],
            [f"{base}!user={user(n)}" for base in BASES for n in (a, c)])


def many_users(rng):
    """One base for 50 users each, half of them in common."""
    users = rng.sample(range(99999), 75)
    return ([f"read:users!user={user(n)}" for n in users[:50]],
            [f"read:users!user={user(n)}" for n in users[25:]])


def users_and_servers(rng):
    """50 users against 50 servers, half of them of those users."""
    users = rng.sample(range(99999), 75)
    return ([f"access:servers!user={user(n)}" for n in users[:50]],
            [f"access:servers!server={user(n)}/lab" for n in users[25:]])


def custom_bases(rng):
    """50 custom scopes for one user, half of them in common."""
    names = rng.sample(range(999), 75)
    who = user(rng.randrange(99999))
    return ([f"custom:tool{n:03d}:read!user={who}" for n in names[:50]],
            [f"custom:tool{n:03d}:read!user={who}" for n in names[25:]])


def mixed(rng):
    """What people hold: bases, users, servers and groups at random, from small pools."""
    people = rng.sample(range(99999), 12)

    def draw():
        found = set()
        while len(found) < 50:
            base, who = rng.choice(BASES), user(rng.choice(people))
            found.add(rng.choice([f"{base}!user={who}", f"{base}!user={who}",
                                  f"{base}!server={who}/", f"{base}!server={who}/lab",
                                  f"{base}!group=group{rng.randrange(6)}"]))
        return list(found)

    return draw(), draw()


def unfiltered(rng):
    return rng.sample(OPEN, 30), rng.sample(OPEN, 30)


SHAPES = [mixed, two_users, many_users, users_and_servers, custom_bases]

# The hub's rules on two arrays of text, as good SQL has them: members of either
# that the other covers, by the same scope, the scope without its filter, or, of
# a server, the same for its owner.
TEXT_RULES = """
CREATE OR REPLACE FUNCTION rival_intersect(a text[], b text[]) RETURNS text[]
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT scope) FROM (
        SELECT scope FROM unnest(a) AS scope
         WHERE ARRAY[scope, split_part(scope, '!', 1),
                     replace(split_part(scope, '/', 1), '!server=', '!user=')] && b
        UNION ALL
        SELECT scope FROM unnest(b) AS scope
         WHERE ARRAY[scope, split_part(scope, '!', 1),
                     replace(split_part(scope, '/', 1), '!server=', '!user=')] && a) AS held
$$"""


class Looped:
    """One side: a table, an expression, and how often it can be afforded."""

    def __init__(self, backend, table, expression, calls):
        self.backend, self.table = backend, table
        self.times = max(calls // backend.value(f"SELECT count(*) FROM {table}"), 1)
        self.calls = self.times * backend.value(f"SELECT count(*) FROM {table}")
        self.full = self.statement(expression)
        self.loop = self.statement("b")

    def statement(self, expression):
        return (f"SELECT count({expression}) FROM generate_series(1, {self.times}) AS g,"
                f" (SELECT * FROM {self.table} OFFSET 0) AS t")

    def __call__(self):
        """Seconds of one evaluation, without the loop."""
        full = self.backend.timed(self.full)
        return max(full - self.backend.timed(self.loop), 0) / self.calls


def table(backend, name, type_a, type_b, rows):
    backend.run(f"DROP TABLE IF EXISTS {name}")
    backend.run(f"CREATE UNLOGGED TABLE {name} (id integer, a {type_a}, b {type_b})")
    for column, kind in (("a", type_a), ("b", type_b)):
        if kind not in ("integer", "bigint"):
            backend.run(f"ALTER TABLE {name} ALTER {column} SET STORAGE PLAIN")
    with backend.connection.cursor() as cursor:
        for i, (a, b) in enumerate(rows):
            cursor.execute(f"INSERT INTO {name} VALUES (%s, %s::text::{type_a}, %s::text::{type_b})",
                           (i, a, b))
    backend.run(f"VACUUM ANALYZE {name}")


def json_text(scopes):
    return json.dumps(sorted(scopes))


def array_text(items):
    """An array as PostgreSQL reads it; no item here holds a quote."""
    return "{" + ",".join(f'"{item}"' for item in items) + "}"


def answers(backend, name, expression, read):
    return [read(row[0]) for row in backend.run(f"SELECT {expression} FROM {name} ORDER BY id")]


def python_side(hub, request, calls):
    """Seconds of one call in the hub's Python, below its cache or above it."""
    def run():
        return hub.ask(request)["seconds"] / calls
    return run


def intersect(b, hub, results, rng, effort):
    b.run(TEXT_RULES)
    for shape in SHAPES:
        pairs = [shape(rng) for _ in range(PAIRS)]
        name = f"1 intersect 50 x 50, {shape.__name__.replace('_', ' ')}"
        ours = f"pairs_{shape.__name__}"
        table(b, ours, f"{OURS}.scopeset", f"{OURS}.scopeset",
              [(json_text(x), json_text(y)) for x, y in pairs])
        expression = f"a OPERATOR({OURS}.&) b"
        got = {"ours": answers(b, ours, f"({expression})::text", str)}
        sides = {"jhub_authz &": Looped(b, ours, expression, 200000 * effort)}

        request = {"job": "intersect", "pairs": pairs, "times": 2 * effort, "memory": False}
        got["hub"] = hub.ask({**request, "times": 0})["answer"]
        sides["JupyterHub's Python, uncached"] = python_side(hub, request, PAIRS * 2 * effort)
        warm = {**request, "times": 20 * effort, "memory": True}
        sides["JupyterHub's Python, cached"] = python_side(hub, warm, PAIRS * 20 * effort)

        arrays = f"text_{shape.__name__}"
        table(b, arrays, "text[]", "text[]",
              [(array_text(sorted(x)), array_text(sorted(y))) for x, y in pairs])
        got["text[]"] = answers(b, arrays, "rival_intersect(a, b)", lambda v: json_text(v or []))
        sides["text[] with the rules in SQL"] = Looped(b, arrays, "rival_intersect(a, b)", 300 * effort)
        if shape in (many_users, two_users, custom_bases):
            exact_sides(b, shape.__name__, pairs, got, sides, effort)
        if results.same(name, got):
            results.measure(name, "ns", sides, bound=("450 ns", 450))


def exact_sides(b, shape, pairs, got, sides, effort):
    """Rivals that know no rules: fair where the answer is the common members."""
    arrays = f"text_{shape}"
    common = "ARRAY(SELECT unnest(a) INTERSECT SELECT unnest(b))"
    got["text[] exact"] = answers(b, arrays, common, json_text)
    sides["text[] INTERSECT, exact only"] = Looped(b, arrays, common, 4000 * effort)

    documents = f"jsonb_{shape}"
    table(b, documents, "jsonb", "jsonb", [(json_text(x), json_text(y)) for x, y in pairs])
    common = "(SELECT jsonb_agg(x) FROM jsonb_array_elements_text(a) AS x WHERE b ? x)"
    got["jsonb"] = answers(b, documents, common, lambda v: json_text(v or []))
    sides["jsonb ?, exact only"] = Looped(b, documents, common, 4000 * effort)

    numbers = {}
    for x, y in pairs:
        for scope in x + y:
            numbers.setdefault(scope, len(numbers) + 1)
    names = {n: scope for scope, n in numbers.items()}
    rows = [(array_text(sorted(numbers[s] for s in x)), array_text(sorted(numbers[s] for s in y)))
            for x, y in pairs]
    table(b, f"int_{shape}", "integer[]", "integer[]", rows)
    back = lambda v: json_text(names[n] for n in v)
    got["intarray"] = answers(b, f"int_{shape}", "a OPERATOR(public.&) b", back)
    sides["intarray &, exact only"] = Looped(b, f"int_{shape}", "a OPERATOR(public.&) b", 100000 * effort)
    got["merge"] = answers(b, f"int_{shape}", "floor.bench_merge(a, b)", back)
    sides["merge of sorted integers in C"] = Looped(b, f"int_{shape}", "floor.bench_merge(a, b)", 100000 * effort)


def intersect_unfiltered(b, hub, results, rng, effort):
    name = "2 intersect unfiltered sets of 30"
    pairs = [unfiltered(rng) for _ in range(PAIRS)]
    order = sorted(OPEN)
    bits = lambda s: "".join("1" if o in s else "0" for o in order).ljust(128, "0")
    table(b, "open_ours", f"{OURS}.scopeset", f"{OURS}.scopeset",
          [(json_text(x), json_text(y)) for x, y in pairs])
    table(b, "open_bits", "bit(128)", "bit(128)", [(bits(x), bits(y)) for x, y in pairs])
    # 104 bytes: what a set of this kind was thought to take
    wide = lambda s: "\\x" + "".join(f"{int(c) * 255:02x}" for c in bits(s)[:104])
    table(b, "open_bytes", "bytea", "bytea", [(wide(x), wide(y)) for x, y in pairs])
    unbits = lambda v: json_text(o for o, c in zip(order, v) if c == "1")
    unbytes = lambda v: json_text(o for o, c in zip(order, bytes(v)) if c)
    ours = f"a OPERATOR({OURS}.&) b"
    got = {
        "ours": answers(b, "open_ours", f"({ours})::text", str),
        "hub": hub.ask({"job": "intersect", "pairs": pairs, "times": 0})["answer"],
        "bit(128)": answers(b, "open_bits", "a & b", unbits),
        "and": answers(b, "open_bytes", "floor.bench_and(a, b)", unbytes),
    }
    sides = {
        "jhub_authz &": Looped(b, "open_ours", ours, 300000 * effort),
        "AND of 104 bytes in C": Looped(b, "open_bytes", "floor.bench_and(a, b)", 300000 * effort),
        "bit(128) &": Looped(b, "open_bits", "a & b", 300000 * effort),
        "JupyterHub's Python, uncached": python_side(
            hub, {"job": "intersect", "pairs": pairs, "times": 10 * effort}, PAIRS * 10 * effort),
        "JupyterHub's Python, cached": python_side(
            hub, {"job": "intersect", "pairs": pairs, "times": 20 * effort, "memory": True}, PAIRS * 20 * effort),
    }
    if results.same(name, got):
        results.measure(name, "ns", sides, bound=("60 ns", 60))


def has_scope(b, hub, results, rng, effort):
    def people():
        return [f"{base}!user={user(n)}" for n in (7, 8) for base in BASES]

    who = user(7)
    shapes = [
        # name, what is held, what is asked, the scopes that would grant it
        ("exact", lambda: rng.sample(OPEN, 45) + ["custom:a:b", "custom:c:d", f"tokens!user={who}"],
         "read:hub", ["read:hub"], 40),
        ("exact, with a filter", people, f"tokens!user={who}", [f"tokens!user={who}", "tokens"], 40),
        ("through a user rule", people, f"access:servers!server={who}/lab",
         [f"access:servers!server={who}/lab", f"access:servers!user={who}", "access:servers"], 100),
    ]
    for kind, make, asked, granting, bound in shapes:
        held = [make() for _ in range(PAIRS)]
        name = f"3 has_scope on 50 scopes, {kind}"
        wanted = [(json_text(h), asked) for h in held]
        table(b, "have_ours", f"{OURS}.scopeset", "text", wanted)
        table(b, "have_text", "text[]", "text", [(array_text(sorted(h)), asked) for h in held])
        table(b, "have_jsonb", "jsonb", "text", wanted)
        ours = f"{OURS}.has_scope(a, '{asked}')"
        anyone = "a && ARRAY[" + ", ".join(f"'{g}'" for g in granting) + "]"
        got = {
            "ours": answers(b, "have_ours", ours, bool),
            "hub": hub.ask({"job": "has_scope", "have": held, "scope": asked, "times": 0})["answer"],
            "text[]": answers(b, "have_text", anyone, bool),
            "jsonb": answers(b, "have_jsonb", anyone.replace("a &&", "a ?|"), bool),
        }
        sides = {
            "jhub_authz has_scope": Looped(b, "have_ours", ours, 300000 * effort),
            "text[] && granting scopes": Looped(b, "have_text", anyone, 20000 * effort),
            "jsonb ?| granting scopes": Looped(b, "have_jsonb", anyone.replace("a &&", "a ?|"), 50000 * effort),
            "JupyterHub's Python, uncached": python_side(
                hub, {"job": "has_scope", "have": held, "scope": asked, "times": 5 * effort},
                PAIRS * 5 * effort),
            "JupyterHub's Python, cached": python_side(
                hub, {"job": "has_scope", "have": held, "scope": asked, "times": 20 * effort, "memory": True},
                PAIRS * 20 * effort),
        }
        if results.same(name, got):
            results.measure(name, "ns", sides, bound=(f"{bound} ns", bound))


def parse_and_write(b, hub, results, rng, effort):
    for kind, shape in (("mixed filters", mixed), ("two users", two_users)):
        texts = [json_text(shape(rng)[0]) for _ in range(PAIRS)]
        table(b, "texts", "text", "text", [(t, t) for t in texts])
        table(b, "sets", f"{OURS}.scopeset", f"{OURS}.scopeset", [(t, t) for t in texts])
        table(b, "documents", "jsonb", "jsonb", [(t, t) for t in texts])
        name = f"4 parse 50 scopes of JSON text, {kind}"
        request = {"job": "parse", "texts": texts, "times": 10 * effort}
        got = {
            "ours": answers(b, "texts", f"b::{OURS}.scopeset::text", str),
            "hub": hub.ask({**request, "times": 0})["answer"],
            "jsonb": [json_text(v) for v in answers(b, "texts", "b::jsonb", list)],
        }
        sides = {
            "jhub_authz text::scopeset": Looped(b, "texts", f"b::{OURS}.scopeset", 10000 * effort),
            "text::json (checks only)": Looped(b, "texts", "b::json", 10000 * effort),
            "text::jsonb": Looped(b, "texts", "b::jsonb", 5000 * effort),
            "Python's json.loads": python_side(hub, request, PAIRS * 10 * effort),
        }
        if results.same(name, got):
            results.measure(name, "us", sides, bound=("2.5 us", 2.5))
        name = f"4 write 50 scopes as JSON text, {kind}"
        request = {"job": "write", "texts": texts, "times": 10 * effort}
        got = {
            "ours": answers(b, "sets", "b::text", str),
            "hub": hub.ask({**request, "times": 0})["answer"],
            "jsonb": [json_text(v) for v in answers(b, "documents", "b", list)],
        }
        sides = {
            "jhub_authz scopeset::text": Looped(b, "sets", "b::text", 10000 * effort),
            "jsonb::text": Looped(b, "documents", "b::text", 5000 * effort),
            "Python's json.dumps": python_side(hub, request, PAIRS * 10 * effort),
        }
        if results.same(name, got):
            results.measure(name, "us", sides, bound=("1.5 us", 1.5))


def storage(b, hub, results, rng, effort):
    """Bytes of a column with 10 scopes, as a row stores it."""
    sets = []
    for _ in range(PAIRS):
        who = user(rng.randrange(99999))
        sets.append([f"{base}!user={who}" for base in rng.sample(BASES, 8)]
                    + ["list:users", f"access:servers!server={who}/lab"])
    name = "9 bytes stored of 10 scopes"
    texts = [json_text(s) for s in sets]
    sizes = {}
    for side, kind in (("jhub_authz scopeset", f"{OURS}.scopeset"), ("JSON text of the hub", "text"),
                       ("jsonb", "jsonb"), ("text[]", "text[]")):
        rows = [array_text(s) for s in sets] if kind == "text[]" else texts
        b.run("DROP TABLE IF EXISTS stored")
        b.run(f"CREATE TABLE stored (s {kind})")
        b.run("ALTER TABLE stored ALTER s SET STORAGE EXTERNAL")
        for row in rows:
            b.run(f"INSERT INTO stored VALUES (%s::text::{kind})", (row,))
        sizes[side] = statistics.median(r[0] for r in b.run("SELECT pg_column_size(s) FROM stored"))
    ours = sizes["jhub_authz scopeset"]
    for side, size in sizes.items():
        results.row(name, side, size, "bytes", size / ours,
                    ("140 bytes", 140) if side == "jhub_authz scopeset" else None)


JOBS = [intersect, intersect_unfiltered, has_scope, parse_and_write, storage]
