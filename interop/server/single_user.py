"""A real single-user server, and its answers."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

HERE = Path(__file__).resolve().parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SingleUserServer:
    def __init__(self, hub, folder, owner, server, own_files):
        self.folder = Path(folder).resolve()
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "config").mkdir(parents=True)
        home = self.folder / "home"
        home.mkdir()
        (home / "there.txt").write_text("x")
        (home / "there.html").write_text("<p>x")
        shutil.copy(HERE / "jupyter_server_config.py", self.folder / "config")
        self.asked = self.folder / "asked"
        self.url = f"http://127.0.0.1:{free_port()}/user/x/"
        access = [f"access:servers!server={owner}/{server}", f"access:servers!user={owner}"]
        environment = dict(
            {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "PYTHON"))},
            HOME=str(home),
            JUPYTER_CONFIG_DIR=str(self.folder / "config"),
            JUPYTER_RUNTIME_DIR=str(self.folder / "runtime"),
            JUPYTERHUB_SINGLEUSER_APP="jupyter-server",
            JUPYTERHUB_API_TOKEN="the-servers-own",
            JUPYTERHUB_API_URL=hub.url,
            JUPYTERHUB_ACTIVITY_URL=hub.url + "/users/x/activity",
            JUPYTERHUB_HOST="",
            JUPYTERHUB_BASE_URL="/",
            JUPYTERHUB_CLIENT_ID="jupyterhub-user-x",
            JUPYTERHUB_OAUTH_CALLBACK_URL="/user/x/oauth_callback",
            JUPYTERHUB_OAUTH_SCOPES=json.dumps(access),
            JUPYTERHUB_OAUTH_ACCESS_SCOPES=json.dumps(access),
            JUPYTERHUB_SERVICE_PREFIX="/user/x/",
            JUPYTERHUB_SERVICE_URL=self.url,
            JUPYTERHUB_USER=owner,
            JUPYTERHUB_SERVER_NAME=server,
            TEST_ASKED=str(self.asked),
            TEST_FILES_HANDLER="" if own_files else "1",
        )
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub.singleuser"],
            cwd=home, env=environment, stdout=self.log, stderr=self.log, start_new_session=True)
        AsyncHTTPClient.configure(None, max_clients=20)

    async def ready(self):
        deadline = time.monotonic() + 300
        while True:
            try:
                await AsyncHTTPClient().fetch(self.url + "api", raise_error=True)
                return
            except (OSError, HTTPClientError) as error:
                if getattr(error, "code", 599) not in (599, 502):
                    return
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the server did not start: {self.folder}/log")
                await asyncio.sleep(0.2)

    def stop(self):
        """With all that it has started: it has a session of its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()

    # ---- asking ----

    def request(self, token, path, **options):
        return HTTPRequest(
            self.url + path,
            headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
            follow_redirects=False, request_timeout=60, allow_nonstandard_methods=True, **options)

    async def fetch(self, token, method, path, body=None):
        return await AsyncHTTPClient().fetch(
            self.request(token, path, method=method, body=body), raise_error=False)

    async def status(self, token, route):
        """The HTTP status; 101 where a WebSocket was opened."""
        if route.method != "WEBSOCKET":
            return (await self.fetch(token, route.method, route.path, route.body)).code
        try:
            request = self.request(token, route.path)
            request.url = "ws" + request.url[len("http"):]
            connection = await websocket_connect(request)
        except HTTPClientError as error:
            return error.code
        connection.close()
        return 101

    async def permissions(self, token, wanted):
        """What /api/me allows; None: 403."""
        answer = await self.fetch(
            token, "GET", "api/me?permissions=" + urllib.parse.quote(json.dumps(wanted)))
        if answer.code == 403:
            return None
        model = json.loads(answer.body)["permissions"]
        model.pop("updatable_fields", None)
        return model

    async def start(self, token):
        """A kernel and a terminal; their names."""
        kernel = json.loads((await self.fetch(token, "POST", "api/kernels", "{}")).body)["id"]
        terminal = json.loads((await self.fetch(token, "POST", "api/terminals", "{}")).body)["name"]
        return kernel, terminal
