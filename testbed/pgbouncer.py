"""Clients that take on identities, turn by turn, on one connection to the server.

    pgbouncer.py SOCKET_FOLDER SECONDS SEED LOG    (started by testbed/pgbouncer)

First two clients take every turn that there is, in a fixed order; then several do so at
random, each with a token of its own, and end their transactions in every way.  At
each look a client must see itself and what its token may see within a transaction
that it began with act_as, and nobody and nothing anywhere else.  LOG is the server's: it must hold no token.
"""

import hashlib
import os
import random
import sys
import threading
import time

import psycopg2

SOCKET, SECONDS, SEED, LOG = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
# tokens of testbed/hub_schema.sql: their subjects, and how many users they list
TOKENS = {1: ("user:alice", 14), 2: ("user:alice", 0), 3: ("user:bob", 0), 4: ("user:admin", 14), 8: ("service:idle-culler", 14)}

counts = {}
lock = threading.Lock()
backends = set()


def check(what, expected, got):
    with lock:
        passed_failed = counts.setdefault(what, [0, 0])
        passed_failed[expected != got] += 1
        if expected != got and passed_failed[1] <= 3:
            print(f"not ok - {what}: {got!r} and not {expected!r}", flush=True)


def clear(number):
    return hashlib.md5(f"token{number}".encode()).hexdigest()


LOOK = ("SELECT pg_backend_pid(), jhub_authz.current_subject(), jhub_authz.current_scopes() IS NOT NULL,"
        " (SELECT count(*) FROM jhub_authz.api_users), (SELECT count(*) FROM jhub_authz.api_tokens) > 0")


class Client:
    def __init__(self, number):
        self.number = number
        self.connect()

    def connect(self):
        self.connection = psycopg2.connect(host=SOCKET, port=6432, dbname="hub", user="web")
        self.connection.autocommit = True

    def run(self, sql, *args):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, args or None)
            return cursor.fetchall() if cursor.description else []

    def look(self, who):
        """who: the number of the token that counts here, None for nobody."""
        backend, subject, holds, users, tokens = self.run(LOOK)[0]
        with lock:
            backends.add(backend)
        wanted, listed = TOKENS[who] if who else (None, 0)
        where = "within a transaction that took one on" if who else "anywhere else"
        check(f"who one is, {where}", wanted, subject)
        check(f"what one sees, {where}", (who is not None, listed), (holds, users))
        if not who:
            check("no tokens are shown anywhere else", False, tokens)

    def act(self, token=None):
        token = token or self.number
        check("act_as says who one is", TOKENS[token][0], self.run("SELECT jhub_authz.act_as(%s)", clear(token))[0][0])


def turns():
    """Two clients, one after the other on the same connection, in every way to end."""
    one, two = Client(1), Client(8)
    for end in ("COMMIT", "ROLLBACK", "SELECT 1/0", "PREPARE TRANSACTION 'x'", "SELECT jhub_authz.act_as('guessed')"):
        one.look(None)
        one.run("BEGIN")
        one.look(None)
        one.act()
        one.look(1)
        one.run("SAVEPOINT a")
        one.act(4)
        one.look(4)
        one.run("RELEASE a")
        one.look(1)
        try:
            one.run(end)
        except psycopg2.Error as error:
            check("errors are those that were meant", True, error.pgcode in ("22012", "28000"))
            one.run("ROLLBACK")
        two.look(None)
        one.look(None)
        if end.startswith("PREPARE"):
            two.look(None)
            two.run("COMMIT PREPARED 'x'")
            two.look(None)
        two.run("BEGIN")
        two.look(None)
        two.act()
        two.look(8)
        two.run("COMMIT")
        one.look(None)
    # several statements in one message, and a statement by itself
    one.run(f"BEGIN; SELECT jhub_authz.act_as('{clear(1)}'); COMMIT")
    two.look(None)
    one.act()
    two.look(None)
    one.look(None)
    # a client that goes away in the middle
    one.run("BEGIN")
    one.act()
    one.connection.close()
    two.look(None)
    two.run("BEGIN")
    two.act()
    two.look(8)
    two.run("ROLLBACK")
    two.connection.close()


class Random(threading.Thread):
    def __init__(self, number, until):
        super().__init__(daemon=True)
        self.client = Client(number)
        self.rng = random.Random(SEED * 100 + number)
        self.until = until

    def run(self):
        try:
            while time.monotonic() < self.until:
                self.turn()
            self.client.connection.close()
        except Exception as error:  # noqa: BLE001 - a broken client is a failure
            check("clients go on", None, repr(error))

    def turn(self):
        client, draw = self.client, self.rng.random()
        if draw < 0.3:
            client.look(None)
            return
        client.run("BEGIN")
        if self.rng.random() < 0.3:
            client.look(None)
        if draw < 0.9:
            client.act()
            for _ in range(self.rng.randint(1, 3)):
                client.look(client.number)
        how = "gone" if self.rng.random() < 0.03 else self.rng.choice(["COMMIT", "COMMIT", "ROLLBACK", "error", "refused"])
        if how == "gone":
            client.connection.close()
            client.connect()
            return
        try:
            client.run({"error": "SELECT 1/0", "refused": "SELECT jhub_authz.act_as('guessed')"}.get(how, how))
        except psycopg2.Error:
            client.run("ROLLBACK")


def main():
    for _ in range(100):
        try:
            Client(1).connection.close()
            break
        except psycopg2.OperationalError:
            time.sleep(0.1)
    turns()
    check("a client that goes away takes its connection with it, no other is made", True, len(backends) <= 2)
    until = time.monotonic() + SECONDS
    threads = [Random(number, until) for number in TOKENS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS + 60)
        check("clients end", False, thread.is_alive())
    with open(LOG) as f:
        log = f.read()
    check("what was refused is in the log", True, "the token is not valid" in log)
    check("... without what was tried", False, "guessed" in log)
    check("no token is in the log", [], [number for number in TOKENS if clear(number) in log])
    looks = sum(sum(c) for what, c in counts.items() if what.startswith("who one is"))
    check("many looks went through few connections", True, looks > 10 * len(backends))
    print(f"# {looks} looks of {len(TOKENS)} clients through {len(backends)} connections, one at a time")
    for what, (passed, failed) in counts.items():
        print(f"{'not ok' if failed else 'ok'} - {what}: {passed}" + (f", and {failed} not" if failed else ""))
    print(f"{sum(p for p, _ in counts.values())} passed, {sum(f for _, f in counts.values())} failed")
    os._exit(any(f for _, f in counts.values()))


main()
