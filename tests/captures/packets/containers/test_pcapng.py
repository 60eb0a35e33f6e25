"""pcapng files are read as a slow reader, dpkt, scapy and tshark read them, and as far as they are good."""

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
from scapy.utils import PcapNgWriter

from captures.packets.containers.links import Links
from captures.packets.containers.packets_of import read_batches
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import find_inputs
from tests.captures.packets import plain
from tests.captures.packets.plain import (
    Seen,
    block,
    enhanced,
    interface,
    obsolete,
    options,
    pcap_header,
    pcap_record,
    read,
    read_pcapng,
    section,
    simple,
)

PAYLOADS = st.binary(max_size=40)
TICKS = st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 2**33), st.just(2**64 - 1))
ORIGINALS = st.one_of(st.none(), st.integers(0, 2**32 - 1), st.integers(0, 60))
BLOCKS = st.sampled_from([8, 40, 300, 4096])


@st.composite
def interfaces(draw: st.DrawFn, order: str) -> bytes:
    each = []
    if draw(st.booleans()):
        each.append((2, draw(st.sampled_from([b"eth0", b"", b"any\0\0", "\u00fcber".encode() * 20]))))
    if draw(st.booleans()):
        each.append((9, bytes([draw(st.sampled_from([0, 3, 6, 9, 12, 19, 128, 133, 148, 159, 162, 191]))])))
    if draw(st.booleans()):
        offset = draw(st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-(10**10), 10**10)))
        each.append((14, struct.pack(f"{order}q", offset)))
    more = options(*each, order=order, end=draw(st.booleans()))
    return interface(order, draw(st.integers(0, 2**16 - 1)), draw(st.sampled_from([0, 5, 96, 2**32 - 1])), more)


@st.composite
def sections(draw: st.DrawFn) -> bytes:
    order = draw(st.sampled_from("<>"))
    count = draw(st.integers(1, 3))
    parts = [
        section(
            order, draw(st.sampled_from([-1, 0, 999])), draw(st.sampled_from([b"", options((4, b"us"), order=order)]))
        )
    ]
    parts += [draw(interfaces(order)) for _ in range(count)]
    for _ in range(draw(st.integers(0, 8))):
        number = draw(st.integers(0, count - 1))
        payload, ticks, original = draw(PAYLOADS), draw(TICKS), draw(ORIGINALS)
        match draw(st.integers(0, 4)):
            case 0 | 1:
                more = draw(st.sampled_from([b"", options((1, b"comment"), order=order), b"\1\0\xff\xff"]))
                parts.append(enhanced(payload, ticks, number, order, original, more))
            case 2:
                parts.append(obsolete(payload, ticks, number, order, original))
            case 3:
                parts.append(simple(payload, order, original))
            case _:
                parts.append(block(draw(st.sampled_from([4, 5, 9, 0xBAD, 0x80000001])), payload, order))
    return b"".join(parts)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(b"".join(draw(st.lists(sections(), min_size=1, max_size=3))))
    for place, value in draw(st.lists(st.tuples(st.integers(12, 2000), st.integers(0, 255)), max_size=4)):
        if place < len(content):
            content[place] = value
    return bytes(content[: draw(st.one_of(st.just(len(content)), st.integers(12, len(content))))])


@settings(max_examples=200)
@given(content=damaged(), block_bytes=BLOCKS)
def test_whatever_the_bytes_are_the_same_is_read_as_by_a_slow_reader(content: bytes, block_bytes: int) -> None:
    assert read(content, block_bytes) == read_pcapng(content)


@given(
    order=st.sampled_from("<>"),
    packets=st.lists(st.tuples(PAYLOADS, st.integers(0, 2**42))),
    resolution=st.sampled_from([3, 6, 9]),
)
def test_dpkt_reads_the_same(order: str, packets: list[tuple[bytes, int]], resolution: int) -> None:
    content = section(order) + interface(order, more=options((9, bytes([resolution])), order=order))
    content += b"".join(enhanced(payload, ticks, order=order) for payload, ticks in packets)

    by_dpkt = list(dpkt.pcapng.Reader(io.BytesIO(content)))

    told = read(content)
    assert [each.payload for each in told.packets] == [payload for _, payload in by_dpkt]
    assert [each.instant_ns for each in told.packets] == [ticks * 10 ** (9 - resolution) for _, ticks in packets]
    for each, (instant_s, _) in zip(told.packets, by_dpkt, strict=True):
        assert each.instant_ns == pytest.approx(int(instant_s * 10**9), rel=1e-12, abs=1000)


def test_what_scapy_writes_is_read(tmp_path):
    path = tmp_path / "by_scapy.pcapng"
    packets = [Ether() / IP() / UDP(dport=514) / (b"<13>line %d" % i) for i in range(50)]
    for i, each in enumerate(packets):
        each.time = 1_756_500_000 + i
    writer = PcapNgWriter(str(path))
    for each in packets:
        writer.write(each)
    writer.close()

    told = plain.read_input(find_inputs([str(path)]).each[0])

    assert [each.payload for each in told.packets] == [bytes(each) for each in packets]
    assert [each.instant_ns for each in told.packets] == [(1_756_500_000 + i) * 10**9 for i in range(50)]


PARTS = [
    section(),
    interface(more=options((2, b"eth0"), (9, b"\x09"))),
    enhanced(b"first", 10),
    simple(b"second"),
    block(0xBAD, b"unknown"),
    section(">"),
    interface(">", 113),
    enhanced(b"third", 30, order=">", more=options((1, b"seen"), order=">")),
]
CAPTURE = b"".join(PARTS)
ENDS = [sum(map(len, PARTS[: i + 1])) for i in range(len(PARTS))]


@pytest.mark.parametrize("end", range(12, len(CAPTURE) + 1))
def test_a_file_cut_anywhere_gives_the_packets_before(end):
    told = read(CAPTURE[:end])

    expected = [payload for payload, part in ((b"first", 2), (b"second", 3), (b"third", 7)) if end >= ENDS[part]]
    assert [each.payload for each in told.packets] == expected
    assert told.broken == (end not in ENDS)


def test_each_section_has_its_own_interfaces_and_byte_order():
    told = read(CAPTURE)

    eth0, other = (1, 0, 10**9, b"eth0"), (113, 0, 10**6, b"")
    assert told.packets == [Seen(b"first", 5, 10, eth0), Seen(b"second", 6, -1, eth0), Seen(b"third", 5, 30_000, other)]


def test_a_simple_packet_is_as_long_as_snaplen_and_block_allow():
    content = section() + interface(snaplen=4)

    assert read(content + simple(b"12345678")).packets[0][:2] == (b"1234", 8)
    assert read(section() + interface() + simple(b"1234", original=900)).packets[0][:2] == (b"1234", 900)


HEAD = section() + interface()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (section() + enhanced(b"x"), "of an interface that was not described before"),
        (section() + simple(b"x"), "of an interface that was not described before"),
        (HEAD + enhanced(b"x", number=1), "of an interface that was not described before"),
        (HEAD + enhanced(b"x", 2**64 - 1), "an instant that is not within 1970 to 2262"),
        (HEAD + struct.pack("<IIII", 6, 16, 0, 16), "the length of a block"),
        (HEAD + struct.pack("<III", 9, 13, 13) + b"x", "the length of a block"),
        (HEAD + struct.pack("<III", 9, 8, 8), "the length of a block"),
        (HEAD + struct.pack("<III", 9, 1 << 30, 0), "the length of a block"),
        (HEAD + struct.pack("<III", 9, 12, 16), "a block says two different lengths"),
        (HEAD + enhanced(b"x")[:20] + b"\xff" + enhanced(b"x")[21:], "longer than the block"),
        (section() + interface(more=b"\2\0\xff\0eth0"), "an option is longer than the block"),
        (section() + interface(more=options((9, b"\x14"))), "its clock has more ticks than any"),
        (section()[:12] + b"\2\0" + section()[14:], "this is pcapng 2.0"),
        (HEAD + section()[:8] + b"\0\0\0\0" + section()[12:], "no magic number of a byte order"),
        (HEAD + section()[:-1] + b"\1", "a block says two different lengths"),
    ],
)
def test_what_is_wrong_is_said(content, complaint):
    with plain.stored(content) as source, pytest.raises(BrokenInput, match=complaint):
        list(read_batches(source, Links()))


def test_a_large_unknown_block_is_passed_over_in_memory_that_grows():
    content = HEAD + enhanced(b"before") + block(0xBAD, bytes(9 << 20)) + enhanced(b"behind")

    assert [each.payload for each in read(content).packets] == [b"before", b"behind"]


def test_interfaces_that_say_the_same_are_one_and_the_table_is_bounded():
    content = (section() + interface() + enhanced(b"x")) * 1000
    links = Links()
    with plain.stored(content) as source:
        assert {int(link) for batch in read_batches(source, links) for link in batch.packets["link"]} == {0}
    assert len(links.rows) == 1
    many = section() + b"".join(interface(snaplen=i + 1) for i in range(65_536)) + enhanced(b"x", number=65_535)
    assert read(many).packets[0].link[1] == 65_536
    assert read(many + interface(snaplen=70_000)).broken


@pytest.mark.skipif(not shutil.which("mergecap"), reason="mergecap is not installed")
def test_what_mergecap_makes_of_two_links_is_read_as_tshark_reads_it(tmp_path):
    for name, link, magic in (("a", 1, 0xA1B2C3D4), ("b", 101, 0xA1B23C4D)):
        content = pcap_header(magic=magic, link=link) + b"".join(
            pcap_record(name.encode() * (60 + i), 1_756_500_000 + 2 * i, i * 1000) for i in range(40)
        )
        (tmp_path / name).write_bytes(content)
    merged = tmp_path / "merged.pcapng"
    subprocess.run(["mergecap", "-w", merged, tmp_path / "a", tmp_path / "b"], check=True, capture_output=True)

    told = plain.read_input(find_inputs([str(merged)]).each[0])

    assert {each.link[0] for each in told.packets} == {1, 101}
    fields = ["-T", "fields", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len"]
    said = subprocess.run(["tshark", "-n", "-r", merged, *fields], check=True, capture_output=True, text=True).stdout
    assert [
        (f"{each.instant_ns // 10**9}.{each.instant_ns % 10**9:09}", each.original, len(each.payload))
        for each in told.packets
    ] == [(when, int(length), int(kept)) for when, length, kept in (line.split("\t") for line in said.splitlines())]


def batches_of(path, content: bytes) -> list[int]:
    """How many packets each batch of a file holds."""
    path.write_bytes(content)
    (source,) = find_inputs([str(path)]).each
    return [len(batch.packets) for batch in read_batches(source, Links())]


def test_a_section_for_each_packet_does_not_make_a_batch_of_each(tmp_path):
    one = section("<") + interface("<", 1, 0, options((2, b"eth0"))) + enhanced(b"abcd", 7, 0)
    assert batches_of(tmp_path / "a.pcapng", one * 3000) == [3000]
    other = section(">") + interface(">", 101, 9, options((9, b"\x09"), order=">")) + enhanced(b"efgh", 8, 0, ">")
    content = (one + other) * 500
    assert batches_of(tmp_path / "a.pcapng", content) == [1000]
    assert read(content) == read_pcapng(content)


@pytest.mark.parametrize(
    "bad",
    [
        section("<")[:-4],
        section("<")[:20],
        section("<")[:8] + b"\x00\x00\x00\x00" + section("<")[12:],
        section("<") + interface("<", 1, 0, options((9, b"\xff"))),
        section("<") + interface("<", 1, 0) * 2 + interface("<", 1, 0, options((9, b"\x20"))),
        section("<") + interface("<", 1, 0)[:-4] + b"\x01\x00\x00\x00",
    ],
)
def test_packets_before_a_bad_section_are_handed_on(bad):
    one = section("<") + interface("<", 1, 0) + enhanced(b"abcd", 7, 0)
    content = one * 3 + bad + one
    assert read(content) == read_pcapng(content)
    assert len(read(content).packets) == 3


def test_a_section_may_have_very_many_interfaces_that_are_alike(tmp_path):
    count = 70_000
    content = section("<") + interface("<", 1, 0) * count + enhanced(b"abcd", 7, count - 1)
    assert batches_of(tmp_path / "a.pcapng", content) == [1]
