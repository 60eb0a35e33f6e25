"""How fast one core of the sink counts and verifies what waits in its sockets: nothing else runs meanwhile.

The sink's own round is measured, in this process: events are sent over loopback into large buffers first, and then
read and counted, and their stamps and tags checked. They are cold in the cache by then, which is the worst case.
"""

import select
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from replay.engine.batch import Batch
from replay.schedule.pieces import cut_pieces

from captures.format.instants import ramp
from captures.format.reader import Capture, open_capture
from replay.board.journal import TRAINS, Journal
from replay.clock import wall_ns
from replay.engine.backends.udp import UdpBackend
from replay.linux.sockets.udp_receive import open_receiver
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tags import Tagging, new_run
from replay.schedule.deal import Run
from replay.sink.board import shared_tally
from replay.sink.loop import Rounds
from replay.sink.round import RoundCounter
from replay.sink.sockets import join_trains
from replay.sink.workers import sockets_of_workers
from tools.benchmarks.builds import on_one_core
from tools.benchmarks.figures import Figure, Missing, in_turns
from tools.benchmarks.programs import capture_of

EVENTS: Final = {True: 1_000_000, False: 200_000}
"""Of a round: joined by UDP_GRO, or singly."""
_LANES: Final = 8
_BUFFER_BYTES: Final = 512 << 20


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Tagged and untagged events of `system` and tagged ones of `rfc5424-services`, joined and one by one."""
    captures = {
        name: open_capture(capture_of(folder, "1M", *profile))
        for name, profile in (
            ("system, tagged", ("system", "--tagged")),
            ("system, no tags", ("system",)),
            ("rfc5424-services, tagged", ("rfc5424-services", "--tagged")),
        )
    }

    def way(capture: Capture, *, joined: bool) -> Callable[[], float]:
        return lambda: _verified_eps(capture, joined=joined)

    ways = {
        f"{'joined' if joined else 'singly'}: {name}": way(capture, joined=joined)
        for joined in (True, False)
        for name, capture in captures.items()
    }
    with on_one_core():
        return in_turns("verify", ways, rounds)


def _verified_eps(capture: Capture, *, joined: bool) -> float:
    with ExitStack() as stack:
        sockets = [stack.enter_context(open_receiver("127.0.0.1", 0, _BUFFER_BYTES)) for _ in range(_LANES)]
        if joined and not join_trains(sockets):
            raise Missing("this kernel has no UDP_GRO")
        ports = [receiver.getsockname()[1] for receiver in sockets]
        sent = _send(capture, ports, EVENTS[joined], joined=joined)
        tag_counts = shared_tally(ports, *sockets_of_workers(len(ports), 1), wall_ns())
        rounds = Rounds(sockets, RoundCounter(tag_counts.of_worker(0)))
        epoll = stack.enter_context(select.epoll())
        for receiver in sockets:
            epoll.register(receiver.fileno(), select.EPOLLIN)
        began = time.perf_counter()
        while ready := epoll.poll(0, len(sockets)):
            rounds.read(ready)
        took_s = time.perf_counter() - began
        arrived = int(tag_counts.numbers["arrived"].sum()) if capture.tagged else tag_counts.events
        if arrived != sent:
            raise Missing(
                f"{arrived:,} of {sent:,} events were verified: the buffers are too small without CAP_NET_ADMIN"
            )
        return sent / took_s


def _send(capture: Capture, ports: list[int], least: int, *, joined: bool) -> int:
    """Send whole trains to the ports in turn, `least` events or some more; returns how many."""
    tagging = Tagging(new_run(), ports) if capture.tagged else None
    batch = Batch(capture.payload, Stamp.NOW, Journal(), tagging)
    backend = UdpBackend(socket.AF_INET, [("127.0.0.1", port) for port in ports], batch, 128 if joined else 1)
    reached, sent, train = [(0, 0)] * len(ports), 0, 0
    while sent < least:
        batch.begin()
        while batch.trains < TRAINS:
            row, lane = capture.trains[train % len(capture.trains)], train % len(ports)
            run = Run(int(row["first_event"]), int(row["count"]), 128, ramp(0, 0, 1), None)
            pieces = cut_pieces(capture.trains, [run], reached[lane])
            batch.stage(lane, pieces, 0, 1)
            reached[lane], sent, train = pieces.through[-1], sent + run.events, train + 1
        batch.end()
        backend.load()
        while backend.pending:
            backend.send()
    backend.close()
    return sent
