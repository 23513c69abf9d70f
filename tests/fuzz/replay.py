# SPDX-License-Identifier: BSD-3-Clause
"""Gives inputs to a target once: `replay.py NAME FILE...`, on either interpreter."""

import sys

here = __file__.rpartition("/")[0] or "."
sys.path[:0] = [here + "/../..", here]

import targets

count = 0
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        raw = file.read()
    print(path)
    targets.TARGETS[sys.argv[1]](raw)
    count += 1
print("%d inputs" % count)
