# The hub that is driven by drive.py: on loopback, without a proxy of its own
# (clients talk to the hub itself), with single-user servers that do nothing but
# answer (server.py).  Everything that it writes stays in its working directory.
import json
import os
import sys

from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner
from no_proxy import NoProxy

c = get_config()  # noqa: F821
here = os.path.dirname(os.path.abspath(os.environ["REAL_HUB_CONFIG"]))
with open("setup.json") as f:
    setup = json.load(f)


class Answering(SimpleLocalProcessSpawner):
    home_dir_template = os.path.abspath("homes/{username}")


class GroupsByPassword(DummyAuthenticator):
    """Where the hub manages groups at login, the password names them."""

    async def authenticate(self, handler, data):
        name = data["username"]
        if not self.manage_groups:
            return name
        return {"name": name, "groups": [g for g in data["password"].split(",") if g]}


c.JupyterHub.db_url = setup["db_url"]
c.JupyterHub.bind_url = "http://127.0.0.1:%d" % setup["proxy_port"]
c.JupyterHub.hub_bind_url = "http://127.0.0.1:%d" % setup["port"]
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.cookie_secret_file = os.path.abspath("cookie_secret")
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = True
c.JupyterHub.concurrent_spawn_limit = 0
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0.2, "slow_stop_timeout": 0.2}

c.JupyterHub.spawner_class = Answering
c.Spawner.cmd = [sys.executable, os.path.join(here, "server.py")]
c.Spawner.http_timeout = 60
c.Spawner.start_timeout = 120
c.Spawner.environment = {"RUNNING_HUB_SPOOL": os.path.abspath("servers")}
c.SimpleLocalProcessSpawner.interrupt_timeout = 1
c.SimpleLocalProcessSpawner.term_timeout = 1

c.JupyterHub.authenticator_class = GroupsByPassword
c.Authenticator.admin_users = {"boss"}
c.Authenticator.manage_groups = setup["manage_groups"]
if hasattr(DummyAuthenticator, "allow_all"):
    c.Authenticator.allow_all = True

c.JupyterHub.custom_scopes = setup["custom_scopes"]
c.JupyterHub.services = [{"name": "driver", "admin": True, "api_token": setup["driver_token"]}]
c.JupyterHub.load_roles = [
    {"name": name, "description": name, "scopes": scopes} for name, scopes in setup["roles"].items()
] + [{"name": "driving", "scopes": setup["driver_scopes"], "services": ["driver"]}]
