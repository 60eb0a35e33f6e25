"""Events that something on the way cut short, so that their tag is gone or not whole: of each port of the sink."""

from typing import NamedTuple

import numpy as np

from replay.sink.board import Tally
from replay.sink.verify.cut_lengths import cut_traceless


class Cut(NamedTuple):
    """Cut events of a port."""

    without: int
    """Those that have nothing of a tag."""
    parted: int
    """Those that have its first part."""
    doubtful: int
    """Events beside these that have nothing of a tag, and may have been cut."""
    to_bytes: dict[str, int] | None
    """The least and the greatest length that they were cut to; None: there are none."""

    @property
    def events(self) -> int:
        """All that were cut for certain."""
        return self.without + self.parted


def cut_events(tally: Tally, place: int) -> Cut:
    """Those that came to the sink's own port at that place."""
    seats = np.flatnonzero(tally.port_of_seat == place)
    # To read a page that was never written to would make it: the tables of all seats together are large.
    lanes = tally.lanes[seats]
    written = seats[(lanes["untagged"] > 0) | (lanes["malformed"] > 0)]
    if not written.size:
        return Cut(0, 0, 0, None)
    parted = tally.tagless["parted"][written].sum(axis=0)
    found = cut_traceless(tally.tagless["without"][written].sum(axis=0), parted, int(lanes["longest_tagged"].max()))
    lengths = np.union1d(np.flatnonzero(parted), found.lengths)
    to_bytes = {"min": int(lengths[0]), "max": int(lengths[-1])} if lengths.size else None
    return Cut(found.events, int(parted.sum()), found.doubtful_events, to_bytes)


def merged_lengths(lengths: list[dict[str, int] | None]) -> dict[str, int] | None:
    """The least and the greatest of several; None where there are none."""
    known = [each for each in lengths if each]
    return {"min": min(each["min"] for each in known), "max": max(each["max"] for each in known)} if known else None
