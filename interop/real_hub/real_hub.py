"""A JupyterHub of a test's own, as a process on loopback.

Its configuration is a file of the test's, which finds setup.json in its working
directory.  What is asked of it, and what of its answers is right, is the test's.
"""

import json
import os
import signal
import socket
import subprocess
import time

import requests

HERE = os.path.dirname(os.path.abspath(__file__))


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class RealHub:
    """Works in a folder, in which it also writes its log; PYTHON has the release."""

    def __init__(self, folder, python, config):
        self.folder, self.python, self.config = folder, python, config
        self.log = os.path.join(folder, "hub.log")
        self.process = None

    def start(self, setup, api):
        """The release that answers at that URL of its API."""
        with open(os.path.join(self.folder, "setup.json"), "w") as f:
            json.dump(setup, f)
        environment = {
            "PATH": os.path.dirname(self.python) + ":/usr/local/bin:/usr/bin:/bin", "HOME": self.folder, "TMPDIR": self.folder,
            "LANG": "C.UTF-8", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "PGHOST": os.environ["PGHOST"],
            # for what is beside this file, and beside the configuration
            "PYTHONPATH": HERE, "REAL_HUB_CONFIG": self.config,
        }
        with open(self.log, "a") as log:
            self.process = subprocess.Popen([self.python, "-m", "jupyterhub", "-f", self.config], cwd=self.folder,
                                            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        until = time.monotonic() + 400
        while time.monotonic() < until and self.process.poll() is None:
            try:
                answer = requests.get(api + "/", timeout=5)
                if answer.status_code == 200:
                    return answer.json()["version"]
            except requests.RequestException:
                pass
            time.sleep(0.2)
        with open(self.log) as log:
            print(log.read()[-4000:])
        raise SystemExit("the hub did not start\n0 passed, 1 failed")

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, how=signal.SIGTERM):
        if not self.alive():
            return
        self.process.send_signal(how)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
