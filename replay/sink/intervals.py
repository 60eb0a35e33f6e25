"""When events were lost or otherwise troubled: the intervals of each port in which something is to be told.

Intervals are tenths of a second. Where there are more than a report should have, neighbours are put together, two,
four, eight and so on, until there are not.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from replay.sink.sequence import PLANES
from replay.sink.tally import STRANGE, TENTH_NS, Tally

MOST_ROWS: Final = 5000
COLUMNS: Final = ("port", "interval", *(f"{name}_events" for name in (*PLANES, *STRANGE)))
"""Of each row; the interval is counted in lengths of `interval_ms` since `since_ns`."""

_TROUBLE: Final = PLANES[1:]
"""All but what arrived, which is told beside trouble only."""
_ARRIVED: Final = PLANES[0]


def troubled_intervals(tally: Tally) -> dict[str, Any]:
    """The rows of all ports, ready for JSON, in the order of ports and times.

    Only planes of ports that have trouble are looked at: to read a page that was never written to would make it.
    """
    places, intervals, counts = (np.concatenate(parts) for parts in zip(*_rows(tally), strict=True))
    merged = 1
    while len(places) > MOST_ROWS:
        merged *= 2
        key, row = np.unique(np.stack((places, intervals // 2), axis=1), axis=0, return_inverse=True)
        summed = np.zeros((len(key), counts.shape[1]), np.int64)
        np.add.at(summed, row.ravel(), counts)
        (places, intervals), counts = key.T, summed
    arrived = [_arrived(tally, int(place), int(i) * merged, merged) for place, i in zip(places, intervals, strict=True)]
    ports = np.array(tally.ports, np.int64)[places]
    table = np.column_stack((ports, intervals, np.array(arrived, np.int64), counts))
    return {
        "interval_ms": TENTH_NS * merged // 1_000_000,
        "since_ns": tally.start_ns,
        "columns": list(COLUMNS),
        "rows": table.tolist(),
    }


def _rows(tally: Tally) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Places of ports, intervals, and counts of _TROUBLE and STRANGE, of each interval with any of these."""
    used = max(1, min((int(tally.lanes["last_ns"].max()) - tally.start_ns) // TENTH_NS + 1, tally.tenths.shape[1]))
    width = len(_TROUBLE) + len(STRANGE)
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, width), np.int64))]
    for place, row in enumerate(tally.sequences):
        totals = {name: int(row[name]) for name in _TROUBLE[1:]} | {"lost": int(row["next"] - row["arrived"])}
        counts = np.zeros((used, width), np.int64)
        for column, name in enumerate(_TROUBLE):
            if totals[name]:
                counts[:, column] = tally.planes[name][place, :used]
        seats = np.flatnonzero(tally.port_of_seat == place)
        for column, name in enumerate(STRANGE, len(_TROUBLE)):
            if tally.lanes[name][seats].any():
                counts[:, column] = tally.strange[name][seats, :used].sum(axis=0)
        intervals = np.flatnonzero(counts.any(axis=1))
        found.append((np.full(len(intervals), place), intervals, counts[intervals]))
    return found


def _arrived(tally: Tally, place: int, first: int, intervals: int) -> int:
    return int(tally.planes[_ARRIVED][place, first : first + intervals].sum())
