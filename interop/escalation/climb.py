#!/usr/bin/python3
"""escalation_paths against a running hub: climb.py FOLDER PYTHON (started by run).

Everybody whom it is said of gets a token that inherits, made in SQL.  Then each of
the paths below is walked with that token, over the REST API, as the column steps
says; before the walk the hub must refuse what is to be reached, and afterwards give
it.  For those of whom nothing is said, the hub must refuse the step.
"""

import json
import os
import re
import subprocess
import sys

import psycopg2
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "real_hub"))
from real_hub import RealHub, free_ports  # noqa: E402

FOLDER, PYTHON = os.path.abspath(sys.argv[1]), sys.argv[2]
DATABASE, HUB_ROLE = "jhub_authz_escalation", "jhub_authz_escalation_hub"

USERS = ["boss", "golden", "joiner", "minter", "nested", "crowd", "maker", "plain", "everyone", "bystander", "member", "lender"]
ROLES = {
    "golden": ["groups!group=x", "read:users!group=x"],
    "joiner": ["groups!group=staff"],
    "minter": ["tokens!user=boss"],
    "nested": ["groups!group=chain"],
    "crowd": ["tokens!group=crowd"],
    "maker": ["admin:groups!group=ghost", "read:users!group=ghost"],
    "plain": ["admin:users"],
    "everyone": ["tokens"],
    "lender": ["shares!user=member", "read:users:name"],
}
# the releases that can share
SHARES_SINCE = [5, 0, 0]
# subject: what it reaches, and how the hub is asked for it
WALKS = {
    "golden": ("read:users", "GET", "/users/bystander"),
    "joiner": ("read:hub", "GET", "/info"),
    "minter": ("read:hub", "GET", "/info"),
    "nested": ("read:hub", "GET", "/info"),
    "crowd": ("read:users!group=crowd", "GET", "/users/member"),
    "maker": ("read:users", "GET", "/users/bystander"),
    "everyone": ("read:hub", "GET", "/info"),
}
passed = failed = 0


def check(what, good, why=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"not ok - {what}: {why}", flush=True)


class Hub(RealHub):
    def __init__(self, version):
        super().__init__(FOLDER, PYTHON, os.path.join(HERE, "jupyterhub_config.py"))
        port, proxy_port = free_ports(2)
        self.url = f"http://127.0.0.1:{port}/hub/api"
        self.shares = version >= SHARES_SINCE
        roles = [{"name": f"role-{user}", "description": "of this test", "scopes": scopes, "users": [user]} for user, scopes in ROLES.items()
                 if user != "lender" or self.shares]
        roles += [
            {"name": "staff", "scopes": ["read:hub"], "groups": ["staff"]},
            {"name": "chain", "scopes": ["tokens!user=boss"], "groups": ["chain"]},
            {"name": "by-user", "scopes": ["tokens!user=boss"], "services": ["by-user"]},
            {"name": "by-service", "scopes": ["tokens!service=boss"], "services": ["by-service"]},
        ]
        self.setup = {
            "db_url": f"postgresql+psycopg2://{HUB_ROLE}@/{DATABASE}", "port": port, "proxy_port": proxy_port, "version": version[0],
            "admins": ["boss"], "users": USERS, "roles": roles,
            "groups": {"x": [], "staff": [], "chain": [], "crowd": ["member"]},
            "services": [{"name": "by-user", "api_token": "u" * 32}, {"name": "by-service", "api_token": "s" * 32}],
        }

    def ask(self, method, path, token, body=None):
        return requests.request(method, self.url + path, json=body, timeout=60, headers={"Authorization": "token " + token})


def walk(hub, name, token, steps):
    """Do what the column says; the token to go on with."""
    for step in steps.split("; "):
        if joined := re.fullmatch(r'puts (?:user "(.*)"|whom it wants) into group "(.*)"', step):
            user, group = joined[1] or "bystander", joined[2]
            answer = hub.ask("POST", f"/groups/{group}/users", token, {"users": [user]})
            if answer.status_code == 404:
                answer = hub.ask("POST", f"/groups/{group}", token, {"users": [user]})
        elif made := re.fullmatch(r'makes a token of user "([^"]*)".*', step):
            answer = hub.ask("POST", f"/users/{made[1]}/tokens", token, {})
            token = answer.json().get("token", token)
        elif step.startswith("sets the flag admin"):
            answer = hub.ask("PATCH", "/users/bystander", token, {"admin": True})
            # what the flag gives is what its new bearer has
            token = "flag"
        else:
            check(f"{name}: a step that this knows", False, step)
            continue
        check(f"{name}: {step}", answer.status_code in (200, 201), f"{answer.status_code} {answer.text[:200]}")
    return token


def lend(hub, sql, tokens):
    """Nobody shares more than they hold, with themselves or others, by a share or a code."""
    sql.execute("SELECT jhub_authz.user_scopes('lender')::text, jhub_authz.user_scopes('bystander')::text")
    lender, bystander = sql.fetchone()
    # the spawner of this hub fails, and leaves the server to be shared
    for user in ("member", "boss"):
        hub.ask("POST", f"/users/{user}/server", tokens["boss"])
    for path in ("/shares/member/", "/share-codes/member/"):
        for to in ({"user": "lender"}, {"user": "bystander"}) if path.startswith("/shares/") else ({},):
            for scope in ("servers", "delete:servers", "admin:servers", "shares", "tokens", "admin:users", "read:users!user=member", "access:servers!server=boss/"):
                held = scope == "shares"
                answer = hub.ask("POST", path, tokens["lender"], dict(to, scopes=[scope]))
                check(f"lender: {scope} by {path} to {to} is {'given' if held else 'refused'}", answer.status_code == 200 if held else answer.status_code in (400, 403),
                      f"{answer.status_code} {answer.text[:200]}")
            answer = hub.ask("POST", path, tokens["lender"], to)
            check(f"lender: what it holds is given by {path} to {to}", answer.status_code == 200, f"{answer.status_code} {answer.text[:200]}")
    for path in ("/shares/boss/", "/share-codes/boss/"):
        answer = hub.ask("POST", path, tokens["lender"], {"user": "lender"} if path.startswith("/shares/") else {})
        check(f"lender: nobody else's server by {path}", answer.status_code in (403, 404), f"{answer.status_code} {answer.text[:200]}")
    sql.execute("SELECT count(*), bool_and(scopes OPERATOR(jhub_authz.<@) %s::jhub_authz.scopeset) FROM jhub_authz.share_audit", [lender])
    check("lender: all that was given, two shares and codes, is held", sql.fetchone() == (4, True), sql.statusmessage)
    sql.execute("SELECT jhub_authz.user_scopes('lender') OPERATOR(jhub_authz.<@) %s::jhub_authz.scopeset", [lender])
    check("lender: has gained nothing by it", sql.fetchone()[0])
    sql.execute("SELECT jhub_authz.user_scopes('bystander') OPERATOR(jhub_authz.<@) (%s::jhub_authz.scopeset OPERATOR(jhub_authz.|) %s::jhub_authz.scopeset),"
                " jhub_authz.subject_has_scope('user', 'bystander', 'access:servers!server=member/')", [bystander, lender])
    check("bystander: has what lender could give", sql.fetchone() == (True, True))


def main():
    version = json.loads(subprocess.check_output([PYTHON, "-c", "import jupyterhub; print(list(jupyterhub.version_info[:3]))"]))
    database = psycopg2.connect(dbname="postgres")
    database.autocommit = True
    cursor = database.cursor()
    cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
    cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [HUB_ROLE])
    if cursor.rowcount == 0:
        cursor.execute(f"CREATE ROLE {HUB_ROLE} LOGIN")
    cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {HUB_ROLE} TEMPLATE template0 ENCODING 'UTF8'")
    hub = Hub(version)
    # CVE-2024-41942
    hub.anybody_sets_flags = version < [4, 1, 6] or [5, 0, 0] <= version < [5, 1, 0]
    # whom a service's filter is compared with; from 5.5 on the database does not say
    hub.as_service = version < [5, 5, 2] or [6, 0, 0] <= version < [6, 1, 0]
    hub.services_told = {"by-service"} if version < [5, 5, 0] else {"by-service", "by-user"}
    try:
        hub.start(hub.setup, hub.url)
        ours = psycopg2.connect(dbname=DATABASE)
        ours.autocommit = True
        sql = ours.cursor()
        sql.execute("CREATE EXTENSION jhub_authz")
        sql.execute("SELECT jhub_authz.attach(mode => 'observe')")
        sql.execute("SELECT jhub_authz.use_hub_release(%s)", [f"{version[0]}.{version[1]}"])
        climb(hub, sql)
    finally:
        hub.stop()
    print(f"{passed} passed, {failed} failed")
    return failed != 0


def climb(hub, sql):
    tokens = {}
    for user in USERS:
        sql.execute("SELECT token FROM jhub_authz.issue_token('user', %s, scopes => '[\"inherit\"]')", [user])
        tokens[user] = sql.fetchone()[0]
    sql.execute("SELECT subject, scope, steps FROM jhub_authz.escalation_paths WHERE subject_kind = 'user'")
    paths = {(subject, scope): steps for subject, scope, steps in sql.fetchall()}
    sql.execute("SELECT DISTINCT subject FROM jhub_authz.escalation_paths WHERE subject_kind <> 'token' ORDER BY 1")
    told = [row[0] for row in sql.fetchall()]
    expected = sorted(set(WALKS) | hub.services_told | ({"plain"} if hub.anybody_sets_flags else set()))
    check("of whom something is said", told == expected, f"{told}, not {expected}")

    # what is refused before it is reached, and given afterwards
    for name, (scope, method, path) in WALKS.items():
        answer = hub.ask(method, path, tokens[name])
        check(f"{name}: not yet {method} {path}", answer.status_code in (403, 404), answer.status_code)
        steps = paths.get((name, scope))
        check(f"{name}: a path to {scope}", steps is not None, [p for p in paths if p[0] == name])
        if steps is None:
            continue
        token = walk(hub, name, tokens[name], steps)
        answer = hub.ask(method, path, token)
        check(f"{name}: {method} {path} by {steps}", answer.status_code == 200, f"{answer.status_code} {answer.text[:200]}")

    if hub.shares:
        lend(hub, sql, tokens)

    # of whom nothing is said, but in releases that let anybody set the flag
    if hub.anybody_sets_flags:
        check("plain: a path to it", paths.get(("plain", "read:hub")) == "sets the flag admin, and with it the role", paths)
        answer = hub.ask("PATCH", "/users/bystander", tokens["plain"], {"admin": True})
        check("plain: admin:users sets the flag", answer.status_code == 200, answer.status_code)
    else:
        answer = hub.ask("PATCH", "/users/plain", tokens["plain"], {"admin": True})
        check("plain: admin:users sets no flag", answer.status_code == 403, answer.status_code)
        answer = hub.ask("PATCH", "/users/boss", tokens["plain"], {"name": "nobody"})
        check("plain: and changes no admin", answer.status_code == 403, answer.status_code)
    may, may_not = ("service", "user") if hub.as_service else ("user", "service")
    answer = hub.ask("POST", "/users/boss/tokens", may_not[0] * 32, {})
    check(f"by-{may_not}: a service with tokens!{may_not}=boss makes no token of boss", answer.status_code in (403, 404), answer.status_code)
    answer = hub.ask("POST", "/users/boss/tokens", may[0] * 32, {})
    check(f"by-{may}: one with tokens!{may}=boss does", answer.status_code in (200, 201), f"{answer.status_code} {answer.text[:200]}")
    answer = hub.ask("POST", "/groups/ghostly", tokens["maker"], {"users": ["bystander"]})
    check("maker: no other group", answer.status_code in (403, 404), answer.status_code)
    # with the flag admin, admin:users sets it
    answer = hub.ask("PATCH", "/users/plain", tokens["boss"], {"admin": True})
    check("boss: who has the flag sets it", answer.status_code == 200, f"{answer.status_code} {answer.text[:200]}")
    answer = hub.ask("GET", "/info", tokens["plain"])
    check("plain: and then has the role admin", answer.status_code == 200, answer.status_code)


sys.exit(main())
