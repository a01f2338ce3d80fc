"""All jobs, in one run: bench/run calls this with a server that is there.

    run.py --host SOCKETS --user ROLE --hub-python PYTHON --hub-version V --out FOLDER
           [--seed N] [--quick] [--only JOB ...]
"""

import argparse
import datetime
import json
import pathlib
import random
import subprocess
import sys
import time

import jobs_growth
import jobs_hub
import jobs_sets
import plot
from measure import Backend, Results

here = pathlib.Path(__file__).resolve().parent


class Hub:
    """The hub's Python in a process of its own."""

    def __init__(self, python):
        self.process = subprocess.Popen(
            [python, str(here / "hub_side.py")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the hub's Python has gone")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def machine(backend, hub_version, seed, quick):
    cpu = "unknown"
    count = 0
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            cpu, count = line.split(":")[1].strip(), count + 1
    commit = subprocess.run(["git", "-C", str(here), "rev-parse", "--short", "HEAD"],
                            capture_output=True, text=True).stdout.strip()
    return {
        "date": datetime.date.today().isoformat(),
        "commit": commit or "unknown",
        "processor": f"{count} x {cpu}",
        "PostgreSQL": backend.value("SHOW server_version").split()[0],
        "JupyterHub": hub_version,
        "seed": seed,
        "effort": "quick" if quick else "full",
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--hub-python", required=True)
    parser.add_argument("--hub-version", required=True)
    parser.add_argument("--out", required=True, type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--small", action="store_true", help="without the hub of 200,000 users")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    hub = Hub(options.hub_python)
    results = Results(3 if options.quick else 5)
    dsn = lambda database: f"host={options.host} user={options.user} dbname={database}"
    backend = Backend(dsn("bench"))
    databases = jobs_hub.Databases(dsn, Backend, here.parent / "testbed" / "hub_schema.sql", options.quick, options.small or options.quick)
    databases.url = lambda users: (
        f"postgresql://{options.user}@/{databases.of(users)}?host={options.host}")
    effort = 1 if options.quick else 2
    where_run = machine(backend, options.hub_version, options.seed, options.quick)
    for module, where in ((jobs_sets, backend), (jobs_hub, databases), (jobs_growth, databases)):
        for job in module.JOBS:
            if options.only and job.__name__ not in options.only:
                continue
            begin = time.monotonic()
            # a seed of its own: a job alone does what it does among all
            job(where, hub, results, random.Random(f"{options.seed} {job.__name__}"), effort)
            print(f"-- {job.__name__}: {time.monotonic() - begin:.0f} s", flush=True)
            results.write(options.out, where_run)
    if results.points:
        plot.main(options.out / "growth.csv", options.out / "growth.svg")
    hub.close()
    print(f"{results.passed} passed, {results.failed} failed")
    return results.failed > 0


if __name__ == "__main__":
    sys.exit(main())
