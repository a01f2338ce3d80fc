"""A single-user server that only answers, and leaves its token for the driver.

It ends when its file in the spool is taken away, or by a signal.
"""

import http.server
import json
import os
import signal
import threading
import time
import urllib.parse

spool = os.environ["RUNNING_HUB_SPOOL"]
url = urllib.parse.urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
mine = os.path.join(spool, "%d.json" % os.getpid())

for ends in (signal.SIGINT, signal.SIGTERM):
    signal.signal(ends, lambda *_: os._exit(0))


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"version": "0"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def watch():
    while os.path.exists(mine):
        time.sleep(1)
    os._exit(0)


os.makedirs(spool, exist_ok=True)
with open(mine + ".new", "w") as f:
    json.dump({
        "pid": os.getpid(),
        "token": os.environ["JUPYTERHUB_API_TOKEN"],
        "client_id": os.environ["JUPYTERHUB_CLIENT_ID"],
        "user": os.environ["JUPYTERHUB_USER"],
        "server": os.environ.get("JUPYTERHUB_SERVER_NAME", ""),
        "callback": os.environ["JUPYTERHUB_SERVICE_PREFIX"] + "oauth_callback",
    }, f)
os.rename(mine + ".new", mine)
threading.Thread(target=watch, daemon=True).start()
http.server.ThreadingHTTPServer((url.hostname, url.port), Answer).serve_forever()
