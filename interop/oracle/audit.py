"""The audit's answers against the hub's: who can, what can, why, and by which grant.

Each check yields (question as SQL, expected, got).  What everybody holds is asked
of the hub once, and has_scope of the hub says whom a required scope is held by.
The grant of a path is one by the hub's own lists: the subject has that role, and
the one scope of it, expanded by the hub for that subject, gives the permission.
"""

import random
from datetime import datetime

from jupyterhub import scopes

from .database import stored
from .generator import Generator
from .hub import Skip

REQUIRED = 60  # scopes that are asked for
PATHS = 400  # rows whose grant is looked at


class Audit:
    def __init__(self, hub, database, seed):
        self.hub = hub
        self.database = database
        self.rng = random.Random(f"audit {seed}")
        self.skipped = {}
        self.held = {}  # (kind, name): what the hub says
        self.unsure = set()  # tokens of which it says nothing

    def checks(self):
        self.ask_the_hub()
        yield from self.everybody()
        yield from self.required()
        yield from self.grants()

    def ask_the_hub(self):
        for kind in ("user", "service", "group"):
            for row in self.hub.all(kind):
                self.held[kind, row.name] = self.hub.scopes_of(row)
        for token in self.hub.tokens():
            if token.expires_at is not None and token.expires_at < datetime.utcnow():
                continue
            try:
                self.held["token", str(token.id)] = self.hub.token_scopes(token)[0]
            except Skip as reason:
                self.skipped[str(reason)] = self.skipped.get(str(reason), 0) + 1
                self.unsure.add(str(token.id))

    def everybody(self):
        """effective_scopes by subject, and what_can, which has its rows."""
        sql = (
            "SELECT subject_kind, subject, scopeset_agg(scope)::text FROM effective_scopes"
            " WHERE scope IS NOT NULL GROUP BY 1, 2"
        )
        got = {row[:2]: row[2] for row in self.database.rows(sql)}
        for (kind, name), held in self.held.items():
            yield (
                f"{sql}; -- {kind} {name!r}",
                stored(held) if held else None,
                got.get((kind, name)),
            )
            what = "SELECT scopeset_agg(scope)::text FROM what_can(%s, %s) WHERE scope IS NOT NULL"
            yield (
                f"{what % (repr(kind), repr(name))};",
                stored(held) if held else None,
                self.database.value(what, kind, name),
            )
        strangers = set(got) - set(self.held) - {("token", t) for t in self.unsure}
        yield f"{sql}; -- who is not there", set(), strangers

    def required(self):
        """who_can and explain of scopes that somebody holds, or nearly."""
        generator = Generator.of(self.rng, scopes.scope_definitions, self.hub)
        some = sorted({scope for held in self.held.values() for scope in held})
        drawn = self.rng.sample(some, min(len(some), REQUIRED // 2))
        drawn += [generator.scope(False) for _ in range(REQUIRED - len(drawn))]
        for required in drawn:
            if required.partition("!")[2] and "=" not in required:
                continue
            holders = set()
            for subject, held in self.held.items():
                try:
                    if self.hub.has_scope(required, held):
                        holders.add(subject)
                except Skip as reason:
                    self.skipped[str(reason)] = self.skipped.get(str(reason), 0) + 1
                    break
            else:
                yield from self.holders(required, holders)

    def holders(self, required, holders):
        sql = "SELECT DISTINCT subject_kind, subject FROM who_can(%s)"
        got = {row for row in self.database.rows(sql, required) if not (row[0] == "token" and row[1] in self.unsure)}
        yield f"{sql % repr(required)};", holders, got
        others = sorted(set(self.held) - holders)
        for kind, name in self.rng.sample(sorted(holders), min(len(holders), 4)) + self.rng.sample(others, min(len(others), 4)):
            why = "SELECT bool_and(held) AND count(*) FILTER (WHERE node_kind = 'required') > 0 FROM explain(%s, %s, %s)"
            yield (
                f"{why % (repr(kind), repr(name), repr(required))};",
                (kind, name) in holders,
                self.database.value(why, kind, name, required),
            )

    def grants(self):
        """Has the subject that role by the hub's lists, and does it give that?"""
        sql = (
            "SELECT subject_kind, subject, scope, via_role, via_group, raw_scope FROM effective_scopes"
            " WHERE via_role IS NOT NULL AND scope IS NOT NULL AND subject_kind <> 'token' ORDER BY 1, 2, 3, 4, 5, 6"
        )
        rows = self.database.rows(sql)
        for row in self.rng.sample(rows, min(len(rows), PATHS)):
            kind, name, scope, role, group, raw = row
            subject = self.hub.subject(kind, name)
            roles = subject.roles
            if group is not None:
                roles = [r for g in subject.groups if g.name == group for r in g.roles]
            has = any(r.name == role and raw in (r.scopes or ()) for r in roles)
            gives = has and scope in self.hub.expand({raw}, kind, name)
            yield f"{sql}; -- {row!r}", True, gives
