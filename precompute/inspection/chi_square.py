"""Pearson's chi-square test of counts against the shares that they should have."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LEAST_EXPECTED: Final = 5
"""Parts of which fewer events are expected are put together: the distribution only holds for larger ones."""
_PRECISION: Final = 1e-14
_MOST_TERMS: Final = 100_000


@dataclass(frozen=True)
class ChiSquare:
    """The outcome of a test."""

    statistic: float
    freedom: int
    """Degrees of freedom."""
    p: float
    """How likely a random draw by the shares would fit as badly as this, or worse."""


def chi_square(counts: Sequence[int], shares: Sequence[float]) -> ChiSquare | None:
    """Test `counts` against `shares`, which sum to 1; None when fewer than two parts are left to compare."""
    total = sum(counts)
    parts = [(count, share * total) for count, share in zip(counts, shares, strict=True)]
    small = [part for part in parts if part[1] < LEAST_EXPECTED]
    tested = [part for part in parts if part[1] >= LEAST_EXPECTED]
    rest = (sum(count for count, _ in small), sum(expected for _, expected in small))
    if rest[1] >= LEAST_EXPECTED:
        tested.append(rest)
    if len(tested) < 2:
        return None
    statistic = sum((count - expected) ** 2 / expected for count, expected in tested)
    freedom = len(tested) - 1
    return ChiSquare(statistic, freedom, upper_gamma(freedom / 2, statistic / 2))


def upper_gamma(a: float, x: float) -> float:
    """The regularised upper incomplete gamma function Q(a, x), for a > 0 and x >= 0 (DLMF 8.7.1 and 8.9.2)."""
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < total * _PRECISION:
                break
        return max(0.0, 1 - scale * total)
    # Lentz's evaluation of the continued fraction.
    b = x + 1 - a
    c, d = math.inf, 1 / b
    fraction = d
    for n in range(1, _MOST_TERMS):
        b += 2
        d = 1 / (b - n * (n - a) * d)
        c = b - n * (n - a) / c
        fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return min(1.0, scale * fraction)
