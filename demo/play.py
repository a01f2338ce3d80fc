#!/usr/bin/python3
"""Plays the main job against a real JupyterHub, and checks every step.

    demo/play.py FOLDER      (started by demo/run; PGHOST and PGUSER are set)

Everything shown is done: each SQL statement is printed and then run by psql,
each request goes to the hub over HTTP.  The first thing that is not as it
should be ends the demo with status 1.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

FOLDER = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
DATABASE = "hub"


class NotAsSaid(Exception):
    """A step did not do what the demo says it does."""


# ---------------------------------------------------------------- showing


def title(text):
    print(f"\n== {text}", flush=True)


def say(text):
    print(text, flush=True)


checks = 0


def check(condition, otherwise):
    global checks
    if not condition:
        raise NotAsSaid(otherwise)
    checks += 1


def indent(text, mark):
    return "\n".join(mark + line for line in text.splitlines())


# ---------------------------------------------------------------- SQL


def psql(sql, *options, database=DATABASE):
    done = subprocess.run(
        ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", database, *options],
        input=sql,
        capture_output=True,
        text=True,
    )
    check(done.returncode == 0, f"SQL failed: {sql}\n{done.stderr}")
    return done.stdout


def quietly(sql, **kwargs):
    return psql(sql, "-q", **kwargs)


def ask(sql):
    """Rows of a query as dictionaries, not shown."""
    return json.loads(
        psql(f"SELECT coalesce(json_agg(q), '[]') FROM ({sql}) q", "-At")
    )


def shown(sql, hide=()):
    """Show a statement and what psql prints for it."""
    print(indent(sql, "    "), flush=True)
    out = psql(sql + ";", "-P", "footer=off", "-P", "null=(null)").rstrip()
    for secret in hide:
        out = out.replace(secret, secret[:4] + "...")
    print(indent(out, "    | "), flush=True)


# ---------------------------------------------------------------- the hub


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [str(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Hub:
    """Debian's JupyterHub with its proxy, in FOLDER, on free ports of loopback."""

    def __init__(self):
        port, hub_port, proxy_port = free_ports(3)
        self.url = f"http://127.0.0.1:{port}/hub/api"
        self.log = os.path.join(FOLDER, "hub.log")
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": FOLDER,
            "TMPDIR": FOLDER,
            "LANG": "C.UTF-8",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "NODE_PATH": "/usr/share/nodejs",
            # the Unix socket; the role that owns the tables is no superuser
            "PGHOST": os.environ["PGHOST"],
            "DEMO_DB_URL": f"postgresql://jupyterhub@/{DATABASE}",
            "DEMO_PORT": port,
            "DEMO_HUB_PORT": hub_port,
            "DEMO_PROXY_PORT": proxy_port,
        }

    def start(self):
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", "-m", "jupyterhub"]
                + ["-f", os.path.join(HERE, "jupyterhub_config.py")],
                cwd=FOLDER,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + 400
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                if self.get("/")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        with open(self.log) as log:
            print(log.read()[-4000:], file=sys.stderr)
        raise NotAsSaid("the hub did not start")

    def stop(self):
        if getattr(self, "process", None) is None:
            return
        self.process.send_signal(signal.SIGTERM)  # stops its proxy, too
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def get(self, path, token=None):
        """Status and JSON answer of a GET request to the REST API."""
        request = urllib.request.Request(self.url + path)
        if token:
            request.add_header("Authorization", f"token {token}")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=20) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            body = error.read().decode(errors="replace")
            try:
                return error.code, json.loads(body)
            except ValueError:
                return error.code, body

    def shown(self, path, name, token, expected):
        """Show a request with a token and how the hub answers."""
        status, answer = self.get(path, token)
        print(f"    GET /hub/api{path}   with {name}", flush=True)
        if status == 200 and isinstance(answer, list):
            result = "users: " + ", ".join(user["name"] for user in answer)
        elif status == 200:
            result = "I am " + answer["name"]
        else:
            result = answer.get("message", "") if isinstance(answer, dict) else ""
        print(f"    | {status}  {result}", flush=True)
        check(status == expected, f"the hub answered {status}, not {expected}")
        return answer


# ---------------------------------------------------------------- the play


def play(hub):
    title("A JupyterHub")
    quietly(
        "CREATE ROLE jupyterhub LOGIN; CREATE DATABASE hub OWNER jupyterhub;",
        database="postgres",
    )
    hub.start()
    version = hub.get("/")[1]["version"]
    say(
        f"JupyterHub {version} from Debian's package started and made its tables in the\n"
        "empty database.  Its users: alice and bob of the group physics, and carol."
    )
    hub.stop()

    title("The extension is added to the hub's database")
    shown("CREATE EXTENSION jhub_authz")
    shown("SELECT jhub_authz.attach()")
    shown("SELECT hub_schema, hub_release, mode, live_tokens FROM jhub_authz.status")
    found = ask("SELECT mode, hub_release FROM jhub_authz.status")[0]
    check(found["mode"] == "enforce", "mode")
    if not version.startswith(found["hub_release"] + "."):
        say(f"The tables of {version} are those of {found['hub_release']}, too: it goes by the newer one.")
    hub.start()
    say("The hub was started again, and knows nothing of it.")

    title("Two tokens are issued to alice, in SQL")
    say(
        "One for a script, with the role roster-script: it may list all users.  alice\n"
        "herself may list those of physics only."
    )
    script = issue("roles => '{roster-script}', note => 'roster script'")
    check(
        "list:users!group=physics" in script["granted"]
        and "list:users" not in script["granted"]
        and script["refused"] == ["list:users"],
        f"the token was not narrowed to what alice holds: {script}",
    )
    say("What she does not hold was refused, the part that she holds is fixed.")
    say("\nOne as the hub's own page makes them: it may whatever alice may.")
    everyday = issue("note => 'everyday'")
    check(everyday["granted"] == ["inherit"], f"granted {everyday['granted']}")

    title("The running hub accepts both")
    users = hub.shown("/users", "the script's token", script["token"], 200)
    check({u["name"] for u in users} == {"alice", "bob"}, "other users than those of physics")
    hub.shown("/user", "the everyday token", everyday["token"], 200)

    title("Each token has a baseline: what it could do when it was issued")
    shown(
        "SELECT token_id, (SELECT string_agg(scope, ' ' ORDER BY scope)\n"
        "                    FROM jhub_authz.scope_explode(baseline)\n"
        "                   WHERE scope ~ '^(access|list)') AS excerpt\n"
        "  FROM jhub_authz.token_baselines ORDER BY token_id"
    )
    check(len(ask("SELECT FROM jhub_authz.token_baselines b")) >= 2, "no baselines")

    title("Behind the hub's back, alice gains a role")
    shown(
        "INSERT INTO user_role_map (user_id, role_id)\n"
        "SELECT u.id, r.id FROM users u, roles r\n"
        " WHERE u.name = 'alice' AND r.name = 'all-servers'"
    )
    say(
        "The everyday token would now reach every server: more than when it was issued.\n"
        "The script's token would not."
    )
    hub.shown("/user", "the everyday token", everyday["token"], 403)
    users = hub.shown("/users", "the script's token", script["token"], 200)
    check({u["name"] for u in users} == {"alice", "bob"}, "other users than those of physics")
    say("The hub refuses the token that grew.  The fixed one goes on, with what it had.")

    title("The event says what was gained, and who did it")
    shown(
        "SELECT token_id, action, gained, actor, reason\n"
        "  FROM jhub_authz.token_events WHERE action = 'revoked'"
    )
    events = ask("SELECT token_id, gained::text FROM jhub_authz.token_events WHERE action = 'revoked'")
    check(
        [e["token_id"] for e in events] == [everyday["token_id"]]
        and json.loads(events[0]["gained"]) == ["access:servers"],
        f"unexpected events {events}",
    )

    title("Who can reach alice's server, and by which grant?")
    shown(
        "SELECT subject, via_role, via_group FROM jhub_authz.who_can('access:servers!server=alice/')\n"
        " WHERE subject_kind = 'user' ORDER BY 1, 2, 3"
    )
    for owner, expected in (("alice", {"alice", "bob"}), ("carol", {"alice", "carol"})):
        reach = f"SELECT subject FROM jhub_authz.who_can('access:servers!server={owner}/') WHERE subject_kind = 'user'"
        found = {row["subject"] for row in ask(reach)}
        check(found == expected, f"{owner}'s server is reached by {found}")

    title("Why may bob?")
    why = "SELECT says FROM jhub_authz.explain('user', 'bob', 'access:servers!server=alice/') ORDER BY chain, step"
    shown(why)
    check(any("is in group" in row["says"] for row in ask(why)), "explain names no group")

    title("All is well with the rest")
    shown("SELECT * FROM jhub_authz.self_check()")
    check(not ask("SELECT level FROM jhub_authz.self_check() WHERE level = 'error'"), "self_check")


def issue(arguments):
    """Show issue_token() as one would call it; the token is not printed whole."""
    sql = f"SELECT * FROM jhub_authz.issue_token('user', 'alice', {arguments})"
    print(indent(sql, "    "), flush=True)
    row = json.loads(psql(f"SELECT row_to_json(q) FROM ({sql}) q", "-At"))
    check(re.fullmatch("[0-9a-f]{32}", row["token"]), "no token of 32 hex digits")
    for key in ("granted", "refused"):
        value = row[key]
        row[key] = json.loads(value) if isinstance(value, str) else (value or [])
    print(f"    | token_id {row['token_id']}, token {row['token'][:4]}...")
    print(f"    | granted  {json.dumps(row['granted'])}")
    print(f"    | refused  {json.dumps(row['refused'])}", flush=True)
    return row


def main():
    hub = Hub()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        play(hub)
        title("As said, at every step")
        print(f"{checks} passed, 0 failed")
    except NotAsSaid as problem:
        print(f"\nNot as said: {problem}\n{checks} passed, 1 failed", file=sys.stderr)
        sys.exit(1)
    finally:
        hub.stop()


if __name__ == "__main__":
    main()
