"""Configuration of the server under test.

The authorizer asks the hub's own check_scopes for what JupyterHub's documentation
of custom scopes proposes: any of custom:jupyter_server:ACTION:RESOURCE and
custom:jupyter_server:ACTION:*, with a filter by this server or by its owner, next
to access to the server.  What it was asked, and by which handler, is written down.

What would stop the server, should a test be allowed to, is taken out.
"""

import os
from types import SimpleNamespace

from jupyter_server.files.handlers import FilesHandler
from jupyter_server.serverapp import ServerApp
from jupyter_server.services import shutdown
from jupyterhub.singleuser.extension import JupyterHubAuthorizer

OWNER = os.environ["JUPYTERHUB_USER"]
SERVER = os.environ["JUPYTERHUB_SERVER_NAME"]
FILTERS = [f"!server={OWNER}/{SERVER}", f"!user={OWNER}"]
ASKED = open(os.environ["TEST_ASKED"], "a", buffering=1)


class ScopeAuthorizer(JupyterHubAuthorizer):
    def is_authorized(self, handler, user, action, resource):
        print(type(handler).__name__, action, resource, file=ASKED)
        if not super().is_authorized(handler, user, action, resource):
            return False
        wanted = {
            f"custom:jupyter_server:{action}:{name}{filter}"
            for name in (resource, "*")
            for filter in FILTERS
        }
        return bool(self.hub_auth.check_scopes(wanted, user.hub_user))


async def nothing(self):
    pass


ServerApp._cleanup = nothing
shutdown.ioloop = SimpleNamespace(
    IOLoop=SimpleNamespace(current=lambda: SimpleNamespace(stop=lambda: None))
)

# the handler of /files for contents that are no files of the server's
if os.environ.get("TEST_FILES_HANDLER"):
    c.ContentsManager.files_handler_class = FilesHandler  # noqa: F821

c.ServerApp.authorizer_class = ScopeAuthorizer  # noqa: F821
c.ServerApp.allow_root = True  # noqa: F821
c.ServerApp.log_level = "ERROR"  # noqa: F821
