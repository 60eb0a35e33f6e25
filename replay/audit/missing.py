"""Which numbers of a port are missing? How many ranges there are, and the longest of them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.audit.seen import Ranges

SHOWN: Final = 10
"""How many ranges of each lane a report names."""
ALL_SHOWN: Final = 1 << 20
"""How many ranges it names if all are asked for: more would help no reader, and fill the memory."""


@dataclass(frozen=True)
class MissingNumbers:
    """The numbers that are missing of one lane."""

    events: int
    ranges: int
    longest: tuple[tuple[int, int], ...]
    """First and last number of each of the longest ranges, in order; of equally long ones the first are taken."""


def summarise(parts: Iterable[Ranges], shown: int = SHOWN) -> MissingNumbers:
    """Sum up ranges, which come in order and in parts; at most `shown` of the longest ranges are named."""
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
    return MissingNumbers(events, ranges, tuple(zip(starts.tolist(), (ends - 1).tolist(), strict=True)))


def _longest(parts: list[Ranges], shown: int) -> Ranges:
    """The longest ranges, `shown` at most, in order; of equally long ones the first are taken."""
    none: NDArray[np.int64] = np.zeros(0, np.int64)
    starts, ends = (np.concatenate([none, *columns]) for columns in zip(*parts, strict=True)) if parts else (none, none)
    longest = np.sort(np.argsort(starts - ends, kind="stable")[:shown])
    return starts[longest], ends[longest]
