#!/usr/bin/python3
"""From JupyterHub 2.x to every later release, in SQL and on the hub's own way.

    run.py --pg DIR [--seed S] [--size N] OLD=PYTHON VIA=PYTHON NEW=PYTHON ...

DIR is a folder of testbed/pg: started, with the extension installed.  Each
NAME=PYTHON is a release of JupyterHub and a Python that has it: the first makes
the database (2.3.1), the second is the newest that goes through by itself
(4.1.6), the others are gone to directly.

1. The database after upgrade_token_roles() and the hub's own upgrade-db is,
   column for column and row for row, what the hub's own way leaves; only the
   order within a JSON list may differ.
2. Every release's upgrade-db goes through after it, the hub starts, and every
   old token answers on its REST API as after the hub's own way.
3. The direct way without us fails as it does today.

Last line: N passed, N failed.
"""
import argparse
import http.server
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
REAL_HUB = HERE.parent / "real_hub"
sys.path.insert(0, str(REAL_HUB))
from real_hub import free_ports  # noqa: E402

LISTS = ("scopes", "allowed_scopes")    # columns that hold a JSON list
# Of the direct way, JupyterHub issue 5427: the classes of today read the tables of 2.x.  Which of
# a user's roles, groups and shares SQLAlchemy comes to first is by their addresses in memory.
FAILURE = re.compile(r'column \S+ does not exist|relation "shares" does not exist')

# what a token is asked to read of single users, groups and services
PATHS = [f"/{kind}/{urllib.parse.quote(name, safe='')}" for kind, names in (
    ("users", ["zo\u00eb", "alice", "o'brien"]), ("groups", ["physics", "gr\u00fcppe"]), ("services", ["announce"]))
    for name in names] + ["/info", "/proxy"]

passed = failed = 0


def result(good, what, why=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    print(("ok" if good else "not ok"), "-", what, flush=True)
    if not good and why:
        print("    " + str(why)[:3000].replace("\n", "\n    "), flush=True)


class Server:
    """The throwaway PostgreSQL, through psql."""

    def __init__(self, folder):
        script = '. "$1/pg.env" && env -0'
        out = subprocess.run(["bash", "-c", script, "-", folder], capture_output=True, text=True, check=True).stdout
        self.env = dict(line.split("=", 1) for line in out.split("\0") if "=" in line)
        self.folder = folder

    def psql(self, sql, database="postgres", check=True):
        done = subprocess.run(["psql", "-XqtA", "-v", "ON_ERROR_STOP=1", "-d", database],
                              input=sql, env=self.env, text=True, capture_output=True)
        if check and done.returncode:
            sys.exit(f"{sql}\n{done.stderr}")
        return done.stdout.strip() if check else done

    def make(self, database, template="template0"):
        self.psql(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE);')
        self.psql(f'CREATE DATABASE "{database}" TEMPLATE "{template}" ENCODING \'UTF8\'')

    def url(self, database):
        return f"postgresql+psycopg2:///{database}?host={self.env['PGHOST']}&user={self.env['PGUSER']}"

    def upgrade_db(self, python, database):
        """The hub's own command."""
        return subprocess.run(
            [python, "-W", "ignore", "-m", "jupyterhub", "upgrade-db", f"--JupyterHub.db_url={self.url(database)}"],
            env=dict(self.env, PATH=os.path.dirname(os.path.abspath(python)) + os.pathsep + self.env["PATH"]),
            text=True, capture_output=True, cwd=self.folder)

    def ours(self, database):
        """upgrade_token_roles, as an administrator calls it, in one transaction."""
        self.psql("CREATE EXTENSION jhub_authz; SELECT count(*) FROM jhub_authz.upgrade_token_roles();", database)


def tables(server, database):
    """{table: (columns, rows)}, with JSON lists sorted."""
    out = {}
    names = server.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1", database).split()
    for name in names:
        columns = server.psql("SELECT string_agg(format('%s %s %s', attname, format_type(atttypid, atttypmod), attnotnull),"
                              f" ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = '{name}'::regclass"
                              " AND attnum > 0 AND NOT attisdropped", database)
        rows = json.loads(server.psql(f"SELECT coalesce(json_agg(t), '[]') FROM {name} t", database))
        for row in rows:
            for column in LISTS:
                if row.get(column):
                    row[column] = sorted(json.loads(row[column]))
        out[name] = (columns, sorted(rows, key=lambda row: json.dumps(row, sort_keys=True)))
    constraints = server.psql("SELECT string_agg(conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid), E'\\n'"
                              " ORDER BY 1) FROM (SELECT * FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
                              " ORDER BY conrelid::regclass::text, conname) c", database)
    out["(constraints)"] = ("", sorted(constraints.splitlines()))
    return out


def compare(ours, theirs, what):
    result(ours.keys() == theirs.keys(), f"{what}: the same tables", (sorted(ours), sorted(theirs)))
    for name in ours.keys() & theirs.keys():
        result(ours[name][0] == theirs[name][0], f"{what}: the columns of {name}", (ours[name][0], theirs[name][0]))
        differ = [(a, b) for a, b in zip(ours[name][1], theirs[name][1]) if a != b][:3]
        result(len(ours[name][1]) == len(theirs[name][1]) and not differ,
               f"{what}: the {len(ours[name][1])} rows of {name}", differ)


# ---------------------------------------------------------------- a running hub


class Up(http.server.BaseHTTPRequestHandler):
    """What the hub takes for a server that runs."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "2.3.1")
        self.end_headers()

    do_HEAD = do_POST = do_GET

    def log_message(self, *args):
        pass


class Hub:
    def __init__(self, server, name, python, database):
        port, other = free_ports(2)
        self.url = f"http://127.0.0.1:{port}/hub/api"
        self.folder = Path(server.folder) / f"hub-{database}"
        self.folder.mkdir(exist_ok=True)
        self.log = self.folder / "hub.log"
        env = dict(server.env, FROM_2_DB_URL=server.url(database), FROM_2_PORT=str(port), FROM_2_OTHER_PORT=str(other),
                   PATH=os.path.dirname(os.path.abspath(python)) + os.pathsep + server.env["PATH"],
                   JUPYTERHUB_CRYPT_KEY="", PYTHONDONTWRITEBYTECODE="1", PYTHONPATH=str(REAL_HUB))
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [python, "-W", "ignore", "-m", "jupyterhub", "-f", str(HERE / "hub_config.py")], cwd=self.folder, env=env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 400
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(f"{self.url}/", timeout=5)
                return
            except OSError:
                time.sleep(0.1)
        self.stop()
        sys.exit(f"JupyterHub {name} did not start:\n{self.log.read_text()[-3000:]}")

    def get(self, path, token):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"token {token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, None

    def answers(self, tokens):
        """What each token gets: who it is, what it may do, whom it sees."""
        found = {}
        for number, clear in tokens.items():
            status, me = self.get("/user", clear)
            row = {"status": status}
            if me:
                row["me"] = {key: me.get(key) for key in ("kind", "name", "admin")}
                for key in ("scopes", "roles", "groups"):
                    row["me"][key] = sorted(me.get(key) or [])
            row["reads"] = {path: self.get(path, clear)[0] for path in PATHS}
            for path in ("/users", "/groups", "/services"):
                status, body = self.get(path, clear)
                names = [m["name"] for m in (body.values() if isinstance(body, dict) else body)] if body else []
                row[path] = (status, sorted(names))
            found[number] = row
        return found

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def ask(server, name, python, database, tokens):
    hub = Hub(server, name, python, database)
    try:
        return hub.answers(tokens)
    finally:
        hub.stop()


# ---------------------------------------------------------------- the steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pg", required=True)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--size", type=int, default=20)
    parser.add_argument("release", nargs="+")
    args = parser.parse_args()
    server = Server(args.pg)
    releases = dict(r.split("=", 1) for r in args.release)
    old, via, *_ = releases
    news = [name for name in releases if name not in (old,)]
    print(f"seed {args.seed}")

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Up)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    server.make("from_2")
    made = subprocess.run([releases[old], "-W", "ignore", str(HERE / "make_hub.py"), server.url("from_2"), str(args.seed),
                           str(args.size), str(web.server_port)], env=server.env, text=True, capture_output=True)
    if made.returncode:
        sys.exit(made.stderr)
    tokens = json.loads(made.stdout.splitlines()[-1])
    print(f"{len(tokens)} tokens made by JupyterHub {old}")

    # what they could do before
    server.make("from_2_before", "from_2")
    before = ask(server, old, releases[old], "from_2_before", tokens)

    dry_run(server)
    for name in news:
        go(server, releases, via, name, tokens, before)
    direct(server, releases, [name for name in news if name > via])
    web.shutdown()
    print(f"{passed} passed, {failed} failed")
    return failed > 0


def dry_run(server):
    """It says what will be done and does nothing; then it is done, and again."""
    server.make("from_2_dry", "from_2")
    before = tables(server, "from_2_dry")
    server.psql("CREATE EXTENSION jhub_authz", "from_2_dry")
    sql = "SELECT json_agg(r ORDER BY r.object_kind, r.object_id) FROM jhub_authz.upgrade_token_roles({}) r"
    errors = server.psql("SELECT count(*) FROM jhub_authz.upgrade_check() WHERE level = 'error'", "from_2_dry")
    said = server.psql(sql.format("true"), "from_2_dry")
    result(errors == "0", "upgrade_check finds no error")
    result(tables(server, "from_2_dry") == before, "the dry run changes nothing")
    for how in ("pg_cancel_backend", "pg_terminate_backend"):
        cut = server.psql("BEGIN; SELECT count(*) FROM jhub_authz.upgrade_token_roles();"
                          f" SELECT {how}(pg_backend_pid()); COMMIT", "from_2_dry", check=False)
        result(cut.returncode != 0 and tables(server, "from_2_dry") == before, f"interrupted by {how}, nothing is changed", cut)
    result(server.psql(sql.format("false"), "from_2_dry") == said, "what is done is what the dry run said")
    after = tables(server, "from_2_dry")
    result(server.psql(sql.format("false"), "from_2_dry") == "", "done twice, there is nothing to do")
    result(tables(server, "from_2_dry") == after, "done twice, nothing changes")
    wrong = server.psql("SELECT count(*) FROM api_tokens t WHERE (t.scopes IS NULL) <> NOT EXISTS (SELECT FROM"
                        " jhub_authz.token_events e WHERE e.token_id = t.id AND e.action = 'migrated')", "from_2_dry")
    result(wrong == "0", "an event says migrated for each token that got scopes")
    server.psql("SELECT jhub_authz.attach()", "from_2_dry")
    wrong = server.psql("SELECT count(*) FROM api_tokens t LEFT JOIN jhub_authz.token_baselines b ON b.token_id = t.id"
                        " WHERE (t.expires_at IS NULL OR t.expires_at > now() AT TIME ZONE 'UTC') AND b.token_id IS NULL", "from_2_dry")
    result(wrong == "0", "attach records a baseline for each live token")
    revoked = server.psql("SELECT count(*) FROM jhub_authz.token_events WHERE action IN ('revoked', 'narrowed')", "from_2_dry")
    result(revoked == "0", "no token is revoked or narrowed", revoked)


def both(server, name, python, databases, tokens):
    """What copies of two databases answer."""
    for database, copy in databases:
        server.make(copy, database)
        yield ask(server, name, python, copy, tokens)


def as_before(was, ours, theirs):
    return ours == theirs and (ours["status"] == 500 or was["status"] == ours["status"])


def go(server, releases, via, name, tokens, before):
    """Directly to a release, and every old token asked; beside it the hub's own way."""
    server.make("from_2_new", "from_2")
    server.ours("from_2_new")
    done = server.upgrade_db(releases[name], "from_2_new")
    result(done.returncode == 0, f"upgrade-db of {name} goes through after upgrade_token_roles", done.stderr)
    if done.returncode:
        return
    server.make("from_2_own", "from_2")
    for step in [via, name] if name > via else [name]:
        done = server.upgrade_db(releases[step], "from_2_own")
        if done.returncode:
            result(False, f"the hub's own way goes to {name}", done.stderr)
            return
    compare(tables(server, "from_2_new"), tables(server, "from_2_own"), name)
    asked = [("from_2_new", "from_2_new_asked"), ("from_2_own", "from_2_own_asked")]
    ours, theirs = both(server, name, releases[name], asked, tokens)
    # a hub that is short of time may take a server for dead, with its token; it then is so once only
    again = {number: tokens[number] for number in tokens if not as_before(before[number], ours[number], theirs[number])}
    if again:
        for number in again:
            print(f"    {name}: token {number} is asked about once more: {before[number]} {ours[number]} {theirs[number]}")
        for answers, more in zip((ours, theirs), both(server, name, releases[name], asked, again)):
            answers.update(more)
    for number in tokens:
        result(ours[number] == theirs[number], f"{name}: token {number} answers as on the hub's own way",
               (ours[number], theirs[number]))
        was, now = before[number], ours[number]
        # 3.0 on dies of what is no scope, and 3.1.1 of some filters: the hub's own way leads there as well
        if now["status"] == theirs[number]["status"] == 500:
            print(f"    {name}: token {number} is answered with 500 on both ways")
            continue
        same = was["status"] == now["status"]
        if same and "me" in was:
            same = all(was["me"][key] == now["me"][key] for key in ("kind", "name"))
        result(same, f"{name}: token {number} is accepted as before", (was, now))
        lost = [path for path, status in was["reads"].items() if status == 200 and now["reads"][path] != 200]
        result(not lost, f"{name}: token {number} reads what its roles let it read", (lost, was, now))


def errors_in(done):
    """What a command says of errors, without the calls that led to them."""
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if line and not line.startswith(" ")][-30:]


def direct(server, releases, names):
    """The failure that this is for, so that its end is noticed."""
    for name in names:
        # what else may have come in between (a connection, memory) is said, and it is tried again
        for _ in range(3):
            server.make("from_2_direct", "from_2")
            done = server.upgrade_db(releases[name], "from_2_direct")
            why = FAILURE.search(done.stderr + done.stdout)
            if why or done.returncode == 0:
                break
            print(f"    {name}: another error\n" + "\n".join(f"    {line}" for line in errors_in(done)))
        result(done.returncode != 0 and why, f"the direct way to {name} without us fails as ever", errors_in(done))
        print(f"    {why.group() if why else 'mended upstream, or another error?'}")
        revision = server.psql("SELECT version_num FROM alembic_version", "from_2_direct")
        result(revision == "833da8570507", f"and leaves the database of 2.x after {name}", revision)


if __name__ == "__main__":
    sys.exit(main())
