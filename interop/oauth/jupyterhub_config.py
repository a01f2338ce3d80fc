# The hub of login.py: on loopback, without a proxy, with servers that only seem to
# start and leave their OAuth client's secret behind, as a server would know it.
import json
import os

from jupyterhub import scopes, user
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.oauth import provider
from jupyterhub.spawner import Spawner
from no_proxy import NoProxy

c = get_config()  # noqa: F821
with open("setup.json") as f:
    setup = json.load(f)


class Pretending(Spawner):
    """Starts nothing, and says who it would have been."""

    started = False

    async def start(self):
        self.started = True
        with open("clients.jsonl", "a") as f:
            print(json.dumps([f"{self.user.name}/{self.name}", self.oauth_client_id, self.api_token]), file=f)
        return ("127.0.0.1", 1)

    async def stop(self, now=False):
        self.started = False

    async def poll(self):
        return None if self.started else 0


async def is_up(self, spawner):
    return None


class SortedSet(set):
    """A set whose difference is gone through in code point order."""

    def __iter__(self):
        return iter(sorted(set.__iter__(self)))

    def difference(self, *others):
        return SortedSet(set.difference(self, *others))


# What it grants is written in one way or another by the order of Python's sets, which
# is another one in each process; as in interop/oracle, it shall be one.
resolve = scopes._resolve_requested_scopes


def resolve_in_order(requested_scopes, *rest, **kwargs):
    return resolve(SortedSet(requested_scopes), *rest, **kwargs)


scopes._resolve_requested_scopes = provider._resolve_requested_scopes = resolve_in_order


user.User._wait_up = is_up
c.JupyterHub.db_url = setup["db_url"]
c.JupyterHub.base_url = setup["base_url"]
c.JupyterHub.bind_url = "http://127.0.0.1:%d%s" % (setup["proxy_port"], setup["base_url"])
c.JupyterHub.hub_bind_url = "http://127.0.0.1:%d" % setup["port"]
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.cookie_secret_file = os.path.abspath("cookie_secret")
c.JupyterHub.allow_named_servers = True
c.JupyterHub.spawner_class = Pretending
c.Spawner.poll_interval = 0
c.Spawner.oauth_client_allowed_scopes = lambda spawner: setup["servers"][f"{spawner.user.name}/{spawner.name}"]
c.JupyterHub.authenticator_class = DummyAuthenticator
c.Authenticator.allow_all = True
c.Authenticator.allowed_users = set(setup["users"])
c.JupyterHub.load_groups = {name: {"users": members} for name, members in setup["groups"].items()}
c.JupyterHub.custom_scopes = setup["custom_scopes"]
c.JupyterHub.load_roles = setup["roles"]
c.JupyterHub.services = setup["services"]
