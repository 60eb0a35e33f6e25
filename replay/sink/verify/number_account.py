"""The account of a port's event numbers, as it lies in shared memory: its layout, and what its readers take from it.

`replay.sink.verify.event_numbers` writes it, and says what its figures mean. The last WINDOW numbers are remembered, as
a ring of one word each:

    0              it arrived, or the word was never used
    i + 1          it is missing, which was noticed in interval i
    -(i + 1)       the same, and the socket had dropped packets just before

Others may read an account while it is written, so what arrived is counted before all that follows from it: at no
instant does it say that more was lost than is.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.histogram import CELLS

WINDOW: Final = 1 << 18
"""2.6 s of 100,000 events a second on a port."""
MOST_HELD: Final = 16
"""Stretches that are held; the oldest makes room for one more."""

HELD: Final = np.dtype(
    [
        ("first", "<i8"),
        ("events", "<i8"),
        ("interval", "<i8"),
        ("droppable", "<i8"),
        ("reached", "<i8"),  # the account's `next` when it came
        ("in_order", "<i8"),  # and its `arrived` less its `reordered`
    ]
)
NUMBERS: Final = np.dtype(
    [
        ("next", "<i8"),  # the highest number that arrived, and one
        ("arrived", "<i8"),  # different numbers; what is missing below `next` is lost
        ("duplicated", "<i8"),
        ("reordered", "<i8"),
        ("late", "<i8"),
        ("stray", "<i8"),  # events with numbers that nothing followed, and that had to make room
        ("lost_in_socket", "<i8"),  # of those that are lost
        ("open", "<i8"),  # missing numbers of the ring
        ("held", "<i8"),  # rows of `holds` in use, in the order of arrival
        ("nearest", "<i8"),  # the lowest number of them; 0: there is none
        ("holds", HELD, (MOST_HELD,)),
        ("depth", "<i8", (CELLS,)),  # Histogram of how deep reordered ones were
    ]
)
"""One port's account."""

PLANES: Final = ("arrived", "lost", "lost_in_socket", "duplicated", "reordered", "late")
"""What is counted by interval as well: int64, shape (intervals,) each."""


def ring_parts(ring: NDArray[np.int32], first: int, end: int) -> Iterator[tuple[int, NDArray[np.int32]]]:
    """The ring's words of some numbers, WINDOW at most, and the first number of each part."""
    while first < end:
        place = first % WINDOW
        part = min(end - first, WINDOW - place)
        yield first, ring[place : place + part]
        first += part


def held_stretches(row: NDArray[np.void]) -> list[tuple[int, int]]:
    """First number and events of what a NUMBERS row, shape (1,), holds: it came, and nothing followed it yet.

    In the order of the numbers, each number once.
    """
    held, reached, found = row["holds"][0][: int(row["held"][0])], 0, []
    for first, events in sorted(zip(held["first"].tolist(), held["events"].tolist(), strict=True)):
        start, reached = max(first, reached), max(first + events, reached)
        if start < reached:
            found.append((start, reached - start))
    return found


def lost_events(row: NDArray[np.void]) -> int:
    """How many numbers of a NUMBERS row, shape (1,), were passed over and did not arrive.

    What arrives is counted before the highest number is, so a writer that is killed in between leaves one below zero.
    """
    return max(0, int(row["next"][0]) - int(row["arrived"][0]))


def arrived_below(row: NDArray[np.void], mark: int) -> int:
    """How many numbers arrived, of those that are held only the ones below `mark`, which were sent."""
    held = sum(max(0, min(first + events, mark) - first) for first, events in held_stretches(row))
    return held + int(row["arrived"][0])


def lost_below(row: NDArray[np.void], ring: NDArray[np.int32], mark: int) -> int:
    """How many of the numbers below `mark` did not arrive, as far as is known: NUMBERS row, shape (1,), and its ring.

    Those between the highest number that arrived and `mark` are among them. An account that is being written is read in
    the order opposite to that of writing, so what arrives meanwhile is not lost.
    """
    reached, above = int(row["next"][0]), 0
    if mark < reached and row["open"][0]:
        above = sum(int(np.count_nonzero(part)) for _, part in ring_parts(ring, max(mark, reached - WINDOW), reached))
    return max(0, max(mark, reached) - above - arrived_below(row, mark))
