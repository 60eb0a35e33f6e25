"""Which time stamps are written into events at sending: the current instant, or the event's own one moved to now."""

from enum import StrEnum

import numpy as np

from captures.format.layout import StampKind
from captures.format.stamps import stamp_texts


class Stamp(StrEnum):
    """Which stamps the events of a run get."""

    NOW = "now"
    """The instant of sending."""
    SHIFT = "shift"
    """The event's own instant, moved so that the capture's first instant is the start of the run."""
    KEEP = "keep"
    """The stamp stays as it was when the capture was built."""


def iso_ms(wall_ns: int) -> str:
    """Nanoseconds since 1970 as `2025-08-30T10:15:30.123Z`: RFC 3339, UTC, milliseconds, rounded down."""
    return stamp_texts(StampKind.ISO_MS, 0, np.array([wall_ns])).tobytes().decode()
