"""What is exported is the capture: every event in its order, at its instant, from where to where, read by others."""

import gzip
import io
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dpkt
import numpy as np
import pytest
import zstandard

from captures.console.errors import DamagedError, InputError
from captures.convert.export_capture import export_capture
from captures.convert.export_request import Addresses, ExportRequest, Form, Packing
from captures.format.layout import DIGEST_BLOCK_BYTES, TRAIN
from captures.format.reader import open_capture
from captures.format.sections import BACK, FLOW
from captures.format.writing.stream_writer import StreamWriter
from captures.share.packing import pack
from tests.captures.content import START_NS, timed, window_instants_ns, write
from tests.captures.share.carried import large, mangled

TEXTS = [b"<13>one", b"", b"<14>three and more", b"<15>two", b"last, cut"]


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A capture of version 2 in another order than the original, of which an event came earlier, and one was cut."""
    flows = np.zeros(2, FLOW)
    flows["family"], flows["protocol"], flows["ttl"], flows["tos"] = (4, 6), (17, 6), (63, 5), (8, 16)
    flows["source_port"], flows["target_port"], flows["label"] = (1000, 2000), (514, 601), (0, 0xABCDE)
    flows["vlan_count"], flows["vlans"] = (0, 2), ((0, 0), (0x2005, 7))
    flows["service_vlans"] = (0, 1)
    flows["source_mac"] = [np.void(b"\2\0\0\0\0\5")] * 2
    flows["source"] = [np.void(ip_address(text).packed.ljust(16, b"\0")) for text in ("198.18.0.7", "2001:db8::7")]
    flows["target"] = [np.void(ip_address(text).packed.ljust(16, b"\0")) for text in ("198.19.0.9", "2001:db8::9")]
    trains, back = np.zeros(5, TRAIN), np.zeros(1, BACK)
    order = [0, 1, 3, 2, 4]
    trains["count"], trains["length"] = 1, [len(TEXTS[i]) for i in order]
    back["event"], back["by_ns"] = 3, 400
    path = tmp_path / "foreign.rcap"
    with StreamWriter(path) as writer:
        writer.add_flows(flows)
        writer.add(
            trains,
            np.frombuffer(b"".join(TEXTS[i] for i in order), np.uint8),
            times=np.array([0, 100, 1000, 2000, 3_000_000_001], np.uint64),
            order=np.array(order, np.uint64),
            flow_of=np.array([0, 1, 0, 1, 0], np.uint32),
            original=np.array([7, 0, 7, 18, 500], np.uint32),
            back=back,
        )
        writer.finish(start_ns=START_NS, note={"tool": "tests"})
    return path


def exported(capture: Path, form: Form = Form.PCAP, **asked: Any) -> bytes:
    output = capture.parent / f"out.{form}"
    export_capture(ExportRequest(capture, output, form, force=True, **asked))
    return output.read_bytes()


def packets_of(data: bytes) -> list[tuple[float, Any]]:
    reader = dpkt.pcapng.Reader if data.startswith(b"\x0a\x0d\x0d\x0a") else dpkt.pcap.Reader
    return [(seconds, dpkt.ethernet.Ethernet(frame)) for seconds, frame in reader(io.BytesIO(data))]


@pytest.mark.parametrize("form", [Form.PCAP, Form.PCAPNG])
def test_events_leave_in_their_original_order_with_their_flows(foreign: Path, form: Form) -> None:
    packets = packets_of(exported(foreign, form))
    assert [packet.data.data.data for _, packet in packets] == TEXTS
    assert [packet.data.data.dport for _, packet in packets] == [514, 601, 601, 514, 514]
    since_ns = [round((float(seconds) - START_NS / 1e9) * 1e9) for seconds, _ in packets]
    assert since_ns == pytest.approx([0, 100, 1000, 1600, 3_000_000_001], abs=300)  # dpkt reads floats
    ip, packet = packets[0][1].data, packets[2][1]
    assert (ip.ttl, ip.tos, ip.src, ip.dst) == (63, 8, ip_address("198.18.0.7").packed, ip_address("198.19.0.9").packed)
    assert packets[0][1].src == b"\2\0\0\0\0\5"
    tags = packet.vlan_tags
    assert [(tag.pri, tag.id) for tag in tags] == [(1, 5), (0, 7)]
    six = packet.data
    assert (six.hlim, six.fc, six.flow, six.src) == (5, 16, 0xABCDE, ip_address("2001:db8::7").packed)


def test_a_cut_event_has_its_original_length_in_the_record(foreign: Path) -> None:
    data = exported(foreign)
    heads, at = [], 24
    while at < len(data):
        captured, original = np.frombuffer(data, "<u4", 2, at + 8).tolist()
        heads.append(original - captured)
        at += 16 + captured
    assert heads == [0, 0, 0, 0, 500 - len(TEXTS[4])]


def test_a_capture_of_version_1_has_the_instants_of_its_windows_and_usual_addresses(tmp_path: Path) -> None:
    held = timed([3, 1], [10**9, 3 * 10**9])
    path = tmp_path / "timed.rcap"
    write(path, held)
    data = exported(path)
    packets = packets_of(data)
    assert [packet.data.data.data for _, packet in packets] == list(open_capture(path).lines())
    seconds = np.array([np.frombuffer(data, "<u4", 2, at) for at in record_places(data)], np.int64)
    assert (seconds @ [10**9, 1]).tolist() == (START_NS + window_instants_ns(held.shape.windows)).tolist()
    assert {packet.data.dst for _, packet in packets} == {ip_address("198.18.255.254").packed}
    hosts = [int(np.searchsorted(held.trains["first_event"], event, "right")) - 1 for event in range(len(packets))]
    sources = [held.trains["source"][host] for host in hosts]
    assert [int.from_bytes(packet.data.src, "big") - int(ip_address("198.18.0.1")) for _, packet in packets] == sources


def record_places(data: bytes) -> list[int]:
    places, at = [], 24
    while at < len(data):
        places.append(at)
        at += 16 + int(np.frombuffer(data, "<u4", 1, at + 8)[0])
    return places


def test_addresses_ports_vlan_and_rate_are_those_asked_for(foreign: Path) -> None:
    asked = Addresses(ip_address("2001:db8::1"), ip_address("2001:db8::2"), (600, 700), 999, 33)
    packets = packets_of(exported(foreign, rate_eps=1000, addresses=asked))
    assert {(packet.data.data.sport, packet.vlan_tags[0].id) for _, packet in packets} == {(999, 33)}
    assert sorted({packet.data.data.dport for _, packet in packets}) == [600, 700]
    assert [round((float(at) - START_NS / 1e9) * 1000) for at, _ in packets] == [0, 1, 2, 3, 4]


def test_lines_and_a_range_of_them(foreign: Path) -> None:
    assert exported(foreign, Form.LINES) == b"".join(text + b"\n" for text in TEXTS)
    assert exported(foreign, Form.LINES, first=2, end=4) == b"".join(text + b"\n" for text in TEXTS[2:4])
    with pytest.raises(InputError, match="has the events 0 to 4"):
        exported(foreign, first=5)


@pytest.mark.parametrize("form", [Form.LINES, Form.PCAP])
def test_what_is_damaged_is_not_exported(tmp_path: Path, form: Form) -> None:
    path, output = large(tmp_path / "a.rcap"), tmp_path / "out"
    whole = open_capture(path)
    path.write_bytes(mangled(path.read_bytes(), whole.payload_offset + 2 * DIGEST_BLOCK_BYTES))
    with pytest.raises(DamagedError, match=r"a\.rcap: damaged: payload chunk 2 .*; copy or build the capture again"):
        export_capture(ExportRequest(path, output, form))
    assert list(tmp_path.iterdir()) == [path]
    sound_events = 2 * DIGEST_BLOCK_BYTES // 500
    export_capture(ExportRequest(path, output, form, end=sound_events))
    with pytest.raises(DamagedError):
        export_capture(ExportRequest(path, tmp_path / "more", form, end=sound_events + 1))


def test_a_packed_capture_is_exported_like_another(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = exported(foreign)
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "cache"))
    pack(foreign, tmp_path / "foreign.rcapz")
    assert exported(tmp_path / "foreign.rcapz") == expected


def test_packed_is_the_same_and_always_the_same_bytes(foreign: Path) -> None:
    plain = exported(foreign, Form.PCAPNG)
    packed = exported(foreign, Form.PCAPNG, packing=Packing.GZIP)
    assert gzip.decompress(packed) == plain
    assert exported(foreign, Form.PCAPNG, packing=Packing.GZIP) == packed
    zst = exported(foreign, Form.PCAPNG, packing=Packing.ZSTD)
    assert zstandard.ZstdDecompressor().decompressobj().decompress(zst) == plain


def test_what_can_not_be_written_is_said(foreign: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of IPv4 and of IPv6"):
        exported(foreign, addresses=Addresses(target=ip_address("2001:db8::1")))
    with StreamWriter(tmp_path / "untimed.rcap") as writer:
        trains = np.zeros(1, TRAIN)
        trains["count"], trains["length"] = 2, 1
        writer.add(trains, np.zeros(2, np.uint8))
        writer.finish(start_ns=0, note={})
    with pytest.raises(InputError, match="has no time axis; say a rate"):
        exported(tmp_path / "untimed.rcap")
    assert len(packets_of(exported(tmp_path / "untimed.rcap", rate_eps=5))) == 2


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("form", [Form.PCAP, Form.PCAPNG])
def test_tshark_finds_nothing_to_complain_of(foreign: Path, form: Form) -> None:
    exported(foreign, form)
    fields = ["frame.time_epoch", "udp.dstport", "_ws.expert.message", "udp.checksum.status", "ip.checksum.status"]
    options = [
        "-o",
        "ip.check_checksum:TRUE",
        "-o",
        "udp.check_checksum:TRUE",
        "-d",
        "udp.port==601,syslog",
        "-T",
        "fields",
    ]
    words = [word for field in fields for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-r", str(foreign.parent / f"out.{form}"), *options, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    start_s = START_NS // 10**9
    assert [row[0] for row in rows[:4]] == [f"{start_s}.{ns:09}" for ns in (0, 100, 1000, 1600)]
    assert [row[1] for row in rows] == ["514", "601", "601", "514", "514"]
    assert all("hecksum" not in row[2] for row in rows)
    assert {row[3] for row in rows} == {"1"}
