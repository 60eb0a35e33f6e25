"""To which lengths something on the way cut events: one rule, for a sink's datagrams and for an audit's lines. Pure.

What ends within its tag is *parted*: it was cut for certain. What has no trace of a tag may have been cut before it, or
may be of another program, so it takes evidence. A length is a *limit* if

- FEW parted ones at least are exactly so long: chance does not part tags at one length, and a limit does, since of
  events that are a little longer than it the cut goes through the tag; and
- nothing that has its tag whole is longer, but by PRIORITY_BYTES: it would have been cut as well.

What has no trace of a tag and is as long as a limit was cut. But a limit cuts what other programs write as well: where
there is something without a trace of a tag at other lengths, as much of what is as long as a limit may be theirs. That
is *doubtful*: cut or lost. So is what is as long as something parted where the evidence for a limit falls short. What
has any other length was not cut, however often it comes: programs repeat themselves.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FEW: Final = 3
PRIORITY_BYTES: Final = 2
"""A priority value has one to three digits (RFC 5424, section 6.2.1), and many collectors cut a message as it came and
then write it without that."""


class CutTraceless(NamedTuple):
    """What has no trace of a tag and was cut."""

    lengths: NDArray[np.int64]
    """The lengths at which something of it was, for certain or not; rising."""
    events: int
    doubtful_events: int
    """Beside these, what may have been cut."""


def cut_traceless(traceless: NDArray[np.int64], parted: NDArray[np.int64], longest_whole_bytes: int) -> CutTraceless:
    """How much of what has no trace of a tag was cut, by the rule above.

    Of what has none, and of what is parted, there are so many of each length in bytes, shape (lengths,) both;
    `longest_whole_bytes` is the length of the longest that has its tag whole.
    """
    limits = parted >= FEW
    limits[: max(longest_whole_bytes - PRIORITY_BYTES, 0)] = False
    weak = (parted > 0) & ~limits
    cut, maybe = int(traceless[limits].sum()), int(traceless[weak].sum())
    theirs = min(cut, int(traceless.sum()) - cut - maybe)
    return CutTraceless(np.flatnonzero((limits | weak) & (traceless > 0)), cut - theirs, maybe + theirs)
