"""Zones of stamps: how many minutes one is east of UTC at an instant, summer time included, as a table for kernels.

A table has shape (changes + 1, 2): the second since 1970 from which a row holds, and the minutes. The first row holds
before it, too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

_WEEK_S: Final = 7 * 86_400
"""Between two changes of a zone there is more time than this, so a look each week finds them all."""
_LAST_SECOND: Final = (1 << 63) // 1_000_000_000
"""No instant is later: in nanoseconds it would not fit 64 bits."""


_OF_THE_MACHINE: Final = ("localtime", "posixrules")
"""Files beside those of zones, which are another zone on another machine."""


@dataclass(frozen=True)
class Zone:
    """A zone. Two of one name are equal."""

    name: str
    """`Z`, `+02:00` or `Europe/Berlin`."""
    table: NDArray[np.int64] = field(compare=False, repr=False)


def fixed_zone(name: str, minutes: int) -> Zone:
    """A zone that is always so many minutes east of UTC."""
    return Zone(name, np.array([[0, minutes]], np.int64))


UTC: Final = fixed_zone("Z", 0)


def named_zone(name: str) -> Zone:
    """A zone of the IANA database (`zoneinfo`), like Europe/Berlin. Raises ValueError if none is known so."""
    try:
        zone = ZoneInfo("" if name in _OF_THE_MACHINE else name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no zone {name!r} is known here") from None

    def minutes_at(second: int) -> int:
        return (datetime.fromtimestamp(second, zone).utcoffset() or timedelta()) // timedelta(minutes=1)

    return Zone(name, zone_table(minutes_at, 0))


def zone_table(minutes_at: Callable[[int], int], first_second: int) -> NDArray[np.int64]:
    """The table from a second since 1970 on, of a function that says the minutes east of UTC at a second."""
    rows = [(first_second, minutes_at(first_second))]
    for later in range(first_second + _WEEK_S, _LAST_SECOND, _WEEK_S):
        if (minutes := minutes_at(later)) != rows[-1][1]:
            rows.append((_change(minutes_at, later - _WEEK_S, later), minutes))
    return np.array(rows, np.int64)


def _change(minutes_at: Callable[[int], int], before: int, after: int) -> int:
    """The first second after `before` at which the zone is the one of `after`, by halving."""
    minutes = minutes_at(after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if minutes_at(middle) == minutes else (middle, after)
    return after
