# SPDX-License-Identifier: BSD-3-Clause
"""`cramped` stands beside these tests."""

import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
