"""When did ports drop packets? The intervals with drops, in bounded memory. Pure.

If there are more rows than a report should have, all intervals are made twice as long, until there are few enough. So a
watch of days keeps its first hour as well as its last.
"""

from typing import Final

from replay.receiver_host.model import DropFigures

MOST_ROWS: Final = 5000
COLUMNS: Final = ("port", "interval", "dropped_packets", "waiting_bytes_max")
"""The columns of each row; `interval` counts lengths of `interval_s` since the watch began."""


class DropTimes:
    """The intervals of each port in which packets were dropped."""

    def __init__(self) -> None:
        """Begin with intervals of one second."""
        self.interval_s = 1
        self._rows: dict[tuple[int, int], tuple[int, int]] = {}

    def add(self, port: int, at_s: float, dropped_packets: int, waiting_bytes: int) -> None:
        """Add the packets that a port dropped from the look before to the one at `at_s`, and what waited then."""
        self._put((port, int(at_s) // self.interval_s), dropped_packets, waiting_bytes)
        while len(self._rows) > MOST_ROWS:
            rows, self._rows = self._rows, {}
            self.interval_s *= 2
            for (place, interval), counts in rows.items():
                self._put((place, interval // 2), *counts)

    def _put(self, key: tuple[int, int], dropped_packets: int, waiting_bytes: int) -> None:
        before, most = self._rows.get(key, (0, 0))
        self._rows[key] = (before + dropped_packets, max(most, waiting_bytes))

    def figures(self) -> DropFigures:
        """The rows for the report, in the order of ports and times."""
        rows = [[*key, *counts] for key, counts in sorted(self._rows.items())]
        return DropFigures(self.interval_s, list(COLUMNS), rows)
