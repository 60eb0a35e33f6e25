"""How are the sink's worker processes started, watched and ended? They are forked, and pinned to cores."""

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from multiprocessing import connection
from typing import Final, NamedTuple

from captures.console.interruption import SIGNALS, blocked
from captures.console.parent import end_with_parent
from replay.machine.core_order import Topology, ordered
from replay.sink.board import Tally
from replay.sink.loop import receive

_JOIN_S: Final = 60.0
"""How long a worker may take to end: more than it needs to read full buffers."""
_ORPHANED_S: Final = 5.0
"""How long the others may take if a worker has died: it may have held a lock for which they wait."""
_TICK_S: Final = 0.1


def sockets_of_workers(ports: int, workers: int) -> tuple[list[slice], list[int]]:
    """The sockets of each worker, and for each socket the index of its port.

    A worker gets neighbouring ports, and the numbers of ports of two workers differ by one at most. If there are more
    workers than ports, each has one socket, and the ports are dealt to them in turn.
    """
    if workers > ports:
        return [slice(worker, worker + 1) for worker in range(workers)], [worker % ports for worker in range(workers)]
    bounds = [ports * worker // workers for worker in range(workers + 1)]
    return [slice(first, last) for first, last in pairwise(bounds)], list(range(ports))


def sink_cores(cpus: Iterable[int]) -> list[int]:
    """The cores in the order in which workers get them: from the last one backwards.

    The core that a sender on the same machine would take first comes last.
    """
    cores = sorted(cpus, reverse=True)
    senders = ordered(cores, Topology())[0]
    return [core for core in cores if core != senders] + [senders]


class Stopped(NamedTuple):
    """How the workers of a sink ended."""

    death: str | None
    """A line about a worker that failed or was killed from outside; None: none was."""
    cut_short: bool
    """Whether a second signal had a worker killed before it had read what had arrived."""


class Workers:
    """All workers of a sink. They are forked, so they must be started before any thread is."""

    def __init__(self, sockets: Sequence[socket.socket], tally: Tally) -> None:
        """Fork the workers of `tally`; `sockets` are those that it counts, in order."""
        cores = sink_cores(os.sched_getaffinity(0))
        context = multiprocessing.get_context("fork")
        self._processes = [
            context.Process(
                target=_work,
                args=(sockets[own], worker, cores[worker % len(cores)], tally, os.getpid()),
                daemon=True,
            )
            for worker, own in enumerate(tally.sockets)
        ]
        self._tally = tally
        with blocked():  # no signal reaches the workers before they ignore it
            for process in self._processes:
                process.start()

    def death(self) -> str | None:
        """A line about the first worker that failed or was killed; None: all run, or ended as they should."""
        for worker, process in enumerate(self._processes):
            if process.exitcode:
                how = f"signal {-process.exitcode}" if process.exitcode < 0 else f"exit {process.exitcode}"
                return f"sink worker {worker} (process {process.pid}) died: {how}"
        return None

    def stop(self, in_a_hurry: Callable[[], bool]) -> Stopped:
        """Tell the workers to empty their buffers and end. Wait until they have, or until `in_a_hurry` returns true."""
        self._tally.stop[0] = 1
        patience_ticks = round(_JOIN_S / _TICK_S)
        while patience_ticks and not in_a_hurry() and any(process.is_alive() for process in self._processes):
            connection.wait([process.sentinel for process in self._processes if process.is_alive()], _TICK_S)
            patience_s = _JOIN_S if self.death() is None else _ORPHANED_S
            patience_ticks = min(patience_ticks, round(patience_s / _TICK_S)) - 1
        death, hurry = self.death(), in_a_hurry()
        cut_short = hurry and any(process.is_alive() for process in self._processes)
        self.kill()
        return Stopped(death or (None if hurry else self.death()), cut_short)

    def kill(self) -> None:
        """Kill the workers that still run."""
        for process in self._processes:
            process.kill()
            process.join()


def _work(sockets: Sequence[socket.socket], worker: int, core: int, tally: Tally, parent_pid: int) -> None:
    """What a worker process does. It ignores signals: ^C reaches all processes, but only the parent acts on it.

    It is killed as soon as its parent is dead, also where it waits for the lock of another worker that was killed. It
    ends at once when its work is done: what a program that called the sink wants done at its end is not for a fork of
    it. A pool of concurrent.futures would join the very thread that the worker is, which is an error.
    """
    end_with_parent(parent_pid)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    os.sched_setaffinity(0, {core})
    receive(sockets, tally.of_worker(worker))
    os._exit(0)
