"""Databases to look at: a hub with odd names, a big one, one without anything."""

import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))

# markup, quotes, directives, line breaks, other scripts, what turns direction
ODD = [
    '<script>document.title="owned"</script>',
    '"><img src=x onerror=document.title="owned">',
    "'); alert(1); ('",
    "</td></table></body>",
    "&lt;b&gt; &amp; &#60;",
    "]]>-->",
    "back\\slash\\n",
    "end",
    "%%{init: {'theme': 'dark'}}%%",
    'click n1 "javascript:alert(1)"',
    "`code` **bold** _it_",
    "1. list - item",
    "style n1 fill:#f00;",
    "naïve Zoë 学生 العربية 🚀",
    "\ufb02\u00b0\u00b034\u00b6\u00df",
]
# these are shown otherwise than they are
CONTROL = ["line\nbreak", "turn\u202ed", "zero\u200bwidth"]
LONG = "x" * 120 + " " + "long name " * 13


def psql(database, *commands, variables=(), files=()):
    arguments = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", database]
    for name, value in variables:
        arguments += ["-v", f"{name}={value}"]
    for command in commands:
        arguments += ["-c", command]
    for file in files:
        arguments += ["-f", os.path.join(HERE, file)]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{done.stderr.decode()}\n0 passed, 1 failed")
    return done.stdout


def literal(text):
    return "'" + text.replace("'", "''") + "'"


def make(name):
    psql("postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    psql(name, "CREATE EXTENSION jhub_authz", files=["../hub_schema.sql"])


def odd(name):
    make(name)
    rows = list(enumerate(ODD + CONTROL + [LONG], 100))
    for table, columns in (("users", "admin, cookie_id"), ("groups", "properties"), ("roles", "scopes, managed_by_auth")):
        values = {"users": "false, 'look{n}'", "groups": "NULL",
                  "roles": "'[\"access:servers!group=physics\", \"groups!group=physics\"]', false"}[table]
        for n, text in rows:
            psql(name, f"INSERT INTO {table} (id, name, {columns}) VALUES ({n}, {literal(text)}, {values.format(n=n)})")
    psql(name,
         "INSERT INTO user_role_map SELECT id, 1, false FROM users WHERE id >= 100",
         "INSERT INTO user_role_map SELECT id, id, false FROM users WHERE id >= 100",
         "INSERT INTO group_role_map SELECT id, id, false FROM groups WHERE id >= 100",
         "INSERT INTO user_group_map SELECT id, id FROM users WHERE id >= 100",
         "SELECT jhub_authz.attach()",
         "SELECT jhub_authz.acknowledge('leaver', 'user', 'bob', NULL, " + literal(ODD[0]) + ")")


def big(name, groups=2000):
    make(name)
    psql(name, "SELECT jhub_authz.attach()")
    psql(name, variables=[("groups", groups)], files=["big_hub.sql"])


def empty(name):
    make(name)
    psql(name, "TRUNCATE users, groups, services, roles, oauth_clients, servers CASCADE",
         "SELECT jhub_authz.attach()")
