"""The command: make the database, ask both sides, report."""

import argparse
import json
import random
import time

from . import database as db
from .audit import Audit
from .hub import Hub, Skip
from .kinds import KINDS, draw_cases, seeded, smaller
from .population import add_odd_members, populate
from .requests import KINDS as REQUESTS
from .subjects import Subjects

SHOWN = 3  # differences of one kind that are printed in full


class Report:
    """Counts, and prints the first differences of each kind."""

    def __init__(self):
        self.passed = self.failed = 0
        self.title = None
        self.shown = 0

    def begin(self, title):
        self.title, self.shown = title, 0

    def equal(self, number=1):
        self.passed += number

    def differ(self, lines):
        """lines: a function that makes the text, called only if it is shown."""
        self.failed += 1
        self.shown += 1
        if self.shown <= SHOWN:
            print(f"\nDIFFERENCE in {self.title}:")
            for line in lines():
                print("   ", line)
            print(flush=True)
        elif self.shown == SHOWN + 1:
            print(f"    (more differences in {self.title} are only counted)")


def options():
    parser = argparse.ArgumentParser(prog="interop/differential")
    parser.add_argument("--pg", required=True, metavar="DIR")
    parser.add_argument("--hub", default="debian")
    parser.add_argument("--cases", type=int, default=20000, metavar="N")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--python")
    parser.add_argument("--keep", action="store_true")
    chosen = parser.parse_args()
    if chosen.seed is None:
        chosen.seed = random.SystemRandom().randrange(10**6)
    if chosen.hub not in ("debian", Hub.version):
        parser.error(f"this Python has jupyterhub {Hub.version}, not {chosen.hub}")
    return chosen


def main():
    chosen = options()
    print(f"seed {chosen.seed}", flush=True)
    db.enter_cluster(chosen.pg)
    print(f"jupyterhub {Hub.version}, {chosen.cases} random cases", flush=True)
    report = Report()
    database = db.Database(f"differential_{Hub.version}_{chosen.seed}")
    hub = Hub(database.hub_url)
    try:
        install(hub, database, populate(hub, chosen.seed), report)
        compare_subjects(hub, database, report, "everybody's scopes")
        compare_random(hub, database, report, chosen)
        compare_audit(hub, database, report, chosen.seed)
        attach(hub, database, report, "observe")
        compare_subjects(hub, database, report, "everybody's scopes, mode observe")
        add_odd_members(hub, chosen.seed)
        compare_subjects(hub, database, report, "roles with members that are no scopes", True)
    finally:
        hub.close()
        if chosen.keep:
            print(f"database {database.name} is kept")
        else:
            database.drop()
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed else 0


def install(hub, database, document, report):
    """Create the extension beside the hub's tables and attach it."""
    database.connect()
    if not database.rows(
        "SELECT 1 FROM pg_available_extensions WHERE name = 'jhub_authz'"
    ):
        raise SystemExit("the extension is not installed there: testbed/pg DIR install")
    database.rows("CREATE EXTENSION jhub_authz")
    report.begin("define_scopes")
    defined = database.value("SELECT define_scopes(%s)", json.dumps(document))
    check(report, "define_scopes(...)", len(document), defined)
    attach(hub, database, report, "off")


def attach(hub, database, report, mode):
    """Attach, then pin the release: some share one schema, not one answer."""
    report.begin(f"attach, mode {mode}")
    hub.fresh()  # the hub's session must not hold locks
    database.rows("SELECT attach(mode => %s)", mode)
    pinned = database.value(
        "SELECT use_hub_release(%s)", db.same_revision(Hub.version)
    )
    check(report, "use_hub_release(...)", db.same_revision(Hub.version), pinned)
    check(report, "status.mode", mode, database.value("SELECT mode FROM status"))
    # what it finds is its own tests' matter; here it must only be able to look
    database.rows("SELECT * FROM self_check()")


def check(report, question, expected, got):
    if expected == got:
        report.equal()
    else:
        report.differ(lambda: pair(question, expected, got))


def pair(question, expected, got):
    yield question
    yield f"hub:  {expected}"
    yield f"ours: {got}"
    if isinstance(expected, str) and isinstance(got, str):
        try:
            hubs, ours = set(json.loads(expected)), set(json.loads(got))
        except ValueError:
            return
        yield f"only the hub: {sorted(hubs - ours)}"
        yield f"only ours:    {sorted(ours - hubs)}"


def compare_subjects(hub, database, report, title, odd=False):
    started = time.monotonic()
    before = report.passed + report.failed
    report.begin(title)
    subjects = Subjects(hub, database, odd)
    for question, expected, got in subjects.checks():
        check(report, question, expected, got)
    number = report.passed + report.failed - before
    tell(title, number, subjects.skipped, started, "skipped")


def compare_audit(hub, database, report, seed):
    """Who can, what can, why: see audit.py."""
    started = time.monotonic()
    before = report.passed + report.failed
    report.begin("the audit's answers")
    audit = Audit(hub, database, seed)
    for question, expected, got in audit.checks():
        check(report, question, expected, got)
    number = report.passed + report.failed - before
    tell("the audit's answers", number, audit.skipped, started, "skipped")


def compare_random(hub, database, report, chosen):
    """At least N cases over all kinds that this release can be asked."""
    kinds = [seeded(kind, hub, chosen.seed) for kind in KINDS + REQUESTS]
    usable = []
    for kind in kinds:
        reason = kind.available()
        if reason:
            print(f"{kind.name}: not compared, {reason}")
        else:
            usable.append(kind)
    total = sum(kind.weight for kind in usable)
    for kind in usable:
        started = time.monotonic()
        number = -int(-chosen.cases * kind.weight // total)
        cases, skipped = draw_cases(kind, number)
        texts = [tuple(map(db.as_text, arguments)) for arguments, _ in cases]
        answers = database.ask(
            kind.parameters, kind.expressions, texts, alone=kind.alone
        )
        report.begin(kind.name)
        for (arguments, expected), got in zip(cases, answers):
            if tuple(expected) == tuple(got):
                report.equal()
            else:
                report.differ(
                    lambda: explain(kind, database, minimal(kind, database, arguments))
                )
        tell(kind.name, number, skipped, started)


def tell(title, number, skipped, started, fate="skipped and replaced"):
    extra = "".join(f"; {n} {fate}: {why}" for why, n in skipped.items())
    print(f"{title}: {number} in {time.monotonic() - started:.1f} s{extra}", flush=True)


def both(kind, database, arguments):
    """What the hub says and what we say, or None where the hub says nothing."""
    try:
        expected = tuple(kind.oracle(*arguments))
    except (Skip, ValueError, KeyError):
        return None
    texts = tuple(map(db.as_text, arguments))
    got = tuple(
        database.ask_one(kind.parameters, kind.expressions, texts, undo=kind.alone)
    )
    return expected, got


def minimal(kind, database, arguments):
    """Take members out for as long as the two still differ."""
    for less in smaller(arguments):
        answer = both(kind, database, less)
        if answer and answer[0] != answer[1]:
            return minimal(kind, database, less)
    return arguments


def explain(kind, database, arguments):
    """The differing expressions of a case, each with a line for psql."""
    answer = both(kind, database, arguments)
    if answer is None:
        yield f"{arguments}: differs only in a batch"
        return
    expected, got = answer
    texts = tuple(map(db.as_text, arguments))
    for index, expression in enumerate(kind.expressions):
        mine = got[min(index, len(got) - 1)]
        if expected[index] != mine:
            sql = database.script(kind.parameters, [expression], texts)
            yield from pair(sql, expected[index], mine)
