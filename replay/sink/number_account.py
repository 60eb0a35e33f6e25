"""How does the account of a port's event numbers lie in shared memory? Its layout, and the functions that read it.

`replay.sink.verify.event_numbers` writes the account, and says what its figures mean. The last WINDOW numbers are
remembered in a ring, with one word for each number:

    0              the number arrived, or the word was never used
    i + 1          the number is missing, which was noticed in interval i
    -(i + 1)       the number is missing, noticed in interval i, and the socket had dropped packets just before

Other processes may read an account while it is written. So the writer counts an arrival before everything that follows
from it, with a fence between the two, and readers read in the opposite order, with a fence as well: at no instant does
the account show more lost events than there are, on x86 and on arm64. Each field is an aligned word of 64 bits, which
is read and written whole; no reader relies on the order of any other two.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.fence import fence
from captures.compiled.kernel import kernel
from replay.histogram import CELLS

WINDOW: Final = 1 << 18
"""So many numbers are remembered: 2.6 s of 100,000 events a second on a port."""
MOST_HELD: Final = 16
"""The most stretches of numbers that are held; for one more, the oldest is given up."""

HELD: Final = np.dtype(
    (
        np.record,
        [
            ("first", "<i8"),
            ("events", "<i8"),
            ("interval", "<i8"),
            ("chargeable", "<i8"),
            ("reached", "<i8"),  # the account's `next` when the stretch came
            ("in_order", "<i8"),  # the account's `arrived` less its `reordered` when the stretch came
        ],
    )
)
NUMBERS: Final = np.dtype(
    (
        np.record,
        [
            ("next", "<i8"),  # the highest number that arrived, plus one
            ("arrived", "<i8"),  # different numbers that arrived; those missing below `next` are lost
            ("duplicated", "<i8"),
            ("reordered", "<i8"),
            ("late", "<i8"),
            ("stray", "<i8"),  # held events that nothing followed, and that were given up to make room
            ("lost_in_socket", "<i8"),  # lost numbers that the socket may have dropped
            ("open", "<i8"),  # how many numbers of the ring are missing
            ("held", "<i8"),  # rows of `holds` in use, in the order of arrival
            ("nearest", "<i8"),  # the lowest number that is held; 0: none is held
            ("holds", HELD, (MOST_HELD,)),
            ("depth", "<i8", (CELLS,)),  # Histogram of the depths of reordered events
        ],
    )
)
"""The account of one port."""

PLANES: Final = ("arrived", "lost", "lost_in_socket", "duplicated", "reordered", "late")
"""Names of counts that are also kept by interval: int64, shape (intervals,) each."""


def held_stretches(row: NDArray[np.void]) -> list[tuple[int, int]]:
    """The stretches that a NUMBERS row, shape (1,), holds, since nothing followed them yet: first number, and events.

    They are in the order of the numbers, and hold each number once.
    """
    held, reached, found = row["holds"][0][: int(row["held"][0])], 0, []
    for first, events in sorted(zip(held["first"].tolist(), held["events"].tolist(), strict=True)):
        start, reached = max(first, reached), max(first + events, reached)
        if start < reached:
            found.append((start, reached - start))
    return found


def lost_events(row: NDArray[np.void]) -> int:
    """How many numbers of a NUMBERS row, shape (1,), were passed over and did not arrive; never below zero.

    A writer counts arrivals before it raises `next`. If it is killed in between, the difference is negative.
    """
    return max(0, int(row["next"][0]) - int(row["arrived"][0]))


def arrived_below(row: NDArray[np.void], mark: int) -> int:
    """How many numbers arrived. Held numbers count only if they are below `mark`, since those were sent."""
    held = sum(max(0, min(first + events, mark) - first) for first, events in held_stretches(row))
    return held + int(row["arrived"][0])


@kernel
def missing_between(ring: NDArray[np.int32], first: int, end: int) -> int:
    """How many of the numbers from `first` to `end` are missing, by their words of the ring.

    On a machine that reorders reads, as arm64 does, the words are read after what the caller has read already, and
    before what it reads then.
    """
    fence()
    missing = 0
    for number in range(first, end):
        if ring[number & len(ring) - 1]:
            missing += 1
    fence()
    return missing


def lost_below(row: NDArray[np.void], ring: NDArray[np.int32], mark: int) -> int:
    """How many of the numbers below `mark` did not arrive, as far as is known: NUMBERS row, shape (1,), and its ring.

    Numbers between the highest number that arrived and `mark` count as lost. The fields are read in the opposite order
    of writing, so numbers that arrive meanwhile do not count as lost.
    """
    reached = int(row["next"][0])
    above = missing_between(ring, max(mark, reached - len(ring)), reached if row["open"][0] else 0)
    return max(0, max(mark, reached) - above - arrived_below(row, mark))
