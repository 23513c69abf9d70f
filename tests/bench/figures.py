# SPDX-License-Identifier: BSD-3-Clause
"""A figure, what it should be, what it stands beside; and the table of them."""

import dataclasses
import math
import statistics


@dataclasses.dataclass
class Row:
    """One line of the table: `values` of one run each (inf: it failed), to be `under` a bound or `most` that much;
    `peers` are (what, value) in the same unit; with `beat` the first one has to be beaten, too, with `share` it is
    to be at most that part of it, or at least so many times as much."""

    topic: str
    what: str
    values: list
    unit: str
    peers: list = ()
    under: float = None
    most: float = None
    beat: bool = False
    share: float = None

    @property
    def value(self):
        return statistics.median(self.values)

    @property
    def conditions(self):
        """[(what to reach, whether it is)]"""
        found = []
        if self.under is not None:
            found.append(("under " + plain(self.under, self.unit), self.value < self.under))
        if self.most is not None:
            found.append(("at most " + plain(self.most, self.unit), self.value <= self.most))
        if self.beat:
            found.append(("less than " + self.peers[0][0], self.value < self.peers[0][1]))
        if self.share is not None:
            wanted = self.share * self.peers[0][1]
            reached = self.value <= wanted if self.share < 1 else self.value >= wanted
            found.append(("%s %s ×" % ("at most" if self.share < 1 else "at least", plain(self.share)), reached))
        return found

    @property
    def verdict(self):
        if not self.conditions:
            return ""
        return "reached" if all(reached for _, reached in self.conditions) else "missed"


def plain(number, unit=""):
    """As people write it, with three digits that count."""
    if number == math.inf:
        return "fails"
    digits = 0 if abs(number) >= 100 or number == int(number) else 1 if abs(number) >= 10 else 2
    return f"{number:,.{digits}f} {unit}".strip()


def ms(seconds):
    return [1000 * each for each in seconds]


HEAD = "topic", "figure", "measured", "runs", "to reach", "verdict", "beside", "wpsd / that"


def cells(row):
    spread = "%s … %s" % (plain(min(row.values)), plain(max(row.values))) if len(row.values) > 1 else ""
    goal = ", ".join([what for what, _ in row.conditions])
    peers = "; ".join(["%s %s" % (name, plain(value, row.unit)) for name, value in row.peers])
    ratios = "; ".join([plain(row.value / value) for _, value in row.peers if value and row.value != math.inf])
    return row.topic, row.what, plain(row.value, row.unit), spread, goal, row.verdict, peers, ratios


def table(rows):
    lines = [HEAD, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  ".join([cell.ljust(width) for cell, width in zip(line, widths)]).rstrip() for line in lines]


def markdown(rows):
    lines = [HEAD, ["---"] * len(HEAD), *[("`%s`" % row.topic, *cells(row)[1:]) for row in rows]]
    return ["| %s |" % " | ".join(line) for line in lines]
