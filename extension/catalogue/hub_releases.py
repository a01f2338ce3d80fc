#!/usr/bin/env python3
"""The scopes of JupyterHub's releases, as data and as C.

    hub_releases.py                     write the C files from hub_releases.jsonl
    hub_releases.py --check             do they say what hub_releases.jsonl says?
    hub_releases.py --add VERSION       take up a release from PyPI, then write
    hub_releases.py --add VERSION --from DIR    the same from an unpacked source

hub_releases.jsonl holds one line for each minor release: what its newest patch
release that we know says.  A release's code is not installed and not imported:
a few of its functions are cut out of its source and asked, so that an old
release needs no old Python and none of its dependencies.

Written are hub_releases.h and hub_releases.c beside this file, and
../algebra/scope_dictionary.h.  The dictionary decides which bit of a stored
scopeset stands for which scope, and values of every version of it are out
there.  So if a release brings a new name, that makes the next version: a line
more in scope_dictionary.jsonl, which holds the names that each version added.
Names are never taken out and lines never changed; the generated header says
how to read a value of each version.
"""

import argparse
import ast
import functools
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import zipfile

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "hub_releases.jsonl"
VERSIONS = HERE / "scope_dictionary.jsonl"
DICTIONARY = HERE.parent / "algebra" / "scope_dictionary.h"
MAX_DICTIONARY = 64

# What a filter by server does to subscopes; the C names are in catalogue.h
SERVER_RULES = ("names_owner", "read_names_owner", "no_users")


# ---------------------------------------------------------------------------
# Reading a release
# ---------------------------------------------------------------------------

class ReleaseSource:
    """A release's scopes.py and roles.py, of which parts can be asked."""

    WANTED = ("scope_definitions", "get_default_roles", "expand_self_scope",
              "_expand_self_scope", "horizontal_filter", "_expand_scope")

    def __init__(self, package):
        self.package = package
        self.names = {"lru_cache": functools.lru_cache}
        self.defined = set()
        for part in ("scopes.py", "roles.py"):
            self.take(package / part)
        # 2.x keeps _expand_scope in roles.py, where it says scopes.scope_definitions
        self.names["scopes"] = types.SimpleNamespace(
            scope_definitions=self.names["scope_definitions"])

    def take(self, path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        body = []
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                self.defined.add(node.name)
                wanted = node.name in self.WANTED
            else:
                wanted = (isinstance(node, ast.Assign)
                          and isinstance(node.targets[0], ast.Name)
                          and node.targets[0].id in self.WANTED)
            if wanted:
                body.append(node)
        exec(compile(ast.Module(body, []), str(path), "exec"), self.names)

    def expand(self, scope):
        return set(self.names["_expand_scope"](scope))

    def self_user(self):
        expand = (self.names.get("_expand_self_scope")
                  or self.names["expand_self_scope"])
        result = set()
        for scope in expand("NAME"):
            base, _, filter_ = scope.partition("!")
            if filter_ != "user=NAME":
                sys.exit(f"self of a user holds {scope}: what is that?")
            result.add(base)
        return sorted(result)

    def server_rule(self):
        """Ask what a filter by server does, by three scopes that tell."""
        owner = "read:users:name!user=o"
        read = self.expand("read:servers!server=o/n")
        write = self.expand("delete:servers!server=o/n")
        users = self.expand("read:users!server=o/n")
        if owner in read and owner in write:
            rule, expected = "names_owner", ({"read:servers", "read:users:name"}, True)
        elif owner in read:
            rule, expected = "read_names_owner", ({"read:servers", "read:users:name"}, False)
        else:
            rule, expected = "no_users", ({"read:servers"}, False)
        names = {scope.partition("!")[0] for scope in read}
        if names != expected[0] or (owner in write) != expected[1] \
                or bool(users) != (rule != "no_users"):
            sys.exit("this release treats filters by server in a new way: teach"
                     " it to expand.c and to this program first")
        return rule

    def revision(self):
        """The head of alembic's revisions: the one that no other builds on."""
        revisions, below = set(), set()
        for path in (self.package / "alembic" / "versions").glob("*.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    if node.targets[0].id == "revision":
                        revisions.add(ast.literal_eval(node.value))
                    elif node.targets[0].id == "down_revision":
                        below.add(ast.literal_eval(node.value))
        heads = revisions - below
        if len(heads) != 1:
            sys.exit(f"alembic has not one head but {sorted(heads)}")
        return heads.pop()


def read_release(version, package):
    source = ReleaseSource(package)
    definitions = source.names["scope_definitions"]
    scopes = {}
    for name in sorted(definitions):
        scopes[name] = {"description": definitions[name]["description"],
                        "subscopes": list(definitions[name].get("subscopes") or [])}
    release = {
        "version": version,
        "revision": source.revision(),
        "server_rule": source.server_rule(),
        # before 3.0 there was no expand_scopes, and !user meant any owner's name
        "self_filters": (["server", "service", "user"]
                         if "expand_scopes" in source.defined else ["user"]),
        "self_user": source.self_user(),
        "roles": {role["name"]: role["scopes"]
                  for role in source.names["get_default_roles"]()},
        "scopes": scopes,
    }
    for name in scopes:
        if source.expand(name) != closure(release, name):
            sys.exit(f"{version} expands {name} in a way that we do not know")
    return release


def download(version, folder):
    """The release's wheel from PyPI, without what it depends on; unpacked."""
    python = sys.executable
    if importlib.util.find_spec("pip") is None:
        # Debian's python3 has no pip, but python3-venv brings one
        subprocess.run([python, "-m", "venv", f"{folder}/venv"], check=True)
        python = f"{folder}/venv/bin/python"
    subprocess.run([python, "-m", "pip", "download", "--quiet", "--no-deps",
                    "--only-binary", ":all:", "--ignore-requires-python",
                    "--dest", str(folder), f"jupyterhub=={version}"], check=True)
    wheel, = pathlib.Path(folder).glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return pathlib.Path(folder) / "jupyterhub"


# ---------------------------------------------------------------------------
# The data
# ---------------------------------------------------------------------------

def release_name(version):
    return re.match(r"\d+\.\d+", version).group()


def release_order(release):
    return tuple(map(int, release_name(release["version"]).split(".")))


def load_lines(path):
    if not path.exists():
        return []
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def save_lines(path, records):
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(HERE.parent)}")


def load():
    return sorted(load_lines(DATA), key=release_order)


def load_versions():
    """The names that each version of the dictionary added, from version 1."""
    records = load_lines(VERSIONS)
    for i, record in enumerate(records):
        if record["version"] != i + 1:
            sys.exit(f"{VERSIONS.name}: version {record['version']} in line {i + 1}")
    added = [record["added"] for record in records]
    names = sum(added, [])
    if len(set(names)) != len(names):
        sys.exit(f"{VERSIONS.name}: a name stands in it twice")
    return added


def save_versions(added):
    save_lines(VERSIONS, [{"version": i + 1, "added": names}
                          for i, names in enumerate(added)])


def closure(release, name):
    """A scope and all its subscopes."""
    found, todo = set(), [name]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += release["scopes"][name]["subscopes"]
    return found


def dictionary_of(added):
    """The names of a dictionary, in the order of its bits."""
    return sorted(sum(added, []))


def with_new_names(added, releases):
    """The versions, and one more if a release has names that none of them has."""
    names = {name for release in releases for name in release["scopes"]}
    new = sorted(names - set(dictionary_of(added)))
    if not new:
        return added
    count = len(dictionary_of(added)) + len(new)
    if count > MAX_DICTIONARY:
        sys.exit(f"""\
With {', '.join(new)} there would be {count} names in the dictionary of scopes.
A stored scopeset has {MAX_DICTIONARY} bits for them: it needs another layout first (algebra/scopeset.h).""")
    if added:
        print(f"version {len(added) + 1} of the dictionary adds: {', '.join(new)}")
    return added + [new]


# ---------------------------------------------------------------------------
# The dictionary
# ---------------------------------------------------------------------------

def dictionary_text(added):
    names = dictionary_of(added)
    versions = [mask_of(dictionary_of(added[:i + 1]), names) for i in range(len(added))]
    out = ["""\
/*-------------------------------------------------------------------------
 *
 * scope_dictionary.h
 *	  The base names that a stored scopeset keeps as one bit.
 *
 * Generated by extension/catalogue/hub_releases.py: do not edit.  In code point
 * order.  Another dictionary is another version of the stored form; names are
 * only added, and so each earlier one is a part of this.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_SCOPE_DICTIONARY_H
#define JHUB_AUTHZ_SCOPE_DICTIONARY_H
"""]
    out.append("/* The version that is written. */")
    out.append(f"#define SCOPESET_VERSION {len(added)}\n")
    out.append(f"#define SCOPE_DICTIONARY_SIZE {len(names)}\n")
    out.append("/* X(index, name, length of name) */")
    out.append("#define SCOPE_DICTIONARY(X) \\")
    out.append(" \\\n".join(f'\tX({i}, "{name}", {len(name)})'
                            for i, name in enumerate(names)))
    out.append("""
/*
 * Which of these names each version has, from 1.  The n-th name of a version,
 * which is bit n of the masks in its values, is the n-th bit that is set.
 */""")
    out.append("#define SCOPE_DICTIONARY_VERSIONS { \\")
    out.append(", \\\n".join("\t" + c_mask(mask) for mask in versions) + " \\\n}")
    out.append("\n#endif\t\t\t\t\t\t\t/* JHUB_AUTHZ_SCOPE_DICTIONARY_H */")
    return "\n".join(out) + "\n"


def written_dictionary():
    """What the header says: the version, the names, each version's mask."""
    text = DICTIONARY.read_text(encoding="utf-8")
    version = int(re.search(r"SCOPESET_VERSION (\d+)", text).group(1))
    names = re.findall(r'X\(\d+, "([^"]+)"', text)
    masks = re.search(r"SCOPE_DICTIONARY_VERSIONS \{(.*?)\}", text, re.S).group(1)
    return version, names, [int(mask, 16) for mask in re.findall(r"0x([0-9a-f]+)", masks)]


# ---------------------------------------------------------------------------
# The C tables
# ---------------------------------------------------------------------------

def c_string(text):
    """A C string literal, UTF-8 bytes beyond ASCII in octal."""
    out = []
    for byte in text.encode("utf-8"):
        char = chr(byte)
        if char in '"\\':
            out.append("\\" + char)
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def mask_of(names, dictionary):
    return sum(1 << dictionary.index(name) for name in set(names))


def c_mask(mask):
    return f"UINT64CONST(0x{mask:012x})"


class Tables:
    """Arrays by content: releases that say the same share one."""

    def __init__(self):
        self.names = {}
        self.text = []

    def add(self, kind, ctype, release, rows):
        rows = tuple(rows)
        key = (kind, rows)
        if key not in self.names:
            name = f"{kind}_{release.replace('.', '_')}"
            self.names[key] = name
            self.text.append(f"static const {ctype}{name}[SCOPE_DICTIONARY_SIZE] = {{\n"
                             + ",\n".join("\t" + row for row in rows) + "\n};\n")
        return self.names[key]


def tables_text(releases, dictionary):
    tables = Tables()
    entries = []
    for release in releases:
        name = release_name(release["version"])
        scopes = release["scopes"]
        # a scope that the release does not define stands for itself only
        closures = [mask_of(closure(release, base), dictionary) if base in scopes
                    else 1 << i for i, base in enumerate(dictionary)]
        direct = [mask_of(scopes[base]["subscopes"], dictionary) if base in scopes
                  else 0 for base in dictionary]
        descriptions = [c_string(scopes[base]["description"]) if base in scopes
                        else "NULL" for base in dictionary]
        roles = {role: c_string(json.dumps(release["roles"][role]))
                 for role in ("user", "admin", "server", "token")}
        any_owner = "false" if "service" in release["self_filters"] else "true"
        entries.append("\n".join([
            "\t{",
            f'\t\t.name = "{name}",',
            f'\t\t.version = "{release["version"]}",',
            f'\t\t.revision = "{release["revision"]}",',
            f"\t\t.defined = {c_mask(mask_of(scopes, dictionary))},",
            f"\t\t.self_user = {c_mask(mask_of(release['self_user'], dictionary))},",
            f"\t\t.closure = {tables.add('closure', 'uint64 ', name, map(c_mask, closures))},",
            f"\t\t.subscopes = {tables.add('subscopes', 'uint64 ', name, map(c_mask, direct))},",
            "\t\t.description = "
            + tables.add("description", "char *const ", name, descriptions) + ",",
            f"\t\t.role_user = {roles['user']},",
            f"\t\t.role_admin = {roles['admin']},",
            f"\t\t.role_server = {roles['server']},",
            f"\t\t.role_token = {roles['token']},",
            f"\t\t.server_rule = CATALOGUE_SERVER_{release['server_rule'].upper()},",
            f"\t\t.user_is_any_owner = {any_owner}",
            "\t}"]))
    return ("""\
/*-------------------------------------------------------------------------
 *
 * hub_releases.c
 *	  What each release of JupyterHub says about scopes.
 *
 * Generated by hub_releases.py from hub_releases.jsonl: do not edit.  Arrays
 * are in the order of scope_dictionary.h; releases that agree share them.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_releases.h"

""" + "\n".join(tables.text)
        + "\nconst CatalogueRelease catalogue_releases[CATALOGUE_NRELEASES] = {\n"
        + ",\n".join(entries) + "\n};\n")


def header_text(releases, dictionary):
    def mask(prefix):
        return c_mask(mask_of([name for name in dictionary
                               if name.startswith(prefix)], dictionary))

    def bit(name):
        return c_mask(1 << dictionary.index(name))

    return f"""\
/*-------------------------------------------------------------------------
 *
 * hub_releases.h
 *	  The table of JupyterHub's releases.  Private to this room.
 *
 * Generated by hub_releases.py from hub_releases.jsonl: do not edit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_RELEASES_H
#define JHUB_AUTHZ_HUB_RELEASES_H

#include "catalogue.h"

#define CATALOGUE_NRELEASES {len(releases)}

/* Masks over the dictionary: names that begin with "read:" and "read:user" */
#define CATALOGUE_MASK_READ {mask('read:')}
#define CATALOGUE_MASK_READ_USER {mask('read:user')}
#define CATALOGUE_MASK_SELF {bit('self')}
#define CATALOGUE_MASK_READ_USERS_NAME {bit('read:users:name')}

/* In ascending order. */
extern const CatalogueRelease catalogue_releases[CATALOGUE_NRELEASES];

#endif							/* JHUB_AUTHZ_HUB_RELEASES_H */
"""


def generated(releases, added):
    dictionary = dictionary_of(added)
    return {DICTIONARY: dictionary_text(added),
            HERE / "hub_releases.h": header_text(releases, dictionary),
            HERE / "hub_releases.c": tables_text(releases, dictionary)}


# ---------------------------------------------------------------------------
# Checking what is written
# ---------------------------------------------------------------------------

def check_dictionary(added):
    """What the header says, without knowing how it was made."""
    version, names, masks = written_dictionary()
    problems = []
    if version != len(added) or len(masks) != len(added):
        problems.append("SCOPESET_VERSION")
    for i, mask in enumerate(masks):
        # bit n of an old mask is its n-th name, and must be that one here too
        here = [name for place, name in enumerate(names) if mask >> place & 1]
        if here != sorted(sum(added[:i + 1], [])):
            problems.append(f"names of version {i + 1}")
    return problems


def check(releases, added):
    """
    The files are what we would write, and read back they say what the data says.
    The last line counts what was looked at.
    """
    known = set(dictionary_of(added))
    failures = [f"{release['version']}: has names that {VERSIONS.name} lacks"
                for release in releases if not known.issuperset(release["scopes"])]
    if not failures:
        failures = [f"{path.name}: not up to date, run {pathlib.Path(__file__).name}"
                    for path, text in generated(releases, added).items()
                    if not path.exists() or path.read_text(encoding="utf-8") != text]
    if not failures:
        failures = [f"{DICTIONARY.name}: {problem} differ" for problem in check_dictionary(added)]
        failures += check_tables(releases)
    for failure in failures:
        print(failure)
    print(f"{len(releases)} releases, {len(known)} scopes,"
          f" version {len(added)} of the dictionary")
    # three files, and what is read back
    print(f"{0 if failures else 3 + len(added) + len(releases)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


def check_tables(releases):
    """What is wrong with the C text, which is read without knowing how it was made."""
    failures = []
    dictionary = written_dictionary()[1]
    text = (HERE / "hub_releases.c").read_text(encoding="utf-8")
    arrays = {name: re.findall(r"0x([0-9a-f]+)", body) for name, body in
              re.findall(r"static const uint64 (\w+)\[.*?\] = \{(.*?)\};", text, re.S)}

    def bits(mask):
        return {name for i, name in enumerate(dictionary) if mask >> i & 1}

    entries = re.findall(r"\t\{\n(.*?)\n\t\}", text, re.S)
    if len(entries) != len(releases):
        return [f"{len(entries)} releases in C, {len(releases)} in the data"]
    for entry, release in zip(entries, releases):
        field = dict(re.findall(r"\.(\w+) = (.*?),?$", entry, re.M))

        def number(name):
            return int(re.search(r"0x([0-9a-f]+)", field[name]).group(1), 16)

        expected = release["scopes"]
        problems = []
        if bits(number("defined")) != set(expected):
            problems.append("defined")
        if bits(number("self_user")) != set(release["self_user"]):
            problems.append("self_user")
        for i, name in enumerate(dictionary):
            below = bits(int(arrays[field["closure"]][i], 16))
            direct = bits(int(arrays[field["subscopes"]][i], 16))
            if below != (closure(release, name) if name in expected else {name}):
                problems.append(f"closure of {name}")
            if direct != set(expected[name]["subscopes"] if name in expected else ()):
                problems.append(f"subscopes of {name}")
        for role, scopes in release["roles"].items():
            if json.loads(ast.literal_eval(field[f"role_{role}"])) != scopes:
                problems.append(f"role {role}")
        if problems:
            failures.append(f"{release['version']}: {', '.join(problems)} differ")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--add", metavar="VERSION", action="append", default=[])
    parser.add_argument("--from", metavar="DIR", dest="source", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()

    releases = load()
    added = load_versions()
    if arguments.check:
        return check(releases, added)
    for version in arguments.add:
        with tempfile.TemporaryDirectory() as folder:
            if arguments.source:
                package = arguments.source / "jupyterhub"
            else:
                package = download(version, folder)
            new = read_release(version, package)
        releases = [old for old in releases
                    if release_name(old["version"]) != release_name(version)]
        releases = sorted(releases + [new], key=release_order)
    added = with_new_names(added, releases)
    save_lines(DATA, releases)
    save_versions(added)
    for path, text in generated(releases, added).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
