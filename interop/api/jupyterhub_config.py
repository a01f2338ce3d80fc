# The hub that compare.py asks: on loopback, without a proxy, with servers that do not
# exist and are taken to run all the same, so that anybody of any name can have one.
import http.server
import json
import os
import threading

from jupyterhub import user
from jupyterhub.app import JupyterHub
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import Spawner
from no_proxy import NoProxy

c = get_config()  # noqa: F821
with open("setup.json") as f:
    setup = json.load(f)


class Pretending(Spawner):
    """Runs if its row says so."""

    async def poll(self):
        return None if self.orm_spawner.server else 0

    async def start(self):
        raise NotImplementedError

    async def stop(self, now=False):
        pass


async def is_up(self, spawner):
    return None


async def as_stored(self):
    """Who has which role is in the database: the configuration shall not take it away."""


class Stub(http.server.BaseHTTPRequestHandler):
    """What services with a URL are found at."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


user.User._wait_up = is_up
JupyterHub.init_role_assignment = as_stored
threading.Thread(target=http.server.ThreadingHTTPServer(("127.0.0.1", setup["stub_port"]), Stub).serve_forever, daemon=True).start()

c.JupyterHub.db_url = setup["db_url"]
c.JupyterHub.base_url = setup["base_url"]
c.JupyterHub.bind_url = "http://127.0.0.1:%d%s" % (setup["proxy_port"], setup["base_url"])
c.JupyterHub.hub_bind_url = "http://127.0.0.1:%d" % setup["port"]
if setup["public_url"] and hasattr(JupyterHub, "public_url"):
    c.JupyterHub.public_url = setup["public_url"]
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.cookie_secret_file = os.path.abspath("cookie_secret")
c.JupyterHub.cleanup_servers = False
c.JupyterHub.allow_named_servers = True
# times stand still while they are compared, and lists have one page
c.JupyterHub.activity_resolution = 10**9
c.JupyterHub.api_page_default_limit = 10**6
c.JupyterHub.api_page_max_limit = 10**6
c.JupyterHub.spawner_class = Pretending
c.Spawner.poll_interval = 0
c.JupyterHub.authenticator_class = DummyAuthenticator
if hasattr(DummyAuthenticator, "allow_all"):
    c.Authenticator.allow_all = True
c.JupyterHub.custom_scopes = setup["custom_scopes"]
c.JupyterHub.services = setup["services"]
c.JupyterHub.load_roles = setup["roles"]
