"""Hostile datagrams between true ones: each that a sink received is of one kind, and the true ones are known.

The sink is the real one, over loopback. Among the true events of a run are such with a flipped bit, of other runs and
ports, cut ones, and noise that looks like tags; single, or joined by UDP_SEGMENT (udp(7)).
"""

import random
import socket
import struct
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from captures.format.tags import tag_text
from tests.network.programs import free_ports, listed, listening_sink

RUN, OTHER = 0x1F3A9C07, 0x1F3A9C08
FORMS = (
    b"<6>2026-11-26T10:15:30.123Z server01 sshd[7]: accepted stampede=%s",
    b'<6>1 2026-11-26T10:15:30.123456Z server01 sshd 7 - [stampede@32473 tag="%s"] accepted',
    b"<6>2026-11-26T10:15:30.123Z server01 sshd[7]: stampede=%s accepted",
)
NOISE = (
    *(b"stampede=", b'[stampede@32473 tag="', b"1f3a9c07-15b2-", b"0" * 10, b"<6>"),
    *(b"\0", b"\xff\xfe", b"-", b"a" * 300),
)
PAUSE_EVENTS = 2_000
"""After so many the sender rests for a moment: this is not about speed."""
_UDP_SEGMENT = 103  # linux/udp.h

KINDS = ("verified", "duplicated", "late", "unconfirmed", "cut", "untagged", "malformed", "foreign")


class Sender:
    """Sends to a sink's ports, and knows the plain truth."""

    def __init__(self, draw: random.Random, ports: tuple[int, ...]) -> None:
        self.draw, self.ports = draw, ports
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sent = self.spoiled = self.repeated = 0
        self.next = dict.fromkeys(ports, 0)
        self.form = draw.choice(FORMS)

    def event(self, port: int, number: int, run: int = RUN) -> bytes:
        return self.form % tag_text(run, port, number)

    def send(self, port: int, data: bytes, segment: int = 0) -> None:
        """One datagram, or several of `segment` bytes at once."""
        way = [(socket.SOL_UDP, _UDP_SEGMENT, struct.pack("H", segment))] if segment else []
        self.socket.sendmsg([data], way, 0, ("127.0.0.1", port))
        self.sent += -(-len(data) // segment) if segment else 1

    def true(self, port: int, count: int) -> bytes:
        """The next events of a port, back to back."""
        first = self.next[port]
        self.next[port] += count
        return b"".join(self.event(port, first + i) for i in range(count))

    def step(self) -> None:
        """Something true, or something else."""
        draw, port = self.draw, self.draw.choice(self.ports)
        match draw.choice(("train", "single", "single", "flip", "repeat", "foreign", "cut", "noise", "mapped")):
            case "train":
                self.send(port, self.true(port, draw.randint(2, 64)), len(self.event(port, 0)))
            case "single":
                self.send(port, self.true(port, 1))
            case "flip":
                data = bytearray(self.true(port, draw.choice((1, 1, 8))))
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
                self.spoiled += 1
                self.send(port, bytes(data), len(self.event(port, 0)))
            case "repeat" if self.next[port]:
                self.repeated += 1
                self.send(port, self.event(port, draw.randrange(max(0, self.next[port] - 1000), self.next[port])))
            case "foreign":
                self.send(port, self.event(port, draw.randrange(1 << 40), OTHER))
            case "cut":
                data = self.true(port, 1)
                self.spoiled += 1
                self.send(port, data[: draw.randrange(len(data))])
            case "mapped":
                self.send(draw.choice(self.ports), self.true(port, 1))
            case _:
                self.send(port, b"".join(draw.choices(NOISE, k=draw.randint(0, 8))))


def fuzz_datagrams(seconds: float, seed: int) -> int:
    """Send for about so long; returns how many datagrams."""
    draw = random.Random(seed)
    sender = Sender(draw, free_ports(3))
    with (
        TemporaryDirectory(prefix="fuzz-") as name,
        listening_sink(Path(name) / "sink.log", "--ports", listed(sender.ports), "--run-id", f"{RUN:08x}") as end_sink,
    ):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            before = sender.sent
            while sender.sent < before + PAUSE_EVENTS:
                sender.step()
            time.sleep(0.02)
        report = end_sink()
    sender.socket.close()
    check(sender, report)
    return sender.sent


def check(sender: Sender, report: dict) -> None:
    """Every event is there once, as what it is; none that was true is missing but for those that were spoiled."""
    dropped = sum(lane["kernel_drops"] for lane in report["lanes"])
    if dropped:  # by a sink that had too little of the machine: then the truth is not known
        assert report["received_events"] < sender.sent
        return
    assert report["received_events"] == sender.sent
    lanes = [*report["lanes"], *report["mapped_lanes"]]
    for lane in report["lanes"]:
        assert lane["next_sequence"] <= sender.next[lane["port"]], (lane, sender.next)
        assert 0 <= lane["lost_events"] <= sender.spoiled, lane
    kinds = {kind: sum(lane.get(f"{kind}_events") or 0 for lane in lanes) for kind in KINDS[:3] + KINDS[4:]}
    kinds["unconfirmed"] = sum(events for lane in lanes for _, events in lane["unconfirmed"])
    assert sum(kinds.values()) == sender.sent, (kinds, sender.sent)
    true = sum(sender.next.values()) - sender.spoiled
    known = kinds["verified"] + kinds["unconfirmed"]
    # A number that damage made may be that of another event, and a few true ones may have to make room (stray).
    assert true - sender.spoiled // 100 <= known <= true + sender.spoiled + sender.repeated, (kinds, true)


if __name__ == "__main__":
    print(fuzz_datagrams(float(sys.argv[1]), int(sys.argv[2])), "datagrams")
