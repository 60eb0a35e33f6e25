"""Live stamps: the text of an instant, and writing it into every event of a train."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format import STAMP_WIDTHS, StampKind

_MILLISECOND_NS: Final = 1_000_000
_ISO_MS: Final = np.dtype(f"V{STAMP_WIDTHS[StampKind.ISO_MS]}")
_MILLISECONDS: Final = [f".{ms:03d}Z" for ms in range(1000)]


def iso_ms(wall_ns: int) -> str:
    """`2025-08-30T10:15:30.123Z` of nanoseconds since 1970: RFC 3339, UTC, milliseconds, rounded down."""
    second, rest_ns = divmod(wall_ns, 1_000_000_000)
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + _MILLISECONDS[rest_ns // _MILLISECOND_NS]


class Stamper:
    """The stamp of the current millisecond, made once and kept until the next begins."""

    __slots__ = ("_millisecond", "_second", "_seconds", "_stamp")

    def __init__(self) -> None:
        """Start with no instant at hand."""
        self._millisecond = self._second = -1
        self._seconds = ""
        self._stamp: np.void = np.void(b"")

    def stamp(self, wall_ns: int) -> np.void:
        """The ISO_MS stamp of an instant, a V24 scalar. The date is made anew only when the second changes."""
        millisecond = wall_ns // _MILLISECOND_NS
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            second, rest = divmod(millisecond, 1000)
            if second != self._second:
                self._second = second
                self._seconds = iso_ms(second * 1_000_000_000)[:19]
            self._stamp = np.void((self._seconds + _MILLISECONDS[rest]).encode())
        return self._stamp


def stamp_places(buffer: NDArray[np.uint8]) -> NDArray[np.void]:
    """Every place of `buffer` where an ISO_MS stamp could start: V24 items that overlap, one byte apart.

    A slice of it with the length of an event as its step is the stamps of a train.
    """
    return np.ndarray((len(buffer) - _ISO_MS.itemsize + 1,), _ISO_MS, buffer, 0, (1,))


def write_stamps(places: NDArray[np.void], shift: int, trains: Iterable[tuple[int, int, int]], stamp: np.void) -> None:
    """Write an ISO_MS stamp (a V24 scalar) into every event of `trains`.

    Each train is the slice of its stamps (first, end, step) in `places`, moved by `shift`; one without stamps is an
    empty slice. One strided assignment a train, whatever its number of events.
    """
    for first, end, step in trains:
        places[first + shift : end + shift : step].fill(stamp)
