"""The real authenticators, run without a network.

A case is a family, the options of its class, what the provider says about a
user, and the facts: what an authenticator would ask its provider over the
network.  The classes are OAuthenticator's and JupyterHub's own, and so is the
way through them (Authenticator.get_authenticated_user, JupyterHub.init_users);
only what goes over the wire, and the system's user database, is put in their
place.
"""

import asyncio
import concurrent.futures
import copy
import importlib
import logging
import pwd
import types
import warnings
from urllib.parse import quote

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import jupyterhub.app
import jupyterhub.auth
from jupyterhub import orm
from jupyterhub.app import JupyterHub
from tornado.escape import url_escape
from tornado.web import HTTPError
from traitlets import TraitError
from traitlets.config import Config

CLASSES = {
    "auth0": ("oauthenticator.auth0", "Auth0OAuthenticator"),
    "azuread": ("oauthenticator.azuread", "AzureAdOAuthenticator"),
    "bitbucket": ("oauthenticator.bitbucket", "BitbucketOAuthenticator"),
    "cilogon": ("oauthenticator.cilogon", "CILogonOAuthenticator"),
    "generic": ("oauthenticator.generic", "GenericOAuthenticator"),
    "github": ("oauthenticator.github", "GitHubOAuthenticator"),
    "gitlab": ("oauthenticator.gitlab", "GitLabOAuthenticator"),
    "globus": ("oauthenticator.globus", "GlobusOAuthenticator"),
    "google": ("oauthenticator.google", "GoogleOAuthenticator"),
    "mediawiki": ("oauthenticator.mediawiki", "MWOAuthenticator"),
    "oauth2": ("oauthenticator.oauth2", "OAuthenticator"),
    "openshift": ("oauthenticator.openshift", "OpenShiftOAuthenticator"),
    "base": ("jupyterhub.auth", "Authenticator"),
    "dummy": ("jupyterhub.auth", "DummyAuthenticator"),
    "pam": ("jupyterhub.auth", "PAMAuthenticator"),
}
OWN = ("base", "dummy", "pam")


def real_class(family):
    module, name = CLASSES[family]
    return getattr(importlib.import_module(module), name)


class OwnAuthenticator(jupyterhub.auth.Authenticator):
    """Family base: an authenticator of one's own, which says what it is told to."""

    async def authenticate(self, handler, data):
        return data


class InPlace(concurrent.futures.Executor):
    def submit(self, function, *args, **kwargs):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


# PAM itself is not asked: who gets here has given the right password
jupyterhub.auth.pamela = types.SimpleNamespace(
    authenticate=lambda *a, **k: None, check_account=lambda *a, **k: None,
    PAMError=type("PAMError", (Exception,), {}))


# every user is one of the system's, spelt as given (pam_normalize_username)
pwd.getpwnam = lambda name: types.SimpleNamespace(pw_uid=name)
pwd.getpwuid = lambda uid: types.SimpleNamespace(pw_name=uid)


class Users:
    """As much of a database session as init_users() needs: the table of users."""

    def __init__(self, names):
        self.users = [orm.User(name=name) for name in names]

    def query(self, table):
        return self

    def filter(self, condition):
        found = Users(())
        found.users = [user for user in self.users if user.name == condition.right.value]
        return found

    def first(self):
        return self.users[0] if self.users else None

    def __iter__(self):
        return iter(self.users)

    def add(self, user):
        self.users.append(user)

    def commit(self):
        pass


class StartError(Exception):
    """The hub does not start with this configuration."""


class Wire:
    """Answers of the provider's HTTP interfaces, from the facts."""

    def __init__(self, authenticator, info, facts):
        self.authenticator, self.info, self.facts = authenticator, info, facts

    async def __call__(self, url, *args, parse_json=True, **kwargs):
        answer = self.answer(url)
        if parse_json:
            return answer
        return types.SimpleNamespace(code=answer, body=b"", headers={})

    def answer(self, url):
        a, facts = self.authenticator, self.facts
        if url.endswith("/user/emails"):
            return []
        if "/orgs/" in url:
            for entry in facts.get("github_orgs", []):
                org, _, team = entry.partition(":")
                path = f"/orgs/{org}/teams/{team}/members/" if team else f"/orgs/{org}/members/"
                if url == a.github_api + path + self.name:
                    return 204
            return 404
        if url.endswith("/version"):
            return {"version": "15.11.0-ee"}
        if "/groups/" in url and "/members/" in url:
            known = {quote(url_escape(g), safe="") for g in facts.get("gitlab_groups", [])}
            return 200 if url.split("/groups/")[1].split("/members/")[0] in known else 404
        if "/projects/" in url:
            level = facts.get("gitlab_projects", {}).get(url.split("/projects/")[1].split("/members/")[0])
            return {"message": "404 Not found"} if level is None else {"access_level": level}
        if "/workspaces" in url:
            return {"values": [{"name": team} for team in facts.get("bitbucket_teams", [])]}
        if "globus" in url:
            return [{"id": group} for group in facts.get("globus_groups", [])]
        if "/admin/directory/" in url:
            return {"groups": [{"email": f"{group}@x.org"} for group in facts.get("google_groups", [])]}
        raise AssertionError(url)


class System:
    """The system's users and UNIX groups: everybody exists."""

    def __init__(self, facts):
        self.groups = facts.get("unix_groups", {})

    def getgrnam(self, name):
        if name not in self.groups:
            raise KeyError(name)
        return types.SimpleNamespace(gr_gid=sorted(self.groups).index(name) + 1)

    def getpwnam(self, name):
        return types.SimpleNamespace(pw_gid=0, pw_name=name)

    def getgrouplist(self, name, gid):
        return [self.getgrnam(g).gr_gid for g, members in self.groups.items() if name in members]


# who gets which role when the hub starts is no part of a decision
jupyterhub.app.roles = types.SimpleNamespace(assign_default_roles=lambda *args, **kwargs: None)


class Hub:
    """A hub that starts with one authenticator, and one login."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()

    def start(self, case):
        facts = case["facts"]
        name = CLASSES[case["family"]][1]
        cls = OwnAuthenticator if case["family"] == "base" else real_class(case["family"])
        config = Config()
        config[cls.__name__].update(copy.deepcopy(case["config"]))
        try:
            authenticator = cls(config=config)
        except Exception as error:
            raise StartError(f"{name}: {type(error).__name__}: {error}") from error
        self.wire(authenticator, case["user_info"], facts)
        app = types.SimpleNamespace(
            db=Users(facts.get("existing_users", [])), authenticator=authenticator, admin_users=set(), log=logging.getLogger("hub"),
            exit=None)
        try:
            self.loop.run_until_complete(JupyterHub.init_users(app))
        except Exception as error:
            raise StartError(f"init_users: {type(error).__name__}: {error}") from error
        return authenticator

    def wire(self, a, info, facts):
        """Put the facts in the place of the network and of the system."""
        system = System(facts)
        for name in ("getgrnam", "getpwnam", "getgrouplist"):
            setattr(a, "_" + name, getattr(system, name))
        if isinstance(a, (jupyterhub.auth.PAMAuthenticator,)):
            a.executor = InPlace()
            return
        if not hasattr(a, "token_to_user"):
            return
        token = {"access_token": "t", "token_type": "bearer", "resource_server": "auth",
                 "other_tokens": [{"resource_server": "groups.api.globus.org", "access_token": "g"}]}
        if "scope" in facts:
            token["scope"] = facts["scope"]
        if type(a).__name__ == "MWOAuthenticator":
            token["access_token"] = types.SimpleNamespace(key="k", secret="s")
        a.token = token

        async def token_info(*args, **kwargs):
            return token

        async def token_to_user(token_info):
            return copy.deepcopy(info)

        a.get_token_info = token_info
        a.token_to_user = token_to_user
        a.build_access_tokens_request_params = lambda *args, **kwargs: {}
        a.httpfetch = Wire(a, info, facts)
        a._get_service_credentials = lambda domain: {domain: types.SimpleNamespace(token="s")}

    def decide(self, case):
        """What comes of a login: outcome, username, admin, groups; the auth model, too."""
        try:
            a = self.start(case)
        except StartError as error:
            return {"outcome": "config_error", "username": None, "admin": None, "groups": None,
                    "why": str(error), "trait": isinstance(error.__cause__, TraitError)}
        seen = {"username": None, "valid": True, "blocked": False, "model": None}
        self.watch(a, seen)
        info = case["user_info"]
        data = ({"username": info.get("name"), "password": case["config"].get("password", "x")}
                if case["family"] in ("dummy", "pam") else copy.deepcopy(info))
        work = self.refresh(a, case) if case["facts"].get("refresh") else a.get_authenticated_user(None, data)
        result = {"admin": None, "groups": None, "why": ""}
        try:
            model = self.loop.run_until_complete(work)
            if model is None:
                result["outcome"] = ("invalid_username" if not seen["valid"]
                                     else "blocked" if seen["blocked"] else "denied")
            else:
                result["outcome"] = "allowed"
                result["admin"] = model.get("admin")
                seen["model"] = model
        except HTTPError as error:
            result["outcome"] = f"http_{error.status_code}"
            result["why"] = str(error)
        except Exception as error:
            result["outcome"] = "error"
            result["why"] = f"{type(error).__name__}: {error}"
        result["username"] = seen["username"]
        # without a name there is nobody to be in a group
        if seen["model"] is not None and seen["username"] is not None and a.manage_groups:
            result["groups"] = seen["model"].get("groups")
        result["model"] = seen["model"]
        result["authenticator"] = a
        return result

    def watch(self, a, seen):
        normalize, validate, blocked = a.normalize_username, a.validate_username, a.check_blocked_users
        authenticate = a.authenticate

        def normalize_username(name):
            seen["username"] = normalize(name)
            if isinstance(getattr(a, "httpfetch", None), Wire):
                a.httpfetch.name = seen["username"]
            return seen["username"]

        def validate_username(name):
            seen["valid"] = validate(name)
            return seen["valid"]

        async def check_blocked_users(name, model):
            passes = blocked(name, model)
            if asyncio.iscoroutine(passes):
                passes = await passes
            seen["blocked"] = not passes
            return passes

        async def authenticate_and_note(handler, data):
            model = authenticate(handler, data)
            if not isinstance(model, (str, dict)):
                model = await model
            seen["model"] = model if isinstance(model, dict) else None
            return model

        a.normalize_username = normalize_username
        a.validate_username = validate_username
        a.check_blocked_users = check_blocked_users
        a.authenticate = authenticate_and_note

    async def refresh(self, a, case):
        """A refresh of the user whom a login would have made of this."""
        info = copy.deepcopy(case["user_info"])
        if case["family"] in OWN:
            name = a.normalize_username(info if isinstance(info, str) else info["name"])
        else:
            name = a.normalize_username(a.normalize_username(a.user_info_to_username(info)))

        async def get_auth_state():
            return {"token_response": a.token}

        user = types.SimpleNamespace(name=name, get_auth_state=get_auth_state)
        model = await a.refresh_user(user)
        if model is True:
            # nothing is looked at
            return {"name": name, "admin": None, "groups": None, "unchanged": True}
        if model["name"] != user.name:
            # auth_to_user() does not take it for this user
            a.normalize_username(model["name"])
            raise ValueError("Username doesn't match!")
        return model
