"""Random scopes that collide: few bases, few names, every kind of filter."""


class Generator:
    """Draws scopes from pools of bases and names.

    Two sets from one small pool have something to do with each other; two
    from the whole hub hardly ever have.  narrow() makes such a small pool.
    """

    def __init__(
        self, rng, bases, subscopes, members, users, groups, services, servers
    ):
        self.rng = rng
        self.bases = bases
        self.subscopes = subscopes  # base: its direct subscopes
        self.members = members  # group: its users
        self.users = users
        self.groups = groups
        self.services = services
        self.servers = servers

    @classmethod
    def of(cls, rng, definitions, hub):
        """Pools from the hub's scope definitions and from its rows.

        Names of nobody are in them too: a filter need not name anyone.
        """
        users = hub.names("user") + ["nobody"]
        return cls(
            rng,
            sorted(definitions),
            {base: sorted(d.get("subscopes") or ()) for base, d in definitions.items()},
            hub.members(),
            users,
            hub.names("group") + ["no such group"],
            hub.names("service") + ["no-service"],
            # also the default server, one of nobody, and one without a slash
            hub.servers() + [f"{user}/" for user in users] + ["nobody/x", "alice"],
        )

    def narrow(self):
        """A few related bases, groups, some of their users, and those's servers."""
        rng = self.rng
        root = rng.choice(self.bases)
        family = [root] + self.subscopes[root]
        family += rng.sample(self.bases, rng.randint(0, 2))
        groups = self._some(self.groups, 3)
        users = self._some(self.users, 2)
        for group in groups:
            users += self._some(self.members.get(group) or users, 2)
        users = sorted(set(users))
        near = [s for s in self.servers if s.partition("/")[0] in users]
        return Generator(
            rng,
            self._some(family, 3),
            self.subscopes,
            self.members,
            users,
            groups,
            self._some(self.services, 2),
            self._some(near or self.servers, 3) + self._some(self.servers, 1),
        )

    def _some(self, pool, most):
        return self.rng.sample(pool, min(len(pool), self.rng.randint(1, most)))

    def filter(self, selves):
        kind = self.rng.choice(["user", "user", "group", "group", "server", "service"])
        if selves and kind != "group" and self.rng.random() < 0.5:
            return f"!{kind}"
        pool = {
            "user": self.users,
            "group": self.groups,
            "server": self.servers,
            "service": self.services,
        }[kind]
        return f"!{kind}={self.rng.choice(pool)}"

    def scope(self, selves=False, open_share=0.2):
        base = self.rng.choice(self.bases)
        if self.rng.random() < open_share:
            return base
        return base + self.filter(selves)

    def expanded(self, most=8):
        """Without self filters; not closed under subscopes, not reduced."""
        share = self.rng.choice([0.0, 0.05, 0.3])
        return frozenset(
            self.scope(False, share) for _ in range(self.rng.randint(0, most))
        )

    def raw(self, most=5):
        """With self filters and metascopes."""
        share = self.rng.choice([0.1, 0.3, 0.6])
        found = {self.scope(True, share) for _ in range(self.rng.randint(0, most))}
        if self.rng.random() < 0.15:
            found.add(self.rng.choice(["self", "inherit", "self!user", "inherit!user"]))
        return frozenset(found)


# Characters that need care somewhere: in JSON, in SQL, in UTF-16, in LIKE.
_CHARACTERS = (
    "ab zAZ09!!==//\"\\'%_$?:;{}[],.-*"
    "\u00a0\u00df\u00e9\u0131\u2028\u20ac\ufeff\uffef\U0001f600\U00010000\U0010fffd"
)
_BASE_CHARACTERS = "abcxyzAZ09:_-*()=/\"\\'%\u00e9\u20ac\U0001f600"


def any_scope(rng):
    """Any scope that the type's grammar allows, whether it exists or not."""
    base = "".join(rng.choice(_BASE_CHARACTERS) for _ in range(rng.randint(1, 12)))
    kind = rng.choice(["", "user", "service", "server", "group"])
    if not kind:
        return base
    if kind != "group" and rng.random() < 0.2:
        return f"{base}!{kind}"
    value = "".join(rng.choice(_CHARACTERS) for _ in range(rng.randint(1, 12)))
    return f"{base}!{kind}={value}"
