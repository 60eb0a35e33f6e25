"""The clock of an interface of pcapng, and what instants its ticks are: options if_tsresol and if_tsoffset.

draft-ietf-opsawg-pcapng, section 4.2. Ticks are unsigned numbers of 64 bits, up to 2**63 or 10**19 in a second, so a
product with 10**9 needs more than 64 bits: seconds and their fraction are reckoned apart.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from captures.compiled.kernel import int64, kernel
from captures.console.units import SECOND_NS

CLOCK: Final = np.dtype(
    (
        np.record,
        [
            ("per_second", "<u8"),  # ticks
            ("multiplier", "<u8"),  # ns of a tick; 0: a tick is shorter, or no whole number of them
            ("divisor", "<u8"),  # ticks of a ns, if there are whole ones; else 0
            ("exponent", "<i8"),  # if per_second is a power of two: which
            ("plain_ticks", "<u8"),  # fewer are simply multiplied
            ("offset_s", "<i8"),  # what is added
        ],
    )
)
LAST_SECOND: Final = (2**63 - 1) // SECOND_NS - 1
"""Instants up to the end of this second fit into 63 bits."""
_MOST_OFFSET_S: Final = 2**62
_MOST_DECIMAL, _MOST_BINARY = 19, 63
_BINARY: Final = 0x80


class Resolution(NamedTuple):
    """How fine a clock is: `base` to the power of `exponent` ticks in a second."""

    base: int
    exponent: int

    @property
    def per_second(self) -> int:
        """Ticks in a second."""
        return int(self.base**self.exponent)


MICROSECONDS: Final = Resolution(10, 6)


def resolution_of(value: int) -> Resolution | None:
    """What the byte of if_tsresol says; None: finer than a number of 64 bits can tell."""
    base, exponent = (2, value - _BINARY) if value & _BINARY else (10, value)
    return Resolution(base, exponent) if exponent <= (_MOST_BINARY if base == 2 else _MOST_DECIMAL) else None


def clock_row(resolution: Resolution, offset_s: int) -> tuple[int, int, int, int, int, int]:
    """A CLOCK row. An offset of more than 2**62 s is as good as 2**62: no instant fits with it."""
    per_second = resolution.per_second
    multiplier, rest = divmod(SECOND_NS, per_second)
    multiplier = 0 if rest else multiplier
    divisor = 0 if resolution.base == 2 else per_second // SECOND_NS
    plain_ticks = (LAST_SECOND + 1) * per_second if multiplier and not offset_s else 0
    offset_s = max(-_MOST_OFFSET_S, min(offset_s, _MOST_OFFSET_S))
    exponent = resolution.exponent if resolution.base == 2 else 0
    return per_second, multiplier, divisor, exponent, plain_ticks, offset_s


@kernel
def instant_of(ticks: np.uint64, clock: Any) -> int:
    """The instant in ns since 1970, rounded down; -1: it does not fit into 63 bits. `clock` is a CLOCK row."""
    if ticks < clock.plain_ticks:
        return int64(ticks * clock.multiplier)
    seconds = ticks // clock.per_second
    rest = ticks - seconds * clock.per_second
    if clock.multiplier != np.uint64(0):
        part = rest * clock.multiplier
    elif clock.divisor != np.uint64(0):
        part = rest // clock.divisor
    else:  # rest * 10**9 >> exponent, in two steps, since 93 bits would be needed
        low_bits = np.uint64(max(int64(clock.exponent) - 33, 0))
        high = rest >> low_bits
        low = rest - (high << low_bits)
        part = high * np.uint64(SECOND_NS) + (low * np.uint64(SECOND_NS) >> low_bits)
        part = part >> np.uint64(int64(clock.exponent) - int64(low_bits))
    if seconds > np.uint64(_MOST_OFFSET_S):
        return -1
    whole = int64(seconds) + int64(clock.offset_s)
    return whole * SECOND_NS + int64(part) if 0 <= whole <= LAST_SECOND else -1
