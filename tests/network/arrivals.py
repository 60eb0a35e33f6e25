"""Events as they came through the wire: their numbers, their stamps, and when the kernel received them."""

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyroute2 import netns

from captures.format.capture import Capture
from replay.linux.sockets.udp_receive import SLOT_BYTES, fill, length_of, new_slots, open_receiver, read_controls
from tests.network.programs import assert_ran, call, run_of
from tools.lab import PORTS, V4, Lab

EVENT = re.compile(rb"<13>(?:1 )?(?P<stamp>.*) host app: (?P<number>\d+)\.*")


@dataclass(frozen=True)
class Arrival:
    """An event as it came."""

    number: int
    stamp: str
    arrival_ns: int
    port: int
    place: int
    """How many came before it at its port."""


def arrivals(
    lab: Lab, capture: Capture, *options: object, ports: Sequence[int] = PORTS
) -> tuple[list[Arrival], dict[str, Any]]:
    """A run of the capture through the wire: what came, in the order of its numbers, and the report."""
    netns.pushns(lab.receiver)
    try:
        sockets = [open_receiver(V4, port, 64 << 20) for port in ports]
    finally:
        netns.popns()
    run = call(*run_of(capture, V4, ports, *options), host=lab.sender)
    assert_ran(run)
    came = [event for receiver in sockets for event in emptied(receiver)]
    assert len(came) == run.report["sent_events"] == run.report["asked_events"]
    return sorted(came, key=lambda event: (event.number, event.arrival_ns)), run.report


def emptied(receiver: socket.socket) -> Sequence[Arrival]:
    """All that waits at a socket, which is closed then."""
    slots, came, port = new_slots(), [], receiver.getsockname()[1]
    with receiver:
        while (count := fill(slots, receiver.fileno())) > 0:
            for slot in range(count):
                length, (_, arrival_ns, _) = length_of(slots, slot), read_controls(slots, slot)
                text = slots.data[slot * SLOT_BYTES : slot * SLOT_BYTES + length].tobytes()
                match = EVENT.fullmatch(text)
                assert match is not None, text
                came.append(Arrival(int(match["number"]), match["stamp"].decode(), arrival_ns, port, len(came)))
    return came


def started_ns(report: dict[str, Any]) -> int:
    """When the run started, rounded down to the millisecond."""
    return round(datetime.fromisoformat(report["started"]).timestamp() * 1000) * 1_000_000
