"""Instructions of a call, counted by valgrind's callgrind: no noise at all.

    instructions.py --postgres PROGRAM --data FOLDER --database NAME --out FOLDER

The server is stopped; a single-user backend evaluates each expression on the
tables that jobs_sets.py made.  Only what happens within the functions below is
counted, all that they call included.
"""

import argparse
import csv
import pathlib
import re
import subprocess
import sys
import tempfile

ROUNDS = 5

# function in C: what it is, table, expression
FUNCTIONS = {
    "scopeset_intersect": ("&, 50 x 50 mixed", "pairs_mixed", "a OPERATOR(jhub_authz.&) b"),
    "jhub_authz_has_scope": ("has_scope() through a user rule", "have_ours",
                             "jhub_authz.has_scope(a, 'access:servers!server=user00007/lab')"),
    "text_to_scopeset": ("text::scopeset, 50 scopes", "texts", "b::jhub_authz.scopeset"),
    "scopeset_as_text": ("scopeset::text, 50 scopes", "sets", "b::text"),
    "bench_and": ("AND of 104 bytes in C", "open_bytes", "floor.bench_and(a, b)"),
    "bench_merge": ("merge of 50 and 50 sorted integers in C", "int_many_users", "floor.bench_merge(a, b)"),
    "json_in": ("text::json, 50 scopes (checks only)", "texts", "b::json"),
    "jsonb_in": ("text::jsonb, 50 scopes", "texts", "b::jsonb"),
}  # fmt: skip


def count(options, function, table, expression, folder):
    """Instructions of one call."""
    out = folder / "callgrind.out"
    statement = f"SELECT count({expression}) FROM generate_series(1, {ROUNDS}), (SELECT * FROM {table} OFFSET 0) AS t"
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--toggle-collect={function}", f"--callgrind-out-file={out}",
         "--dump-instr=no", options.postgres, "--single", "-D", options.data, options.database],
        input=statement + "\n", text=True, capture_output=True)
    collected = re.search(r"Collected : (\d+)", done.stderr)
    calls = re.search(r'count = "(\d+)"', done.stdout)
    if not collected or not calls:
        sys.exit(f"callgrind gave no count of {function}:\n{done.stderr[-2000:]}{done.stdout[-500:]}")
    return int(collected.group(1)) / int(calls.group(1))


def main():
    parser = argparse.ArgumentParser()
    for name in ("postgres", "data", "database", "out"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for function, (what, table, expression) in FUNCTIONS.items():
            figure = count(options, function, table, expression, pathlib.Path(folder))
            print(f"{'instructions of a call':44s} {what:44s} {figure:12.0f}", flush=True)
            rows.append({"call": what, "instructions": f"{figure:.0f}"})
    with open(pathlib.Path(options.out) / "instructions.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
