"""How are tagged events counted that can't be accounted at once? Those whose run or row is not known yet, or is shared.

`stretches` says which these are, `which_run` which run is counted, `port_rows` where a port's account lies,
`event_numbers` what became of an event by its number, and `socket_charge` when a lost one is charged to the socket.
"""

from contextlib import nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replay.sink.board import WorkerTally
from replay.sink.verify.port_rows import NO_ROW, PortRows
from replay.sink.verify.stretches import LEFT, OWN_RUN, account_all, counters_of
from replay.sink.verify.which_run import RunChoice, count_other_runs


class TagCounter:
    """Counts the stretches that the kernels of one worker have left."""

    def __init__(self, tally: WorkerTally) -> None:
        """Count into `tally`."""
        self._tally = tally
        self._run = RunChoice(tally)
        self._rows = PortRows(tally)
        self._alone = isinstance(tally.locks[0], nullcontext)
        """Whether no other worker counts in the same rows."""
        self.counters = counters_of(tally, self._rows.row_of_port)
        self.count()

    def count(self) -> None:
        """Count what is left. Stretches of the run are accounted at once from now on, if it is known."""
        state = self.counters.state
        left = self.counters.left[: state[LEFT]].copy()
        state[LEFT] = 0
        blank = left[left["run"] == 0]  # these are of no run
        self._count_foreign(blank)
        count_other_runs(self._tally.others, blank)
        self._run.keep(left[left["run"] != 0])
        self._run.choose()
        self._count_kept()
        state[OWN_RUN] = self._run.run if self._alone else 0

    def finish(self) -> None:
        """Count the kept events, since nothing more will come; even a few events choose the run now."""
        self.count()
        self._run.choose_now()
        self._count_kept()

    def prepare(self) -> None:
        """Compile or load the kernel that is called from here."""
        account_all(self.counters, self.counters.left[:0], 0)

    def _count_kept(self) -> None:
        """Count the events that were kept, if it is known which run is counted."""
        if (run := self._run.run) and self._run.waiting:
            self._count_tagged(self._run.take(), run)

    def _count_tagged(self, stretches: NDArray[Any], run: int) -> None:
        row, of_run = self._rows.row_of_port[stretches["port"]], stretches["run"] == run
        rowless = of_run & (row == NO_ROW)
        if rowless.any():
            self._rows.give(stretches["port"][rowless])
            row = self._rows.row_of_port[stretches["port"]]
        own = of_run & (row != NO_ROW)
        self._count_foreign(stretches[~own])
        count_other_runs(self._tally.others, stretches[~of_run])
        for one in np.unique(row[own]).tolist():
            with self._tally.locks[one]:
                account_all(self.counters, stretches[own & (row == one)], one)

    def _count_foreign(self, stretches: NDArray[Any]) -> None:
        if stretches.size:
            events, socket = stretches["events"], stretches["socket"]
            np.add.at(self._tally.by_socket["foreign"], socket, events)
            np.add.at(self._tally.strange["foreign"], (socket, stretches["interval"]), events)
