# SPDX-License-Identifier: BSD-3-Clause
"""Inputs that lie, once found or thought of, and some thousand more like them: every promise of targets.py holds.

`make fuzz` looks for new ones. What it finds goes into corpus/NAME, under a name that says what it is.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import targets
from rig.interpreters import micropython

CORPUS = {name: sorted(path for path in (HERE / "corpus" / name).iterdir()) for name in targets.TARGETS}
INPUTS = [pytest.param(name, path, id="%s-%s" % (name, path.name)) for name in CORPUS for path in CORPUS[name]]
MUTANTS = {"ubus": 1500, "uci": 700, "conf": 1000, "psk": 4000, "control": 1200, "state": 800}  # about 3 s each
LONGEST = 2000  # bytes of a mutant


@pytest.mark.parametrize("name, path", INPUTS)
def test_an_input_that_once_lied_does_no_harm(name, path):
    targets.TARGETS[name](path.read_bytes())


def mutants(name):
    """The same ones each time: bytes changed, cut out, put in, and taken from another input."""
    dice = random.Random(name)
    inputs = [raw for raw in (path.read_bytes() for path in CORPUS[name]) if len(raw) < LONGEST]
    for _ in range(MUTANTS[name]):
        raw = bytearray(dice.choice(inputs))
        for _ in range(dice.randint(1, 4)):
            at, size = dice.randint(0, len(raw)), dice.randint(0, 8)
            other = dice.choice(inputs)
            start = dice.randint(0, len(other))
            raw[at : at + dice.choice((0, 1, size))] = dice.choice((
                b"", bytes([dice.randrange(256)]), dice.choice((b"\n", b"\0", b"\r", b"'", b"=", b" ", b"\xff")),
                other[start : start + dice.randint(0, 40)],
            ))  # fmt: skip
        yield bytes(raw)


@pytest.mark.parametrize("name", MUTANTS)
def test_nothing_like_them_does_any_harm_either(name):
    for raw in mutants(name):
        try:
            targets.TARGETS[name](raw)
        except Exception as e:
            raise AssertionError("%s: corpus/%s should have %r" % (e, name, raw)) from e


@pytest.mark.parametrize("name", CORPUS)
def test_no_input_that_once_lied_does_any_harm_on_micropython(name):
    command = [*micropython(), "-X", "heapsize=16m", str(HERE / "replay.py"), name, *map(str, CORPUS[name])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["%d inputs" % len(CORPUS[name])], done.stdout[-3000:] + done.stderr[-3000:]
