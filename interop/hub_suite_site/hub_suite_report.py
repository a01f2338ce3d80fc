"""pytest plugin (-p hub_suite_report): one line a test, and no database left behind."""

import json
import os
import re
import sys

import sitecustomize

_worst = {}
_order = ["passed", "skipped", "failed", "error"]


def in_file(nodeid):
    """test_x.py::test_y, without the folders before it."""
    return re.sub(r"^.*?(\w+\.py)", r"\1", nodeid)


def pytest_collection_modifyitems(config, items):
    """HUB_SUITE_SUBSET: what has to do with scopes, roles, tokens and services."""
    if os.environ.get("HUB_SUITE_SUBSET") == "1":
        wanted = re.compile("scope|role|token|service|test_orm")
        kept = [i for i in items if wanted.search(in_file(i.nodeid))]
        config.hook.pytest_deselected(items=[i for i in items if i not in kept])
        items[:] = kept


def pytest_runtest_logreport(report):
    """A test counts as its worst phase; setup and teardown failures are errors."""
    outcome = report.outcome
    if outcome == "rerun":
        _worst.pop(report.nodeid, None)
        return
    if hasattr(report, "wasxfail"):
        outcome = "skipped"
    elif outcome == "failed" and report.when != "call":
        outcome = "error"
    before = _worst.get(report.nodeid, "passed")
    _worst[report.nodeid] = max(before, outcome, key=_order.index)


def pytest_runtest_logfinish(nodeid, location):
    results = os.environ.get("HUB_SUITE_RESULTS", "results")
    with open(os.path.join(sitecustomize.STATE, results), "a") as log:
        log.write(json.dumps([in_file(nodeid), _worst.get(nodeid, "error")]) + "\n")
    # the test's in-memory databases go with it, but for the one that the suite
    # of 3.x keeps for all its tests
    kept = (getattr(m, "_db", None) for n, m in list(sys.modules.items()) if n.endswith("conftest"))
    if any(session is not None for session in kept):
        return
    gone, sitecustomize.memory_databases[:] = sitecustomize.memory_databases[:], []
    if gone:
        sitecustomize.psql(
            "postgres", *(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in gone)
        )
