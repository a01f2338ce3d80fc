"""The real authenticators against login_decide(), case by case.

    PYTHON interop/login/run.py --pg DIR [--cases N] [--seed S] [--applied N] [--csv FILE]

DIR is a folder of testbed/pg, started, with the extension installed; PYTHON has
JupyterHub, OAuthenticator and psycopg.  What is compared: the options of the
classes with the view login_options, the worked cases of a CSV file, random cases,
and what logins leave in the tables (applied.py).
"""

import argparse
import collections
import csv
import json
import os
import random
import subprocess
import sys
import time

import psycopg
from traitlets import TraitError

from applied import compare_applied
from cases import Generator
from real import CLASSES, Hub, real_class

HERE = os.path.dirname(os.path.abspath(__file__))
DATABASE = f"jhub_authz_login_{os.getpid()}"
BATCH = 2000
SHOWN = 10

passed = failed = 0


def result(good, what, detail=None):
    global passed, failed
    if good:
        passed += 1
        return
    failed += 1
    if failed <= SHOWN:
        print(f"not ok: {what}")
        if detail is not None:
            print(json.dumps(detail, indent=1, default=str, ensure_ascii=True))
        sys.stdout.flush()


def connect(folder, database):
    done = subprocess.run(["bash", "-c", '. "$1/pg.env" && env -0', "bash", folder],
                          stdout=subprocess.PIPE, check=True, text=True)
    environment = dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)
    for name in ("PGHOST", "PGUSER", "PGPORT"):
        os.environ[name] = environment[name]
    return psycopg.connect(dbname=database, autocommit=True)


# ---------------------------------------------------------------- options


def compare_options(sql):
    """Every option of every class, and none besides."""
    known = collections.defaultdict(dict)
    for family, name, use in sql.execute("SELECT family, name, use FROM jhub_authz.login_options"):
        known[family][name] = use
    for family in CLASSES:
        real = set(real_class(family).class_traits(config=True))
        # what a class of another release has
        later = {"google": {"allowed_hosted_domains"}}.get(family, set()) | {"auth_refresh_strict", "reconcile_auth_state_hook"}
        ours = set(known[family])
        result(real <= ours and ours - later <= real, f"options of {family}",
               {"not known here": sorted(real - ours), "not in the class": sorted(ours - later - real)})
        for name, use in known[family].items():
            if use == "refused" and name in real:
                value = {"username_claim": "x", "strip_idp_domain": True, "idp": "x", "ca_certs": "x"}.get(name, ["x"])
                try:
                    cls = real_class(family)
                    config = __import__("traitlets.config").config.Config()
                    config[cls.__name__][name] = value
                    cls(config=config)
                    result(False, f"{family}.{name} is refused by the class")
                except ValueError:
                    result(True, "")


# ---------------------------------------------------------------- decisions


def ours(sql, cases):
    """All of them in a few statements."""
    sql.execute("TRUNCATE login_case")
    with sql.copy("COPY login_case (id, family, document, info, facts) FROM STDIN") as copy:
        for number, case in enumerate(cases):
            copy.write_row((number, case["family"], json.dumps(case["config"]),
                            json.dumps(case["user_info"]), json.dumps(case["facts"])))
    sql.execute("DELETE FROM jhub_authz.login_providers")
    refused = dict(sql.execute("SELECT id, refused FROM (SELECT id, try_load('p' || id, family, document) AS refused"
                               " FROM login_case ORDER BY id) AS c WHERE refused IS NOT NULL").fetchall())
    rows = sql.execute("SELECT c.id, d.outcome, d.username, d.admin, d.groups FROM login_case c"
                       " JOIN jhub_authz.login_providers p ON p.provider = 'p' || c.id,"
                       " LATERAL jhub_authz.login_decide(p.provider, c.info, c.facts) AS d ORDER BY c.id").fetchall()
    answers = {row[0]: dict(zip(("outcome", "username", "admin", "groups"), row[1:])) for row in rows}
    for number, why in refused.items():
        answers[number] = {"outcome": "refused", "why": why}
    return answers


def python_groups(groups):
    """as the database writes what is no string"""
    if groups is None:
        return None
    return [g if g is None or isinstance(g, str) else json.dumps(int(g) if isinstance(g, bool) else g) for g in groups]


def same(case, real, answer):
    if real["outcome"] == "config_error":
        # a value of the wrong type is refused, by name
        return answer["outcome"] == "refused" or (answer["outcome"] == "config_error" and not real["trait"])
    groups = python_groups(real["groups"])
    mine = answer.get("groups")
    if case["family"] == "base" and groups is not None and mine is not None:
        groups, mine = sorted(set(groups)), sorted(mine)
    return (real["outcome"] == answer["outcome"] and real["username"] == answer["username"]
            and real["admin"] is answer["admin"] and groups == mine)


def compare_random(sql, hub, rng, count):
    probe = real_class("generic")(config=None)
    generator = Generator(rng, "allowed_hosted_domains" in real_class("google").class_trait_names(),
                          probe.build_auth_state_dict({"access_token": "", "scope": "a,b"}, {})["scope"] == ["a", "b"])
    outcomes = collections.Counter()
    done = 0
    while done < count:
        cases = [generator.case() for _ in range(min(BATCH, count - done))]
        answers = ours(sql, cases)
        for number, case in enumerate(cases):
            real = hub.decide(case)
            outcomes[real["outcome"]] += 1
            good = same(case, real, answers[number])
            shown = None if good else {"case": case, "real": {k: v for k, v in real.items() if k not in ("model", "authenticator")},
                                       "login_decide": answers[number]}
            result(good, f"case {done + number} of {case['family']}", shown)
        done += len(cases)
    print("outcomes of the random cases:", ", ".join(f"{n} {o}" for o, n in sorted(outcomes.items())))


def compare_worked(sql, hub, path):
    """The worked cases: what they say, and what the real classes say to them."""
    rows = list(csv.DictReader(open(path, newline="")))
    cases = [{"family": row["provider"], "config": json.loads(row["config"]), "user_info": json.loads(row["user_info"]),
              "facts": json.loads(row["facts"])} for row in rows]
    answers = ours(sql, cases)
    newer = 0
    for number, (row, case) in enumerate(zip(rows, cases)):
        answer = answers[number]
        good = (answer["outcome"] == "allowed") == (row["allowed"] == "true")
        good &= row["outcome"] in ("", answer["outcome"])
        if answer["outcome"] != "config_error":
            good &= (answer["username"] or "") == row["username"]
        if row["allowed"] == "true":
            good &= {True: "true", False: "false", None: ""}[answer["admin"]] == row["admin"]
        if row["groups"] or row["allowed"] == "true":
            good &= answer["groups"] == (json.loads(row["groups"]) if row["groups"] else None)
        result(good, f"row {number + 2} of {os.path.basename(path)}", {"row": row, "login_decide": answer})
        real = hub.decide(case)
        if real["outcome"] == "allowed" and row["allowed"] == "false" or "allowed_hosted_domains" in case["config"] or \
                case["facts"].get("scope") == "a,b":
            newer += 1  # a later OAuthenticator than the one here
        else:
            result(same(case, real, answer), f"row {number + 2} of {os.path.basename(path)}, really",
                   {"row": row, "login_decide": answer, "real": {k: v for k, v in real.items() if k not in ("model", "authenticator")}})
    print(f"{len(rows)} worked cases; {newer} of them need a later OAuthenticator than this one")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pg", required=True)
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--applied", type=int, default=None)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--csv", default=os.path.join(HERE, "cases.csv"))
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.SystemRandom().randrange(10**9)
    applied = chosen.applied if chosen.applied is not None else max(100, chosen.cases // 20)
    import jupyterhub
    import oauthenticator
    from importlib.metadata import version

    print(f"JupyterHub {version('jupyterhub')}, OAuthenticator {version('oauthenticator')}; seed {seed}", flush=True)
    maintenance = connect(chosen.pg, "postgres")
    maintenance.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    maintenance.execute(f"CREATE DATABASE {DATABASE}")
    sql = connect(chosen.pg, DATABASE)
    sql.execute("""
        SET client_min_messages = error;
        CREATE EXTENSION jhub_authz;
        CREATE UNLOGGED TABLE login_case (id integer, family text, document text, info jsonb, facts jsonb);
        CREATE FUNCTION try_load(provider text, family text, document text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM jhub_authz.load_login_config(provider, family, document);
            RETURN NULL;
        EXCEPTION WHEN invalid_parameter_value THEN
            RETURN SQLERRM;
        END $$""")
    cursor = sql.cursor()
    hub = Hub()
    begin = time.monotonic()
    compare_options(cursor)
    if os.path.exists(chosen.csv):
        compare_worked(cursor, hub, chosen.csv)
    compare_random(cursor, hub, random.Random(seed), chosen.cases)
    print(f"{chosen.cases} random cases in {time.monotonic() - begin:.0f} s", flush=True)
    begin = time.monotonic()
    compare_applied(chosen.pg, connect, random.Random(seed + 1), applied, result)
    print(f"{applied} logins applied in {time.monotonic() - begin:.0f} s")
    sql.close()
    maintenance.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
