"""What is a section of an open capture? A stretch of the mapped file, and the digest that it has to have."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Part(NamedTuple):
    """A section of an open capture."""

    name: str
    offset: int
    """Where it begins in the file."""
    data: NDArray[np.uint8]
    """Its bytes, a view of the mapped file."""
    digest: bytes
    """The BLAKE3 that the header says it has; of the payload: the one of the digests of its blocks."""
    checked_at_once: bool
    """Whether its digest was compared when the capture was opened; if not, that is left to verifying."""
