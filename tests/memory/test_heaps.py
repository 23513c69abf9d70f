# SPDX-License-Identifier: BSD-3-Clause
"""Heaps from too small to ample, on 32 bits: whatever becomes of wpsd in one, nothing is left open or half done.

Which heap is too small for what changes with each change of wpsd.py, so the steps begin where it can't even be loaded.
"""

import pytest
from cramped import Cramped
from rig.interpreters import INTERPRETERS, missing

STEP, MOST = 8, 240  # kB


pytestmark = pytest.mark.skipif(bool(missing("i386")), reason=missing("i386"))


@pytest.mark.parametrize("kilobytes", range(104, MOST + 1, STEP))
def test_whatever_the_heap_is_too_small_for_the_next_wpsd_finds_files_whole_and_leaves_nothing_open(kilobytes):
    with Cramped(INTERPRETERS["i386"], "-X", "heapsize=%dk" % kilobytes) as house:
        house.begin()
        if house.lives():
            house.use()
        assert not house.torn(may_be_empty=True)
        house.kill_wpsd()
        house.heap(INTERPRETERS["i386"])
        house.launch_wpsd("--verbose")
        assert house.try_call("cancel")[0] == 0, house.log[-3000:]  # a session that ran when it was killed goes on
        house.wait_well()
        status, answer = house.try_call("start", ssid="Home")
        assert status == 0 and answer["started"], (answer, house.log[-3000:])
        assert house.enrol("home-24") == house.secret("home-24", "opensync11")
        house.wait_well()
        assert not house.leaks()


def test_a_heap_of_a_quarter_of_what_32_bits_have_is_enough_for_an_evening():
    with Cramped(INTERPRETERS["i386"], "-X", "heapsize=%dk" % MOST) as house:
        house.begin()
        house.wait_well()
        assert [status for status, _ in house.use()] == [0] * 6
        house.wait_well()
        assert not house.deaths
