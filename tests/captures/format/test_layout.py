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

from captures.format.layout import STAMP_WIDTHS, StampKind
from captures.format.reader import open_capture
from captures.format.stamp_writing import stamp_texts
from tests.captures.content import MINUTE_NS, START_NS, content, noise, tiny, write

DOCUMENT = Path(__file__).parents[3] / "docs" / "format.md"


def drawn(heading: str) -> list[tuple[int, int, str]]:
    """(offset, bytes, field) of each row of the document's table under a line that starts with `heading`."""
    table = DOCUMENT.read_text().partition(f"\n{heading}")[2].partition("\n\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    sizes = [math.prod(map(int, re.findall(r"\d+", size))) for _, size, _, _ in rows]
    return [(int(row[0]), size, row[2]) for row, size in zip(rows, sizes, strict=True)]


@pytest.mark.parametrize(
    ("heading", "size"), [("## Header", 4096), ("Each of the six", 56), ("## Window", 40), ("## Train", 32)]
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


def test_the_drawn_stamps_are_those_that_are_written():
    table = DOCUMENT.read_text().partition("\n| stamp_kind | bytes")[2].partition("\n\n")[0]
    for kind, size, written, _, _ in (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[3:]
    ):
        assert int(size) == STAMP_WIDTHS[int(kind)]
        instant = np.array([START_NS + 123_456_789])
        zone_minutes = 120 if int(kind) == StampKind.RFC3339_US_OFFSET else 0
        text = stamp_texts(StampKind(int(kind)), zone_minutes, instant).tobytes().decode()
        assert f"`{text}`" in written


@pytest.mark.parametrize("held", [tiny(), content(noise([(128, 96), (1, 260), (7, 1)]))], ids=["tiny", "noise"])
def test_the_documents_reader_reads(tmp_path, held):
    (program,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    path = tmp_path / "some.rcap"
    write(path, held)
    result = subprocess.run([sys.executable, "-c", program, path], capture_output=True, check=True)
    capture = open_capture(path)
    assert result.stdout == b"".join(line + b"\n" for line in capture.lines())
    assert ast.literal_eval(result.stderr.decode()) == capture.recipe
