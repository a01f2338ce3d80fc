"""Sessions of several roles against each other; run by testbed/who_may."""
import hashlib
import subprocess
import sys
import threading
import time

import psycopg2

passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("not ok: %s %s" % (name, detail), flush=True)


def session(user):
    c = psycopg2.connect(user=user, application_name="who_may " + user)
    c.autocommit = True
    return c


def run(conn, sql, params=None):
    """rows, or the error's SQLSTATE"""
    cur = conn.cursor()
    try:
        cur.execute(sql, params)
        return cur.fetchall() if cur.description else []
    except psycopg2.Error as e:
        run.error = "%s %s %s %s" % (e.pgerror, e.diag.message_detail, e.diag.message_hint, e.diag.context)
        return e.pgcode


log_name = sys.argv[1]
dba, hub, auditor, operator = session("dba"), session("hub_owner"), session("auditor"), session("operator")
check("attached", run(dba, "SELECT jhub_authz.attach('hub')") == [("5.5",)])
run(dba, "SELECT jhub_authz.grant_auditor('auditor'), jhub_authz.grant_operator('operator')")

# ---- logged in, not SET ROLE: nobody becomes another ----

for c, who in ((hub, "hub_owner"), (auditor, "auditor"), (operator, "operator")):
    for what in ("SET ROLE dba", "SET SESSION AUTHORIZATION dba", "SET session_replication_role = replica",
                 "DELETE FROM jhub_authz.token_events", "TRUNCATE jhub_authz.token_events", "SELECT jhub_authz.set_mode('off')",
                 "SELECT jhub_authz.detach()", "ALTER SYSTEM SET lock_timeout = 1", "CREATE EXTENSION jhub_authz"):
        check("%s: %s" % (who, what), run(c, what) in ("42501", "42710"), run(c, what))
check("a session that the hub's role set up is still its own",
      run(hub, "SET row_security = off; SET search_path = hub, pg_temp; SET jhub_authz.x = 'y'; SELECT current_user, session_user") == [("hub_owner", "hub_owner")])

run(hub, "SET search_path = public")

# ---- locks: none of ours can be held by who may not work with it ----

change = "INSERT INTO hub.user_role_map VALUES (14, 1, false)"
undo = "DELETE FROM hub.user_role_map WHERE user_id = 14 AND role_id = 1"
waits = []
hostile = session("hub_owner")
hostile.autocommit = False
cur = hostile.cursor()
cur.execute("CREATE SCHEMA IF NOT EXISTS mine")
cur.execute("CREATE FUNCTION mine.f() RETURNS integer LANGUAGE sql RETURN 1")
hostile.commit()
for what in ("ALTER FUNCTION mine.f() DEPENDS ON EXTENSION jhub_authz", "SELECT pg_advisory_lock(n) FROM generate_series(0, 100) n",
             "SELECT pg_advisory_lock('pg_extension'::regclass::oid::integer, oid::bigint::integer) FROM pg_extension", "SELECT * FROM jhub_authz.token_events",
             "COMMENT ON FUNCTION mine.f() IS 'x'", "LOCK TABLE jhub_authz.token_events IN ACCESS SHARE MODE", "CREATE TABLE mine.t (s jhub_authz.scopeset)"):
    try:
        cur.execute(what)
    except psycopg2.Error as e:
        check("runs: " + what, False, e)
        hostile.rollback()
        continue
    # in an open transaction; the hub goes on
    got = run(dba, "SET statement_timeout = '8s'; SET lock_timeout = '3s'; " + change)
    check("nobody waits for: " + what, got == [], got)
    run(dba, undo)
    got = run(dba, "SELECT jhub_authz.set_mode('enforce')")
    check("nor does set_mode: " + what, got == [(0,)], got)
    hostile.rollback()
    cur.execute("SELECT pg_advisory_unlock_all()")
    hostile.commit()
for what in ("LOCK TABLE jhub_authz.token_baselines IN SHARE MODE", "LOCK TABLE jhub_authz.token_events IN ACCESS EXCLUSIVE MODE", "LOCK TABLE jhub_authz.pending IN ACCESS SHARE MODE",
             "SELECT 1 FROM jhub_authz.attachment FOR UPDATE", "LOCK TABLE pg_catalog.pg_extension IN SHARE MODE"):
    got = run(hub, "BEGIN; " + what)
    run(hub, "ROLLBACK")
    check("denied: " + what, got == "42501", got)

# ---- cancelling: a session of somebody else's cannot be ended by the hub's role ----

pid = run(dba, "SELECT pg_backend_pid()")[0][0]
for what in ("pg_cancel_backend", "pg_terminate_backend"):
    for c, who in ((hub, "hub_owner"), (auditor, "auditor"), (operator, "operator")):
        check("%s may not %s a superuser's session" % (who, what), run(c, "SELECT %s(%d)" % (what, pid)) == "42501")

# one that it can, its own, fails as a whole: nothing is half decided
revoked = "SELECT count(*) FROM jhub_authz.token_events WHERE action = 'revoked'"
before = run(dba, revoked)
busy = session("hub_owner")
busy.autocommit = False
holder = session("dba")
holder.autocommit = False
hcur = holder.cursor()
hcur.execute("INSERT INTO hub.user_role_map VALUES (13, 14, false)")
hcur.execute("SET CONSTRAINTS ALL IMMEDIATE")      # holds the lock of decisions
bcur = busy.cursor()
bcur.execute("INSERT INTO hub.user_role_map VALUES (9, 14, false)")
bpid = busy.info.backend_pid
result = []


def commit():
    try:
        busy.commit()
        result.append("committed")
    except psycopg2.Error as e:
        result.append(e.pgcode)


t = threading.Thread(target=commit)
t.start()
for _ in range(1000):
    if run(dba, "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted", [bpid]):
        break
    time.sleep(0.05)
check("the hub's role may cancel its own", run(hub, "SELECT pg_cancel_backend(%s)", [bpid]) == [(True,)])
t.join()
holder.rollback()
check("a cancelled decision takes its transaction along", result == ["57014"], result)
check("and nothing of it is there", run(dba, "SELECT 1 FROM hub.user_role_map WHERE user_id = 9 AND role_id = 14") == [])
check("nor of the records", run(dba, "SELECT 1 FROM jhub_authz.pending") == [] and
      run(dba, revoked) == before)

# ---- a transaction of the hub's role that is left open puts off nothing but itself ----

bcur = busy.cursor()
busy.rollback()
bcur.execute("INSERT INTO hub.user_role_map VALUES (9, 14, false)")
got = run(dba, "SET lock_timeout = '3s'; " + change)
check("an open change of grants holds up nobody", got == [], got)
run(dba, undo)
busy.rollback()

# ---- temporary tables and WITH HOLD cursors of ours in somebody's session: none ----

before = run(auditor, "SELECT count(*) FROM pg_class WHERE relpersistence = 't'")
run(auditor, "SELECT jhub_authz.user_scopes('alice'), count(*) FROM jhub_authz.all_token_scopes()")
check("reading leaves nothing in the session", run(auditor, "SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == before
      and run(auditor, "SELECT name FROM pg_cursors WHERE is_holdable") == [] and run(auditor, "SELECT name FROM pg_prepared_statements") == [])

# ---- secrets: the records, the messages and the log hold no token and no hash ----

clear = {i: hashlib.md5(b"token%d" % i).hexdigest() for i in range(1, 16)}
issued = run(dba, "SELECT * FROM jhub_authz.issue_token('user', 'alice', '[\"read:users:name!user=alice\"]', note => 'made here')")[0]
mine = issued[1]
check("the hub's hash of it is there", run(dba, "SELECT jhub_authz.authenticate(%s)", [mine]) == [(issued[0],)])
run(dba, "SELECT jhub_authz.revoke_token(3, 'test'), jhub_authz.rebase(1, 'test')")
run(hub, "INSERT INTO hub.user_role_map VALUES (9, 14, false)")
hashes = [h for (h,) in run(dba, "SELECT hashed FROM hub.api_tokens WHERE hashed LIKE 'sha512:%'")]
digests = [h.split(":")[-1] for h in hashes] + hashes


def shown(text):
    return [s for s in digests + list(clear.values()) + [mine] if s in text]


for (table,) in run(dba, "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1"):
    rows = run(dba, "SELECT coalesce(string_agg(x::text, ' '), '') FROM %s x" % table)
    check("no secret in " + table, not shown(rows[0][0]), shown(rows[0][0]))
dump = subprocess.run(["pg_dump", "-U", "dba", "--data-only", "-n", "jhub_authz", "--extension=jhub_authz", "who_may"], capture_output=True, text=True)
check("the dump of our tables was made", dump.returncode == 0 and "token_events" in dump.stdout, dump.stderr)
check("no secret in the dump of our tables", not shown(dump.stdout))

# errors around a token: as text, as a parameter of the extended protocol, in a
# function, while the hub's tables are out of order
messages = []
token = clear[1]
for where in ("", "ALTER TABLE hub.api_tokens RENAME hashed TO gone", "ALTER TABLE hub.api_tokens ALTER hashed TYPE bytea USING convert_to(hashed, 'UTF8')",
              "ALTER TABLE hub.roles RENAME TO gone"):
    dba.autocommit = False
    c = dba.cursor()
    if where:
        c.execute("SELECT jhub_authz.set_mode('off')")
        c.execute(where)
    # the tokens go in as parameters, which a client should; what it sends as text
    # is logged by the server before anything of ours runs
    for sql in ("SELECT jhub_authz.authenticate($1::text)", "SELECT jhub_authz.authenticate(u) FROM unnest(ARRAY[$1::text]) u"):
        c.execute("SAVEPOINT s")
        try:
            c.execute("PREPARE p (text) AS " + sql)
            c.execute("EXECUTE p (%s)", [token])
            c.fetchall()
        except psycopg2.Error as e:
            messages.append("%s %s %s %s" % (e.diag.message_primary, e.diag.message_detail, e.diag.message_hint, e.diag.context))
        c.execute("ROLLBACK TO s")
        c.execute("DEALLOCATE ALL")
    dba.rollback()
    dba.autocommit = True
# a true parameter of the extended protocol
run(dba, "SELECT jhub_authz.set_mode('off')")
run(dba, "ALTER TABLE hub.api_tokens RENAME hashed TO gone")
bench = subprocess.run(["pgbench", "-U", "dba", "-n", "-t", "1", "-M", "extended", "-D", "token='" + token + "'", "-f", "-", "who_may"],
                       input="SELECT jhub_authz.authenticate(:token);\n", capture_output=True, text=True)
check("an error around a token that is a parameter", "column" in bench.stderr or "hashed" in bench.stderr, bench.stderr)
run(dba, "ALTER TABLE hub.api_tokens RENAME gone TO hashed")
run(dba, "SELECT jhub_authz.set_mode('enforce')")
# a token that cannot be stored: the row that fails is not shown
for ddl in ("ALTER TABLE hub.api_tokens ADD CONSTRAINT c CHECK (note <> 'refused')", "CREATE UNIQUE INDEX c ON hub.api_tokens ((length(hashed) * 0), note) WHERE note = 'refused'",
            "ALTER TABLE hub.api_tokens ALTER hashed TYPE varchar(20) USING left(id::text, 20)", "ALTER TABLE hub.api_tokens ADD extra integer NOT NULL DEFAULT 1; ALTER TABLE hub.api_tokens ALTER extra DROP DEFAULT"):
    dba.autocommit = False
    c = dba.cursor()
    c.execute("SELECT jhub_authz.set_mode('off')")
    c.execute(ddl)
    try:
        c.execute("SELECT jhub_authz.issue_token('user', 'alice', '[\"read:users:name!user=alice\"]', note => 'refused')")
        c.execute("SELECT jhub_authz.issue_token('user', 'alice', '[\"read:users:name!user=alice\"]', note => 'refused')")
        check("refused: " + ddl, False)
    except psycopg2.Error as e:
        messages.append("%s %s %s %s" % (e.diag.message_primary, e.diag.message_detail, e.diag.message_hint, e.diag.context))
    dba.rollback()
    dba.autocommit = True
text = "\n".join(messages)
check("errors were raised", len(messages) >= 8, len(messages))
check("no hash and no token in a message", not shown(text) and "sha512:" not in text, shown(text))
log = open(log_name, encoding="utf-8", errors="replace").read()
# statements that this script itself sent as text hold what it put there
own = [line for line in log.splitlines() if "EXECUTE p (" in line]
rest = "\n".join(line for line in log.splitlines() if "EXECUTE p (" not in line)
check("the log tells of the errors", "ERROR:" in log and "column" in rest)
check("no statement with a token is logged when authenticate fails", own == [], own[:2])
check("no hash in the log", not any(d in log for d in digests) and "sha512:" not in rest, [l for l in rest.splitlines() if "sha512:" in l][:3])
check("no token in the log", not any(s in rest for s in list(clear.values()) + [mine]), [l for l in rest.splitlines() if token in l][:3])

# ---- the log of events is whole after all this ----

check("the events of the beginning are there", run(dba, "SELECT count(DISTINCT token_id) FROM jhub_authz.token_events WHERE action = 'adopted' AND token_id <= 15") == [(14,)],
      run(dba, "SELECT token_id, action, reason FROM jhub_authz.token_events"))
check("self_check is content", run(dba, "SELECT * FROM jhub_authz.self_check() WHERE level = 'error'") == [], run(dba, "SELECT * FROM jhub_authz.self_check() WHERE level = 'error'"))
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
