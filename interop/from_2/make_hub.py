"""A database of JupyterHub 2.x, made by the hub's own classes.

    make_hub.py DB_URL SEED SIZE        (under a Python that has JupyterHub 2.3.1)

Users, overlapping groups, services, custom roles with every kind of filter,
several roles on a token, OAuth clients and their tokens, running servers, codes,
odd names, and what the hub lets happen: roles without scopes, tokens without
roles.  Prints JSON: the clear tokens by id.
"""
import json
import random
import sys
from datetime import datetime, timedelta

from jupyterhub import orm, roles
from sqlalchemy import text

ODD_USERS = ["o'brien", "ann smith", "zo\u00eb", "x!y=z", 'quo"te', "\u03bb\U0001f40d", "back\\slash", "UPPER"]
ODD_GROUPS = ["physics", "maths", "odd group!=x", "gr\u00fcppe"]
SCOPES = ["read:users", "read:users:name", "list:users", "servers", "read:servers", "access:servers",
          "users:activity", "tokens", "read:tokens", "groups", "read:groups", "read:hub",
          "read:services", "access:services", "admin:users", "admin:servers"]


def filters(scope, users, groups):
    """The forms in which a role may hold a scope."""
    yield scope
    if scope.split(":")[-1] in ("users", "name", "servers", "activity", "tokens") and scope != "read:hub":
        yield f"{scope}!user"
        yield f"{scope}!user={random.choice(users)}"
        yield f"{scope}!group={random.choice(groups)}"
    if scope.endswith("servers"):
        yield f"{scope}!server={random.choice(users)}/"
        yield f"{scope}!server={random.choice(users)}/lab"
    if scope.endswith("groups"):
        yield f"{scope}!group={random.choice(groups)}"
    if scope.endswith("services"):
        yield f"{scope}!service=announce"


def make_roles(db, users, groups):
    made = []
    for n, scope in enumerate(SCOPES):
        for form, written in enumerate(dict.fromkeys(filters(scope, users, groups))):
            made.append(orm.Role(name=f"r{n}-{form}", description="x", scopes=[written]))
    for n in range(10):
        picks = {random.choice(list(filters(random.choice(SCOPES), users, groups))) for _ in range(random.randint(2, 9))}
        made.append(orm.Role(name=f"many {n}", description="x", scopes=list(picks)))
    made.append(orm.Role(name="nothing", description="x", scopes=[]))
    made.append(orm.Role(name="unset", description="x", scopes=None))
    db.add_all(made)
    db.commit()
    return made


def token_of(db, tokens, owner, token_roles, client="jupyterhub", note="", expires=None):
    kind = "user" if isinstance(owner, orm.User) else "service"
    clear = orm.new_token()
    orm.APIToken.new(clear, note=note, client_id=client, **{kind: owner})
    row = db.query(orm.APIToken).order_by(orm.APIToken.id.desc()).first()
    # the hub takes only what the owner holds now; owners lose roles later on
    row.roles = list(token_roles)
    if expires:
        row.expires_at = datetime.utcnow() + timedelta(seconds=expires)
    tokens.append((row, clear))


def main():
    url, seed, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    server_port = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    random.seed(seed)
    db = orm.new_session_factory(url)()
    for role in roles.get_default_roles():
        roles.create_role(db, role)
    names = ODD_USERS + ["alice", "bob"] + [f"u{n}" for n in range(size)]
    users = [orm.User(name=name, admin=name == "alice") for name in names]
    groups = [orm.Group(name=name, users=random.sample(users, len(users) // 2)) for name in ODD_GROUPS]
    services = [orm.Service(name=name) for name in ("announce", "cull er", "d\u00efm")]
    db.add_all(users + groups + services)
    db.add(orm.OAuthClient(identifier="jupyterhub"))
    db.commit()
    for user in users:
        roles.assign_default_roles(db, entity=user)
    roles.grant_role(db, entity=users[names.index("alice")], rolename="admin")

    made = make_roles(db, names, ODD_GROUPS)
    defaults = {r.name: r for r in db.query(orm.Role) if r.name in ("user", "admin", "server", "token")}
    for holder in users + groups + services:
        holder.roles = list(set(holder.roles) | set(random.sample(made, random.randint(0, 3))))
    db.commit()

    # servers, some running, and their OAuth clients
    for n, user in enumerate(users):
        for name in ("", "lab")[:1 + n % 2]:
            client = orm.OAuthClient(identifier=f"jupyterhub-user-{n}-{name}", description=f"Server of {user.name}",
                                     secret="x", redirect_uri="/")
            client.allowed_roles = random.sample(made, n % 3) + ([defaults["server"]] if n % 2 else [])
            db.add(client)
            db.commit()
            spawner = orm.Spawner(name=name, user=user, oauth_client=client)
            if server_port and n % 3 == 0:
                spawner.server = orm.Server(proto="http", ip="127.0.0.1", port=server_port,
                                            base_url=f"/user/u{n}/{name}", cookie_name="c")
                spawner.state = {"pid": 1}
            db.add(spawner)
    for n, service in enumerate(services[:2]):
        client = orm.OAuthClient(identifier=f"service-{n}", description=service.name, secret="x", redirect_uri="/")
        client.allowed_roles = random.sample(made, 2)
        db.add(client)
        db.commit()
        service.oauth_client = client
    db.add(orm.OAuthClient(identifier="of nothing", description="x", secret="x", redirect_uri="/",
                           allowed_roles=random.sample(made, 1)))
    db.commit()

    tokens = []
    clients = db.query(orm.OAuthClient).filter(orm.OAuthClient.identifier != "jupyterhub").all()
    for n, owner in enumerate(users + services):
        token_of(db, tokens, owner, [defaults["token"]])
        token_of(db, tokens, owner, random.sample(made, random.randint(1, 4)))
        if n % 4 == 0:
            token_of(db, tokens, owner, [defaults["token"]] + random.sample(made, 1), expires=random.choice([-60, 86400]))
        if isinstance(owner, orm.User):
            token_of(db, tokens, owner, [defaults["server"]], note="Server at /user/x/")
            token_of(db, tokens, owner, [defaults["user"], defaults["server"]][:1 + n % 2],
                     client=random.choice(clients).identifier)
    token_of(db, tokens, users[0], [])
    token_of(db, tokens, users[1], [r for r in made if r.name == "nothing"])
    token_of(db, tokens, users[1], [r for r in made if r.name in ("nothing", "unset")])
    db.add(orm.OAuthCode(client=clients[0], code="abc", user=users[0], roles=random.sample(made, 2),
                         expires_at=int(datetime.utcnow().timestamp()) + 300, redirect_uri="/"))
    db.commit()
    # what 2.x never wrote itself, and reads all the same: two roles that a token has
    db.execute(text("UPDATE roles SET scopes = :s WHERE name = 'r0-0'"),
               {"s": '["read:users", "read:users",   "list:users"]'})
    db.execute(text("UPDATE roles SET scopes = :s WHERE name = 'r1-0'"),
               {"s": '["read:users!group", "\\u00e9t\\u00e9 x", "read:users:name"]'})
    db.commit()
    print(json.dumps({row.id: clear for row, clear in tokens}))


if __name__ == "__main__":
    main()
