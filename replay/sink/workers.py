"""The sink's worker processes: forked, pinned, watched and ended."""

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from multiprocessing import connection
from typing import Final, NamedTuple

from captures.console.interruption import SIGNALS, blocked
from replay.machine.core_order import Topology, ordered
from replay.sink.board import Tally
from replay.sink.loop import receive

_JOIN_S: Final = 60.0
"""More than a worker needs to read full buffers to their end."""
_ORPHANED_S: Final = 5.0
"""The same where one has died: it may have held a lock that the others wait for."""
_TICK_S: Final = 0.1


def seating(ports: int, workers: int) -> tuple[list[slice], list[int]]:
    """The seats of each worker, and the place of each seat's port.

    Neighbouring ports together, shares that differ by one at most, none left out; with more workers than ports each has
    one seat, at the ports in turn.
    """
    if workers > ports:
        return [slice(worker, worker + 1) for worker in range(workers)], [worker % ports for worker in range(workers)]
    bounds = [ports * worker // workers for worker in range(workers + 1)]
    return [slice(first, last) for first, last in pairwise(bounds)], list(range(ports))


def sink_cores(cpus: Iterable[int]) -> list[int]:
    """The cores in the order in which workers get them: from the last one backwards.

    The one that a sender on the same machine takes first comes last.
    """
    cores = sorted(cpus, reverse=True)
    senders = ordered(cores, Topology())[0]
    return [core for core in cores if core != senders] + [senders]


class Stopped(NamedTuple):
    """How the workers of a sink ended."""

    death: str | None
    """A line about one that did not end well; to be killed in a hurry is no such end."""
    cut_short: bool
    """Whether one was killed in a hurry, before it had read what had arrived."""


class Workers:
    """All workers of a sink. Start them before anything starts a thread: they are forked."""

    def __init__(self, sockets: Sequence[socket.socket], tally: Tally) -> None:
        """Fork the workers of `tally`; `sockets` are of its seats."""
        cores = sink_cores(os.sched_getaffinity(0))
        context = multiprocessing.get_context("fork")
        self._processes = [
            context.Process(
                target=_work,
                args=(sockets[seats], worker, cores[worker % len(cores)], tally, os.getpid()),
                daemon=True,
            )
            for worker, seats in enumerate(tally.seats)
        ]
        self._tally = tally
        with blocked():  # a signal never reaches them, not even before they ignore it
            for process in self._processes:
                process.start()

    def death(self) -> str | None:
        """A line about the first worker that failed or was killed; None if all are well, or ended well."""
        for worker, process in enumerate(self._processes):
            if process.exitcode:
                how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit {process.exitcode}"
                return f"sink worker {worker} (process {process.pid}) died: {how}"
        return None

    def stop(self, in_a_hurry: Callable[[], bool]) -> Stopped:
        """Tell the workers to empty their buffers and end, and wait until they have, or somebody is in a hurry."""
        self._tally.stop[0] = 1
        patience_ticks = round((_JOIN_S if self.death() is None else _ORPHANED_S) / _TICK_S)
        while patience_ticks and not in_a_hurry() and any(process.is_alive() for process in self._processes):
            connection.wait([process.sentinel for process in self._processes if process.is_alive()], _TICK_S)
            patience_ticks -= 1
        death, hurry = self.death(), in_a_hurry()
        cut_short = hurry and any(process.is_alive() for process in self._processes)
        self.kill()
        return Stopped(death if hurry else self.death(), cut_short)

    def kill(self) -> None:
        """End what is still running, at once."""
        for process in self._processes:
            process.kill()
            process.join()


def _work(sockets: Sequence[socket.socket], worker: int, core: int, tally: Tally, parent_pid: int) -> None:
    """A worker's life. A ^C reaches the whole process group, but only the parent decides what it means."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    os.sched_setaffinity(0, {core})
    receive(sockets, tally.part(worker), parent_pid)
