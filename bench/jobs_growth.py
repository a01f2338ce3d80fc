"""How cost grows: one quantity at a time, from small to large.

Each curve is a list of points (x, y); plot.py draws them from growth.csv.
"""

import statistics

import population
from jobs_hub import LARGE, OURS
from jobs_sets import BASES, Looped, json_text, table, user


def median(run, rounds=3):
    return statistics.median(run() for _ in range(rounds))


def whole_hub(databases, hub, results, rng, effort):
    """Tokens and users: everything in one statement; and one change decided."""
    sizes = [200, 2000] if databases.quick else [200, 2000, 20000]
    if not databases.small:
        sizes.append(LARGE)
    for users in sizes:
        b = databases.session(users)
        tokens = b.value("SELECT count(*) FROM api_tokens")
        results.point("all_token_scopes()", tokens,
                      median(lambda: b.timed(f"SELECT count(effective) FROM {OURS}.all_token_scopes()")), "s")
        results.point("all_user_scopes()", users,
                      median(lambda: b.timed(f"SELECT count(scopes) FROM {OURS}.all_user_scopes()")), "s")
        name = f"user{users // 2:06d}"
        results.point("user_scopes(), by the hub's users", users,
                      Looped(b, one_row(b), f"{OURS}.user_scopes('{name}')", 300)() * 1e6, "us")
        if users > databases.users:
            databases.drop(users)


def one_row(b):
    table(b, "one_row", "text", "text", [("", "")])
    return "one_row"


def scopes_a_set(databases, hub, results, rng, effort):
    b = databases.session(databases.users)
    for n in (1, 3, 10, 30, 100, 300, 1000, 3000):
        people = [user(i) for i in rng.sample(range(99999), max(n // 4, 2))]

        def draw():
            found = set()
            while len(found) < n:
                base, who = rng.choice(BASES), rng.choice(people)
                found.add(rng.choice([f"{base}!user={who}", f"{base}!server={who}/"]))
            return json_text(found)

        # as constants of the statement: a table would keep the large ones apart
        pairs = [(draw(), draw()) for _ in range(16)]
        grown = "(VALUES " + ", ".join(f"('{x}'::{OURS}.scopeset, '{y}'::{OURS}.scopeset)" for x, y in pairs) + ") AS v (a, b)"
        grown_text = "(VALUES " + ", ".join(f"('{x}'::text, '{y}'::text)" for x, y in pairs) + ") AS v (a, b)"
        calls = max(200000 * effort // n, 64)
        for curve, relation, expression in (
            ("intersect two sets (&)", grown, f"a OPERATOR({OURS}.&) b"),
            ("read a set from JSON text", grown_text, f"b::{OURS}.scopeset"),
            ("write a set as JSON text", grown, "b::text"),
            ("has_scope()", grown, f"{OURS}.has_scope(b, 'tokens!user=nobody')"),
        ):
            # a look-up is short beside the loop around it
            times = max(calls, 20000 * effort) if curve == "has_scope()" else calls
            results.point(curve, n, median(Looped(b, relation, expression, times), 5) * 1e6, "us")


def groups_of_a_user(databases, hub, results, rng, effort):
    """One user in more and more groups, each with a role of its own."""
    b = databases.session(databases.users)
    b.run("INSERT INTO users (id, name, cookie_id) VALUES (900000, 'joiner', 'joiner')")
    done = 0
    for n in (1, 10, 100, 1000):
        b.run(f"""INSERT INTO groups (id, name) SELECT 900000 + i, 'many' || i FROM generate_series({done + 1}, {n}) i;
                  INSERT INTO roles (id, name, scopes, managed_by_auth)
                  SELECT 900000 + i, 'many' || i, '["read:users!group=many' || i || '"]', false FROM generate_series({done + 1}, {n}) i;
                  INSERT INTO group_role_map SELECT 900000 + i, 900000 + i, false FROM generate_series({done + 1}, {n}) i;
                  INSERT INTO user_group_map SELECT 900000, 900000 + i FROM generate_series({done + 1}, {n}) i""")
        done = n
        results.point("user_scopes(), by one's groups", n,
                      median(Looped(b, one_row(b), f"{OURS}.user_scopes('joiner')", 300)) * 1e6, "us")
    b.run("DELETE FROM users WHERE id = 900000; DELETE FROM roles WHERE id > 900000; DELETE FROM groups WHERE id > 900000")


def memberships(databases, hub, results, rng, effort):
    """A group with more and more members is given a role: the decision at commit."""
    b = databases.session(databases.users)
    sizes = [n for n in (1, 10, 100, 1000, 10000) if n <= databases.users]
    b.run("INSERT INTO users (id, name, cookie_id) VALUES (910000, 'member', 'member')")
    for n in sizes:
        b.run(f"""INSERT INTO groups (id, name) VALUES ({910000 + n}, 'large{n}');
                  INSERT INTO user_group_map SELECT i, {910000 + n} FROM generate_series(1, {n}) i""")

        def granted():
            b.run("BEGIN")
            for kind in ("user", "server", "oauth"):
                b.run(f"SELECT {OURS}.set_policy('{kind}', on_growth => 'ignore')")
            b.run("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            taken = b.timed(f"INSERT INTO group_role_map VALUES ({910000 + n}, 301, false)", "SET CONSTRAINTS ALL IMMEDIATE")
            b.run("ROLLBACK")
            return taken

        def joined():
            b.run("BEGIN")
            taken = b.timed(f"INSERT INTO user_group_map VALUES (910000, {910000 + n})",
                            "SET CONSTRAINTS ALL IMMEDIATE")
            b.run("ROLLBACK")
            return taken

        results.point("role for a group, by its members", n, median(granted) * 1e3, "ms")
        results.point("group joined, by its members", n, median(joined) * 1e3, "ms")
    b.run("DELETE FROM groups WHERE id > 910000; DELETE FROM users WHERE id = 910000")


def insertion(databases, hub, results, rng, effort):
    """Tokens in one statement, with their records."""
    b = databases.session(databases.users)
    for n in (1, 10, 100, 1000, 10000) if databases.quick else (1, 10, 100, 1000, 10000, 100000):

        def insert():
            b.run("BEGIN")
            taken = b.timed(f"""INSERT INTO api_tokens (user_id, client_id, created, hashed, prefix, scopes)
                SELECT 1 + i % {databases.users}, 'jupyterhub', now(), 'grown' || i, 'abcd',
                       format('["read:users!user=user%s"]', lpad((1 + i % {databases.users})::text, 6, '0'))
                  FROM generate_series(1, {n}) i""", "SET CONSTRAINTS ALL IMMEDIATE")
            b.run("ROLLBACK")
            return taken

        results.point("tokens in one statement, a token", n, median(insert) / n * 1e6, "us")
    b.run("VACUUM api_tokens")


JOBS = [scopes_a_set, groups_of_a_user, memberships, insertion, whole_hub]
