"""Tests on real radios; they run in the virtual machines of tests/rig/vm.py, each module in one of them."""

import os
import pathlib

import pytest
from rig.air import Air

figures = []


# The longest first, so that the machines are done at the same time.
LONG = ("test_crashes", "test_sessions", "test_who_gets_in", "test_disturbance", "test_radar", "test_true_windows")
claimed = {}


def is_ours(module):
    """Whether no other machine has taken this module; it is this one's then."""
    if "WPSD_CLAIMS" not in os.environ:
        return True
    if module not in claimed:
        try:
            pathlib.Path(os.environ["WPSD_CLAIMS"], module).touch(exist_ok=False)
            claimed[module] = True
        except FileExistsError:
            claimed[module] = False
    return claimed[module]


def pytest_runtest_protocol(item):
    return None if is_ours(item.path.stem) else True


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.stem) if item.path.stem in LONG else len(LONG))
    if "WPSD_GUEST" not in os.environ:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs the simulated radios of tests/rig/vm.py"))


@pytest.fixture
def air():
    """Four radios, and nothing left of them after the test."""
    with Air(radios=4) as air:
        yield air


@pytest.fixture
def figure():
    """Takes a sentence with what was measured; all of them are printed at the end."""
    return figures.append


def pytest_terminal_summary(terminalreporter):
    if figures:
        terminalreporter.section("figures")
        for sentence in figures:
            terminalreporter.line(sentence)
