"""The text of instants, in each kind of stamp: what a build renders and a replay writes anew."""

from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format import STAMP_WIDTHS, StampKind

_SECOND_NS: Final = 1_000_000_000
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_THOUSANDS: Final = np.frombuffer(b"".join(b"%03d" % number for number in range(1000)), np.uint8).reshape(1000, 3)


def stamp_texts(kind: StampKind, zone_minutes: int, instants_ns: NDArray[np.int64]) -> NDArray[np.void]:
    """The stamps of instants (ns since 1970 UTC, rounded down) in a zone east of UTC: shape (instants,), V{width}."""
    seconds, rest_ns = np.divmod(instants_ns, _SECOND_NS)
    distinct, place = np.unique(seconds, return_inverse=True)
    dates = [_date(kind, second + zone_minutes * 60) for second in distinct.tolist()]
    texts = np.empty((len(instants_ns), STAMP_WIDTHS[kind]), np.uint8)
    date = np.frombuffer("".join(dates).encode(), np.uint8).reshape(len(dates), -1)
    texts[:, : date.shape[1]] = date[place]
    if kind != StampKind.RFC3164:
        texts[:, 20:23] = _THOUSANDS[rest_ns // 1_000_000]
        zone = "Z"
        if kind != StampKind.ISO_MS:
            texts[:, 23:26] = _THOUSANDS[rest_ns // 1000 % 1000]
        if kind == StampKind.RFC3339_US_OFFSET:
            zone = f"{'-' if zone_minutes < 0 else '+'}{abs(zone_minutes) // 60:02d}:{abs(zone_minutes) % 60:02d}"
        texts[:, -len(zone) :] = np.frombuffer(zone.encode(), np.uint8)
    return texts.view(f"V{STAMP_WIDTHS[kind]}")[:, 0]


def _date(kind: StampKind, second: int) -> str:
    """What a stamp begins with: all but the fraction of the second and the zone."""
    at = datetime.fromtimestamp(second, UTC)
    if kind == StampKind.RFC3164:
        return f"{_MONTHS[at.month - 1]} {at.day:2d} {at:%H:%M:%S}"
    return f"{at:%Y-%m-%dT%H:%M:%S}."
