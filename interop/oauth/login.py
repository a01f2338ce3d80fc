#!/usr/bin/python3
"""People log in through the OAuth of a running hub, beside resolve_request.

    login.py FOLDER PYTHON LOGINS SEED    (started by run; PGHOST is set)

PYTHON is one that has JupyterHub.  A hub of random groups, roles, services, servers
and shares is started, with the extension attached.  Its users log in with a
password, ask for a client's scopes, get the page or pass it by, and send its form:
as it is shown, with less, with nothing, with more, with names of roles.  What
resolve_request says of each step is compared with what the hub does: its status,
what its page holds, what it stores in oauth_codes and in api_tokens, and what the
token may do.  Whether anything was left out, the hub says in its log alone.
"""

import html
import json
import os
import random
import re
import secrets
import signal
import sys
import time
import urllib.parse

import psycopg2
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "real_hub"))
from real_hub import RealHub, free_ports  # noqa: E402

FOLDER, PYTHON, LOGINS, SEED = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
RNG = random.Random(SEED)
DATABASE, HUB_ROLE = "jhub_authz_oauth", "jhub_authz_oauth_hub"

USERS = ["ann", "bob", "o'brien", "zo\u00eb", "eq=ual", "two words", "bang!user", "quo\"te", "<b>&amp;", "amy", "stranger"]
# Only these get what chance gives; amy has what is written below, whatever the seed.
ANYBODY = USERS[:-2]
GROUPS = ["staff", "lab one", "ann"]
SERVERS = ["ann/", "ann/lab", "o'brien/", "zo\u00eb/lab", "eq=ual/lab", "two words/", "<b>&amp;/", "amy/", "amy/lab"]
SERVICES = ["grader", "report", "blessed", "named", "whole", "nothing"]
CUSTOM = {
    "custom:lab:read": {"description": "look into the lab"},
    "custom:lab:write": {"description": "work in the lab", "subscopes": ["custom:lab:read"]},
    "custom:lab:execute": {"description": "run the lab", "subscopes": ["custom:lab:write"]},
}
OF_USERS = ["read:users", "read:users:name", "read:users:groups", "read:users:activity", "list:users", "users", "admin:users",
            "read:roles:users", "tokens", "read:tokens", "users:activity", "custom:lab:read", "custom:lab:write", "custom:lab:execute"]
OF_SERVERS = ["servers", "read:servers", "admin:servers", "access:servers", "delete:servers", "custom:lab:write", "custom:lab:execute"]
OF_GROUPS = ["groups", "read:groups", "read:groups:name", "list:groups", "admin:groups"]
OF_SERVICES = ["access:services", "read:services", "read:services:name", "list:services"]
ALONE = ["self", "read:hub", "proxy", "read:metrics", "shares!user", "read:shares!user"]

passed = failed = 0
seen, shown = {}, {}


def check(what, hubs, ours):
    global passed, failed
    if hubs == ours:
        passed += 1
        return
    failed += 1
    kind = what.split(":")[0]
    shown[kind] = shown.get(kind, 0) + 1
    if shown[kind] <= 5:
        print(f"not ok - {what}\n    hub:  {hubs}\n    ours: {ours}", flush=True)


def saw(what):
    seen[what] = seen.get(what, 0) + 1


# ---------------------------------------------------------------- a random hub


def scope():
    draw = RNG.random()
    if draw < 0.45:
        return RNG.choice(OF_USERS) + RNG.choice(
            ["", "!user", f"!user={RNG.choice(USERS)}", f"!group={RNG.choice(GROUPS)}", f"!group={RNG.choice(GROUPS)}"])
    if draw < 0.65:
        return RNG.choice(OF_SERVERS) + RNG.choice(
            ["", "!user", "!server", f"!server={RNG.choice(SERVERS)}", f"!group={RNG.choice(GROUPS)}"])
    if draw < 0.8:
        return RNG.choice(OF_GROUPS) + RNG.choice(["", f"!group={RNG.choice(GROUPS)}"])
    if draw < 0.9:
        return RNG.choice(OF_SERVICES) + RNG.choice(["", "!service", f"!service={RNG.choice(SERVICES)}"])
    return RNG.choice(ALONE)


def scopes(most):
    return sorted({scope() for _ in range(RNG.randint(1, most))})


def some(what, most):
    return RNG.sample(what, RNG.randint(0, most))


def a_hub():
    """Its configuration: what the tests of every run rest on, and random things."""
    entering = [f"access:services!service={s}" for s in SERVICES]
    roles = [
        {"name": "enters", "scopes": entering, "users": [u for u in USERS if u != "stranger"]},
        {"name": "helper", "scopes": ["list:users!group=staff", "custom:lab:write!user"], "users": ["amy"]},
        {"name": "boss", "scopes": ["admin:users", "admin:servers", "access:servers", "read:services", "shares", "custom:lab:execute"],
         "services": ["nothing"]},
        {"name": "nobodys", "scopes": ["read:hub"]},
    ]
    for number in range(14):
        roles.append({"name": f"role-{number:02d}", "scopes": scopes(5), "users": some(ANYBODY, 3), "groups": some(GROUPS, 1)})
    named = RNG.sample(roles, 3) + [{"name": "user", "scopes": ["self"]}, roles[1]]
    allowed = {
        "grader": ["list:users", "custom:lab:execute!user", "read:users!group=staff"],
        "report": scopes(6), "blessed": scopes(4) + ["list:users"],
        "named": sorted({s for role in named for s in role["scopes"]}),
        "whole": ["inherit"] + scopes(3), "nothing": [],
    }
    services = [{"name": name, "api_token": secrets.token_hex(16), "oauth_client_id": f"service-{name}",
                 "oauth_redirect_uri": f"http://{name}.example.org/oauth_callback", "oauth_no_confirm": name == "blessed",
                 "oauth_client_allowed_scopes": allowed[name]} for name in SERVICES]
    return {
        "users": USERS, "custom_scopes": CUSTOM, "services": services,
        "groups": {name: some(ANYBODY, 4) for name in GROUPS}, "roles": [{"description": "of this test", **role} for role in roles],
        "servers": {server: RNG.choice([["inherit"], [], scopes(4), ["custom:lab:execute!server", "read:users!user"]]) for server in SERVERS},
    }


# ---------------------------------------------------------------- the hub


class Hub(RealHub):
    def __init__(self, setup):
        super().__init__(FOLDER, PYTHON, os.path.join(HERE, "jupyterhub_config.py"))
        port, proxy_port = free_ports(2)
        self.setup = {
            **setup, "port": port, "proxy_port": proxy_port, "base_url": RNG.choice(["/", "/hubs/one/"]),
            "db_url": f"postgresql+psycopg2://{HUB_ROLE}@/{DATABASE}?host=" + urllib.parse.quote(os.environ["PGHOST"], safe=""),
        }
        self.hub = f"http://127.0.0.1:{port}{self.setup['base_url']}hub"
        self.boss = next(s["api_token"] for s in setup["services"] if s["name"] == "nothing")
        self.sessions, self.read = {}, 0

    def said(self):
        """What its log has got since the last call."""
        with open(self.log) as log:
            log.seek(self.read)
            text = log.read()
            self.read = log.tell()
        return text

    def api(self, method, path, token=None, body=None):
        return requests.request(method, self.hub + "/api" + path, json=body, timeout=60,
                                headers={"Authorization": "token " + (token or self.boss)})

    def session(self, name):
        """A browser in which somebody has logged in, with a password."""
        if name not in self.sessions:
            browser = self.sessions[name] = requests.Session()
            page = browser.get(self.hub + "/login", timeout=60).text
            xsrf = html.unescape(re.search(r'name="_xsrf"\s+value="([^"]*)"', page)[1])
            answer = browser.post(self.hub + "/login", data={"_xsrf": xsrf, "username": name, "password": "x"},
                                  allow_redirects=False, timeout=60)
            check(f"login: {name}", answer.status_code, 302)
        return self.sessions[name]

    def servers(self):
        """Start them; identifier and secret of each one's client."""
        for server in self.setup["servers"]:
            owner, _, name = server.partition("/")
            path = "/users/" + urllib.parse.quote(owner, safe="") + ("/servers/" + urllib.parse.quote(name, safe="") if name else "/server")
            answer = self.api("POST", path, body={})
            until = time.monotonic() + 60
            while answer.status_code == 202 and time.monotonic() < until:
                time.sleep(0.1)
                model = self.api("GET", "/users/" + urllib.parse.quote(owner, safe="")).json()
                if model["servers"].get(name, {}).get("ready"):
                    break
            check(f"server: {server} starts", answer.status_code in (201, 202), True)
        with open(os.path.join(FOLDER, "clients.jsonl")) as f:
            return {client: secret for _, client, secret in map(json.loads, f)}

    def shares(self):
        """Some with users, some with groups; of all kinds that the API takes."""
        for server in self.setup["servers"]:
            for _ in range(2):
                whom = RNG.choice([{"user": RNG.choice(ANYBODY)}, {"group": RNG.choice(GROUPS)}])
                base = [f"access:servers!server={server}"] + some([f"custom:lab:write!server={server}"], 1)
                self.api("POST", "/shares/" + "/".join(urllib.parse.quote(p, safe="") for p in server.split("/", 1)),
                         body={**whom, "scopes": base})


# ---------------------------------------------------------------- ours


class Refused(Exception):
    """What resolve_request raised: its SQLSTATE and its message."""


class Ours:
    def __init__(self):
        self.connection = psycopg2.connect(dbname=DATABASE)
        self.connection.autocommit = True

    def rows(self, sql, *args):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, args)
            return cursor.fetchall()

    def one(self, sql, *args):
        rows = self.rows(sql, *args)
        return rows[0][0] if rows else None

    def ask(self, kind, name, requested, client):
        try:
            granted, refused, confirm = self.rows(
                "SELECT granted::text, refused::text, confirm FROM jhub_authz.resolve_request(%s, %s, %s::text[], %s)",
                kind, name, requested, client)[0]
        except psycopg2.Error as error:
            return Refused(error.pgcode, error.diag.message_primary)
        return set(json.loads(granted)), set(json.loads(refused)), confirm


def ways_to_refuse(refusal):
    """What the hub answers in place of what we raise."""
    code, message = refusal.args
    if code == "42704":
        return "400" if "client" in message else "invalid_scope"
    if code == "42501":
        return "invalid_scope" if "may not ask" in message else "403" if "may not access" in message else "no token"
    return {"55000": "500"}.get(code, code)


# ---------------------------------------------------------------- logins


class Login:
    """One of a user to a client; the steps in the order of a browser's and a server's."""

    def __init__(self, hub, ours, clients, user, client):
        self.hub, self.ours, self.user, self.client = hub, ours, user, client
        self.secret = clients.get(client, "")
        self.redirect_uri = ours.one("SELECT redirect_uri FROM oauth_clients WHERE identifier = %s", client) or "/nowhere"
        target = ours.one(
            "SELECT 'access:servers!server=' || u.name || '/' || s.name FROM oauth_clients c JOIN spawners s ON s.oauth_client_id = c.identifier"
            " JOIN users u ON u.id = s.user_id WHERE c.identifier = %s", client) or ours.one(
            "SELECT 'access:services!service=' || s.name FROM services s WHERE s.oauth_client_id = %s", client)
        self.required = {"read:users:name!user", "read:users:groups!user"} | ({target} if target else set())
        self.what = f"{user} at {client}"

    def url(self, requested):
        query = {"client_id": self.client, "response_type": "code", "redirect_uri": self.redirect_uri, "state": "of the client's"}
        if requested:
            query["scope"] = " ".join(requested)
        return self.hub.hub + "/api/oauth2/authorize?" + urllib.parse.urlencode(query)

    def outcome(self, answer):
        """A status, an OAuth error or, for a redirection with a code, the code."""
        if answer.status_code != 302:
            return str(answer.status_code), None
        location = urllib.parse.urlsplit(answer.headers["Location"])
        query = dict(urllib.parse.parse_qsl(location.query))
        check(f"redirect {self.what}", answer.headers["Location"].split("?")[0], self.redirect_uri)
        check(f"state {self.what}", query.get("state"), "of the client's")
        return query.get("error", "code"), query.get("code")

    def same(self, step, hubs, granted):
        check(step, set(hubs), granted)

    def inputs(self, answer):
        return {html.unescape(v) for v in re.findall(r'name="scopes"\s+value="([^"]*)"', answer.text)}

    def refused(self, expected, answer, outcome, code, what):
        """At once, when the form of the page is sent, or when the code is."""
        way = ways_to_refuse(expected)
        what = f"refused: {what} ({expected.args[1]})"
        if outcome == "200" and way in ("invalid_scope", "no token"):
            saw("refused after the page")
            outcome, code = self.post(self.inputs(answer))
        if way == "no token":
            check(f"{what}: a code", outcome, "code")
            outcome, before = way, self.tokens()
            check(f"{what}: no token", self.token_request(code).status_code, 500)
            check(f"{what}: no row", self.tokens(), before)
            code = None
        saw(f"refused: {way}")
        check(what, (outcome, code), (way, None))

    def described(self, page, inputs):
        """The page lists what is granted and not required, and nothing of the rest."""
        listed = inputs - self.required
        ours = set() if not listed else {
            " ".join(description.split()) + (f" Applies to {filter}." if filter else "")
            for description, filter in self.ours.rows("SELECT description, filter FROM jhub_authz.describe(%s, %s)", json.dumps(sorted(listed)), self.user)}
        texts = {" ".join(html.unescape(text).split()) for text in re.findall(r"<span>(.*?)</span>", page, re.S)}
        if not listed:
            check(f"page {self.what}: what is listed", len(texts), 1)
        else:
            check(f"page {self.what}: what is listed", texts, ours)

    def get(self, requested):
        """To the page; (what it shows or grants, what is refused), or None."""
        expected = self.ours.ask("user", self.user, requested, self.client)
        self.hub.said()
        answer = self.hub.session(self.user).get(self.url(requested), allow_redirects=False, timeout=60)
        answer.encoding = "utf-8"  # which the hub does not say
        outcome, code = self.outcome(answer)
        what = f"{self.what} for {requested}"
        if isinstance(expected, Refused):
            self.refused(expected, answer, outcome, code, what)
            return None
        granted, refused, confirm = expected
        check(f"asks: {what}", outcome, "200" if confirm else "code")
        if outcome not in ("200", "code"):
            return None
        check(f"left out: {what}", "granting only" in self.hub.said(), refused != set())
        saw("something left out" if refused else "all granted")
        if outcome == "code":
            saw("without a page")
            self.same(f"code {what}", self.stored_code(code, what), granted)
            self.exchange(code, granted, what)
            return None
        saw("with a page")
        inputs = self.inputs(answer)
        if "inherit" in granted:
            # it collapses what is shown, and so what the form sends
            check(f"page {what}", inputs, {"inherit"})
        else:
            self.same(f"page {what}", inputs, granted)
            asked = self.asked(requested)
            # the hub takes a group's filter for held in part where its owner's is held too
            check(f"refused {what}", asked - inputs, refused - inputs)
        self.described(answer.text, inputs)
        return inputs, refused

    def asked(self, requested):
        """What is asked for, raw: the scopes themselves, those of roles, or the client's own."""
        if not requested:
            return self.required | set(json.loads(self.ours.one("SELECT allowed_scopes FROM oauth_clients WHERE identifier = %s", self.client) or "[]"))
        requested = [r for r in requested if r != "identify"]
        roles = dict(self.ours.rows("SELECT name, scopes FROM roles WHERE name = ANY (%s)", requested))
        if len(roles) == len(set(requested)) > 0:
            return self.required | {s for text in roles.values() for s in json.loads(text or "[]")}
        return self.required | set(requested)

    def stored_code(self, code, what):
        rows = self.ours.rows(
            "SELECT c.scopes, u.name, c.client_id, c.expires_at - extract(epoch FROM now()) FROM oauth_codes c JOIN users u ON u.id = c.user_id"
            " WHERE c.code = %s", code)
        check(f"code {what}: one row", len(rows), 1)
        stored, user, client, left = rows[0]
        check(f"code {what}: whose", (user, client), (self.user, self.client))
        check(f"code {what}: 5 minutes", 200 < left <= 301, True)
        return json.loads(stored)

    def post(self, sent, xsrf=True):
        """Send the form; the code, if there is one."""
        browser = self.hub.session(self.user)
        token = next(cookie.value for cookie in browser.cookies if cookie.name == "_xsrf")
        form = ([("_xsrf", token)] if xsrf else []) + [("scopes", s) for s in sent]
        return self.outcome(browser.post(self.url([]), data=form, allow_redirects=False, timeout=60))

    def token_request(self, code, secret=None):
        return requests.post(self.hub.hub + "/api/oauth2/token", timeout=60, data={
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri,
            "client_id": self.client, "client_secret": self.secret if secret is None else secret})

    def tokens(self):
        return self.ours.one("SELECT count(*) FROM api_tokens WHERE client_id = %s", self.client)

    def exchange(self, code, granted, what):
        """The code for a token, which has what was granted; and no second one."""
        before = self.tokens()
        answer = self.token_request(code)
        check(f"token {what}", answer.status_code, 200)
        if answer.status_code != 200:
            return
        saw("tokens")
        clear = answer.json()["access_token"]
        token_id = self.ours.one("SELECT jhub_authz.authenticate(%s)", clear)
        stored, user, client, session = self.ours.rows(
            "SELECT t.scopes, u.name, t.client_id, t.session_id FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.id = %s", token_id)[0]
        check(f"token {what}: whose", (user, client, bool(session)), (self.user, self.client, True))
        self.same(f"token {what}: stored", json.loads(stored), granted)
        model = self.hub.api("GET", "/user", clear).json()
        check(f"token {what}: may do", sorted(model["scopes"]), sorted(json.loads(self.ours.one("SELECT jhub_authz.token_scopes(%s)::text", token_id))))
        check(f"token {what}: who it is", model["name"], self.user)
        check(f"token {what}: its class and policy", self.ours.rows(
            "SELECT class, stored::text = %s FROM jhub_authz.token_audit WHERE token_id = %s", stored, token_id)[0][0], "oauth")
        check(f"token {what}: what became of it", self.ours.rows(
            "SELECT action FROM jhub_authz.token_events WHERE token_id = %s AND action <> 'issued'", token_id), [])
        check(f"token {what}: the code is gone", self.ours.one("SELECT count(*) FROM oauth_codes WHERE code = %s", code), 0)
        check(f"token {what}: nor a second one", self.token_request(code).status_code in (400, 401), True)
        check(f"token {what}: one row more", self.tokens(), before + 1)

    def send(self, sent, shows):
        """The form with these scopes, sent whether the page was shown or not."""
        what = f"{self.what} sends {sorted(sent)}"
        # a form without any scope counts as one with 'identify'
        expected = self.ours.ask("user", self.user, sorted(sent) or ["identify"], self.client)
        outcome, code = self.post(sent)
        refusal = ways_to_refuse(expected) if isinstance(expected, Refused) else None
        if refusal == "invalid_scope" and outcome == "code":
            # refused of the grant, when that is sent; what was sent here is the client's
            saw("sent, and refused when it comes back")
            check(f"sent: {what}: the client may", self.ours.one(
                "SELECT jhub_authz.covers(jhub_authz.expand(%s, 'user', %s, %s), jhub_authz.expand(%s, 'user', %s, %s))",
                json.dumps(sorted(self.asked([]))), self.user, self.client, json.dumps(sorted(self.asked(sorted(sent)))), self.user, self.client), True)
        elif refusal in ("400", "invalid_scope"):
            saw("sent and refused")
            check(f"sent: {what} ({expected.args[1]})", (outcome, code), (refusal, None))
            return
        check(f"sent: {what}", outcome, "code")
        if code is None:
            return
        stored = set(self.stored_code(code, what))
        check(f"code {what}", stored, self.asked(sorted(sent) or ["identify"]))
        # The form is held against the client alone; the owner's turn is at the exchange
        made = self.ours.one("SELECT jhub_authz.covers(jhub_authz.user_scopes(%s), jhub_authz.expand(%s, 'user', %s, %s) OPERATOR(jhub_authz.-) 'inherit')",
                             self.user, json.dumps(sorted(stored)), self.user, self.client)
        if refusal is None and not expected[1]:
            saw("sent and granted" if shows else "sent unseen and granted")
            check(f"sent: {what}: nothing refused, so its owner has it", made, True)
            self.same(f"code {what}: granted", stored, expected[0])
        if made:
            self.exchange(code, stored, what)
            return
        saw("sent and not held")
        check(f"sent: {what}: refused something", refusal is not None or expected[1] != set(), True)
        before = self.tokens()
        check(f"sent: {what}: no token", self.token_request(code).status_code, 500)
        check(f"sent: {what}: no row", self.tokens(), before)


def forms(login, shown_scopes, every_role):
    """What to send in place of what the page shows."""
    allowed = json.loads(login.ours.one("SELECT allowed_scopes FROM oauth_clients WHERE identifier = %s", login.client) or "[]")
    shown_scopes = sorted(shown_scopes)
    way = RNG.choice(["less", "less", "nothing", "more", "allowed", "roles", "beyond", "both", "no such"])
    saw(f"form: {way}")
    return {
        "less": RNG.sample(shown_scopes, RNG.randint(0, len(shown_scopes))),
        "nothing": [],
        "more": shown_scopes + RNG.sample(allowed, min(len(allowed), 2)),
        "allowed": RNG.sample(allowed, RNG.randint(0, len(allowed))),
        "roles": RNG.sample(every_role, RNG.randint(1, 2)),
        "beyond": shown_scopes + scopes(2),
        "both": shown_scopes + ["helper"],
        "no such": ["read:uers"],
    }[way]


def requests_for(login, every_role):
    """What a client asks for; a scope with a space cannot be."""
    allowed = json.loads(login.ours.one("SELECT allowed_scopes FROM oauth_clients WHERE identifier = %s", login.client) or "[]")
    way = RNG.random()
    chosen = []
    if way < 0.5 and allowed:
        chosen = RNG.sample(allowed, RNG.randint(1, len(allowed)))
    elif way < 0.65:
        chosen = RNG.sample(every_role, RNG.randint(1, 2))
    elif way < 0.75:
        chosen = scopes(2)
    if RNG.random() < 0.2:
        chosen.append("identify")
    if RNG.random() < 0.04:
        chosen.append(RNG.choice(["read:uers", "nobodys-role", "helper"]))
    return [s for s in chosen if " " not in s]


def worked(hub, ours, clients):
    """Logins that every run makes, with what comes of them in full."""
    grader = lambda user: Login(hub, ours, clients, user, "service-grader")  # noqa: E731
    amy = grader("amy")
    required = amy.required
    granted, refused, confirm = ours.ask("user", "amy", None, "service-grader")
    check("worked: refused", refused, {"list:users", "custom:lab:execute!user", "read:users!group=staff"})
    check("worked: granted", granted, required | {
        "list:users!group=staff", "read:users:name!group=staff", "read:users:name!user=amy", "custom:lab:write!user=amy", "custom:lab:read!user=amy"})
    check("worked: the hub asks", confirm, True)
    inputs, left_out = amy.get([])
    check("worked: its page holds", inputs, granted)
    check("worked: and not", left_out, refused)
    # the form without its _xsrf is nobody's
    check("worked: without _xsrf", amy.post(inputs, xsrf=False)[0], "403")
    check("worked: no code", ours.one("SELECT count(*) FROM oauth_codes"), 0)
    # with nothing ticked there is who it is and the way in
    _, code = amy.post([])
    check("worked: a form with nothing", set(amy.stored_code(code, "nothing")), required)
    check("worked: is what 'identify' is", ours.ask("user", "amy", ["identify"], "service-grader")[:2], (required, set()))
    check("worked: a wrong secret", amy.token_request(code, "guessed").status_code, 401)
    amy.exchange(code, required, "with nothing")
    # consent to that much is none to more
    check("worked: asked again for more", ours.ask("user", "amy", None, "service-grader")[2], True)
    check("worked: and not for the same", ours.ask("user", "amy", ["identify"], "service-grader")[2], False)
    amy.get(["identify"])
    # less than the page shows, then all of it
    amy.send(sorted(required | {"list:users!group=staff"}), True)
    amy.send(inputs, True)
    check("worked: consent given", ours.ask("user", "amy", None, "service-grader")[2], False)
    amy.get([])
    # more than the page showed: the client may, she may not; and beyond the client
    tokens = amy.tokens()
    amy.send(sorted(inputs) + ["list:users"], True)
    amy.send(sorted(inputs) + ["read:hub"], True)
    check("worked: neither made a token", amy.tokens(), tokens)
    # names of roles in place of scopes: in the request, and in the form
    Login(hub, ours, clients, "amy", "service-named").get(["helper"])
    Login(hub, ours, clients, "amy", "service-named").send(["helper"], True)
    amy.send(["helper", "list:users"], True)
    # who may not enter is told so, and a form sent all the same gives no token
    stranger = grader("stranger")
    check("worked: a stranger", stranger.get([]), None)
    tokens = stranger.tokens()
    stranger.send([], False)
    check("worked: makes no token", stranger.tokens(), tokens)
    # one's own server, and a service that never asks
    for client in ("jupyterhub-user-amy", "jupyterhub-user-amy-lab", "service-blessed"):
        check(f"worked: {client} does not ask", ours.ask("user", "amy", ["identify"], client)[2], False)
        without = seen.get("without a page", 0)
        Login(hub, ours, clients, "amy", client).get(["identify"])
        check(f"worked: and did not ({client})", seen["without a page"], without + 1)
    # a client that nobody has, and one that stands for nothing
    Login(hub, ours, clients, "amy", "service-none").get([])
    ours.rows("INSERT INTO oauth_clients (identifier, secret, redirect_uri, description, allowed_scopes)"
              " VALUES ('orphan', 'a secret', '/orphan', 'orphan', '[]') RETURNING 1")
    Login(hub, ours, clients, "amy", "orphan").get([])


def owners(hub, ours, clients):
    """Who logs in is a user with a cookie: no token does, and no service can."""
    login = Login(hub, ours, clients, "amy", "service-report")
    made = ours.one("SELECT token FROM jhub_authz.issue_token('user', 'amy')")
    for whose, token in (("a service", hub.boss), ("a user", made)):
        codes = ours.one("SELECT count(*) FROM oauth_codes")
        answer = requests.get(login.url([]), headers={"Authorization": "token " + token}, allow_redirects=False, timeout=60)
        check(f"owner: the token of {whose} is sent to the login page", "/hub/login" in answer.headers.get("Location", ""), True)
        answer = requests.post(login.url([]), headers={"Authorization": "token " + token}, data={"scopes": "identify"},
                               allow_redirects=False, timeout=60)
        check(f"owner: nor does its form pass ({whose})", answer.status_code in (302, 403), True)
        check(f"owner: no code ({whose})", ours.one("SELECT count(*) FROM oauth_codes"), codes)
    # its own tokens are made without any client's leave; here it is told so
    service = ours.ask("service", "report", None, "service-grader")
    check("owner: nor do we say that a service could", isinstance(service, Refused) and service.args[0], "22023")
    check("owner: of its own tokens we do", isinstance(ours.ask("service", "report", [], "jupyterhub"), tuple), True)
    check("owner: a code has no place for a service", ours.rows(
        "SELECT attname::text FROM pg_attribute WHERE attrelid = 'oauth_codes'::regclass AND attname IN ('user_id', 'service_id')"), [("user_id",)])


def random_logins(hub, ours, clients):
    every_role = [name for (name,) in ours.rows("SELECT name FROM roles WHERE name !~ ' ' ORDER BY name")]
    for _ in range(LOGINS):
        client = RNG.choice([c for c in sorted(clients) if RNG.random() < 0.7 or c.startswith("service-")])
        login = Login(hub, ours, clients, RNG.choice(ANYBODY), client)
        if client.startswith("jupyterhub-user-") and RNG.random() < 0.5:
            # one's own
            login = Login(hub, ours, clients, ours.one(
                "SELECT u.name FROM users u JOIN spawners s ON s.user_id = u.id WHERE s.oauth_client_id = %s", client), client)
        page = login.get(requests_for(login, every_role))
        if page is None:
            if RNG.random() < 0.2:
                login.send(forms(login, set(), every_role), False)
        elif RNG.random() < 0.4:
            saw("form: as shown")
            login.send(page[0], True)
        else:
            login.send(forms(login, page[0], every_role), True)


def main():
    admin = psycopg2.connect(dbname="postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"DROP ROLE IF EXISTS {HUB_ROLE}")
        cursor.execute(f"CREATE ROLE {HUB_ROLE} LOGIN")
        cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {HUB_ROLE} TEMPLATE template0 ENCODING 'UTF8'")
    hub = Hub(a_hub())
    begin = time.monotonic()
    try:
        version = hub.start(hub.setup, hub.hub + "/api")
        print(f"# JupyterHub {version} at {hub.setup['base_url']}", flush=True)
        ours = Ours()
        ours.rows("CREATE EXTENSION jhub_authz; SELECT 1")
        ours.rows("SELECT jhub_authz.define_scopes(%s)", json.dumps(CUSTOM))
        ours.rows("SELECT jhub_authz.attach()")
        ours.rows("SELECT jhub_authz.use_hub_release(%s)", ".".join(version.split(".")[:2]))
        clients = hub.servers()
        clients.update({s["oauth_client_id"]: s["api_token"] for s in hub.setup["services"]})
        hub.shares()
        for user in USERS:
            hub.session(user)
        worked(hub, ours, clients)
        owners(hub, ours, clients)
        random_logins(hub, ours, clients)
        ours.connection.close()
    finally:
        hub.stop()
    print("#", ", ".join(f"{n} {what}" for what, n in sorted(seen.items())))
    print(f"# {time.monotonic() - begin:.0f} s")
    if failed:
        print(f"# database {DATABASE} is kept")
    else:
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            cursor.execute(f"DROP ROLE {HUB_ROLE}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
