# The hub of climb.py: on loopback, with nothing but users, groups, roles and services.
import json
import os

from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import Spawner
from no_proxy import NoProxy

c = get_config()  # noqa: F821
with open("setup.json") as f:
    setup = json.load(f)


class NoSpawner(Spawner):
    async def start(self):
        raise RuntimeError("no server starts here")

    async def stop(self, now=False):
        pass

    async def poll(self):
        return 0


c.JupyterHub.spawner_class = NoSpawner
c.JupyterHub.db_url = setup["db_url"]
c.JupyterHub.bind_url = f"http://127.0.0.1:{setup['proxy_port']}/"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{setup['port']}"
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.cookie_secret_file = os.path.abspath("cookie_secret")
c.JupyterHub.authenticator_class = DummyAuthenticator
if hasattr(DummyAuthenticator, "allow_all"):
    c.Authenticator.allow_all = True
c.Authenticator.admin_users = set(setup["admins"])
c.Authenticator.allowed_users = set(setup["users"])
groups = setup["groups"]
c.JupyterHub.load_groups = groups if setup["version"] < 4 else {name: {"users": users} for name, users in groups.items()}
c.JupyterHub.load_roles = setup["roles"]
c.JupyterHub.services = setup["services"]
