"""Random visitors of a server: what they hold, raw; and the custom scopes."""

from jupyterhub import scopes

RESOURCES = ["api", "config", "contents", "csp", "events", "kernels", "kernelspecs",
             "nbconvert", "server", "sessions", "terminals"]
ACTIONS = ["execute", "write", "read"]  # each implies the next

# Servers as the hub may have them: owner and name, '' for the default server
SERVERS = [("ann", "lab"), ("ann", ""), ("bob", "lab"), ("bob", ""), ("o'brien", "lab one"),
           ("zo\u00eb", "\u00fc!user=ann"), ("{server}", "{owner}"), ("eq=ual", "a/b")]


def custom_scopes():
    """The document for c.JupyterHub.custom_scopes and for define_scopes."""
    document = {}
    for resource in RESOURCES + ["*", "ext_name:thing"]:
        for action, below in zip(ACTIONS, ACTIONS[1:] + [None]):
            name = f"custom:jupyter_server:{action}:{resource}"
            document[name] = {"description": f"{action} {resource}"}
            if below:
                document[name]["subscopes"] = [f"custom:jupyter_server:{below}:{resource}"]
    return document


def filters(rng, owner, server):
    """A filter, or none: half of the time one that has to do with the server."""
    if rng.random() < 0.5:
        return rng.choice(["", f"!user={owner}", f"!server={owner}/{server}"])
    other_owner, other_server = rng.choice(SERVERS)
    return rng.choice([
        f"!user={other_owner}", f"!server={other_owner}/{other_server}",
        f"!server={owner}/{other_server}", f"!server={other_owner}/{server}",
        f"!server={server or owner}", "!group=nobodys", "!service=ann", f"!group={owner}",
        f"!user={owner}x", f"!server={owner}/{server}x",
    ])


def raw_scopes(rng, owner, server):
    """What a visitor holds, as a role or share would say it."""
    held = set()
    for _ in range(rng.choice([0, 1, 1, 1, 2, 3])):
        held.add("access:servers" + filters(rng, owner, server))
    for _ in range(rng.choice([0, 1, 2, 4, 8, 16])):
        action = rng.choice(ACTIONS)
        resource = rng.choice(RESOURCES + ["*", "*"])
        held.add(f"custom:jupyter_server:{action}:{resource}" + filters(rng, owner, server))
    if rng.random() < 0.2:
        held.add(rng.choice(["list:users", "admin:servers", "servers", "read:users!user=ann"]))
    return frozenset(held)


def expanded(raw):
    """By the hub."""
    return frozenset(scopes.expand_scopes(raw))


def check(owner, server, action, resource, have):
    """The rule of jupyter_server_config.py by itself: (access, required)."""
    access = {f"access:servers!server={owner}/{server}", f"access:servers!user={owner}"}
    wanted = {
        f"custom:jupyter_server:{action}:{name}{filter}"
        for name in (resource, "*")
        for filter in (f"!server={owner}/{server}", f"!user={owner}")
    }
    from jupyterhub.services.auth import check_scopes

    return bool(check_scopes(access, set(have))), bool(check_scopes(wanted, set(have)))
