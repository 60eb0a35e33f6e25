"""How many events were sent and due in each interval of a run, in bounded memory.

A run of up to ten minutes has a row for each interval of 100 ms. Where there would be more than MOST_ROWS, neighbouring
intervals are joined, two, four, eight and so on, so that the rows of a run of any length fill a half of that at least.
"""

from typing import Final

Row = tuple[int, int] | None
"""Events sent and events due; None: the interval was not measured."""

MOST_ROWS: Final = 6000


class IntervalSeries:
    """Rows in the order of time."""

    def __init__(self) -> None:
        """Begin without any."""
        self.joined = 1
        """How many intervals a row holds."""
        self._rows: list[Row] = []
        self._open: list[Row] = []
        """Intervals that do not make up a row yet."""

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
        """All of them; the last one may hold fewer intervals than the others."""
        return self._rows + ([_together(self._open)] if self._open else [])


def _together(rows: list[Row]) -> Row:
    """What several rows hold together: not measured, as soon as one of them is not."""
    known = [row for row in rows if row is not None]
    if len(known) < len(rows):
        return None
    return sum(sent for sent, _ in known), sum(due for _, due in known)
