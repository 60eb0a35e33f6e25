"""What the packets of a file say, by a capture and by two independent readers, dpkt and tshark, in one form."""

import io
import subprocess
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, NamedTuple

import dpkt
import numpy as np

from captures.convert.export_capture import export_capture
from captures.convert.export_request import ExportRequest, Form
from captures.convert.import_capture import Imported, import_capture
from captures.convert.import_request import ImportRequest
from captures.format.capture import Capture
from captures.format.reader import open_capture

TIMEOUT_S = 120
UDP, TCP = 17, 6
LOST_NS = 1_000
"""dpkt says instants of pcapng as floats, of which 2^-22 s are the finest near the present."""


class Event(NamedTuple):
    """An event, when it was captured, from where to where it went."""

    instant_ns: int
    source: IPv4Address | IPv6Address
    source_port: int
    target: IPv4Address | IPv6Address
    target_port: int
    payload: bytes


def imported(*sources: Path, output: Path, **asked: Any) -> tuple[Imported, Capture]:
    """What an import says, and the capture that it wrote."""
    done = import_capture(ImportRequest(tuple(map(str, sources)), output, force=True, **asked))
    return done, open_capture(output)


def exported(capture: Path, form: Form = Form.PCAPNG) -> Path:
    """The file that an export writes, beside the capture."""
    output = capture.with_suffix(f".again.{form}")
    export_capture(ExportRequest(capture, output, form, force=True))
    return output


def events_of(capture: Capture, protocol: int | None = None) -> list[Event]:
    """The events of an imported capture in the original order; only those of a protocol, if one is given."""
    order = capture.order.astype(int) if len(capture.order) else np.arange(capture.events)
    own = capture.start_ns + capture.times.astype(int)
    own[capture.back["event"].astype(int)] -= capture.back["by_ns"].astype(int)
    events: list[Event | None] = [None] * capture.events
    for number, row, payload in zip(order.tolist(), capture.flow_of.tolist(), capture.lines(), strict=True):
        flow = capture.flows[row]
        size = 4 if flow["family"] == 4 else 16
        source, target = (ip_address(bytes(flow[name])[:size]) for name in ("source", "target"))
        event = Event(int(own[number]), source, int(flow["source_port"]), target, int(flow["target_port"]), payload)
        if protocol in (None, flow["protocol"]):
            events[number] = event
    return [event for event in events if event is not None]


def tshark_rows(path: Path, *fields: str, display: str = "", options: tuple[str, ...] = ()) -> list[list[str]]:
    """The fields of each packet, by tshark; of a field that stands there several times the last one."""
    words = [word for field in fields for word in ("-e", field)]
    line = ["tshark", "-n", "-r", str(path), *options, "-T", "fields", "-E", "occurrence=l", *words]
    line += ["-Y", display] if display else []
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=TIMEOUT_S)
    return [row.split("\t") for row in done.stdout.splitlines()]


def tshark_datagrams(path: Path) -> list[Event]:
    """The datagrams of UDP in a file, as tshark tells of them."""
    fields = ("frame.time_epoch", "ip.src", "ipv6.src", "udp.srcport", "ip.dst", "ipv6.dst", "udp.dstport")
    events = []
    for row in tshark_rows(path, *fields, "udp.payload", display="udp && !icmp && !icmpv6"):
        stamp, source_4, source_6, source_port, target_4, target_6, target_port, payload = row
        instant_ns = int(Decimal(stamp) * 10**9)
        source, target = ip_address(source_6 or source_4), ip_address(target_6 or target_4)
        text = bytes.fromhex(payload.replace(":", ""))
        events.append(Event(instant_ns, source, int(source_port), target, int(target_port), text))
    return events


def dpkt_datagrams(path: Path) -> list[Event]:
    """The datagrams of UDP in a file, as dpkt reads them; their instants are right to `LOST_NS`."""
    data = path.read_bytes()
    is_pcapng = data.startswith(b"\x0a\x0d\x0d\x0a")
    reader = dpkt.pcapng.Reader(io.BytesIO(data)) if is_pcapng else dpkt.pcap.Reader(io.BytesIO(data))
    events = []
    for seconds, frame in reader:
        packet: Any = _LINKS[reader.datalink()](frame)
        while not isinstance(packet, bytes) and not isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6):
            packet = packet.data
        if isinstance(packet, bytes) or not isinstance(packet.data, dpkt.udp.UDP):
            continue
        udp = packet.data
        instant_ns = int(Decimal(seconds) * 10**9)
        source, target = ip_address(packet.src), ip_address(packet.dst)
        events.append(Event(instant_ns, source, udp.sport, target, udp.dport, bytes(udp.data)))
    return events


_LINKS = {
    dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet,
    dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL,
    dpkt.pcap.DLT_LINUX_SLL2: dpkt.sll2.SLL2,
}


def assert_same(events: list[Event], others: list[Event], lost_ns: int = 0) -> None:
    """All are the same, in the same order; instants differ by `lost_ns` at most."""
    assert [event[1:] for event in events] == [event[1:] for event in others]
    apart = [abs(one.instant_ns - other.instant_ns) for one, other in zip(events, others, strict=True)]
    assert max(apart, default=0) <= lost_ns


def assert_comes_back(capture: Capture) -> Path:
    """Exported and read by dpkt and tshark, and imported again, the capture says the same; returns what was exported.

    What came over TCP is written as datagrams.
    """
    events = events_of(capture)
    for form in (Form.PCAP, Form.PCAPNG):
        path = exported(capture.path, form)
        assert_same(tshark_datagrams(path), events)
        assert_same(dpkt_datagrams(path), events, LOST_NS)
        _, again = imported(path, output=path.with_suffix(".rcap"))
        assert_same(events_of(again), events)
    return path
