#!/usr/bin/python3
"""What a running hub answers over HTTP, beside what SQL shows to the same token.

    compare.py FOLDER PYTHON TOKENS SEED    (started by run; PGHOST is set)

PYTHON is one that has JupyterHub.  A hub's database is populated and the hub
started on it.  Then every token asks the hub for itself, the lists, every user,
group and service by name, and every user's tokens; and SQL, as a role that has
no right on the hub's tables, for the same: whoami, the api_* views and functions.
Models must be equal field by field, what is there as well as what it says.
"""

import datetime
import json
import os
import random
import secrets
import signal
import subprocess
import sys
import time
import urllib.parse

import psycopg2
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "real_hub"))
from real_hub import RealHub, free_ports  # noqa: E402

FOLDER, PYTHON, NUMBER, SEED = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
RNG = random.Random(SEED)
DATABASE, HUB_ROLE, READER = "jhub_authz_api", "jhub_authz_api_hub", "jhub_authz_api_reader"

# What only the hub's process knows: by model, field and what SQL has instead.
PROCESS_ONLY = {
    "user": {"pending": None, "auth_state": None},
    "server": {"pending": None, "state": None},
    "service": {"pid": 0},
}
# ... and what a service has in its configuration alone before 5.0: the view has NULL
# and does not name these fields; whoami takes them from the row, as the hub does.
CONFIGURED_ONLY = {"url", "command", "info", "display"}

passed = failed = 0
seen = {}  # what the hub showed, so that nobody compares nothing with nothing
shown = {}
skipped = {}


def check(what, hubs, ours):
    global passed, failed
    if hubs == ours:
        passed += 1
        return
    failed += 1
    kind = what.split(" as ")[0].split(" ")[0]
    shown[kind] = shown.get(kind, 0) + 1
    if shown[kind] <= 5:
        print(f"not ok - {what}", flush=True)
        if isinstance(hubs, list) and isinstance(ours, list) and len(hubs) == len(ours) == 1:
            hubs, ours = hubs[0], ours[0]
        if isinstance(hubs, dict) and isinstance(ours, dict):
            for key in sorted(set(hubs) | set(ours), key=str):
                if hubs.get(key, "-") != ours.get(key, "-"):
                    print(f"    {key}: {hubs.get(key, '-')} / {ours.get(key, '-')}", flush=True)
        else:
            print(f"    hub:  {hubs}\n    ours: {ours}", flush=True)


def saw(what, n=1):
    seen[what] = seen.get(what, 0) + n


def skip(why):
    skipped[why] = skipped.get(why, 0) + 1


# ---------------------------------------------------------------- the hub


class Hub(RealHub):
    def __init__(self, made, db_url):
        super().__init__(FOLDER, PYTHON, os.path.join(HERE, "jupyterhub_config.py"))
        port, proxy_port, stub_port = free_ports(3)
        self.base_url = RNG.choice(["/", "/hubs/one/"])
        self.public_url = RNG.choice(["", "https://hub.example.org:8443", "http://hub.example.org"])
        self.public_url = self.public_url and self.public_url + self.base_url
        self.major = int(made["version"].split(".")[0])
        for service in made["services"]:
            if "url" in service:
                service["url"] = service["url"].replace("STUB", str(stub_port))
            if self.major < 3:
                service.pop("display", None)
        self.setup = {
            "db_url": db_url, "port": port, "proxy_port": proxy_port, "stub_port": stub_port,
            "base_url": self.base_url, "public_url": self.public_url, "custom_scopes": made["custom_scopes"],
            "services": made["services"], "roles": made["roles"],
        }
        self.url = f"http://127.0.0.1:{port}{self.base_url}hub/api"
        self.http = requests.Session()

    def get(self, path, token):
        """The JSON of an answer, or its status."""
        answer = self.http.get(self.url + path, headers={"Authorization": "token " + token}, timeout=60)
        return answer.json() if answer.status_code == 200 else answer.status_code


def path(*parts):
    return "/" + "/".join(urllib.parse.quote(p, safe="") for p in parts)


# ---------------------------------------------------------------- models


def ordered(value):
    # a filter with an empty value, which only hub 3.0 makes, names nobody
    if isinstance(value, list):
        value = [v for v in value if not (isinstance(v, str) and v.endswith("=") and v.count("=") == 1 and "!" in v)]
    return sorted(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value


def hubs_model(model, kind, before_5=False):
    """A model of the hub's without what only its process knows; servers in it likewise."""
    model = dict(model)
    for field, ours in PROCESS_ONLY.get(kind, {}).items():
        if field in model:
            model[field] = ours
    if kind == "service" and before_5:
        model = {k: v for k, v in model.items() if k not in CONFIGURED_ONLY}
    if "servers" in model:
        model["servers"] = {name: hubs_model(server, "server") for name, server in model["servers"].items()}
    # of lists of names the order is the database's business; that of a command is not
    return {k: v if k == "command" else ordered(v) for k, v in model.items()}


def as_json(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).replace(tzinfo=None).isoformat() + "Z"
    return value


def our_model(row):
    """A row of a view as a model: the fields that it says it shows, and no other."""
    fields = row.pop("fields")
    hidden = {k: v for k, v in row.items() if k not in fields and v is not None}
    model = {k: as_json(row[k]) for k in fields}
    if hidden:
        model["hidden"] = hidden
    return {k: v if k == "command" else ordered(v) for k, v in model.items()}


class Ours:
    def __init__(self):
        self.connection = psycopg2.connect(dbname=DATABASE, user=READER)
        self.connection.autocommit = False

    def rows(self, sql, *args):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, args)
            names = [c.name for c in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def one(self, sql, *args):
        return next(iter(self.rows(sql, *args)[0].values()))


# ---------------------------------------------------------------- the comparison


def whoami(hub, ours, clear, what):
    hubs = hub.get("/user", clear)
    mine = ours.one("SELECT jhub_authz.whoami(%s)", clear)
    ours.connection.rollback()
    if hubs == 500:
        skip("the hub fails at the token")
        return False
    if not isinstance(hubs, dict):
        check(f"whoami {what}", None, mine)
        return False
    kind = hubs["kind"]
    check(f"whoami {what}", hubs_model(hubs, kind), hubs_model(mine, kind) if mine else mine)
    if mine:
        for field, value in PROCESS_ONLY[kind].items():
            if field in mine:
                check(f"whoami's {field} {what}", value, mine[field])
    return True


def listed(hub, ours, clear, what, kind):
    """A list: the hub's as a dictionary by name."""
    hubs = hub.get(f"/{kind}s", clear)
    mine = {row["name"]: our_model(row) for row in ours.rows(f"SELECT * FROM jhub_authz.api_{kind}s")}
    if hubs == 500:
        skip("the hub fails at a list")
        return {}
    if isinstance(hubs, int):
        hubs = {}
    elif isinstance(hubs, list):
        hubs = {model["name"]: model for model in hubs if model}
    hubs = {name: hubs_model(model, kind, hub.major < 5) for name, model in hubs.items() if model}
    saw(f"{kind}s in lists", len(hubs))
    check(f"{kind}s {what}: who is in the list", sorted(hubs), sorted(mine))
    for name in sorted(set(hubs) & set(mine)):
        check(f"{kind}s {what}: {name}", hubs[name], mine[name])
    for name in RNG.sample(sorted(mine), min(2, len(mine))) + ["nobody"]:
        by_key = [our_model(row) for row in ours.rows(f"SELECT * FROM jhub_authz.api_{kind}s WHERE name = %s", name)]
        check(f"{kind}s {what}: {name} by key", [mine[name]] if name in mine else [], by_key)
    return hubs


def servers(hub, ours, users, what):
    """What is in the users' models, as rows."""
    hubs = {(user, name): hubs_model(server, "server")
            for user, model in users.items() for name, server in model.get("servers", {}).items()}
    saw("servers in lists", len(hubs))
    mine = {}
    for row in ours.rows("SELECT * FROM jhub_authz.api_servers"):
        key = (row["user_name"], row["name"])
        mine[key] = our_model(row)
        check(f"servers {what}: the owner of {key}", row["user_name"], mine[key].pop("user_name"))
    check(f"servers {what}", hubs, mine)


def single(hub, ours, clear, what, kind, names, scopes):
    for name in names:
        hubs = hub.get(path(f"{kind}s", name), clear)
        mine = [our_model(row) for row in ours.rows(f"SELECT * FROM jhub_authz.api_{kind}(%s)", name)]
        if hubs == 500:
            skip("the hub fails at one")
        elif hubs == 404 and mine and hub.major < 5:
            # before 5 the first scope that is held for somebody else ends the search
            skip("a hub before 5.0 looks no further than one scope")
        elif isinstance(hubs, int):
            check(f"{kind} {what}: {name} ({hubs})", [], mine)
        else:
            saw(f"{kind}s by name")
            check(f"{kind} {what}: {name}", [hubs_model(hubs, kind, hub.major < 5)], mine)


def tokens(hub, ours, clear, what, users):
    mine = {}
    for row in ours.rows("SELECT * FROM jhub_authz.api_tokens"):
        row["scopes"] = json.loads(row["scopes"])
        row["user"] = row.pop("user_name")
        mine.setdefault(row["user"], {})[row["id"]] = {k: ordered(as_json(v)) for k, v in row.items()}
    for user in users:
        hubs = hub.get(path("users", user, "tokens"), clear)
        if hubs == 500:
            skip("the hub fails at the tokens of one")
            continue
        hubs = {} if isinstance(hubs, int) else {t["id"]: {k: ordered(v) for k, v in t.items()} for t in hubs["api_tokens"]}
        saw("tokens", len(hubs))
        check(f"tokens {what}: of {user}", hubs, mine.get(user, {}))
    for user in RNG.sample(users, 1):
        by_key = ours.rows("SELECT id FROM jhub_authz.api_tokens WHERE user_name = %s", user)
        check(f"tokens {what}: of {user} by key", sorted(mine.get(user, {})), sorted(row["id"] for row in by_key))


def compare(hub, ours, made):
    # a first use is written down; from then on times stand still
    for clear in made["tokens"].values():
        hub.get("/user", clear)
    for token_id, clear in made["tokens"].items():
        what = f"as token {token_id}"
        if not whoami(hub, ours, clear, what):
            continue
        ours.one("SELECT jhub_authz.act_as(%s)", clear)
        held = json.loads(ours.one("SELECT jhub_authz.current_scopes()::text"))
        check(f"scopes {what}", ordered(hub.get("/user", clear)["scopes"]), held)
        users = listed(hub, ours, clear, what, "user")
        servers(hub, ours, users, what)
        listed(hub, ours, clear, what, "group")
        listed(hub, ours, clear, what, "service")
        names = made["users"] + ["nobody"]
        single(hub, ours, clear, what, "user", names, held)
        single(hub, ours, clear, what, "group", made["groups"] + ["none"], held)
        single(hub, ours, clear, what, "service", [s["name"] for s in made["services"]] + ["none"], held)
        tokens(hub, ours, clear, what, made["users"])
        ours.connection.commit()
        check(f"nothing afterwards {what}", [], ours.rows("SELECT * FROM jhub_authz.api_users"))
        ours.connection.rollback()
    for clear in ["", "guessed", secrets.token_hex(16)]:
        check(f"whoami of {clear!r}", None, ours.one("SELECT jhub_authz.whoami(%s)", clear))
        ours.connection.rollback()


def main():
    admin = psycopg2.connect(dbname="postgres")
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        for role in (HUB_ROLE, READER):
            cursor.execute(f"DROP ROLE IF EXISTS {role}")
            cursor.execute(f"CREATE ROLE {role} LOGIN")
        cursor.execute(f"CREATE DATABASE {DATABASE} OWNER {HUB_ROLE} TEMPLATE template0 ENCODING 'UTF8'")
    db_url = f"postgresql+psycopg2://{HUB_ROLE}@/{DATABASE}?host=" + urllib.parse.quote(os.environ["PGHOST"], safe="")
    made_file = os.path.join(FOLDER, "made.json")
    subprocess.run([PYTHON, os.path.join(HERE, "populate.py"), db_url, str(SEED), NUMBER, made_file],
                   check=True, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    with open(made_file) as f:
        made = json.load(f)
    hub = Hub(made, db_url)
    print(f"# JupyterHub {made['version']} at {hub.base_url}, {len(made['tokens'])} tokens", flush=True)
    begin = time.monotonic()
    hub.start(hub.setup, hub.url)
    started = os.path.getsize(hub.log)  # it has things to say about names
    try:
        db = psycopg2.connect(dbname=DATABASE)
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("CREATE EXTENSION jhub_authz")
            cursor.execute("SELECT jhub_authz.define_scopes(%s)", (json.dumps(made["custom_scopes"]),))
            cursor.execute("SELECT jhub_authz.attach(mode => 'off')")
            cursor.execute("SELECT jhub_authz.use_hub_release(%s)", (".".join(made["version"].split(".")[:2]),))
            cursor.execute("SELECT jhub_authz.grant_reader(%s::regrole)", (READER,))
            cursor.execute("SELECT jhub_authz.set_option('base_url', %s)", (hub.base_url,))
            cursor.execute("SELECT jhub_authz.set_option('public_url', %s)", (hub.public_url if hub.major >= 5 else None,))
        ours = Ours()
        compare(hub, ours, made)
        ours.connection.close()
        db.close()
        with open(hub.log) as log:
            log.seek(started)
            text = log.read()
        if hub.major >= 5:
            check("the hub's log holds no traceback", 0, text.count("Traceback"))
    finally:
        hub.stop()
    for why, n in skipped.items():
        print(f"# {n} not compared: {why}")
    print("# the hub showed", ", ".join(f"{n} {what}" for what, n in seen.items()))
    for what in ("users in lists", "servers in lists", "groups in lists", "services in lists", "users by name", "tokens"):
        check(f"the hub showed {what}", True, seen.get(what, 0) > 0)
    print(f"# {time.monotonic() - begin:.0f} s")
    if failed:
        print(f"# database {DATABASE} is kept")
    else:
        with admin.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            cursor.execute(f"DROP ROLE {HUB_ROLE}, {READER}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
