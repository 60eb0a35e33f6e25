"""The events of several captures in one line: by their instants, and by the order of the captures where these tie.

The line is made in rounds. Of each capture a stretch is at hand; the round goes up to that stretch's end which comes
first, so nothing that belongs before it can be missing, and memory stays bounded however many events share an instant.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.events.axis import Axis
from captures.events.stretches import Stretch, stretches
from captures.format.capture import Capture


class Part(NamedTuple):
    """The events that one capture has in a round: consecutive ones of a stretch."""

    stretch: Stretch
    first: int
    """The first of them, in the order of replay."""
    end: int


class Round(NamedTuple):
    """A piece of the line."""

    first: int
    """Events in the line before it."""
    parts: list[Part | None]
    """The events of each capture; None: it has none here."""
    instants_ns: NDArray[np.int64]
    """The instant of each event in the line's order, since its start: shape (events,)."""
    which: NDArray[np.int64]
    """For each place in the line, the number of its event, with the parts one behind the other; shape (events,)."""


class _Hand:
    """The stretch of one capture that is at hand."""

    def __init__(self, capture: Capture, later_ns: int, *, timed: bool) -> None:
        self._capture, self._axis, self._later_ns, self._timed = capture, Axis(capture), later_ns, timed
        self._rest = stretches(capture)
        self._take()

    def _take(self) -> None:
        self.stretch = next(self._rest, None)
        if self.stretch is not None:
            self.cursor = self.stretch.first
            self.keys = self._keys(np.arange(self.stretch.first, self.stretch.end))

    def _keys(self, events: NDArray[np.int64]) -> NDArray[Any]:
        """By what events are put in line: their instants, or which part of their capture is before them."""
        if self._timed:
            return self._axis.since_start_ns(events) + self._later_ns
        return (events + 0.5) / self._capture.events

    def part(self, end: int) -> Part | None:
        """Hand out the events up to number `end` of those of the stretch."""
        assert self.stretch is not None
        first, self.cursor = self.cursor, self.stretch.first + end
        part = Part(self.stretch, first, self.cursor) if first < self.cursor else None
        if self.cursor == self.stretch.end:
            self._take()
        return part


def rounds(captures: Sequence[Capture], later_ns: Sequence[int], *, timed: bool) -> Iterator[Round]:
    """The line of the events of captures, each of which begins `later_ns` after the line's start.

    Without a time axis, captures alternate in proportion to their events, and all instants are 0.
    """
    hands = [_Hand(capture, later, timed=timed) for capture, later in zip(captures, later_ns, strict=True)]
    first = 0
    while ends := [(hand.keys[-1], place) for place, hand in enumerate(hands) if hand.stretch is not None]:
        key, closest = min(ends)
        parts, keys = list[Part | None](), []
        for place, hand in enumerate(hands):
            if hand.stretch is None:
                parts.append(None)
                continue
            side: Literal["left", "right"] = "right" if place <= closest else "left"
            done = hand.cursor - hand.stretch.first
            end = len(hand.keys) if place == closest else max(done, int(np.searchsorted(hand.keys, key, side)))
            keys.append(hand.keys[done:end])
            parts.append(hand.part(end))
        joined = np.concatenate(keys)
        which = np.argsort(joined, kind="stable")
        instants_ns = joined[which] if timed else np.zeros(len(joined))
        yield Round(first, parts, instants_ns.astype(np.int64), which)
        first += len(which)
