#!/usr/bin/python3
"""A real hub under load, while grants change behind its back.

    drive.py FOLDER PYTHON SECONDS SEED     (started by run; PGHOST is set)

PYTHON is one that has JupyterHub.  Clients log in, start and stop servers, make,
use and delete tokens, go through OAuth, join and leave groups, all over HTTP;
another thread changes roles, assignments, memberships, shares, policies and the
mode in SQL.  In between the hub is restarted, killed, and restarted while the
database says something else than its configuration.  Everything is random, by
the seed.

What SQL takes away is never what the hub itself would take away: the hub keeps
rows in memory, and a row that is gone is an error to it, with us and without.
"""

import base64
import collections
import hashlib
import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import psycopg2
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "real_hub"))
from real_hub import RealHub, free_ports  # noqa: E402

FOLDER, PYTHON, SECONDS, SEED = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
FOLDER = os.path.abspath(FOLDER)
USERS = [f"u{i}" for i in range(8)]
CLIENTS = 4
NEVER = 4.0e9


# ---------------------------------------------------------------- counting

counts = collections.OrderedDict()
counting = threading.Lock()


def check(what, ok, detail=""):
    with counting:
        passed_failed = counts.setdefault(what, [0, 0])
        passed_failed[0 if ok else 1] += 1
        if not ok and passed_failed[1] <= 5:
            print(f"not ok - {what}: {detail}", flush=True)
    return ok


seen = collections.Counter()


def saw(what):
    with counting:
        seen[what] += 1


# ---------------------------------------------------------------- the database


class Database:
    def __init__(self, user=None, isolation=None):
        self.connection = psycopg2.connect(
            dbname="hub", user=user or os.environ["PGUSER"], application_name="behind its back"
        )
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

    def run(self, sql, *args):
        self.cursor.execute(sql, args)

    def rows(self, sql, *args):
        self.cursor.execute(sql, args)
        return self.cursor.fetchall()

    def one(self, sql, *args):
        row = self.rows(sql, *args)
        return row[0][0] if row else None


# what a client of a database tries again: a serialization failure, a deadlock
RETRIED = ("40001", "40P01")
LIVE = "(t.expires_at IS NULL OR t.expires_at >= now() AT TIME ZONE 'UTC')"


# ---------------------------------------------------------------- the hub


class Down(Exception):
    """The hub is down, as it is meant to be."""


class Hub(RealHub):
    def __init__(self):
        super().__init__(FOLDER, PYTHON, os.path.join(HERE, "jupyterhub_config.py"))
        version = subprocess.run(
            [PYTHON, "-c", "import jupyterhub; print(jupyterhub.__version__)"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
        self.version = version
        self.major = int(version.split(".")[0])
        self.port, proxy_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}/hub"
        self.up = threading.Event()
        # 3.x fails at a group filter that meets a server filter, by itself
        servers = "access:servers!group=api1" if self.major > 3 else "access:servers!user=u3"
        self.setup = {
            "db_url": "postgresql+psycopg2://jupyterhub@/hub?host=" + os.environ["PGHOST"],
            "port": self.port,
            "proxy_port": proxy_port,
            "driver_token": secrets.token_hex(16),
            "custom_scopes": {
                "custom:lab:read": {"description": "reads the lab"},
                "custom:lab:write": {"description": "writes", "subscopes": ["custom:lab:read"]},
            },
            "roles": {
                "role-1": ["list:users!group=sql1"],
                "role-2": ["read:users:activity", "custom:lab:write"],
                "role-3": [servers, "read:groups:name"],
                "role-4": ["list:groups"],
                "role-5": ["self"],
                "role-6": ["read:users!group=sql2", "tokens!group=sql2"],
            },
            "driver_scopes": ["admin:users", "admin:groups", "admin:servers", "tokens", "read:hub"]
            + (["shares", "admin:services"] if self.major >= 5 else []),
        }

    def start(self, manage_groups=False):
        self.setup["manage_groups"] = manage_groups
        super().start(self.setup, self.url + "/api")
        self.up.set()

    def stop(self, how=signal.SIGTERM):
        self.up.clear()
        super().stop(how)

    def call(self, method, path, token=None, session=None, **kwargs):
        """Status, JSON or text, and the answer; a 500 is a failed check."""
        if not self.up.is_set():
            raise Down
        headers = kwargs.pop("headers", {})
        if token:
            headers["Authorization"] = "token " + token
        if session is not None and session.cookies.get("_xsrf"):
            headers["X-XSRFToken"] = xsrf(session)
        process = self.process
        try:
            answer = (session or requests).request(
                method, self.url + path, headers=headers, timeout=60, allow_redirects=False, **kwargs
            )
        except requests.RequestException as error:
            if not self.up.is_set() or self.process is not process:
                raise Down from None
            check("every request is answered", False, f"{method} {path}: {error}")
            raise Down from None
        check("every request is answered", True)
        ok = answer.status_code < 500
        if ok or self.up.is_set():
            check("no answer is an error of the hub's", ok, f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        return answer.status_code, body, answer


def xsrf(session):
    # a login leaves one for each path
    values = [c.value for c in session.cookies if c.name == "_xsrf"]
    return values[-1] if values else ""


# ---------------------------------------------------------------- the tokens


class Tokens:
    """Clear tokens by id, as they were handed out."""

    def __init__(self):
        self.lock = threading.Lock()
        self.clear = {}

    def add(self, token_id, clear):
        with self.lock:
            self.clear[int(str(token_id).lstrip("a"))] = clear

    def get(self, token_id):
        with self.lock:
            return self.clear.get(token_id)

    def some(self, rng, n):
        with self.lock:
            ids = list(self.clear)[-400:]
        return rng.sample(ids, min(n, len(ids)))


def token_status(hub, clear):
    return hub.call("GET", "/api/user", clear)


def check_token(hub, db, token_id, clear):
    """Is a token accepted exactly if the database says so?"""
    question = f"SELECT {LIVE} FROM api_tokens t WHERE t.id = %s"
    before = db.one(question, token_id)
    status, body, _ = token_status(hub, clear)
    after = db.one(question, token_id)
    if before and after:
        return check("a live token is accepted", status == 200, f"{token_id}: {status} {body}")
    if not before and not after:
        return check("a dead token is refused", status == 403, f"{token_id}: {status} {body}")


# ---------------------------------------------------------------- clients


class Client(threading.Thread):
    """Two users at a browser and their scripts."""

    def __init__(self, hub, tokens, number, seed, until):
        super().__init__(daemon=True)
        self.hub, self.tokens, self.until = hub, tokens, until
        self.rng = random.Random(seed)
        self.names = USERS[number::CLIENTS]
        self.sessions = {}
        self.mine = collections.defaultdict(list)
        self.db = Database()
        self.number = number

    def run(self):
        actions = [
            (self.login, 3), (self.make_token, 10), (self.use_token, 24), (self.delete_token, 5),
            (self.start_server, 3), (self.stop_server, 2), (self.server_token, 8), (self.oauth, 5),
            (self.groups, 5), (self.look_around, 8), (self.admin_flag, 1), (self.passing_user, 2),
            (self.share, 3), (self.token_page, 2),
        ]
        while time.monotonic() < self.until():
            action = self.rng.choices([a for a, _ in actions], [w for _, w in actions])[0]
            user = self.rng.choice(self.names)
            try:
                action(user)
                saw(action.__name__)
            except Down:
                time.sleep(0.2)
            except Exception as error:  # noqa: BLE001 - a broken client is a failure
                check("clients go on", False, f"{action.__name__}: {error!r}")

    def session(self, user):
        if user not in self.sessions:
            self.login(user)
        return self.sessions[user]

    def login(self, user):
        session = requests.Session()
        self.hub.call("GET", "/login", session=session)
        form = {"username": user, "password": ",".join(self.rng.sample(["api1", "api2", "api3"], self.rng.randint(0, 3)))}
        if xsrf(session):
            form["_xsrf"] = xsrf(session)
        status, body, _ = self.hub.call("POST", "/login", session=session, data=form)
        check("a login succeeds", status == 302, f"{user}: {status} {str(body)[:200]}")
        self.hub.call("GET", "/token", session=session)  # newer hubs: the _xsrf of the login
        self.sessions[user] = session

    def driver(self):
        return self.hub.setup["driver_token"]

    def make_token(self, user):
        body = self.rng.choice([
            {}, {"note": "ünicode"}, {"roles": ["token"]}, {"scopes": ["read:users:name!user", "read:groups:name"]},
            {"scopes": ["self"]}, {"scopes": ["list:users!group=sql1"]}, {"scopes": ["inherit"], "expires_in": 3600},
            {"scopes": [f"servers!user={user}", f"tokens!user={user}"]}, {"scopes": ["custom:lab:read"]},
            {"roles": ["role-5"]}, {"scopes": ["access:servers!user"]}, {"scopes": ["list:users"]},
        ])
        path = f"/api/users/{user}/tokens"
        if self.rng.random() < 0.4:
            # POST of a hub before 4.1 wants a referer, not an _xsrf
            status, answer, _ = self.hub.call(
                "POST", path, session=self.session(user), json=body,
                headers={"Referer": self.hub.url + "/token"},
            )
        else:
            status, answer, _ = self.hub.call(
                "POST", path, self.driver(), json=body)
        if status in (200, 201):
            saw("tokens made over HTTP")
            self.tokens.add(answer["id"], answer["token"])
            self.mine[user].append((answer["id"], answer["token"]))
        elif status not in (400, 403):
            check("a token is made or refused", False, f"{status} {answer}")

    def use_token(self, user):
        for token_id in self.tokens.some(self.rng, 2):
            check_token(self.hub, self.db, token_id, self.tokens.get(token_id))

    def look_around(self, user):
        for token_id in self.tokens.some(self.rng, 1):
            path = self.rng.choice(["/api/users", "/api/groups", f"/api/users/{user}", f"/api/users/{user}/tokens", "/api/services"])
            self.hub.call("GET", path, self.tokens.get(token_id))

    def delete_token(self, user):
        if self.mine[user]:
            token_id, _ = self.mine[user].pop(self.rng.randrange(len(self.mine[user])))
            status, answer, _ = self.hub.call("DELETE", f"/api/users/{user}/tokens/{token_id}", self.driver())
            check("a token is deleted", status in (204, 404), f"{status} {answer}")

    def token_page(self, user):
        session = self.session(user)
        self.hub.call("GET", self.rng.choice(["/token", "/home"]), session=session)

    def start_server(self, user):
        name = self.rng.choice(["", "lab"])
        path = f"/api/users/{user}/servers/{name}" if name else f"/api/users/{user}/server"
        status, answer, _ = self.hub.call("POST", path, self.driver())
        check("a server is started", status in (201, 202, 400, 429), f"{status} {answer}")

    def stop_server(self, user):
        name = self.rng.choice(["", "lab"])
        path = f"/api/users/{user}/servers/{name}" if name else f"/api/users/{user}/server"
        body = {"remove": True} if name and self.rng.random() < 0.3 else None
        status, answer, _ = self.hub.call("DELETE", path, self.driver(), json=body)
        check("a server is stopped", status in (202, 204, 400, 404), f"{status} {answer}")

    def servers(self, user):
        spool = os.path.join(FOLDER, "servers")
        found = []
        for name in os.listdir(spool) if os.path.isdir(spool) else []:
            try:
                with open(os.path.join(spool, name)) as f:
                    server = json.load(f)
                os.kill(server["pid"], 0)
            except (OSError, ValueError):
                continue
            if server["user"] == user:
                found.append(server)
        return found

    def server_token(self, user):
        """A server's own token goes on working, and reports activity."""
        for server in self.servers(user):
            row = self.db.rows("SELECT jhub_authz.authenticate(%s)", server["token"])
            if row and row[0][0]:
                self.tokens.add(row[0][0], server["token"])
                check_token(self.hub, self.db, row[0][0], server["token"])
                now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                self.hub.call(
                    "POST", f"/api/users/{user}/activity", server["token"],
                    json={"last_activity": now, "servers": {server["server"]: {"last_activity": now}}},
                )

    def oauth(self, user):
        """As a browser does that comes to a server: code, then token."""
        for server in self.servers(user)[:1]:
            verifier = secrets.token_urlsafe(48)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
            pkce = self.hub.major >= 6
            query = {
                "client_id": server["client_id"], "redirect_uri": server["callback"],
                "response_type": "code", "state": secrets.token_hex(8),
            }
            if pkce:
                query.update(code_challenge=challenge, code_challenge_method="S256")
            status, body, answer = self.hub.call(
                "GET", "/api/oauth2/authorize?" + urllib.parse.urlencode(query), session=self.session(user)
            )
            target = urllib.parse.urlsplit(answer.headers.get("Location", ""))
            code = urllib.parse.parse_qs(target.query).get("code")
            if status != 302 or not code:
                saw("oauth: no code")
                continue
            form = {
                "client_id": server["client_id"], "client_secret": server["token"], "grant_type": "authorization_code",
                "code": code[0], "redirect_uri": server["callback"],
            }
            if pkce:
                form["code_verifier"] = verifier
            status, body, _ = self.hub.call("POST", "/api/oauth2/token", data=form)
            if status != 200:
                saw("oauth: no token")
                continue
            saw("oauth tokens")
            clear = body["access_token"]
            row = self.db.rows("SELECT jhub_authz.authenticate(%s)", clear)
            if row and row[0][0]:
                self.tokens.add(row[0][0], clear)
                check_token(self.hub, self.db, row[0][0], clear)

    def groups(self, user):
        if self.hub.setup["manage_groups"]:
            return self.login(user)
        group = self.rng.choice(["api1", "api2", "api3"])
        method = self.rng.choice(["POST", "DELETE"])
        status, answer, _ = self.hub.call(method, f"/api/groups/{group}/users", self.driver(), json={"users": [user]})
        check("a group is joined or left", status == 200, f"{status} {answer}")

    def admin_flag(self, user):
        status, answer, _ = self.hub.call(
            "PATCH", f"/api/users/{user}", self.driver(), json={"admin": self.rng.random() < 0.3}
        )
        check("an admin flag is set", status == 200, f"{status} {answer}")

    def passing_user(self, user):
        """Somebody who comes, is renamed and goes."""
        name = f"passing{self.number}x{self.rng.randrange(10**6)}"
        call, driver = self.hub.call, self.driver()
        status, answer, _ = call("POST", f"/api/users/{name}", driver)
        if not check("a user is made", status == 201, f"{status} {answer}"):
            return
        status, answer, _ = call("POST", f"/api/users/{name}/tokens", driver, json={"scopes": ["inherit"]})
        if check("a new user gets a token", status in (200, 201), f"{status} {answer}"):
            self.tokens.add(answer["id"], answer["token"])
            token_id, clear = int(str(answer["id"]).lstrip("a")), answer["token"]
            call("PATCH", f"/api/users/{name}", driver, json={"name": name + "ren"})
            name += "ren"
            check_token(self.hub, self.db, token_id, clear)
        if self.rng.random() < 0.7:
            status, answer, _ = call("DELETE", f"/api/users/{name}", driver)
            check("a user is deleted", status == 204, f"{status} {answer}")

    def share(self, user):
        if self.hub.major < 5 or not self.db.one(
            "SELECT 1 FROM spawners s JOIN users u ON u.id = s.user_id WHERE u.name = %s AND s.name = ''", user
        ):
            return
        method, path = self.rng.choice([("POST", f"/api/shares/{user}/"), ("PATCH", f"/api/shares/{user}/")])
        # SQL shares with the first four users
        status, answer, _ = self.hub.call(method, path, self.driver(), json={"user": self.rng.choice(USERS[4:])})
        check("a share is made or ended", status in (200, 400, 404), f"{status} {answer}")


# ---------------------------------------------------------------- behind its back


class Changer(threading.Thread):
    def __init__(self, hub, tokens, seed, until):
        super().__init__(daemon=True)
        self.hub, self.tokens, self.until = hub, tokens, until
        self.rng = random.Random(seed)
        self.db = Database()
        self.names = list(hub.setup["roles"])
        self.mode = "enforce"
        self.managed = ", managed_by_auth" if hub.major >= 5 else ""
        self.false = ", false" if hub.major >= 5 else ""
        self.scopes = sorted({s for scopes in hub.setup["roles"].values() for s in scopes}) + [
            "list:services", "read:hub", "users:activity", "read:users!user=u1", "custom:lab:read",
            "admin:groups", "tokens!user=u2", "list:users", "access:servers!user=u5",
        ]
        self.seen_event = 0
        self.temporary = 0

    def run(self):
        changes = [
            (self.role_scopes, 8), (self.assign, 10), (self.unassign, 10), (self.group_role, 4),
            (self.no_group_role, 4), (self.rename_role, 2), (self.rename_group, 1), (self.temporary_role, 3),
            (self.share, 4), (self.policy, 1), (self.off_and_on, 1), (self.revoke, 3), (self.revoke_owner, 1),
            (self.issue, 8), (self.flicker, 6), (self.again_attached, 1), (self.rolled_back, 3), (self.veto, 2),
            (self.several, 5), (self.join_group, 6), (self.leave_group, 6), (self.scope_definition, 1),
        ]
        while time.monotonic() < self.until():
            change = self.rng.choices([c for c, _ in changes], [w for _, w in changes])[0]
            if self.hub.setup["manage_groups"] and change in (self.join_group, self.leave_group):
                continue
            try:
                change()
                saw(change.__name__)
            except psycopg2.Error as error:
                self.db.connection.rollback()
                self.db.connection.autocommit = True
                saw(f"SQLSTATE {error.pgcode} in {change.__name__}")
                check("SQL fails only where it may", error.pgcode in RETRIED,
                      f"{change.__name__}: {error.pgcode} {error}")
                self.as_it_was()
            try:
                self.check_revoked()
            except Down:
                time.sleep(0.2)

    # every revoked token is refused at once

    def check_revoked(self):
        rows = self.db.rows(
            "SELECT event_id, token_id FROM jhub_authz.token_events"
            " WHERE event_id > %s AND action = 'revoked' ORDER BY event_id", self.seen_event,
        )
        for event_id, token_id in rows[:40]:
            clear = self.tokens.get(token_id)
            if clear:
                status, body, _ = token_status(self.hub, clear)
                check("a revoked token is refused from the next request on", status == 403, f"{token_id}: {status} {body}")
            self.seen_event = event_id
        if rows:
            self.seen_event = rows[-1][0]

    # small changes

    def users(self, n=1):
        return self.rng.sample(USERS, n)

    def role_scopes(self):
        self.db.run(
            "UPDATE roles SET scopes = %s WHERE name = %s",
            json.dumps(self.rng.sample(self.scopes, self.rng.randint(0, 3))), self.rng.choice(self.names),
        )

    def assign(self):
        self.db.run(
            f"INSERT INTO user_role_map (user_id, role_id{self.managed}) SELECT u.id, r.id{self.false}"
            " FROM users u, roles r WHERE u.name = ANY (%s) AND r.name = %s ON CONFLICT DO NOTHING",
            self.users(self.rng.randint(1, 3)), self.rng.choice(self.names),
        )

    def unassign(self):
        self.db.run(
            "DELETE FROM user_role_map m USING users u, roles r WHERE u.id = m.user_id AND r.id = m.role_id"
            " AND u.name = ANY (%s) AND r.name = ANY (%s)",
            self.users(3), self.rng.sample(self.names, 3),
        )

    def group_role(self):
        self.db.run(
            f"INSERT INTO group_role_map (group_id, role_id{self.managed}) SELECT g.id, r.id{self.false}"
            " FROM groups g, roles r WHERE g.name = %s AND r.name = %s ON CONFLICT DO NOTHING",
            self.rng.choice(["api1", "api2", "sql1", "sql2"]), self.rng.choice(self.names),
        )

    def no_group_role(self):
        self.db.run(
            "DELETE FROM group_role_map m USING groups g, roles r WHERE g.id = m.group_id AND r.id = m.role_id"
            " AND g.name = %s AND r.name = ANY (%s)",
            self.rng.choice(["api1", "api2", "sql1", "sql2"]), self.rng.sample(self.names, 4),
        )

    def join_group(self):
        self.db.run(
            "INSERT INTO user_group_map (user_id, group_id) SELECT u.id, g.id FROM users u, groups g"
            " WHERE u.name = ANY (%s) AND g.name = %s ON CONFLICT DO NOTHING",
            self.users(2), self.rng.choice(["sql1", "sql2"]),
        )

    def leave_group(self):
        self.db.run(
            "DELETE FROM user_group_map m USING users u, groups g WHERE u.id = m.user_id AND g.id = m.group_id"
            " AND u.name = ANY (%s) AND g.name = %s",
            self.users(4), self.rng.choice(["sql1", "sql2"]),
        )

    def rename_role(self):
        name = self.rng.choice(self.names)
        self.db.run("UPDATE roles SET name = %s WHERE name = %s", name + "-renamed", name)
        self.db.run("UPDATE roles SET name = %s WHERE name = %s", name, name + "-renamed")

    def rename_group(self):
        name = self.rng.choice(["sql1", "sql2"])
        self.db.run("UPDATE groups SET name = %s WHERE name = %s", name + "-renamed", name)
        self.db.run("UPDATE groups SET name = %s WHERE name = %s", name, name + "-renamed")

    def temporary_role(self):
        self.temporary += 1
        name = f"temporary-{self.temporary}"
        columns, values = ("name, scopes, managed_by_auth", "%s, %s, false") if self.managed else ("name, scopes", "%s, %s")
        self.db.run(f"INSERT INTO roles ({columns}) VALUES ({values})", name, json.dumps(self.rng.sample(self.scopes, 2)))
        self.db.run(
            f"INSERT INTO user_role_map (user_id, role_id{self.managed}) SELECT u.id, r.id{self.false}"
            " FROM users u, roles r WHERE u.name = %s AND r.name = %s", self.rng.choice(USERS), name,
        )
        self.db.run("DELETE FROM roles WHERE name = %s", name)

    def share(self):
        if not self.managed:
            return
        self.db.run("DELETE FROM shares WHERE created_at < '2001-01-01'")
        self.db.run(
            "INSERT INTO shares (owner_id, spawner_id, user_id, group_id, created_at, scopes)"
            " SELECT s.user_id, s.id, CASE WHEN %s THEN u.id END, CASE WHEN NOT %s THEN g.id END, '2000-01-01',"
            " to_json(ARRAY['access:servers!server=' || o.name || '/' || s.name])::text"
            " FROM spawners s JOIN users o ON o.id = s.user_id, users u, groups g"
            # a server that the hub is about to delete is none to share
            " WHERE u.name = %s AND g.name = 'sql1' AND o.name <> u.name ORDER BY random() LIMIT 1 FOR KEY SHARE OF s",
            *[self.rng.random() < 0.6] * 2, self.rng.choice(USERS[:4]),
        )

    # ours

    def policy(self):
        target = self.rng.choice(["user", "oauth", "server", "service"])
        self.db.run(
            "SELECT jhub_authz.set_policy(%s, on_growth => %s, inherit => %s, on_share => %s)", target,
            self.rng.choice(["revoke", "log", "ignore"]), self.rng.choice(["guard", "follow"]),
            self.rng.choice(["follow", "revoke"]),
        )
        getattr(self, self.rng.choice(["assign", "role_scopes"]))()
        self.default_policies()
        self.judge()  # what was only logged meanwhile

    def default_policies(self):
        for target in ("user", "oauth", "server", "service"):
            self.db.run(
                "SELECT jhub_authz.set_policy(%s, 'revoke', %s, 'follow')", target,
                "follow" if target == "service" else "guard",
            )

    def off_and_on(self):
        self.db.run("SELECT jhub_authz.set_mode(%s)", self.rng.choice(["off", "observe"]))
        self.assign()
        self.role_scopes()
        self.db.run("SELECT jhub_authz.set_mode('enforce')")

    def revoke(self):
        for token_id in self.tokens.some(self.rng, 2):
            self.db.run("SELECT jhub_authz.revoke_token(%s, 'random')", token_id)

    def revoke_owner(self):
        self.db.run("SELECT jhub_authz.revoke_all('user', %s, 'random')", self.rng.choice(USERS))

    def issue(self):
        scopes = self.rng.choice([None, '["inherit"]', '["self"]', '["list:users", "read:users:name!user"]',
                                  '["tokens", "read:groups:name"]', '["custom:lab:write"]'])
        found = self.db.rows(
            "SELECT token_id, token FROM jhub_authz.issue_token('user', %s, %s::jhub_authz.scopeset, note => 'in SQL')",
            self.rng.choice(USERS), scopes,
        )
        saw("tokens made in SQL")
        self.tokens.add(*found[0])
        try:
            check_token(self.hub, self.db, found[0][0], found[0][1])
        except Down:
            pass

    def again_attached(self):
        self.db.run("SELECT jhub_authz.attach()")

    def scope_definition(self):
        self.db.run("SELECT jhub_authz.replace_scopes(%s)", json.dumps(self.hub.setup["custom_scopes"]))

    # within a transaction

    def transaction(self, level, work, commit=True):
        connection = self.db.connection
        connection.autocommit = False
        try:
            self.db.run("SET TRANSACTION ISOLATION LEVEL " + level)
            result = work()
            connection.commit() if commit else connection.rollback()
            return result
        finally:
            connection.rollback()
            connection.autocommit = True

    def flicker(self):
        """Taken off and put back in one transaction: nobody grew."""
        def work():
            self.db.run(
                "CREATE TEMP TABLE away ON COMMIT DROP AS SELECT m.* FROM user_role_map m JOIN roles r ON r.id = m.role_id"
                " WHERE r.name = ANY (%s)", self.names,
            )
            self.db.run("DELETE FROM user_role_map m USING roles r WHERE r.id = m.role_id AND r.name = ANY (%s)", self.names)
            self.db.run("INSERT INTO user_role_map SELECT * FROM away")
            # what was there when this began is put back; by now others may have grown
            return self.db.one("SELECT pg_current_xact_id()::text")

        before = self.db.one("SELECT count(*) FROM jhub_authz.token_events WHERE action = 'revoked'")
        txid = self.transaction("READ COMMITTED", work)
        revoked = self.db.rows(
            "SELECT token_id, gained FROM jhub_authz.token_events WHERE txid = %s::xid8 AND action = 'revoked'", txid
        )
        check("what is taken off and put back revokes nothing", not revoked, f"{revoked} (before: {before})")

    def rolled_back(self):
        txid = self.transaction("READ COMMITTED", lambda: (
            self.assign(), self.role_scopes(), self.db.run("SET CONSTRAINTS ALL IMMEDIATE"),
            self.db.one("SELECT pg_current_xact_id()::text"))[-1], commit=False)
        check(
            "what is rolled back leaves no event",
            not self.db.one("SELECT count(*) FROM jhub_authz.token_events WHERE txid = %s::xid8", txid),
        )

    def veto(self):
        """A veto fails the transaction that would make tokens grow, nothing else."""
        def work():
            for target in ("user", "oauth", "server"):
                self.db.run("SELECT jhub_authz.set_policy(%s, 'veto')", target)
            self.assign()
            self.db.run("SET CONSTRAINTS ALL IMMEDIATE")

        try:
            self.transaction("READ COMMITTED", work, commit=False)
        except psycopg2.Error as error:
            self.db.connection.rollback()
            if error.pgcode == "0A000":
                saw("veto: not in this version")
            elif error.pgcode in RETRIED:
                saw(f"SQLSTATE {error.pgcode} in veto")
            else:
                check("a veto is 42501", error.pgcode == "42501", str(error))

    def several(self):
        level = self.rng.choice(["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"])
        works = [self.role_scopes, self.assign, self.unassign, self.group_role, self.no_group_role]
        self.transaction(level, lambda: [self.rng.choice(works)() for _ in range(self.rng.randint(2, 6))])

    def settle(self):
        """What the configuration says, and everybody judged once."""
        for name, scopes in self.hub.setup["roles"].items():
            self.db.run("UPDATE roles SET scopes = %s WHERE name = %s", json.dumps(scopes), name)
        self.default_policies()
        self.judge()

    def as_it_was(self):
        """What failed halfway has left policies and the mode as nobody else expects them."""
        for _ in range(20):
            try:
                self.default_policies()
                return self.judge()
            except psycopg2.Error as error:
                if error.pgcode not in RETRIED:
                    raise
                saw(f"SQLSTATE {error.pgcode} in as_it_was")

    def judge(self):
        self.db.run("SELECT jhub_authz.set_mode('off')")
        self.db.run("SELECT jhub_authz.set_mode('enforce')")


# ---------------------------------------------------------------- what must be true


def agree(db, when):
    """testbed/agree.sql: baselines, events and tokens agree."""
    with open(os.path.join(HERE, "..", "..", "testbed", "agree.sql")) as f:
        found = db.rows(f.read().replace("%", "%%"))
    check(f"{when}: baselines, events and tokens agree", not found, found[:3])


OF_A_SERVER = "(t.note LIKE 'Server at %%' OR t.client_id LIKE 'jupyterhub-user-%%')"


def server_ids_of(db):
    """Tokens of servers, and those issued through a server's OAuth client."""
    return {row[0] for row in db.rows("SELECT id FROM api_tokens t WHERE " + OF_A_SERVER)}


def live_ids(db):
    return {row[0] for row in db.rows(f"SELECT t.id FROM api_tokens t WHERE {LIVE}")}


def check_all_tokens(hub, db, tokens, when):
    """By the hub's own answer, as it is freshly started."""
    rows = db.rows(
        "SELECT t.id, t.service_id IS NOT NULL AND t.scopes LIKE '%%\"inherit\"%%', b.baseline IS NULL, " + OF_A_SERVER +
        " FROM api_tokens t LEFT JOIN jhub_authz.token_baselines b ON b.token_id = t.id"
        f" WHERE {LIVE} ORDER BY t.id"
    )
    for token_id, follows, waits, of_a_server in rows:
        clear = tokens.get(token_id)
        if clear is None:
            continue
        status, body, _ = token_status(hub, clear)
        if status == 403 and of_a_server and not db.one("SELECT count(*) FROM api_tokens WHERE id = %s", token_id):
            # it looks for its servers in the background, and deletes the tokens of those that are gone
            saw("a server was found dead meanwhile")
            continue
        check(f"{when}: a live token is accepted", status == 200, f"{token_id}: {status} {body}")
        if status == 200 and not follows and not waits:
            above = db.rows(
                "SELECT b.baseline, (%s::text::jhub_authz.scopeset) OPERATOR(jhub_authz.-) b.baseline FROM jhub_authz.token_baselines b"
                " WHERE b.token_id = %s AND NOT jhub_authz.covers(b.baseline, %s::text::jhub_authz.scopeset)",
                json.dumps(body["scopes"]), token_id, json.dumps(body["scopes"]),
            )
            check(f"{when}: by the hub's answer no token is above its baseline", not above, f"{token_id}: {above}")
    dead = db.rows(
        "SELECT DISTINCT token_id FROM jhub_authz.token_events e WHERE action = 'revoked'"
        f" AND NOT EXISTS (SELECT FROM api_tokens t WHERE t.id = e.token_id AND {LIVE})"
    )
    for (token_id,) in random.Random(SEED).sample(dead, min(100, len(dead))):
        clear = tokens.get(token_id)
        if clear:
            status, body, _ = token_status(hub, clear)
            check(f"{when}: a revoked token is refused", status == 403, f"{token_id}: {status}")


def newest_event(db):
    return db.one("SELECT coalesce(max(event_id), 0) FROM jhub_authz.token_events")


def check_nothing_revoked(db, before, since, when, server_ids):
    revoked = db.rows(
        "SELECT token_id, owner_name, client_id, reason, gained FROM jhub_authz.token_events"
        " WHERE event_id > %s AND action = 'revoked'", since,
    )
    check(f"{when}: nothing is revoked", not revoked, revoked[:5])
    gone = before - live_ids(db)
    # a server that the hub does not find again loses its tokens, by the hub's DELETE
    kept = db.rows("SELECT id, expires_at, note FROM api_tokens WHERE id = ANY (%s)", list(gone))
    others = [i for i in gone if i not in server_ids]
    check(f"{when}: no token is lost", not kept and not others, f"{kept} {others}")


def baselines(db):
    return dict(db.rows("SELECT token_id, baseline::text FROM jhub_authz.token_baselines WHERE baseline IS NOT NULL"))


def check_grew(db, before, since, when):
    """The configuration says more than the database did: who is revoked, grew."""
    rows = db.rows(
        "SELECT token_id, reason, gained::text FROM jhub_authz.token_events WHERE event_id > %s AND action = 'revoked'",
        since,
    )
    for token_id, reason, gained in rows:
        ok = gained is not None and not db.one(
            "SELECT jhub_authz.covers(%s::text::jhub_authz.scopeset, %s::text::jhub_authz.scopeset)",
            before.get(token_id, "[]"), gained,
        )
        check(f"{when}: what is revoked did grow", ok, f"{token_id} {reason} {gained}")
    check(f"{when}: those grew that must", len(rows) >= len(USERS), len(rows))
    print(f"# {when}: {len(rows)} tokens grew and were revoked", flush=True)


def check_log(hub):
    with open(hub.log) as f:
        text = f.read()
    bad = [line for line in text.splitlines() if re.search(
        r"Traceback|^\[E |psycopg2?\.|sqlalchemy\.|\b500 (GET|POST|PUT|PATCH|DELETE)", line)]
    check("the hub's log holds no error and no traceback", not bad, "\n".join(bad[:10]))


# ---------------------------------------------------------------- the run


def load(hub, tokens, seconds, number):
    """Clients and changes for a while; returns the changer."""
    end = [time.monotonic() + seconds]
    until = lambda: end[0]  # noqa: E731
    threads = [Client(hub, tokens, n, SEED * 1000 + number * 10 + n, until) for n in range(CLIENTS)]
    changer = Changer(hub, tokens, SEED * 1000 + number * 10 + 9, until)
    for thread in [*threads, changer]:
        thread.start()
    return threads, changer, end


def finish(threads, changer):
    for thread in [*threads, changer]:
        thread.join(120)
        check("clients end", not thread.is_alive())
        thread.db.connection.close() if thread is not changer else None


def at_rest(hub):
    """A hub that is stopped while servers start or stop tells of that in its log."""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        _, users, _ = hub.call("GET", "/api/users", hub.setup["driver_token"])
        if not any(server["pending"] for user in users for server in user.get("servers", {}).values()):
            return
        time.sleep(0.2)
    check("servers have started or stopped in the end", False, users)


def drive(hub):
    admin = psycopg2.connect(dbname="postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute("CREATE ROLE jupyterhub LOGIN")
        cursor.execute("CREATE DATABASE hub OWNER jupyterhub")
    hub.start()
    print(f"# JupyterHub {hub.version}", flush=True)
    hub.stop()
    db = Database()
    db.run("CREATE EXTENSION jhub_authz")
    db.run("SELECT jhub_authz.define_scopes(%s)", json.dumps(hub.setup["custom_scopes"]))
    db.run("SELECT jhub_authz.attach()")
    hub.start()
    driver = hub.setup["driver_token"]
    for user in [*USERS, "boss"]:
        hub.call("POST", f"/api/users/{user}", driver)
    for group in ("api1", "api2", "api3", "sql1", "sql2"):
        hub.call("POST", f"/api/groups/{group}", driver)
    tokens = Tokens()
    third = SECONDS / 3

    # under load, then a plain restart
    process = hub.process
    threads, changer, _ = load(hub, tokens, third, 1)
    finish(threads, changer)
    at_rest(hub)
    check("the hub was never restarted", hub.alive() and hub.process is process)
    changer.settle()
    changer.check_revoked()
    agree(db, "after load")
    before, since, servers = live_ids(db), newest_event(db), server_ids_of(db)
    hub.stop()
    hub.start()
    check_nothing_revoked(db, before, since, "plain restart", servers)
    check_all_tokens(hub, db, tokens, "plain restart")
    agree(db, "plain restart")

    # killed under load; meanwhile nothing stands still
    threads, changer, end = load(hub, tokens, third, 2)
    time.sleep(third * 0.6)
    hub.stop(signal.SIGKILL)
    end[0] = time.monotonic()
    finish(threads, changer)
    changer.settle()
    agree(db, "kill -9")
    before, since, servers = live_ids(db), newest_event(db), server_ids_of(db)
    hub.start()
    check_nothing_revoked(db, before, since, "restart after kill -9", servers)
    check_all_tokens(hub, db, tokens, "restart after kill -9")
    agree(db, "restart after kill -9")

    # the database says something else than the configuration, and now groups are managed
    for name in changer.names[:5]:
        db.run("UPDATE roles SET scopes = '[]' WHERE name = %s", name)
    db.run(
        f"INSERT INTO user_role_map (user_id, role_id{changer.managed}) SELECT u.id, r.id{changer.false}"
        " FROM users u, roles r WHERE u.name = ANY (%s) AND r.name = 'role-2' ON CONFLICT DO NOTHING", USERS)
    changer.judge()
    for user in USERS:
        tokens.add(*db.rows("SELECT token_id, token FROM jhub_authz.issue_token('user', %s, '[\"inherit\"]')", user)[0])
    since, records = newest_event(db), baselines(db)
    hub.stop()
    hub.start(manage_groups=True)
    check_grew(db, records, since, "restart with changed roles")
    check_all_tokens(hub, db, tokens, "restart with changed roles")
    process = hub.process
    threads, changer, _ = load(hub, tokens, third * 0.8, 3)
    finish(threads, changer)
    at_rest(hub)
    check("the hub was never restarted", hub.alive() and hub.process is process)
    changer.settle()
    changer.check_revoked()
    agree(db, "after load, groups managed")
    before, since, servers = live_ids(db), newest_event(db), server_ids_of(db)
    hub.stop()
    hub.start(manage_groups=True)
    check_nothing_revoked(db, before, since, "last restart", servers)
    check_all_tokens(hub, db, tokens, "last restart")
    agree(db, "at the end")
    errors = db.rows("SELECT * FROM jhub_authz.self_check() WHERE level = 'error'")
    check("self_check finds no error", not errors, errors)
    figures = db.rows(
        "SELECT action, count(*) FROM jhub_authz.token_events GROUP BY action ORDER BY action"
    )
    print("# events:", ", ".join(f"{action} {n}" for action, n in figures))


def main():
    hub = Hub()
    try:
        drive(hub)
    finally:
        hub.stop()
        spool = os.path.join(FOLDER, "servers")
        for name in os.listdir(spool) if os.path.isdir(spool) else []:
            os.unlink(os.path.join(spool, name))
    check_log(hub)
    print("# done:", ", ".join(f"{what} {n}" for what, n in sorted(seen.items())))
    for what, (passed, failed) in counts.items():
        print(f"{'not ok' if failed else 'ok'} - {what}: {passed}" + (f", and {failed} not" if failed else ""))
    print(f"{sum(p for p, _ in counts.values())} passed, {sum(f for _, f in counts.values())} failed")
    sys.exit(any(f for _, f in counts.values()))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
