"""What is packed is unpacked to the same bytes, any stretch of it alone; what is damaged is refused, whatever it is."""

import os
import resource
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zstandard
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import CaptureError, DamagedError, InputError, PreflightError, RunError
from captures.format.reader import open_capture
from captures.format.writing.stream_writer import StreamWriter
from captures.share import packing
from captures.share.blocks import cut
from captures.share.packed_file import HEAD, MAGIC, ROW, is_packed, open_packed
from captures.share.packing import pack, unpack
from tests.captures.format.writing.test_stream_writer import trains_of
from tests.captures.share.carried import BLOCK_BYTES, mangled, small
from tests.disks import disk_of

END_BYTES = 56


def second_version(path: Path) -> Path:
    """Write a capture of version 2, with tables behind its payload."""
    with StreamWriter(path) as writer:
        writer.add(trains_of((3, 5), (1, 0)), np.arange(15, dtype=np.uint8), times=np.arange(4, dtype=np.uint64))
        writer.finish(start_ns=1, note={"from": "here"})
    return path


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("packed")
    pack(small(folder / "lab.rcap"), folder / "lab.rcapz")
    return (folder / "lab.rcapz").read_bytes()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled") / "lab.rcapz"


def test_what_is_packed_is_unpacked_to_the_same_bytes(large_capture, capture, tmp_path):
    for source in (large_capture, capture, second_version(tmp_path / "second.rcap")):
        packed, again = tmp_path / f"{source.stem}.rcapz", tmp_path / f"{source.stem}-again.rcap"
        steps: list[int] = []
        done = pack(source, packed, jobs=3, progress=lambda step, _, told=steps: told.append(step))
        assert done.digest == open_capture(source).digest
        assert done.packed_bytes == packed.stat().st_size
        assert sum(steps) == done.plain_bytes == source.stat().st_size
        assert unpack(packed, again, jobs=3) == done
        assert again.read_bytes() == source.read_bytes()
        assert is_packed(packed)
        assert not is_packed(source)


def test_the_number_of_threads_changes_no_byte(large_capture, tmp_path):
    for jobs in (1, 4):
        pack(large_capture, tmp_path / f"{jobs}.rcapz", jobs=jobs)
    assert (tmp_path / "1.rcapz").read_bytes() == (tmp_path / "4.rcapz").read_bytes()


def test_a_higher_level_makes_it_smaller(tmp_path):
    capture = small(tmp_path / "lab.rcap", events=128)
    sizes = [pack(capture, tmp_path / f"{level}.rcapz", level=level).packed_bytes for level in (1, 19)]
    assert sizes[1] < sizes[0]


def test_a_decoder_of_zstd_unpacks_it_too(large_capture, tmp_path):
    packed = tmp_path / "lab.rcapz"
    pack(large_capture, packed)
    with packed.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as plain:
        assert plain.read() == large_capture.read_bytes()


def test_the_payload_is_cut_as_its_digests_cut_it(large_capture):
    capture = open_capture(large_capture)
    pieces = cut(capture)
    assert [offset + size for offset, size in pieces[:-1]] == [offset for offset, _ in pieces[1:]]
    data = large_capture.read_bytes()
    of_payload = [piece for piece in pieces if piece[0] >= capture.payload_offset]
    found = [blake3(data[offset : offset + size]).digest() for offset, size in of_payload]
    assert found == [bytes(digest) for digest in capture.digests]


@given(st.data())
@settings(max_examples=20)
def test_a_stretch_is_unpacked_alone(large_capture, tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "stretch.rcapz"
    if not path.exists():
        pack(large_capture, path, jobs=2)
    packed, plain = open_packed(path), large_capture.read_bytes()
    touched = []
    block = packed.block
    packed.block = lambda number: touched.append(number) or block(number)
    edges = [0, *(edge + step for edge in (8192, BLOCK_BYTES, 2 * BLOCK_BYTES) for step in (-1, 0, 1)), len(plain)]
    offset = data.draw(st.sampled_from(edges) | st.integers(0, len(plain)))
    size = data.draw(st.integers(0, 3) | st.integers(0, BLOCK_BYTES))
    assert packed.read(offset, size) == plain[offset : offset + size]
    assert len(touched) <= 3


def test_what_is_damaged_is_not_packed(large_capture, tmp_path):
    damaged = tmp_path / "damaged.rcap"
    data = large_capture.read_bytes()
    damaged.write_bytes(mangled(data, len(data) - 1))
    with pytest.raises(DamagedError, match="payload chunk 2"):
        pack(damaged, tmp_path / "damaged.rcapz")
    assert not (tmp_path / "damaged.rcapz").exists()


def test_a_damaged_table_of_trains_is_not_packed(tmp_path):
    path = second_version(tmp_path / "second.rcap")
    capture = open_capture(path)
    times = next(part for part in capture.parts if part.name == "times")
    path.write_bytes(mangled(path.read_bytes(), times.offset + 24))  # the last instant becomes another one, and rises
    with pytest.raises(DamagedError, match="section times"):
        pack(path, tmp_path / "second.rcapz")


def test_a_capture_that_changes_while_it_is_packed_is_not_packed(large_capture, tmp_path):
    path = tmp_path / "lab.rcap"
    path.write_bytes(large_capture.read_bytes())
    with pytest.raises(RunError, match="was changed while it was read"):
        pack(path, tmp_path / "lab.rcapz", progress=lambda *_: os.utime(path, ns=(1, 1)))


def test_an_output_that_is_there_stays_unless_told(capture, tmp_path):
    packed, again = tmp_path / "lab.rcapz", tmp_path / "again.rcap"
    for work, source, output in ((pack, capture, packed), (unpack, packed, again)):
        work(source, output)
        with pytest.raises(InputError, match="exists already"):
            work(source, output)
        work(source, output, force=True)
        with pytest.raises(InputError, match="this is the file that is read"):
            work(source, source, force=True)


def test_what_is_no_packed_capture_is_refused_in_a_line(capture, tmp_path):
    assert capture.exists()
    (tmp_path / "empty.rcapz").touch()
    for name, complaint in (
        ("lab.rcap", "no packed capture"),
        ("none", "can't be opened"),
        ("empty.rcapz", "no packed"),
    ):
        with pytest.raises(CaptureError, match=complaint):
            unpack(tmp_path / name, tmp_path / "out.rcap")
    os.mkfifo(tmp_path / "pipe")
    assert not is_packed(tmp_path / "pipe")
    with pytest.raises(CaptureError, match="not a regular file"):
        unpack(tmp_path / "pipe", tmp_path / "out.rcap")


def test_what_is_packed_is_not_packed_again(capture, tmp_path):
    pack(capture, tmp_path / "lab.rcapz")
    with pytest.raises(InputError, match=r"lab\.rcapz: is packed already; unpack it first"):
        pack(tmp_path / "lab.rcapz", tmp_path / "again.rcapz")


def test_a_newer_version_is_refused(packed, path):
    data = bytearray(packed)
    data[16] = 2
    path.write_bytes(data)
    with pytest.raises(CaptureError, match="version 2 of a packed capture; this tool reads 1; use a newer one"):
        open_packed(path)


def sealed(frames: list[bytes], rows: np.ndarray, digest: bytes) -> bytes:
    """A packed file of any frames and rows, whose own digests fit."""
    head = HEAD.pack(0x184D2A5C, 56, MAGIC, 1, bytes(12), digest)
    frame = (0x184D2A5C).to_bytes(4, "little") + (rows.nbytes + END_BYTES).to_bytes(4, "little")
    total = int(rows["plain"].sum(dtype=np.uint64))
    covered = frame + rows.tobytes() + len(rows).to_bytes(8, "little") + total.to_bytes(8, "little") + MAGIC
    return head + b"".join(frames) + covered + blake3(head + covered).digest()


def taken_apart(data: bytes) -> tuple[list[bytes], np.ndarray, bytes]:
    """Frames, rows and the digest of a packed file."""
    count = int.from_bytes(data[-END_BYTES : 8 - END_BYTES], "little")
    start = len(data) - END_BYTES - count * ROW.itemsize
    rows = np.frombuffer(data[start:-END_BYTES], ROW).copy()
    ends = [64, *(64 + np.cumsum(rows["packed"])).tolist()]
    return [data[a:b] for a, b in pairwise(ends)], rows, data[32:64]


def test_a_file_that_is_put_together_by_the_test_is_read(packed, path):
    path.write_bytes(sealed(*taken_apart(packed)))
    assert path.read_bytes() == packed


def test_a_frame_that_unfolds_to_more_than_it_says_takes_no_memory(packed, path, tmp_path):
    frames, rows, digest = taken_apart(packed)
    frames[1] = zstandard.ZstdCompressor().compress(bytes(1 << 30))
    rows["packed"][1] = len(frames[1])
    path.write_bytes(sealed(frames, rows, digest))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DamagedError, match=r"block 1 is damaged: it does not hold [\d,]+ bytes"):
        unpack(path, tmp_path / "out.rcap")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert not (tmp_path / "out.rcap").exists()


def test_frames_of_another_capture_are_found(packed, path, tmp_path):
    """Every digest of the file fits, but what comes out is not a capture, or not the one of the head."""
    frames, rows, digest = taken_apart(packed)
    other = zstandard.ZstdDecompressor().decompress(frames[1])[::-1]
    frames[1] = zstandard.ZstdCompressor().compress(other)
    rows["packed"][1], rows["digest"][1] = len(frames[1]), np.void(blake3(other).digest())
    path.write_bytes(sealed(frames, rows, digest))
    with pytest.raises(DamagedError, match="payload chunk 0"):
        unpack(path, tmp_path / "out.rcap")
    path.write_bytes(sealed(*taken_apart(packed)[:2], bytes(32)))
    with pytest.raises(DamagedError, match="the capture within is another one than its head says"):
        unpack(path, tmp_path / "out.rcap")


def test_blocks_that_are_cut_elsewhere_are_refused(packed, path, tmp_path):
    frames, rows, digest = taken_apart(packed)
    plain = zstandard.ZstdDecompressor().decompress(frames[1])
    halves = [plain[:100], plain[100:]]
    frames[1:] = [zstandard.ZstdCompressor().compress(half) for half in halves]
    rows = np.concatenate([rows, rows[-1:]])
    for row, (half, frame) in enumerate(zip(halves, frames[1:], strict=True), 1):
        rows[row] = (len(frame), len(half), blake3(half).digest())
    path.write_bytes(sealed(frames, rows, digest))
    with pytest.raises(DamagedError, match="not cut into the blocks of its payload"):
        unpack(path, tmp_path / "out.rcap")


def outcome(path: Path, output: Path) -> bytes | None:
    """What a file is unpacked to; None: it is refused, and nothing is left of it."""
    output.unlink(missing_ok=True)
    try:
        unpack(path, output, jobs=2)
    except CaptureError:
        return b"" if output.exists() else None
    return output.read_bytes()


@given(st.data())
@settings(max_examples=150)
def test_a_mangled_file_is_refused_or_unpacked_to_the_same_bytes(packed, path, data):
    plain = b"".join(zstandard.ZstdDecompressor().decompress(frame) for frame in taken_apart(packed)[0])
    changed = bytearray(packed)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(changed) - 1) | st.integers(max(0, len(changed) - 150), len(changed) - 1))
        match data.draw(st.sampled_from(["byte", "cut", "more"])):
            case "byte":
                changed[place] = data.draw(st.integers(0, 255))
            case "cut":
                del changed[place : place + data.draw(st.integers(1, 100))]
            case "more":
                changed[place:place] = data.draw(st.binary(max_size=100))
        if not changed:
            break
    path.write_bytes(changed)
    assert outcome(path, path.with_name("out.rcap")) in (None, plain)


NUMBERS = st.sampled_from([0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, (1 << 32) - 1]) | st.integers(0, (1 << 32) - 1)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.binary(min_size=32, max_size=32)), max_size=4), st.data())
@settings(max_examples=150)
def test_an_index_that_lies_is_refused(packed, path, lies, data):
    """The digest of the index fits whatever it says."""
    frames, rows, digest = taken_apart(packed)
    rows = np.concatenate([rows, np.zeros(len(lies), ROW)])
    for lie in lies:
        row = rows[data.draw(st.integers(0, len(rows) - 1))]
        row["packed"], row["plain"], row["digest"] = lie
    if data.draw(st.booleans()):
        frames = data.draw(st.permutations(frames))
    path.write_bytes(sealed(frames, rows[: data.draw(st.integers(0, len(rows)))], digest))
    plain = b"".join(zstandard.ZstdDecompressor().decompress(frame) for frame in taken_apart(packed)[0])
    assert outcome(path, path.with_name("out.rcap")) in (None, plain)


def test_a_full_disk_ends_in_a_line_and_leaves_nothing(large_capture, tmp_path, monkeypatch):
    packed = tmp_path / "lab.rcapz"
    pack(large_capture, packed)
    with disk_of("20m", tmp_path) as disk:
        with pytest.raises(PreflightError, match=r"needs 33\.\d MiB, and the disk has 20\.0 MiB free"):
            unpack(packed, disk / "out.rcap")
        with pytest.raises(RunError, match=r"out\.rcapz: the disk is full; make room"):
            pack(large_capture, disk / "out.rcapz")
        monkeypatch.setattr(packing, "require_room", lambda *_: None)
        with pytest.raises(RunError, match=r"out\.rcap: the disk is full; make room"):
            unpack(packed, disk / "out.rcap")
        assert list(disk.iterdir()) == []


def test_a_limit_on_files_ends_in_a_line(large_capture, tmp_path):
    asked = "from captures.entry import main; main()"
    command = [
        "prlimit",
        "--fsize=1000000",
        sys.executable,
        "-c",
        asked,
        "pack",
        large_capture,
        "-o",
        tmp_path / "a.rcapz",
    ]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert "no file of this size can be written there" in done.stderr
