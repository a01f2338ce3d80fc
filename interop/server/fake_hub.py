"""The one question that a single-user server asks the hub: whose is this token?

The answers' scopes are the test's.  Everything else that a server says to a hub
is heard and forgotten.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jupyterhub


class FakeHub:
    def __init__(self):
        self.scopes = {}  # by token
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if not self.path.endswith("/hub/api/user"):
                    return self.answer(200, {"version": jupyterhub.__version__})
                kind, _, token = self.headers.get("Authorization", "").partition(" ")
                if token not in hub.scopes:
                    return self.answer(403, {"status": 403, "message": "no such token"})
                self.answer(200, {
                    "kind": "user", "name": "visitor", "admin": False, "groups": [],
                    "scopes": sorted(hub.scopes[token]), "session_id": None,
                })

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(200, {})

            def answer(self, status, document):
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-JupyterHub-Version", jupyterhub.__version__)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hub/api"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
