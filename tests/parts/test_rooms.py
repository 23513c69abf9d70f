# SPDX-License-Identifier: BSD-3-Clause
"""wpsd.py is read from the top: its rooms are the ones that its first lines list, and each stands on those above it.

By name, where a function or a class of one room takes something from the file itself. What is handed in is no name of
the file, and of what an object has this says nothing: tests/unit builds each room without those below it.
"""

import ast
import symtable
from itertools import groupby

import pytest
from conftest import ROOT

WPSD = (ROOT / "wpsd.py").read_text(encoding="utf-8")
RULE = "# " + "-" * 75


def sections(source):
    """[(line, title)] of the banners."""
    lines = source.split("\n")
    rules = [number for number, line in enumerate(lines) if line == RULE]
    assert len(rules) % 2 == 0
    return [(first, lines[first + 1][2:]) for first in rules[::2]]


def room_of(title):
    return title.partition(":")[0]


def listed(source):
    """The rooms that the docstring lists."""
    table = source.split("is handed in as a function:\n\n")[1].split("\n\n")[0]
    return [line[4:14].strip() for line in table.split("\n")]


def taken_from_below(source):
    """{(who, section, what, section)}: names that a function or a class uses of a section that stands below its own."""
    banners = sections(source)

    def section(line):
        return max([number for number, (first, _) in enumerate(banners) if first < line], default=-1)

    def title(number):
        return banners[number][1] if number >= 0 else ""

    defined = {}
    for node in ast.parse(source).body:
        stored = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        for name in [node.name] if hasattr(node, "name") else stored:
            defined.setdefault(name, section(node.lineno))
    found = set()

    def go_through(table):
        for one in table.get_children():
            here = section(one.get_lineno())
            for symbol in one.get_symbols():
                name = symbol.get_name()
                if symbol.is_global() and defined.get(name, -1) > here:
                    found.add((one.get_name(), title(here), name, title(defined[name])))
            go_through(one)

    go_through(symtable.symtable(source, "wpsd.py", "exec"))
    return found


def test_the_rooms_are_those_that_the_top_of_the_file_lists_in_its_order():
    assert listed(WPSD) == [room for room, _ in groupby(room_of(title) for _, title in sections(WPSD))]


def test_a_room_uses_only_what_stands_above_it():
    assert taken_from_below(WPSD) == set()


@pytest.mark.parametrize("line", ["return Daemon", "return [HOLD for _ in ()]", "return lambda: where(None)"])
def test_what_is_taken_from_below_is_found_wherever_in_a_function_it_stands(line):
    changed = WPSD.replace("def encode(table):\n", "def lifted():\n    %s\n\n\ndef encode(table):\n" % line)
    assert len(taken_from_below(changed)) == 1
