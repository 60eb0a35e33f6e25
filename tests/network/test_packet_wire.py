"""Frames of our own as the wire has them: their checksums, tags and sources by tshark(1), and where their tags lead."""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from ipaddress import ip_address
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import dpkt
import pytest
from pyroute2 import netns

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.path.sources import DEFAULT_PORTS
from replay.schedule.rates import STRIPE_EVENTS
from tests.captures.content import content, noise, write
from tests.network import programs
from tests.network.expected import port_lines
from tests.network.mailboxes import mailboxes
from tests.network.vlans import vlan, vlan_mailboxes
from tools.lab import DEVICE, PORTS, V4, V6, Lab

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark")

EVENTS = 2000
TRAIN_MAX = 16
GOOD = "1"  # a checksum's status in Wireshark
PACED = ("--backend", "packet", "--stamp", "keep", "--eps", "100k")
TAGS = [(), ("100",), ("200", "100")]
"""None, 802.1Q, and 802.1Q in 802.1ad."""
NETWORKS = {V4: ("198.18.0.64/28", "198.18.0.65", 14), V6: ("2001:2::100/124", "2001:2::100", 16)}
"""For each target a network of sources, its first host and their number."""
SOURCE_PORTS = range(50000, 50003)

# include/uapi/linux/if_packet.h
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_AUXDATA = 8
TP_STATUS_VLAN_VALID = 1 << 4
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33


class Tap:
    """All frames that come in at the receiver's end of the wire; they wait in a buffer that holds all of a test's.

    Unlike dumpcap(1) it need not be told how many will come, so that it sees one too many.
    """

    def __init__(self, lab: Lab) -> None:
        netns.pushns(lab.receiver)
        try:
            self._sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
        finally:
            netns.popns()
        self._sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self._sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._sock.bind((DEVICE, ETH_P_ALL))

    def close(self) -> None:
        self._sock.close()

    def save(self, pcap: Path) -> None:
        """Write what came in."""
        _, drops = struct.unpack("=II", self._sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert drops == 0, "the buffer is too small"
        with pcap.open("wb") as file:
            writer = dpkt.pcap.Writer(file, snaplen=1 << 17)
            for frame in self._frames():
                writer.writepkt(frame, ts=0)

    def _frames(self) -> Iterator[bytes]:
        while True:
            try:
                frame, ((_, _, control),), _, sender = self._sock.recvmsg(1 << 17, socket.CMSG_SPACE(AUXDATA.size))
            except BlockingIOError:
                return
            if sender[2] == socket.PACKET_OUTGOING:
                continue
            status, *_, tag, kind = AUXDATA.unpack(control[: AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:  # the kernel takes the outermost tag out of the frame: packet(7)
                frame = frame[:12] + struct.pack(">HH", kind, tag) + frame[12:]
            yield frame


@contextmanager
def tap(lab: Lab) -> Iterator[Tap]:
    made = Tap(lab)
    try:
        yield made
    finally:
        made.close()


class Packet(NamedTuple):
    """What tshark says of a packet, by its names of fields: FIELDS."""

    protocols: str
    outer_tag: str
    tag: str
    ipv4_source: str
    ipv6_source: str
    source_port: str
    port: str
    ip_checksum: str
    udp_checksum: str
    payload: str

    @property
    def flow(self) -> tuple[str, int]:
        """The address and port that it comes from."""
        return self.ipv4_source or self.ipv6_source, int(self.source_port)

    @property
    def event(self) -> bytes:
        return bytes.fromhex(self.payload)


FIELDS = (
    *("frame.protocols", "ieee8021ad.id", "vlan.id", "ip.src", "ipv6.src", "udp.srcport", "udp.dstport"),
    *("ip.checksum.status", "udp.checksum.status", "udp.payload"),
)


def dissected(pcap: Path) -> list[Packet]:
    """The datagrams to PORTS. Whatever else came in is the kernel's."""
    line = ["tshark", "-r", str(pcap), "-Y", f"udp.dstport in {{{PORTS[0]}..{PORTS[-1]}}}"]
    line += ["-d", f"udp.port=={PORTS[0]}-{PORTS[-1]},data"]
    line += ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-T", "fields"]
    line += [word for field in FIELDS for word in ("-e", field)]
    shown = subprocess.run(line, check=True, capture_output=True, text=True, timeout=60).stdout
    return [Packet(*row.split("\t")) for row in shown.splitlines()]


def packets_of(lab: Lab, folder: Path, line: Sequence[object]) -> tuple[list[Packet], programs.Ended]:
    """What the wire carries of a run, in the order in which it carries it."""
    pcap = folder / "wire.pcap"
    # Dropped behind the tap: otherwise nobody listens, and ICMP says so to sources that are not there.
    unheard = lab.dropping(f"udp dport {PORTS[0]}-{PORTS[-1]}")
    with tap(lab) as opened, lab.cut_at_sender(), unheard:
        run = programs.call(*line, host=lab.sender)
        programs.assert_ran(run)
        opened.save(pcap)
    return dissected(pcap), run


def assert_sound(packets: Sequence[Packet], address: str, tags: Sequence[str]) -> None:
    """Each is a datagram behind these tags, with sums that hold."""
    kinds = [f"{kind}:ethertype:" for kind in ("ieee8021ad", "vlan")[2 - len(tags) :]]
    version = "ip" if address == V4 else "ipv6"
    assert {packet.protocols for packet in packets} == {f"eth:ethertype:{''.join(kinds)}{version}:udp:data"}
    assert {(packet.outer_tag, packet.tag) for packet in packets} == {("", "", *tags)[-2:]}
    assert [packet.udp_checksum for packet in packets] == [GOOD] * len(packets)
    # IPv6 has no checksum of its own.
    assert [packet.ip_checksum for packet in packets] == [GOOD if address == V4 else ""] * len(packets)


def assert_spread(packets: Sequence[Packet], flows: set[tuple[str, int]]) -> None:
    """A train has one source, and all have had their turn before any has its next."""
    trains = [(flow, list(train)) for flow, train in groupby(packets, lambda packet: packet.flow)]
    assert len(trains) > 2 * len(flows)
    for place in range(len(trains) - len(flows) + 1):
        assert {flow for flow, _ in trains[place : place + len(flows)]} == flows
    for _, train in trains:
        assert len(train) <= TRAIN_MAX
        assert len({(packet.port, len(packet.payload)) for packet in train}) == 1


@needs_tshark
@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
@pytest.mark.parametrize("tags", TAGS, ids=["untagged", "vlan", "qinq"])
@pytest.mark.parametrize("address", [V4, V6])
def test_every_frame_is_right(
    tmp_path: Path,
    lab: Lab,
    capture: Capture,
    lines: Sequence[bytes],
    address: str,
    tags: tuple[str, ...],
    gso: str,
    many: bool,
):
    network, first, hosts = NETWORKS[address]
    options = (*PACED, gso, "--train-max", TRAIN_MAX, "--events", EVENTS)
    if tags:
        options += ("--vlan", ".".join(tags))
    if many:
        options += ("--source-ips", network, "--source-ports", f"{SOURCE_PORTS[0]}-{SOURCE_PORTS[-1]}")

    packets, run = packets_of(lab, tmp_path, programs.run_of(capture, address, PORTS, *options))

    assert len(packets) == run.report["sent_events"] == EVENTS
    assert_sound(packets, address, tags)
    for port, expected in zip(PORTS, port_lines(lines[:EVENTS], len(PORTS)), strict=True):
        assert [packet.event for packet in packets if packet.port == str(port)] == expected
    if many:
        assert_spread(packets, {(str(ip_address(first) + i), port) for i in range(hosts) for port in SOURCE_PORTS})
    else:
        own = "198.18.0.1" if address == V4 else "2001:2::1"
        assert {packet.flow for packet in packets} == {(own, DEFAULT_PORTS[0])}
    assert (run.report["wire"]["vlans"], run.report["errors"]) == ([int(tag) for tag in tags], {})


def mac_of(lab: Lab, host: str) -> str:
    """The hardware address of an end of the wire."""
    (shown,) = json.loads(lab.run_at(host, "ip", "-json", "link", "show", "dev", DEVICE))
    return shown["address"]


def into_vlan(lab: Lab, tags: Sequence[str], network: str) -> tuple[object, ...]:
    """Flags of a sender that is not in the VLAN itself: it has neither an address nor a route there."""
    hop = ("--interface", DEVICE, "--dst-mac", mac_of(lab, lab.receiver))
    return (*hop, "--source-ips", network, "--vlan", ".".join(tags))


@pytest.mark.parametrize("cut", [True, False], ids=["cut-by-sender", "cut-by-receiver"])
@pytest.mark.parametrize("tags", TAGS[1:], ids=["vlan", "qinq"])
@pytest.mark.parametrize(
    ("address", "length", "network"),
    [("198.18.100.2", 24, "198.18.100.64/28"), ("2001:2:0:100::2", 64, "2001:2:0:100::100/124")],
)
def test_a_vlan_device_takes_what_is_tagged_for_it(
    lab: Lab,
    capture: Capture,
    lines: Sequence[bytes],
    address: str,
    length: int,
    network: str,
    tags: tuple[str, ...],
    cut: bool,
):
    options = (*PACED, *into_vlan(lab, tags, network), "--loops", 1, "--workers", 2)
    with (
        vlan(lab, tags, f"{address}/{length}") as device,
        vlan_mailboxes(lab, address, device) as boxes,
        lab.cut_at_sender() if cut else nullcontext(),
    ):
        run = programs.call(*programs.run_of(capture, address, PORTS, *options), host=lab.sender)
        came = boxes.take()

    programs.assert_ran(run)
    assert came == port_lines(lines, len(PORTS))
    assert [lane["sent_events"] for lane in run.report["lanes"]] == [len(lane) for lane in came]


def test_a_sink_in_a_vlan_counts_every_event(tmp_path: Path, lab: Lab, capture: Capture):
    address, tags = "198.18.100.2", ("200", "100")
    options = (*PACED, *into_vlan(lab, tags, "198.18.100.64/28"), "--events", EVENTS)
    listening = ("--bind", address, "--ports", programs.listed(PORTS))
    with (
        vlan(lab, tags, f"{address}/24"),
        programs.listening_sink(tmp_path / "sink.log", *listening, host=lab.receiver) as end_sink,
    ):
        run = programs.call(*programs.run_of(capture, address, PORTS, *options), host=lab.sender)
        counted = end_sink()

    assert counted["received_events"] == run.report["sent_events"] == EVENTS
    assert [lane["received_bytes"] for lane in counted["lanes"]] == [lane["sent_bytes"] for lane in run.report["lanes"]]


@pytest.mark.parametrize("gso", ["--gso", "--no-gso"])
@pytest.mark.parametrize(("tags", "longest"), [(("100",), 1472), (("200", "100"), 1464)], ids=["vlan", "qinq"])
def test_the_longest_event_gets_through_and_a_longer_one_is_refused(
    tmp_path: Path, lab: Lab, tags: tuple[str, ...], longest: int, gso: str
):
    """The kernel lets a single tag go beyond the MTU, and of two neither."""
    address = "198.18.100.2"
    options = (*PACED, *into_vlan(lab, tags, "198.18.100.64/28"), gso, "--loops", 1)
    captures = [tmp_path / f"{length}.rcap" for length in (longest, longest + 1)]
    for path, length in zip(captures, (longest, longest + 1), strict=True):
        write(path, content(noise([(40, length), (1, length)])))
    with (
        vlan(lab, tags, f"{address}/24") as device,
        vlan_mailboxes(lab, address, device) as boxes,
        lab.cut_at_sender(),
    ):
        fits, exceeds = (
            programs.call(*programs.run_of(open_capture(path), address, PORTS, *options), host=lab.sender)
            for path in captures
        )
        came = boxes.take()

    programs.assert_ran(fits)
    assert Counter(line for lane in came for line in lane) == Counter(open_capture(captures[0]).lines())
    assert exceeds.code == ExitCode.PREFLIGHT
    assert "build shorter events" in exceeds.stderr


HOSTS = 12
FARM = f"""
name: farm
source: host
fields: {{host: {{pattern: "web{{:02d}}", range: [1, {HOSTS}]}}, number: {{integers: [1, 10000]}}}}
groups: {{g: {{weight: 1, templates: [{{weight: 1, severity: info, tag: t, message: "{{number}}"}}]}}}}
"""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """2,000 events of HOSTS hosts in trains of 8."""
    folder = tmp_path_factory.mktemp("farm")
    (folder / "farm.yaml").write_text(FARM)
    line = ("precompute", "build", folder / "farm.yaml", "--events", EVENTS, "--train", 8, "-o", folder / "farm.rcap")
    built = programs.call(*line)
    assert built.code == 0, built.stderr
    return open_capture(folder / "farm.rcap")


def flows_by_host(lab: Lab, folder: Path, farm: Capture, *options: object) -> dict[bytes, set[tuple[str, int]]]:
    """Where each host's events come from in two loops of the farm, by two workers."""
    ports = ("--source-ports", f"{SOURCE_PORTS[0]}-{SOURCE_PORTS[-1]}")
    packets, _ = packets_of(
        lab, folder, programs.run_of(farm, V4, PORTS, *PACED, "--loops", 2, "--workers", 2, *ports, *options)
    )
    assert Counter(packet.event for packet in packets) == Counter([*farm.lines()] * 2)
    flows: dict[bytes, set[tuple[str, int]]] = {}
    for packet in packets:
        flows.setdefault(packet.event.split(b" ")[1], set()).add(packet.flow)
    assert len(flows) == HOSTS
    return flows


@needs_tshark
@pytest.mark.parametrize(
    ("mix", "network", "addresses"),
    [("capture", "198.18.64.0/27", 30), ("auto", "198.18.64.0/27", 30), ("capture", "198.18.64.0/29", 6)],
)
def test_a_host_keeps_its_address(tmp_path: Path, lab: Lab, farm: Capture, mix: str, network: str, addresses: int):
    """Where there are fewer addresses than hosts, hosts share them."""
    flows = flows_by_host(lab, tmp_path, farm, "--source-mix", mix, "--source-ips", network)

    first = ip_address("198.18.64.1")
    assert flows == {
        b"web%02d" % (number + 1): {(str(first + number % addresses), SOURCE_PORTS[number % len(SOURCE_PORTS)])}
        for number in range(HOSTS)
    }


@needs_tshark
def test_by_a_uniform_mix_it_has_them_all_in_turn(tmp_path: Path, lab: Lab, farm: Capture):
    flows = flows_by_host(lab, tmp_path, farm, "--source-mix", "uniform", "--source-ips", "198.18.64.0/29")

    assert len(set().union(*flows.values())) == 6 * len(SOURCE_PORTS)
    assert all(len(own) > len(SOURCE_PORTS) for own in flows.values())


@pytest.mark.parametrize("way", [("--gso", "--train-max", 2), ("--no-gso",)], ids=["gso", "no-gso"])
def test_what_a_killed_worker_sent_is_not_sent_again(
    log: Path,
    control: Path,
    lab: Lab,
    capture: Capture,
    lines: Sequence[bytes],
    way: tuple[object, ...],
):
    """Killed three times in its system calls, where it is nearly always with messages as short and many as these."""
    options = (*PACED, *way, "--loops", 1_000_000, "--eps", "200k", "--workers", 2, "--control", control)
    run = programs.command(*programs.run_of(capture, V4, PORTS, *options), host=lab.sender)
    with mailboxes(lab, V4) as boxes, lab.cut_at_sender(), programs.running(run, log) as supervisor:
        boxes.await_first()
        taken: list[list[bytes]] = [[] for _ in PORTS]

        def workers_now() -> list[int]:
            """Those that there are; what came is taken meanwhile, or the boxes would be full some time."""
            for lane, more in zip(taken, boxes.take(), strict=True):
                lane.extend(more)
            return programs.workers_of(supervisor)

        for _ in range(3):
            first = workers_now()[0]
            os.kill(first, signal.SIGKILL)
            programs.eventually(lambda first=first: first not in workers_now(), "its end")
            programs.eventually(lambda: len(workers_now()) == 2, "its successor")
            until_s = time.monotonic() + 0.5  # for it to be in the midst of things
            programs.eventually(lambda until_s=until_s: workers_now() and time.monotonic() > until_s, "half a second")
        supervisor.send_signal(signal.SIGINT)  # `replay ctl stop` would give the stream an end, and other last stripes
        ended = programs.finish(supervisor, log)
        came = [[*lane, *more] for lane, more in zip(taken, boxes.take(), strict=True)]

    assert ended.code == ExitCode.INTERRUPTED, ended.stderr
    causes = [recovery["cause"] for recovery in ended.report["recoveries"]]
    assert causes.count("was killed by SIGKILL") == 3
    sent = [lane["sent_events"] for lane in ended.report["lanes"]]
    assert sent == [len(lane) for lane in came]
    # Stripes are whole as far as it came; only the last round of a stream is dealt in shorter ones.
    whole = port_lines(lines, len(PORTS), loops=(max(sent) + 2 * STRIPE_EVENTS) * len(PORTS) // len(lines) + 1)
    # In the queue of the core that a worker was moved away from, what it sent there may be overtaken.
    expected = [sorted(lane[:count]) for lane, count in zip(whole, sent, strict=True)]
    assert [sorted(lane) for lane in came] == expected
