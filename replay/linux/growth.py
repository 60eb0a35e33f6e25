"""What counters of the kernel have grown by between two looks. Pure.

A counter of 64 bits does not wrap in our time: one that went back began anew, with its device or its module. One of
32 bits wraps. So differences are taken device by device and core by core, and only then summed.
"""

from collections.abc import Mapping
from typing import Final

_MODULUS: Final = 1 << 32


def grown(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """What counters of 64 bits have grown by; one that was not there before has not."""
    return {name: _grown(before.get(name, value), value) for name, value in now.items()}


def grown_by_device(
    before: Mapping[str, Mapping[str, int]], now: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """What counters of 64 bits have grown by, device by device; a new device began at zero, so all of it is growth."""
    zeros = {name: dict.fromkeys(counted, 0) for name, counted in now.items()}
    return {name: grown(before.get(name, zeros[name]), counted) for name, counted in now.items()}


def grown_by_core(before: Mapping[int, int], now: Mapping[int, int]) -> int:
    """What a counter of 32 bits has grown by, all cores together; one that was not there before has not."""
    return sum((value - before.get(core, value)) % _MODULUS for core, value in now.items())


def _grown(then: int, value: int) -> int:
    return value - then if value >= then else value
