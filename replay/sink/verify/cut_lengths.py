"""To which lengths something on the way cut events: one rule, for a sink's datagrams and for an audit's lines. Pure.

What ends within its tag is *parted*: it was cut for certain. What has no trace of a tag may have been cut before it, or
may be of another program, so it takes evidence. A limit of length is a property of the way and not of a port or a file,
so what is parted is evidence for all of them together; but each *place*, a port of a sink or a file of an audit, may
have a way of its own, so each has its own evidence against a limit. A length is a *limit* at a place if

- FEW parted ones of all places at least are exactly so long: chance does not part tags at one length, and a limit does,
  since of events that are a little longer than it the cut goes through the tag; and
- nothing that has its tag whole is longer at this place, but by PRIORITY_BYTES: it would have been cut as well. What is
  parted at a place of which that is not true is no evidence for others.

What has no trace of a tag and is as long as a limit was cut. But a limit cuts what other programs write as well: where
there is something without a trace of a tag at other lengths, as much of what is as long as a limit may be theirs. That
is *doubtful*: cut or lost. So is what is as long as something parted where the evidence for a limit falls short.

Where the events of a run have few lengths, a limit may cut all that are longer before their tags, and part nothing. So
at a place without a limit the longest of what has no trace of a tag is doubtful, too, with what is shorter by no more
than PRIORITY_BYTES, if FEW of all places and a MUCH-th of this place at least are so long, nothing that has its tag
whole is longer, and the run sent longer events, as far as that is known. What has any other length was not cut, however
often it comes: programs repeat themselves.
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


class Place(NamedTuple):
    """What came at one place. Counts are int64, shape (lengths,): so many of each length in bytes."""

    traceless: NDArray[np.int64]
    """What has no trace of a tag; no shorter than `parted`, and no longer."""
    parted: NDArray[np.int64]
    longest_whole_bytes: int
    """The length of the longest that has its tag whole."""
    longest_sent_bytes: int | None = None
    """The length that the longest event of the run would have here, had nothing cut it; None: it is not known."""


class CutTraceless(NamedTuple):
    """What has no trace of a tag and was cut."""

    lengths: NDArray[np.int64]
    """The lengths at which something of it was, for certain or not; rising."""
    events: int
    doubtful_events: int
    """Beside these, what may have been cut."""
    piled_events: int = 0
    """Of these, those for which nothing else speaks than that many are as long as the longest."""


def cut_traceless(places: Sequence[Place]) -> list[CutTraceless]:
    """How much of what has no trace of a tag was cut at each place, by the rule above."""
    parted = _summed([_unless_whole(place.parted, place) for place in places])
    traceless = _summed([place.traceless for place in places])
    return [_cut_at(place, parted, traceless) for place in places]


def piles_up(counts: NDArray[np.int64], longest_bytes: int) -> bool:
    """Whether much of what is counted by its length is as long as the longest, but for PRIORITY_BYTES."""
    at_longest = int(counts[max(longest_bytes - PRIORITY_BYTES, 0) : longest_bytes + 1].sum())
    return at_longest >= FEW and at_longest * MUCH >= int(counts.sum())


def _cut_at(place: Place, parted: NDArray[np.int64], traceless: NDArray[np.int64]) -> CutTraceless:
    """The same of one place; `parted` and `traceless` are of all places."""
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


def _pile(place: Place, traceless: NDArray[np.int64]) -> slice | None:
    """The lengths at which what has no trace of a tag piles up at a place, as if cut there; None: it does not."""
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


def _unless_whole(parted: NDArray[np.int64], place: Place) -> NDArray[np.int64]:
    """Those counts that nothing whole at a place speaks against; a copy."""
    kept = parted.copy()
    kept[: max(place.longest_whole_bytes - PRIORITY_BYTES, 0)] = 0
    return kept


def _summed(rows: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Counts of different length, added up."""
    summed = np.zeros(max(map(len, rows), default=0), np.int64)
    for row in rows:
        summed[: len(row)] += row
    return summed
