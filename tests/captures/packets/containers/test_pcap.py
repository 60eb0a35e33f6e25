"""pcap files are read as a slow reader, dpkt and scapy read them, and as far as they are good."""

import io
import shutil
import struct
import subprocess

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import PcapWriter

from captures.packets.containers.links import Links
from captures.packets.containers.packets_of import NotPackets, first_instant, read_batches
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import Input, find_inputs
from tests.captures.packets import plain
from tests.captures.packets.plain import Seen, pcap_header, pcap_record, read, read_pcap

NUMBERS = st.one_of(
    st.integers(0, 2**32 - 1), st.integers(0, 300), st.sampled_from([262_144, 262_145, 2**31, 2**32 - 1])
)
ORDERS = st.sampled_from("<>")
BLOCKS = st.sampled_from([8, 40, 300, 4096])


@st.composite
def pcap_files(draw: st.DrawFn) -> bytes:
    order, magic = draw(ORDERS), draw(st.sampled_from(sorted(plain.PCAP_MAGICS)))
    more = bytes(8) if magic == 0xA1B2CD34 else b""
    header = pcap_header(order, magic, draw(NUMBERS), draw(NUMBERS), draw(st.sampled_from([4, 4, 4, 3, 2])))
    records = draw(st.lists(st.tuples(st.binary(max_size=60), NUMBERS, NUMBERS, NUMBERS), max_size=12))
    return header + b"".join(
        pcap_record(payload, seconds, fraction, order, original, more)
        for payload, seconds, fraction, original in records
    )


@st.composite
def damaged(draw: st.DrawFn, files: st.SearchStrategy[bytes]) -> bytes:
    content = bytearray(draw(files))
    for place, value in draw(st.lists(st.tuples(st.integers(8, 2000), st.integers(0, 255)), max_size=4)):
        if place < len(content):
            content[place] = value
    return bytes(content[: draw(st.one_of(st.just(len(content)), st.integers(4, max(4, len(content)))))])


@settings(max_examples=200)
@given(content=damaged(st.lists(pcap_files(), min_size=1, max_size=2).map(b"".join)), block_bytes=BLOCKS)
def test_whatever_the_bytes_are_the_same_is_read_as_by_a_slow_reader(content: bytes, block_bytes: int) -> None:
    assert read(content, block_bytes) == read_pcap(content)


@given(
    order=ORDERS,
    nano=st.booleans(),
    packets=st.lists(st.tuples(st.binary(max_size=80), st.integers(0, 2**32 - 1), st.integers(0, 999_999))),
)
def test_dpkt_reads_the_same(order: str, nano: bool, packets: list[tuple[bytes, int, int]]) -> None:
    content = pcap_header(order, 0xA1B23C4D if nano else 0xA1B2C3D4) + b"".join(
        pcap_record(payload, seconds, fraction, order) for payload, seconds, fraction in packets
    )

    by_dpkt = list(dpkt.pcap.Reader(io.BytesIO(content)))

    told = read(content)
    assert [each.payload for each in told.packets] == [payload for _, payload in by_dpkt]
    # dpkt's instants of ns are decimal, those of microseconds are rounded to what a float can hold.
    for each, (instant_s, _) in zip(told.packets, by_dpkt, strict=True):
        assert abs(each.instant_ns - int(instant_s * 10**9)) <= (0 if nano else 1000)


@pytest.mark.parametrize("nano", [False, True])
def test_what_scapy_writes_is_read(tmp_path, nano):
    path = tmp_path / "by_scapy.pcap"
    packets = [Ether() / IP() / UDP(dport=514) / (b"<13>line %d" % i) for i in range(50)]
    for i, each in enumerate(packets):
        each.time = 1_756_500_000 + i
    writer = PcapWriter(str(path), nano=nano, linktype=1)
    for each in packets:
        writer.write(each)
    writer.close()

    told = plain.read_input(find_inputs([str(path)]).each[0])

    assert [each.payload for each in told.packets] == [bytes(each) for each in packets]
    assert [each.instant_ns for each in told.packets] == [(1_756_500_000 + i) * 10**9 for i in range(50)]
    assert told.packets[0].link[2] == (1_000_000_000 if nano else 1_000_000)


CAPTURE = (
    pcap_header()
    + pcap_record(b"first", 1, 10)
    + pcap_record(b"", 2, 20, original=70)
    + pcap_record(b"third packet", 3, 30)
)
ENDS = [24, 45, 61, len(CAPTURE)]
"""Where the header and the packets end."""


@pytest.mark.parametrize("end", range(4, len(CAPTURE) + 1))
def test_a_file_cut_anywhere_gives_the_packets_before(end):
    told = read(CAPTURE[:end])

    assert [each.payload for each in told.packets] == [b"first", b"", b"third packet"][
        : sum(end >= e for e in ENDS[1:])
    ]
    assert told.broken == (end not in ENDS)


def test_what_is_wrong_is_said_with_its_place():
    with plain.stored(CAPTURE[:-1]) as source, pytest.raises(BrokenInput) as raised:
        list(read_batches(source, Links()))

    assert (raised.value.where, raised.value.why) == ("byte 61", "the file is cut within a packet")
    assert str(raised.value) == f"{source.name}: byte 61: the file is cut within a packet"
    assert raised.value.exit_code == 1


def test_a_packet_longer_than_any_is_a_fault_and_one_of_the_greatest_length_is_none():
    longest = pcap_header() + pcap_record(bytes(262_144))

    assert [len(each.payload) for each in read(longest).packets] == [262_144]
    assert read(longest + struct.pack("<IIII", 0, 0, 262_145, 262_145) + bytes(262_145)) == read(longest)._replace(
        broken=True
    )


def test_more_packets_than_a_batch_has_rows_are_all_read():
    content = pcap_header() + b"".join(pcap_record(b"", i) for i in range(150_000))

    told = read(content, 4 << 20)

    assert [each.instant_ns for each in told.packets] == [i * 10**9 + 2000 for i in range(150_000)]


def test_one_that_was_captured_longer_than_it_was_is_as_long_as_captured():
    assert [each.original for each in read(pcap_header() + pcap_record(b"12345", original=3)).packets] == [5]


def test_files_that_were_joined_are_read_one_after_the_other():
    other = pcap_header(">", 0xA1B23C4D, 96, 101) + pcap_record(b"other", 7, 9, ">")

    told = read(CAPTURE + other + CAPTURE)

    assert [each.payload for each in told.packets] == [
        b"first",
        b"",
        b"third packet",
        b"other",
        b"first",
        b"",
        b"third packet",
    ]
    assert told.packets[3] == Seen(b"other", 5, 7 * 10**9 + 9, (101, 96, 10**9, b""))
    assert told.packets[4] == told.packets[0]


def test_a_link_type_that_tells_of_check_sequences_is_the_type_alone():
    assert read(pcap_header(link=0x2400_0001) + pcap_record(b"x")).packets[0].link[0] == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            b"plain text, no packets",
            "this is neither pcap nor pcapng; if it is text, say so by --lines, --json-field",
        ),
        (b"\xd4\0", "this is neither pcap nor pcapng$"),
        (b"LPKSHHRH" + bytes(99), "this is a journal of systemd; export it"),
        (b"\x89RCAP\r\n\x1a" + bytes(99), "this is a capture already, and needs no import"),
        (b"BZh91AY&SY", "unpack it on the way: bzip2 -dc FILE"),
        (b"snoop\0\0\0" + bytes(99), "make it pcapng first: editcap"),
        (b"\x0a\x0d\x0d\x0a" + bytes(99), "this is neither pcap nor pcapng"),
    ],
)
def test_what_is_neither_is_said_to_be_neither(content, complaint):
    with plain.stored(content) as source, pytest.raises(NotPackets, match=complaint) as raised:
        list(read_batches(source, Links()))
    assert raised.value.exit_code == 2


def test_a_version_of_other_records_is_a_fault_and_no_guess():
    with plain.stored(pcap_header(minor=2) + pcap_record(b"x")) as source, pytest.raises(BrokenInput, match="pcap 2.2"):
        list(read_batches(source, Links()))


def test_an_empty_file_has_no_packets_and_is_sound():
    assert read(b"") == plain.Told([], False)
    assert read(pcap_header()) == plain.Told([], False)


def test_the_first_instant_is_known_where_there_is_a_packet():
    for content, expected in (
        (CAPTURE, 10**9 + 10_000),
        (CAPTURE[:-3], 10**9 + 10_000),
        (CAPTURE[:30], None),
        (b"no", None),
    ):
        with plain.stored(content) as source:
            assert first_instant(source) == expected
    assert first_instant(Input("/nowhere/at/all", True, 0)) is None


def test_progress_is_the_bytes_of_the_file():
    read_bytes = []
    with plain.stored(CAPTURE) as source:
        list(read_batches(source, Links(), read_bytes.append))
    assert sum(read_bytes) == len(CAPTURE) == source.size_bytes


@pytest.mark.skipif(not shutil.which("editcap"), reason="editcap is not installed")
@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "modpcap", "pcapng"])
def test_what_editcap_writes_is_read(tmp_path, form):
    content = pcap_header(magic=0xA1B23C4D) + b"".join(
        pcap_record(b"x" * (60 + i), 1_756_500_000 + i, i * 1000) for i in range(100)
    )
    (tmp_path / "in").write_bytes(content)
    subprocess.run(["editcap", "-F", form, tmp_path / "in", tmp_path / "out"], check=True, capture_output=True)

    told = plain.read_input(find_inputs([str(tmp_path / "out")]).each[0])

    expected = read_pcap(content).packets
    assert [each[:3] for each in told.packets] == [each[:3] for each in expected]
    assert not told.broken
