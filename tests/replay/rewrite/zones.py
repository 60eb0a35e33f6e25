"""This process lives in a zone with summer time for the tests of a module."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from captures.format.layout import LOCAL_ZONE
from replay.rewrite.local_zone import zone_table

SECOND_NS = 10**9
ZONE = "Europe/Berlin"
SPRING_S = int(datetime(2025, 3, 30, 1, tzinfo=UTC).timestamp())
"""When summer time began there: 02:00 became 03:00."""
AUTUMN_S = int(datetime(2025, 10, 26, 1, tzinfo=UTC).timestamp())
"""When it ended."""


@contextmanager
def living_in(zone: str) -> Iterator[None]:
    """Local time is that of `zone`."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = zone
    time.tzset()
    zone_table.cache_clear()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()
        zone_table.cache_clear()


def zone_of(zone_minutes: int, instant_ns: int) -> int:
    """A zone's minutes, by way of the zone's own table."""
    if zone_minutes != LOCAL_ZONE:
        return zone_minutes
    offset = datetime.fromtimestamp(instant_ns // SECOND_NS, ZoneInfo(ZONE)).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)
