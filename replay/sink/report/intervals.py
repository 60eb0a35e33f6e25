"""When were events lost or otherwise troubled? The report lists the intervals of each port with such events.

Intervals are tenths of a second, and longer after many hours (`replay.sink.time_cells`). If there are more rows than a
report should have, two, four, eight and so on neighbouring intervals are joined, until there are few enough.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.sink.board import STRANGE, Tally
from replay.sink.number_account import PLANES, lost_events
from replay.sink.report.model import TroubledIntervals
from replay.sink.time_cells import TENTH_NS, cell_at, tenths_of

MOST_ROWS: Final = 5000
COLUMNS: Final = ("port", "interval", *(f"{name}_events" for name in (*PLANES, *STRANGE)), "intervals")
"""The columns of a row. `interval` counts lengths of `interval_ms` from `since_ns`, and lasts `intervals` of them."""

_TROUBLE: Final = PLANES[1:]
"""All planes but that of arrivals, which are listed only for intervals with trouble."""


def troubled_intervals(tally: Tally) -> TroubledIntervals:
    """The rows of all ports, in the order of ports and times.

    Only planes of ports with trouble are read: reading a page that was never written to would allocate it.
    """
    ports, cells, counts = (np.concatenate(parts) for parts in zip(*_rows(tally), strict=True))
    tenths, lasting = tenths_of(cells)
    merged = 1
    while len(ports) > MOST_ROWS:
        merged *= 2
        key, row = np.unique(np.stack((ports, tenths // merged), axis=1), axis=0, return_inverse=True)
        summed, longest = np.zeros((len(key), counts.shape[1]), np.int64), np.zeros(len(key), np.int64)
        np.add.at(summed, row.ravel(), counts)
        np.maximum.at(longest, row.ravel(), lasting)
        ports, tenths, counts, lasting = key[:, 0], key[:, 1] * merged, summed, longest
    table = np.column_stack((ports, tenths // merged, counts, np.maximum(1, lasting // merged)))
    return TroubledIntervals(
        interval_ms=TENTH_NS * merged // 1_000_000,
        since_ns=tally.start_ns,
        columns=list(COLUMNS),
        rows=table.tolist(),
    )


def _rows(tally: Tally) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """For each cell with any trouble: its port, the cell, and the counts of PLANES and STRANGE."""
    used = cell_at(int(tally.by_socket["last_ns"].max() - tally.start_ns) // TENTH_NS) + 1
    width = len(PLANES) + len(STRANGE)
    found = [(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, width), np.int64))]
    for row in tally.rows:
        account = tally.numbers[row : row + 1]
        totals = {name: int(account[name][0]) for name in _TROUBLE[1:]}
        totals["lost"] = lost_events(account)
        counts = np.zeros((used, width), np.int64)
        for column, name in enumerate(_TROUBLE, 1):
            if totals[name]:
                counts[:, column] = tally.planes[name][row, :used]
        sockets = np.flatnonzero(tally.port_of_socket == row)
        for column, name in enumerate(STRANGE, len(PLANES)):
            if tally.by_socket[name][sockets].any():
                counts[:, column] = tally.strange[name][sockets, :used].sum(axis=0)
        cells = np.flatnonzero(counts.any(axis=1))
        if cells.size:
            counts[cells, 0] = tally.planes[PLANES[0]][row, cells]
            found.append((np.full(len(cells), tally.row_ports[row]), cells, counts[cells]))
    return found
