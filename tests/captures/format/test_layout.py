"""A capture read as docs/format.md draws it, with nothing of captures.format.layout."""

import ast
import math
import re
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from captures.format.digests import damaged_parts
from captures.format.layout import HEADER, SECTION, STAMP_WIDTHS, TRAIN, WINDOW, StampKind
from captures.format.reader import open_capture
from captures.format.sections import BACK, ENTRY, FLOW, HEADER_2, LINK, LIVE, SECTIONS
from captures.format.stamp_writing import stamp_texts
from captures.format.stamps.kinds import ZONED, Ending
from captures.format.writing.stream_writer import StreamWriter
from tests.captures.content import MINUTE_NS, START_NS, content, noise, tiny, write

DOCUMENT = Path(__file__).parents[3] / "docs" / "format.md"


def drawn(heading: str) -> list[tuple[int, int, str]]:
    """(offset, bytes, field) of each row of the document's table under a line that starts with `heading`."""
    table = DOCUMENT.read_text().partition(f"\n{heading}")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    sizes = [math.prod(map(int, re.findall(r"\d+", size))) for _, size, _, _ in rows]
    return [(int(row[0]), size, row[2]) for row, size in zip(rows, sizes, strict=True)]


@pytest.mark.parametrize(
    ("heading", "size"),
    [
        ("### Header of version 1", 4096),
        ("### Section of version 1", 56),
        ("### Header of version 2", 4096),
        ("### Entry", 64),
        ("### Window", 40),
        ("### Train", 32),
        ("#### BACK row", 16),
        ("#### FLOW row", 64),
        ("#### LINK row", 64),
        ("#### LIVE row", 16),
    ],
)
def test_the_drawn_fields_leave_no_gap(heading, size):
    end = 0
    for offset, field_bytes, _ in drawn(heading):
        assert offset == end
        end += field_bytes
    assert end == size


def test_every_byte_is_as_drawn(tmp_path):
    path, held = tmp_path / "tiny.rcap", tiny()
    digest = write(path, held)
    data = path.read_bytes()

    def section(name: str) -> bytes:
        return data[offset[name] : offset[name] + size[name]]

    magic, version, shortest, longest, events, seed, start_ns, sources, reserved = struct.unpack_from(
        "<8sIHHQQQI20s", data
    )
    assert magic.hex(" ").upper() == "89 52 43 41 50 0D 0A 1A"
    assert (version, shortest, longest, events, seed, start_ns) == (1, 5, 43, 6, 7, START_NS)
    assert (sources, reserved) == (3, bytes(20))
    assert data[400:4064] == bytes(3664)
    assert data[4064:4096] == blake3(data[:4064]).digest()
    assert data[4064:4096].hex() == digest

    names = ("recipe", "windows", "mix", "digests", "trains", "payload")
    table = dict(zip(names, struct.iter_unpack("<QQQ32s", data[64:400]), strict=True))
    offset, size = (
        {name: row[0] for name, row in table.items()},
        {name: row[1] for name, row in table.items()},
    )
    assert list(offset.values()) == [4096, 8192, 12288, 16384, 20480, 24576]
    assert [row[2] for row in table.values()] == [size["recipe"], 2, 2, 1, 3, size["payload"]]
    for name in names:
        covered = section("digests" if name == "payload" else name)
        assert table[name][3] == blake3(covered).digest()

    assert section("recipe") == b'{"profile":{"name":"by hand"},"tool":"tests"}'
    assert [*struct.iter_unpack("<5Q", section("windows"))] == [
        (0, MINUTE_NS, 0, 2, 5),
        (MINUTE_NS, MINUTE_NS, 2, 1, 1),
    ]
    assert struct.unpack("<2Q", section("mix")) == (6, 0)
    assert section("digests") == blake3(section("payload")).digest()
    assert [*struct.iter_unpack("<QQHHHHBBhI", section("trains"))] == [
        (0, 0, 2, 31, 3, 0, 1, 0, 0, 0),
        (62, 2, 3, 5, 0, 0, 0, 0, 0, 1),
        (77, 5, 1, 43, 0, 0, 2, 0, -32768, 2),
    ]
    assert section("payload") == held.payload.tobytes()
    assert offset["payload"] + size["payload"] == len(data)
    between = [data[offset[a] + size[a] : offset[b]] for a, b in pairwise(names)]
    assert not any(b"".join(between))


@pytest.mark.parametrize(
    ("heading", "dtype"),
    [
        ("### Header of version 1", HEADER),
        ("### Section of version 1", SECTION),
        ("### Header of version 2", HEADER_2),
        ("### Entry", ENTRY),
        ("### Window", WINDOW),
        ("### Train", TRAIN),
        ("#### BACK row", BACK),
        ("#### FLOW row", FLOW),
        ("#### LINK row", LINK),
        ("#### LIVE row", LIVE),
    ],
)
def test_the_drawn_fields_are_those_of_the_program(heading, dtype):
    held = [(dtype.fields[name][1], dtype.fields[name][0].itemsize, name) for name in dtype.names]
    found = drawn(heading)
    assert [row[:2] for row in found] == [row[:2] for row in held]
    meant = [name if name not in ("padding", "reserved_2") else "reserved" for _, _, name in held]
    assert [name for _, _, name in found] == meant


def test_the_drawn_kinds_of_section_are_those_of_the_program():
    table = DOCUMENT.read_text().partition("\n| kind | critical | row, bytes |")[2].partition("\n\n")[0]
    found = {}
    for line in table.splitlines()[2:]:
        kind, critical, size, _, _ = (cell.strip() for cell in line.split("|")[1:-1])
        found[kind.encode()] = (int(size), critical == "yes")
    assert found == {kind.kind: (kind.row_bytes, kind.must_be_known) for kind in SECTIONS.values()}


def test_the_drawn_stamps_are_those_that_are_written():
    table = DOCUMENT.read_text().partition("\n| stamp_kind | bytes")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[3:]]
    assert [int(kind) for kind, *_ in rows] == [*StampKind][1:]
    for number, size, written, _, zone in rows:
        kind = StampKind(int(number))
        assert int(size) == STAMP_WIDTHS[kind]
        assert (zone == "yes") == ZONED[kind]
        instant = np.array([START_NS + 123_456_789])
        says_its_zone = kind.style.ending in (Ending.COLON, Ending.PLAIN, Ending.APART)
        text = stamp_texts(kind, 120 if says_its_zone else 0, instant).tobytes().decode()
        assert f"`{text}`" in written


def program(number: int) -> str:
    """One of the document's two programs: 0 reads, and 1 writes."""
    both = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(both) == 2
    return both[number]


@pytest.mark.parametrize("held", [tiny(), content(noise([(128, 96), (1, 260), (7, 1)]))], ids=["tiny", "noise"])
def test_the_documents_reader_reads(tmp_path, held):
    path = tmp_path / "some.rcap"
    write(path, held)
    result = subprocess.run([sys.executable, "-c", program(0), path], capture_output=True, check=True)
    capture = open_capture(path)
    assert result.stdout == b"".join(line + b"\n" for line in capture.lines())
    assert ast.literal_eval(result.stderr.decode()) == capture.recipe


LINES = [b"<13>first", b"", b"\xffsecond \0", b"<14>Aug 30 10:15:30 host third"]


def test_what_the_documents_writer_writes_is_read(tmp_path):
    path = tmp_path / "written.rcap"
    subprocess.run([sys.executable, "-c", program(1), path], input=b"\n".join(LINES) + b"\n", check=True)
    capture = open_capture(path)
    assert [*capture.lines()] == LINES
    assert (capture.version, capture.recipe, capture.start_ns) == (2, None, START_NS)
    assert capture.times.tolist() == [0, 1_000_000, 2_000_000, 3_000_000]
    assert capture.duration_ns == 4_000_000
    assert damaged_parts(capture, 1, lambda _: None) == []
    result = subprocess.run([sys.executable, "-c", program(0), path], capture_output=True, check=True)
    assert result.stdout == b"".join(line + b"\n" for line in LINES)
    assert ast.literal_eval(result.stderr.decode()) == capture.note


def test_the_documents_writer_cuts_blocks(tmp_path):
    path, line = tmp_path / "written.rcap", b"x" * 60_000
    subprocess.run([sys.executable, "-c", program(1), path], input=b"\n".join([line] * 300), check=True)
    capture = open_capture(path)
    assert len(capture.digests) == 2
    assert damaged_parts(capture, 1, lambda _: None) == []


def test_the_documents_reader_refuses_what_it_must_understand(tmp_path):
    path = tmp_path / "written.rcap"
    subprocess.run([sys.executable, "-c", program(1), path], input=b"a\n", check=True)
    data = bytearray(path.read_bytes())
    for flags, refused in ((0, False), (1, True)):
        data[64 + 4 * 64 : 64 + 4 * 64 + 8] = struct.pack("<4sI", b"zzzz", flags)
        path.write_bytes(data)
        result = subprocess.run([sys.executable, "-c", program(0), path], capture_output=True, check=False)
        assert (b"must be understood" in result.stderr) == refused
        assert (result.stdout == b"a\n") != refused


def test_the_drawn_example_is_what_a_writer_writes(tmp_path):
    """The two tables of the document on TIME, ORDR and BACK, as a capture says it."""
    tables = DOCUMENT.read_text().partition("\n| number | event | TIME")[2].split("\n\n")[:2]
    first, second = (
        [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in table.splitlines()[skip:]]
        for table, skip in zip(tables, (2, 2), strict=True)
    )
    texts, order = [row[1].encode() for row in second], [int(row[2]) for row in second]
    trains = np.zeros(2, TRAIN)
    trains["count"], trains["length"] = (3, 1), (1, 2)
    back = np.array([(int(row[0]), int(row[3]) * 1_000_000) for row in first if row[3]], BACK)
    times = np.array([int(row[2]) * 1_000_000 for row in first], np.uint64)
    path = tmp_path / "example.rcap"
    with StreamWriter(path) as writer:
        payload = np.frombuffer(b"".join(texts), np.uint8)
        writer.add(trains, payload, times=times, order=np.array(order, np.uint64), back=back)
        writer.finish(start_ns=START_NS, note={})
    capture = open_capture(path)
    assert [*capture.lines()] == texts
    earlier = dict(zip(capture.back["event"].tolist(), capture.back["by_ns"].tolist(), strict=True))
    for place, (number, row) in enumerate(zip(capture.order.tolist(), second, strict=True)):
        assert capture.times[place] == int(row[3]) * 1_000_000
        own_ns = int(capture.times[number]) - earlier.get(number, 0)
        assert own_ns == int(row[4]) * 1_000_000 == int(first[number][4]) * 1_000_000
        assert first[number][1] == row[1]
