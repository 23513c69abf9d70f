#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make what goes into the package wpsd-ovsdb besides the files as they are.

    python3 build.py WPSD.PY FOLDER     wpsd_ovsdb.py and conf.db in that folder

wpsd_ovsdb.py is one file: in place of its `from wpsd import ...` stands what that takes, cut out of wpsd.py with all
that it needs. Importing wpsd itself on the router would cost 120 kB of memory, a copy here a second truth.

conf.db is an empty database with our schema: one record behind a line with its length and SHA-1 (ovsdb(5)), so that a
router needs no ovsdb-tool.
"""

import ast
import hashlib
import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / "files" / "usr" / "lib" / "wpsd" / "wpsd_ovsdb.py"
SCHEMA = HERE / "wpsd-ovsdb.ovsschema"
MODULES = {"gc", "json", "select", "socket", "sys"}  # that both import


def bound(node):
    """The names that a statement of a module makes."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name for alias in node.names}
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return names | {each.name for each in ast.walk(node) if isinstance(each, ast.FunctionDef)}


def used(node):
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def one_file(wpsd, program):
    """The program's text with what it takes from wpsd.py in it."""
    own = ast.parse(program).body
    takes = [node for node in own if isinstance(node, ast.ImportFrom) and node.module == "wpsd"]
    wanted = {alias.name for take in takes for alias in take.names}
    statements = [node for node in ast.parse(wpsd).body if not isinstance(node, ast.Expr)]
    needed, found = [], wanted
    while True:
        more = [node for node in statements if node not in needed and bound(node) & found]
        if not more:
            break
        needed += more
        found = found.union(*map(used, more))
    names = set().union(*map(bound, needed))
    twice = names & set().union(*[bound(node) for node in own if node not in takes]) - MODULES
    if wanted - names or twice:
        sys.exit(f"build.py: wpsd.py lacks {sorted(wanted - names)}; both have {sorted(twice)}")
    lines, rows = wpsd.splitlines(), program.splitlines()
    everything = [each for node in needed + own for each in ast.walk(node)]
    called = {each.attr for each in everything if isinstance(each, ast.Attribute)}
    for kind in [node for node in needed if isinstance(node, ast.ClassDef)]:
        for method in kind.body:  # what nobody calls stays out
            if isinstance(method, ast.FunctionDef) and method.name not in called and method.name[:2] != "__":
                lines[method.lineno - 1 : method.end_lineno] = [""] * (method.end_lineno - method.lineno + 1)
    cut = []
    for node in sorted(needed, key=lambda node: node.lineno):
        cut += lines[node.lineno - 1 : node.end_lineno] + [""]
    return "\n".join(rows[: takes[0].lineno - 1] + cut + rows[takes[-1].end_lineno :]) + "\n"


def database(schema):
    record = json.dumps(json.loads(schema), separators=(",", ":")).encode() + b"\n"
    return b"OVSDB JSON %d %s\n" % (len(record), hashlib.sha1(record).hexdigest().encode()) + record


def main(wpsd, folder):
    text = one_file(pathlib.Path(wpsd).read_text(encoding="utf-8"), PROGRAM.read_text(encoding="utf-8"))
    (pathlib.Path(folder) / "wpsd_ovsdb.py").write_text(text, encoding="utf-8")
    (pathlib.Path(folder) / "conf.db").write_bytes(database(SCHEMA.read_bytes()))


if __name__ == "__main__":
    main(*sys.argv[1:])
