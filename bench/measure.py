"""Measuring: processor time of a backend, in interleaved rounds, and a table.

A side of a comparison is a function that does the work once and returns how
many seconds of processor time it took.  The sides of a job are called in turn,
round after round, so that what else the machine does hits all of them; of each
side's rounds the median counts.  A comparison whose sides do not give the same
answer is not reported: it is a failure.
"""

import csv
import json
import statistics
import threading
import time

import psycopg2


class Backend:
    """A session, and the processor time that its backend has used."""

    def __init__(self, dsn, settings=()):
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.pid = self.connection.info.backend_pid
        # one core a side: what is compared is work, not the number of helpers
        self.run("SET max_parallel_workers_per_gather = 0")
        self.run("SET jit = off")
        for setting in settings:
            self.run(f"SET {setting}")

    def used(self):
        """Seconds; to be asked when the backend waits for us."""
        with open(f"/proc/{self.pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def run(self, sql, parameters=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else None

    def value(self, sql, parameters=None):
        return self.run(sql, parameters)[0][0]

    def timed(self, *statements):
        """Processor time of statements together, settled before and after."""
        self.settle()
        before = self.used()
        for sql in statements:
            self.run(sql)
        self.settle()
        return self.used() - before

    def settle(self):
        """Wait until the backend sleeps: then its account is up to date."""
        for _ in range(200):
            with open(f"/proc/{self.pid}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
            if state == "S":
                return
            time.sleep(0.0002)

    def most_memory(self, sql):
        """Most memory of its own that a statement takes, beyond what the idle backend has."""
        before = own_memory(self.pid)
        watch = Watch(self.pid)
        watch.start()
        self.run(sql)
        return max(watch.stop() - before, 0)


def own_memory(pid):
    """Bytes, without the pages of shared buffers that it has looked at."""
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


class Watch(threading.Thread):
    """The most memory that a backend has while something runs."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.most, self.done = pid, 0, threading.Event()

    def run(self):
        while not self.done.wait(0.005):
            self.most = max(self.most, own_memory(self.pid))

    def stop(self):
        self.done.set()
        self.join()
        return self.most


class Results:
    """What was measured, as a table; and what was checked on the way."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.passed = 0
        self.failed = 0
        self.rows = []
        self.points = []

    def check(self, what, good, detail=""):
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"not the same: {what}: {detail}", flush=True)
        return good

    def same(self, job, answers):
        """Do all sides answer alike?  answers: side -> anything comparable."""
        (first, expected), *others = answers.items()
        good = True
        for side, answer in others:
            detail = "" if answer == expected else difference(first, expected, side, answer)
            good &= self.check(f"{job}: {side} and {first}", answer == expected, detail)
        return good

    def measure(self, job, unit, sides, per=1, baseline=None, bound=None, rounds=None):
        """Rounds over all sides.  The first side is ours.

        per: divides each time (calls in it); baseline: name of a side whose
        median is the cost of the loop itself and is taken off the others.
        """
        scale = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1.0}[unit]
        times = {name: [] for name in sides}
        for _ in range(rounds or self.rounds):
            for name, run in sides.items():
                taken = run()
                if taken is not None:
                    times[name].append(taken)
        medians = {
            name: statistics.median(taken) * scale / per
            for name, taken in times.items()
            if taken
        }
        loop = medians.pop(baseline, 0) if baseline else 0
        ours = None
        for name, median in medians.items():
            figure = max(median - loop, 0)
            ours = figure if ours is None else ours
            self.row(job, name, figure, unit, figure / ours if ours else None,
                     bound if name == next(iter(medians)) else None)
        return {name: median - loop for name, median in medians.items()}

    def row(self, job, side, figure, unit, ratio=None, bound=None):
        """bound: (text, holds) of our side, or None."""
        met = ""
        text = ""
        if bound is not None:
            text, limit = bound
            met = "reached" if figure <= limit else "not reached"
        self.rows.append(
            {
                "job": job,
                "side": side,
                "figure": f"{figure:.4g}",
                "unit": unit,
                "ratio": "" if ratio is None else f"{ratio:.3g}",
                "bound": text,
                "result": met,
            }
        )
        print(
            f"{job:44s} {side:34s} {figure:10.4g} {unit:5s}"
            f" {'' if ratio is None else f'{ratio:8.3g} x'} {text and f'({text}: {met})'}",
            flush=True,
        )

    def point(self, curve, x, y, unit):
        self.points.append({"curve": curve, "x": x, "y": f"{y:.5g}", "unit": unit})
        print(f"{curve:44s} {x:10d} {y:12.5g} {unit}", flush=True)

    def write(self, folder, machine):
        for name, rows in (("results.csv", self.rows), ("growth.csv", self.points)):
            if rows:
                with open(folder / name, "w", newline="") as file:
                    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
        (folder / "machine.json").write_text(json.dumps(machine, indent=1))
        (folder / "results.md").write_text(self.markdown(machine))

    def markdown(self, machine):
        lines = [", ".join(f"{key}: {value}" for key, value in machine.items()), ""]
        lines += ["| job | side | figure | ratio | to reach |", "| --- | --- | ---: | ---: | --- |"]
        last = None
        for row in self.rows:
            job = row["job"] if row["job"] != last else ""
            last = row["job"]
            reach = f"{row['bound']}: {row['result']}" if row["bound"] else ""
            side = row["side"].replace("|", "\\|")
            lines.append(
                f"| {job} | {side} | {row['figure']} {row['unit']} | {row['ratio']} | {reach} |"
            )
        return "\n".join(lines) + "\n"


def difference(first, expected, side, answer):
    """Where two answers part, short enough for a line."""
    if isinstance(expected, (list, tuple)) and isinstance(answer, (list, tuple)):
        if len(expected) != len(answer):
            return f"{len(expected)} and {len(answer)} rows"
        for i, (a, b) in enumerate(zip(expected, answer)):
            if a != b:
                return f"row {i}: {first} {str(a)[:300]} {side} {str(b)[:300]}"
    return f"{first} {str(expected)[:300]} {side} {str(answer)[:300]}"
