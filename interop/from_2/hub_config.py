# A hub without a proxy and without real servers: only its API is asked.
import os

from jupyterhub import user
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import Spawner
from no_proxy import NoProxy


class Running(Spawner):
    """Whatever the database says is running, runs."""

    async def start(self):
        return ("127.0.0.1", 1)

    async def stop(self, now=False):
        pass

    async def poll(self):
        return None


async def is_up(self, spawner):
    """A hub that is short of time would take it for dead, and its token with it."""


user.User._wait_up = is_up
c = get_config()  # noqa: F821
c.JupyterHub.db_url = os.environ["FROM_2_DB_URL"]
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = Running
c.JupyterHub.authenticator_class = DummyAuthenticator
c.JupyterHub.hub_bind_url = "http://127.0.0.1:" + os.environ["FROM_2_PORT"]
c.JupyterHub.bind_url = "http://127.0.0.1:" + os.environ["FROM_2_OTHER_PORT"]
c.JupyterHub.cookie_secret = b"0" * 32
c.JupyterHub.log_level = "WARN"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.allow_named_servers = True
c.Authenticator.username_pattern = ""
c.Authenticator.allowed_users = set()
try:
    c.Authenticator.allow_all = True
    c.Authenticator.allow_existing_users = True
except AttributeError:
    pass
