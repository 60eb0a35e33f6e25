"""A worker in this process, that sends to ports of loopback where its events are kept."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from captures.format.capture import Capture
from replay.board.layout import Board
from replay.engine.backends.messages import Backend
from replay.engine.counts import WorkerCounts
from replay.engine.loop import Look, Loop, Settings
from replay.engine.process import Worker
from replay.engine.refill import Supply
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import RunPlan, plan_run
from replay.plan.workers import plan_workers
from replay.rewrite.stamps_at_sending import Stamp
from replay.schedule.demand import TimeScale

NEVER_NS = 1 << 62
PORT_EVENTS = 300
"""So many events have room in a port's buffer, wherever tests run."""


@contextmanager
def listening(ports: int) -> Iterator[list[socket.socket]]:
    """Ports of loopback."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(ports)]
    try:
        for receiver in sockets:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            receiver.bind(("127.0.0.1", 0))
            receiver.setblocking(False)
        yield sockets
    finally:
        for receiver in sockets:
            receiver.close()


def ports_of(receivers: list[socket.socket]) -> tuple[int, ...]:
    return tuple(receiver.getsockname()[1] for receiver in receivers)


def arrived(receivers: list[socket.socket]) -> list[list[bytes]]:
    """The datagrams waiting on each port, in order."""
    return [list(iter(lambda receiver=receiver: take(receiver), None)) for receiver in receivers]


def take(receiver: socket.socket) -> bytes | None:
    try:
        return receiver.recv(65536)
    except BlockingIOError:
        return None


def plan_of(
    capture: Capture, ports: tuple[int, ...], extent: Extent, rate_eps: int | None = None, **changes: Any
) -> RunPlan:
    known: dict[str, Any] = {
        "target": Target(socket.AF_INET, "127.0.0.1"),
        "ports": ports,
        "pace": Pace(rate_eps),
        "train_max": 128,
        "segments": 1,
        "stamp": Stamp.KEEP,
        "workers": plan_workers(1, len(ports), sorted(os.sched_getaffinity(0))),
    }
    return plan_run(capture, extent=extent, **{**known, **changes})


def board_for(plan: RunPlan) -> Board:
    """The board of a run that has not started."""
    board = Board(len(plan.workers), len(plan.ports))
    board.control["end_ns"] = NEVER_NS
    board.set_time_scale(TimeScale(total=plan.total))
    return board


class Bench(NamedTuple):
    """The loop of a worker, and what Python does for it."""

    loop: Loop
    settings: Settings
    supplies: list[Supply]
    backend: Backend
    counts: WorkerCounts

    def refill(self) -> None:
        for i, supply in enumerate(self.supplies):
            supply.refill(self.loop.lanes, i)


def bench_of(capture: Capture, plan: RunPlan, board: Board) -> Bench:
    """The loop of the worker of a run that has started, with runs for each lane."""
    worker = Worker(capture, plan, board, 0)
    backend, counts = worker._open(), WorkerCounts(board, plan, 0)
    held = board.time_scale()
    assert held is not None
    lanes, supplies = worker._lanes(held[1])
    loop = worker._loop(lanes, backend, counts, Look(board.control, board.workers[:1], np.array([held[0], 0])))
    bench = Bench(loop, worker._settings(backend), supplies, backend, counts)
    bench.refill()
    return bench
