"""Tests on real radios; they run in the virtual machines of tests/rig/vm.py."""

import os
import pathlib
import time

import pytest
from rig.air import Air

figures = []


# The longest first, so that the machines are done at the same time.
LONG = (
    "test_button", "test_who_gets_in", "test_true_windows", "test_radar", "test_crashes", "test_disturbance",
    "test_device_keys", "test_sessions", "test_netifd",
)  # fmt: skip
claimed = {}


def is_ours(item):
    """Whether no other machine has taken this test, with all that share a module's fixture; it is this one's then."""
    if "WPSD_CLAIMS" not in os.environ:
        return True
    fixtures = [each[-1].scope for each in item._fixtureinfo.name2fixturedefs.values()]
    work = item.path.stem if "module" in fixtures else item.nodeid.replace("/", "+")
    if work not in claimed:
        try:
            pathlib.Path(os.environ["WPSD_CLAIMS"], work).touch(exist_ok=False)
            claimed[work] = True
        except FileExistsError:
            claimed[work] = False
    return claimed[work]


def pytest_runtest_protocol(item):
    if not is_ours(item):
        return True
    # pytest leaves standing what the next test shares, and that one may be another machine's
    item.session._setupstate.teardown_exact(item)
    return None


def pytest_runtestloop():
    """Other tests may need this computer, which boots us meanwhile: until then (tests/rig/vm.py, --hold)."""
    while os.path.exists(os.environ.get("WPSD_HOLD", "")):
        time.sleep(0.5)


def pytest_collection_modifyitems(items):
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))
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
