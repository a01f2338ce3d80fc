"""A headless Chromium, driven over its pipe: Debian's package and nothing else.

Every network request, console message and exception of a page is kept.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time


class Browser:
    def __init__(self, seconds=60):
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        if program is None:
            raise SystemExit("chromium is missing: testbed/packages look")
        self.deadline = seconds
        self.profile = tempfile.mkdtemp(prefix="jhub_authz_look_")
        to_read, self.out = os.pipe()
        self.into, to_write = os.pipe()

        def channels():
            # the pipe is file descriptors 3 and 4 of the browser
            a, b = os.dup(to_read), os.dup(to_write)
            os.dup2(a, 3)
            os.dup2(b, 4)
            os.set_inheritable(3, True)
            os.set_inheritable(4, True)

        self.process = subprocess.Popen(
            [program, "--headless=new", "--remote-debugging-pipe", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--hide-scrollbars", "--font-render-hinting=none",
             f"--user-data-dir={self.profile}"] + (["--no-sandbox"] if os.getuid() == 0 else []),
            close_fds=False, preexec_fn=channels, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self.rest = b""
        self.number = 0
        self.events = []

    def close(self):
        try:
            self.send("Browser.close")
            self.process.wait(timeout=10)
        except Exception:
            self.process.kill()
            self.process.wait()
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile, ignore_errors=True)

    def message(self):
        end = time.monotonic() + self.deadline
        while b"\0" not in self.rest:
            if time.monotonic() > end:
                raise TimeoutError("the browser does not answer")
            chunk = os.read(self.into, 1 << 20)
            if not chunk:
                raise ConnectionError("the browser is gone")
            self.rest += chunk
        first, _, self.rest = self.rest.partition(b"\0")
        return json.loads(first)

    def send(self, method, session=None, **params):
        self.number += 1
        call = {"id": self.number, "method": method, "params": params}
        if session:
            call["sessionId"] = session
        data = json.dumps(call).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if "id" not in answer:
                self.events.append(answer)

    def page(self):
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        for domain in ("Page", "Network", "Runtime", "Log"):
            page.send(f"{domain}.enable")
        return page


class Page:
    def __init__(self, browser, session):
        self.browser = browser
        self.session = session

    def send(self, method, **params):
        return self.browser.send(method, self.session, **params)

    def mine(self, *methods):
        return [e for e in self.browser.events
                if e.get("sessionId") == self.session and e["method"] in methods]

    def look(self, width=1280, height=900, media="screen", scheme="light"):
        """set the size of the window and what the page is shown on"""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        self.send("Page.navigate", url=url)
        end = time.monotonic() + self.browser.deadline
        # the event may still be that of the empty page which was there before
        there = f"document.readyState === 'complete' && (location.href !== 'about:blank' || {json.dumps(url)} === location.href)"
        while not (self.mine("Page.loadEventFired") and self.evaluate(there)):
            if time.monotonic() > end:
                raise TimeoutError(f"{url} does not load")
            self.evaluate("1")
            time.sleep(0.02)

    def evaluate(self, expression):
        result = self.send("Runtime.evaluate", expression=expression, awaitPromise=True,
                           returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"].get("value")

    def requests(self):
        return [e["params"]["request"]["url"] for e in self.mine("Network.requestWillBeSent")]

    def complaints(self):
        """console messages, exceptions, and what the security policy refused"""
        return [json.dumps(e["params"])[:500] for e in self.mine(
            "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")]

    def shot(self, path, whole=True):
        options = {"format": "png", "captureBeyondViewport": whole}
        if whole:
            size = self.send("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"],
                               "height": min(size["height"], 16000), "scale": 1}
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.send("Page.captureScreenshot", **options)["data"]))

    def pdf(self, path):
        data = self.send("Page.printToPDF", printBackground=True, preferCSSPageSize=True)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
