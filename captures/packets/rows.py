"""The rows that the parts of an import hand on: what a container says of each packet."""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

PACKET: Final = np.dtype(
    (
        np.record,
        [
            ("place", "<i8"),  # where its first byte is in the bytes of the batch
            ("captured", "<i8"),  # how many of its bytes are there
            ("original", "<i8"),  # how many it had on the wire; never fewer
            ("instant_ns", "<i8"),  # since 1970 UTC; NO_INSTANT: the container does not say
            ("link", "<i8"),  # the row of LINK: the interface on which it was captured
        ],
    )
)
"""A packet, as a container (pcap, pcapng) tells of it."""


class Batch(NamedTuple):
    """Packets that lie in one piece of memory."""

    data: NDArray[np.uint8]
    """What the container holds there, with its own headers between the packets; shape (bytes,)."""
    packets: NDArray[Any]
    """PACKET rows in the order of the container, one for each packet."""
