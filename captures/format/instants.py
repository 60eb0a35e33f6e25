"""The instants of a window's events: event j of n (both from 0) is at `start + j * duration // n`, in exact integers.

A window may last years and hold billions of events, so `j * duration` does not fit 64 bits. The instants of a window's
events are therefore a `Ramp`: its start is worked out in Python's integers, and what is left to numpy is small.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Ramp(NamedTuple):
    """The numbers (first + i * step) // per, for i from 0, as the parts of both divisions.

    Products of i and `per` must fit 63 bits: with up to a million events at a time that is so of any window.
    """

    base: int
    rest: int
    whole: int
    part: int
    per: int


def ramp(first: int, step: int, per: int) -> Ramp:
    """The numbers (first + i * step) // per."""
    return Ramp(*divmod(first, per), *divmod(step, per), per)


def ramp_values(ramps: NDArray[np.int64], index: NDArray[np.int64]) -> NDArray[np.int64]:
    """The i-th result is number `index[i]` of the ramp `ramps[i]`; `index` has shape (n,), and `ramps` (n, 5)."""
    base, rest, whole, part, per = ramps.T
    values: NDArray[np.int64] = base + index * whole + (rest + index * part) // per
    return values


def instants(start_ns: int, duration_ns: int, events: int, first: int) -> Ramp:
    """The instants of a window's events from number `first` on; the window has so many `events`, at least one."""
    return ramp(start_ns * events + first * duration_ns, duration_ns, events)
