"""The ranges of missing numbers: how many there are, and the longest of them. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from replay.audit.seen import Ranges

SHOWN: Final = 10
"""Ranges of each lane that are named."""


@dataclass(frozen=True)
class Missing:
    """What is missing of one lane."""

    events: int
    ranges: int
    longest: tuple[tuple[int, int], ...]
    """First and last number of the longest ranges, SHOWN at most, in order; of equal ones the first."""


def summarise(parts: Iterable[Ranges]) -> Missing:
    """Sum up ranges that come in order, part by part."""
    events = ranges = 0
    starts, ends = np.zeros(0, np.int64), np.zeros(0, np.int64)
    for new_starts, new_ends in parts:
        events += int((new_ends - new_starts).sum())
        ranges += len(new_starts)
        starts, ends = np.concatenate([starts, new_starts]), np.concatenate([ends, new_ends])
        longest = np.sort(np.argsort(starts - ends, kind="stable")[:SHOWN])
        starts, ends = starts[longest], ends[longest]
    return Missing(events, ranges, tuple(zip(starts.tolist(), (ends - 1).tolist(), strict=True)))
