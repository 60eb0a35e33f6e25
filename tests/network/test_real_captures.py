"""What tcpdump, dumpcap and tshark record of real syslog programs is imported whole, and comes back by an export."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest

from captures.console.errors import ExitCode
from captures.convert.import_capture import Imported
from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.captures.told import (
    TCP,
    UDP,
    Event,
    assert_comes_back,
    assert_same,
    dpkt_datagrams,
    events_of,
    imported,
    tshark_datagrams,
    tshark_rows,
)
from tests.network.conftest import fresh_lab
from tests.network.expected import port_lines
from tests.network.programs import PATIENCE_S, ROOT, assert_ran, call, eventually, run_of
from tests.network.recording import (
    at,
    dumpcap,
    listening,
    logger_sends,
    recording,
    rsyslog_sends,
    syslog_ng_sends,
    tcpdump,
)
from tests.network.test_packet_wire import mac_of
from tools.command_line import command
from tools.lab import DEVICE, PORTS, V4, V6, Lab

EVENTS = 1500
LINES = 40
OLD, NEW, OLD_6, LOGGED = 5140, 5141, 5142, 5143
"""Ports for datagrams: rsyslog's by IPv4 and IPv6, and logger's."""
LINE_FEEDS, COUNTED, LOGGED_STREAM = 6010, 6011, 6012
"""Ports for TCP: framed by line feeds and by counts (RFC 6587), and logger's."""
DATAGRAMS, STREAMS = (OLD, NEW, LOGGED), (LINE_FEEDS, COUNTED, LOGGED_STREAM)

RECORDERS: dict[str, Callable[[Path], list[str]]] = {
    "tcpdump.pcap": tcpdump,
    "nanoseconds.pcap": lambda path: tcpdump(path, "--time-stamp-precision", "nano"),
    "any.pcap": lambda path: tcpdump(path, "-y", "LINUX_SLL2", device="any"),
    "any1.pcap": lambda path: tcpdump(path, "-y", "LINUX_SLL", device="any"),
    "rotated.pcap": lambda path: tcpdump(path, "-C", "1", "-W", "20"),
    "dumpcap.pcapng": dumpcap,
    "tshark.pcapng": lambda path: dumpcap(path, program="tshark"),
    "ring.pcapng": lambda path: dumpcap(path, "-b", "filesize:200", "-b", "files:50"),
    "cut.pcap": lambda path: tcpdump(path, "-s", "150"),
}

JOINING = ("gro", "rx-udp-gro-forwarding")
"""The features by which a device joins datagrams that are alike (ethtool(8), -K)."""


class Traffic(NamedTuple):
    """What was sent, and where it was recorded."""

    folder: Path
    sent: dict[int, list[bytes]]
    """The messages of each port, in order."""


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> Traffic:
    """Messages of rsyslog and logger to all ports, recorded in all ways at the same time."""
    folder = tmp_path_factory.mktemp("traffic")
    messages = [b"<%d>app%d[%d]: number %d%s" % (i % 192, i % 7, i, i, b" x" * (i % 120)) for i in range(EVENTS)]
    ways = (
        f'target="{V4}" port="{OLD}" protocol="udp"',
        f'target="{V6}" port="{NEW}" protocol="udp"',
        f'target="{V4}" port="{LINE_FEEDS}" protocol="tcp" tcp_framing="traditional"',
        f'target="{V6}" port="{COUNTED}" protocol="tcp" tcp_framing="octet-counted"',
    )
    text = "".join(f"line {i} of logger{'.' * i}\n" for i in range(LINES))
    recorders = {folder / name: line(folder / name) for name, line in RECORDERS.items()}
    with fresh_lab(Lab) as lab, listening(lab, DATAGRAMS, STREAMS) as came, recording(lab, recorders):
        sent = rsyslog_sends(lab, folder / "rsyslog", messages, *ways)
        logger_sends(lab, text, "-n", V4, "-P", str(LOGGED), "-d", "--rfc3164", "-t", "tool")
        stream = ("-n", V6, "-P", str(LOGGED_STREAM), "-T", "--octet-count", "-t", "tool")
        logger_sends(lab, text, *stream)
        streams = came()
    assert streams[LINE_FEEDS].split(b"\n")[:-1] == sent
    assert counted(streams[COUNTED]) == sent
    ports = {OLD: sent, NEW: sent, LINE_FEEDS: sent, COUNTED: sent, LOGGED_STREAM: counted(streams[LOGGED_STREAM])}
    assert [message.split(b"] ")[-1] for message in ports[LOGGED_STREAM]] == text.encode().splitlines()
    return Traffic(folder, ports)


def counted(stream: bytes) -> list[bytes]:
    """The messages of octet counting (RFC 6587, section 3.4.1)."""
    messages = []
    while stream:
        count, _, rest = stream.partition(b" ")
        messages.append(rest[: int(count)])
        stream = rest[int(count) :]
    return messages


def by_port(events: Sequence[Event]) -> dict[int, list[bytes]]:
    """The payloads of each port, in their order."""
    ports: dict[int, list[bytes]] = {}
    for event in events:
        ports.setdefault(event.target_port, []).append(event.payload)
    return ports


def take(path: Path, *, of: str = "", **asked: object) -> tuple[Imported, Capture]:
    """What an import makes of a recording, or of the set of those of a pattern."""
    wanted = frozenset({*DATAGRAMS, *STREAMS})
    sources = [path] if not of else sorted(each for each in path.parent.glob(of) if each.suffix != ".log")
    return imported(*sources, output=path.with_suffix(".rcap"), ports=wanted, **asked)


@pytest.mark.parametrize(
    "name", [name for name in RECORDERS if name not in ("rotated.pcap", "ring.pcapng", "cut.pcap")]
)
def test_every_message_of_rsyslog_and_logger_is_imported(traffic: Traffic, name: str) -> None:
    path = traffic.folder / name
    done, capture = take(path)
    events = events_of(capture)
    ports = by_port(events)
    logged = ports.pop(LOGGED)
    assert ports == traffic.sent
    assert [message.split(b": ", 1)[1] for message in logged] == [
        f"line {i} of logger{'.' * i}".encode() for i in range(LINES)
    ]
    assert (done.broken, done.interrupted) == ((), False)
    harmless = {"other ports", "TCP segments without data", "TCP segments that came again", "ARP", "ICMP", "not IP"}
    assert set(done.left_out) <= harmless  # on a busy machine a segment may be sent twice
    datagrams = events_of(capture, UDP)
    seen = [event for event in tshark_datagrams(path) if event.target_port in DATAGRAMS]
    assert_same(datagrams, seen)
    assert_same(datagrams, [each for each in dpkt_datagrams(path) if each.target_port in DATAGRAMS], 1000)
    assert all(one.instant_ns <= other.instant_ns for one, other in pairwise(events))
    assert_streams(capture, path)
    assert_comes_back(capture)


def assert_streams(capture: Capture, path: Path) -> None:
    """Each message over TCP came when a segment of its connection did, between the same hosts."""
    fields = ("frame.time_epoch", "ip.src", "ipv6.src", "tcp.srcport", "tcp.dstport")
    segments = set()
    for stamp, source_4, source_6, source_port, target_port in tshark_rows(path, *fields, display="tcp"):
        instant_ns = int(stamp.replace(".", ""))
        segments.add((instant_ns, ip_address(source_4 or source_6), int(source_port), int(target_port)))
    for event in events_of(capture, TCP):
        assert (event.instant_ns, event.source, event.source_port, event.target_port) in segments


@pytest.mark.parametrize(("name", "of"), [("rotated.pcap", "rotated.pcap*"), ("ring.pcapng", "ring_*.pcapng")])
def test_a_rotated_set_is_one_recording(traffic: Traffic, name: str, of: str) -> None:
    """Streams of TCP go on from one file to the next."""
    done, capture = take(traffic.folder / name, of=of)
    assert len(done.sources) > 1
    ports = by_port(events_of(capture))
    assert len(ports.pop(LOGGED)) == LINES
    assert ports == traffic.sent
    assert_comes_back(capture)


def test_what_a_snaplen_cut_is_counted_or_kept(traffic: Traffic) -> None:
    path = traffic.folder / "cut.pcap"
    done, capture = take(path)
    whole = [event for event in tshark_datagrams(traffic.folder / "tcpdump.pcap") if event.target_port in DATAGRAMS]
    room = {4: 150 - 14 - 20 - 8, 6: 150 - 14 - 40 - 8}
    fitting = [event for event in whole if len(event.payload) <= room[event.source.version]]
    assert [event[1:] for event in events_of(capture, UDP)] == [event[1:] for event in fitting]
    assert done.left_out["cut by the snaplen"] >= len(whole) - len(fitting) > 0
    kept, capture = take(path, keep_cut=True)
    payloads = [event.payload[: room[event.source.version]] for event in whole]
    datagrams = events_of(capture, UDP)
    assert [event.payload for event in datagrams] == payloads
    of_udp = capture.flows["protocol"][capture.flow_of] == UDP
    assert capture.original[of_udp].tolist() == [len(event.payload) for event in whole]
    lengths = np.repeat(capture.trains["length"], capture.trains["count"])
    assert np.count_nonzero(capture.original[of_udp] > lengths[of_udp]) == len(whole) - len(fitting)
    assert kept.figures.cut_events == np.count_nonzero(capture.original > lengths)  # of TCP, too


@pytest.mark.parametrize("way", ["super-packets", "datagrams", "joined again"])
@pytest.mark.parametrize("target", [V4, V6], ids=["IPv4", "IPv6"])
def test_trains_of_udp_segment(tmp_path: Path, lab: Lab, capture: Capture, way: str, target: str) -> None:
    """A train that was not cut (GSO) or was joined again (GRO) is one datagram to all who read it; no byte is lost."""
    path = tmp_path / "trains.pcap"
    lines = list(capture.lines())
    options = ("--loops", 1, "--stamp", "keep", "--gso", "--workers", 1)
    with ExitStack() as stack:
        if way != "super-packets":
            stack.enter_context(lab.cut_at_sender())
        if way == "joined again":
            switch = ("ethtool", "-K", DEVICE, *(word for name in JOINING for word in (name, "on")))
            lab.run_at(lab.receiver, *switch)
            stack.callback(lab.run_at, lab.receiver, *("off" if word == "on" else word for word in switch))
        stack.enter_context(listening(lab, PORTS, ()))
        stack.enter_context(recording(lab, {path: tcpdump(path)}))
        assert_ran(call(*run_of(capture, target, PORTS, *options), host=lab.sender))
    _, back = imported(path, output=tmp_path / "back.rcap", ports=frozenset(PORTS))
    events = events_of(back)
    expected = dict(zip(PORTS, port_lines(lines, len(PORTS)), strict=True))
    ports = by_port(events)
    assert {port: b"".join(texts) for port, texts in ports.items()} == {
        port: b"".join(texts) for port, texts in expected.items()
    }
    assert len(events) <= len(lines)  # how many are joined again is the kernel's affair
    if way != "joined again":
        assert (len(events) < len(lines)) == (way == "super-packets")
    assert_same(events, [event for event in tshark_datagrams(path) if event.target_port in PORTS])
    assert_comes_back(back)
    _, cut = imported(path, output=tmp_path / "cut.rcap", ports=frozenset(PORTS), split_trains=True)
    assert by_port(events_of(cut)) == expected
    assert_comes_back(cut)


@pytest.mark.parametrize("chosen", ["capture", "tagged"])
def test_what_was_sent_compares_with_what_was_received(
    tmp_path: Path, lab: Lab, request: pytest.FixtureRequest, chosen: str
) -> None:
    """The recipe of the guide, with the sender as it is: its trains are recorded as super-packets."""
    capture, path = request.getfixturevalue(chosen), tmp_path / "received.pcap"
    with listening(lab, PORTS, ()), recording(lab, {path: tcpdump(path)}):
        assert_ran(call(*run_of(capture, V4, PORTS[:1], "--loops", 1), host=lab.sender))
    output = path.with_suffix(".rcap")
    taken = call("captures", "import", path, "-o", output, "--ports", PORTS[0], "--json")
    assert taken.report["packets"]["super_packets"] > 0
    assert "--split-trains" in taken.stderr
    compared = call("captures", "diff", capture.path, output, "--json")
    assert compared.code == ExitCode.MISSED
    assert "--split-trains" in compared.stderr
    call("captures", "import", path, "-o", output, "--ports", PORTS[0], "--split-trains", "--force")
    compared = call("captures", "diff", capture.path, output, "--json")
    assert (compared.code, compared.report["alike"], compared.report["same"]) == (ExitCode.MET, True, capture.events)


@pytest.mark.parametrize("tags", ["100", "200.100"])
def test_frames_of_a_vlan(tmp_path: Path, lab: Lab, capture: Capture, tags: str) -> None:
    path, cooked = tmp_path / "vlan.pcap", tmp_path / "any.pcap"
    hop = ("--interface", DEVICE, "--dst-mac", mac_of(lab, lab.receiver))
    with recording(lab, {path: tcpdump(path), cooked: tcpdump(cooked, device="any")}):
        options = (
            *hop,
            "--source-ips",
            "198.18.0.64/28",
            "--events",
            2000,
            "--stamp",
            "keep",
            "--vlan",
            tags,
            "--no-gso",
        )
        assert_ran(call(*run_of(capture, V4, PORTS, *options), host=lab.sender))
    _, back = imported(path, output=tmp_path / "back.rcap", ports=frozenset(PORTS))
    events = events_of(back)
    assert len(events) == 2000
    seen = [event for event in tshark_datagrams(path) if event.target_port in PORTS]
    assert_same(events, seen)
    rows = back.flows[back.flow_of]
    assert {tuple(vlans[:count]) for vlans, count in zip(rows["vlans"].tolist(), rows["vlan_count"], strict=True)} == {
        tuple(map(int, tags.split(".")))
    }
    again = assert_comes_back(back)
    assert {tuple(row) for row in tshark_rows(again, "vlan.id", display="udp")} == {(tags.rsplit(".", maxsplit=1)[-1],)}
    # libpcap writes two tags into a cooked capture so that nobody can read them: not tshark either.
    _, other = imported(cooked, output=tmp_path / "any.rcap")
    came = events_of(other)
    assert_same(came, tshark_datagrams(cooked))
    if "." not in tags:
        assert [event[1:] for event in came if event.target_port in PORTS] == [event[1:] for event in events]


def test_segments_of_more_than_64_kib(tmp_path: Path) -> None:
    """BIG TCP over IPv6: the length in the header is 0, and a hop-by-hop header may stand before the segment."""
    path = tmp_path / "big.pcap"
    messages = [b"<13>Aug 30 10:15:30 host app: number %d" % number + b"." * 200 for number in range(20_000)]
    with fresh_lab(Lab) as lab, listening(lab, (), [LINE_FEEDS]) as came:
        for host in (lab.sender, lab.receiver):
            lab.run_at(host, "ip", "link", "set", "dev", DEVICE, "gso_max_size", "190000", "gro_max_size", "190000")
        with recording(lab, {path: tcpdump(path)}):
            with at(lab.sender), socket.create_connection((V6, LINE_FEEDS)) as connection:
                connection.sendall(b"".join(message + b"\n" for message in messages))
            assert came()[LINE_FEEDS].count(b"\n") == len(messages)
    _, capture = imported(path, output=tmp_path / "a.rcap", ports=frozenset([LINE_FEEDS]))
    assert [event.payload for event in events_of(capture)] == messages
    longest = max(int(row[0]) for row in tshark_rows(path, "frame.len", display="tcp"))
    assert longest > 1 << 16


def test_ctrl_c_ends_tcpdump_and_the_import_that_reads_it(tmp_path: Path, lab: Lab) -> None:
    """Both get the signal; tcpdump has packets in its buffer then, and all of them are in the capture."""
    messages = [b"<13>Aug 30 10:15:30 host app: number %d" % number for number in range(300)]
    output, told = tmp_path / "a.rcap", tmp_path / "told"
    importing = " ".join(f"'{word}'" for word in command("captures", "import", "-", "-o", output, "-p", OLD))
    # With short slots its ring holds all of them, however long the import takes to begin.
    recorder = "tcpdump -n -Z root -i wire -s 2000 -B 16384 --immediate-mode -w - 'udp port 5140' 2> told"
    line = ["ip", "netns", "exec", lab.receiver, "bash", "-c", f"trap '' INT; (trap - INT; {recorder} | {importing})"]
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    with (
        listening(lab, [OLD], ()),
        subprocess.Popen(
            line, cwd=tmp_path, env=surroundings, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process,
    ):
        try:
            eventually(lambda: told.exists() and "listening on" in told.read_text(), "tcpdump's start")
            with at(lab.sender), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for message in messages:
                    sender.sendto(message, (V4, OLD))
                    time.sleep(0.001)
            importer = next(
                child for child in psutil.Process(process.pid).children(recursive=True) if "import" in child.cmdline()
            )
            eventually(lambda: _reads(importer), "the import's reading")
            os.killpg(process.pid, signal.SIGINT)
            _, stderr = process.communicate(timeout=PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert "interrupted; what was read until then is in the capture" in stderr
    assert [event.payload for event in events_of(open_capture(output))] == messages


def _reads(process: psutil.Process) -> bool:
    """Whether an import has opened its pipe a second time, which it does to read."""
    folder, links = Path(f"/proc/{process.pid}/fd"), []
    for each in folder.iterdir():
        with suppress(FileNotFoundError):
            links.append(each.readlink())
    return links.count((folder / "0").readlink()) > 1


def test_syslog_ng_sends_by_datagrams_and_streams(tmp_path: Path) -> None:
    """Its own framing by counts, and by line feeds."""
    messages = [f"<13>Aug 30 10:15:{n % 60:02} host{n % 3} app[{n}]: number {n}" for n in range(500)]
    ways = {
        OLD: f'syslog("{V4}" transport("udp") port({OLD}))',
        LINE_FEEDS: f'network("{V4}" transport("tcp") port({LINE_FEEDS}))',
        COUNTED: f'syslog("{V6}" transport("tcp") ip-protocol(6) port({COUNTED}))',
    }
    path = tmp_path / "recorded.pcap"
    with (
        fresh_lab(Lab) as lab,
        listening(lab, [OLD], [LINE_FEEDS, COUNTED]) as came,
        recording(lab, {path: tcpdump(path)}),
    ):
        syslog_ng_sends(lab, tmp_path / "syslog-ng", messages, list(ways.values()))
        streams = came()
    done, capture = imported(path, output=tmp_path / "a.rcap", ports=frozenset(ways))
    ports = by_port(events_of(capture))
    assert ports[LINE_FEEDS] == streams[LINE_FEEDS].split(b"\n")[:-1]
    assert ports[COUNTED] == counted(streams[COUNTED])
    assert {len(texts) for texts in ports.values()} == {len(messages)}
    for texts in ports.values():
        assert [text.rstrip().rsplit(b" ", 1)[1] for text in texts] == [b"%d" % n for n in range(len(messages))]
    assert_comes_back(capture)
    assert done.broken == ()
