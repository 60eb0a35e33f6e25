"""The ranges of missing numbers: how many there are, and the longest of them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.audit.seen import Ranges

SHOWN: Final = 10
"""Ranges of each lane that are named."""
ALL_SHOWN: Final = 1 << 20
"""The same where all are asked for: more are no use to a reader, and would fill the memory."""


@dataclass(frozen=True)
class Missing:
    """What is missing of one lane."""

    events: int
    ranges: int
    longest: tuple[tuple[int, int], ...]
    """First and last number of the longest ranges, as many as are shown, in order; of equal ones the first."""


def summarise(parts: Iterable[Ranges], shown: int = SHOWN) -> Missing:
    """Sum up ranges that come in order, part by part; the longest are named, so many as are to be `shown`."""
    events = ranges = held = 0
    kept: list[Ranges] = []
    for starts, ends in parts:
        events += int((ends - starts).sum())
        ranges += len(starts)
        kept.append((starts, ends))
        held += len(starts)
        if held > 4 * shown + 1000:
            kept = [_longest(kept, shown)]
            held = shown
    starts, ends = _longest(kept, shown)
    return Missing(events, ranges, tuple(zip(starts.tolist(), (ends - 1).tolist(), strict=True)))


def _longest(parts: list[Ranges], shown: int) -> Ranges:
    """The longest of all ranges in order, `shown` at most; of equal ones the first."""
    none: NDArray[np.int64] = np.zeros(0, np.int64)
    starts, ends = (np.concatenate([none, *columns]) for columns in zip(*parts, strict=True)) if parts else (none, none)
    longest = np.sort(np.argsort(starts - ends, kind="stable")[:shown])
    return starts[longest], ends[longest]
