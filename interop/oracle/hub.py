"""The oracle: the installed jupyterhub, opened on a PostgreSQL database."""

import functools
import logging
import unicodedata
import warnings

# The hub warns about each filter without a target and each discarded scope,
# alembic tells what it stamps: that is their job in a hub and noise here.
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

import jupyterhub  # noqa: E402
from jupyterhub import orm, roles, scopes  # noqa: E402
from jupyterhub._memoize import DoNotCache  # noqa: E402


class Skip(Exception):
    """The oracle has no answer to this question; the text says why."""


# Functions of jupyterhub.scopes that remember answers which rest on the
# database, or that share a memory with such a one.
_REMEMBERING = [
    "_intersect_expanded_scopes",
    "access_scopes",
    "check_scope_filter",
    "describe_raw_scopes",
    "expand_scopes",
    "has_scope",
    "identify_scopes",
]


def _forgetful(function):
    """The function below the hub's cache decorator."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        result = function.__wrapped__(*args, **kwargs)
        return result.result if isinstance(result, DoNotCache) else result

    return call


def by_pass_caches():
    for name in _REMEMBERING:
        function = getattr(scopes, name, None)
        if hasattr(function, "__wrapped__"):
            setattr(scopes, name, _forgetful(function))


def has_value(scope):
    """False for a filter with an empty value (only hub 3.0 makes those)."""
    return not scope.endswith("=") or scope.partition("!")[2].partition("=")[2] != ""


def can_be_held(scope):
    """False for what a scopeset refuses, and a role of the hub's may say."""
    kind, equals, value = scope.partition("!")[2].partition("=")
    return (
        kind in ("", "user", "service", "group", "server")
        and (kind != "group" or equals == "=")
        and has_value(scope)
        and not any(unicodedata.category(c) in ("Cc", "Cs") for c in value)
    )


def clean(answer):
    """An answer of the hub as a frozenset that a scopeset can hold."""
    return frozenset(filter(can_be_held, answer))


class SortedSet(set):
    """A set whose difference is iterated in code point order.

    For _resolve_requested_scopes, which walks over list(requested - have).
    """

    def __iter__(self):
        return iter(sorted(set.__iter__(self)))

    def difference(self, *others):
        return SortedSet(set.difference(self, *others))


class Hub:
    """A session of the hub's ORM and the questions that it can answer."""

    version = jupyterhub.__version__
    has_shares = hasattr(orm, "Share")
    has_has_scope = hasattr(scopes, "has_scope")
    has_resolve = hasattr(scopes, "_resolve_requested_scopes")

    def __init__(self, url):
        """Make (or open) the database as the hub does at its start."""
        factory = orm.new_session_factory(url)
        self.db = factory()
        self.engine = self.db.get_bind()
        self._found = {}

    def close(self):
        self.db.close()
        self.engine.dispose()

    def fresh(self):
        """Forget all objects: the next question reads the rows anew."""
        self.db.commit()
        self.db.expunge_all()
        self._found.clear()

    # ---- who is there ----

    CLASSES = {"user": orm.User, "service": orm.Service, "group": orm.Group}

    def names(self, kind):
        return sorted(name for (name,) in self.db.query(self.CLASSES[kind].name))

    def all(self, kind):
        return self.db.query(self.CLASSES[kind]).order_by(self.CLASSES[kind].id).all()

    def members(self):
        """The users of each group, by name."""
        return {
            group.name: sorted(user.name for user in group.users)
            for group in self.all("group")
        }

    def spawners(self):
        return self.db.query(orm.Spawner).order_by(orm.Spawner.id).all()

    def servers(self):
        return sorted(f"{s.user.name}/{s.name}" for s in self.spawners())

    def tokens(self):
        return self.db.query(orm.APIToken).order_by(orm.APIToken.id).all()

    def clients(self):
        query = self.db.query(orm.OAuthClient).order_by(orm.OAuthClient.id)
        return [client.identifier for client in query]

    def subject(self, kind, name):
        """The ORM object of a subject, None for no kind."""
        if kind is None:
            return None
        key = (kind, name)
        if key not in self._found:
            self._found[key] = self.CLASSES[kind].find(self.db, name)
        return self._found[key]

    def client(self, identifier):
        if identifier is None:
            return None
        key = ("client", identifier)
        if key not in self._found:
            query = self.db.query(orm.OAuthClient).filter_by(identifier=identifier)
            self._found[key] = query.one()
        return self._found[key]

    # ---- what they may do ----

    def scopes_of(self, subject):
        return clean(scopes.get_scopes_for(subject))

    def token_scopes(self, token):
        """(effective, discarded) of a token.

        What is discarded the hub only logs: it is the first argument of its
        own intersection without the result.
        """
        if token.client_id is None:
            raise Skip("token without a client")
        calls = []
        intersect = scopes._intersect_expanded_scopes

        def listen(wanted, have, db=None):
            result = intersect(wanted, have, db=db)
            calls.append(frozenset(wanted) - result)
            return result

        scopes._intersect_expanded_scopes = listen
        try:
            effective = scopes.get_scopes_for(token)
        except AttributeError as error:
            raise frozen(error)
        finally:
            scopes._intersect_expanded_scopes = intersect
        return clean(effective), clean(calls[0] if calls else ())

    def raw_scopes(self, subject):
        if isinstance(subject, orm.APIToken):
            return frozenset(subject.scopes)
        return clean(roles.roles_to_scopes(roles.get_roles_for(subject)))

    def identify(self, subject):
        return clean(scopes.identify_scopes(subject))

    # of every login
    raw_identify = frozenset(["read:users:name!user", "read:users:groups!user"])

    def access(self, identifier):
        return clean(scopes.access_scopes(self.client(identifier)))

    # ---- the algebra ----

    def expand(self, raw, kind=None, name=None, client=None):
        owner = self.subject(kind, name)
        return clean(scopes.expand_scopes(raw, owner, self.client(client)))

    def intersect(self, a, b, groups=True):
        """With groups: as with a database; else as without one."""
        try:
            return clean(
                scopes._intersect_expanded_scopes(
                    frozenset(a), frozenset(b), db=self.db if groups else None
                )
            )
        except AttributeError as error:
            raise frozen(error)

    def covers(self, a, b, groups=True):
        """Is each member of b covered by a?

        It is when the reduced b is part of the intersection.  A member of the
        intersection is one of either side that the other covers; so one that
        is in b too is covered by a, and each one of the reduced b that a
        covers gets into it.  The hub judges a token's scopes likewise.
        """
        return self.reduce(b) <= self.intersect(a, b, groups)

    def minus(self, a, b):
        return frozenset(m for m in a if not self.covers(b, {m}, groups=False))

    def reduce(self, expanded):
        return clean(scopes.reduce_scopes(frozenset(expanded)))

    def has_scope(self, required, have):
        """The hub's has_scope; before 5.0: is the one scope covered?"""
        if self.has_has_scope:
            return scopes.has_scope(required, frozenset(have), db=self.db)
        if required.partition("!")[2] and "=" not in required:
            raise ValueError("self filter")
        return self.covers(have, {required})

    def has_any_scope(self, required, have):
        """post_filter of has_scope; before 5.0 that is: some filter or none."""
        if self.has_has_scope:
            return scopes.has_scope(
                required, frozenset(have), db=self.db, post_filter=True
            )
        return required in scopes.parse_scopes(frozenset(have))

    def resolve(self, requested, have, kind, name, client):
        """(granted, refused), both raw."""
        try:
            granted, refused = scopes._resolve_requested_scopes(
                SortedSet(requested),
                set(have),
                self.subject(kind, name),
                self.client(client),
                self.db,
            )
        except AttributeError as error:
            raise frozen(error)
        return clean(granted), clean(refused)

    def subject_covers(self, kind, name, wanted, client):
        """Would the hub let this subject put these scopes on a token?"""
        owner = self.subject(kind, name)
        try:
            expanded = scopes.expand_scopes(wanted, owner, self.client(client))
            if not all(map(has_value, expanded)):
                raise Skip("hub 3.0 wants a filter with an empty value")
            scopes._check_token_scopes(wanted, owner, self.client(client))
        except AttributeError as error:
            raise frozen(error)
        except ValueError:
            return False
        return True

    def exist(self, raw):
        try:
            scopes._check_scopes_exist(raw)
        except KeyError:
            return False
        return True

    @property
    def earlier_custom(self):
        return {name for name in scopes.scope_definitions if name.startswith("custom:")}

    def define(self, document):
        """Would the hub take these custom scopes?  Nothing is left defined."""
        before = dict(scopes.scope_definitions)
        try:
            scopes.define_custom_scopes(document)
        except ValueError:
            return False
        finally:
            scopes.scope_definitions.clear()
            scopes.scope_definitions.update(before)
        return True

    def describe(self, raw, username):
        return [
            [row["scope"], row["description"], row["filter"]]
            for row in scopes.describe_raw_scopes(sorted(raw), username)
        ]

    def visible(self, kind, have, base):
        """Ids of the rows of a kind that a filter lets one see."""
        parsed = scopes.parse_scopes(frozenset(have))
        if base not in parsed:
            return []
        rows = self.spawners() if kind == "server" else self.all(kind)
        return [
            row.id for row in rows if scopes.check_scope_filter(parsed[base], row, kind)
        ]


def frozen(error):
    """Hub 3.0 and 3.1 add to a frozenset; any other AttributeError is news."""
    if "frozenset" in str(error) and Hub.version.startswith("3."):
        return Skip("hub 3.x adds to a frozenset")
    return error


by_pass_caches()
