"""Mutated input for every function of the extension that a client can call.

Run by testbed/fuzz_sql.  The list of functions comes from the catalogue; a value
for a parameter is made from its type and, for text, from its name.  Each call
runs in a savepoint against an attached hub and is rolled back.

A finding is: a backend that dies, an internal error (class XX), a statement that
does not end, a law of the algebra or of the forms of a scopeset that does not
hold, an answer or message with a token's hash or the token that was asked for,
and memory of the session that goes on growing.
"""
import argparse
import io
import json
import os
import random
import re
import struct
import sys
import time

import psycopg2

TIMEOUT = 10                    # seconds for a statement
SECOND_CHANCE = 90              # and on a machine that is busy

# ---- the hub of testbed/hub_schema.sql, and what goes wrong with text ----

KINDS = ["user", "service", "group", "token", "client", "session", "server", "role", "hub", "scope", "", "User"]
NAMES = ["alice", "bob", "o'brien", "bang!user", "eq=ual", "zo\u00eb", "trailing ", "group", "physics",
         "lab one", "group!x=y", "announce", "sv c!1", "alice/", "bob/lab", "1", "a1", "2147483648",
         "jupyterhub", "nobody", "back\\slash", "per%cent_x", "user", "admin", "token", "server", "grader",
         '"quo"te', "{owner}", "{server}", "{owner}/{server}", "/", "a/b/c", "%", "_", "*", "\u00e9", "e\u0301", "\U0001f600", "x" * 255, "x" * 3000]
BASES = ["self", "inherit", "admin:users", "read:users", "read:users:name", "list:users", "tokens",
         "read:tokens", "servers", "access:servers", "read:servers", "start:servers", "admin:groups",
         "groups", "read:groups", "list:groups", "access:services", "read:services", "list:services",
         "shares", "users:shares", "read:hub", "proxy", "shutdown", "admin-ui", "users:activity",
         "read:metrics", "custom:a:read", "custom:b:*", "(no_scope)", "all", "x", "read:uers",
         "custom:jupyter_server:read:*", "custom:jupyter_server:write:contents", "custom:{owner}",
         "\u00fc:\u00e4", "\U0001f4a9"]
FILTERS = ["user", "group", "service", "server"]
WORDS = ["enforce", "observe", "off", "revoke", "log", "veto", "ignore", "fix", "guard", "follow",
         "oauth", "service", "token:3", "client:jupyterhub", "group:physics", "undefined_scopes",
         "token_shares", "lock_timeout", "revoke_limit", "notify", "auto", "refuse", "hub", "documented",
         "5s", "0", "-1", "on", "5.5", "2.3", "6.0", "public", "list:users", "99999999999999999999",
         "1h", "'", "\\", "%s", "$1", "{}", "[]", "null"]
ODD = ["\u0000", "\u0001", "\t", "\n", "\r", "\x0b", "\x0c", "\x1f", " ", "\x7f", "\u0085", "\u00a0",
       "\u2028", "\u200b", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\ud800", "\udfff", "\U00010000",
       "\U0010ffff", "\u0600", "\u202e", "!", "!!", "=", "!=", "!user", "!user=", "!group", "!server=a/",
       ":", "*", '"', "\\", "\\u0000", "\\ud83d", "\\ud83d\\ude00", "\\u00", "[", "]", "{", "}", ",", "'",
       "%n", "%s", "\u00e9", "\u1e9e", "\u0130", "/", "//", "-", "--", "/*", "$$"]
CHANGES = ["UPDATE public.roles SET scopes = '[\"admin:users\"]' WHERE name = 'user'",
           "INSERT INTO public.user_role_map VALUES (1, 2, false)",
           "DELETE FROM public.api_tokens", "SELECT 1", "", ";", "UPDATE public.users SET name = name || 'x'",
           "DELETE FROM public.user_group_map; INSERT INTO public.user_group_map SELECT u.id, g.id FROM public.users u, public.groups g",
           "SET CONSTRAINTS ALL IMMEDIATE", "COMMIT", "DECLARE c CURSOR FOR SELECT 1",
           "DO $$ BEGIN PERFORM 1/0; END $$", "CREATE TEMP TABLE t (a int)", "SAVEPOINT x", "ROLLBACK"]
DOCUMENTS = ['{"custom:a:read": {"description": "d", "subscopes": ["custom:b:*"]}, "custom:b:*": {"description": "e"}}',
             '{"custom:c:c": {"description": "d"}}', '{}', '[]', '{"custom:a:read": {"description": "d", "x": 1}}',
             '{"custom:d:d": {"description": "d", "subscopes": ["custom:e:e"]}, "custom:e:e": {"description": "d", "subscopes": ["custom:d:d"]}}',
             '{"custom:f:f": 1}', '{"custom:f:f": {"description": null}}', '{"a": ']
LOGINS = ['{"allow_all": true}', '{"allowed_users": ["bob"], "admin_groups": ["physics"], "manage_groups": true}', '{"username_claim": "email", "username_map": {"a": "b"}}',
          '{"username_pattern": "^[a-z]\\\\w+(?:x|y){2,3}$"}', '{"idps": {"https://a.b/c": {"username_derivation": {"username_claim": "email"}, "allowed_domains": ["*.[a-c]"]}}}',
          '{"hosted_domain": ["b.c"], "admin_google_groups": {"b.c": ["physics"]}}', '{"allowed_organizations": ["o", "o:t"], "blocked_users": ["bob"]}']
FAMILIES = ["auth0", "azuread", "bitbucket", "cilogon", "generic", "github", "gitlab", "globus", "google", "mediawiki",
            "oauth2", "openshift", "base", "dummy", "pam"]
FACTS = ['{}', '[]', '{"name": "alice"}', '{"contents": ["read", "write"]}', '{"a": {"b": [1, 2.5, null, true]}}',
         '"x"', '1e1000', 'null', '{"login": "bob", "groups": ["physics"], "email": "a@b.c"}']

# assertions and targets, as load_... takes them
AUDIT_DOCUMENTS = ['[{"subject_kind": "user", "subject": "bob", "required": "admin:users", "expected": false, "veto": true, "note": "x"}]',
                   '[{"subject_kind": "token", "subject": "a4", "required": "list:users!group=physics"}, {"subject_kind": "group", "subject": "physics", "required": "proxy"}]',
                   '{"load_roles": [{"name": "grader", "scopes": ["list:users", "self"], "users": ["bob"], "groups": [], "services": ["boss"]}]}',
                   '{"load_groups": {"physics": ["alice", "bob"], "empty": {"users": []}}, "admin_users": ["admin"]}', '[]', '{}']


class Late(Exception):
    """A busy machine has no time for this statement: nothing is known of it."""


class Gen:
    def __init__(self, rng, corpus):
        self.rng = rng
        self.corpus = corpus        # type -> list of values

    def pick(self, what):
        return self.rng.choice(what)

    def chance(self, p):
        return self.rng.random() < p

    # -- text

    def mutate(self, s):
        r = self.rng
        for _ in range(r.choice([1, 1, 1, 2, 3, 6])):
            op, n = r.randrange(9), len(s)
            i = r.randrange(n + 1)
            if op == 0:
                s = s[:i] + self.pick(ODD) + s[i:]
            elif op == 1 and n:
                s = s[:i] + s[i + r.randint(1, 4):]
            elif op == 2 and n:
                j = r.randrange(n + 1)
                s = s[:i] + s[min(i, j):max(i, j)] + s[i:]
            elif op == 3:
                s = s[:i] + chr(r.choice([r.randrange(1, 128), r.randrange(1, 0x800), r.randrange(1, 0x110000)])) + s[i:]
            elif op == 4 and n:
                i = r.randrange(n)
                s = s[:i] + chr(max(1, ord(s[i]) ^ (1 << r.randrange(7)))) + s[i + 1:]
            elif op == 5 and n < 200000 and self.chance(0.2):
                s = s * r.choice([2, 3, 17, 200])
            elif op == 6:
                s = s[:i] + self.pick(NAMES + BASES + WORDS) + s[i:]
            elif op == 7 and self.chance(0.1):
                s = s[:i] + self.pick(["x", "\u00e9", "\U0001f600", " ", "[", "!"]) * r.choice([255, 1990, 2000, 2001, 65535, 70000]) + s[i:]
            elif op == 8 and n:
                s = s[:i]
        return s[:400000]

    def value(self):
        """a filter's value"""
        v = self.pick(NAMES[:-1])
        if self.chance(0.15):
            v = self.mutate(v)
        return v

    def scope(self):
        s = self.pick(BASES)
        if self.chance(0.05):
            s = self.mutate(s)
        if self.chance(0.55):
            kind = self.pick(FILTERS)
            if self.chance(0.15):
                s += "!" + kind
            else:
                v = self.value()
                if kind == "server" and "/" not in v:
                    v += "/" + self.pick(["", "lab", "a/b"])
                s += "!%s=%s" % (kind, v)
        if self.chance(0.03):
            s = self.mutate(s)
        return s

    def good_scope(self):
        while True:
            s = self.scope()
            if self.is_scope(s):
                return s

    @staticmethod
    def is_scope(s):
        """as section 1 of the interface has it, on the safe side"""
        if len(s.encode("utf-8", "surrogatepass")) > 2000 or any(ord(c) < 32 or 0x7f <= ord(c) <= 0xa0 or 0xd800 <= ord(c) < 0xe000
                                                                 or ord(c) in (0x1680, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff)
                                                                 or 0x2000 <= ord(c) <= 0x200f or 0x180e == ord(c) for c in s):
            return False
        base, bang, rest = s.partition("!")
        if not base or any(c.isspace() for c in base):
            return False
        kind, eq, value = rest.partition("=")
        if not bang:
            return True
        if kind == "group":
            return bool(eq and value)
        return kind in FILTERS and (not eq or bool(value))

    def scopes(self, n=None):
        if n is None:
            n = self.rng.choice([0, 1, 1, 2, 3, 5, 8, 30])
            if self.chance(0.002):
                n = self.rng.choice([1000, 65535, 65536])
        if n >= 1000:
            kind = self.pick(FILTERS)
            return ["%s!%s=%d" % (self.pick(BASES[:20]), kind, i) for i in range(n)]
        return [self.good_scope() for _ in range(n)]

    def json_of(self, scopes):
        form = self.rng.randrange(4)
        if form == 0:
            return json.dumps(scopes)
        if form == 1:
            return json.dumps(scopes, ensure_ascii=False)
        if form == 2:
            return json.dumps(scopes, indent=self.rng.choice([None, 0, 3]))
        return " \t\n" + json.dumps(sorted(scopes), separators=(",", ":")) + "\r\n "

    def scopeset(self):
        """text that a scopeset is read from"""
        if self.corpus.get("scopeset") and self.chance(0.15):
            s = self.pick(self.corpus["scopeset"])
        elif self.chance(0.75):
            s = self.json_of(self.scopes())
        elif self.chance(0.1):
            n = self.rng.choice([50, 5000, 100000])
            s = self.pick(["[", "{", '["a",', '{"a":', "[[", '"']) * n
        else:
            s = self.pick([" ", "  ", "\t", "\n"]).join(x for x in self.scopes() if " " not in x)
        if self.chance(0.25):
            s = self.mutate(s)
        return s

    def document(self, seeds):
        s = self.pick(self.corpus.get("document") or seeds) if self.chance(0.2) else self.pick(seeds)
        if self.chance(0.1):
            n = self.rng.choice([50, 7000, 100000])
            return self.pick(["[" * n, "[" * n + "]" * n, '{"a":' * n, '{"a":' * n + "1" + "}" * n,
                              json.dumps({"custom:x%d:y" % i: {"description": "d", "subscopes": ["custom:x%d:y" % (i + 1)] if i < n % 4000 else []}
                                          for i in range(n % 4000 + 1)}),
                              json.dumps([["x"] * 10] * (n // 50))])
        if self.chance(0.5):
            s = self.mutate(s)
        return s

    def text(self, name):
        if name.endswith("kind"):
            s = self.pick(KINDS)
        elif name in ("document",):
            return self.document(DOCUMENTS + LOGINS)
        elif name == "family":
            s = self.pick(FAMILIES)
        elif name == "provider":
            s = self.pick(["p", "q"])
        elif name in ("change",):
            s = self.pick(CHANGES)
        elif name in ("required", "base", "scope", "wanted"):
            s = self.scope()
        elif name == "token":
            s = self.pick(self.corpus["clear"]) if self.chance(0.5) else "%032x" % self.rng.getrandbits(128)
        elif name in ("scopes", "have", "a", "b"):
            return self.scopeset()
        elif name in ("action", "resource", "app") and self.chance(0.8):
            s = self.pick({"action": ["read", "write", "execute"], "resource": ["contents", "kernels", "ext:x", "*"],
                           "app": ["jupyter_server", "jupyter_server", "other"]}[name])
        elif name.endswith("name") or name in ("client_id", "username", "owner", "server", "item"):
            s = self.pick(NAMES + self.corpus.get("text", []))
        else:
            s = self.pick(WORDS + NAMES + self.corpus.get("text", []))
        if self.chance(0.35):
            s = self.mutate(s)
        return s

    # -- SQL of a value of a type, with the parameters that go with it

    def sql(self, typ, name):
        """(None, []) for a type that there are no values for: always, also where it would be NULL."""
        value = self.sql_value(typ, name)
        if value[0] is not None and self.chance(0.03):
            return "NULL::" + typ, []
        return value

    def sql_value(self, typ, name):
        r = self.rng
        if typ == "jhub_authz.scopeset":
            way = r.randrange(10)
            if way < 6:
                return "%s::jhub_authz.scopeset", [self.scopeset()]
            if way == 6:
                return "%s::text::jhub_authz.scopeset", [self.scopeset()]
            if way == 7:
                return "%s::jsonb::jhub_authz.scopeset", [self.scopeset()]
            if way == 8:
                return "%s::text[]::jhub_authz.scopeset", [[self.mutate(x) if self.chance(0.1) else x for x in self.scopes()]]
            a, p = self.sql(typ, name)
            b, q = self.sql(typ, name)
            return "(%s %s %s)" % (a, self.pick(["&", "|", "-"]), b), p + q
        if typ in ("text", "cstring", "character varying", "name"):
            return "%s::" + typ, [self.text(name)]
        if typ == "text[]":
            if self.chance(0.1):
                return self.pick(["ARRAY[]::text[]", "ARRAY[NULL]::text[]", "ARRAY[['a','b'],['c','d']]::text[]",
                                  "'[0:1]={a,b}'::text[]", "'{}'::text[]", "array_fill('read:users'::text, ARRAY[70000])",
                                  "array_fill(NULL::text, ARRAY[3,3])", "ARRAY['a',NULL,'b']::text[]"]), []
            words = self.scopes() if name in ("scopes", "required", "requested") and self.chance(0.7) else \
                [self.text(name) for _ in range(r.choice([0, 1, 2, 4]))]
            return "%s::text[]", [words]
        if typ == "integer[]":
            return self.pick(["'{}'::integer[]", "NULL::integer[]", "ARRAY[NULL, 1]::integer[]", "ARRAY[[1, 2], [9, 9]]",
                              "ARRAY[1, 2, -1, 2147483647]", "'[0:1]={9,14}'::integer[]"]), []
        if typ == "jsonb" or typ == "json":
            return "%s::" + typ, [self.scopeset() if name == "scopes" else self.document(AUDIT_DOCUMENTS if name == "document" else FACTS)]
        if typ in ("integer", "bigint", "smallint", "xid8", "oid"):
            top = {"integer": 31, "bigint": 63, "smallint": 15, "xid8": 63, "oid": 31}[typ]
            n = r.choice([0, 1, 2, 3, 7, 14, -1, r.randrange(20), 2 ** top - 1, -2 ** top])
            if typ in ("xid8", "oid"):
                n = abs(n) % 2 ** top
            return "'%d'::%s" % (n, typ), []
        if typ == "numeric":
            return self.pick(["0::numeric", "1.5::numeric", "-1e30::numeric", "'NaN'::numeric", "1e100::numeric"]), []
        if typ == "numeric[]":
            return self.pick(["'{}'::numeric[]", "'{0,1,2}'::numeric[]", "'{NULL,-5}'::numeric[]", "'{NaN,1e100}'::numeric[]"]), []
        if typ == "boolean":
            return self.pick(["true", "false"]), []
        if typ == "interval":
            return "%s::interval", [self.pick(["1 day", "-1 s", "0", "178000000 years", "1 us", "-178000000 years", "99 years 1 us", "9223372036854775807 us"])]
        if typ.startswith("timestamp") or typ == "date":
            return "%s::" + typ, [self.pick(["now", "infinity", "-infinity", "4713-01-01 BC", "294276-12-31", "2024-03-01", "epoch"])]
        if typ in ("regrole", "regclass", "regtype"):
            return "%s::" + typ, [self.pick({"regrole": ["postgres", "pg_monitor", "nobody"],
                                              "regclass": ["public.users", "jhub_authz.pending", "pg_class", "public.ix_api_tokens_prefix"],
                                              "regtype": ["text", "jhub_authz.scopeset"]}[typ])]
        if typ == "bytea":
            return "%s::bytea", [psycopg2.Binary(bytes(r.randrange(256) for _ in range(r.choice([0, 1, 8, 100]))))]
        return None, []


# ---- the laws ----

# a, b, c are sets that were read; each must be true or NULL
LAWS = {
    "text form is a fixed point": "a::text::jhub_authz.scopeset = a AND a::text::jhub_authz.scopeset::text = a::text",
    "jsonb and back": "a::jsonb::jhub_authz.scopeset = a",
    "text[] and back": "a::text[]::jhub_authz.scopeset = a",
    "one argument a scope": "jhub_authz.scopeset_of(VARIADIC a::text[]) = a",
    "text and jsonb agree": "a::text::jsonb = a::jsonb",
    "covers itself": "a @> a AND a <@ a",
    "covers and is covered": "(a @> b) = (b <@ a)",
    "meet is below both": "(a & b) <@ a AND (a & b) <@ b",
    "meet commutes": "(a & b) = (b & a)",
    "meet is associative in meaning": "((a & b) & c) @> (a & (b & c)) AND (a & (b & c)) @> ((a & b) & c)",
    "meet with itself": "(a & a) @> a",
    "meet is the greatest below": "NOT (c <@ a AND c <@ b) OR c <@ (a & b)",
    "union is above both": "(a | b) @> a AND (a | b) @> b",
    "union commutes": "(a | b) = (b | a)",
    "union is associative": "((a | b) | c) = (a | (b | c))",
    "union with itself": "(a | a) = a",
    "union counts": "jhub_authz.scope_count(a | b) <= jhub_authz.scope_count(a) + jhub_authz.scope_count(b)",
    "difference is of a": "((a - b) | a) = a",
    "difference is empty where covered": "(jhub_authz.scope_count(a - b) = 0) = (b @> a)",
    "difference and the other side": "((a - b) | b) @> a",
    "overlap is a meet": "(a && b) = (jhub_authz.scope_count(a & b) > 0)",
    "covering is transitive": "NOT (a @> b AND b @> c) OR a @> c",
    "reduced is equal in meaning": "jhub_authz.reduce(a) @> a AND a @> jhub_authz.reduce(a) AND (jhub_authz.reduce(a) | a) = a",
    "reduced twice": "jhub_authz.reduce(jhub_authz.reduce(a)) = jhub_authz.reduce(a)",
    "a total order": "(a < b)::int + (a = b)::int + (a > b)::int = 1 AND (a <= b) = (a < b OR a = b) AND (a >= b) = (a > b OR a = b) AND (a <> b) = (NOT a = b)",
    "the order is transitive": "NOT (a <= b AND b <= c) OR a <= c",
    "order as compared": "sign(jhub_authz.scopeset_cmp(a, b)) = -sign(jhub_authz.scopeset_cmp(b, a)) AND (jhub_authz.scopeset_cmp(a, b) = 0) = (a = b)",
    "equal sets have equal hashes": "jhub_authz.scopeset_hash(a) = jhub_authz.scopeset_hash(a::text::jhub_authz.scopeset) AND jhub_authz.scopeset_hash_extended(a, 7) = jhub_authz.scopeset_hash_extended(a::text::jhub_authz.scopeset, 7)",
    "exploded and aggregated": "(SELECT coalesce(jhub_authz.scopeset_agg(e.scope), '[]') FROM jhub_authz.scope_explode(a) e) = a",
    "exploded parts": "NOT EXISTS (SELECT FROM jhub_authz.scope_explode(a) e WHERE e.scope <> e.base || coalesce('!' || e.filter_kind, '') || coalesce('=' || e.filter_value, ''))",
    "exploded count": "(SELECT count(*) FROM jhub_authz.scope_explode(a) e) = jhub_authz.scope_count(a)",
    "aggregate union": "(SELECT jhub_authz.scopeset_agg(x) FROM (VALUES (a), (b), (c)) v (x)) = (a | b | c)",
    "aggregate meet": "(SELECT jhub_authz.scopeset_intersect_agg(x) FROM (VALUES (a), (b)) v (x)) = (a & b)",
    "group-aware covers is wider": "NOT (a @> b) OR jhub_authz.covers(a, b)",
    "group-aware meet is below both": "jhub_authz.covers(a, jhub_authz.intersect_scopes(a, b)) AND jhub_authz.covers(b, jhub_authz.intersect_scopes(a, b))",
    "group-aware meet is wider": "jhub_authz.covers(jhub_authz.intersect_scopes(a, b), a & b)",
    "group-aware meet commutes": "jhub_authz.intersect_scopes(a, b) = jhub_authz.intersect_scopes(b, a)",
    "some access is some scope": "NOT EXISTS (SELECT FROM jhub_authz.scope_explode(a) e WHERE (e.filter_kind IS NULL OR e.filter_value IS NOT NULL) AND NOT jhub_authz.has_any_scope(a, e.base))",
    "what is held is held": "NOT EXISTS (SELECT FROM jhub_authz.scope_explode(a) e WHERE (e.filter_kind IS NULL OR e.filter_value IS NOT NULL) AND NOT jhub_authz.has_scope(a, e.scope))",
    "has_scope is covers of one": "NOT EXISTS (SELECT FROM jhub_authz.scope_explode(b) e WHERE (e.filter_kind IS NULL OR e.filter_value IS NOT NULL) AND jhub_authz.has_scope(a, e.scope) <> jhub_authz.covers(a, jhub_authz.scopeset_of(e.scope)))",
    "has_scope any of": "jhub_authz.has_scope(a, (SELECT coalesce(array_agg(e.scope), '{}') FROM jhub_authz.scope_explode(b) e WHERE e.filter_kind IS NULL OR e.filter_value IS NOT NULL)) = EXISTS (SELECT FROM jhub_authz.scope_explode(b) e WHERE (e.filter_kind IS NULL OR e.filter_value IS NOT NULL) AND jhub_authz.has_scope(a, e.scope))",
    "the sort support agrees": "(SELECT array_agg(x ORDER BY x) FROM (VALUES (a), (b), (c)) v (x)) = (SELECT array_agg(x ORDER BY x) FROM (VALUES (c), (a), (b)) v (x))",
}
# what needs the sets to exist, or may fail for a good reason: once a row on its own
LONE_LAWS = {
    "expanded twice": "jhub_authz.expand(jhub_authz.expand(a)) = jhub_authz.expand(a)",
    # a filter by server drops what begins with read:user, as in the hub
    "expanded covers": "jhub_authz.expand(a) @> (SELECT coalesce(jhub_authz.scopeset_agg(e.scope), '[]') FROM jhub_authz.scope_explode(a) e WHERE e.base NOT IN ('self', 'inherit', 'all') AND NOT (e.filter_kind IS NOT DISTINCT FROM 'server' AND e.base LIKE 'read:user%%') AND (e.filter_kind IS NULL OR e.filter_value IS NOT NULL))",
    "the OAuth form and back": "CASE WHEN jhub_authz.oauth_scope(a) LIKE '[%%' THEN true ELSE jhub_authz.oauth_scope(a)::jhub_authz.scopeset = a END",
    "validate gives the argument": "jhub_authz.validate(a) = a",
}

class Fuzzer:
    def __init__(self, args):
        self.args = args
        self.rng = random.Random(args.seed)
        self.corpus = {}
        self.entries = []
        if os.path.exists(args.corpus):
            for line in open(args.corpus, encoding="utf-8"):
                e = json.loads(line)
                self.entries.append(e)
                self.corpus.setdefault(e["type"], []).append(e["value"])
        self.gen = Gen(self.rng, self.corpus)
        self.findings = {}
        self.counts = {}
        self.states = {}
        self.seen = set()
        self.known = {(e["type"], e["value"]) for e in self.entries}
        self.new = []
        self.inputs = 0
        self.dirty = 0
        self.connect()
        self.prepare()

    # -- connection

    def connect(self):
        self.conn = psycopg2.connect(application_name="fuzz_sql")
        self.conn.autocommit = False
        self.cur = self.conn.cursor()
        self.cur.execute("SET statement_timeout = '%ds'; SET client_min_messages = error" % TIMEOUT)
        # what is refused is not for the log, which would grow by gigabytes
        self.cur.execute("SET log_min_messages = fatal; SET log_min_error_statement = panic")
        self.cur.execute("SET search_path = jhub_authz, public")
        self.conn.commit()
        self.cur.execute("SELECT pg_backend_pid()")
        self.pid = self.cur.fetchone()[0]
        self.open()

    def open(self):
        self.conn.rollback()
        # what the api_* views show rests on an identity; without a hub there is none
        self.cur.execute("SAVEPOINT f")
        try:
            if self.rng.random() < 0.7:
                self.cur.execute("SELECT jhub_authz.act_as(md5('token' || %s))", [self.rng.choice([1, 4, 8])])
            self.cur.execute("SAVEPOINT f")
        except psycopg2.Error:
            self.cur.execute("ROLLBACK TO f")
        self.dirty = 0

    def prepare(self):
        self.conn.rollback()
        c = self.cur
        c.execute("SET LOCAL statement_timeout = 0")
        c.execute("SELECT jhub_authz.attach()")
        c.execute("SELECT jhub_authz.define_scopes(%s)", [DOCUMENTS[0]])
        c.execute("CREATE TABLE IF NOT EXISTS public.fuzz_wire (s jhub_authz.scopeset)")
        c.execute("SELECT 1 FROM pg_cast WHERE castsource = 'bytea'::regtype AND casttarget = 'jhub_authz.scopeset'::regtype")
        if not c.fetchall():
            # stored bytes as they are, which nobody but a superuser can have
            c.execute("CREATE CAST (bytea AS jhub_authz.scopeset) WITHOUT FUNCTION")
            c.execute("CREATE CAST (jhub_authz.scopeset AS bytea) WITHOUT FUNCTION")
        self.conn.commit()
        c.execute("SELECT hashed FROM public.api_tokens WHERE hashed IS NOT NULL")
        self.secrets = [h.rsplit(":", 1)[-1] for (h,) in c.fetchall()]
        c.execute("SELECT md5('token' || id) FROM public.api_tokens")
        self.corpus["clear"] = [t for (t,) in c.fetchall()]
        c.execute("""SELECT p.oid::regprocedure::text, p.proname, p.prokind, p.proretset,
                            ARRAY(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, i) ORDER BY i),
                            coalesce(p.proargnames[1:p.pronargs], '{}'), p.provariadic <> 0
                       FROM pg_proc p WHERE p.pronamespace = 'jhub_authz'::regnamespace
                        AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype) ORDER BY 1""")
        self.functions = []
        self.skipped = []
        for sig, name, kind, srf, types, names, variadic in c.fetchall():
            types = [{"scopeset": "jhub_authz.scopeset"}.get(t, t) for t in types]
            names = list(names) + [""] * (len(types) - len(names))
            if any(self.gen.sql(t, n)[0] is None for t, n in zip(types, names)):
                self.skipped.append(sig)
            else:
                self.functions.append((sig, name, kind, types, names, variadic))
        c.execute("""SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind = 'v' ORDER BY 1""")
        self.views = [v for (v,) in c.fetchall()]
        c.execute("""SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
                       JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'public' AND c.relname = ANY (%s) AND a.attname = ANY (%s) AND a.attnum > 0 ORDER BY 1, 2, 3""",
                  [["users", "groups", "services", "roles", "api_tokens", "oauth_clients", "shares", "share_codes", "spawners", "alembic_version"],
                   ["name", "scopes", "allowed_scopes", "note", "prefix", "client_id", "identifier", "version_num", "session_id"]])
        self.columns = c.fetchall()
        self.open()

    # -- findings

    def found(self, kind, detail):
        key = kind
        n = self.findings[key] = self.findings.get(key, 0) + 1
        if n <= 5:
            with open(os.path.join(self.args.out, "findings"), "a", encoding="utf-8", errors="backslashreplace") as f:
                f.write("== %s (input %d, seed %d)\n%s\n" % (kind, self.inputs, self.args.seed, detail[:20000]))
            print("FINDING %s: %s" % (kind, detail[:300].encode("ascii", "backslashreplace").decode()), flush=True)

    def crashed(self, sql, params, error):
        self.found("crash: " + self.skeleton(sql)[:80], "%s\n%r\n%s" % (sql, params, error))
        for _ in range(60):
            time.sleep(1)
            try:
                self.connect()
                return
            except psycopg2.OperationalError:
                pass
        raise SystemExit("the server does not come back")

    @staticmethod
    def skeleton(message):
        message = re.sub(r'(?s)".*"', '"..."', (message or "").split("\nLINE ")[0].split("\nDETAIL:")[0])
        return re.sub(r"[0-9]+", "N", message)[:160]

    def check_secrets(self, what, text):
        for s in self.secrets:
            if s and len(s) > 20 and s in text:
                self.found("a hash is shown: " + what, text)

    # -- one statement, rolled back

    def run(self, what, sql, params, remember=None, secret=None, fetch=True):
        """rows, or None after an error"""
        self.inputs += 1
        self.counts[what] = self.counts.get(what, 0) + 1
        if self.dirty > 300:
            self.open()
        self.dirty += 1
        rows, state, message = None, "ok", ""
        try:
            self.cur.execute(sql, params)
            if fetch and self.cur.description is not None:
                rows = self.cur.fetchall()
            else:
                rows = []
        except (psycopg2.OperationalError, psycopg2.InterfaceError) as e:
            if self.conn.closed:
                self.crashed(sql, params, e)
                return None
            state, message = e.pgcode or "?????", str(e)
        except psycopg2.Error as e:
            if self.conn.closed:
                self.crashed(sql, params, e)
                return None
            state, message = e.pgcode or "?????", str(e)
        except (ValueError, UnicodeError):
            state = "client"        # a NUL or a lone surrogate is not sent at all
        self.states[state] = self.states.get(state, 0) + 1
        self.message = message
        if state == "57014":
            rows = self.slow(what, sql, params, fetch)
        elif state[:2] == "XX" or state == "?????":
            self.found("internal error in %s: %s" % (what, self.skeleton(message)[:100]), "%s\n%r\n%s" % (sql, params, message))
        if message:
            self.check_secrets(what, message)
            if secret and len(secret) >= 16 and secret in message:
                self.found("a token is shown: " + what, message)
        elif rows:
            self.check_secrets(what, repr(rows[:200]))
        if remember is not None and state not in ("client", "57014"):
            key = (what, state, self.skeleton(message)[:90])
            if key not in self.seen:
                self.seen.add(key)
                self.remember(remember)
        try:
            self.cur.execute("ROLLBACK TO f")
        except psycopg2.Error as e:
            if self.conn.closed:
                self.crashed(sql, params, e)
            else:
                self.open()
        return rows

    def remember(self, entries):
        for typ, value in entries:
            if isinstance(value, str) and 0 < len(value) <= 300:
                try:
                    value.encode("utf-8")
                except UnicodeError:
                    continue
                e = {"type": typ, "value": value}
                if (typ, value) not in self.known:
                    self.known.add((typ, value))
                    self.new.append(e)
                    self.corpus.setdefault(typ, []).append(value)

    def cpu(self):
        """seconds that the backend has worked: a busy machine makes no statement slow"""
        with open("/proc/%d/stat" % self.pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def slow(self, what, sql, params, fetch):
        """What it says if it has more time; None after an error."""
        self.cur.execute("ROLLBACK TO f")
        begin, worked = time.time(), self.cpu()
        try:
            self.cur.execute("SET LOCAL statement_timeout = '%ds'" % SECOND_CHANCE)
            self.cur.execute(sql, params)
            rows = self.cur.fetchall() if fetch and self.cur.description is not None else []
            self.counts["slow"] = self.counts.get("slow", 0) + 1
            print("slow, %d s: %s" % (time.time() - begin, sql[:200]), flush=True)
            return rows
        except psycopg2.Error as e:
            self.message = str(e)
            if e.pgcode != "57014":
                return None
            if self.cpu() - worked > TIMEOUT:
                self.found("does not end: " + what, "%s\n%.4000r" % (sql, params))
            self.open()
            raise Late from None

    # -- what is tried

    def function(self):
        sig, name, kind, types, names, variadic = self.rng.choice(self.functions)
        self.call(sig, name, kind, types, names, variadic)

    def call(self, sig, name, kind, types, names, variadic):
        parts, params, secret, keep = [], [], None, []
        for i, (t, n) in enumerate(zip(types, names)):
            s, p = self.gen.sql(t, n)
            if variadic and i == len(types) - 1:
                s = "VARIADIC " + s
            parts.append(s)
            params += p
            if n == "token" and p:
                secret = p[0]
            elif len(p) == 1 and t in ("text", "jhub_authz.scopeset", "jsonb"):
                keep.append(("scopeset" if t == "jhub_authz.scopeset" or n == "scopes" else
                             "document" if n == "document" or t == "jsonb" else "text", p[0]))
        args = ", ".join(parts)
        if kind == "a":
            sql = "SELECT jhub_authz.%s(x) FROM (VALUES (%s), (NULL), (%s)) v (x)" % (name, parts[0], parts[0])
            params = params * 2
        else:
            sql = "SELECT * FROM jhub_authz.%s(%s) LIMIT 500" % (name, args)
        if kind == "f" and self.rng.random() < 0.3:
            # and what is decided at commit
            sql = sql + "; SET CONSTRAINTS ALL IMMEDIATE"
            rows = self.run(sig, sql, params, keep, secret, fetch=False)
        else:
            rows = self.run(sig, sql, params, keep, secret)

    def texts(self, n):
        return [self.gen.scopeset() for _ in range(n)]

    def laws(self):
        """sets that are alike in part, so that the laws have something to say"""
        g = self.gen
        base = g.scopes()
        sets = []
        for _ in range(3):
            s = [x for x in base if g.chance(0.6)] + g.scopes(self.rng.choice([0, 1, 2]))
            if g.chance(0.3) and s:
                s.append(s[0].split("!")[0])
            if g.chance(0.3) and s:
                b = s[-1].split("!")[0]
                s += [b + "!user=alice", b + "!server=alice/", b + "!group=physics"]
            s = [x for x in s if Gen.is_scope(x)]
            if len(s) > 2000:
                s = s[:2000]
            sets.append(s)
        params = [json.dumps(s) for s in sets]
        names = list(LAWS)
        frm = " FROM (SELECT %s::jhub_authz.scopeset AS a, %s::jhub_authz.scopeset AS b, %s::jhub_authz.scopeset AS c) x"
        rows = self.run("laws", "SELECT a::text, " + ", ".join("(" + LAWS[n] + ")" for n in names) + frm, params)
        if rows is None:
            # each set is a good one: a law that cannot be asked is a finding too
            self.found("a law fails with an error", repr(params)[:4000])
            return
        want = json.dumps(sorted(set(sets[0])))
        if rows[0][0] != want:
            self.found("not what json.dumps gives", "%r\n%r" % (rows[0][0], want))
        for n, ok in zip(names, rows[0][1:]):
            if ok is False:
                self.found("law: " + n, repr(params))
        n = self.rng.choice(list(LONE_LAWS))
        rows = self.run("law " + n, "SELECT " + LONE_LAWS[n] + frm, params)
        if rows and rows[0][0] is False:
            self.found("law: " + n, repr(params))

    def forms(self):
        """one text, read in every way: all or none accept it, and agree"""
        s = self.gen.scopeset()
        try:
            scopes = json.loads(s)
            if not (isinstance(scopes, list) and all(isinstance(x, str) for x in scopes)):
                scopes = None
        except (ValueError, RecursionError):
            scopes = None
        ways = ["%s::jhub_authz.scopeset::text", "%s::text::jhub_authz.scopeset::text",
                "jhub_authz.scopeset_in(%s::cstring)::text", "%s::varchar::jhub_authz.scopeset::text"]
        got = [self.run("form", "SELECT " + w, [s], [("scopeset", s)]) for w in ways]
        if any(g != got[0] for g in got):
            self.found("forms of input disagree", "%r\n%r" % (s, got))
        if scopes is not None and s.lstrip(" \t\n\r\f\v")[:1] == "[" and "\\u0000" not in s:
            j = self.run("form jsonb", "SELECT %s::jsonb::jhub_authz.scopeset::text", [s])
            # jsonb takes the last of two; both take the same members
            if (j is None) != (got[0] is None) and not any("\u0000" in x or any(0xd800 <= ord(c) < 0xe000 for c in x) for x in scopes):
                self.found("text and jsonb disagree", "%r\n%r\n%r" % (s, got[0], j))
            elif j is not None and j != got[0]:
                self.found("text and jsonb differ", "%r\n%r\n%r" % (s, got[0], j))
            if got[0] and got[0][0][0] != json.dumps(sorted(set(scopes))):
                self.found("not what json.dumps gives", "%r\n%r" % (s, got[0]))

    def copy_in(self, wire):
        """bytes through recv, as COPY and a binary parameter bring them; the set's text or None"""
        self.inputs += 1
        self.counts["recv"] = self.counts.get("recv", 0) + 1
        self.dirty += 1
        worked = self.cpu()
        data = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) + struct.pack(">hi", 1, len(wire)) + wire + struct.pack(">h", -1)
        try:
            self.cur.copy_expert("COPY public.fuzz_wire FROM STDIN (FORMAT binary)", io.BytesIO(data))
            self.cur.execute("SELECT s::text, jhub_authz.scopeset_send(s), s = s::text::jhub_authz.scopeset, s @> s,"
                             " (s | '[]') = s, (s & s) @> s, jhub_authz.scope_count(s),"
                             " (SELECT count(*) FROM jhub_authz.scope_explode(s)) FROM public.fuzz_wire")
            row = self.cur.fetchone()
        except psycopg2.Error as e:
            if self.conn.closed:
                self.crashed("recv", wire.hex(), e)
                return None
            state = e.pgcode or "?????"
            self.states[state] = self.states.get(state, 0) + 1
            if state == "57014" and self.cpu() - worked < TIMEOUT / 2:
                self.open()
                raise Late from None
            if state[:2] == "XX" or state == "57014" or state == "?????":
                self.found("recv: " + self.skeleton(str(e))[:100], "%s\n%s" % (wire.hex(), e))
            key = ("recv", state, self.skeleton(str(e)))
            if key not in self.seen and len(wire) <= 150:
                self.seen.add(key)
                self.remember([("wire", wire.hex())])
            self.cur.execute("ROLLBACK TO f")
            return None
        self.cur.execute("ROLLBACK TO f")
        if not all(row[2:6]) or row[6] != row[7]:
            self.found("a set from recv is not sound", "%s\n%r" % (wire.hex(), row))
        return row

    def wire(self):
        g, r = self.gen, self.rng
        if g.chance(0.2) and self.corpus.get("wire"):
            b = bytes.fromhex(g.pick(self.corpus["wire"]))
        else:
            rows = self.run("send", "SELECT jhub_authz.scopeset_send(%s::jhub_authz.scopeset), %s::jhub_authz.scopeset::text",
                            [json.dumps(s := g.scopes(r.choice([0, 1, 2, 4, 9]))), json.dumps(s)])
            if not rows:
                return
            b = bytes(rows[0][0])
            back = self.copy_in(b)
            if back is None or back[0] != rows[0][1] or bytes(back[1]) != b:
                self.found("recv(send(x)) is not x", "%s\n%r" % (b.hex(), back))
        for _ in range(r.choice([1, 1, 2, 5])):
            op, i = r.randrange(7), r.randrange(len(b) + 1)
            if op == 0 and i < len(b):
                b = b[:i] + bytes([b[i] ^ (1 << r.randrange(8))]) + b[i + 1:]
            elif op == 1 and i < len(b):
                b = b[:i] + bytes([r.randrange(256)]) + b[i + 1:]
            elif op == 2:
                b = b[:i]
            elif op == 3:
                b = b[:i] + bytes(r.randrange(256) for _ in range(r.randint(1, 9))) + b[i:]
            elif op == 4 and len(b) >= 4:
                i = r.randrange(len(b) - 3)
                b = b[:i] + struct.pack(">i", r.choice([0, 1, -1, 2 ** 31 - 1, -2 ** 31, 65535, 65536, len(b)])) + b[i + 4:]
            elif op == 5:
                j = r.randrange(len(b) + 1)
                b = b[:i] + b[min(i, j):max(i, j)] + b[i:]
            elif op == 6:
                b = b + b
        self.copy_in(b)

    def stored(self):
        """a stored form of another version is refused, whatever reads it"""
        g, r = self.gen, self.rng
        rows = self.run("stored", "SELECT %s::jhub_authz.scopeset::bytea", [json.dumps(g.scopes(r.choice([0, 1, 3])))])
        if not rows:
            return
        b = bytearray(bytes(rows[0][0]))
        if not b:
            return
        version = b[0]
        while b[0] == version:
            b[0] = r.randrange(256)
        op = r.choice(["%s::text", "%s::text[]", "%s::jsonb", "jhub_authz.reduce(%s)::text", "jhub_authz.scope_count(%s)",
                       "jhub_authz.scopeset_send(%s)", "%s = '[]'", "%s @> '[]'", "'[\"a\"]' @> %s", "jhub_authz.scopeset_hash(%s)",
                       "%s | '[]'", "'[\"a\"]' & %s", "jhub_authz.expand(%s)::text", "jhub_authz.has_scope(%s, 'a')", "%s < '[]'"])
        self.run("stored version", "SELECT " + op % "(%s::bytea::jhub_authz.scopeset)", [psycopg2.Binary(bytes(b))])

    def hub_row(self):
        """odd data in the hub's own tables: written, decided, then read in every way"""
        g, r = self.gen, self.rng
        schema, table, column = r.choice(self.columns)
        if column in ("scopes", "allowed_scopes"):
            v = g.scopeset()
        elif column == "version_num":
            v = g.pick(["4621fec11365", "f460b0348206", "833da8570507", "651f5419b74d", "", "x"])
        else:
            v = g.mutate(g.pick(NAMES[:-1]))[:200]
        if g.chance(0.05):
            v = None
        sql = ["UPDATE %s.%s SET %s = %%s WHERE ctid = (SELECT ctid FROM %s.%s ORDER BY ctid OFFSET %d LIMIT 1)"
               % (schema, table, column, schema, table, r.randrange(16)), "SET CONSTRAINTS ALL IMMEDIATE"]
        mode = g.chance(0.5)
        params = [v]
        if mode:
            # what the hub stored while nobody looked: reading may never fail for it
            sql.insert(0, "SELECT jhub_authz.set_mode('off')")
        if self.run("hub row", "; ".join(sql), params, [("scopeset", v)] if column == "scopes" and v else None, fetch=False) is None:
            return
        if not mode:
            return
        self.dirty += 1
        try:
            self.cur.execute("; ".join(sql), params)
        except psycopg2.Error:
            self.cur.execute("ROLLBACK TO f")
            return
        reads = ["all_user_scopes()", "all_service_scopes()", "all_group_scopes()", "all_token_scopes()", "self_check()",
                 "visible_users('[\"list:users\", \"list:users!group=physics\"]')"] + self.views
        what = r.choice(reads)
        if self.run("reading " + what, "SELECT * FROM jhub_authz.%s" % what, []) is None:
            self.found("reading fails on the hub's data: " + what, "%s\n%r\n%s" % (sql, v, self.message))

    # -- memory

    def memory(self):
        self.open()
        self.cur.execute("""SELECT coalesce(sum(total_bytes) FILTER (WHERE name = 'TopMemoryContext'), 0),
                                   coalesce(sum(total_bytes) FILTER (WHERE name LIKE 'jhub_authz%%'), 0), sum(total_bytes)
                              FROM pg_backend_memory_contexts""")
        row = self.cur.fetchone()
        rss = 0
        try:
            for line in open("/proc/%d/status" % self.pid):
                if line.startswith("VmRSS"):
                    rss = int(line.split()[1]) * 1024
        except OSError:
            pass
        self.open()
        return [int(x) for x in row] + [rss]

    def attempt(self, action, *arguments):
        try:
            action(*arguments)
        except Late:
            self.counts["late"] = self.counts.get("late", 0) + 1

    def loop(self):
        actions = [(self.function, 45), (self.laws, 18), (self.forms, 14), (self.wire, 12), (self.stored, 2), (self.hub_row, 9)]
        acts = [a for a, _ in actions]
        weights = [w for _, w in actions]
        begin = time.time()
        samples = []
        pids = []
        # the corpus first: each input through what it is for
        for e in list(self.entries):
            if e["type"] == "wire":
                self.attempt(self.copy_in, bytes.fromhex(e["value"]))
            elif e["type"] == "scopeset":
                self.attempt(self.run, "form", "SELECT %s::jhub_authz.scopeset::text", [e["value"]])
        for f in self.functions * 3:
            self.attempt(self.call, *f)
        half = None
        next_sample = time.time()
        while time.time() - begin < self.args.seconds:
            self.attempt(self.rng.choices(acts, weights)[0])
            if time.time() >= next_sample:
                next_sample = time.time() + max(5, self.args.seconds / 60)
                m = self.memory()
                samples.append((self.inputs, self.pid, m))
                self.save()
        # flat: what is never given back, the least of the last third, is not above that of the middle third; a
        # sample may fall into a transaction that still holds what a decision about everybody took
        mine = [m for n, pid, m in samples if pid == self.pid]
        if len(mine) >= 9:
            k = len(mine) // 3
            for i, (label, slack) in enumerate([("TopMemoryContext", 256 * 1024), ("jhub_authz contexts", 1024 * 1024)]):
                middle, last = min(m[i] for m in mine[k:2 * k]), min(m[i] for m in mine[2 * k:])
                if last > middle + slack:
                    self.found("memory grows: " + label, repr(mine))
        self.samples = samples
        self.seconds = time.time() - begin

    def save(self):
        with open(os.path.join(self.args.out, "new.jsonl"), "w", encoding="utf-8") as f:
            for e in self.new:
                f.write(json.dumps(e) + "\n")

    def report(self):
        self.save()
        # one line at a time: it may be gigabytes
        with open(self.args.log, "rb") as log:
            for line in log:
                for word in (b"PANIC:", b"TRAP:", b"terminated by signal"):
                    if word in line[:200]:
                        self.found("the server's log: " + word.decode(), repr(line[:2000]))
        by_function = [self.counts.get(f[0], 0) for f in self.functions]
        print("%d inputs in %d s, %d functions (%d to %d calls each), %d laws"
              % (self.inputs, self.seconds, len(self.functions), min(by_function), max(by_function), len(LAWS) + len(LONE_LAWS)))
        print("not called: " + ", ".join(self.skipped))
        print("answers: " + ", ".join("%s %d" % kv for kv in sorted(self.states.items())))
        if self.samples:
            first, last = self.samples[min(2, len(self.samples) - 1)], self.samples[-1]
            print("memory after %d inputs: TopMemoryContext %d kB, ours %d kB, all %d kB, resident %d kB" % ((first[0],) + tuple(x // 1024 for x in first[2])))
            print("memory after %d inputs: TopMemoryContext %d kB, ours %d kB, all %d kB, resident %d kB" % ((last[0],) + tuple(x // 1024 for x in last[2])))
        for k, n in sorted(self.findings.items()):
            print("finding: %s (%d times)" % (k.encode("ascii", "backslashreplace").decode(), n))
        print("%d passed, %d failed" % (self.inputs, len(self.findings)))
        return 1 if self.findings else 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seconds", type=int, default=120)
    p.add_argument("--seed", type=int, required=True)
    p.add_argument("--corpus", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--log", required=True)
    args = p.parse_args()
    open(os.path.join(args.out, "findings"), "w").close()
    f = Fuzzer(args)
    f.loop()
    sys.exit(f.report())


if __name__ == "__main__":
    main()
