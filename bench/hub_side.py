"""The hub's side, run by the Python of a JupyterHub release from PyPI.

Reads one request a line, JSON, and answers with one: {"seconds": processor
time, "answer": ...}.  What is timed is the hub's own functions on Python
objects, without any reading of text but where that is the job.
"""

import json
import logging
import os
import sys
import time
import warnings

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")
# nothing but answers may come out of here
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from types import SimpleNamespace  # noqa: E402

from jupyterhub import orm, scopes  # noqa: E402
from jupyterhub._memoize import DoNotCache  # noqa: E402
from jupyterhub.apihandlers.users import UserListAPIHandler  # noqa: E402
from jupyterhub.services import auth  # noqa: E402

# every function of jupyterhub.scopes that remembers its answers
cached = {
    name: function
    for name, function in vars(scopes).items()
    if callable(function) and hasattr(function, "__wrapped__")
}
session = None


def bare(name):
    """A function of the hub below its memory."""
    function = cached[name].__wrapped__

    def call(*args, **kwargs):
        result = function(*args, **kwargs)
        return result.result if isinstance(result, DoNotCache) else result

    return call


def forget(memory):
    """memory: the hub's own caches stay in place; without: each call works."""
    for name in cached:
        setattr(scopes, name, cached[name] if memory else bare(name))
    auth._intersect_expanded_scopes = scopes._intersect_expanded_scopes


def text(found):
    return json.dumps(sorted(found))


def intersect(request):
    pairs = [(frozenset(a), frozenset(b)) for a, b in request["pairs"]]
    function = scopes._intersect_expanded_scopes
    db = session if request.get("groups") else None
    answer = [function(a, b, db) for a, b in pairs]
    begin = time.process_time()
    for _ in range(request["times"]):
        for a, b in pairs:
            function(a, b, db)
    return time.process_time() - begin, [text(found) for found in answer]


def has_scope(request):
    have = [frozenset(h) for h in request["have"]]
    function = scopes.has_scope
    answer = [function(request["scope"], h) for h in have]
    begin = time.process_time()
    for _ in range(request["times"]):
        for h in have:
            function(request["scope"], h)
    return time.process_time() - begin, answer


def parse(request):
    texts = request["texts"]
    answer = [text(json.loads(t)) for t in texts]
    begin = time.process_time()
    for _ in range(request["times"]):
        for t in texts:
            json.loads(t)
    return time.process_time() - begin, answer


def write(request):
    sets = [json.loads(t) for t in request["texts"]]
    begin = time.process_time()
    for _ in range(request["times"]):
        for s in sets:
            json.dumps(s)
    return time.process_time() - begin, [json.dumps(s) for s in sets]


def tokens(request):
    """Effective scopes of tokens by id, as the hub asks for each request."""
    session.expire_all()
    session.expunge_all()
    begin = time.process_time()
    answer = []
    for token_id in request["ids"]:
        token = session.get(orm.APIToken, token_id)
        answer.append([token_id, text(scopes.get_scopes_for(token))])
    seconds = time.process_time() - begin
    session.rollback()
    return seconds, answer


def grown(request):
    """Tokens that hold more than their baseline after a change that stays undone."""
    baselines = {token_id: frozenset(baseline) for token_id, baseline in request["baselines"]}
    session.rollback()
    session.expunge_all()
    session.connection().exec_driver_sql(request["change"])
    begin = time.process_time()
    answer = []
    for token_id, baseline in baselines.items():
        now = frozenset(scopes.get_scopes_for(session.get(orm.APIToken, token_id)))
        if scopes._intersect_expanded_scopes(now, baseline, session) != now:
            answer.append(token_id)
    seconds = time.process_time() - begin
    session.rollback()
    return seconds, answer


def authorize(request):
    """Access to a server and a required scope, as its own process asks for them."""
    check = auth.check_scopes
    cases = [(set(c["access"]), set(c["required"]), c["have"]) for c in request["cases"]]
    answer = [bool(check(access, set(have)) and check(required, set(have))) for access, required, have in cases]
    begin = time.process_time()
    for _ in range(request["times"]):
        for access, required, have in cases:
            bool(check(access, set(have)) and check(required, set(have)))
    return time.process_time() - begin, answer


class Listing(UserListAPIHandler):
    """GET /users with a token, below HTTP; nobody's server runs."""

    def __init__(self, token):
        settings = {"db": session, "api_page_default_limit": 10**9, "api_page_max_limit": 10**9}
        self.application = SimpleNamespace(settings=settings)
        self.request = SimpleNamespace(path="/hub/api/users", headers={})
        self._jupyterhub_user = token.user
        self.expanded_scopes = scopes.get_scopes_for(token)
        self.parsed_scopes = scopes.parse_scopes(self.expanded_scopes)

    def get_argument(self, name, default=None):
        return default

    def write(self, chunk):
        self.written = chunk


def users(request):
    session.expire_all()
    session.expunge_all()
    begin = time.process_time()
    listing = Listing(session.get(orm.APIToken, request["token"]))
    listing.get()
    seconds = time.process_time() - begin
    session.rollback()
    return seconds, json.loads(listing.written)


def connect(request):
    global session
    session = orm.new_session_factory(request["url"])()
    return 0, __import__("jupyterhub").__version__


JOBS = {f.__name__: f for f in (intersect, has_scope, parse, write, tokens, grown, authorize, users, connect)}

for line in sys.stdin:
    request = json.loads(line)
    forget(request.get("memory", False))
    seconds, answer = JOBS[request["job"]](request)
    print(json.dumps({"seconds": seconds, "answer": answer}), file=answers, flush=True)
