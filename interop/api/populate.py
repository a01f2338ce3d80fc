"""Fill a hub's database, through its own ORM, with what its REST API shows.

    populate.py URL SEED TOKENS FILE    (by a Python that has JupyterHub)

The population of interop/oracle, and on top of it what makes the models: times,
properties, servers that run, and tokens whose clear text is known.  FILE gets what
the hub's configuration must say for the rows to survive its start, and the tokens.
"""

import datetime
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

from interop.oracle import population  # noqa: E402
from interop.oracle.hub import Hub  # noqa: E402
from jupyterhub import orm, roles, scopes  # noqa: E402

DEFAULT_ROLES = {role["name"] for role in roles.get_default_roles()}


READING = ["list:users", "list:users", "list:groups", "list:services", "read:users", "read:users:name", "read:users:groups",
           "read:users:activity", "read:roles", "read:servers", "read:groups", "read:services", "read:tokens",
           "admin:auth_state", "admin:server_state"]


class Population(population._Population):
    def __init__(self, hub, rng, number):
        super().__init__(hub, rng)
        self.number = number
        self.clear = {}

    def time(self):
        """A moment; some have no fraction of a second, and one is missing."""
        if self.rng.random() < 0.2:
            return None
        fraction = self.rng.choice([0, 0, 1, 120000, 999999])
        return datetime.datetime(2020, 1, 1) + datetime.timedelta(
            seconds=self.rng.randrange(10**8), microseconds=fraction)

    def document(self):
        return self.rng.choice([
            {}, {"a": 1, "b": [True, None, "\u00e9\U0001f600"]}, {"": {"deep": {"er": [1.5, -3, 10**20]}}},
            {"image": "x/y:z", "gpu": False}])

    def custom_roles(self):
        """Besides random ones, such as let one read: what the views are about."""
        super().custom_roles()
        for number in range(12):
            bases = self.rng.sample(READING, self.rng.randint(2, 6))
            wide = self.rng.random() < 0.4
            chosen = sorted({base if wide else base + self.filter(base) for base in bases})
            if number == 0:
                chosen = sorted(set(READING))
            roles.create_role(self.db, {"name": f"reader-{number:02d}", "scopes": chosen})
            role = orm.Role.find(self.db, f"reader-{number:02d}")
            for owner in self.rng.sample(self.users, 6) + self.rng.sample(self.services, 2):
                owner.roles.append(role)
        self.db.commit()

    def filter(self, base):
        kind = {"list:groups": "group", "read:groups": "group", "list:services": "service", "read:services": "service"}.get(base)
        kind = kind or self.rng.choice(["user", "group", "group", "server" if base == "read:servers" else "group"])
        rows = {"user": self.users, "group": self.groups, "service": self.services}
        if kind == "server":
            spawner = self.rng.choice(self.spawners)
            return f"!server={spawner.user.name}/{spawner.name}"
        return f"!{kind}={self.rng.choice(rows[kind]).name}"

    def tokens(self):
        for user in self.users:
            user.created = self.time() or datetime.datetime(2020, 1, 1)
            user.last_activity = self.time()
            if hasattr(orm.User, "user_info"):
                user.user_info = self.rng.choice([None, self.document()])
        for group in self.groups:
            if hasattr(orm.Group, "properties"):
                group.properties = self.rng.choice([None, self.document()])
        for spawner in self.spawners:
            spawner.started, spawner.last_activity = self.time(), self.time()
            spawner.user_options = self.rng.choice([None, self.document()])
            # 6.0 does not start with one for a name that it would not give itself
            if hasattr(orm.Spawner, "display_name") and spawner.name in ("", "lab"):
                spawner.display_name = self.rng.choice([None, "", "a server"])
            if self.rng.random() < 0.6:
                spawner.server = orm.Server(proto="http", ip="127.0.0.1", port=1,
                                            base_url=f"/user/{spawner.id}/", cookie_name="c")
                spawner.state = {"runs": True}
        self.db.commit()
        for _ in range(self.number):
            self.token()

    def token_scopes(self, owner):
        draw = self.rng.random()
        if draw < 0.25:
            return ["inherit"]
        if draw < 0.5:
            held = sorted(self.hub.raw_scopes(owner))
            return self.rng.sample(held, self.rng.randint(0, min(len(held), 6)))
        return super().token_scopes(owner)

    def token(self):
        service_owned = self.rng.random() < 0.2
        owner = self.rng.choice(self.services if service_owned else self.users)
        if not self.clear:
            # one that sees everything
            service_owned, owner = False, next(u for u in self.users if any(r.name == "reader-00" for r in u.roles))
        clear = f"{self.rng.getrandbits(128):032x}"
        token = orm.APIToken(note=self.rng.choice(["", "a note", "\u00fcnder", None]),
                             scopes=self.token_scopes(owner) if self.clear else ["inherit"])
        token.generated = True
        token.token = clear
        token.service, token.user = (owner, None) if service_owned else (None, owner)
        token.client_id = self.rng.choice(self.clients).identifier if self.clear and self.rng.random() < 0.4 else "jupyterhub"
        token.session_id = self.rng.choice([None, "a session"])
        token.created, token.last_activity = self.time() or datetime.datetime(2020, 1, 1), self.time()
        draw = self.rng.random() if self.clear else 1
        if draw < 0.05:
            token.expires_at = datetime.datetime(2020, 1, 1)
        elif draw < 0.15:
            token.expires_at = datetime.datetime(2990, 1, 1, 1, 2, 3)
        self.db.add(token)
        self.db.commit()
        self.clear[token.id] = clear


def services(rng, names, stub):
    found = []
    for name in names:
        service = {"name": name}
        if rng.random() < 0.5:
            service["url"] = stub
            service["info"] = {"says": "\u00e9", "n": [1]}
        if rng.random() < 0.3:
            service["display"] = False
        found.append(service)
    return found


def main():
    import random

    url, seed, number, path = sys.argv[1:]
    rng = random.Random(int(seed))
    hub = Hub(url)
    document = population.custom_scopes(rng)
    scopes.define_custom_scopes(document)
    made = Population(hub, rng, int(number))
    made.make()
    hub.fresh()
    declared = [
        {"name": role.name, "description": role.description or "", "scopes": list(role.scopes or [])}
        for role in hub.db.query(orm.Role).order_by(orm.Role.id) if role.name not in DEFAULT_ROLES]
    with open(path, "w") as f:
        json.dump({
            "version": hub.version, "custom_scopes": document, "roles": declared,
            "services": services(rng, hub.names("service"), "http://127.0.0.1:STUB"),
            "tokens": made.clear, "users": hub.names("user"), "groups": hub.names("group"),
        }, f)
    hub.close()


if __name__ == "__main__":
    main()
