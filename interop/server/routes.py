"""What a client can ask of Jupyter Server, and what the server asks its
authorizer about it.

Requests are made so that nothing is started and little is changed where they are
allowed: what they name is mostly not there, which a server says after it has
authorized.  "403 or not" is what is compared.
"""

import json
from collections import namedtuple

# action and resource None: the server asks for access and for nothing else
Route = namedtuple("Route", "method path body handler action resource")

NOWHERE = "00000000-0000-0000-0000-000000000000"
NOTEBOOK = {"metadata": {}, "nbformat": 4, "nbformat_minor": 5, "cells": []}


def route(method, path, handler, action, resource, body=None):
    if body is None and method in ("POST", "PUT", "PATCH"):
        body = ""
    return Route(method, path, body, handler, action, resource)


def routes(kernel, terminal, files):
    """All of them; kernel and terminal are there, for their WebSockets.

    files is the class that serves /files.  Left out is what serves the files of
    kernel specifications where a gateway has the kernels: it asks for access only.
    """
    text = json.dumps({"type": "file", "format": "text", "content": "x"})
    notebook = json.dumps({"type": "notebook", "content": NOTEBOOK})
    new_name = json.dumps({"path": "nowhere.txt"})
    return [
        route("GET", "files/there.txt", files, "read", "contents"),
        route("HEAD", "files/there.txt", files, "read", "contents"),
        route("GET", "view/there.html", "ViewHandler", "read", "contents"),
        route("GET", "kernelspecs/python3/kernel.json", "KernelSpecResourceHandler", "read", "kernelspecs"),
        route("HEAD", "kernelspecs/python3/kernel.json", "KernelSpecResourceHandler", "read", "kernelspecs"),
        route("GET", "nbconvert/none/nowhere.ipynb", "NbconvertFileHandler", "read", "nbconvert"),
        route("POST", "nbconvert/none", "NbconvertPostHandler", "write", "nbconvert", notebook),
        route("GET", "api/spec.yaml", "APISpecHandler", "read", "api"),
        route("HEAD", "api/spec.yaml", "APISpecHandler", "read", "api"),
        route("GET", "api/status", "APIStatusHandler", "read", "api"),
        route("GET", "api/me", "IdentityHandler", None, None),
        route("PATCH", "api/me", "IdentityHandler", None, None, "{}"),
        route("GET", "api/resolvePath?path=there.txt", "PathResolverHandler", "read", "api"),
        route("GET", "api/config/some", "ConfigHandler", "read", "config"),
        route("PUT", "api/config/some", "ConfigHandler", "write", "config", "{}"),
        route("PATCH", "api/config/some", "ConfigHandler", "write", "config", "{}"),
        route("GET", "api/contents/there.txt", "ContentsHandler", "read", "contents"),
        route("PATCH", "api/contents/nowhere.txt", "ContentsHandler", "write", "contents", new_name),
        route("POST", "api/contents/nowhere", "ContentsHandler", "write", "contents", "{}"),
        route("PUT", "api/contents/put.txt", "ContentsHandler", "write", "contents", text),
        route("DELETE", "api/contents/nowhere.txt", "ContentsHandler", "write", "contents"),
        route("GET", "api/contents/there.txt/checkpoints", "CheckpointsHandler", "read", "contents"),
        route("POST", "api/contents/there.txt/checkpoints", "CheckpointsHandler", "write", "contents"),
        route("POST", "api/contents/there.txt/checkpoints/none", "ModifyCheckpointsHandler", "write", "contents"),
        route("DELETE", "api/contents/there.txt/checkpoints/none", "ModifyCheckpointsHandler", "write", "contents"),
        route("POST", "api/contents/nowhere.ipynb/trust", "TrustNotebooksHandler", "write", "contents"),
        route("WEBSOCKET", "api/events/subscribe", "SubscribeWebsocket", "execute", "events"),
        route("POST", "api/events", "EventHandler", "write", "events", "{}"),
        route("GET", "api/kernels", "MainKernelHandler", "read", "kernels"),
        route("POST", "api/kernels", "MainKernelHandler", "write", "kernels", '{"name": "none"}'),
        route("GET", f"api/kernels/{kernel}", "KernelHandler", "read", "kernels"),
        route("DELETE", f"api/kernels/{NOWHERE}", "KernelHandler", "write", "kernels"),
        route("POST", f"api/kernels/{NOWHERE}/restart", "KernelActionHandler", "write", "kernels"),
        route("POST", f"api/kernels/{NOWHERE}/interrupt", "KernelActionHandler", "write", "kernels"),
        route("WEBSOCKET", f"api/kernels/{kernel}/channels", "KernelWebsocketHandler", "execute", "kernels"),
        route("GET", "api/kernelspecs", "MainKernelSpecHandler", "read", "kernelspecs"),
        route("GET", "api/kernelspecs/python3", "KernelSpecHandler", "read", "kernelspecs"),
        route("GET", "api/nbconvert", "NbconvertRootHandler", "read", "nbconvert"),
        route("POST", "api/security/csp-report", "CSPReportHandler", "write", "csp", "{}"),
        route("GET", "api/sessions", "SessionRootHandler", "read", "sessions"),
        route("POST", "api/sessions", "SessionRootHandler", "write", "sessions", "{}"),
        route("GET", f"api/sessions/{NOWHERE}", "SessionHandler", "read", "sessions"),
        route("PATCH", f"api/sessions/{NOWHERE}", "SessionHandler", "write", "sessions", "{}"),
        route("DELETE", f"api/sessions/{NOWHERE}", "SessionHandler", "write", "sessions"),
        route("POST", "api/shutdown", "ShutdownHandler", "write", "server"),
        route("GET", "api/terminals", "TerminalRootHandler", "read", "terminals"),
        route("POST", "api/terminals", "TerminalRootHandler", "write", "terminals", '{"cwd": 1}'),
        route("GET", "api/terminals/none", "TerminalHandler", "read", "terminals"),
        route("DELETE", "api/terminals/none", "TerminalHandler", "write", "terminals"),
        route("WEBSOCKET", f"terminals/websocket/{terminal}", "TermSocket", "execute", "terminals"),
    ]
