"""Everybody's scopes, exhaustively: single functions and all_... functions.

Each check yields (question as SQL, expected, got).  Scope sets are compared as
the text that the hub would store.
"""

from .database import stored
from .hub import Skip


class Subjects:
    def __init__(self, hub, database, odd=False):
        """odd: roles have members that are none, which is in a column "error"."""
        self.hub = hub
        self.database = database
        self.odd = odd
        self.skipped = {}

    def checks(self):
        for kind in ("user", "service", "group"):
            yield from self.single(kind)
            yield from self.everyone(kind)
        yield from self.tokens()
        yield from self.unknown()
        yield from self.identify()
        yield from self.access()

    def ask(self, expression, name):
        """One question about one name."""
        with self.database.connection.cursor() as cursor:
            sql = cursor.mogrify(f"SELECT {expression}", {"name": name}).decode()
            cursor.execute(sql)
            return f"{sql};", cursor.fetchone()[0]

    def single(self, kind):
        for row in self.hub.all(kind):
            effective = stored(self.hub.scopes_of(row))
            raw = stored(self.hub.raw_scopes(row))
            for expression, expected in [
                (f"{kind}_scopes(%(name)s)::text", effective),
                (f"subject_scopes('{kind}', %(name)s)::text", effective),
                (f"raw_scopes('{kind}', %(name)s)::text", raw),
            ]:
                sql, got = self.ask(expression, row.name)
                yield sql, expected, got

    def everyone(self, kind):
        sql = f"SELECT name, scopes::text, error FROM all_{kind}_scopes()"
        got = sorted(self.told(self.database.rows(sql)))
        expected = sorted(
            (row.name, stored(self.hub.scopes_of(row)), None)
            for row in self.hub.all(kind)
        )
        yield from self.rowwise(sql, expected, got)

    def told(self, rows):
        """What odd members bring about in the last column is compared elsewhere."""
        return [row[:-1] + (None,) for row in rows] if self.odd else rows

    def rowwise(self, sql, expected, got):
        """Compare rows by their first column; their number last."""
        rows = {row[0]: row for row in got}
        for row in expected:
            yield f"{sql}; -- {row[0]!r}", row, rows.get(row[0])
        yield f"SELECT count(*) FROM ({sql}) AS all_rows;", len(expected), len(got)

    def tokens(self):
        sql = (
            "SELECT token_id, owner_kind, owner_name, client_id, stored::text,"
            " effective::text, discarded::text, error FROM all_token_scopes()"
        )
        got = {row[0]: row for row in self.told(self.database.rows(sql))}
        tokens = self.hub.tokens()
        for token in tokens:
            raw = stored(self.hub.raw_scopes(token))
            try:
                effective, discarded = map(stored, self.hub.token_scopes(token))
            except Skip as reason:
                self.skipped[str(reason)] = self.skipped.get(str(reason), 0) + 1
                continue
            for expression, expected in [
                ("token_scopes(%(name)s)::text", effective),
                ("subject_scopes('token', %(name)s::text)::text", effective),
                ("subject_scopes('token', 'a' || %(name)s)::text", effective),
                ("raw_scopes('token', %(name)s::text)::text", raw),
            ]:
                question, answer = self.ask(expression, token.id)
                yield question, expected, answer
            owner = ("user", token.user) if token.user else ("service", token.service)
            yield (
                f"{sql} WHERE token_id = {token.id};",
                (
                    token.id,
                    owner[0],
                    owner[1].name,
                    token.client_id,
                    raw,
                    effective,
                    discarded,
                    None,
                ),
                got.get(token.id),
            )
        yield "SELECT count(*) FROM all_token_scopes();", len(tokens), len(got)

    def unknown(self):
        """NULL for who is not there."""
        for kind in ("user", "service", "group"):
            sql, got = self.ask(f"{kind}_scopes(%(name)s)::text", "no such")
            yield sql, None, got
        sql, got = self.ask("token_scopes(%(name)s)::text", 2147483647)
        yield sql, None, got
        sql, got = self.ask("access_scopes(%(name)s)::text", "no such")
        yield sql, None, got

    def identify(self):
        for kind in ("user", "service"):
            for row in self.hub.all(kind):
                expression = f"identify_scopes('{kind}', %(name)s)::text"
                sql, got = self.ask(expression, row.name)
                yield sql, stored(self.hub.identify(row)), got

    def access(self):
        for identifier in self.hub.clients():
            sql, got = self.ask("access_scopes(%(name)s)::text", identifier)
            yield sql, stored(self.hub.access(identifier)), got
