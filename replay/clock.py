"""What time is it? Only this module reads clocks and sleeps; all other code takes the time as an argument."""

import time
from typing import Final

SECOND_NS: Final = 1_000_000_000
MICROSECOND_NS: Final = 1000

monotonic_ns = time.monotonic_ns
"""CLOCK_MONOTONIC: one timeline for all processes of this machine, never stepped (clock_gettime(2))."""

wall_ns = time.time_ns
"""CLOCK_REALTIME, for the stamps in events: nanoseconds since 1970-01-01 UTC."""

process_cpu_ns = time.process_time_ns
"""CPU time of this process, user and system."""


def sleep_ns(wait_ns: int) -> None:
    """Sleep at least `wait_ns`; return at once when it is not positive."""
    if wait_ns > 0:
        time.sleep(wait_ns / SECOND_NS)
