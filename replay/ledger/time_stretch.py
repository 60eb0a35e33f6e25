"""How are times shown in a ledger and an audit? In tenths of a second. Pure."""

import math
from typing import Final

_LONGEST_S: Final = 1e10
"""The greatest time in a run, three hundred years; a later one counts as not known."""


def stretch(from_s: float | None, to_s: float | None) -> tuple[float | None, float | None]:
    """Round a stretch of time outwards to tenths of a second, so that it is never empty; None if it is not known."""
    if from_s is None or to_s is None or to_s > _LONGEST_S:
        return None, None
    first = math.floor(from_s * 10 + 1e-6)
    return first / 10, max(math.ceil(to_s * 10 - 1e-6), first + 1) / 10
