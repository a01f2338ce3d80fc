"""A random hub, made through the hub's own ORM."""

import datetime
import random

from jupyterhub import orm, roles, scopes

from .generator import Generator

# Names as they are seen in real hubs, and some that look like syntax.
USERS = [
    "alice",
    "bob",
    "o'brien",
    "bang!user",
    "eq=ual",
    "per%cent_x",
    'quo"te',
    "back\\slash",
    "Zo\u00eb",
    "\u540d\u524d",
    "\U0001d4b6stral",
    "trailing ",
    "MixedCase",
    "mixedcase",
    "group",
    "two words",
    "alice!user=bob",
    "self",
    "{brace}",
    "nothing",
    "100",
]
GROUPS = [
    "staff",
    "group!x=y",
    "lab one",
    "alice",
    "MixedCase",
    "o'brien",
    "\u00fcnder",
    "user",
    "empty",
]
SERVICES = ["grader", "o'brien", "svc=1", "serv ice", "idle-culler", "bang!svc"]
SERVERS = ["", "", "lab", "two words", "a/b", "q'x", "\u00fcn\u00ef", "!user=bob"]
CUSTOM = [
    "custom:lab:read",
    "custom:lab:read:contents",
    "custom:lab:*",
    "custom:lab:write",
    "custom:x_y-z:execute",
    "custom:0abc",
    "custom:deep:a",
    "custom:deep:b",
    "custom:deep:c",
    "custom:a:every*",
]


def custom_scopes(rng):
    """Definitions of custom scopes: a graph without cycles."""
    names = rng.sample(CUSTOM, len(CUSTOM))
    document = {}
    for index, name in enumerate(names):
        document[name] = {"description": f"what {name} allows: \u00e9 \"q\" \\ 'a'"}
        later = names[index + 1 :]
        if later and rng.random() < 0.6:
            document[name]["subscopes"] = rng.sample(
                later, rng.randint(0, min(3, len(later)))
            )
    return document


def populate(hub, seed):
    """Fill an empty database.

    Returns the definitions of the custom scopes: they are configuration of
    the hub and in no table of its.
    """
    rng = random.Random(seed)
    document = custom_scopes(rng)
    scopes.define_custom_scopes(document)
    _Population(hub, rng).make()
    return document


# Members that a role of the hub's may have and that are no scopes: each gives
# nothing, and keeps no other member from giving what it says.  (Where the hub has
# to look for a surrogate or U+0000 in the database it fails, and from 5.0 on where
# it compares an empty value.)
ODD = ["list:users!grp=physics", "read:users!user=a\nb", "users!users=u!x"]
EMPTY = ["read:users!user=", "read:users!group", "users!user!user"]


def add_odd_members(hub, seed):
    """Some of them to every second role that is not one of the hub's own."""
    rng = random.Random(seed)
    odd = ODD if hub.has_shares else ODD + EMPTY
    for role in hub.db.query(orm.Role).order_by(orm.Role.id):
        if role.name.startswith("role-") and rng.random() < 0.5:
            members = list(role.scopes) + rng.sample(odd, rng.randint(1, 3))
            rng.shuffle(members)
            role.scopes = members
    hub.db.commit()
    hub.fresh()


class _Population:
    def __init__(self, hub, rng):
        self.db = hub.db
        self.hub = hub
        self.rng = rng

    def make(self):
        for role in roles.get_default_roles():
            roles.create_role(self.db, role)
        self.add(orm.OAuthClient(identifier="jupyterhub"))
        self.users = self.add(*[orm.User(name=name) for name in USERS])
        self.groups = self.add(*[orm.Group(name=name) for name in GROUPS])
        self.services = self.add(*[orm.Service(name=name) for name in SERVICES])
        self.memberships()
        self.servers_and_clients()
        self.generator = Generator.of(self.rng, scopes.scope_definitions, self.hub)
        self.custom_roles()
        self.client_scopes()
        if self.hub.has_shares:
            self.shares()
        self.tokens()
        self.consents()
        self.hub.fresh()

    def add(self, *rows):
        self.db.add_all(rows)
        self.db.commit()
        return list(rows)

    def some(self, rows, most):
        return self.rng.sample(rows, self.rng.randint(0, most))

    def memberships(self):
        for group in self.groups:
            if group.name != "empty":
                group.users.extend(self.some(self.users, 7))
        self.db.commit()

    def servers_and_clients(self):
        """Spawners and services, some with an OAuth client of their own."""
        self.spawners = []
        number = 0
        for user in self.users:
            servers = self.rng.randint(0, 3)
            for name in {self.rng.choice(SERVERS) for _ in range(servers)}:
                spawner = orm.Spawner(name=name, user=user)
                self.spawners.append(spawner)
        # a set's order is Python's business, the seed's it must be
        self.spawners.sort(key=lambda s: (s.user.name, s.name))
        self.add(*self.spawners)
        for owner in self.spawners + self.services:
            if self.rng.random() < 0.7:
                number += 1
                kind = "user" if isinstance(owner, orm.Spawner) else "service"
                owner.oauth_client = orm.OAuthClient(
                    identifier=f"{kind}-client {number}'s", allowed_scopes=[]
                )
        self.add(orm.OAuthClient(identifier="orphan", allowed_scopes=["self"]))
        self.clients = self.db.query(orm.OAuthClient).order_by("id").all()

    def client_scopes(self):
        """What OAuth clients may ask for, and what makes them usable at all."""
        for number, client in enumerate(self.clients):
            if client.identifier == "jupyterhub":
                continue
            client.secret = f"secret {number}"
            client.redirect_uri = f"/client/{number}/oauth_callback"
            draw = self.rng.random()
            if draw < 0.15:
                client.allowed_scopes = ["inherit"]
            elif draw < 0.4 and client.identifier != "orphan":
                # what some roles have, so that these can be asked for by name
                named = self.rng.sample(self.made_roles, 3) + [orm.Role.find(self.db, "user")]
                client.allowed_scopes = sorted({s for role in named for s in role.scopes or ()})
            elif client.identifier != "orphan" and self.rng.random() < 0.8:
                chosen = self.generator.narrow().raw(5) if self.rng.random() < 0.5 else set()
                for _ in range(self.rng.randint(0, 2)):
                    held = self.hub.raw_scopes(self.rng.choice(self.users))
                    chosen |= set(self.rng.sample(sorted(held), min(len(held), 3)))
                client.allowed_scopes = sorted(chosen)
        for service in self.services:
            if self.hub.has_shares and self.rng.random() < 0.2:
                service.oauth_no_confirm = True
        self.db.commit()

    def custom_roles(self):
        made = []
        for number in range(30):
            name = f"role-{number:02d}"
            draw = self.rng.random()
            if draw < 0.05:
                role = {"name": name, "description": "its scopes are NULL"}
            elif draw < 0.1:
                role = {"name": name, "scopes": []}
            else:
                source = self.generator
                if self.rng.random() < 0.5:
                    source = source.narrow()
                chosen = sorted(source.raw(8))
                self.rng.shuffle(chosen)
                # an entry may stand twice
                role = {"name": name, "scopes": chosen + chosen[:1]}
            roles.create_role(self.db, role)
            made.append(orm.Role.find(self.db, name))
        self.made_roles = made
        default = {n: orm.Role.find(self.db, n) for n in ("user", "admin", "server")}
        for user in self.users:
            if user.name == "nothing":
                continue
            user.roles.extend(self.some(made, 3))
            if self.rng.random() < 0.7:
                user.roles.append(default["user"])
            if self.rng.random() < 0.1:
                user.admin = True
                user.roles.append(default["admin"])
            elif self.rng.random() < 0.1:
                user.roles.append(default["server"])
        for group in self.groups:
            group.roles.extend(self.some(made, 2))
        for service in self.services:
            service.roles.extend(self.some(made, 3))
        self.db.commit()

    def shares(self):
        """Rows, not API calls: also other filters than the API would put on."""
        for _ in range(40):
            spawner = self.rng.choice(self.spawners)
            chosen = set()
            for _ in range(self.rng.randint(0, 3)):
                base = self.rng.choice(
                    ["access:servers", "servers", "read:servers", "admin:servers"]
                    + self.generator.bases
                )
                chosen.add(f"{base}!server={spawner.user.name}/{spawner.name}")
            if self.rng.random() < 0.1:
                chosen.add(self.generator.scope())
            share = orm.Share(
                owner=spawner.user, spawner=spawner, scopes=sorted(chosen)
            )
            if self.rng.random() < 0.6:
                share.user = self.rng.choice(self.users)
            else:
                share.group = self.rng.choice(self.groups)
            if self.rng.random() < 0.15:
                # an expired share counts until it is purged
                share.expires_at = datetime.datetime(2020, 1, 1)
            self.db.add(share)
        self.db.commit()
        # from 6.1 on the hub puts each share's filters right when it reads it, and
        # writes that down at its next commit: all of them are read here
        for share in self.db.query(orm.Share):
            share.scopes
        self.db.commit()

    def tokens(self):
        """Rows: also scopes that the hub would not have put on a token."""
        for number in range(150):
            service_owned = self.rng.random() < 0.2
            owner = self.rng.choice(self.services if service_owned else self.users)
            token = orm.APIToken(
                note=f"token {number}", scopes=self.token_scopes(owner)
            )
            token.generated = True
            token.token = f"{self.rng.getrandbits(128):032x}"
            if service_owned:
                token.service = owner
            else:
                token.user = owner
            draw = self.rng.random()
            if draw < 0.6:
                token.client_id = "jupyterhub"
            elif draw < 0.98:
                token.client_id = self.rng.choice(self.clients).identifier
            if self.rng.random() < 0.05:
                token.expires_at = datetime.datetime(2020, 1, 1)
            self.db.add(token)
        self.db.commit()

    def consents(self):
        """Tokens of logins: what was granted once needs no asking again."""
        clients = [c for c in self.clients if c.spawner or c.service]
        for number in range(30):
            client = self.rng.choice(clients)
            granted = {"read:users:name!user", "read:users:groups!user"}
            granted |= scopes.access_scopes(client) | set(client.allowed_scopes)
            if self.rng.random() < 0.2:
                granted.discard(min(granted))
            token = orm.APIToken(
                note=f"login {number}", scopes=sorted(granted), client_id=client.identifier
            )
            token.generated = True
            token.token = f"{self.rng.getrandbits(128):032x}"
            token.user = self.rng.choice([u for u in self.users if u.admin] or self.users)
            self.db.add(token)
        self.db.commit()

    def token_scopes(self, owner):
        draw = self.rng.random()
        if draw < 0.2:
            return ["inherit"]
        if draw < 0.3:
            return sorted(self.generator.raw(4) | {"inherit"})
        if draw < 0.33:
            return None
        if draw < 0.36:
            return []
        if draw < 0.45:
            return ["users:activity!user", "access:servers!server"]
        if draw < 0.6:
            held = sorted(self.hub.scopes_of(owner))
            return self.rng.sample(held, min(len(held), self.rng.randint(1, 5)))
        if draw < 0.75:
            held = sorted(self.hub.raw_scopes(owner))
            return held + sorted(self.generator.raw(2))
        return sorted(self.generator.raw(6))
