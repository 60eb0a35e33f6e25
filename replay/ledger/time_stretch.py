"""Times as a ledger and an audit tell them: in tenths of a second. Pure."""

import math
from typing import Final

_LONGEST_S: Final = 1e10
"""Of a run: three hundred years; what is later is no time."""


def stretch(from_s: float | None, to_s: float | None) -> tuple[float | None, float | None]:
    """A stretch of time in tenths of a second that holds it, and is never empty."""
    if from_s is None or to_s is None or to_s > _LONGEST_S:
        return None, None
    first = math.floor(from_s * 10 + 1e-6)
    return first / 10, max(math.ceil(to_s * 10 - 1e-6), first + 1) / 10
