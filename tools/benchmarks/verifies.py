"""How fast one core of the sink counts and verifies what waits in its sockets: nothing else runs meanwhile.

The sink's own round is measured, in this process: events are sent over loopback into large buffers first, and then
read and counted, and their stamps and tags checked. They are cold in the cache by then, which is the worst case.
"""

import itertools
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np

from captures.format.capture import Capture
from captures.format.layout import StampKind
from captures.format.reader import open_capture
from captures.format.stamp_writing import stamp_texts
from captures.format.tags import TAG_BYTES, tag_text
from replay.clock import wall_ns
from replay.linux.sockets.udp_receive import open_receiver
from replay.rewrite.tags import new_run
from replay.sink.board import shared_tally
from replay.sink.loop import new_loop, prepare, read_ready
from replay.sink.sockets import join_trains
from replay.sink.verify.tag_counter import TagCounter
from replay.sink.workers import sockets_of_workers
from tools.benchmarks.builds import on_one_core
from tools.benchmarks.figures import Figure, Missing, in_turns
from tools.benchmarks.programs import capture_of

EVENTS: Final = {True: 1_000_000, False: 200_000}
"""Of a round: joined by UDP_GRO, or singly."""
_LANES: Final = 8
_BUFFER_BYTES: Final = 512 << 20
_UDP_SEGMENT: Final = 103  # linux/udp.h


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
        tally = shared_tally(ports, *sockets_of_workers(len(ports), 1), wall_ns())
        prepare(tally.of_worker(0))
        counter = TagCounter(tally.of_worker(0))
        loop = new_loop(sockets, counter.counters, tally.stop)
        sent = _send(capture, ports, EVENTS[joined], joined=joined)
        began = time.perf_counter()
        while read_ready(loop, 0):
            counter.count()
        took_s = time.perf_counter() - began
        arrived = int(tally.numbers["arrived"].sum()) if capture.tagged else tally.events
        if arrived != sent:
            raise Missing(
                f"{arrived:,} of {sent:,} events were verified: the buffers are too small without CAP_NET_ADMIN"
            )
        return sent / took_s


def _send(capture: Capture, ports: list[int], least: int, *, joined: bool) -> int:
    """Send whole trains to the ports in turn, `least` events or some more; returns how many."""
    run, reached, sent = new_run(), dict.fromkeys(ports, 0), 0
    with ExitStack() as stack:
        ways = {port: stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for port in ports}
        for port, way in ways.items():
            way.connect(("127.0.0.1", port))
        for train, port in zip(itertools.count(), itertools.cycle(ports)):
            if sent >= least:
                break
            row, events = (
                capture.trains[train % len(capture.trains)],
                capture.matrix(train % len(capture.trains)).copy(),
            )
            count, column = len(events), int(row["stamp_column"])
            instants_ns = np.full(count, wall_ns()) + 1000 * np.arange(count)
            stamps = stamp_texts(StampKind(row["stamp_kind"]), 0, instants_ns).view(np.uint8).reshape(count, -1)
            events[:, column : column + stamps.shape[1]] = stamps
            if capture.tagged:
                tags = b"".join(tag_text(run, port, reached[port] + event) for event in range(count))
                column = int(row["tag_column"])
                events[:, column : column + TAG_BYTES] = np.frombuffer(tags, np.uint8).reshape(count, TAG_BYTES)
            if joined:
                segment = struct.pack("=H", int(row["length"]))
                ways[port].sendmsg([events.data], [(socket.IPPROTO_UDP, _UDP_SEGMENT, segment)])
            else:
                for event in events:
                    ways[port].send(event)
            reached[port] += count
            sent += count
    return sent
