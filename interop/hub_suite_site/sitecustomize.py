"""Send every database of JupyterHub's own test suite to PostgreSQL.

The suite names SQLite in many places: a fixture, single tests, the default of
a temporary file, hubs that tests start as programs of their own.  This file is
put on PYTHONPATH, so that Python loads it in each of those processes before
anything else.  There it

* maps every SQLite URL to a PostgreSQL database of its own: the same file is
  the same database, `:memory:` is a new one each time;
* calls jhub_authz.attach() as soon as the hub has made its tables, if
  HUB_SUITE_ATTACH is 1;
* writes down every database made, every attach, and every SQLite file that the
  hub's own code opens in spite of all that (there must be none).

Environment: HUB_SUITE_STATE, a folder for the records; PGHOST, the socket's
folder; HUB_SUITE_ATTACH, 0 or 1.  Roles: the hub connects as `jupyterhub`, who
owns the databases and is no superuser; databases are made as `postgres`.
"""

import hashlib
import importlib.machinery
import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile

STATE = os.environ.get("HUB_SUITE_STATE")
ATTACH = os.environ.get("HUB_SUITE_ATTACH") == "1"
EMPTY = "hub_empty"  # made by the runner; holds the extension if attaching
READY = f"hub_ready_{os.getpid()}"  # with the hub's tables: :memory: is copied from it

_counter = itertools.count()
memory_databases = []  # of this process, dropped after each test


def record(kind, *words):
    with open(os.path.join(STATE, kind), "a") as log:
        log.write("\t".join(str(word).strip() for word in words) + "\n")


def psql(database, *commands):
    """Run SQL as the superuser; the hub's Python may lack a driver of its own."""
    args = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database]
    for command in commands:
        args += ["-c", command]
    return subprocess.run(args, capture_output=True, text=True)


def create_database(name, template):
    """Make it unless it is there: two processes may ask for the same file."""
    made = psql(
        "postgres", f'CREATE DATABASE "{name}" OWNER jupyterhub TEMPLATE {template}'
    )
    if made.returncode == 0:
        record("databases", name, template)
    elif "already exists" not in made.stderr:
        raise RuntimeError(made.stderr)


def attach(database):
    """What an administrator does right after the hub has made its tables."""
    if not ATTACH:
        return
    for _ in range(5):
        done = psql(
            database,
            "CREATE EXTENSION IF NOT EXISTS jhub_authz",
            "SELECT jhub_authz.attach()"
            " WHERE NOT EXISTS (SELECT FROM jhub_authz.status WHERE attached_at IS NOT NULL)"
            # the tables of 2.x, which test_db.py upgrades, are another matter
            " AND EXISTS (SELECT FROM information_schema.columns"
            "              WHERE (table_schema, table_name, column_name) = ('public', 'api_tokens', 'scopes'))",
        )
        # the hub goes on meanwhile: an administrator would try again, too
        if not any(why in done.stderr for why in ("deadlock detected", "lock timeout")):
            break
    failed = done.returncode != 0
    record("attach_failed" if failed else "attached", database, done.stdout, done.stderr)
    if failed:
        raise RuntimeError(done.stderr)


def postgres_url(url):
    """The PostgreSQL URL that stands for this SQLite URL."""
    path = url.partition(":///")[2]
    if not path or path.startswith(":memory:"):
        ensure_ready()
        name = f"memory_{os.getpid()}_{next(_counter)}"
        create_database(name, READY)
        memory_databases.append(name)
    else:
        name = "file_" + hashlib.md5(os.path.abspath(path).encode()).hexdigest()
        create_database(name, EMPTY)
    return f"postgresql+psycopg2://jupyterhub@/{name}"


_ready = []


def ensure_ready():
    """The template of :memory: databases, made by the hub's own code."""
    if _ready:
        return
    _ready.append(READY)
    from jupyterhub import orm

    create_database(READY, EMPTY)
    factory = orm.new_session_factory(f"postgresql+psycopg2://jupyterhub@/{READY}")
    factory.kw["bind"].dispose()


def patch_sqlalchemy(module):
    original = module.create_engine

    def create_engine(url, **kwargs):
        text = url if isinstance(url, str) else url.render_as_string(hide_password=False)
        if text.startswith("sqlite"):
            url = postgres_url(text)
            for key in ("poolclass", "connect_args"):
                kwargs.pop(key, None)
        record("engines", str(url))
        return original(url, **kwargs)

    module.create_engine = create_engine


def patch_orm(module):
    original = module.new_session_factory

    def new_session_factory(url="sqlite:///:memory:", *args, **kwargs):
        if url.startswith("sqlite"):  # the hub asks the URL for the kind, too
            url = postgres_url(url)
        factory = original(url, *args, **kwargs)
        engine = factory.kw["bind"]
        if engine.dialect.name == "postgresql":
            attach(engine.url.database)
        return factory

    module.new_session_factory = new_session_factory


def patch_spawner(module):
    """Homes of test users are made below /tmp: keep them in our own folder."""
    spawner = getattr(module, "SimpleLocalProcessSpawner", None)
    if spawner is not None:
        spawner.home_dir_template.default_value = os.path.join(
            tempfile.gettempdir(), "users", "{username}"
        )


class PatchAfterImport:
    """Finds some modules as always, and patches them once they are loaded."""

    patches = {
        "sqlalchemy.engine.create": patch_sqlalchemy,
        "jupyterhub.orm": patch_orm,
        "jupyterhub.spawner": patch_spawner,
    }

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        patch = cls.patches.get(name)
        if patch is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None:
            load = spec.loader.exec_module

            def exec_module(module):
                load(module)
                patch(module)

            spec.loader.exec_module = exec_module
        return spec


def note_sqlite(event, args):
    """Anything may use SQLite but the hub: that is seen from the caller."""
    if event != "sqlite3.connect":
        return
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(("jupyterhub", "sqlalchemy")):
            record("sqlite", os.getpid(), args[0])
            return
        frame = frame.f_back


if STATE:
    os.environ.setdefault("PGUSER", "jupyterhub")
    sys.meta_path.insert(0, PatchAfterImport)
    sys.addaudithook(note_sqlite)
