"""The time axis of a capture: windows, and exactly how many events fall into each.

The rate is the build's, times a curve through knots, times the highest factor of the bursts that are on. Knots and the
edges of bursts cut the time into pieces; within a piece the factor is a straight line, from its value at the one end
to that at the other (where a burst's edge cuts a line of the curve, the curve's value is rounded down to 10^-9). A
piece is cut into equal windows. Before an instant lie as many events as the integral of the rate up to it, rounded
down; a window has the difference between its edges, so windows sum to the whole.

Factors are integers of 10^-9, everything is integer arithmetic: the same windows come out on every machine.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final

import numpy as np

from captures.console.errors import InputError
from captures.format.layout import Table

RATE_WINDOW: Final = np.dtype([("start_ns", "<i8"), ("duration_ns", "<i8"), ("events", "<i8")])
"""A row is a window: when it begins after the capture's start, how long it lasts, and how many events it has."""
MAX_WINDOWS: Final = 1 << 20
NANO: Final = 10**9
"""Both the factor 1, in units of 10^-9, and the nanoseconds of a second."""

_SHORTEST_NS: Final = NANO
_LONGEST_NS: Final = 60 * NANO
_LEAST_EVENTS: Final = 1 << 10
_USUAL_EVENTS: Final = 1 << 16
_RAMP_STEPS: Final = 32
_MAX_EVENTS: Final = (1 << 63) - 1
_ONE: Final = 2 * NANO**3
"""One event, as a rate (events/s) times twice the integral of a factor (10^-18) over nanoseconds."""

Knots = list[tuple[int, int]]
"""Instants in ns from the capture's start, in order, and the factor at each, in 10^-9."""
Span = tuple[int, int, int]
"""A burst: from when until when, in ns from the capture's start, and its factor, in 10^-9."""


@dataclass(frozen=True)
class _Piece:
    """A stretch in which the factor is a straight line."""

    start_ns: int
    duration_ns: int
    first: int
    """The factor at its start, in 10^-18."""
    last: int
    """The factor at its end."""

    def windows(self, rate_eps: int) -> int:
        """The number of windows into which the piece is cut.

        A window lasts as long as 65,536 events take, but from 1 s, or the whole piece, to 60 s, or as long as 1,024
        events take. Where the line is steep it is shorter, to follow it in steps of 1/32, but not below 1,024 events.
        """
        power = rate_eps * (self.first + self.last)
        if not power:
            return 1
        least_ns = max(_SHORTEST_NS, _LEAST_EVENTS * _ONE // power)
        longest_ns = max(_LONGEST_NS, least_ns)
        usual_ns = max(_SHORTEST_NS, min(longest_ns, _USUAL_EVENTS * _ONE // power))
        rise = abs(self.last - self.first)
        if rise:
            step_ns = self.duration_ns * max(self.first, self.last) // (_RAMP_STEPS * rise)
            usual_ns = min(usual_ns, max(least_ns, step_ns))
        return max(self.duration_ns // usual_ns, -(-self.duration_ns // longest_ns))

    def doubled_integral(self, ns: int) -> int:
        """Twice the integral of the factor over the first `ns`, in 10^-18 ns / `duration_ns`."""
        return (2 * self.first * self.duration_ns + (self.last - self.first) * ns) * ns


def cut_windows(curve: Knots, bursts: Iterable[Span], *, duration_ns: int, rate_eps: int) -> Table:
    """The windows of `duration_ns`: RATE_WINDOW rows that follow each other without a gap.

    `curve` has one knot at least; it is level before the first and after the last, and of two at one instant the
    second one holds from then on. `rate_eps` is the rate at factor 1. Raises InputError when there would be more than
    MAX_WINDOWS windows, no event or more than 2^63 - 1.
    """
    pieces = list(_pieces(curve, _steps(bursts), duration_ns))
    windows = [piece.windows(rate_eps) for piece in pieces]
    if sum(windows) > MAX_WINDOWS:
        raise InputError(
            f"the time axis would have {sum(windows)} windows, more than {MAX_WINDOWS}; "
            "shorten the duration, or give the timeline fewer points and bursts"
        )
    edges, before = [0], [0]
    doubled_before = 0
    for piece, count in zip(pieces, windows, strict=True):
        for i in range(1, count + 1):
            ns = piece.duration_ns * i // count
            edges.append(piece.start_ns + ns)
            doubled = doubled_before * piece.duration_ns + piece.doubled_integral(ns)
            before.append(rate_eps * doubled // (_ONE * piece.duration_ns))
        doubled_before += (piece.first + piece.last) * piece.duration_ns
    return _table(edges, before)


def _table(edges: list[int], before: list[int]) -> Table:
    """The windows between `edges`, with the events before each of them."""
    if not before[-1]:
        raise InputError("not a single event falls into the duration; raise the rate or the timeline's factors")
    if before[-1] > _MAX_EVENTS:
        raise InputError(f"{before[-1]} events are more than a capture can hold; lower the rate or the duration")
    table = np.empty(len(edges) - 1, RATE_WINDOW)
    table["start_ns"] = edges[:-1]
    table["duration_ns"] = np.diff(np.array(edges, np.int64))
    table["events"] = np.diff(np.array(before, np.int64))
    return table


def _pieces(curve: Knots, steps: Knots, duration_ns: int) -> Iterator[_Piece]:
    """The pieces between the knots of `curve` and the `steps` of the bursts."""
    (first_ns, first), (last_ns, last) = curve[0], curve[-1]
    curve = [(min(first_ns, 0), first), *curve, (max(last_ns, duration_ns), last)]
    steps = [(0, NANO), *steps]
    instants, changes = [ns for ns, _ in curve], [ns for ns, _ in steps]
    edges = sorted({0, duration_ns, *(ns for ns in instants + changes if 0 < ns < duration_ns)})
    for start_ns, end_ns in pairwise(edges):
        i = bisect_right(instants, start_ns)
        factor = steps[bisect_right(changes, start_ns) - 1][1]
        ends = (_between(curve[i - 1], curve[i], ns) * factor for ns in (start_ns, end_ns))
        yield _Piece(start_ns, end_ns - start_ns, *ends)


def _between(left: tuple[int, int], right: tuple[int, int], ns: int) -> int:
    """The factor at `ns` on the straight line from one knot to a later one, rounded down."""
    (left_ns, low), (right_ns, high) = left, right
    return low + (high - low) * (ns - left_ns) // (right_ns - left_ns)


def _steps(bursts: Iterable[Span]) -> Knots:
    """From each beginning or end of a burst on: the highest factor of the bursts that last then, or 1 if none does."""
    waiting = sorted(bursts, reverse=True)
    running: list[tuple[int, int]] = []
    steps = []
    for edge_ns in sorted({edge_ns for start_ns, end_ns, _ in waiting for edge_ns in (start_ns, end_ns)}):
        while waiting and waiting[-1][0] <= edge_ns:
            _, end_ns, factor = waiting.pop()
            heappush(running, (-factor, end_ns))
        while running and running[0][1] <= edge_ns:
            heappop(running)
        steps.append((edge_ns, -running[0][0] if running else NANO))
    return steps
