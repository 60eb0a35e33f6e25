"""The kernel that finds the host in the header of an event, behind the stamp that its train says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from captures.format.stamps.kinds import DATE, STYLES, WIDTH
from captures.format.stamps.writing import ISO, MONTH_DAY, MONTH_DAY_YEAR
from captures.text.headers import NO_PRIORITY, header_at, host_behind, host_field

_HYPHEN = ord("-")


@kernel
def host_in_header(buffer: NDArray[np.uint8], start: int, end: int, row: Any) -> tuple[int, int]:
    """The place and the end of the host in the header of an event of a TRAIN row; -1: none is known."""
    kind = int64(row.stamp_kind)
    priority, version, front = header_at(buffer, start, end)
    host, width = start, 0
    if kind == 0:
        if version and front < end and buffer[front] == _HYPHEN:
            host, width = host_field(buffer, front + 1, end)
    else:
        behind = start + int64(row.stamp_column) + STYLES[kind, WIDTH]
        if version:
            host, width = host_field(buffer, behind, end)
        elif priority != NO_PRIORITY or STYLES[kind, DATE] in (ISO, MONTH_DAY, MONTH_DAY_YEAR):
            host, width = host_behind(buffer, behind, end, kind)
    return (host, host + width) if width else (-1, -1)
