"""How kernels ask for the time and sleep: clock_gettime(2) and clock_nanosleep(2), in nanoseconds."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.compiled.kernel import int64, kernel
from replay.linux.libc import clock_gettime, clock_nanosleep

CLOCK_REALTIME: Final = 0
CLOCK_MONOTONIC: Final = 1
CLOCK_PROCESS_CPUTIME_ID: Final = 2
"""The numbers of clocks, include/uapi/linux/time.h."""

_SECOND_NS: Final = 1_000_000_000


@kernel
def read_clock(clock: int, timespec: NDArray[np.int64]) -> int:
    """What a clock shows; `timespec` is room for a struct timespec, shape (2,)."""
    clock_gettime(clock, timespec.ctypes.data)
    return int64(timespec[0]) * _SECOND_NS + int64(timespec[1])


@kernel
def sleep(wait_ns: int, timespec: NDArray[np.int64]) -> None:
    """Sleep at least `wait_ns`, or until a signal comes; return at once when it is not positive."""
    if wait_ns > 0:
        timespec[0], timespec[1] = wait_ns // _SECOND_NS, wait_ns % _SECOND_NS
        clock_nanosleep(CLOCK_MONOTONIC, 0, timespec.ctypes.data, 0)
