"""Random questions: for each kind, how to draw one and who answers what.

A kind has parameters (text for SQL; sets and lists go as JSON), SQL expressions
over them, and an oracle that gives one value for each expression.  An oracle
that raises Skip has no answer, and another question is drawn.  A wrong answer
can be made small by taking members out of the sets: the oracle is a function.
"""

import json
import random

from jupyterhub import scopes

from .database import Failure, stored
from .generator import Generator, any_scope
from .hub import Skip


class Kind:
    """One kind of question.  weight: its share of all random cases.

    alone: each case is asked by itself, in a transaction that is rolled back.
    """

    name = None
    weight = 1
    alone = False
    parameters = ()
    expressions = ()

    def __init__(self, hub, rng):
        self.hub = hub
        self.rng = rng
        self.generator = Generator.of(rng, scopes.scope_definitions, hub)

    def available(self):
        """None, or why this release's hub cannot be asked."""
        return None

    def draw(self):
        raise NotImplementedError

    def oracle(self, *arguments):
        raise NotImplementedError

    # ---- what several kinds draw ----

    def owner(self, group=True):
        kinds = ["user", "user", "user", "service"] + (["group"] if group else [])
        kind = self.rng.choice(kinds)
        return kind, self.rng.choice(self.hub.names(kind))

    def maybe_owner(self):
        return (None, None) if self.rng.random() < 0.1 else self.owner()

    def maybe_client(self):
        if self.rng.random() < 0.3:
            return None
        return self.rng.choice(self.hub.clients())

    def pair(self):
        """Two expanded sets that have to do with each other."""
        narrow = self.generator.narrow()
        a, b = narrow.expanded(), narrow.expanded()
        if self.rng.random() < 0.2:
            # what is expanded from a role, not just drawn
            a = self.hub.expand(narrow.raw(), *self.owner())
        if a and self.rng.random() < 0.3:
            b |= frozenset(self.rng.sample(sorted(a), self.rng.randint(1, len(a))))
        return a, b


class Text(Kind):
    """Text in, text out: byte for byte what the hub would store."""

    name = "parse and print"
    parameters = ("a",)
    expressions = (
        "a::scopeset::text",
        "scope_count(a::scopeset)",
        "(SELECT coalesce(json_agg("
        "json_build_array(scope, base, filter_kind, filter_value)"
        ' ORDER BY scope COLLATE "C"), \'[]\') FROM scope_explode(a::scopeset))',
        "array_to_json(a::scopeset::text[])",
        "a::scopeset::jsonb",
        "CASE WHEN a ~ '^\\[' THEN NULL ELSE oauth_scope(a::scopeset) END",
    )

    def draw(self):
        members = [any_scope(self.rng) for _ in range(self.rng.randint(0, 6))]
        if self.rng.random() < 0.2:
            spaced = [m for m in members if not any(c.isspace() for c in m)]
            if not (spaced and spaced[0].startswith("[")):
                return (self.rng.choice([" ", "\n", " \t "]).join(spaced),)
        if members and self.rng.random() < 0.3:
            members.append(self.rng.choice(members))
        text = json.dumps(
            members,
            ensure_ascii=self.rng.random() < 0.5,
            indent=self.rng.choice([None, None, 1]),
            separators=self.rng.choice([None, (",", ":")]),
        )
        return (text,)

    def oracle(self, text):
        members = json.loads(text) if text.startswith("[") else text.split()
        members = sorted(set(members))
        exploded = []
        for member in members:
            base, mark, rest = member.partition("!")
            kind, equals, value = rest.partition("=")
            exploded.append([member, base, kind if mark else None, value or None])
        spaced = None if text.startswith("[") else " ".join(members)
        return stored(members), len(members), exploded, members, members, spaced


class Plain(Kind):
    """The operators: what the hub says without a database."""

    name = "operators"
    weight = 3
    parameters = ("a", "b")
    expressions = (
        "(a::scopeset & b::scopeset)::text",
        "a::scopeset @> b::scopeset",
        "a::scopeset <@ b::scopeset",
        "a::scopeset && b::scopeset",
        "(a::scopeset - b::scopeset)::text",
        "(a::scopeset | b::scopeset)::text",
        "a::scopeset = b::scopeset",
    )

    def draw(self):
        return self.pair()

    def oracle(self, a, b):
        both = self.hub.intersect(a, b, groups=False)
        return (
            stored(both),
            self.hub.covers(a, b, groups=False),
            self.hub.covers(b, a, groups=False),
            bool(both),
            stored(self.hub.minus(a, b)),
            stored(a | b),
            a == b,
        )


class GroupAware(Kind):
    """The same with a database: who is in which group counts."""

    name = "intersect_scopes and covers"
    weight = 4
    parameters = ("a", "b")
    expressions = (
        "intersect_scopes(a::scopeset, b::scopeset)::text",
        "covers(a::scopeset, b::scopeset)",
        "covers(b::scopeset, a::scopeset)",
    )

    def draw(self):
        return self.pair()

    def oracle(self, a, b):
        return (
            stored(self.hub.intersect(a, b)),
            self.hub.covers(a, b),
            self.hub.covers(b, a),
        )


class Aggregates(Kind):
    """Union, and the intersection of one after the other."""

    name = "aggregates"
    weight = 0.5
    parameters = ("a", "b", "c")
    expressions = (
        "(SELECT scopeset_agg(s::scopeset)::text FROM unnest(ARRAY[a, b, c]) AS s)",
        "(SELECT scopeset_intersect_agg(s::scopeset ORDER BY n)::text"
        " FROM unnest(ARRAY[a, b, c]) WITH ORDINALITY AS u(s, n))",
    )

    def draw(self):
        a, b = self.pair()
        return a, b, self.rng.choice([a, b]) | self.generator.narrow().expanded(3)

    def oracle(self, a, b, c):
        both = self.hub.intersect(a, b, groups=False)
        return stored(a | b | c), stored(self.hub.intersect(both, c, groups=False))


class Reduce(Kind):
    name = "reduce"
    parameters = ("a",)
    expressions = ("reduce(a::scopeset)::text",)

    def draw(self):
        return (self.generator.narrow().expanded(12),)

    def oracle(self, a):
        return (stored(self.hub.reduce(a)),)


class Expand(Kind):
    name = "expand"
    weight = 4
    parameters = ("raw", "kind", "name", "client")
    expressions = ("expand(raw::scopeset, kind, name, client)::text",)

    def draw(self):
        source = self.generator
        if self.rng.random() < 0.5:
            source = source.narrow()
        return (source.raw(), *self.maybe_owner(), self.maybe_client())

    def oracle(self, raw, kind, name, client):
        return (stored(self.hub.expand(raw, kind, name, client)),)


class Validate(Kind):
    """Does each scope exist?"""

    name = "validate"
    weight = 0.1
    parameters = ("raw",)
    expressions = ("validate(raw::scopeset)::text",)
    WRONG = ["read:uers", "all", "custom:no:such", "Users", "users:", "custom:lab"]

    def draw(self):
        raw = self.generator.raw()
        if self.rng.random() < 0.3:
            raw |= {self.rng.choice(self.WRONG) + self.rng.choice(["", "!user"])}
        return (raw,)

    def oracle(self, raw):
        return (stored(raw) if self.hub.exist(raw) else Failure("42704"),)


class Define(Kind):
    """Custom scopes that may or may not be defined.

    Left out is what interface and hub differ on: a subscope of an earlier
    call (the hub wants all in one), a cycle and a name that ends in a newline
    (the hub lets both pass, and fails later).
    """

    name = "define_scopes"
    weight = 0.1
    alone = True
    parameters = ("document",)
    expressions = ("define_scopes(document) IS NOT NULL",)
    NAMES = [
        "custom:new:a",
        "custom:new:b",
        "custom:new-c_d*",
        "custom:0:1",
        "custom:lab:read",
        "custom:ab",
        "custom:-ab",
        "custom:*ab",
        "custom:abc-",
        "custom:abc:",
        "custom:Upper",
        "custom:sp ace",
        "custom:\u00e9t\u00e9",
        "custom:abc!user",
        "users",
        "new:scope",
        "custom:",
    ]

    def draw(self):
        known = scopes.scope_definitions
        names = self.rng.sample(self.NAMES[:4] * 3 + self.NAMES, self.rng.randint(0, 3))
        document = {}
        for index, name in enumerate(names):
            document[name] = {"description": f"what {name} allows"}
            later = [n for n in names[index + 1 :] if n not in names[: index + 1]]
            if self.rng.random() < 0.3:
                document[name]["subscopes"] = later
            if self.rng.random() < 0.1:
                wrong = ["users", "custom:nowhere:else"]
                document[name]["subscopes"] = [self.rng.choice(wrong)]
            if self.rng.random() < 0.05:
                del document[name]["description"]
            if self.rng.random() < 0.05:
                document[name]["subscopes"] = self.rng.choice(["custom:new:a", [1], {}])
            if name in known and self.rng.random() < 0.5:
                document[name] = known[name]
        return (json.dumps(document),)

    def oracle(self, document):
        document = json.loads(document)
        for definition in document.values():
            for name in definition.get("subscopes") or ():
                if name in self.hub.earlier_custom and name not in document:
                    raise Skip("subscope of an earlier call")
        return (True if self.hub.define(document) else Failure("22023"),)


class Describe(Kind):
    name = "describe"
    parameters = ("raw", "username")
    expressions = (
        "(SELECT coalesce(json_agg(json_build_array(d.scope, d.description, d.filter)"
        " ORDER BY d.number), '[]') FROM describe(raw::scopeset, username)"
        " WITH ORDINALITY AS d(scope, description, filter, number))",
    )

    def draw(self):
        name = self.rng.choice([None, self.rng.choice(self.generator.users)])
        narrow = self.generator.narrow()
        if name:
            narrow.users = narrow.users + [name]
        return narrow.raw(), name

    def oracle(self, raw, username):
        return (self.hub.describe(raw, username),)


class HasScope(Kind):
    """have holds one scope; any of several; at least some filtered form."""

    name = "has_scope and has_any_scope"
    weight = 3
    parameters = ("have", "required", "several", "base")
    expressions = (
        "has_scope(have::scopeset, required)",
        "has_scope(have::scopeset,"
        " ARRAY(SELECT jsonb_array_elements_text(several::jsonb)))",
        "has_any_scope(have::scopeset, base)",
    )

    def draw(self):
        narrow = self.generator.narrow()
        one = narrow.scope()
        if self.rng.random() < 0.05:
            one = "no:such:scope"
        several = [narrow.scope() for _ in range(self.rng.randint(0, 3))]
        return narrow.expanded(), one, tuple(several), narrow.scope(False, 1.0)

    def oracle(self, have, required, several, base):
        return (
            self.hub.has_scope(required, have),
            any([self.hub.has_scope(one, have) for one in several]),
            self.hub.has_any_scope(base, have),
        )


class WrongRequirement(Kind):
    """A self filter is no requirement, a filter none for has_any_scope."""

    name = "has_scope, refused"
    weight = 0.05
    parameters = ("have", "required")
    expressions = ("has_scope(have::scopeset, required)",)

    def draw(self):
        narrow = self.generator.narrow()
        kind = self.rng.choice(["user", "server", "service"])
        # the hub looks at the filter before it looks at what is held
        return narrow.expanded(), f"{self.rng.choice(narrow.bases)}!{kind}"

    def oracle(self, have, required):
        try:
            return (self.hub.has_scope(required, have),)
        except ValueError:
            return (Failure("22023"),)


class Resolve(Kind):
    name = "resolve_scopes"
    weight = 3
    parameters = ("requested", "have", "kind", "name", "client")
    expressions = (
        "(SELECT granted::text FROM"
        " resolve_scopes(requested::scopeset, have::scopeset, kind, name, client))",
        "(SELECT refused::text FROM"
        " resolve_scopes(requested::scopeset, have::scopeset, kind, name, client))",
    )

    def available(self):
        return None if self.hub.has_resolve else "no _resolve_requested_scopes"

    def draw(self):
        narrow = self.generator.narrow()
        kind, name = self.owner(group=False)
        if kind == "user" and self.rng.random() < 0.7:
            narrow.users = narrow.users + [name]
        have = narrow.raw(6)
        if self.rng.random() < 0.3:
            have |= self.hub.raw_scopes(self.hub.subject(kind, name))
        requested = narrow.raw(6)
        if have and self.rng.random() < 0.5:
            requested |= {self.rng.choice(sorted(have))}
        return requested, have, kind, name, self.maybe_client()

    def oracle(self, requested, have, kind, name, client):
        granted, refused = self.hub.resolve(requested, have, kind, name, client)
        return stored(granted), stored(refused)


class Subject(Kind):
    """Questions about somebody who is there."""

    name = "subject_has_scope and subject_covers"
    weight = 2
    parameters = ("kind", "name", "required", "wanted", "client")
    expressions = (
        "subject_has_scope(kind, name, required)",
        "subject_covers(kind, name, wanted::scopeset, client)",
    )

    def draw(self):
        kind, name = self.owner()
        held = sorted(self.hub.scopes_of(self.hub.subject(kind, name)))
        narrow = self.generator.narrow()
        if held and self.rng.random() < 0.6:
            narrow.bases = sorted(
                {scope.partition("!")[0] for scope in self.rng.sample(held, 1)}
            )
        wanted = narrow.raw(2)
        if held and self.rng.random() < 0.7:
            wanted = frozenset(self.rng.sample(held, min(len(held), 3)))
            if self.rng.random() < 0.2:
                wanted |= narrow.raw(1)
        return kind, name, narrow.scope(), wanted, self.maybe_client()

    def oracle(self, kind, name, required, wanted, client):
        have = self.hub.scopes_of(self.hub.subject(kind, name))
        return (
            self.hub.has_scope(required, have),
            self.hub.subject_covers(kind, name, wanted, client),
        )


class TokenHas(Kind):
    """The same question of a live token."""

    name = "subject_has_scope of a token"
    parameters = ("token", "required")
    expressions = ("subject_has_scope('token', token, required)",)

    def __init__(self, hub, rng):
        super().__init__(hub, rng)
        live = [t for t in hub.tokens() if t.client_id and not t.expires_at]
        self.tokens = {str(token.id): token for token in live}

    def draw(self):
        identifier = self.rng.choice(sorted(self.tokens))
        token = self.tokens[identifier]
        narrow = self.generator.narrow()
        owner = token.user or token.service
        held = sorted(self.hub.scopes_of(owner))
        if held and self.rng.random() < 0.7:
            return identifier, self.rng.choice(held)
        return identifier, narrow.scope()

    def oracle(self, identifier, required):
        effective, _ = self.hub.token_scopes(self.tokens[identifier])
        return (self.hub.has_scope(required, effective),)


class Visible(Kind):
    """Rows that a set lets one see: the hub's check_scope_filter on each.

    It takes a server filter also for the bare name of anybody's server.
    """

    name = "visible_..."
    weight = 0.5
    parameters = ("have",)
    bases = {
        "user": "list:users",
        "group": "list:groups",
        "service": "list:services",
        "server": "read:servers",
    }
    expressions = tuple(
        f"(SELECT coalesce(json_agg(id ORDER BY id), '[]')"
        f" FROM visible_{kind}s(have::scopeset) AS id)"
        for kind in bases
    )

    def draw(self):
        narrow = self.generator.narrow()
        narrow.bases = list(self.bases.values())
        names = sorted({s.name for s in self.hub.spawners() if s.name})
        narrow.servers = narrow.servers + [self.rng.choice(names)]
        return (narrow.expanded(6),)

    def oracle(self, have):
        return tuple(
            self.hub.visible(kind, have, base) for kind, base in self.bases.items()
        )


KINDS = [
    Text,
    Plain,
    Aggregates,
    GroupAware,
    Reduce,
    Expand,
    Validate,
    Define,
    Describe,
    HasScope,
    WrongRequirement,
    Resolve,
    Subject,
    TokenHas,
    Visible,
]


def draw_cases(kind, number):
    """number cases that the oracle can answer: (arguments, expected), skips."""
    cases, skipped = [], {}
    while len(cases) < number:
        arguments = kind.draw()
        try:
            cases.append((arguments, kind.oracle(*arguments)))
        except Skip as reason:
            skipped[str(reason)] = skipped.get(str(reason), 0) + 1
            if sum(skipped.values()) > 20 * number + 100:
                raise SystemExit(f"{kind.name}: the oracle answers nothing") from None
    return cases, skipped


def smaller(arguments):
    """The same question with one member less, in all ways."""
    for index, argument in enumerate(arguments):
        if isinstance(argument, (frozenset, tuple)):
            for member in sorted(argument):
                less = type(argument)(m for m in argument if m != member)
                yield arguments[:index] + (less,) + arguments[index + 1 :]


def seeded(kind_class, hub, seed):
    """A kind with random numbers of its own, so that kinds do not disturb."""
    return kind_class(hub, random.Random(f"{seed} {kind_class.name}"))
