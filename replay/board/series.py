"""How many events were sent and due in each interval of a run? The rows are kept in bounded memory.

A run of up to ten minutes has a row for each interval of 100 ms. If there would be more than MOST_ROWS, two, four,
eight and so on neighbouring intervals are joined to a row. So a long run of any length has at least half of MOST_ROWS.
"""

from typing import Final

Row = tuple[int, int] | None
"""Events sent and events due; None: the interval was not measured."""

MOST_ROWS: Final = 6000


class IntervalSeries:
    """The rows of a run, in the order of time."""

    def __init__(self) -> None:
        """Begin without rows."""
        self.joined = 1
        """How many intervals make up a row."""
        self._rows: list[Row] = []
        self._open: list[Row] = []
        """The last intervals, which do not make up a row yet."""

    def append(self, row: Row) -> None:
        """Add the next interval."""
        self._open.append(row)
        if len(self._open) == self.joined:
            self._rows.append(_together(self._open))
            self._open.clear()
        if len(self._rows) == MOST_ROWS:
            self._rows = [_together(self._rows[i : i + 2]) for i in range(0, MOST_ROWS, 2)]
            self.joined *= 2

    @property
    def rows(self) -> list[Row]:
        """All rows; the last one may consist of fewer intervals than the others."""
        return self._rows + ([_together(self._open)] if self._open else [])


def _together(rows: list[Row]) -> Row:
    """The sum of several rows; it is None (not measured) if one of them is None."""
    known = [row for row in rows if row is not None]
    if len(known) < len(rows):
        return None
    return sum(sent for sent, _ in known), sum(due for _, due in known)
