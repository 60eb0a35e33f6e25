"""The time axis that a run follows in a scenario: windows of one rate each, exact to the event. Pure.

Before an instant lie as many events as the integral of the rate up to it, rounded down. A window has the difference
between its edges, so windows sum to their phase, and phases to the whole. A line that rises or falls is cut so finely
that the rate changes by a hundredth of its highest value from one window to the next, but not below a tenth of a
second.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Final

import numpy as np

from captures.console.errors import InputError
from captures.format.layout import WINDOW, Table
from replay.clock import SECOND_NS
from replay.scenario.phases import Line, Phase

_LONGEST_NS: Final = 60 * SECOND_NS
_SHORTEST_NS: Final = SECOND_NS // 10
_STEPS: Final = 100
_MOST_WINDOWS: Final = 1 << 20


def windows_of(phases: Sequence[Phase]) -> Table:
    """WINDOW rows that follow each other without a gap, those without events too.

    Raises InputError when no event falls due in them, and when they are too many.
    """
    lines = [line for phase in phases for line in phase.lines]
    if sum(map(_pieces, lines)) > _MOST_WINDOWS:
        raise InputError("the scenario changes its rate too often for its length; give it fewer or shorter ramps")
    rows = [row for row in _rows(lines) if row[1]]
    if not rows or not rows[-1][3]:
        raise InputError("no event falls due in the scenario; raise its rates, or give it more time")
    table = np.zeros(len(rows), WINDOW)
    starts, durations, before, after = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    table["start_ns"], table["duration_ns"], table["events"] = starts, durations, after - before
    return table


def _pieces(line: Line) -> int:
    """Into how many windows a line is cut."""
    whole = ceil(line.duration_ns / _LONGEST_NS)
    rise, highest = abs(line.last_eps - line.first_eps), max(line.first_eps, line.last_eps)
    if not rise:
        return whole
    return max(whole, min(ceil(_STEPS * rise / highest), line.duration_ns // _SHORTEST_NS), 1)


def _rows(lines: Sequence[Line]) -> Iterator[tuple[int, int, int, int]]:
    """Of each window: its start, its length, and how many events lie before it and before its end."""
    start_ns, doubled, before = 0, Fraction(0), 0
    for line in lines:
        pieces, at_ns = _pieces(line), 0
        for piece in range(1, pieces + 1):
            end_ns = line.duration_ns * piece // pieces
            rate_eps = line.first_eps + (line.last_eps - line.first_eps) * end_ns / line.duration_ns
            after = floor((doubled + (line.first_eps + rate_eps) * end_ns / SECOND_NS) / 2)
            yield start_ns + at_ns, end_ns - at_ns, before, after
            at_ns, before = end_ns, after
        start_ns += line.duration_ns
        doubled += line.doubled_events
