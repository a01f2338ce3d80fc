"""The extension's answers about requests to a server, beside the server's own.

    drive.py --pg DIR --work DIR --seed N [--visitors N] [--cases N]

Run by interop/server/run.  Three things are compared with authorize() and its kin:

1. the worked cases of testbed/authorize_cases.sql: the hub's check_scopes, and a
   real server's /api/me?permissions=;
2. random scope sets, servers, actions and resources: check_scopes;
3. random visitors of real servers: every route, over HTTP or a WebSocket, and all
   pairs of resource and action.  403 or not.

A visitor of the third kind is one token of a hub that is faked (fake_hub.py); what
asks it is the hub's own identity provider.  Last line: N passed, N failed.
"""

import argparse
import asyncio
import json
import random
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import jupyterhub  # noqa: E402
from jupyterhub import scopes  # noqa: E402

from fake_hub import FakeHub  # noqa: E402
from oracle.database import Database, as_text, enter_cluster, same_revision  # noqa: E402
from routes import routes  # noqa: E402
from single_user import SingleUserServer  # noqa: E402
from visitors import ACTIONS, RESOURCES, SERVERS, check, custom_scopes, expanded, raw_scopes  # noqa: E402

CONCURRENT = 12


class Result:
    passed = failed = 0

    def check(self, good, what, why=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            if self.failed <= 20:
                print(f"not ok: {what}\n    {why}".rstrip(), flush=True)


def worked_cases(database):
    subprocess.check_call(
        ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", database.name,
         "-c", "SET client_min_messages = warning",
         "-f", str(HERE.parent.parent / "testbed" / "authorize_cases.sql"),
         "-c", "CREATE TABLE public.authorize_cases AS TABLE authorize_cases"])
    return database.rows(
        "SELECT string_to_array(have, ' '), owner, server, action, resource, access, required, authorized"
        " FROM public.authorize_cases")


def by_hub(result, cases):
    for have, owner, server, action, resource, access, required, authorized in cases:
        got = check(owner, server, action, resource, have)
        result.check(got == (access, required) and all(got) == authorized,
                     f"check_scopes: {owner}/{server} {action} {resource}", f"{have}: {got}")


def random_checks(result, database, rng, n):
    """By the hub's function alone, many at once."""
    asked = []
    for _ in range(n):
        owner, server = rng.choice(SERVERS)
        have = expanded(raw_scopes(rng, owner, server))
        asked.append((have, owner, server, rng.choice(ACTIONS + ["delete"] * (rng.random() < 0.05)),
                      rng.choice(RESOURCES)))
    answers = database.ask(
        ("have", "owner", "server", "action", "resource"),
        ("authorize(have::scopeset, owner, server, action, resource)",
         "(SELECT bool_or(satisfied_by IS NOT NULL) FROM authorize_explain(have::scopeset, owner, server, action, resource) WHERE stage = 'access')",
         "(SELECT bool_or(satisfied_by IS NOT NULL) FROM authorize_explain(have::scopeset, owner, server, action, resource) WHERE stage = 'required')"),
        [(as_text(have), *rest) for have, *rest in asked])
    said = Counter()
    for (have, owner, server, action, resource), answer in zip(asked, answers):
        access, required = check(owner, server, action, resource, have)
        if action not in ACTIONS:
            required = False
        said[access and required] += 1
        result.check(tuple(answer) == (access and required, access, required),
                     f"{owner}/{server} {action} {resource}", f"{sorted(have)}: {answer}")
    print(f"check_scopes: {n} questions, {said[True]} allowed")


class Visitor:
    def __init__(self, hub, database, raw, owner, server):
        self.raw = raw
        self.have = expanded(raw)
        self.token = uuid.uuid4().hex
        hub.scopes[self.token] = self.have
        pairs = {r: ACTIONS for r in RESOURCES}
        row = database.rows(
            "SELECT expand(%s::scopeset)::text, permissions(expand(%s::scopeset), %s, %s, %s::jsonb),"
            " (SELECT bool_or(satisfied_by IS NOT NULL) FROM authorize_explain(expand(%s::scopeset), %s, %s, 'read', 'api') WHERE stage = 'access')",
            as_text(raw), as_text(raw), owner, server, json.dumps(pairs), as_text(raw), owner, server)[0]
        self.ours_expanded = frozenset(json.loads(row[0]))
        self.permissions = row[1]
        self.access = row[2]
        answers = database.rows(
            "SELECT resource, action, authorize(expand(%s::scopeset), %s, %s, action, resource)"
            " FROM unnest(%s::text[]) AS resource, unnest(%s::text[]) AS action",
            as_text(raw), owner, server, RESOURCES, ACTIONS)
        self.allowed = {(resource, action): answer for resource, action, answer in answers}

    def expects(self, route):
        """Will it be allowed?"""
        if route.action is None:
            return self.access
        return self.allowed[route.resource, route.action]


async def visit(result, server, visitor, what, ways, said):
    got = await server.permissions(visitor.token, {r: ACTIONS for r in RESOURCES})
    result.check(got is not None if visitor.access else got is None, f"{what}: access", sorted(visitor.raw))
    if got is not None:
        result.check(got == visitor.permissions, f"{what}: /api/me?permissions=",
                     f"{sorted(visitor.raw)}: {got} and not {visitor.permissions}")
    for way in ways:
        status = await server.status(visitor.token, way)
        expected = visitor.expects(way)
        said[way.handler, way.method, expected] += 1
        result.check((status != 403) == expected, f"{what}: {way.method} {way.path}",
                     f"{sorted(visitor.raw)}: HTTP {status}, authorize says {expected}")


async def one_server(result, hub, database, rng, folder, owner, name, own_files, visitors, cases, said):
    server = SingleUserServer(hub, folder, owner, name, own_files)
    try:
        await server.ready()
        boss = uuid.uuid4().hex
        hub.scopes[boss] = expanded({"access:servers", "custom:jupyter_server:execute:*"})
        kernel, terminal = await server.start(boss)
        ways = routes(kernel, terminal, "AuthenticatedFileHandler" if own_files else "FilesHandler")
        for have, case_owner, case_name, action, resource, access, required, authorized in cases:
            if (case_owner, case_name) != (owner, name):
                continue
            token = uuid.uuid4().hex
            hub.scopes[token] = frozenset(have)
            got = await server.permissions(token, {resource: [action]})
            result.check((got is not None) == access and (got == {resource: [action]}) == authorized,
                         f"{owner}/{name} {action} {resource}: worked case", f"{have}: {got}")
        crowd = [Visitor(hub, database, raw_scopes(rng, owner, name), owner, name) for _ in range(visitors)]
        # one who may do everything, one who may read, and one who may enter and no more
        for raw in ({"access:servers", "custom:jupyter_server:execute:*"},
                    {f"access:servers!server={owner}/{name}", f"custom:jupyter_server:read:*!server={owner}/{name}"},
                    {"access:servers"}):
            crowd.append(Visitor(hub, database, frozenset(raw), owner, name))
        for visitor in crowd:
            result.check(visitor.have == visitor.ours_expanded, "expand", sorted(visitor.raw))
        turn = asyncio.Semaphore(CONCURRENT)

        async def in_turn(visitor):
            async with turn:
                await visit(result, server, visitor, f"{owner}/{name}", ways, said)

        await asyncio.gather(*map(in_turn, crowd))
        asked = set(server.asked.read_text().splitlines())
        for way in ways:
            if way.action is not None:
                result.check(f"{way.handler} {way.action} {way.resource}" in asked,
                             f"{way.method} {way.path}", "the server asks for something else")
    finally:
        server.stop()
    return ways


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pg", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--visitors", type=int, default=14, help="of each server")
    parser.add_argument("--cases", type=int, default=20000, help="of check_scopes alone")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    result = Result()

    enter_cluster(options.pg)
    database = Database("jhub_authz_server")
    database.connect()
    hub = FakeHub()
    try:
        database.rows("CREATE EXTENSION jhub_authz")
        database.rows("SELECT use_hub_release(%s)", same_revision(jupyterhub.__version__))
        document = custom_scopes()
        scopes.define_custom_scopes(document)
        database.rows("SELECT define_scopes(%s)", json.dumps(document))
        cases = worked_cases(database)
        by_hub(result, cases)
        random_checks(result, database, rng, options.cases)
        said = Counter()
        for number, (owner, name) in enumerate(SERVERS):
            ways = asyncio.run(one_server(
                result, hub, database, rng, Path(options.work) / str(number), owner, name,
                number % 2 == 0, options.visitors, cases, said))
        for way in ways:
            # a route that only ever refuses, or never, would show nothing
            result.check(said[way.handler, way.method, True] and said[way.handler, way.method, False],
                         f"{way.method} {way.path}", "is not both allowed and refused")
        refused = sum(n for (*_, expected), n in said.items() if not expected)
        print(f"{len(SERVERS)} servers, {len(ways)} routes: {sum(said.values())} requests, {refused} to be refused")
    finally:
        hub.close()
        database.drop()
    print(f"{result.passed} passed, {result.failed} failed")
    sys.exit(result.failed != 0)


if __name__ == "__main__":
    main()
