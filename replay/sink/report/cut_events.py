"""Events that something on the way cut short, so that their tag is gone or not whole.

An event is *cut* if it ends in the first part of a tag, or if it has none and is exactly as long as such events or as
the longest event that came to the port. Of one length there must be FEW without a tag at least: a single odd event is
no sign of a limit.
"""

from typing import Final, NamedTuple

import numpy as np

from replay.sink.board import Tally

FEW: Final = 3


class Cut(NamedTuple):
    """Cut events of a port."""

    without: int
    """Those that have nothing of a tag."""
    parted: int
    """Those that have its first part."""
    to_bytes: dict[str, int] | None
    """The least and the greatest length that they were cut to; None: there are none."""

    @property
    def events(self) -> int:
        """All of them."""
        return self.without + self.parted


def cut_events(tally: Tally, place: int) -> Cut:
    """Those that came to the sink's own port at that place."""
    seats = np.flatnonzero(tally.port_of_seat == place)
    parted = tally.tagless["parted"][seats].sum(axis=0)
    without = tally.tagless["without"][seats].sum(axis=0)
    limits = parted >= FEW
    limits[tally.lanes["longest"][seats].max()] = True
    without[~limits | (without + parted < FEW)] = 0
    lengths = np.flatnonzero(without + parted)
    to_bytes = {"min": int(lengths[0]), "max": int(lengths[-1])} if lengths.size else None
    return Cut(int(without.sum()), int(parted.sum()), to_bytes)


def merged_lengths(lengths: list[dict[str, int] | None]) -> dict[str, int] | None:
    """The least and the greatest of several; None where there are none."""
    known = [each for each in lengths if each]
    return {"min": min(each["min"] for each in known), "max": max(each["max"] for each in known)} if known else None
