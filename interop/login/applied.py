"""What logins leave in the tables: the real hub's auth_to_user() beside login_apply().

Two databases that the hub's own code made on the same server, and the same random
population in both.  The same logins go to one through the hub's Python and to the
other through SQL, one after the other, so that each begins with what all before it
left.  After each the tables are compared.
"""

import asyncio
import json
import logging
import os
import random

from jupyterhub import orm, roles
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.user import UserDict

from cases import Generator
from real import Hub

USERS = ["ann", "bob", "cat", "zed", "zo\u00eb", "o'brien"]
GROUPS = ["g1", "g2", "top/sub", "g\u00e9"]
SERVICES = ["svc", "culler"]
ROLES = ["analyst", "crew", "user", "admin", "plain", "managed"]
SCOPES = ["self", "list:users", "read:users!group=g1", "access:servers!server=ann/", "read:users:name!user=zo\u00eb", "tokens!user"]

TABLES = {
    "users": "SELECT name, admin, encrypted_auth_state IS NULL FROM users",
    "groups": "SELECT name, properties FROM groups",
    "members": "SELECT u.name, g.name FROM user_group_map m JOIN users u ON u.id = m.user_id JOIN groups g ON g.id = m.group_id",
    "roles": "SELECT name, description, scopes, managed_by_auth FROM roles",
    "users' roles": "SELECT u.name, r.name, m.managed_by_auth FROM user_role_map m JOIN users u ON u.id = m.user_id JOIN roles r ON r.id = m.role_id",
    "groups' roles": "SELECT g.name, r.name, m.managed_by_auth FROM group_role_map m JOIN groups g ON g.id = m.group_id JOIN roles r ON r.id = m.role_id",
    "services' roles": "SELECT s.name, r.name, m.managed_by_auth FROM service_role_map m JOIN services s ON s.id = m.service_id JOIN roles r ON r.id = m.role_id",
}
VERSIONS = ("SELECT md5(coalesce(string_agg(v, '|' ORDER BY v), '')) FROM (" + " UNION ALL ".join(
    f"SELECT '{t}' || ctid || xmin AS v FROM {t}" for t in
    ("users", "groups", "roles", "user_group_map", "user_role_map", "group_role_map", "service_role_map")) + ") AS x")


def url(database):
    return "postgresql+psycopg2://{}@/{}?host={}".format(os.environ["PGUSER"], database, os.environ["PGHOST"])


class RealHub:
    """As much of a hub's handler as auth_to_user() needs."""

    auth_to_user = BaseHandler.auth_to_user
    find_user = BaseHandler.find_user
    _user_from_orm = BaseHandler._user_from_orm
    user_from_username = BaseHandler.user_from_username

    def __init__(self, database, config_roles):
        self.factory = orm.new_session_factory(url(database))
        self.log = logging.getLogger("hub")
        self.config_roles = config_roles
        self.loop = asyncio.new_event_loop()
        self.authenticator = None

    def login(self, authenticator, model):
        """In a hub that has just started.  The hub commits at each step; a login
        that fails on its way is undone here, as one in SQL is."""
        self.authenticator = authenticator
        with self.factory.kw["bind"].connect() as connection:
            transaction = connection.begin()
            self.db = self.factory(bind=connection, join_transaction_mode="create_savepoint")
            self.settings = {"config_role_names": self.config_roles, "db": self.db, "authenticator": authenticator}
            self.users = UserDict(lambda: self.db, self.settings)
            try:
                self.loop.run_until_complete(self.auth_to_user(model))
                self.db.commit()
            except BaseException:
                self.db.close()
                transaction.rollback()
                raise
            self.db.close()
            transaction.commit()


def populate(db, rng):
    """Tables with some of everything; the caller gives both sides the same seed."""
    for role in roles.get_default_roles():
        roles.create_role(db, role)
    db.add(orm.OAuthClient(identifier="jupyterhub"))
    groups = {n: orm.Group(name=n) for n in GROUPS[:3]}
    users = {n: orm.User(name=n, admin=rng.random() < 0.3) for n in USERS[:5]}
    services = {n: orm.Service(name=n) for n in SERVICES}
    made = {n: orm.Role(name=n, scopes=sorted(rng.sample(SCOPES, 2)), managed_by_auth=n == "managed") for n in ("plain", "managed")}
    db.add_all([*groups.values(), *users.values(), *services.values(), *made.values()])
    db.commit()
    for user in users.values():
        user.groups = [groups[n] for n in sorted(rng.sample(sorted(groups), rng.randint(0, 2)))]
        for role in sorted(rng.sample(["user", "admin", "plain", "managed"], rng.randint(0, 3))):
            roles.grant_role(db, user, rolename=role)
    groups["g2"].roles.append(made["plain"])
    services["svc"].roles.append(made["managed"])
    db.commit()


def sample(rng, values, most):
    return sorted(rng.sample(values, rng.randint(0, min(most, len(values)))))


def draw(rng, generator):
    """A login: mostly of an authenticator of one's own, which can say everything."""
    if rng.random() < 0.35:
        case = generator.case()
        if rng.random() < 0.6:
            case["config"]["allow_all"] = True
        case["facts"].pop("refresh", None)
        case["facts"].pop("existing_users")
        return case
    info = {"name": rng.choice(USERS + ["Ann"])}
    config = {"allow_all": True, "manage_groups": rng.random() < 0.6, "manage_roles": rng.random() < 0.6,
              "admin_users": sample(rng, USERS[:3], 1), "allowed_users": []}
    if rng.random() < 0.4:
        info["admin"] = rng.choice([True, False, None])
    if config["manage_groups"]:
        info["groups"] = rng.choice([None] + [sample(rng, GROUPS, 3) for _ in range(4)])
    if config["manage_roles"] and rng.random() < 0.9:
        wanted = []
        for name in sample(rng, ROLES, 3):
            role = {"name": name}
            if name != "admin":
                if rng.random() < 0.4:
                    role["scopes"] = rng.choice([rng.sample(SCOPES, rng.randint(1, 3)), [], None])
                if rng.random() < 0.3:
                    role["description"] = rng.choice(["a d\u00e9scription", "", None])
            for key, names in (("users", USERS), ("groups", GROUPS), ("services", SERVICES + ["gone"])):
                if rng.random() < 0.1:
                    role[key] = sample(rng, names, 2)
            wanted.append(role)
        rng.shuffle(wanted)
        info["roles"] = wanted
    return {"family": "base", "config": config, "user_info": info, "facts": {"config_roles": ["crew"]}}


def tables(sql):
    return {name: sorted(map(repr, sql.execute(query).fetchall())) for name, query in TABLES.items()}


def differences(mine, theirs):
    return {name: {"only ours": [r for r in mine[name] if r not in theirs[name]],
                   "only the hub's": [r for r in theirs[name] if r not in mine[name]]}
            for name in TABLES if mine[name] != theirs[name]}


def compare_applied(folder, connect, rng, count, result):
    names = tuple(f"jhub_authz_login_{os.getpid()}_{what}" for what in ("real", "sql"))
    maintenance = connect(folder, "postgres")
    for name in names:
        maintenance.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        maintenance.execute(f"CREATE DATABASE {name}")
    hub = RealHub(names[0], ["crew"])
    seed = rng.randrange(10**9)
    for name in names:
        db = orm.new_session_factory(url(name))()
        populate(db, random.Random(seed))
        db.close()
    theirs, mine = (connect(folder, name).cursor() for name in names)
    mine.execute("SET client_min_messages = error")
    mine.execute("CREATE EXTENSION jhub_authz")
    mine.execute("SELECT jhub_authz.attach()")
    decider = Hub()
    generator = Generator(rng, False, False)
    counts = dict.fromkeys(("allowed", "changed", "unchanged", "not allowed", "failed on both sides"), 0)
    result(tables(mine) == tables(theirs), "the same population")
    case = None
    for number in range(count):
        if case is None or rng.random() < 0.75:
            case = draw(rng, generator)
        if not one_login(number, case, decider, hub, mine, theirs, counts, result):
            result(False, f"the tables have parted at login {number}: no sense in going on")
            break
    print("logins:", ", ".join(f"{n} {what}" for what, n in counts.items()))
    hub.factory.kw["bind"].dispose()
    for cursor in (mine, theirs):
        cursor.connection.close()
    for name in names:
        maintenance.execute(f"DROP DATABASE {name} WITH (FORCE)")


def one_login(number, case, decider, hub, mine, theirs, counts, result):
    model, authenticator, failed = None, None, False
    # login_decide looks the users up in the table itself
    there = [name for name, in theirs.execute("SELECT name FROM users").fetchall()]
    decided = decider.decide({**case, "facts": {**case["facts"], "existing_users": there}})
    if None in (decided["groups"] or []):
        # the hub makes a group without a name; login_apply refuses, as documented
        return True
    if decided["outcome"] == "allowed":
        model, authenticator = decided["model"], decided["authenticator"]
    before = tables(theirs)
    if model is not None:
        try:
            hub.login(authenticator, model)
        except Exception:
            failed = True
    try:
        mine.execute("SELECT jhub_authz.load_login_config('p', %s, %s)", (case["family"], json.dumps(case["config"])))
    except Exception:
        mine.connection.rollback()
        result(model is None, f"login {number}: refused", case)
        return True
    was = mine.execute(VERSIONS).fetchone()
    try:
        row = mine.execute("SELECT outcome, username, admin, user_id FROM jhub_authz.login_apply('p', %s, %s)",
                           (json.dumps(case["user_info"]), json.dumps(case["facts"]))).fetchone()
    except Exception as error:
        result(failed, f"login {number}: {error}", case)
        counts["failed on both sides"] += failed
        return differences(tables(mine), tables(theirs)) == {}
    written = mine.execute(VERSIONS).fetchone() != was
    result((row[0] == "allowed") == (model is not None), f"login {number}: {row[0]}", case)
    if model is None:
        counts["not allowed"] += 1
        result(not written, f"login {number}: who is not allowed leaves nothing", case)
        return True
    counts["allowed"] += 1
    if failed:
        result(False, f"login {number}: the hub fails and login_apply does not", case)
        return False
    after, ours = tables(theirs), tables(mine)
    different = differences(ours, after)
    result(not different, f"login {number}", {"case": case, "tables": different})
    # a hub's login that leaves things as they were is one of ours that writes nothing
    counts["unchanged" if before == after else "changed"] += 1
    if before == after:
        result(not written, f"login {number} of {row[1]} changes nothing and writes nothing", case)
    return not different
