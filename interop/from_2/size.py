#!/usr/bin/python3
"""Many tokens: upgrade_token_roles() beside the hub's own migration.

    size.py --pg DIR --old PYTHON --via PYTHON [--tokens N]

A database of JupyterHub 2.3.1 (--old) with N tokens of three roles each is
upgraded twice, by us and by the hub's own upgrade-db (--via, 4.1.6), one after
the other; both must leave the same scopes.  Last line: N passed, N failed.
"""
import argparse
import sys
import time

import run
from run import Server, result

FILL = """
INSERT INTO users (name, admin, created, cookie_id) SELECT 'user' || n, false, now(), 'c' || n FROM generate_series(1, {users}) n;
INSERT INTO roles (name, description, scopes)
    SELECT 'role' || n, 'x', format('["read:users!user=user%s", "servers!group=g%s", "list:users"]', n, n % 7)
      FROM generate_series(1, 50) n;
INSERT INTO api_tokens (user_id, hashed, prefix, client_id, created, note)
    SELECT (SELECT min(id) FROM users) + n % {users}, 'sha512:1:x:' || n, 'x', 'jupyterhub', now(), ''
      FROM generate_series(1, {tokens}) n;
INSERT INTO api_token_role_map SELECT t.id, r.id FROM api_tokens t
    JOIN generate_series(0, 2) k ON true
    JOIN roles r ON r.name = 'role' || ((t.id * 7 + k * (1 + t.id % 16)) % 50 + 1);
ANALYZE;
"""

MAKE = """
import sys
from jupyterhub import orm
db = orm.new_session_factory(sys.argv[1])()
db.add(orm.OAuthClient(identifier='jupyterhub'))
db.commit()
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pg", required=True)
    parser.add_argument("--old", required=True)
    parser.add_argument("--via", required=True)
    parser.add_argument("--tokens", type=int, default=100000)
    args = parser.parse_args()
    server = Server(args.pg)
    server.make("from_2_size")
    run.subprocess.run([args.old, "-W", "ignore", "-c", MAKE, server.url("from_2_size")], env=server.env, check=True)
    server.psql(FILL.format(tokens=args.tokens, users=max(args.tokens // 10, 1)), "from_2_size")

    server.make("from_2_size_own", "from_2_size")
    server.psql("CREATE EXTENSION jhub_authz", "from_2_size")
    begin = time.monotonic()
    server.psql("BEGIN; SELECT count(*) FROM jhub_authz.upgrade_token_roles(); COMMIT;", "from_2_size")
    ours = time.monotonic() - begin
    begin = time.monotonic()
    done = server.upgrade_db(args.via, "from_2_size_own")
    theirs = time.monotonic() - begin
    result(done.returncode == 0, "the hub's own migration goes through", done.stderr[-2000:])

    digest = ("SELECT count(*), md5(string_agg(s, ',' ORDER BY id)) FROM (SELECT id, (SELECT string_agg(e, ' ' ORDER BY e)"
              " FROM json_array_elements_text(scopes::json) e) AS s FROM api_tokens) t")
    a, b = server.psql(digest, "from_2_size"), server.psql(digest, "from_2_size_own")
    result(a == b and a.startswith(f"{args.tokens}|"), f"both leave the same scopes on {args.tokens} tokens", (a, b))
    print(f"{args.tokens} tokens of three roles: upgrade_token_roles() {ours:.1f} s,"
          f" the hub's own migration {theirs:.1f} s, {theirs / ours:.0f} times as long")
    print(f"{run.passed} passed, {run.failed} failed")
    return run.failed > 0


if __name__ == "__main__":
    sys.exit(main())
