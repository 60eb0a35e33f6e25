"""What is on the wire, by somebody else's word: tshark(1) reads every packet as sound syslog."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from captures.format.capture import Capture
from tests.network.expected import port_lines
from tests.network.mailboxes import mailboxes
from tests.network.programs import await_line, call, run_of, running
from tools.lab import DEVICE, PORTS, V4, V6, Lab

pytestmark = pytest.mark.skipif(not all(map(shutil.which, ("tshark", "dumpcap"))), reason="needs tshark and dumpcap")

EVENTS = 2000
GOOD = "1"  # a checksum's status in Wireshark
EVENT = re.compile(rb"<(?P<pri>\d+)>(?P<rest>.*)")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Packet(NamedTuple):
    """What tshark says of a packet, by its names of fields: FIELDS."""

    epoch: str
    port: str
    protocols: str
    malformed: str
    ip_checksum: str
    udp_checksum: str
    facility: str
    level: str
    text: str


FIELDS = (
    *("frame.time_epoch", "udp.dstport", "frame.protocols", "_ws.malformed"),
    *("ip.checksum.status", "udp.checksum.status", "syslog.facility", "syslog.level", "syslog.msg"),
)


def packets_of(lab: Lab, capture: Capture, folder: Path, address: str, *options: object) -> tuple[list[Packet], dict]:
    """Send the first events of the capture; returns what the receiver's end of the wire saw, and the report."""
    pcap, log = folder / "wire.pcapng", folder / "dumpcap.log"
    ports = f"{PORTS[0]}-{PORTS[-1]}"
    # It ends by itself with the last packet: on a signal it may leave out what it has not yet written.
    watch = ("dumpcap", "-q", "-i", DEVICE, "-f", f"udp dst portrange {ports}", "-c", str(EVENTS), "-w", str(pcap))
    with (
        mailboxes(lab, address) as boxes,  # otherwise nobody listens, and ICMP says so
        lab.cut_at_sender(),
        running(["ip", "netns", "exec", lab.receiver, *watch], log) as dumpcap,
    ):
        await_line(log, "File:", dumpcap)
        run = call(*run_of(capture, address, PORTS, "--events", EVENTS, "--eps", "300k", *options), host=lab.sender)
        assert dumpcap.wait(30) == 0, log.read_text()
        assert sum(map(len, boxes.take())) == EVENTS, "more packets than events"
    return list(dissected(pcap)), run.report


def dissected(pcap: Path) -> Iterator[Packet]:
    line = ["tshark", "-r", str(pcap), "-d", f"udp.port=={PORTS[0]}-{PORTS[-1]},syslog"]
    line += ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields"]
    line += [word for field in FIELDS for word in ("-e", field)]
    shown = subprocess.run(line, check=True, capture_output=True, text=True, timeout=60).stdout
    for row in shown.splitlines():
        yield Packet(*row.split("\t"))


def seen(packet: Packet) -> tuple[int, bytes]:
    """PRI and the text behind it, as `said` has them."""
    return int(packet.facility) * 8 + int(packet.level), packet.text.encode()


def said(line: bytes) -> tuple[int, bytes]:
    match = EVENT.fullmatch(line)
    return int(match["pri"]), match["rest"]


def instant(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_every_packet_is_sound_syslog(
    tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes], gso: str, address: str
):
    packets, _ = packets_of(lab, capture, tmp_path, address, gso, "--stamp", "keep")

    assert len(packets) == EVENTS
    assert {packet.protocols.rpartition(":udp:")[2] for packet in packets} == {"syslog"}
    assert not [packet for packet in packets if packet.malformed]
    assert {packet.udp_checksum for packet in packets} == {GOOD}
    # IPv6 has no checksum of its own.
    assert {packet.ip_checksum for packet in packets} == {GOOD if address == V4 else ""}
    for port, expected in zip(PORTS, port_lines(lines[:EVENTS], len(PORTS)), strict=True):
        assert [seen(packet) for packet in packets if packet.port == str(port)] == [said(line) for line in expected]


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
def test_live_stamps_are_of_the_run(tmp_path: Path, lab: Lab, capture: Capture, lines: Sequence[bytes], gso: str):
    packets, report = packets_of(lab, capture, tmp_path, V4, gso)

    assert Counter(STAMP.sub("", packet.text) for packet in packets) == Counter(
        STAMP.sub("", said(line)[1].decode()) for line in lines[:EVENTS]
    )
    millisecond = timedelta(milliseconds=1)  # what a stamp is cut to
    start = instant(report["started"])
    end = start + timedelta(seconds=report["duration_s"]) + millisecond
    for packet in packets:
        stamp = instant(STAMP.match(packet.text)[0])
        assert start <= stamp <= end
        assert stamp <= datetime.fromtimestamp(float(packet.epoch), UTC)
