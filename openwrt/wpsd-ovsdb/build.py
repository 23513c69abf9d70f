#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make what goes into the package wpsd-ovsdb besides the files as they are.

    python3 build.py WPSD.PY FOLDER     wpsd_ovsdb.py and conf.db in that folder
    python3 build.py WPSD.PY --names    what the short names in it stand for

wpsd_ovsdb.py is one file, for mpy-cross alone: before the program stands what it takes from wpsd.py, with all that
this needs. Importing wpsd itself on the router would cost 120 kB of memory, a copy here a second truth. What the
router has no use for goes: methods that nobody calls, what is there for CPython, sentences that nobody is told;
integers that never change stand where they are used, and names of our own become short. `--names` prints which is
which, to read a traceback with.

conf.db is an empty database with our schema: one record behind a line with its length and SHA-1 (ovsdb(5)), so that a
router needs no ovsdb-tool.
"""

import ast
import builtins
import collections
import hashlib
import itertools
import json
import keyword
import pathlib
import select
import socket
import string
import symtable
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE / "files" / "usr" / "lib" / "wpsd" / "wpsd_ovsdb.py"
SCHEMA = HERE / "wpsd-ovsdb.ovsschema"

KNOWN = {  # conditions, and what they are on the router
    "hasattr(time, 'ticks_ms')": True,
    "hasattr(gc, 'threshold')": True,
    "sys.implementation.name == 'micropython'": True,
    "__name__ == '__main__'": False,
    "request and request[2]": False,  # here every answer is wanted whole: nothing picks from one
    "self._reader and (not self._wants)": False,
    "self._reader": False,
    "isinstance(table, dict)": False,  # what it asks for goes out as pairs, of strings, bools and integers
    "isinstance(value, int)": True,
}
UNTOLD = ("WireError",)  # whatever it says, the connection ends
FOREIGN = set().union(*map(dir, (builtins, str, bytes, dict, list, set, int, OSError, socket.socket, select.poll())))

LOWER, UPPER = (
    [word for word in [*letters, *map("".join, itertools.product(letters, repeat=2))] if word not in keyword.kwlist]
    for letters in (string.ascii_lowercase, string.ascii_uppercase)
)


class OnTheRouter(ast.NodeTransformer):
    """Leaves out what is not reached there, and what nobody reads."""

    def visit_If(self, node):
        self.generic_visit(node)
        outcome = KNOWN.get(ast.unparse(node.test))
        return node if outcome is None else node.body if outcome else node.orelse

    def visit_IfExp(self, node):
        return node.orelse if KNOWN.get(ast.unparse(node.test)) is False else node

    def visit_BoolOp(self, node):
        if isinstance(node.op, ast.Or):
            node.values = [value for value in node.values if KNOWN.get(ast.unparse(value)) is not False]
        return node if len(node.values) > 1 else node.values[0]

    def visit_Raise(self, node):
        if isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) in UNTOLD:
            node.exc = node.exc.func
        return node


class Inlined(ast.NodeTransformer):
    """Puts values in place of names that have one for ever."""

    def __init__(self, values):
        self.values = values

    def visit_Name(self, node):
        return ast.Constant(self.values[node.id]) if node.id in self.values else node


def stored(node):
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def bound(node):
    """The names that a statement of a module makes."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name for alias in node.names}
    return set(stored(node))


def used(nodes):
    """The names of the module that these statements need, and every attribute as .NAME."""
    tables, names = [symtable.symtable("\n".join(map(ast.unparse, nodes)), "", "exec")], set()
    for table in tables:
        names.update(each.get_name() for each in table.get_symbols() if each.is_global() or table is tables[0])
        tables += table.get_children()
    each = [inner for node in nodes for inner in ast.walk(node)]
    return names | {"." + inner.attr for inner in each if isinstance(inner, ast.Attribute)}


def part(node, names):
    """A statement; of a class only those methods that somebody may call."""
    if isinstance(node, ast.ClassDef):
        there = {each: getattr(each, "name", "__") for each in node.body}
        body = [each for each in there if "." + there[each] in names or there[each][:2] == "__"]
        return ast.ClassDef(**{**vars(node), "body": body})
    return node


def joined(wpsd, program):
    """What the program takes from wpsd, with all that this needs, and the program: one list of statements."""
    own = [node for node in program if not isinstance(node, ast.ImportFrom)]
    mine = set().union(*map(bound, own))
    takes = {alias.name for node in program if isinstance(node, ast.ImportFrom) for alias in node.names}
    names, more = set(), used(own) - mine | takes
    while not more <= names:
        names |= more
        taken = [part(node, names) for node in wpsd if bound(node) & names]
        more = used(taken)
    made = set().union(*map(bound, taken))
    imports = set().union(*[bound(node) for node in own if isinstance(node, ast.Import)])
    if takes - made or made & mine - imports:
        sys.exit(f"build.py: wpsd.py lacks {sorted(takes - made)}; both have {sorted(made & mine - imports)}")
    return taken + own


def inlined(nodes):
    """With the integers in place of their names, which then need not be looked up."""
    values, rest = {}, []
    everything = [name for node in nodes for name in stored(node)]
    for node in nodes:
        if isinstance(node, ast.Assign):
            try:
                value = eval(ast.unparse(Inlined(values).visit(node.value)), {"range": range})  # our own source
            except NameError:
                value = None
            found = dict(zip(stored(node), [value] if isinstance(node.targets[0], ast.Name) else value or ()))
            if found and all(type(found[name]) is int and everything.count(name) == 1 for name in found):
                values.update(found)
                continue
        rest.append(node)
    return [Inlined(values).visit(node) for node in rest]


def by_use(names, words):
    """{name: word}: what is used most has the shortest."""
    return dict(zip([name for name, _ in collections.Counter(names).most_common()], words))


def with_short_locals(function, kept):
    """In each function they begin anew: the names of arguments stand in the bytecode, and need not be many."""
    inside = [node for node in ast.walk(function) if node is not function]
    names = [node.arg for node in inside if isinstance(node, ast.arg)] + stored(function)
    names += [node.name for node in inside if isinstance(node, (ast.FunctionDef, ast.ExceptHandler)) and node.name]
    short = by_use([name for name in names if name not in kept], [word for word in LOWER if word not in kept])
    for node in inside:
        for field in ("id", "arg", "name"):
            if hasattr(node, field) and not isinstance(node, ast.keyword):
                setattr(node, field, short.get(getattr(node, field), getattr(node, field)))
        if isinstance(node, ast.Nonlocal):
            node.names = [short.get(name, name) for name in node.names]
    return set(names)


def shortened(nodes):
    """With short names for what is ours, and those of the functions as {name: short name}. What the interpreter has
    keeps its name, so does what is also a word in a string, and an argument that a call names."""
    each = [inner for node in nodes for inner in ast.walk(node)]
    modules = set().union(*[bound(node) for node in nodes if isinstance(node, ast.Import)])
    words = {node.value for node in each if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    kept = {node.arg for node in each if isinstance(node, ast.keyword)}
    methods = [inner for node in nodes if isinstance(node, ast.ClassDef) for inner in node.body
               if isinstance(inner, ast.FunctionDef)]  # fmt: skip
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    ours = set().union(*map(bound, nodes)) - modules - {"main"}
    for function in functions + methods:
        both = with_short_locals(function, kept) & ours
        if both:
            sys.exit(f"build.py: {function.name} has names of its own that the module has: {both}")
    attributes = [node for node in each if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in modules]
    made = {node.attr for node in attributes if isinstance(node.ctx, ast.Store)} | {node.name for node in methods}
    made = {name for name in made - FOREIGN - words if name[:2] != "__"}
    attribute = by_use([node.attr for node in attributes if node.attr in made], LOWER[:26] + UPPER)
    name = by_use([node.id for node in each if isinstance(node, ast.Name) and node.id in ours], UPPER)
    told = {}
    for node in each:
        if isinstance(node, ast.Attribute) and node in attributes:
            node.attr = attribute.get(node.attr, node.attr)
        elif isinstance(node, ast.Name):
            node.id = name.get(node.id, node.id)
    for node in methods + [node for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))]:
        short = (attribute if node in methods else name).get(node.name, node.name)
        told[node.name], node.name = short, short
    return nodes, told


def one_file(wpsd, program):
    wpsd, program = (OnTheRouter().visit(ast.parse(source)).body for source in (wpsd, program))
    nodes, short = shortened(inlined(joined(wpsd, program)))
    return "\n".join(map(ast.unparse, nodes)) + "\n", short


def database(schema):
    record = json.dumps(json.loads(schema), separators=(",", ":")).encode() + b"\n"
    return b"OVSDB JSON %d %s\n" % (len(record), hashlib.sha1(record).hexdigest().encode()) + record


def main(wpsd, folder):
    text, short = one_file(pathlib.Path(wpsd).read_text(encoding="utf-8"), PROGRAM.read_text(encoding="utf-8"))
    if folder == "--names":
        print("\n".join(f"{short[name]:<3} {name}" for name in sorted(short, key=short.get)))
        return
    (pathlib.Path(folder) / "wpsd_ovsdb.py").write_text(text, encoding="utf-8")
    (pathlib.Path(folder) / "conf.db").write_bytes(database(SCHEMA.read_bytes()))


if __name__ == "__main__":
    main(*sys.argv[1:])
