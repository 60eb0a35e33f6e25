"""What the field's programs write, rotate, split and pipe is read whole and in order."""

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from captures.packets.containers.links import Links
from captures.packets.containers.packets_of import NotPackets, compilations, first_instant, read_batches
from captures.packets.containers.pcap_records import scan_records
from captures.packets.containers.pcapng_blocks import scan_blocks
from captures.packets.sources.broken import BrokenInput
from captures.packets.sources.inputs import find_inputs
from captures.packets.sources.time_order import in_time_order
from tests.captures.packets import plain
from tests.captures.packets.plain import Seen, enhanced, interface, pcap_header, pcap_record, read, section

COUNT = 8000
PACKETS = [
    Seen(
        b"%06d" % i + b"x" * (400 + i % 7), 406 + i % 7, (1_756_500_000 + i) * 10**9 + i * 1000, (1, 65535, 10**6, b"")
    )
    for i in range(COUNT)
]
CAPTURE = pcap_header() + b"".join(
    pcap_record(each.payload, each.instant_ns // 10**9, each.instant_ns % 10**9 // 1000) for each in PACKETS
)


def all_of(*names: Path | str) -> list[Seen]:
    packets = []
    for each in in_time_order(find_inputs([str(name) for name in names]).each, first_instant):
        told = plain.read_input(each)
        assert not told.broken
        packets += told.packets
    return packets


def without_links(packets: list[Seen]) -> list[tuple[bytes, int, int]]:
    return [each[:3] for each in packets]


needs_tcpdump = pytest.mark.skipif(not shutil.which("tcpdump"), reason="tcpdump is not installed")


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "whole"
    path.write_bytes(CAPTURE)
    return path


@needs_tcpdump
@pytest.mark.parametrize("more", [[], ["-W", "20"]])
def test_a_set_that_tcpdump_split_is_whole_again(tmp_path, whole, more):
    (tmp_path / "set").mkdir()
    line = ["tcpdump", "-Z", "root", "-r", whole, "-w", tmp_path / "set" / "f.pcap", "-C", "1", *more]
    subprocess.run(line, check=True, capture_output=True)
    assert len(list((tmp_path / "set").iterdir())) >= 3

    assert all_of(tmp_path / "set") == PACKETS
    assert all_of(tmp_path / "set" / "*") == PACKETS


@pytest.mark.skipif(not shutil.which("editcap"), reason="editcap is not installed")
def test_a_set_with_names_as_of_dumpcap_is_whole_again_packed_or_not(tmp_path, whole):
    (tmp_path / "set").mkdir()
    subprocess.run(["editcap", "-c", "1000", whole, tmp_path / "set" / "f.pcapng"], check=True, capture_output=True)
    files = sorted((tmp_path / "set").iterdir())
    assert len(files) == 8
    for path, pack in zip(files, [gzip.compress, zstandard.compress, lz4.frame.compress] * 2, strict=False):
        path.write_bytes(pack(path.read_bytes()))

    assert without_links(all_of(tmp_path / "set")) == without_links(PACKETS)


@needs_tcpdump
def test_a_pipe_from_tcpdump_is_read(whole):
    program = (
        "from captures.packets.sources.inputs import find_inputs\n"
        "from tests.captures.packets import plain\n"
        "told = plain.read_input(find_inputs(['-']).each[0])\n"
        "print(len(told.packets), told.broken, sum(each.instant_ns for each in told.packets))\n"
    )
    with subprocess.Popen(
        ["tcpdump", "-r", whole, "-U", "-w", "-"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as tcpdump:
        done = subprocess.run([sys.executable, "-c", program], stdin=tcpdump.stdout, capture_output=True, check=True)

    assert done.stdout.split() == [b"%d" % COUNT, b"False", b"%d" % sum(each.instant_ns for each in PACKETS)]


def test_a_packed_capture_that_is_cut_gives_the_packets_before():
    packed = gzip.compress(CAPTURE)

    told = read(packed[: len(packed) // 2])

    assert told.broken
    assert 1000 < len(told.packets) < COUNT
    assert told.packets == PACKETS[: len(told.packets)]


def test_a_capture_that_is_packed_twice_is_refused():
    with (
        plain.stored(gzip.compress(gzip.compress(CAPTURE))) as source,
        pytest.raises(NotPackets, match=r"is packed again \(gzip\); unpack it once before"),
    ):
        list(read_batches(source, Links()))


def test_all_batches_were_handed_on_before_the_fault_is_raised():
    with plain.stored(CAPTURE[:-1]) as source:
        batches = read_batches(source, Links(), block_bytes=1 << 16)
        assert sum(len(next(batches).packets) for _ in range(3)) > 0
        with pytest.raises(BrokenInput, match="cut within a packet"):
            list(batches)


def test_links_of_several_inputs_stand_in_one_table():
    links = Links()
    for content in (CAPTURE, section() + interface(link=113) + enhanced(b"x"), CAPTURE):
        with plain.stored(content) as source:
            last = [int(batch.packets["link"][-1]) for batch in read_batches(source, links)][-1]
    assert links.rows["link_type"].tolist() == [1, 113]
    assert last == 0


def test_no_kernel_is_compiled_but_those_that_are_made_ready():
    for compile_one in compilations():
        compile_one()
    kinds = [list(getattr(each, "signatures", ())) for each in (scan_records, scan_blocks)]

    read(CAPTURE, 4 << 20)
    read(section(">") + interface(">", 113) + enhanced(b"x", order=">"), 4 << 20)

    assert [list(getattr(each, "signatures", ())) for each in (scan_records, scan_blocks)] == kinds
