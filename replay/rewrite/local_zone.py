"""When does the zone of this machine change? A table says it for centuries, so that kernels can look it up."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.stamps import zones

DAY_S: Final = 86_400


def local_zone_minutes(second: int) -> int:
    """How many minutes this machine's zone is east of UTC at a second since 1970, summer time included."""
    offset = datetime.fromtimestamp(second, UTC).astimezone().utcoffset()
    return int(offset.total_seconds()) // 60 if offset is not None else 0


@lru_cache(maxsize=2)
def zone_table(day: int) -> NDArray[np.int64]:
    """The zones of this machine from a day since 1970 on, as `captures.format.stamps.zones` has them."""
    return zones.zone_table(local_zone_minutes, day * DAY_S)
