"""How many events of each port were cut short on the way? They have no tag, or only a part of one."""

from typing import NamedTuple

import numpy as np

from replay.sink.board import TAGLESS, Tally
from replay.sink.verify.cut_lengths import PlaceLengths, cut_traceless


class Cut(NamedTuple):
    """The cut events of a port."""

    without: int
    """Cut events that have nothing of a tag."""
    parted: int
    """Cut events that have the first part of their tag."""
    doubtful: int
    """Further events that have nothing of a tag, and may have been cut."""
    to_bytes: dict[str, int] | None
    """The least and the greatest length of cut events, in bytes; None: there are none."""

    @property
    def events(self) -> int:
        """How many events were cut for certain."""
        return self.without + self.parted


def cut_events(tally: Tally) -> list[Cut]:
    """The cut events that came at each of the sink's own ports, in the order of the ports."""
    places = [_lengths_at(tally, port) for port in range(len(tally.ports))]
    cut = []
    for (_, parted, _, _), found in zip(places, cut_traceless(places), strict=True):
        lengths = np.union1d(np.flatnonzero(parted), found.lengths)
        to_bytes = {"min": int(lengths[0]), "max": int(lengths[-1])} if lengths.size else None
        cut.append(Cut(found.events, int(parted.sum()), found.doubtful_events, to_bytes))
    return cut


def _lengths_at(tally: Tally, port: int) -> PlaceLengths:
    """The events without a whole tag that came at a port, given by its index, by length, up to the longest of them.

    Only sockets that got such events are read: reading a page that was never written to would allocate it.
    """
    sockets = np.flatnonzero(tally.port_of_socket == port)
    longest_tagged = int(tally.by_socket["longest_tagged"][sockets].max())
    odd = sockets[(tally.by_socket["untagged"][sockets] > 0) | (tally.by_socket["malformed"][sockets] > 0)]
    traceless, parted = (tally.tagless[name][odd].sum(axis=0) for name in TAGLESS)
    found = np.flatnonzero(traceless + parted)
    lengths = int(found[-1]) + 1 if found.size else 0
    return PlaceLengths(traceless[:lengths].copy(), parted[:lengths].copy(), longest_tagged)


def merged_lengths(lengths: list[dict[str, int] | None]) -> dict[str, int] | None:
    """The least and the greatest of several pairs of lengths; None if there are none."""
    known = [each for each in lengths if each]
    return {"min": min(each["min"] for each in known), "max": max(each["max"] for each in known)} if known else None
