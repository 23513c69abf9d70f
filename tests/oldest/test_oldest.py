# SPDX-License-Identifier: BSD-3-Clause
"""MicroPython 1.23.0, the oldest that counts: --check runs on it, and wpsd.py uses nothing that came later.

The unit tests run on it as on the others (tests/conftest.py). What they don't reach is looked for in the source: a row
of LATER says what came later, with a piece of code that 1.23.0 stumbles over, so that the table is known to be true.
"""

import ast
import subprocess

import pytest
from rig.daemon import EVERYONE, WPSD, House
from rig.interpreters import INTERPRETERS, OLDEST, missing

needs_it = pytest.mark.skipif(bool(missing("1.23.0")), reason=missing("1.23.0"))


# -- --check


@needs_it
def test_check_says_on_it_what_it_says_on_cpython():
    with House(INTERPRETERS["CPython"]) as house:
        house.add("home-ap", warm=False, conf={"wps_state": 0}, psk="%s opensync22\n" % EVERYONE)
        house.add("guest-ap", ssid="Guest", key="guests-only", uci={"encryption": "none"})
        house.station("key2", "opensync22")
        house.station("key3", "not a \x07key", key_id="key-3")
        house.write_uci()
        house.write_conf()
        code, out = house.check()
        assert code == 1 and "would rewrite" in out and "opensync" not in out
        house.interpreter = ["node", str(OLDEST), "--with", str(house.folder)]
        assert house.check() == (code, out)


# -- a lint


def is_call(node, *names):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names


def is_function(node, name):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def imports(node, *names):
    found = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    found += [node.module] if isinstance(node, ast.ImportFrom) else []
    return any(name in names for name in found)


def tuples(tree):
    """The names that stand for a tuple somewhere."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple)]
    return {target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)}


def prefixes(node, names):
    if not is_call(node, "startswith", "endswith") or not node.args:
        return False
    return isinstance(node.args[0], ast.Tuple) or isinstance(node.args[0], ast.Name) and node.args[0].id in names


# what came later: the version that has it, how it is recognised, code that 1.23.0 refuses
LATER = {
    "startswith or endswith with a tuple": ("1.25", prefixes, 'b"ab".startswith((b"a", b"b"))'),
    "next with a default": ("1.25", lambda n, _: is_function(n, "next") and len(n.args) > 1, "next(iter([]), 1)"),
    "bytearray.extend with what is no bytes": (
        "1.26", lambda n, _: is_call(n, "extend") and n.args and isinstance(n.args[0], (ast.List, ast.GeneratorExp)),
        "bytearray().extend([1])",
    ),
    "to_bytes without both of its arguments, or signed": (
        "1.26", lambda n, _: is_call(n, "to_bytes") and (len(n.args) < 2 or n.keywords), "(5).to_bytes(2)",
    ),
    "from_bytes without both of its arguments, or signed": (
        "1.26", lambda n, _: is_call(n, "from_bytes") and (len(n.args) < 2 or n.keywords), 'int.from_bytes(b"a")',
    ),
    "MSG_PEEK": (
        "1.26", lambda n, _: isinstance(n, ast.Attribute) and n.attr == "MSG_PEEK", "import socket; socket.MSG_PEEK",
    ),
    "the number of a dict's keys, values or items": (
        "1.27", lambda n, _: is_function(n, "len") and n.args and is_call(n.args[0], "keys", "values", "items"),
        "len({}.keys())",
    ),
    "weakref": ("1.28", lambda n, _: imports(n, "weakref"), "import weakref"),
    "an f-string within an f-string": (
        "1.28", lambda n, _: isinstance(n, ast.FormattedValue) and any(
            isinstance(part, ast.JoinedStr) for part in ast.walk(n.value)),
        "f\"{f'{1}'}\"",
    ),
    "decode with a way to take errors": (
        "1.29", lambda n, _: is_call(n, "decode") and (len(n.args) > 1 or n.keywords),
        r'b"\xff".decode("utf-8", "replace")',
    ),
    "find or index of a number in bytes": (
        "1.29", lambda n, _: is_call(n, "find", "index", "rfind", "rindex") and n.args and isinstance(
            n.args[0], ast.Constant) and isinstance(n.args[0].value, int),
        'b"ab".find(97)',
    ),
    "sendall": ("1.29", lambda n, _: is_call(n, "sendall"), "import socket; socket.socket(1, 1).sendall(b'')"),
    # what no MicroPython has, or none without more packages: easily written by somebody who runs it on CPython
    "unpacking within a list or a dict": (
        "none", lambda n, _: isinstance(n, (ast.List, ast.Tuple)) and isinstance(n.ctx, ast.Load) and any(
            isinstance(each, ast.Starred) for each in n.elts) or isinstance(n, ast.Dict) and None in n.keys,
        "[*[1], 2]",
    ),
    "a module of CPython's": (
        "none", lambda n, _: imports(n, "enum", "dataclasses", "typing", "functools", "pathlib", "subprocess"),
        "import dataclasses",
    ),
    "a method of CPython's": (
        "none", lambda n, _: is_call(n, "ljust", "rjust", "zfill", "removeprefix", "removesuffix",
                                     "isascii", "isprintable", "isalnum", "casefold", "format_map", "translate"),
        '"5".zfill(3)',
    ),
    "a slice that is deleted": (
        "none", lambda n, _: isinstance(n, ast.Delete) and any(
            isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Slice) for target in n.targets),
        "a = bytearray(b'abc'); del a[:1]",
    ),
    "a parameter that is only positional": (
        "none", lambda n, _: isinstance(n, ast.arguments) and n.posonlyargs, "(lambda a, /: 1)(1)",
    ),
}  # fmt: skip


def found(source):
    """(line, what came later) of each."""
    tree = ast.parse(source)
    names = tuples(tree)
    nodes = [(node, getattr(node, "lineno", 0)) for node in ast.walk(tree)]
    return [(line, "%s (%s)" % (what, since)) for node, line in nodes
            for what, (since, is_it, _) in LATER.items() if is_it(node, names)]


def test_wpsd_uses_nothing_that_came_after_it():
    assert found(WPSD.read_text()) == []


@pytest.mark.parametrize("what", LATER)
def test_what_came_after_it_is_recognised(what):
    assert what in [each[1].rpartition(" (")[0] for each in found(LATER[what][2])]


def test_a_tuple_is_recognised_behind_its_name():
    assert found('CIPHERS = (b"CCMP", b"GCMP")\nb"CCMP-256".startswith(CIPHERS)')


@needs_it
def test_it_stumbles_over_all_that_came_after_it(tmp_path):
    for number, (what, (_, _, code)) in enumerate(LATER.items()):
        program = tmp_path / ("%d.py" % number)
        program.write_text(code)
        done = subprocess.run(["node", OLDEST, program], stdout=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "Error" in done.stdout, (what, done.stdout)
