"""Zipf's law in integers: weights in proportion to 1 / k^s, the same on every machine.

The first values come from the decimal module, whose ln and exp are correctly rounded wherever they run. The others are
doubled from them: (2x)^-s = 2^-s x^-s, with x = m for an even k and x = m + 1/2 for an odd one, where x^-s is
interpolated between six neighbours (Lagrange). From x = 128 on that is within 2 * 10^-14 of the first weight.
"""

from decimal import Context, Decimal
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

FIRST_WEIGHT: Final = 10**12

_BITS: Final = 64
"""The bits of the fraction in fixed-point numbers."""
_DOUBLED_FROM: Final = 256
_DECIMAL: Final = Context(prec=30)


def zipf_weights(count: int, exponent: float) -> list[int]:
    """The weight of each rank k from 1 to `count`: 10^12 / k^exponent, rounded, and 1 at least.

    `exponent` is 0 or above. Each weight is within 1 of the exact one.
    """
    weights: list[int] = _weights(count, exponent).tolist()
    return weights


@lru_cache(maxsize=16)
def _weights(count: int, exponent: float) -> NDArray[np.int64]:
    """The weights, kept for the next call, since a profile's values are asked for more than once."""
    powers = [_power(k, exponent) for k in range(1, min(count + 1, _DOUBLED_FROM))]
    if count >= _DOUBLED_FROM:
        _double(powers, count)
    half = 1 << _BITS - 1
    return np.fromiter((max(1, power * FIRST_WEIGHT + half >> _BITS) for power in powers), np.int64, count)


@lru_cache(maxsize=1 << 14)
def _power(k: int, exponent: float) -> int:
    """k^-exponent in fixed point."""
    power = _DECIMAL.exp(_DECIMAL.multiply(_DECIMAL.ln(k), -Decimal(exponent)))
    return int(_DECIMAL.multiply(power, 1 << _BITS))


def _double(powers: list[int], count: int) -> None:
    """Extend `powers`, the powers of 1, 2, 3, ..., to `count` numbers."""
    half = powers[1]
    for k in range(len(powers) + 1, count + 1):
        m = k // 2
        if k % 2:
            a, b, c, d, e, f = powers[m - 3 : m + 3]  # of m - 2 to m + 3
            power = 150 * (c + d) - 25 * (b + e) + 3 * (a + f) >> 8
        else:
            power = powers[m - 1]
        powers.append(power * half >> _BITS)
