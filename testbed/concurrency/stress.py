"""Several sessions change everything at once; then the real hub is asked.

Called by ../stress, with a Python that has jupyterhub, and with ../../interop in
its path: the hub makes the tables and a random population (interop/oracle).
Sessions make random transactions, at random isolation levels, with savepoints,
prepared transactions, constraints made immediate, rollbacks, timeouts, cancels
and backends that are terminated.  It goes in rounds.  After each, all sessions
are at rest, and

* every live token's effective scopes, as jupyterhub itself computes them, must
  be covered, by jupyterhub's own intersection, by the baseline that is stored;
* baselines, events and tokens must agree (violations.sql).

In a round of kind "hub" only what a hub does is done: nothing that makes a
decision about everyone, which would also find what was missed before.
"""

import argparse
import collections
import json
import os
import random
import sys
import threading
import time
from pathlib import Path

import psycopg2

from oracle import database as db
from oracle.hub import Hub, Skip
from oracle.population import ODD, SERVERS, SERVICES, USERS, populate
from jupyterhub import scopes

HERE = Path(__file__).resolve().parent
LEVELS = ["READ COMMITTED"] * 4 + ["REPEATABLE READ"] * 2 + ["SERIALIZABLE"] * 2

EXPECTED = {
    "00000": "committed",
    "rolled back": "by the session itself",
    "40001": "serialization failure (never at READ COMMITTED)",
    "40P01": "deadlock",
    "55P03": "a lock did not come in time",
    "57014": "cancelled, or its statement's time was up",
    "57P01": "terminated",
    "23505": "another made the same row",
    "23503": "another took the row away",
    "42704": "a scope that does not exist",
    "55000": "no hub attached, mode off, or the token is revoked",
    "2BP01": "the scope is in use",
    "22023": "a redefinition that is none",
    "42501": "vetoed by policy",
}


class Worker(threading.Thread):
    """One session.  The hub's own role, or, with admin, the extension's owner."""

    def __init__(self, stress, number, seconds, kinds, admin):
        super().__init__(daemon=True)
        self.stress = stress
        self.rng = random.Random(f"{stress.seed} {stress.round} {number}")
        self.gid = f"{stress.name}_{stress.round}_{number}"
        self.until = time.monotonic() + seconds
        self.kinds = kinds
        self.admin = admin
        self.ends = collections.Counter()
        self.done = collections.Counter()
        self.unexpected = []
        self.connection = None
        self.pid = None
        self.prepared = 0

    def connect(self):
        user = "" if self.admin else f" user={db.HUB_ROLE}"
        self.connection = psycopg2.connect(f"dbname={self.stress.name}{user}")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET client_min_messages = error")
        self.pid = self.connection.get_backend_pid()

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.transaction()
        except Exception as error:  # a defect of this program, or of the server
            self.unexpected.append(f"session ended: {error!r}")
        finally:
            self.pid = None
            if self.connection is not None:
                self.connection.close()

    def transaction(self):
        if self.connection is None or self.connection.closed:
            self.connect()
        level = self.rng.choice(LEVELS)
        self.steps = []
        try:
            end = self.attempt(level)
        except psycopg2.Error as error:
            end = error.pgcode or ("57P01" if self.connection.closed else "unknown")
            if end not in EXPECTED or (end == "40001" and level == "READ COMMITTED"):
                self.unexpected.append(
                    f"{level}: {end} {str(error).strip()}\n      after " + "; ".join(self.steps[-6:])
                )
            self.back()
        self.ends[level, end] += 1

    def back(self):
        try:
            if not self.connection.closed:
                self.cursor.execute("ROLLBACK")
        except psycopg2.Error:
            self.connection.close()

    def do(self, sql, *arguments):
        text = self.cursor.mogrify(sql, arguments).decode()
        self.steps.append(text)
        self.cursor.execute(text)

    def attempt(self, level):
        rng = self.rng
        self.do(f"BEGIN ISOLATION LEVEL {level}")
        if rng.random() < 0.1:
            self.do(f"SET LOCAL statement_timeout = '{rng.choice([1, 2, 5, 20])}ms'")
        if rng.random() < 0.1:
            self.do(f"SET LOCAL lock_timeout = '{rng.choice([1, 20])}ms'")
        for _ in range(rng.choice([1, 1, 1, 2, 3, 5])):
            if rng.random() < 0.2:
                self.subtransaction()
            else:
                self.change()
            if rng.random() < 0.1:
                self.do("SET CONSTRAINTS ALL IMMEDIATE")
                if rng.random() < 0.5:
                    self.do("SET CONSTRAINTS ALL DEFERRED")
            if rng.random() < 0.1:
                time.sleep(rng.random() * 0.05)
        draw = rng.random()
        if draw < 0.1:
            self.do("ROLLBACK")
            return "rolled back"
        if draw < 0.15:
            self.prepared += 1
            gid = f"{self.gid}_{self.prepared}"
            self.do(f"PREPARE TRANSACTION '{gid}'")
            time.sleep(rng.random() * 0.01)
            self.do(f"{rng.choice(['COMMIT', 'COMMIT', 'ROLLBACK'])} PREPARED '{gid}'")
            return "00000"
        self.do("COMMIT")
        return "00000"

    def subtransaction(self):
        """A savepoint, rolled back or kept; an error ends only it."""
        self.do("SAVEPOINT s")
        try:
            self.change()
            if self.rng.random() < 0.3:
                self.do("SET CONSTRAINTS ALL IMMEDIATE")
            if self.rng.random() < 0.5:
                self.do("ROLLBACK TO s")
                self.change()
        except psycopg2.Error as error:
            if self.connection.closed or error.pgcode not in EXPECTED:
                raise
            self.do("ROLLBACK TO s")
        self.do("RELEASE s")

    # ---- changes ----

    def change(self):
        name = self.rng.choices(list(self.kinds), list(self.kinds.values()))[0]
        self.done[name] += 1
        getattr(self, name)()

    def one(self, table, column="id", where=""):
        """Some row's id, as this transaction sees the table."""
        self.cursor.execute(f"SELECT {column} FROM {table} {where} ORDER BY random() LIMIT 1")
        row = self.cursor.fetchone()
        return row[0] if row else None

    def scopes(self, most=3):
        pool = self.stress.pool
        return json.dumps(self.rng.sample(pool, self.rng.randint(1, most)))

    def definition_of_role(self):
        """Of every fourth one member is no scope, as a hub may store it."""
        members = json.loads(self.scopes(5))
        if self.rng.random() < 0.25:
            members.insert(self.rng.randint(0, len(members)), self.rng.choice(ODD))
        return json.dumps(members)

    def issue(self):
        scopes = self.rng.choice(['["inherit"]', '["inherit"]', self.scopes(), None])
        owner = self.rng.choice(["user_id", "user_id", "user_id", "service_id"])
        client = "jupyterhub" if self.rng.random() < 0.7 else self.one("oauth_clients", "identifier")
        self.do(
            f"INSERT INTO api_tokens ({owner}, client_id, created, note, prefix, hashed, scopes)"
            " VALUES (%s, %s, clock_timestamp() AT TIME ZONE 'UTC', %s, 'abcd', gen_random_uuid()::text, %s)",
            self.one("users" if owner == "user_id" else "services"),
            client, self.rng.choice(["", "Server at /user/x/"]), scopes,
        )

    def map_row(self, what):
        table = f"{what}_role_map"
        managed = ", managed_by_auth" if self.stress.managed else ""
        if self.rng.random() < 0.55:
            self.do(
                f"INSERT INTO {table} ({what}_id, role_id{managed}) VALUES (%s, %s{', false' if managed else ''})"
                " ON CONFLICT DO NOTHING",
                self.one(what + "s"), self.one("roles", where="WHERE name NOT IN ('admin')"),
            )
        else:
            self.do(
                f"DELETE FROM {table} WHERE ctid = (SELECT ctid FROM {table}"
                " WHERE role_id <> (SELECT id FROM roles WHERE name = 'user') ORDER BY random() LIMIT 1)"
            )

    def user_role(self):
        self.map_row("user")

    def group_role(self):
        self.map_row("group")

    def service_role(self):
        self.map_row("service")

    def definition(self):
        self.do(
            "UPDATE roles SET scopes = %s WHERE id = %s",
            self.definition_of_role(),
            self.one("roles", where="WHERE name NOT IN ('user', 'admin', 'server', 'token')"),
        )

    def membership(self):
        if self.rng.random() < 0.55:
            self.do(
                "INSERT INTO user_group_map (user_id, group_id) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                self.one("users"), self.one("groups"),
            )
        else:
            self.do(
                "DELETE FROM user_group_map WHERE ctid ="
                " (SELECT ctid FROM user_group_map ORDER BY random() LIMIT 1)"
            )

    def share(self):
        if not self.stress.shares:
            return self.membership()
        if self.rng.random() < 0.4:
            return self.do("DELETE FROM shares WHERE id = %s", self.one("shares"))
        spawner = self.one("spawners")
        self.do(
            f"INSERT INTO shares (owner_id, spawner_id, {self.rng.choice(['user_id', 'user_id', 'group_id'])}, created_at, scopes)"
            " SELECT s.user_id, s.id, %s, now(), json_build_array(%s || '!server=' || u.name || '/' || s.name)"
            " FROM spawners s JOIN users u ON u.id = s.user_id WHERE s.id = %s",
            self.one("users"), self.rng.choice(["access:servers", "servers", "read:servers"]), spawner,
        )

    def rename(self):
        table, names = self.rng.choice(
            [("users", USERS), ("users", USERS), ("services", SERVICES), ("spawners", SERVERS), ("groups", None)]
        )
        if names is None:
            names = self.stress.groups
        name = self.rng.choice(names + [f"name {self.rng.randrange(10)}"])
        self.do(f"UPDATE {table} SET name = %s WHERE id = %s", name, self.one(table))

    def swap_names(self):
        """Two users' names, changed for each other."""
        a, b = self.one("users"), self.one("users")
        self.cursor.execute("SELECT name FROM users WHERE id IN (%s, %s) ORDER BY id", (a, b))
        names = [row[0] for row in self.cursor.fetchall()]
        if len(names) < 2:
            return
        a, b = sorted((a, b))
        self.do("UPDATE users SET name = %s WHERE id = %s", f"{names[0]} {self.gid}", a)
        self.do("UPDATE users SET name = %s WHERE id = %s", names[0], b)
        self.do("UPDATE users SET name = %s WHERE id = %s", names[1], a)

    def token_row(self):
        draw = self.rng.random()
        token = self.one("api_tokens")
        if draw < 0.3:
            self.do("UPDATE api_tokens SET scopes = %s WHERE id = %s", self.scopes(), token)
        elif draw < 0.4:
            self.do("UPDATE api_tokens SET user_id = %s, service_id = NULL WHERE id = %s", self.one("users"), token)
        elif draw < 0.5:
            self.do("UPDATE api_tokens SET client_id = %s WHERE id = %s", self.one("oauth_clients", "identifier"), token)
        elif draw < 0.6:
            self.do("UPDATE api_tokens SET expires_at = NULL WHERE id = %s", token)
        elif draw < 0.8:
            self.do("UPDATE api_tokens SET last_activity = now() WHERE user_id = %s", self.one("users"))
        else:
            self.do("DELETE FROM api_tokens WHERE id = %s", token)

    def people(self):
        """A user comes, with the role that everyone has, or goes."""
        if self.rng.random() < 0.5:
            managed = ", managed_by_auth" if self.stress.managed else ""
            self.do(
                "WITH u AS (INSERT INTO users (name, admin, cookie_id) VALUES (%s, false, gen_random_uuid()::text) RETURNING id)"
                f" INSERT INTO user_role_map (user_id, role_id{managed}) SELECT u.id, r.id{', false' if managed else ''}"
                " FROM u, roles r WHERE r.name = 'user'",
                self.rng.choice(USERS + [f"name {self.rng.randrange(30)}"]),
            )
        else:
            self.do("DELETE FROM users WHERE id = %s AND (SELECT count(*) FROM users) > 12", self.one("users"))

    def server(self):
        """An OAuth client comes to stand for another server."""
        self.do(
            "UPDATE spawners SET oauth_client_id = %s WHERE id = %s",
            self.rng.choice([None, self.one("oauth_clients", "identifier", "WHERE identifier LIKE 'user-client%'")]),
            self.one("spawners"),
        )

    # ---- of the extension ----

    def custom(self):
        document = self.stress.document
        names = sorted(document)
        index = self.rng.randrange(len(names))
        later = names[index + 1 :]
        chosen = dict(description="changed")
        if later:
            chosen["subscopes"] = self.rng.sample(later, self.rng.randint(0, min(2, len(later))))
        self.do("SELECT jhub_authz.replace_scopes(%s)", json.dumps({names[index]: chosen}))

    def release(self):
        # none that is newer than the hub: it fails on scopes that it does not know
        known = [r for r in ("2.3", "3.1", "4.1", "5.5", "6.0") if float(r) <= float(self.stress.release)]
        self.do("SELECT jhub_authz.use_hub_release(%s)", self.rng.choice(known))

    def mode(self):
        self.do("SELECT jhub_authz.set_mode(%s)", self.rng.choice(["off", "observe", "enforce", "enforce"]))

    def attachment(self):
        if self.rng.random() < 0.3:
            self.do("SELECT jhub_authz.detach()")
        else:
            self.do("SELECT CASE WHEN current_setting('transaction_isolation') = 'read committed' THEN jhub_authz.attach() END")

    def accept(self):
        self.do("SELECT jhub_authz.rebase(%s, 'stress')", self.one("api_tokens"))

    def policy(self):
        self.do(
            "SELECT jhub_authz.set_policy(%s, on_growth => %s)",
            self.rng.choice(["user", "oauth", "server"]), self.rng.choice(["revoke", "revoke", "veto"]),
        )

    def reinstate(self):
        self.do("SELECT jhub_authz.reinstate_token(%s, 'stress')", self.one("api_tokens"))

    def revoke(self):
        self.do("SELECT jhub_authz.revoke_token(%s, 'stress')", self.one("api_tokens"))


HUB_KINDS = {
    "issue": 20, "user_role": 14, "group_role": 6, "service_role": 6, "definition": 8,
    "membership": 12, "share": 8, "rename": 6, "swap_names": 1, "token_row": 12, "people": 3, "server": 3,
}
ADMIN_KINDS = {"custom": 3, "release": 2, "mode": 4, "attachment": 2, "accept": 4, "revoke": 2, "policy": 2}


class Stress:
    def __init__(self, chosen):
        self.seed = chosen.seed
        self.name = f"stress_{chosen.seed}"
        self.sessions = chosen.sessions
        self.round = 0
        self.problems = []
        self.ends = collections.Counter()
        self.done = collections.Counter()
        self.compared = self.skipped = self.revoked = 0
        self.plain_scopes = dict(scopes.scope_definitions)
        self.database = db.Database(self.name)
        self.hub = Hub(self.database.hub_url)
        self.document = populate(self.hub, chosen.seed)
        self.release = db.same_revision(Hub.version)
        self.groups = self.hub.names("group")
        self.prepare()

    def prepare(self):
        self.hub.fresh()
        self.hub.db.close()
        self.database.connect()
        ask = self.database.rows
        ask("CREATE EXTENSION jhub_authz")
        ask((HERE / "violations.sql").read_text())
        ask("SELECT define_scopes(%s)", json.dumps(self.document))
        ask("SELECT attach()")
        ask("SELECT use_hub_release(%s)", self.release)
        # by default what a service's token inherits is no growth
        ask("SELECT set_policy('service', inherit => 'guard')")
        ask("SELECT set_option('lock_timeout', '500ms')")
        # of two servers with one client the hub takes whichever comes first
        ask("CREATE UNIQUE INDEX ON public.spawners (oauth_client_id)")
        self.admin_kinds = dict(ADMIN_KINDS)
        if self.database.value("SELECT to_regproc('jhub_authz.reinstate_token') IS NOT NULL"):
            self.admin_kinds["reinstate"] = 2
        columns = ask(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        )
        self.managed = ("user_role_map", "managed_by_auth") in columns
        self.shares = ("shares", "id") in columns
        texts = ask(
            "SELECT DISTINCT scope FROM (SELECT scopes FROM public.roles UNION ALL SELECT scopes FROM public.api_tokens) AS s (scopes),"
            " json_array_elements_text(scopes::json) AS scope WHERE scopes IS NOT NULL ORDER BY 1"
        )
        self.pool = [text for (text,) in texts]

    def play(self, seconds, kind):
        """One round: sessions work, and are disturbed."""
        self.round += 1
        hub = dict(HUB_KINDS)
        workers = [
            Worker(
                self, n, seconds,
                {**hub, **self.admin_kinds} if kind == "all" and n == 0 else hub, n == 0,
            )
            for n in range(self.sessions)
        ]
        rng = random.Random(f"{self.seed} {self.round} disturber")
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            time.sleep(0.05 + rng.random() * 0.2)
            pid = rng.choice(workers).pid
            if pid is not None:
                self.database.rows(
                    f"SELECT pg_{rng.choice(['cancel', 'cancel', 'cancel', 'terminate'])}_backend(%s)", pid
                )
        for worker in workers:
            worker.join()
            self.ends.update(worker.ends)
            self.done.update(worker.done)
            for text in worker.unexpected:
                self.problem(f"an error that may not come: {text}")
        self.calm()
        # left by a session that was ended between the two commands
        for (gid,) in self.database.rows("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()"):
            self.database.rows(f"{rng.choice(['COMMIT', 'ROLLBACK'])} PREPARED '{gid}'")
        if kind == "all":
            self.settle()

    def calm(self):
        """A session that was ended may still be undoing what it did, and hold its locks."""
        until = time.monotonic() + 60
        while time.monotonic() < until and self.database.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend' AND state IS DISTINCT FROM 'idle'"
        ):
            time.sleep(0.02)

    def ask(self, *question):
        """As an administrator does: once more if a lock did not come in time, as where autovacuum holds it."""
        for last in [False] * 20 + [True]:
            try:
                return self.database.value(*question)
            except psycopg2.Error as error:
                if last or error.pgcode not in ("55P03", "40P01"):
                    raise

    def settle(self):
        """Attached, switched on, at the hub's release: only what is not so already."""
        ask = self.ask
        for kind in ("user", "oauth", "server"):
            ask("SELECT set_policy(%s, on_growth => 'revoke')", kind)
        if ask("SELECT hub_schema IS NULL FROM attachment"):
            ask("SELECT attach()")
        if ask("SELECT mode <> 'enforce' FROM attachment"):
            ask("SELECT set_mode('enforce')")
        if ask("SELECT pinned_release IS DISTINCT FROM %s FROM attachment", self.release):
            ask("SELECT use_hub_release(%s)", self.release)

    def problem(self, text):
        self.problems.append(text)
        if len(self.problems) <= 20:
            print(f"WRONG in round {self.round}: {text}", flush=True)

    def check(self):
        for what, token, detail in self.database.rows("SELECT * FROM audit.violations()"):
            self.problem(f"{what}: token {token}, {detail}")
        scopes.scope_definitions.clear()
        scopes.scope_definitions.update(self.plain_scopes)
        # a hub defines its scopes once, and remembers what they expand to
        for function in vars(scopes).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()
        scopes.define_custom_scopes(
            {
                name: {"description": description, "subscopes": below}
                for name, description, below in self.database.rows(
                    "SELECT name, description, subscopes FROM custom_scopes"
                )
            }
        )
        baselines = {
            token: None if baseline is None else frozenset(json.loads(baseline))
            for token, baseline in self.database.rows("SELECT token_id, baseline::text FROM token_baselines")
        }
        live = self.database.rows(
            "SELECT id FROM public.api_tokens WHERE expires_at IS NULL OR expires_at > now() AT TIME ZONE 'UTC'"
        )
        live = {token for (token,) in live}
        self.hub.fresh()
        for token in self.hub.tokens():
            if token.id not in live:
                continue
            try:
                self.compare(token, baselines)
                self.compared += 1
            except Skip:
                self.skipped += 1
        self.hub.db.close()
        # what the hub's hourly purge does; and not too many tokens in the long run
        self.database.rows(
            "DELETE FROM public.api_tokens WHERE id <= (SELECT max(id) - 400 FROM public.api_tokens)"
            " OR expires_at < now() AT TIME ZONE 'UTC' AND random() < 0.5"
        )

    def compare(self, token, baselines):
        if token.id not in baselines:
            return self.problem(f"token {token.id} is live and has no baseline")
        effective, _ = self.hub.token_scopes(token)
        baseline = baselines[token.id]
        if baseline is None:
            if self.hub.scopes_of(token.user or token.service):
                self.problem(f"token {token.id}: its baseline waits, and its owner has scopes")
        elif not self.hub.covers(baseline, effective):
            above = sorted(s for s in effective if not self.hub.covers(baseline, {s}))
            self.problem(f"token {token.id} is above its baseline, says jupyterhub: {above}; {self.explain(token.id)}")

    def explain(self, token):
        """What is stored, for a finding."""
        row = self.database.rows(
            "SELECT t.scopes, t.client_id, u.name, b.release, b.baseline::text, token_scopes(t.id)::text"
            " FROM public.api_tokens t JOIN token_baselines b ON b.token_id = t.id"
            " LEFT JOIN public.users u ON u.id = t.user_id WHERE t.id = %s", token,
        )
        return f"stored, client, owner, release, baseline, here computed: {row}"

    def report(self, seconds):
        transactions = sum(self.ends.values())
        print(
            f"{transactions} transactions of {self.sessions} sessions, {sum(self.done.values())} changes,"
            f" {self.round} rounds, {seconds:.0f} s"
        )
        for (level, end), count in sorted(self.ends.items()):
            print(f"  {level:16} {end:11} {count:7}  {EXPECTED.get(end, '')}")
        for action, count in self.database.rows(
            "SELECT action, count(*) FROM token_events GROUP BY 1 ORDER BY 1"
        ):
            print(f"  event {action:12} {count:7}")
        print(
            f"  {self.compared} times a live token was compared by jupyterhub {Hub.version}"
            f" ({self.skipped} that it cannot compute)"
        )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--sessions", type=int, default=6)
    parser.add_argument("--pg", required=True)
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}, jupyterhub {Hub.version}", flush=True)
    db.enter_cluster(chosen.pg)
    stress = Stress(chosen)
    began = time.monotonic()
    rounds = max(2, chosen.seconds // 10)
    good = 0
    for number in range(rounds):
        before = len(stress.problems)
        stress.play(chosen.seconds / rounds, ("hub", "all")[number % 2])
        stress.check()
        good += len(stress.problems) == before
    stress.report(time.monotonic() - began)
    stress.hub.close()
    if stress.problems or chosen.keep:
        print(f"database {stress.name} is kept")
    else:
        stress.database.drop()
    # what is counted: each comparison, and each thing that was wrong
    print(f"{stress.compared} passed, {len(stress.problems)} failed")
    return 1 if stress.problems else 0


if __name__ == "__main__":
    sys.exit(main())
