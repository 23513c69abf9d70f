"""Tests on real radios; they run in the virtual machine of tests/rig/vm.py."""

import os

import pytest
from rig.air import Air

figures = []


def pytest_collection_modifyitems(items):
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
