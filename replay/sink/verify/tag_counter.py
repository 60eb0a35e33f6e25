"""How are tagged events counted that can't be accounted at once? Those whose run or port's row is not known yet.

`stretches` says which these are, `which_run` which run is counted, `port_rows` where a port's account lies,
`event_numbers` what became of an event by its number, and `socket_charge` when a lost one is charged to the socket.
"""

from typing import Any

from numpy.typing import NDArray

from replay.sink.board import WorkerTally
from replay.sink.verify.port_rows import NO_ROW, PortRows
from replay.sink.verify.stretches import LEFT, OWN_RUN, count_all, counters_of
from replay.sink.verify.which_run import RunChoice, count_other_runs


class TagCounter:
    """Counts the stretches that the kernels of one worker have left."""

    def __init__(self, tally: WorkerTally) -> None:
        """Count into `tally`."""
        self._tally = tally
        self._run = RunChoice(tally)
        self._rows = PortRows(tally)
        self.counters = counters_of(tally, self._rows.row_of_port)
        self.count()

    def count(self) -> None:
        """Count what is left. The kernels count by themselves from now on, if it is known which run is counted."""
        state = self.counters.state
        if not state[LEFT] and state[OWN_RUN] == self._run.run:
            return  # which is usual
        left = self.counters.left[: state[LEFT]].copy()
        state[LEFT] = 0
        if not self._run.run:
            blank = left["run"] == 0  # these are of no run, and none is to be chosen by them
            self._count(left[blank])
            left = left[~blank]
        self._run.keep(left)
        self._run.choose()
        self._count_kept()

    def finish(self) -> None:
        """Count the kept events, since nothing more will come; even a few events choose the run now."""
        self.count()
        self._run.choose_now()
        self._count_kept()

    def prepare(self) -> None:
        """Compile or load the kernel that is called from here."""
        count_all(self.counters, self.counters.left[:0])

    def _count_kept(self) -> None:
        """Count the events that were kept, if it is known which run is counted."""
        self.counters.state[OWN_RUN] = self._run.run
        if self.counters.state[OWN_RUN] and self._run.waiting:
            self._count(self._run.take())

    def _count(self, stretches: NDArray[Any]) -> None:
        """Count stretches of any run, in the order of arrival. Ports of the run get rows."""
        of_run = stretches["run"] == self.counters.state[OWN_RUN]
        ports = stretches["port"][of_run & (stretches["run"] != 0)]
        if (self._rows.row_of_port[ports] == NO_ROW).any():
            self._rows.give(ports)
        count_all(self.counters, stretches)
        count_other_runs(self._tally.others, stretches[~of_run | (stretches["run"] == 0)])
