"""Our side: a throwaway database in a testbed/pg cluster, asked in bulk."""

import json
import os
import re
import subprocess

import psycopg2
import psycopg2.errors
import psycopg2.extensions

HUB_ROLE = "differential_hub"
BATCH = 2000


class Failure:
    """An error as an answer: equal to one with the same SQLSTATE."""

    def __init__(self, sqlstate, text=""):
        self.sqlstate = sqlstate
        self.text = text

    def __eq__(self, other):
        return isinstance(other, Failure) and other.sqlstate == self.sqlstate

    def __repr__(self):
        return f"ERROR {self.sqlstate} {self.text}".rstrip()


def enter_cluster(folder):
    """Take on the environment of a testbed/pg folder (PGHOST and so on)."""
    settings = os.path.join(os.path.abspath(folder), "pg.env")
    if not os.path.exists(settings):
        raise SystemExit(f"{folder} is no folder of testbed/pg")
    script = f". '{settings}' && env -0"
    for line in subprocess.check_output(["sh", "-c", script], text=True).split("\0"):
        name, equals, value = line.partition("=")
        if equals and (name.startswith("PG") or name == "PATH"):
            os.environ[name] = value


class Database:
    """One database: the hub's tables belong to a plain role, as in life."""

    def __init__(self, name):
        self.name = name
        with self._maintenance() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (HUB_ROLE,))
            if not cursor.fetchall():
                cursor.execute(f"CREATE ROLE {HUB_ROLE} LOGIN")
            cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
            cursor.execute(
                f'CREATE DATABASE "{name}" OWNER {HUB_ROLE}'
                " TEMPLATE template0 ENCODING 'UTF8'"
            )
        # the role goes by the URL, the socket by the environment
        self.hub_url = f"postgresql+psycopg2://{HUB_ROLE}@/{name}"
        self.connection = None

    def _maintenance(self):
        connection = psycopg2.connect(dbname="postgres")
        connection.autocommit = True
        return connection.cursor()

    def connect(self):
        self.connection = psycopg2.connect(dbname=self.name)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("SET search_path = jhub_authz, pg_catalog")
            cursor.execute("SET client_min_messages = error")

    def drop(self):
        if self.connection:
            self.connection.close()
        with self._maintenance() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{self.name}"')

    def rows(self, sql, *arguments):
        with self.connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql, *arguments):
        return self.rows(sql, *arguments)[0][0]

    # ---- bulk ----

    def ask(self, names, expressions, cases, alone=False):
        """The expressions' values for each case, in order.

        names are the parameters' names in the expressions, cases are tuples
        of text or None.  Where one case fails the whole batch does; it is then
        asked one by one, and the error is that case's answer.  With alone each
        is asked by itself, and what it writes is undone.
        """
        if alone:
            return [self.ask_one(names, expressions, case, True) for case in cases]
        answers = []
        for start in range(0, len(cases), BATCH):
            batch = cases[start : start + BATCH]
            try:
                answers += self._ask_batch(names, expressions, batch)
            except psycopg2.Error:
                answers += [self.ask_one(names, expressions, case) for case in batch]
        return answers

    def _ask_batch(self, names, expressions, cases):
        if not cases:
            return []
        columns = [[case[i] for case in cases] for i in range(len(names))]
        arrays = ", ".join(["%s::text[]"] * len(names))
        sql = (
            f"SELECT {', '.join(expressions)}"
            f" FROM unnest({arrays}) WITH ORDINALITY AS q({', '.join(names)}, number)"
            " ORDER BY number"
        )
        return self.rows(sql, *columns)

    def ask_one(self, names, expressions, case, undo=False):
        try:
            if undo:
                self.rows("BEGIN")
            return self._ask_batch(names, expressions, [case])[0]
        except psycopg2.Error as error:
            return (Failure(error.pgcode, str(error).splitlines()[0]),)
        finally:
            if undo:
                self.rows("ROLLBACK")

    def script(self, names, expressions, case):
        """The question as SQL that can be pasted into psql."""
        with self.connection.cursor() as cursor:
            given = []
            for name, value in zip(names, case):
                text = cursor.mogrify("%s::text", (value,)).decode()
                given.append(f"{text} AS {name}")
        asked, arguments = ", ".join(expressions), ", ".join(given)
        return f"SELECT {asked} FROM (SELECT {arguments}) AS q;"


def as_text(argument):
    """An argument as the text that SQL gets: a set or list as JSON."""
    if argument is None or isinstance(argument, str):
        return argument
    if isinstance(argument, (set, frozenset)):
        argument = sorted(argument)
    return json.dumps(list(argument))


def stored(scopes):
    """A set of scopes as the hub would store it: the text that must come out."""
    return json.dumps(sorted(scopes))


def same_revision(version):
    """3.1.1 to 3.1: the name under which a release is pinned."""
    return re.match(r"\d+\.\d+", version).group()
