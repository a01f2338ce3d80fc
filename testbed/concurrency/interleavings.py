"""Two transactions in every order: see ../interleavings, which calls this.

A change has two forms, so that it can also meet itself.  A transaction is a
list of steps; a schedule is an order of both lists' steps.  Each schedule is run
on two sessions: a step that waits for a lock is left waiting while the other
session goes on, as in PostgreSQL's isolation tester.  Then the invariant is
asked (laboratory.sql).  An error ends its transaction; which errors may come is
checked too: at READ COMMITTED no 40001, and never anything that is not on the
list.
"""

import argparse
import collections
import itertools
import os
import random
import select
import sys
import time
from pathlib import Path

import psycopg2

HERE = Path(__file__).resolve().parent

LEVELS = {"rc": "READ COMMITTED", "rr": "REPEATABLE READ", "ser": "SERIALIZABLE"}
FORMS = ("plain", "savepoint", "immediate", "prepared")


class Change:
    def __init__(self, name, first, second=None, mode="enforce", attached=True):
        self.name, self.mode, self.attached = name, mode, attached
        self.sql = (first, second or first)


def token(number, scopes):
    return (
        "INSERT INTO api_tokens (id, user_id, client_id, created, hashed, scopes)"
        f" VALUES ({number}, 1, 'jupyterhub', '2024-02-01', 'h{number}', '{scopes}')"
    )


def custom(below):
    return (
        "SELECT jhub_authz.replace_scopes('{"
        f'"custom:x:aa": {{"description": "a", "subscopes": ["{below}"]}}'
        "}')"
    )


WIDE = '["list:users", "list:groups", "read:hub", "proxy", "custom:x:aa", "read:users!user=bob"]'
WORK = (
    '["read:users:name", "read:users!group=phys", "custom:x:aa",'
    ' "access:servers!server=bob/lab", "%s"]'
)

CHANGES = [
    Change("issue", token(11, '["inherit"]'), token(12, '["inherit"]')),
    Change("issue scopes", token(13, WIDE), token(14, WIDE)),
    Change("role granted", "INSERT INTO user_role_map VALUES (1, 6, false)", "INSERT INTO user_role_map VALUES (1, 7, false)"),
    Change("role taken away", "DELETE FROM user_role_map WHERE user_id = 1 AND role_id = 5"),
    Change("role's definition changed", f"UPDATE roles SET scopes = '{WORK % 'list:users'}' WHERE id = 5", f"UPDATE roles SET scopes = '{WORK % 'list:groups'}' WHERE id = 5"),
    Change("group joined", "INSERT INTO user_group_map VALUES (1, 1)", "INSERT INTO user_group_map VALUES (1, 2)"),
    Change("another joins a group", "INSERT INTO user_group_map VALUES (2, 4)"),
    Change("another leaves a group", "DELETE FROM user_group_map WHERE user_id = 3 AND group_id = 4"),
    Change("group given a role", "INSERT INTO group_role_map VALUES (3, 6, false)", "INSERT INTO group_role_map VALUES (3, 7, false)"),
    Change("service given a role", "INSERT INTO service_role_map VALUES (1, 6, false)", "INSERT INTO service_role_map VALUES (1, 7, false)"),
    Change("share made", "INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (1, 2, 3, 1, '2024-01-01', '[\"servers!server=bob/lab\"]')", "INSERT INTO shares (id, owner_id, spawner_id, user_id, created_at, scopes) VALUES (2, 2, 3, 1, '2024-01-01', '[\"read:servers!server=bob/lab\"]')"),
    Change("custom scope redefined", custom("custom:x:bb"), custom("custom:x:cc")),
    Change("release changed", "UPDATE alembic_version SET version_num = 'f460b0348206'", "UPDATE alembic_version SET version_num = '0eee8c825d24'"),
    Change("release pinned", "SELECT jhub_authz.use_hub_release('6.0')", "SELECT jhub_authz.use_hub_release('3.1')"),
    Change("user renamed", "UPDATE users SET name = 'anna' WHERE id = 1", "UPDATE users SET name = 'bobby' WHERE id = 2"),
    Change("server renamed", "UPDATE spawners SET name = 'lab2' WHERE id = 2", "UPDATE spawners SET name = 'lab3' WHERE id = 3"),
    Change("group renamed", "UPDATE groups SET name = 'physics' WHERE id = 4", "UPDATE groups SET name = 'clubs' WHERE id = 3"),
    Change("token rescoped", "UPDATE api_tokens SET scopes = '[\"inherit\"]' WHERE id = 8", "UPDATE api_tokens SET scopes = '[\"read:users:name\", \"custom:x:aa\"]' WHERE id = 2"),
    Change("token given away", "UPDATE api_tokens SET user_id = 2 WHERE id = 1", "UPDATE api_tokens SET user_id = 3 WHERE id = 2"),
    Change("token used", "UPDATE api_tokens SET last_activity = '2024-03-01' WHERE user_id = 1"),
    Change("token deleted", "DELETE FROM api_tokens WHERE id = 1", "DELETE FROM api_tokens WHERE id = 2"),
    Change("token revoked", "SELECT jhub_authz.revoke_token(1, 'test')", "SELECT jhub_authz.revoke_token(2, 'test')"),
    Change("token reinstated", "SELECT jhub_authz.reinstate_token(7, 'test')"),
    Change("change previewed", "SELECT jhub_authz.preview('INSERT INTO user_role_map VALUES (1, 6, false)')", "SELECT jhub_authz.preview('UPDATE roles SET scopes = ''[]'' WHERE id = 5')"),
    Change("rebase", "SELECT jhub_authz.rebase(2, 'test')", "SELECT jhub_authz.rebase(8, 'test')"),
    Change("enforce from off", "SELECT jhub_authz.set_mode('enforce')", mode="off"),
    Change("enforce from observe", "SELECT jhub_authz.set_mode('enforce')", mode="observe"),
    Change("off", "SELECT jhub_authz.set_mode('off')"),
    Change("observe", "SELECT jhub_authz.set_mode('observe')"),
    Change("detach", "SELECT jhub_authz.detach()"),
    Change("attach", "SELECT jhub_authz.attach()", attached=False),
    Change("attach from off", "SELECT jhub_authz.attach(mode => 'enforce')", mode="off"),
]

# Which SQLSTATEs a step may end with, besides those that only a level allows.
ALLOWED = {
    "40P01": "deadlock",
    "55P03": "lock_timeout",
    "23505": "the other made the same row",
    "25001": "attach runs at READ COMMITTED only",
    "55000": "nothing attached, mode off, or the token is revoked",
    "42704": "a scope that the release in force does not have",
}


class Session:
    """One connection, asynchronous: a step may wait."""

    def __init__(self, dsn, control):
        self.connection = psycopg2.connect(dsn, async_=1)
        while self.connection.poll() != psycopg2.extensions.POLL_OK:
            select.select([self.connection], [self.connection], [], 1)
        self.cursor = self.connection.cursor()
        self.pid = self.connection.get_backend_pid()
        self.control = control
        self.busy = False
        self.error = None

    def start(self, sql):
        self.error = None
        self.busy = True
        self.cursor.execute(sql)

    def look(self, seconds):
        """True when the step has ended."""
        end = time.monotonic() + seconds
        while True:
            try:
                state = self.connection.poll()
            except psycopg2.Error as error:
                self.error, self.busy = error, False
                return True
            if state == psycopg2.extensions.POLL_OK:
                self.busy = False
                return True
            left = end - time.monotonic()
            if left <= 0:
                return False
            if state == psycopg2.extensions.POLL_READ:
                select.select([self.connection], [], [], left)
            else:
                select.select([], [self.connection], [], left)

    def is_blocked(self):
        self.control.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", (self.pid,))
        return self.control.fetchone()[0]

    def settle(self):
        """Until the step has ended (True) or waits for a lock (False)."""
        for _ in range(3000):
            if self.look(0.004):
                return True
            if self.is_blocked():
                return False
        raise SystemExit(f"a step neither ends nor waits: {self.cursor.query}")

    def finish(self):
        if not self.look(30):
            raise SystemExit(f"a step hangs: {self.cursor.query}")

    def run(self, sql):
        self.start(sql)
        self.finish()


def steps_of(change, side, level, form, gid):
    """The steps of one transaction, and whether 40001 may end it."""
    sql = change.sql[side]
    begin = f"BEGIN ISOLATION LEVEL {LEVELS[level]}"
    if form == "savepoint":
        sql = (
            f"SAVEPOINT s; {sql}; SET CONSTRAINTS ALL IMMEDIATE;"
            f" ROLLBACK TO s; {sql}; RELEASE s"
        )
    if level == "rc":
        steps = [f"{begin}; {sql}"]
    else:
        # the snapshot is taken by the first query
        steps = [f"{begin}; SELECT count(*) FROM users", sql]
    if form == "immediate":
        steps.append("SET CONSTRAINTS ALL IMMEDIATE")
    if form == "prepared":
        return steps + [f"PREPARE TRANSACTION '{gid}'", f"COMMIT PREPARED '{gid}'"]
    return steps + ["COMMIT"]


def schedules(n, m):
    for first in itertools.combinations(range(n + m), n):
        taken = set(first)
        yield [0 if i in taken else 1 for i in range(n + m)]


class Laboratory:
    def __init__(self, dsn, name):
        self.dsn = dsn
        self.name = name
        self.control_connection = psycopg2.connect(dsn)
        self.control_connection.autocommit = True
        self.control = self.control_connection.cursor()
        self.control.execute("SET client_min_messages = error")
        self.sessions = [Session(dsn, self.control) for _ in range(2)]
        for session in self.sessions:
            session.run("SET client_min_messages = error; SET synchronous_commit = off")
        self.attached = True
        self.number = 0

    def reset(self, changes):
        self.number += 1
        modes = [c.mode for c in changes]
        mode = min(modes, key=["off", "observe", "enforce"].index)
        wants = all(c.attached for c in changes)
        self.control.execute("SELECT lab.reset(%s)", (mode,))
        if wants != self.is_attached():
            self.control.execute(f"SELECT jhub_authz.{'attach' if wants else 'detach'}()")
        if self.number % 300 == 0:
            self.sweep()

    def sweep(self):
        """What the resets leave behind: dead rows, and their history."""
        self.control.execute(
            "SELECT string_agg(oid::regclass::text, ', ') FROM pg_class"
            " WHERE relnamespace = 'jhub_authz'::regnamespace AND relkind = 'r' AND relname LIKE 'history%'"
        )
        (tables,) = self.control.fetchone()
        if tables:
            self.control.execute(f"TRUNCATE {tables}")
        self.control.execute("VACUUM")

    def is_attached(self):
        self.control.execute("SELECT hub_schema IS NOT NULL, mode FROM jhub_authz.attachment")
        attached, self.mode = self.control.fetchone()
        return attached

    def play(self, lists, schedule):
        """Run a schedule; the errors of both sides."""
        todo = [collections.deque(steps) for steps in lists]
        errors = [None, None]
        order = collections.deque(schedule)
        skipped = [0, 0]
        while order or any(s.busy for s in self.sessions) or any(todo):
            side = None
            if order:
                side = order.popleft()
            else:
                side = next((i for i in (0, 1) if todo[i] and not self.sessions[i].busy), None)
            if side is not None and self.sessions[side].busy:
                skipped[side] += 1
                side = 1 - side if todo[1 - side] and not self.sessions[1 - side].busy else None
            if side is not None and todo[side]:
                session = self.sessions[side]
                session.start(todo[side].popleft())
                session.settle()
            elif all(s.busy for s in self.sessions) or not any(todo):
                # both wait: a deadlock, which the server ends
                for session in self.sessions:
                    if session.busy:
                        session.look(0.05)
            for i, session in enumerate(self.sessions):
                if session.busy:
                    # it may have been let go by the other's step
                    while not session.look(0.002) and not session.is_blocked():
                        pass
                if not session.busy and session.error is not None:
                    errors[i] = session.error
                    session.error = None
                    # what is left is the end of a transaction that has failed
                    todo[i].clear()
                    if session.connection.get_transaction_status() != 0:
                        session.run("ROLLBACK")
                    session.error = None
        return errors

    def clean(self):
        for session in self.sessions:
            if session.busy:
                session.finish()
            if session.connection.get_transaction_status() != 0:
                session.run("ROLLBACK")
            session.error = None
        self.control.execute("SELECT gid FROM pg_prepared_xacts WHERE database = current_database()")
        for (gid,) in self.control.fetchall():
            self.control.execute(f"ROLLBACK PREPARED '{gid}'")

    def violations(self):
        """Judged as it is; what is off or detached at the end is switched on first."""
        if not self.is_attached():
            self.control.execute("SELECT jhub_authz.attach()")
            self.is_attached()
        if self.mode != "enforce":
            self.control.execute("SELECT jhub_authz.set_mode('enforce')")
        self.control.execute("SELECT what, token_id, detail FROM audit.violations()")
        return self.control.fetchall()


def cases(changes, chosen, rng):
    """(first, second, levels, forms, schedule), in the order of the pairs."""
    pairs = list(itertools.combinations_with_replacement(changes, 2))
    if chosen.only:
        pairs = [p for p in pairs if all(any(c.name == n for c in p) for n in chosen.only)]
    for pair in pairs:
        for levels in itertools.product(LEVELS, repeat=2):
            for forms in itertools.product(FORMS, repeat=2):
                lengths = [
                    len(steps_of(c, i, levels[i], forms[i], "")) for i, c in enumerate(pair)
                ]
                every = list(schedules(*lengths))
                core = levels[0] == levels[1] and forms == ("plain", "plain")
                if core and chosen.sample is not None:
                    every = [order for order in every if rng.random() < chosen.core]
                if chosen.sample is not None and not core:
                    rng.shuffle(every)
                    # of mixed levels and forms, some; which, the seed says
                    number = chosen.sample if levels[0] == levels[1] or forms == ("plain", "plain") else chosen.mixed
                    whole = int(number) + (rng.random() < number % 1)
                    every = every[:whole]
                for schedule in every:
                    yield pair, levels, forms, schedule


def describe(pair, levels, forms, schedule):
    sides = ", ".join(
        f"{'AB'[i]} = {pair[i].name} ({levels[i]}, {forms[i]})" for i in (0, 1)
    )
    return f"{sides}: {''.join('AB'[s] for s in schedule)}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--all", action="store_true", help="every schedule")
    # plain transactions at one level: which part of all orders
    parser.add_argument("--core", type=float, default=1)
    # other forms at one level, or plain at two: orders of each pair; then the rest
    parser.add_argument("--sample", type=float, default=0.2)
    parser.add_argument("--mixed", type=float, default=0.02)
    parser.add_argument("--only", action="append", metavar="CHANGE")
    parser.add_argument("--part", default="1/1", help="the n-th of m parts")
    parser.add_argument("--database", default="interleavings")
    chosen = parser.parse_args()
    if chosen.all:
        chosen.sample = None
    print(f"seed {chosen.seed}", flush=True)
    part, parts = map(int, chosen.part.split("/"))
    name = f"{chosen.database}_{part}"
    laboratory = Laboratory(f"dbname={name}", name)
    rng = random.Random(chosen.seed)
    number = failed = 0
    ends = collections.Counter()
    deadlocks = collections.Counter()
    shown = collections.Counter()
    started = time.monotonic()
    for case in cases(CHANGES, chosen, rng):
        number += 1
        if number % parts != part - 1:
            continue
        pair, levels, forms, schedule = case
        laboratory.reset(pair)
        lists = [
            steps_of(c, i, levels[i], forms[i], f"{name}_{i}") for i, c in enumerate(pair)
        ]
        errors = laboratory.play(lists, schedule)
        laboratory.clean()
        wrong = []
        for i, error in enumerate(errors):
            code = error.pgcode if error is not None else "00000"
            ends[levels[i], code] += 1
            if code == "40P01":
                # of each pair: is the form plain, or not?
                plain = all(form in ("plain", "prepared") for form in forms)
                deadlocks[pair[0].name, pair[1].name, plain] += 1
            if code in ALLOWED or code == "00000" or (code == "40001" and levels[i] != "rc"):
                continue
            wrong.append(f"{'AB'[i]} ended with {code}: {str(error).strip()}")
        try:
            wrong += ["%s: token %s, %s" % row for row in laboratory.violations()]
        except psycopg2.Error as error:
            wrong.append(f"the check fails: {error}")
        if wrong:
            failed += 1
            key = (pair[0].name, pair[1].name)
            shown[key] += 1
            if shown[key] <= 2:
                print(f"WRONG: {describe(*case)}")
                for line in wrong:
                    print("   ", line)
                sys.stdout.flush()
    mine = sum(ends.values()) // 2
    print(f"{mine} interleavings in {time.monotonic() - started:.0f} s")
    for (level, code), count in sorted(ends.items()):
        print(f"  {LEVELS[level]:16} {code}  {count:7}  {ALLOWED.get(code, '')}")
    for plain in (True, False):
        names = sorted(f"{a} / {b}" for a, b, p in deadlocks if p == plain)
        if names:
            print(f"  deadlocks{'' if plain else ' where a decision was brought forward'}: {', '.join(names)}")
    print(f"{mine - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
