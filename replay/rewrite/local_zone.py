"""When does the zone of this machine change? A table says it for centuries, so that kernels can look it up."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY_S: Final = 86_400
_WEEK: Final = 7 * DAY_S
"""Between two changes of a zone there is more time than this, so a look each week finds them all."""
_LAST_SECOND: Final = (1 << 63) // 1_000_000_000
"""No instant is later: in nanoseconds it would not fit 64 bits."""


def local_zone_minutes(second: int) -> int:
    """How many minutes this machine's zone is east of UTC at a second since 1970, summer time included."""
    offset = datetime.fromtimestamp(second, UTC).astimezone().utcoffset()
    return int(offset.total_seconds()) // 60 if offset is not None else 0


@lru_cache(maxsize=2)
def zone_table(day: int) -> NDArray[np.int64]:
    """The zones of this machine from a day since 1970 on, shape (changes + 1, 2), in the order of time.

    Each row is the second since 1970 from which a zone holds, and how many minutes it is east of UTC.
    """
    first_second = day * DAY_S
    rows = [(first_second, local_zone_minutes(first_second))]
    for later in range(first_second + _WEEK, _LAST_SECOND, _WEEK):
        if (minutes := local_zone_minutes(later)) != rows[-1][1]:
            rows.append((_change(later - _WEEK, later, minutes), minutes))
    return np.array(rows, np.int64)


def _change(before: int, after: int, minutes: int) -> int:
    """The first second after `before` at which the zone is the one of `after`, by halving."""
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if local_zone_minutes(middle) == minutes else (middle, after)
    return after
