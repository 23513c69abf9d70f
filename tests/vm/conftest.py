"""Tests on real radios; they run in the virtual machines of tests/rig/vm.py."""

import os
import pathlib

import pytest
from rig.air import Air

figures = []


# The longest first, so that the machines are done at the same time.
LONG = (
    "test_button", "test_who_gets_in", "test_true_windows", "test_radar", "test_crashes", "test_disturbance",
    "test_sessions",
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


# Seen red with the redrawn wpsd, or mended and not seen green since: each says what is to be found out. They run all
# the same.
UNPROVEN = {
    "as_the_init_script_starts_it_from_bytecode": "under emulation the start takes longer than the test waited",
    "test_a_file_that_hostapd_can_not_read_opens_no_window_and_is_loaded_when_it_can": "after the other of its module",
    "test_after_the_radar_it_is_as_before": "after the others of its module",
    "test_when_it_has_listened_it_works_at_once_and_is_not_restarted": "a radio that listens at boot",
    "disabled_and_enabled_while_wps_is_hidden_needs_no_second_restart": "SET came too late; mended",
    "test_ten_wifi_reloads_a_second_for_half_a_minute_lose_no_key": "the printer's key is kept at a start; mended",
}


def pytest_collection_modifyitems(items):
    for item in items:
        for name, reason in UNPROVEN.items():
            if item.nodeid.endswith(name):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=False))
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
