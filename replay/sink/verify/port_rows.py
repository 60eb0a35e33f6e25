"""Which row of the board holds the account of a port? The sink's own ports have theirs, and others get one.

An event's tag may name a port at which the sink does not listen, if something on the way maps ports. Such a port gets a
free row when its first event of the run comes, from whichever worker hears of it first.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from replay.ranges import HIGHEST_PORT
from replay.sink.board import WorkerTally

NO_ROW: Final = -1


class PortRows:
    """The rows of ports, as one worker knows them."""

    def __init__(self, tally: WorkerTally) -> None:
        """Read the rows that `tally` shares with the other workers, and give its free rows."""
        self._tally = tally
        self.row_of_port = np.full(HIGHEST_PORT + 1, NO_ROW)
        """NO_ROW: the port has none, or was given one since by another worker."""
        self._learn()

    def give(self, ports: NDArray[np.int64]) -> None:
        """Give rows to ports that have none, as long as rows are free."""
        row_ports = self._tally.row_ports
        with self._tally.choice:
            self._learn()
            wanted = np.unique(ports[(ports > 0) & (self.row_of_port[ports] == NO_ROW)])
            free = np.flatnonzero(row_ports == 0)[: len(wanted)]
            row_ports[free] = wanted[: len(free)]
            self._learn()

    def _learn(self) -> None:
        """Read which ports have rows by now, since other workers give rows too."""
        rows = np.flatnonzero(self._tally.row_ports)
        self.row_of_port[self._tally.row_ports[rows]] = rows
