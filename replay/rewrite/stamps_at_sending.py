"""Which time stamps are written into events at sending: the current instant, or the event's own one moved to now.

A train's stamps lie one event's length apart, so one strided assignment writes them all. With milliseconds or seconds
all stamps of a train have the same text. With microseconds each event has its own.
"""

from collections import defaultdict
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import LOCAL_ZONE, MAX_TRAIN_EVENTS, STAMP_WIDTHS, StampKind
from captures.format.stamp_writing import stamp_texts
from replay.clock import MICROSECOND_NS, SECOND_NS
from replay.schedule.pieces import Pieces
from replay.unaligned import text_at_each_byte

_RESOLUTION_NS: Final[dict[int, int]] = {StampKind.ISO_MS: 1_000_000, StampKind.RFC3164: SECOND_NS}
"""The resolution of the kinds of stamp that may be the same for a whole train."""
_TRAIN_NS: Final = np.arange(1 - MAX_TRAIN_EVENTS, 1) * MICROSECOND_NS
"""The last microseconds up to an instant, one for each event that a train may have."""


_NO_TEXTS: Final = np.empty(0, "V1")


class Stamp(StrEnum):
    """Which stamps the events of a run get."""

    NOW = "now"
    """The instant of sending."""
    SHIFT = "shift"
    """The event's own instant, moved so that the capture's first instant is the start of the run."""
    KEEP = "keep"
    """The stamp stays as it was when the capture was built."""


@lru_cache(maxsize=4096)
def local_zone_minutes(second: int) -> int:
    """How many minutes this machine's zone is east of UTC at a second since 1970, summer time included."""
    offset = datetime.fromtimestamp(second, UTC).astimezone().utcoffset()
    return int(offset.total_seconds()) // 60 if offset is not None else 0


def style_texts(style: int, instants_ns: NDArray[np.int64]) -> NDArray[np.void]:
    """The texts of ascending instants, shape (instants,), in a style as in `replay.schedule.pieces.Pieces`."""
    kind, zone_minutes = StampKind(style & 0xFF), style >> 8
    if zone_minutes != LOCAL_ZONE:
        return stamp_texts(kind, zone_minutes, instants_ns)
    zones = [local_zone_minutes(int(instant_ns) // SECOND_NS) for instant_ns in (instants_ns[0], instants_ns[-1])]
    if zones[0] == zones[1]:
        return stamp_texts(kind, zones[0], instants_ns)
    # Summer time begins or ends within these instants, so each of them gets its own zone.
    return np.concatenate([style_texts(style, instants_ns[i : i + 1]) for i in range(len(instants_ns))])


@lru_cache(maxsize=256)
def _second_texts(style: int, resolution_ns: int, second: int) -> NDArray[np.void]:
    """All texts within a second since 1970, in a style with this resolution."""
    return style_texts(style, np.arange(second * SECOND_NS, (second + 1) * SECOND_NS, resolution_ns))


def _one_text(style: int, resolution_ns: int, instant_ns: int) -> NDArray[np.void]:
    """The text of an instant, as an array of shape (1,)."""
    second, rest_ns = divmod(instant_ns, SECOND_NS)
    place = rest_ns // resolution_ns
    return _second_texts(style, resolution_ns, second)[place : place + 1]


class _Places:
    """The places of a buffer where stamps may be written, for each kind of stamp."""

    def __init__(self, buffer: NDArray[np.uint8]) -> None:
        """Write into `buffer`."""
        self._of_kind: dict[int, NDArray[np.void]] = {
            kind: text_at_each_byte(buffer, width) for kind, width in STAMP_WIDTHS.items() if width
        }


class NowStamps(_Places):
    """Writes the instant at which a batch was begun. With microseconds, only a train's last event has this instant."""

    def begin(self, wall_ns: int) -> None:
        """Write this instant, in nanoseconds since 1970, from now on."""
        self._wall_ns = wall_ns
        self._texts: dict[int, tuple[NDArray[np.void], NDArray[np.void]]] = {}

    def write(self, pieces: Pieces, first: int, end: int, shift: int) -> None:
        """Write the stamps of the pieces `first` to `end`; their bytes lie `shift` from their place in the payload."""
        texts, last, one = self._texts, 0, True
        for start, stop, step, style in pieces.stamps[first:end]:
            if style != last and style:
                places, text = texts.get(style) or self._make(style)
                last, one = style, len(text) == 1
            if style:
                places[start + shift : stop + shift : step] = text if one else text[(start - stop) // step :]

    def _make(self, style: int) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """The places for a style's kind of stamp, and its texts: one, or one for each event that a train may have."""
        kind = style & 0xFF
        if resolution_ns := _RESOLUTION_NS.get(kind):
            text = _one_text(style, resolution_ns, self._wall_ns)
        else:
            text = style_texts(style, self._wall_ns + _TRAIN_NS)
        made = self._texts[style] = self._of_kind[kind], text
        return made


class OwnStamps(_Places):
    """Writes the instant of each event on the time axis, as its pieces give it."""

    def begin(self, wall_ns: int) -> None:
        """Do nothing: the instant of sending does not matter here."""

    def write(self, pieces: Pieces, first: int, end: int, shift: int) -> None:
        """Write the stamps of the pieces `first` to `end`; their bytes lie `shift` from their place in the payload."""
        if not pieces.texts:
            pieces.texts.extend(_own_texts(pieces))
        for (start, stop, step, style), texts in zip(pieces.stamps[first:end], pieces.texts[first:end], strict=True):
            if style:
                self._of_kind[style & 0xFF][start + shift : stop + shift : step] = texts


def _own_texts(pieces: Pieces) -> list[NDArray[np.void]]:
    """The texts of each piece's events, shape (events,) each. They are made in one call for all pieces of a style."""
    texts = [_NO_TEXTS] * len(pieces.count)
    of_style: dict[int, list[int]] = defaultdict(list)
    for piece, (_, _, _, style) in enumerate(pieces.stamps):
        of_style[style].append(piece)
    of_style.pop(0, None)
    for style, own in of_style.items():
        made, end = style_texts(style, np.concatenate([pieces.instants_ns[piece] for piece in own])), 0
        for piece in own:
            start, end = end, end + pieces.count[piece]
            texts[piece] = made[start:end]
    return texts


def stamp_writer(stamp: Stamp, buffer: NDArray[np.uint8]) -> NowStamps | OwnStamps | None:
    """The writer that puts the stamps of a run into `buffer`; None: the stamps are kept."""
    match stamp:
        case Stamp.NOW:
            return NowStamps(buffer)
        case Stamp.SHIFT:
            return OwnStamps(buffer)
    return None
