# SPDX-License-Identifier: BSD-3-Clause
"""A day of what tests/soak.py plays for a month."""

import subprocess
import sys

import pytest
from rig.daemon import ROOT


@pytest.mark.timeout(900)
def test_each_of_three_thousand_sessions_is_told_once_and_truly_and_nothing_has_grown():
    soak = [sys.executable, ROOT / "tests" / "soak.py", "--sessions", "3000"]
    done = subprocess.run(soak, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert not done.returncode, done.stdout
