"""To which lengths did something on the way cut events? One rule, for a sink's datagrams and an audit's lines. Pure.

An *item* is a datagram or a line. An item that ends within its tag is *parted*: it was cut for certain. An item without
any trace of a tag is *traceless*: it may have been cut before the tag, or may be of another program. So evidence is
needed. A limit of length belongs to the path of the events, and not to a port or a file, so parted items are evidence
for all *places* together: the ports of a sink, or the files of an audit. But each place may have a path of its own, so
the evidence against a limit is taken at each place alone. A length is a *limit* at a place if

- at least FEW parted items of all places are exactly so long. Chance does not part tags at one length, but a limit
  does: it cuts through the tags of events that are a little longer than it. And
- no item with a whole tag is longer at this place, but for PRIORITY_BYTES: a limit would have cut that item as well.
  Parted items at a place where longer ones are whole are no evidence for other places.

Traceless items as long as a limit were cut. But a limit also cuts what other programs write. So if there are traceless
items of other lengths, as many of those as long as a limit may be of other programs: they are *doubtful*, cut or lost.
Traceless items as long as a parted item are doubtful as well, if the evidence does not suffice for a limit.

If the events of a run have few lengths, a limit may cut all longer events before their tags, and part none. So at a
place without a limit, the longest traceless items are doubtful too, with those shorter by no more than PRIORITY_BYTES.
The conditions: at least FEW items of all places and one in MUCH of this place are so long, no item with a whole tag is
longer, and the run sent longer events, as far as that is known. Items of any other length were not cut, however often
the length comes: programs repeat themselves.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FEW: Final = 3
MUCH: Final = 10
"""One part in so many at the greatest length shows that lines or events pile up there."""
PRIORITY_BYTES: Final = 2
"""A priority value has one to three digits (RFC 5424, section 6.2.1), and many collectors cut a message as it came and
then write it without that."""


class PlaceLengths(NamedTuple):
    """The items that came at one place. Counts are int64, shape (lengths,): how many items of each length in bytes."""

    traceless: NDArray[np.int64]
    """Items without a trace of a tag; the array is as long as `parted`."""
    parted: NDArray[np.int64]
    longest_whole_bytes: int
    """The length of the longest item with a whole tag."""
    longest_sent_bytes: int | None = None
    """The length that the longest event of the run would have here, had nothing cut it; None: it is not known."""


class CutTraceless(NamedTuple):
    """The items without a trace of a tag that were cut."""

    lengths: NDArray[np.int64]
    """The lengths of items that were cut, for certain or perhaps; rising."""
    events: int
    doubtful_events: int
    """Further items, which may have been cut."""
    piled_events: int = 0
    """Those of the doubtful items that may be cut only because many are as long as the longest."""


def cut_traceless(places: Sequence[PlaceLengths]) -> list[CutTraceless]:
    """How many items without a trace of a tag were cut at each place, by the rule of the module docstring."""
    parted = _summed([_unless_whole(place.parted, place) for place in places])
    traceless = _summed([place.traceless for place in places])
    return [_cut_at(place, parted, traceless) for place in places]


def piles_up(counts: NDArray[np.int64], longest_bytes: int) -> bool:
    """Whether many of the items that `counts` holds by length are as long as the longest, but for PRIORITY_BYTES."""
    at_longest = int(counts[max(longest_bytes - PRIORITY_BYTES, 0) : longest_bytes + 1].sum())
    return at_longest >= FEW and at_longest * MUCH >= int(counts.sum())


def _cut_at(place: PlaceLengths, parted: NDArray[np.int64], traceless: NDArray[np.int64]) -> CutTraceless:
    """The cut traceless items of one place; `parted` and `traceless` are the sums of all places."""
    here = _unless_whole(parted[: len(place.parted)], place)
    limits = here >= FEW
    weak = ((place.parted > 0) | (here > 0)) & ~limits
    cut, maybe = int(place.traceless[limits].sum()), int(place.traceless[weak].sum())
    piled = 0
    if not cut and (lengths := _pile(place, traceless)) is not None:
        weak[lengths] = True
        piled = int(place.traceless[weak].sum()) - maybe
    maybe += piled
    theirs = min(cut, int(place.traceless.sum()) - cut - maybe)
    lengths_cut = np.flatnonzero((limits | weak) & (place.traceless > 0))
    return CutTraceless(lengths_cut, cut - theirs, maybe + theirs, piled)


def _pile(place: PlaceLengths, traceless: NDArray[np.int64]) -> slice | None:
    """The lengths at which traceless items pile up at a place, as if cut there; None: they do not pile up."""
    found = np.flatnonzero(place.traceless)
    if not found.size:
        return None
    longest = int(found[-1])
    if place.longest_whole_bytes > longest + PRIORITY_BYTES:
        return None
    if place.longest_sent_bytes is not None and longest >= place.longest_sent_bytes:
        return None
    lengths = slice(max(longest - PRIORITY_BYTES, 0), longest + 1)
    much = int(place.traceless[lengths].sum()) * MUCH >= int(place.traceless.sum())
    return lengths if much and int(traceless[lengths].sum()) >= FEW else None


def _unless_whole(parted: NDArray[np.int64], place: PlaceLengths) -> NDArray[np.int64]:
    """The counts, without those of lengths below that of the longest whole item at the place; a copy."""
    kept = parted.copy()
    kept[: max(place.longest_whole_bytes - PRIORITY_BYTES, 0)] = 0
    return kept


def _summed(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The sum of arrays of counts, which may differ in length."""
    summed = np.zeros(max(map(len, rows), default=0), np.int64)
    for row in rows:
        summed[: len(row)] += row
    return summed
