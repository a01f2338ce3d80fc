"""Requests: what an OAuth login would get, and what a server would be let do.

The first is asked of the hub's own provider and of the handler of its authorize
page, run as they are: the handler gets a request and a user, and what it would
render or send is kept.  What its form would send goes to the provider once more,
and at last to the check of a new token.  It asks nothing over HTTP: that is
interop/oauth.
"""

import logging
from types import SimpleNamespace
from urllib.parse import urlencode

from jupyterhub import orm, scopes
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.oauth import provider as oauth_provider
from jupyterhub.user import User
from tornado.web import HTTPError

from .database import Failure, stored
from .hub import SortedSet, frozen
from .kinds import Kind


class _User(User):
    """The hub's wrapper of a user, which would make a default server."""

    def __init__(self, orm_user):
        self.orm_user = orm_user
        self.settings = {}
        self.spawners = {s.name: s for s in orm_user._orm_spawners}


class _AuthorizePage(OAuthAuthorizeHandler):
    """One GET of the page: what it was granted, and whether it was shown."""

    def __init__(self, settings, user, uri):
        self.application = SimpleNamespace(settings=settings)
        self.request = SimpleNamespace(uri=uri, method="GET", body="", headers={})
        self._jupyterhub_user = user
        self.confirm = self.error = None
        self._resolve_roles_and_scopes()

    def get_token(self):
        return None

    def add_credentials(self, credentials=None):
        return {**(credentials or {}), "user": self.current_user, "session_id": "s"}

    def _complete_login(self, uri, headers, scopes, credentials):
        self.confirm = False

    async def render_template(self, name, **namespace):
        self.confirm = True
        return ""

    def write(self, chunk):
        pass

    def redirect(self, url, **kwargs):
        self.error = url

    def run(self):
        """Nothing that it awaits waits."""
        coroutine = self.get()
        try:
            coroutine.send(None)
        except StopIteration:
            return
        raise RuntimeError("the page waits")


class _Resolving:
    """Listens to the hub's two resolutions: the client's, then the user's."""

    def __enter__(self):
        self.client = self.user = None
        self.original = scopes._resolve_requested_scopes

        def of_client(requested, *rest, **kwargs):
            self.client = self.original(SortedSet(requested), *rest, **kwargs)
            return self.client

        def of_user(requested, *rest, **kwargs):
            self.user = self.original(SortedSet(requested), *rest, **kwargs)
            return self.user

        oauth_provider._resolve_requested_scopes = of_client
        scopes._resolve_requested_scopes = of_user
        return self

    def __exit__(self, *exception):
        oauth_provider._resolve_requested_scopes = self.original
        scopes._resolve_requested_scopes = self.original


DESCRIBED = (
    "(SELECT coalesce(json_agg(json_build_array(d.scope, d.description, d.filter)"
    " ORDER BY d.number), '[]') FROM describe(refused, name)"
    " WITH ORDINALITY AS d(scope, description, filter, number))"
)


class Request(Kind):
    """The OAuth flow: granted, not granted, would it ask, and would there be a token?

    What was not granted is described as the page would describe it, if it did.

    A service has no such flow, and the hub's own client none either.  A scope
    with a space cannot be asked for.
    """

    name = "resolve_request"
    parameters = ("name", "requested", "client")
    expressions = tuple(
        f"(SELECT {what} FROM resolve_request('user', name,"
        " ARRAY(SELECT jsonb_array_elements_text(requested::jsonb)), client))"
        for what in ("granted::text", "refused::text", "confirm", DESCRIBED)
    )
    WRONG = ["read:uers", "nobodys-role", "all"]

    def __init__(self, hub, rng):
        super().__init__(hub, rng)
        self.roles = sorted(name for (name,) in hub.db.query(orm.Role.name))
        self.clients = [c for c in hub.clients() if c != "jupyterhub"]
        self.logins = [
            (token.user.name, token.client_id)
            for token in hub.tokens()
            if token.user and token.client_id in self.clients
        ]

    def available(self):
        return None if self.hub.has_resolve else "no _resolve_requested_scopes"

    def settings(self):
        never = {
            client
            for client, no_confirm in self.hub.db.query(
                orm.Service.oauth_client_id, orm.Service.oauth_no_confirm)
            if no_confirm
        } if hasattr(orm.Service, "oauth_no_confirm") else set()
        return {
            "db": self.hub.db,
            "log": logging.getLogger("quiet"),
            "oauth_no_confirm_list": never,
            "oauth_provider": oauth_provider.make_provider(
                lambda: self.hub.db, url_prefix="/hub/api/oauth2", login_url="/hub/login"),
        }

    def draw(self):
        rng = self.rng
        name = rng.choice(self.hub.names("user"))
        client = rng.choice(self.clients) if rng.random() > 0.02 else "no-client"
        row = self.hub.client(client) if client in self.clients else None
        draw = rng.random()
        if row is not None and row.spawner is not None and draw < 0.3:
            name = row.spawner.user.name  # one's own server
        elif draw < 0.6:
            name, client = rng.choice(self.logins)
            row = self.hub.client(client)
        requested = []
        way = rng.random()
        if way < 0.55 and row is not None and row.allowed_scopes:
            allowed = sorted(row.allowed_scopes)
            requested = rng.sample(allowed, rng.randint(1, len(allowed)))
        elif way < 0.75:
            fitting = [
                role for role in self.roles
                if row and set(orm.Role.find(self.hub.db, role).scopes or ()) <= set(row.allowed_scopes)
            ]
            requested = rng.sample(fitting or self.roles, 1) + rng.sample(self.roles, rng.randint(0, 1))
        elif way < 0.85:
            requested = sorted(self.generator.narrow().raw(2))
        if rng.random() < 0.2:
            requested.append("identify")
        if rng.random() < 0.05:
            requested.append(rng.choice(self.WRONG + self.roles))
        return name, tuple(r for r in requested if not any(c.isspace() for c in r)), client

    def sent(self, page, granted, refused):
        """By the form, on which inherit collapses all that is shown."""
        return {"inherit"} if page.confirm and "inherit" in granted else set(granted)

    def oracle(self, name, requested, client):
        try:
            return self.answer(name, requested, client)
        except AttributeError as error:
            raise frozen(error) from None

    def answer(self, name, requested, client):
        row = self.hub.client(client) if client in self.clients else None
        query = {"client_id": client, "response_type": "code"}
        if row is not None:
            query["redirect_uri"] = row.redirect_uri
        if requested:
            query["scope"] = " ".join(requested)
        page = _AuthorizePage(
            self.settings(), _User(self.hub.subject("user", name)),
            "/hub/api/oauth2/authorize?" + urlencode(query))
        with _Resolving() as heard:
            try:
                page.run()
            except HTTPError as error:
                if error.status_code == 400:  # no such client
                    return (Failure("42704"),)
                return (Failure({403: "42501", 500: "55000"}[error.status_code]),)
            client_side, user_side = heard.client, heard.user
            sent = user_side and self.sent(page, *user_side)
            if sent and not page.oauth_provider.request_validator.validate_scopes(
                    client, sent, None, SimpleNamespace(user=page.current_user)):
                return (Failure("42501"),)
        if page.error is not None:
            # before it was resolved: neither scopes nor roles; after: beyond the client's
            return (Failure("42704" if client_side is None else "42501"),)
        granted, refused = user_side
        required = self.hub.raw_identify | scopes.access_scopes(row)
        if not self.hub.subject_covers("user", name, sent | required, client):
            return (Failure("42501"),)
        return stored(granted), stored(refused), page.confirm, self.hub.describe(refused, name)


class Authorize(Kind):
    """Access to a server and a required scope, with who is in which group.

    The hub's check_scopes, which the server's authorizer calls, is the required
    scopes that are in the intersection with what is held; here the intersection
    has the database, which a server has not.
    """

    name = "authorize"
    weight = 2
    parameters = ("have", "owner", "server", "action")
    expressions = (
        "authorize(have::scopeset, owner, server, action, 'contents')",
        "(SELECT bool_or(satisfied_by IS NOT NULL) FROM authorize_explain("
        "have::scopeset, owner, server, action, 'contents') WHERE stage = 'access')",
        "(SELECT bool_or(satisfied_by IS NOT NULL) FROM authorize_explain("
        "have::scopeset, owner, server, action, 'contents') WHERE stage = 'required')",
        "permissions(have::scopeset, owner, server,"
        " jsonb_build_object('contents', jsonb_build_array(action))) -> 'contents' ? action",
    )
    ACTIONS = ["read", "write"]

    def draw(self):
        narrow = self.generator.narrow()
        narrow.bases = ["access:servers", "access:servers"] + [
            f"custom:jupyter_server:{action}:{resource}"
            for action in self.ACTIONS for resource in ("contents", "*")
        ]
        servers = [s for s in narrow.servers if "/" in s]
        owner, _, server = self.rng.choice(servers or ["alice/"]).partition("/")
        return narrow.expanded(8), owner, server, self.rng.choice(self.ACTIONS)

    def oracle(self, have, owner, server, action):
        filters = (f"!server={owner}/{server}", f"!user={owner}")
        access = frozenset("access:servers" + f for f in filters)
        required = frozenset(
            f"custom:jupyter_server:{action}:{resource}{f}"
            for resource in ("contents", "*") for f in filters)
        access = bool(access & self.hub.intersect(access, have))
        required = bool(required & self.hub.intersect(required, have))
        return access and required, access, required, access and required


KINDS = [Request, Authorize]
