"""Look-ups and views of everybody on a large hub: bench/audit calls this.

Of each question the processor time of the backend counts, the median of three
rounds; elapsed time says more about what else the machine does.  Each is asked in
a session of its own, so that its memory is its own, and that of a first call, with
what it has to load, is the first of the rounds.  Memory is the backend's own, the
most that was seen, and without the pages of shared buffers that it looked at.
"""

import argparse
import datetime
import pathlib
import re
import statistics
import subprocess
import sys

from measure import Backend, Watch, own_memory

here = pathlib.Path(__file__).resolve().parent

LOOKUPS = [
    ("what may one user do", "SELECT * FROM jhub_authz.what_can('user', '{user}')"),
    ("what may one token do", "SELECT * FROM jhub_authz.what_can('token', '{token}')"),
    ("the same by a condition on the view: a user",
     "SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = 'user' AND subject = '{user}'"),
    ("the same by a condition on the view: a token",
     "SELECT * FROM jhub_authz.effective_scopes WHERE subject_kind = 'token' AND subject = '{token}'"),
    ("one token", "SELECT * FROM jhub_authz.token_audit WHERE token_id = {token}"),
    ("twenty tokens", "SELECT * FROM jhub_authz.token_audit WHERE token_id % {twentieth} = 7"),
    ("who can enter one server", "SELECT * FROM jhub_authz.who_can('access:servers!server={user}/')"),
    ("who can read all users", "SELECT * FROM jhub_authz.who_can('read:users')"),
    ("who can list one group's users", "SELECT * FROM jhub_authz.who_can('list:users!group=group-7')"),
    ("why can a user enter a server", "SELECT * FROM jhub_authz.explain('user', '{user}', 'access:servers!server={user}/')"),
    ("why can a user not", "SELECT * FROM jhub_authz.explain('user', '{user}', 'access:servers')"),
    ("why can a token enter a server", "SELECT * FROM jhub_authz.explain('token', '{token}', 'access:servers!server={owner}/')"),
    ("has one token no expiry, as a finding", "SELECT * FROM jhub_authz.findings WHERE code = 'never_expires' AND subject = '{token}'"),
    ("grants of one token that give nothing", "SELECT * FROM jhub_authz.orphaned_grants WHERE subject_kind = 'token' AND subject = '{token}'"),
    ("is one user as good as admin", "SELECT * FROM jhub_authz.effective_admins WHERE subject_kind = 'user' AND subject = '{user}'"),
    ("is one token as good as admin", "SELECT * FROM jhub_authz.effective_admins WHERE subject_kind = 'token' AND subject = '{token}'"),
    ("can one user get more", "SELECT * FROM jhub_authz.escalation_paths WHERE subject_kind = 'user' AND subject = '{helper}'"),
    ("what one user could do", "SELECT jhub_authz.user_scopes_as_of('{user}', {began})"),
    ("who could enter one server", "SELECT * FROM jhub_authz.who_could('access:servers!server={user}/', {began})"),
    ("who gained and lost what", "SELECT count(*) FROM jhub_authz.scope_changes({began}, 'infinity')"),
    ("do 100 assertions hold", "SELECT * FROM jhub_authz.check_assertions()"),
    ("prune the past, nothing to prune", "SELECT jhub_authz.keep_history('100 years')"),
    ("picture of a user", "SELECT jhub_authz.graph_dot('user', '{user}')"),
    ("picture of a user, for Mermaid", "SELECT jhub_authz.graph_mermaid('user', '{user}')"),
]
VIEWS = [
    ("a role of few", "SELECT * FROM jhub_authz.role_reach('instructor-7')"),
    ("the role that all have", "SELECT * FROM jhub_authz.role_reach('user')"),
    ("every user's scopes", "SELECT count(*) FROM jhub_authz.effective_scopes WHERE subject_kind = 'user'"),
    ("every group's scopes", "SELECT count(*) FROM jhub_authz.effective_scopes WHERE subject_kind = 'group'"),
    ("every token's scopes", "SELECT count(*) FROM jhub_authz.effective_scopes WHERE subject_kind = 'token'"),
    ("every token", "SELECT count(*), sum(jhub_authz.scope_count(grown)) FROM jhub_authz.token_audit"),
    ("who inherits and never expires", "SELECT count(*) FROM jhub_authz.token_audit WHERE uses_inherit AND never_expires"),
    ("grants that give nothing", "SELECT count(*) FROM jhub_authz.orphaned_grants"),
    ("who is as good as admin", "SELECT count(*) FROM jhub_authz.effective_admins"),
    ("who can get more", "SELECT count(*) FROM jhub_authz.escalation_paths"),
    ("findings of one kind: toxic combinations", "SELECT count(*) FROM jhub_authz.findings WHERE code = 'toxic_combination'"),
    ("findings of one kind: leavers", "SELECT count(*) FROM jhub_authz.findings WHERE code = 'leaver'"),
    ("how long tokens outlived their users", "SELECT count(*) FROM jhub_authz.leaver_gaps"),
    ("all findings of one token", "SELECT * FROM jhub_authz.findings WHERE subject_kind = 'token' AND subject = '{token}'"),
    ("all findings of one user", "SELECT * FROM jhub_authz.findings WHERE subject_kind = 'user' AND subject = '{user}'"),
    ("findings, all", "SELECT count(*), min(detail) FROM jhub_authz.findings"),
    ("all grants against the desired ones", "SELECT count(*) FROM jhub_authz.grant_diffs()"),
    ("picture of the hub", "SELECT jhub_authz.graph_dot()"),
    ("picture of the hub, for Mermaid", "SELECT jhub_authz.graph_mermaid()"),
    ("picture of who enters a server", "SELECT jhub_authz.graph_dot('server', '{user}/')"),
    ("the report", "SELECT jhub_authz.report_html()"),
]


def question(dsn, sql, rounds):
    """Median of seconds, rows, memory beyond an idle session, bytes of files."""
    backend = Backend(dsn)
    backend.run("SELECT jhub_authz.scope_count('[]')")
    before = own_memory(backend.pid)
    watch = Watch(backend.pid)
    watch.start()
    spilled = "SELECT sum(temp_bytes)::bigint FROM pg_stat_database"
    backend.run("SELECT pg_stat_clear_snapshot()")
    files = backend.value(spilled)
    times = []
    for _ in range(rounds):
        backend.settle()
        begin = backend.used()
        rows = backend.run(sql)
        backend.settle()
        times.append(backend.used() - begin)
    backend.run("SELECT pg_stat_force_next_flush()")
    backend.run("SELECT pg_stat_clear_snapshot()")
    files = (backend.value(spilled) - files) / rounds
    memory = max(watch.stop() - before, 0)
    number = rows[0][0] if sql.startswith("SELECT count") else len(rows)
    plan = "\n".join(row[0] for row in backend.run("EXPLAIN (COSTS OFF) " + sql))
    backend.connection.close()
    return statistics.median(times), number, memory, files, plan


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    for number in ("users", "tokens", "groups", "seed"):
        parser.add_argument("--" + number, type=int, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="questions whose words match this expression")
    options = parser.parse_args()
    token = 100 + options.tokens // 2 + 8   # one that inherits
    backend = Backend(options.dsn)
    owner = backend.value("SELECT u.name FROM public.api_tokens t JOIN public.users u ON u.id = t.user_id WHERE t.id = %s",
                          [token])
    version = backend.value("SHOW server_version").split()[0]
    work_mem = backend.value("SHOW work_mem")
    backend.connection.close()
    names = {"user": "user-777", "token": token, "owner": owner, "twentieth": options.tokens // 20,
             "helper": "user-7", "began": "(SELECT min(at) FROM jhub_authz.history_changes)"}
    commit = subprocess.run(["git", "-C", str(here), "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True).stdout.strip()
    lines = [f"{datetime.date.today().isoformat()}, commit {commit or 'unknown'}, PostgreSQL {version}, work_mem {work_mem}; "
             f"{options.users} users, {options.groups} groups, {options.tokens} tokens, seed {options.seed}", "",
             "| question | processor time | rows | memory | files |", "| --- | ---: | ---: | ---: | ---: |"]
    plans = []
    for kind, questions in (("look-up", LOOKUPS), ("view", VIEWS)):
        for what, sql in questions:
            if not re.search(options.only, what):
                continue
            sql = sql.format(**names)
            seconds, rows, memory, files, plan = question(options.dsn, sql, options.rounds)
            took = f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
            lines.append(f"| {what} | {took} | {rows} | {memory / 2**20:.0f} MB | {files / 2**20:.0f} MB |")
            print(lines[-1], flush=True)
            plans += [f"-- {what}", sql, plan, ""]
    pathlib.Path(options.out).write_text("\n".join(lines) + "\n")
    pathlib.Path(options.out).with_suffix(".plans").write_text("\n".join(plans))
    print(f"the table is in {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
