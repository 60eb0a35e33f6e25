"""Which time stamps are written into events at sending: the current instant, or the event's own one moved to now."""

from enum import StrEnum


class Stamp(StrEnum):
    """Which stamps the events of a run get."""

    NOW = "now"
    """The instant of sending."""
    SHIFT = "shift"
    """The event's own instant, moved so that the capture's first instant is the start of the run."""
    KEEP = "keep"
    """The stamp stays as it was when the capture was built."""
