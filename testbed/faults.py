"""Faults, and what must hold after each.  Started by testbed/faults.

    faults.py TREE CLUSTER KILLS SEED    (FAULTS_ONLY: some of disk, decisions, memory, kills)

Clients do small random transactions of the kinds that issue tokens, make them
grow, and attach; each writes into a table of the oracle, in the same
transaction, that it was done, and the driver knows which COMMIT was answered.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import threading
import time

import psycopg2

TREE, CLUSTER, KILLS, SEED = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
HUB = "jupyterhub"
CLIENTS = 4
PEOPLE = 60

counts = collections.OrderedDict()
counting = threading.Lock()
seen = collections.Counter()


def check(what, ok, detail=""):
    with counting:
        pair = counts.setdefault(what, [0, 0])
        pair[0 if ok else 1] += 1
        if not ok and pair[1] <= 5:
            print(f"not ok - {what}: {detail}", flush=True)
    return bool(ok)


def saw(what, n=1):
    with counting:
        seen[what] += n


# ---------------------------------------------------------------- the server


def connect(user=None, database="faults", **options):
    connection = psycopg2.connect(dbname=database, user=user or os.environ["PGUSER"], connect_timeout=10, **options)
    connection.autocommit = True
    return connection


class Session:
    """A connection; transactions are begun and ended in so many words."""

    def __init__(self, user=None, database="faults"):
        self.connection = connect(user, database)
        self.cursor = self.connection.cursor()

    def run(self, sql, *args):
        self.cursor.execute(sql, args or None)

    def rows(self, sql, *args):
        self.cursor.execute(sql, args or None)
        return self.cursor.fetchall()

    def one(self, sql, *args):
        rows = self.rows(sql, *args)
        return rows[0][0] if rows else None

    def attempt(self, sql, *args):
        """None, or the SQLSTATE that it failed with ('lost': no server any more)."""
        try:
            self.run(sql, *args)
        except psycopg2.Error as error:
            return error.pgcode or "lost"
        return None

    def surely(self, sql):
        """What its own timeout may hit as well."""
        for _ in range(50):
            code = self.attempt(sql)
            if code != "57014":
                return code
        return code

    def pid(self):
        return self.connection.get_backend_pid()

    def close(self):
        self.connection.close()


def postmaster():
    with open(os.path.join(os.environ["PGDATA"], "postmaster.pid")) as f:
        return int(f.readline())


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(child) for child in f.read().split()]
    except OSError:
        return []


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False


def start():
    subprocess.run([f"{TREE}/testbed/pg", CLUSTER, "start"], check=True)


def kill_server():
    """The postmaster and every process of it, at once."""
    main = postmaster()
    os.kill(main, signal.SIGSTOP)  # it starts none while they are counted
    all_of_it = [main, *children(main)]
    for pid in all_of_it:
        kill(pid)
    for pid in all_of_it:
        while os.path.exists(f"/proc/{pid}") and state_of(pid) not in ("Z", ""):
            time.sleep(0.01)
    # one that is dead but was not waited for yet would pass for a running one
    if os.path.exists(f"/proc/{main}"):
        for lock in (os.environ["PGDATA"] + "/postmaster.pid", os.environ["PGHOST"] + "/.s.PGSQL.5432.lock"):
            if os.path.exists(lock):
                os.unlink(lock)
    start()


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return ""


def recovered():
    """A session, as soon as the server takes one again."""
    until = time.monotonic() + 60
    while True:
        try:
            session = Session()
            session.one("SELECT 1")
            return session
        except psycopg2.Error:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


# ---------------------------------------------------------------- the database


def populate():
    maintenance = Session(database="postgres")
    maintenance.run(f"CREATE ROLE {HUB} LOGIN")
    maintenance.run(f"CREATE DATABASE faults OWNER {HUB}")
    maintenance.close()
    subprocess.run(
        ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", "faults", "-v", f"hub_owner={HUB}",
         "-f", f"{TREE}/testbed/hub_schema.sql"], check=True, stdout=subprocess.DEVNULL)
    db = Session()
    db.run("CREATE EXTENSION jhub_authz")
    db.run("SELECT jhub_authz.attach()")
    db.run(f"SELECT jhub_authz.grant_operator('{HUB}')")
    db.run("SELECT jhub_authz.set_option('lock_timeout', '2s')")
    db.run(f"CREATE SCHEMA oracle AUTHORIZATION {HUB}")
    hub = Session(HUB)
    hub.run("CREATE TABLE oracle.done (name text PRIMARY KEY, txid xid8, kind text, tokens int[], revoked int[])")
    hub.run("""
        SELECT setval('users_id_seq', 100); SELECT setval('roles_id_seq', 100); SELECT setval('groups_id_seq', 100);
        SELECT setval('api_tokens_id_seq', 1000);
        INSERT INTO users (name, admin, cookie_id) SELECT 'k' || i, false, 'cookie k' || i FROM generate_series(1, %s) i;
        INSERT INTO user_role_map SELECT id, 1, false FROM users WHERE name LIKE 'k%%';
        INSERT INTO roles (name, scopes, managed_by_auth) SELECT 'grow-' || i, '["list:users"]', false FROM generate_series(1, 4) i;
        INSERT INTO groups (name) SELECT 'kg' || i FROM generate_series(1, 3) i;
        INSERT INTO group_role_map SELECT g.id, r.id, false FROM groups g, roles r
         WHERE g.name = 'kg1' AND r.name = 'grow-4';
    """ % PEOPLE)
    tokens(hub, "SELECT id FROM users WHERE name LIKE 'k%'", 8, "population")
    hub.close()
    return db


def tokens(session, users, each, note):
    """Tokens as the hub inserts them; their ids."""
    return [row[0] for row in session.rows(
        "INSERT INTO api_tokens (user_id, hashed, prefix, client_id, created, note, scopes)"
        " SELECT u.id, 'sha512:1:' || gen_random_uuid(), 'none', 'jupyterhub', now() AT TIME ZONE 'UTC', '" + note + "',"
        " (ARRAY['[\"inherit\"]', '[\"self\"]', '[\"inherit\"]', '[\"read:users:name!user\"]'])[1 + n % 4]"
        " FROM (" + users + f") u (id), generate_series(1, {each}) n RETURNING id")]


with open(f"{TREE}/testbed/agree.sql") as f:
    AGREE = f.read()


def agree(db, when):
    found = db.rows(AGREE)
    check(f"{when}: baselines, events and tokens agree", not found, found[:4])


# ---------------------------------------------------------------- clients


class Entry:
    def __init__(self, name, kind):
        self.name, self.kind = name, kind
        self.fate = "unknown"  # committed, failed, prepared: as the server answered


class Client(threading.Thread):
    def __init__(self, number, round_number, seed):
        super().__init__(daemon=True)
        self.rng = random.Random(seed)
        self.number, self.round = number, round_number
        self.log = []
        self.over = False
        self.detached = False
        self.session = Session(None if number == 0 else HUB)

    def run(self):
        while not self.over:
            try:
                if self.number == 0 and self.rng.random() < 0.25:
                    self.attach_cycle()
                else:
                    self.transaction()
            except psycopg2.Error as error:
                if self.session.connection.closed:
                    return
                saw("SQLSTATE " + str(error.pgcode))
                if error.pgcode not in ("40001", "40P01", "55P03", "23505", "57P03", "55000"):
                    check("what fails without a fault may fail", False, f"{error.pgcode} {error}")
                self.session.attempt("ROLLBACK")

    # transactions, as said by the oracle

    def transaction(self):
        rng, session = self.rng, self.session
        works = [
            (self.issue, 6), (self.insert, 5), (self.bulk, 2), (self.grow, 8), (self.shrink, 8), (self.role, 3),
            (self.join_group, 2), (self.leave_group, 2), (self.rename, 1), (self.revoke, 2), (self.purge, 1),
        ]
        picked = rng.choices([w for w, _ in works], [n for _, n in works], k=rng.choice([1, 1, 2, 3]))
        entry = Entry(f"f{self.round}-{self.number}-{len(self.log)}", "+".join(w.__name__ for w in picked))
        self.log.append(entry)
        level = rng.choices(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"], [8, 1, 1])[0]
        try:
            session.run("BEGIN ISOLATION LEVEL " + level)
            session.run(f"SET LOCAL application_name = '{entry.name}'")
            self.made, self.revoked = [], []
            for work in picked:
                if rng.random() < 0.15:
                    session.run("SAVEPOINT a")
                    work(entry.name)
                    if rng.random() < 0.5:
                        session.run("SET CONSTRAINTS ALL IMMEDIATE")
                        session.run("SET CONSTRAINTS ALL DEFERRED")
                    session.run("ROLLBACK TO a")
                    self.made, self.revoked = [], []
                work(entry.name)
                if rng.random() < 0.1:
                    session.run("SET CONSTRAINTS ALL IMMEDIATE")
            session.run(
                "INSERT INTO oracle.done VALUES (%s, pg_current_xact_id(), %s, %s, %s)",
                entry.name, entry.kind, self.made, self.revoked)
            if rng.random() < 0.06:
                session.run(f"PREPARE TRANSACTION '{entry.name}'")
                entry.fate = "prepared"
                session.run(f"COMMIT PREPARED '{entry.name}'")
            else:
                session.run("COMMIT")
            entry.fate = "committed"
        except psycopg2.Error:
            if not session.connection.closed and entry.fate == "unknown":
                entry.fate = "failed"
            raise

    def person(self):
        # k7 may be called k7x at the moment
        return f"k{self.rng.randint(1, PEOPLE)}"

    def issue(self, name):
        found = self.session.rows(
            "SELECT i.token_id FROM users u, jhub_authz.issue_token('user', u.name, %s::text::jhub_authz.scopeset,"
            " note => %s) i WHERE u.name IN (%s, %s || 'x')",
            self.rng.choice([None, '["self"]', '["inherit"]', '["read:users:name!user", "list:users"]']),
            name, *[self.person()] * 2)
        self.made += [row[0] for row in found]

    def insert(self, name):
        self.made += tokens(self.session, f"SELECT id FROM users WHERE name LIKE '{self.person()}%' LIMIT 1", 1, name)

    def bulk(self, name):
        self.made += tokens(self.session, "SELECT id FROM users WHERE name LIKE 'k%' ORDER BY random() LIMIT 15", 2, name)

    def grow(self, name):
        self.session.run(
            "INSERT INTO user_role_map SELECT u.id, r.id, false FROM users u, roles r WHERE u.name LIKE %s"
            " AND r.name = %s ON CONFLICT DO NOTHING",
            f"k{self.rng.randint(1, 6)}%", f"grow-{self.rng.randint(1, 3)}")

    def shrink(self, name):
        self.session.run(
            "DELETE FROM user_role_map m USING roles r, users u WHERE r.id = m.role_id AND u.id = m.user_id"
            " AND r.name LIKE 'grow-%%' AND u.name LIKE %s", f"k{self.rng.randint(1, 6)}%")

    def role(self, name):
        self.session.run(
            "UPDATE roles SET scopes = %s WHERE name = %s",
            self.rng.choice(["[]", '["list:users"]', '["list:users", "read:hub"]', '["list:users!group=kg2"]']),
            f"grow-{self.rng.randint(1, 4)}")

    def join_group(self, name):
        self.session.run(
            "INSERT INTO user_group_map SELECT u.id, g.id FROM users u, groups g WHERE u.name LIKE %s AND g.name = %s"
            " ON CONFLICT DO NOTHING", self.person() + "%", f"kg{self.rng.randint(1, 3)}")

    def leave_group(self, name):
        self.session.run(
            "DELETE FROM user_group_map m USING users u WHERE u.id = m.user_id AND u.name LIKE %s", f"k{self.rng.randint(1, 6)}%")

    def rename(self, name):
        person = self.person()
        self.session.run(
            "UPDATE users SET name = CASE name WHEN %s THEN %s ELSE %s END WHERE name IN (%s, %s)",
            person, person + "x", person, person, person + "x")

    def revoke(self, name):
        token = self.session.one(
            "SELECT id FROM api_tokens WHERE expires_at IS NULL AND note <> 'x' ORDER BY random() LIMIT 1")
        if token and self.session.one("SELECT jhub_authz.revoke_token(%s, 'random')", token):
            self.revoked.append(token)

    def purge(self, name):
        self.session.run(
            "DELETE FROM api_tokens WHERE id IN (SELECT id FROM api_tokens WHERE expires_at < now() AT TIME ZONE 'UTC'"
            " ORDER BY id LIMIT 30 FOR UPDATE SKIP LOCKED)")

    # attach, by the superuser

    def attach_cycle(self):
        what = self.rng.choice(["attach", "again", "mode"])
        saw("times: " + {"attach": "detach and attach", "again": "attach again", "mode": "off and enforce"}[what])
        if what == "attach":
            self.detached = True
            self.session.run("SELECT jhub_authz.detach()")
            time.sleep(self.rng.random() * 0.02)
            self.session.run("SELECT jhub_authz.attach()")
        elif what == "again":
            self.session.run("SELECT jhub_authz.attach()")
        else:
            self.detached = True
            self.session.run("SELECT jhub_authz.set_mode('off')")
            self.session.run("SELECT jhub_authz.set_mode('enforce')")


# ---------------------------------------------------------------- after a kill


def resolve_prepared(db, entries, rng):
    """What was prepared is there: commit it, or roll it back."""
    there = {row[0] for row in db.rows("SELECT gid FROM pg_prepared_xacts")}
    done = {row[0] for row in db.rows("SELECT name FROM oracle.done")}
    for entry in entries:
        if entry.fate == "prepared":
            check("an acknowledged PREPARE is there", entry.name in there or entry.name in done, entry.name)
    for gid in there:
        commit = rng.random() < 0.5
        db.run(("COMMIT" if commit else "ROLLBACK") + f" PREPARED '{gid}'")
        saw("prepared transactions that outlived the kill")
        for entry in entries:
            if entry.name == gid:
                entry.fate = "committed" if commit else "failed"


def verify(db, number, entries, detached, rng):
    resolve_prepared(db, entries, rng)
    attached, mode = db.rows("SELECT hub_schema IS NOT NULL, mode FROM jhub_authz.status")[0]
    if not attached or mode != "enforce":
        saw("kills that left it detached or off")
        db.run("SELECT jhub_authz.attach()")
        db.run("SELECT jhub_authz.set_mode('enforce')")
    errors = db.rows("SELECT * FROM jhub_authz.self_check() WHERE level = 'error'")
    check("self_check finds no error", not errors, errors)
    agree(db, "kill -9")

    done = {row[0]: row[1:] for row in db.rows("SELECT name, txid::text, tokens, revoked FROM oracle.done")}
    for entry in entries:
        if entry.fate == "committed":
            check("an acknowledged commit is there", entry.name in done, entry.name)
            saw("transactions acknowledged")
        elif entry.fate == "failed":
            check("what failed is not there", entry.name not in done, entry.name)
            saw("transactions failed")
        else:
            saw("transactions cut off, " + ("committed" if entry.name in done else "undone"))

    events = db.rows(
        "SELECT application_name, txid::text, token_id, action FROM jhub_authz.token_events WHERE application_name LIKE %s",
        f"f{number}-%")
    orphans = [e for e in events if done.get(e[0], [None])[0] != e[1]]
    check("every event is of a transaction that is there", not orphans, orphans[:5])
    issued = {(e[0], e[2]) for e in events if e[3] == "issued"}
    revoked = {(e[0], e[2]) for e in events if e[3] == "revoked"}
    for entry in entries:
        if entry.name not in done or detached:
            continue
        _, made, taken = done[entry.name]
        lost = [t for t in made if (entry.name, t) not in issued and (entry.name, t) not in revoked]
        check("a committed issue has its events", not lost, f"{entry.name} {lost}")
        lost = [t for t in taken if (entry.name, t) not in revoked]
        check("a committed revocation has its events", not lost, f"{entry.name} {lost}")
    notes = [row[0] for row in db.rows("SELECT DISTINCT note FROM api_tokens WHERE note ~ '^f[0-9]+-'") if row[0] not in done]
    check("no token is there without its transaction", not notes, notes[:5])
    alive = db.rows(
        "SELECT d.name, t.id FROM oracle.done d, unnest(d.revoked) r JOIN api_tokens t ON t.id = r"
        " WHERE t.expires_at IS NULL OR t.expires_at > now() AT TIME ZONE 'UTC'")
    check("what was revoked is dead", not alive, alive[:5])
    db.run("UPDATE api_tokens SET note = '' WHERE note ~ '^f[0-9]+-'")


def replenish(db):
    if db.one("SELECT count(*) FROM api_tokens WHERE expires_at IS NULL") < 400:
        tokens(db, "SELECT id FROM users WHERE name LIKE 'k%'", 4, "population")


def one_kill(number, rng):
    db = recovered()
    db.run("DELETE FROM user_role_map m USING roles r WHERE r.id = m.role_id AND r.name LIKE 'grow-%'")
    replenish(db)
    clients = [Client(n, number, SEED * 7919 + number * 10 + n) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(0.1 + rng.random() * 0.7)
    whole = rng.random() < 0.5
    if whole:
        saw("kills of the whole server")
        for query, in db.rows("SELECT query FROM pg_stat_activity WHERE usename IS NOT NULL AND state = 'active' AND pid <> pg_backend_pid()"):
            saw("at a kill, active in: " + " ".join(query.split()[:2])[:24])
        kill_server()
    else:
        saw("kills of a backend")
        # as often as not one that is deciding
        for _ in range(200):
            victims = db.rows(
                "SELECT pid, query FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active'"
                " AND backend_type = 'client backend' ORDER BY query ~ '^(COMMIT|PREPARE|SET CON|SELECT jhub_authz.(at|de|set))' DESC, random()")
            if victims:
                kill(victims[0][0])
                saw("killed in: " + " ".join(victims[0][1].split()[:2])[:28])
                break
        else:
            kill(clients[rng.randrange(CLIENTS)].session.pid())
    for client in clients:
        client.over = True
    for client in clients:
        client.join(60)
        check("clients end", not client.is_alive())
    db = recovered()
    verify(db, number, [e for c in clients for e in c.log], any(c.detached for c in clients), rng)
    for client in clients:
        client.session.close()
    db.close()


def kills():
    rng = random.Random(SEED)
    for number in range(KILLS):
        one_kill(number, rng)
        if number % 20 == 19:
            print(f"# {number + 1} kills", flush=True)


# ---------------------------------------------------------------- no crash


STATE = """
    SELECT md5(concat_ws(E'\\n',
        (SELECT string_agg(b::text, E'\\n' ORDER BY token_id) FROM jhub_authz.token_baselines b),
        (SELECT string_agg(e::text, E'\\n' ORDER BY event_id) FROM jhub_authz.token_events e),
        (SELECT string_agg(t::text, E'\\n' ORDER BY id) FROM api_tokens t),
        (SELECT string_agg(m::text, E'\\n' ORDER BY user_id, role_id) FROM user_role_map m),
        (SELECT string_agg(r::text, E'\\n' ORDER BY id) FROM roles r),
        (SELECT string_agg(p::text, E'\\n') FROM jhub_authz.pending p),
        (SELECT string_agg(p.gid, E'\\n') FROM pg_prepared_xacts p)))
"""
LIVE = "SELECT count(*) FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE u.name = ANY (%s) AND t.expires_at IS NULL"
GROW = ("INSERT INTO user_role_map SELECT u.id, r.id, false FROM users u, roles r"
        " WHERE u.name = ANY (%s) AND r.name = 'grow-1'")


class Decisions:
    """The same growth again and again, each time disturbed in another way."""

    def __init__(self, db, rng):
        self.db, self.rng = db, rng
        db.run("UPDATE users SET name = rtrim(name, 'x') WHERE name ~ '^k[0-9]+x$'")
        db.run("UPDATE roles SET scopes = '[\"list:users\"]' WHERE name = 'grow-1'")
        self.many = [f"k{i}" for i in range(10, PEOPLE + 1)]
        self.few = ["k1"]
        self.session = None

    def prepare(self):
        """Nobody holds the role; those who will have some tokens, and sessions are as before."""
        self.db.run("DELETE FROM user_role_map m USING roles r WHERE r.id = m.role_id AND r.name LIKE 'grow-%%'")
        self.db.run("DELETE FROM user_group_map m USING users u WHERE u.id = m.user_id AND u.name LIKE 'k%%'")
        # what was issued while its owner held the role does not grow by it
        self.db.run("DELETE FROM api_tokens t USING jhub_authz.token_baselines b"
                    " WHERE b.token_id = t.id AND b.baseline OPERATOR(jhub_authz.@>) 'list:users'")
        people = self.db.one(
            "SELECT count(*) FROM users u WHERE name = ANY (%s) AND NOT EXISTS"
            " (SELECT FROM api_tokens t WHERE t.user_id = u.id AND t.scopes LIKE '%%inherit%%' AND t.expires_at IS NULL)",
            self.many + self.few)
        if people:
            tokens(self.db, "SELECT id FROM users WHERE name LIKE 'k%'", 4, "x")
        if self.session is None or self.session.connection.closed:
            self.session = Session(HUB)
            self.session.run("SET application_name = 'disturbed'")
            self.before = self.settings()
        self.state = self.db.one(STATE)

    def settings(self):
        return self.session.rows(
            "SELECT current_user, session_user, current_setting('lock_timeout'), current_setting('search_path'),"
            " current_setting('statement_timeout')")[0]

    def undone(self, how):
        check(f"{how}: nothing is half done", self.db.one(STATE) == self.state)

    def goes_on(self, how):
        """The session's next transaction is decided, and the one that failed, too."""
        if self.session.connection.closed:
            self.session = Session(HUB)
            self.before = self.settings()
        session = self.session
        check(f"{how}: the session's settings are as before", self.settings() == self.before, f"{self.settings()} {self.before}")
        for people in (self.few, self.many):
            before = self.db.one(LIVE, people)
            session.run("BEGIN")
            session.run(GROW, people)
            failed = session.attempt("COMMIT")
            after = self.db.one(LIVE, people)
            left = self.db.one(
                "SELECT count(*) FROM api_tokens t JOIN users u ON u.id = t.user_id"
                " WHERE u.name = ANY (%s) AND t.expires_at IS NULL AND t.scopes LIKE '%%inherit%%'", people)
            check(f"{how}: the next transaction is decided", failed is None and after < before and left == 0,
                  f"{failed} {before} {after} {left}")
        agree(self.db, how)

    def disturbed(self, how, act, expected, final="COMMIT", before=()):
        """Grow; while 'final' runs, act(pid) in a thread; then see."""
        self.prepare()
        session = self.session
        session.run("BEGIN")
        session.run(GROW, self.many)
        for sql in before:
            session.run(sql)
        pid = session.pid()
        thread = threading.Thread(target=act, args=(pid,), daemon=True)
        thread.start()
        code = session.attempt(final)
        thread.join(30)
        if code is None:
            saw(f"{how}: too late")
            if session.attempt("SELECT 1") in ("57P01", "lost"):
                self.session = session = Session(HUB)  # it was ended after that
            session.attempt("SELECT 1")  # a cancel that comes now
            if final.startswith("SET"):
                session.surely("ROLLBACK")
                self.undone(how)
            if final.startswith("PREPARE"):
                session.run("ROLLBACK PREPARED 'disturbed'")
                self.undone(how)
            for sql in before:
                session.surely("RESET " + sql.split()[1])
            return False
        saw(f"{how}: {code}")
        check(f"{how}: fails as it should", code in expected, code)
        if not session.connection.closed:
            session.surely("ROLLBACK")
        for sql in before:
            if not session.connection.closed:
                session.surely("RESET " + sql.split()[1])
        self.undone(how)
        self.goes_on(how)
        return True


def after(delay, sql):
    def act(pid):
        time.sleep(delay)
        other = Session()
        other.run(sql, pid)
        other.close()
    return act


def wait_for_lock(pid, db):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if db.one("SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s", pid) == "Lock":
            return True
        time.sleep(0.005)
    return False


CANCEL = "SELECT pg_cancel_backend(%s)"
TERMINATE = "SELECT pg_terminate_backend(%s)"


def held(db, d, where, how, sql, expected, final="COMMIT", before=()):
    """Deterministic: the decision waits for what another session holds, and is ended there."""
    holder = Session()
    watcher = Session()         # connected already: a timeout of the decision's own may be near
    reached = []

    def act(pid):
        reached.append(wait_for_lock(pid, watcher))
        if sql:
            watcher.run(sql, pid)
        else:
            # a timeout of its own: wait until it is over
            until = time.monotonic() + 20
            while time.monotonic() < until and watcher.one(
                    "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s AND state = 'active'", pid) == "Lock":
                time.sleep(0.01)
        watcher.close()
        holder.attempt("ROLLBACK")

    d.prepare()
    holder.run("BEGIN")
    if where == "token row":
        holder.run(
            "SELECT t.id FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE u.name = %s AND t.expires_at IS NULL"
            " FOR UPDATE OF t", "k40")
    elif where == "decision lock":
        holder.run(GROW, ["k9"])
        holder.run("SET CONSTRAINTS ALL IMMEDIATE")
    elif where == "baseline row":
        holder.run(
            "SELECT b.token_id FROM jhub_authz.token_baselines b JOIN users u ON u.id = b.user_id WHERE u.name = %s"
            " FOR UPDATE OF b", "k40")
    name = f"{how} at the {where}" + ("" if final == "COMMIT" else " in " + final.split()[0])
    ended = d.disturbed(name, act, expected, final, before=before)
    check(f"{name}: it came to that", ended and reached == [True], reached)
    holder.close()


def decisions(db, rng, times):
    d = Decisions(db, rng)
    version = int(db.one("SHOW server_version_num")) // 10000
    db.run("SELECT jhub_authz.set_option('lock_timeout', '20s')")
    d.prepare()
    d.session.run("BEGIN")
    d.session.run(GROW, d.many)
    begin = time.monotonic()
    d.session.run("COMMIT")
    took = time.monotonic() - begin
    print(f"# an undisturbed decision takes {took * 1000:.0f} ms", flush=True)
    # on a busy machine what is waited for is reached later, and seen later
    patience = f"{min(15000, max(2000, int(20000 * took)))}ms"
    prepare = "PREPARE TRANSACTION 'disturbed'"
    for where in ("token row", "decision lock", "baseline row"):
        for final in ("COMMIT", prepare, "SET CONSTRAINTS ALL IMMEDIATE"):
            held(db, d, where, "pg_cancel_backend", CANCEL, {"57014"}, final)
            # the server itself does not apply statement_timeout to what COMMIT and PREPARE run
            if final.startswith("SET"):
                held(db, d, where, "statement_timeout", None, {"57014"}, final, [f"SET statement_timeout = '{patience}'"])
        held(db, d, where, "pg_terminate_backend", TERMINATE, {"57P01", "lost"})
        held(db, d, where, "pg_terminate_backend", TERMINATE, {"57P01", "lost"}, prepare)
        if version >= 17:
            held(db, d, where, "transaction_timeout", None, {"25P04", "lost"}, "COMMIT", ["SET transaction_timeout = '3s'"])
        db.run(f"SELECT jhub_authz.set_option('lock_timeout', '{patience}')")
        held(db, d, where, "option lock_timeout", None, {"55P03"})
        held(db, d, where, "option lock_timeout", None, {"55P03"}, prepare)
        db.run("SELECT jhub_authz.set_option('lock_timeout', '20s')")

    # at random moments
    for _ in range(times):
        delay = rng.random() * took
        d.disturbed("cancelled at random", after(delay, CANCEL), {"57014"}, rng.choice(["COMMIT", prepare]))
        d.disturbed("terminated at random", after(delay, TERMINATE), {"57P01", "lost"}, rng.choice(["COMMIT", prepare]))
        ms = max(1, int(rng.random() * took * 1000))
        d.disturbed("statement_timeout at random", lambda pid: None, {"57014"}, "SET CONSTRAINTS ALL IMMEDIATE",
                    before=[f"SET statement_timeout = '{ms}ms'"])
        if version >= 17:
            d.disturbed("transaction_timeout at random", lambda pid: None, {"25P04", "lost"}, "COMMIT",
                        before=[f"SET transaction_timeout = '{ms + 5}ms'"])

    # an error after the decision, in the same commit, and one that is caught
    db.run("CREATE FUNCTION oracle.fail() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'after the decision'; END$$")
    db.run("CREATE TABLE oracle.failing (n int)")
    db.run("CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON oracle.failing DEFERRABLE INITIALLY DEFERRED"
           " FOR EACH ROW EXECUTE FUNCTION oracle.fail()")
    db.run(f"GRANT ALL ON oracle.failing TO {HUB}")
    for final in ("COMMIT", prepare):
        d.prepare()
        d.session.run("BEGIN")
        d.session.run(GROW, d.many)
        d.session.run("INSERT INTO oracle.failing VALUES (1)")
        code = d.session.attempt(final)
        check("an error after the decision: fails as it should", code == "P0001", code)
        d.session.attempt("ROLLBACK")
        d.undone("an error after the decision")
        d.goes_on("an error after the decision")
    d.prepare()
    d.session.run("BEGIN")
    d.session.run(GROW, d.many)
    d.session.run("SAVEPOINT a")
    d.session.run("SET LOCAL statement_timeout = '20ms'")
    d.session.attempt("SET CONSTRAINTS ALL IMMEDIATE")
    d.session.surely("ROLLBACK TO a")
    d.session.run("COMMIT")
    left = db.one("SELECT count(*) FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE u.name = ANY (%s)"
                  " AND t.expires_at IS NULL AND t.scopes LIKE '%%inherit%%'", d.many)
    check("an error that is caught: decided at commit", left == 0, left)
    agree(db, "an error that is caught")

    # idle with the decision taken: the lock ends with the session
    d.prepare()
    d.session.run("BEGIN")
    d.session.run(GROW, d.many)
    d.session.run("SET CONSTRAINTS ALL IMMEDIATE")
    pid = d.session.pid()
    d.session.run("SET idle_in_transaction_session_timeout = '200ms'")
    until = time.monotonic() + 60
    while time.monotonic() < until and db.one("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid):
        time.sleep(0.01)
    code = d.session.attempt("COMMIT")
    check("idle_in_transaction_session_timeout: fails as it should", code in ("25P03", "lost"), code)
    d.session.close()
    d.undone("idle_in_transaction_session_timeout")
    d.goes_on("idle_in_transaction_session_timeout")
    db.run("SELECT jhub_authz.set_option('lock_timeout', NULL)")


# ---------------------------------------------------------------- disk full


def small_disk(size):
    subprocess.run(["mount", "-o", f"remount,size={size}", os.environ["FAULTS_SMALL_DISK"]], check=True)


def full_disk(rng):
    """Our tables lie on a disk of 3 MB."""
    disk = os.environ.get("FAULTS_SMALL_DISK")
    if not disk:
        return
    db = Session()
    db.run("CREATE TABLESPACE small LOCATION %s", disk)
    ours = ["token_events", "token_baselines", "pending"]
    for filler in range(3):
        table = ours[filler]
        small_disk("64m")
        db.run(f"ALTER TABLE jhub_authz.{table} SET TABLESPACE small")
        for index, in db.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass", f"jhub_authz.{table}"):
            db.run(f"ALTER INDEX {index} SET TABLESPACE small")
        hub = Session(HUB)
        d = Decisions(db, rng)
        d.prepare()
        # full, but for what was there before
        db.run("CHECKPOINT")
        with open(os.path.join(disk, "filler"), "wb") as f:
            free = os.statvfs(disk)
            block = b"\0" * 4096
            for _ in range(max(0, free.f_bavail - rng.randint(0, 12))):
                f.write(block)
        failures = collections.Counter()
        for n in range(400):
            d.state = db.one(STATE) if n % 20 == 0 or failures else None
            hub.run("BEGIN")
            code = None
            kind = rng.choice(["issue", "bulk", "grow"]) if n else "bulk"
            try:
                if kind == "issue":
                    hub.run("SELECT jhub_authz.issue_token('user', 'k1')")
                elif kind == "bulk":
                    tokens(hub, "SELECT id FROM users WHERE name LIKE 'k%'", 4, "full")
                else:
                    hub.run("DELETE FROM user_role_map m USING roles r WHERE r.id = m.role_id AND r.name = 'grow-1'")
                    hub.run("SET CONSTRAINTS ALL IMMEDIATE")
                    hub.run(GROW, [f"k{rng.randint(1, PEOPLE)}" for _ in range(30)])
            except psycopg2.Error as error:
                code = error.pgcode
            code = hub.attempt("COMMIT") if code is None else (hub.attempt("ROLLBACK"), code)[1]
            if code is not None:
                failures[code] += 1
                check(f"disk full ({table}): 53100", code in ("53100",), f"{kind} {code}")
                if d.state:
                    d.undone(f"disk full ({table})")
                if sum(failures.values()) >= 6:
                    break
        check(f"disk full ({table}): it came to that", failures, table)
        saw(f"disk full ({table}): errors", sum(failures.values()))
        agree(db, f"disk full ({table})")
        os.unlink(os.path.join(disk, "filler"))
        d.session.close()
        d.session = hub
        hub.run("RESET ALL")
        d.before = d.settings()
        d.prepare()
        d.goes_on(f"disk full ({table}), then freed")
        for index, in db.rows("SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass", f"jhub_authz.{table}"):
            db.run(f"ALTER INDEX {index} SET TABLESPACE pg_default")
        db.run(f"ALTER TABLE jhub_authz.{table} SET TABLESPACE pg_default")
        hub.close()
    db.run("DROP TABLESPACE small")
    db.close()


# ---------------------------------------------------------------- memory


def address_space(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmSize:"):
                return int(line.split()[1]) * 1024


def limit_memory(pid, limit):
    """The soft limit only, so that it can be raised again; as the server's own user."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    subprocess.run([*as_user, "prlimit", "--pid", str(pid), f"--as={limit}:"], check=True, cwd="/")


def little_memory(rng, times):
    """A backend that gets no more than so many bytes while it decides for many tokens."""
    db = Session()
    db.run("SELECT setval('users_id_seq', greatest(1000, (SELECT max(id) FROM users)))")
    db.run("INSERT INTO users (name, admin, cookie_id) SELECT 'm' || i, false, 'cookie m' || i FROM generate_series(1, 300) i")
    db.run("INSERT INTO user_role_map SELECT id, 1, false FROM users WHERE name LIKE 'm%'")
    tokens(db, "SELECT id FROM users WHERE name LIKE 'm%'", 10, "m")
    d = Decisions(db, rng)
    grow = GROW.replace("u.name = ANY (%s)", "u.name LIKE 'm%'")
    for n in range(times):
        room = int(2 ** (rng.random() * 6.5 + 15.5))  # 46 kB to 4 MB
        if n % 2:
            room *= 8
        d.prepare()
        session = Session(HUB)
        if rng.random() < 0.5:  # its caches are warm
            session.run("SELECT jhub_authz.issue_token('user', 'k2')")
            session.run("DELETE FROM api_tokens WHERE id = (SELECT max(id) FROM api_tokens)")
            d.state = db.one(STATE)
        session.run("BEGIN")
        session.run(grow)
        pid = session.pid()
        limit_memory(pid, address_space(pid) + room)
        code = session.attempt("COMMIT")
        if code is None:
            saw("memory: there was enough")
            db.run("DELETE FROM user_role_map m USING roles r WHERE r.id = m.role_id AND r.name LIKE 'grow-%'")
            db.run("DELETE FROM api_tokens WHERE note = 'm'")
            tokens(db, "SELECT id FROM users WHERE name LIKE 'm%'", 10, "m")
            session.close()
            continue
        saw(f"memory: {code}")
        check("memory: an error, or the end of that session", code in ("53200", "lost", "57P01", "57P02"), code)
        if session.connection.closed:
            db = d.db = recovered()
            d.session = None
        else:
            limit_memory(pid, "unlimited")
            session.attempt("ROLLBACK")
            if d.session:
                d.session.close()
            d.session = session
            d.before = d.settings()
        d.undone("memory")
        if d.session is None:
            d.session = Session(HUB)
            d.before = d.settings()
        d.goes_on("memory, then more of it")
    db.run("DELETE FROM users WHERE name LIKE 'm%'")


# ---------------------------------------------------------------- all of it


def main():
    rng = random.Random(SEED)
    db = populate()
    agree(db, "at the beginning")
    only = os.environ.get("FAULTS_ONLY", "").split()

    def part(name, work):
        if not only or name in only:
            begin = time.monotonic()
            work()
            print(f"# {name}: {time.monotonic() - begin:.0f} s", flush=True)

    part("disk", lambda: full_disk(rng))
    part("decisions", lambda: decisions(db, rng, max(5, KILLS // 8)))
    part("memory", lambda: little_memory(rng, max(8, KILLS // 8)))
    db.connection.closed or db.close()
    part("kills", kills)

signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
try:
    main()
finally:
    for what, n in sorted(seen.items()):
        print(f"# {what}: {n}")
    for what, (passed, failed) in counts.items():
        print(f"{'not ok' if failed else 'ok'} - {what}: {passed}" + (f", and {failed} not" if failed else ""))
    print(f"{sum(p for p, _ in counts.values())} passed, {sum(f for _, f in counts.values())} failed")
sys.exit(any(f for _, f in counts.values()))
