"""Files as windows: every byte once, whatever it is packed in; what can't be read is said."""

import bz2
import gzip
import io
import lzma
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from replay.audit.files.sources import File, Windows, open_file
from replay.audit.files.unpack import FREE_BYTES
from replay.audit.find import LEAD

TEXT = b"".join(b"line %d of a file that was packed\n" % number for number in range(100_000))
assert len(TEXT) > 3 << 20


@given(st.binary(max_size=400), st.integers(1, 100))
def test_each_byte_is_new_once_behind_the_ones_before(content: bytes, block_bytes: int) -> None:
    joined = b"\n" * LEAD
    windows = Windows(io.BytesIO(content), block_bytes)
    while (window := windows.next()) is not None:
        assert LEAD < len(window) <= LEAD + block_bytes
        joined += window[LEAD:].tobytes()
        assert joined.endswith(window.tobytes())
    assert joined[LEAD:] == content


class Growing:
    """A source that has no more for now, again and again."""

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts

    def readinto(self, buffer: memoryview) -> int:
        part = self.parts.pop(0) if self.parts else b""
        buffer[: len(part)] = part
        return len(part)


@given(st.lists(st.binary(max_size=90), max_size=20))
def test_what_grows_is_read_on(parts: list[bytes]) -> None:
    content, joined = b"".join(parts), b"\n" * LEAD
    source = Growing(list(parts))
    windows = Windows(source, 90)
    while source.parts:
        window = windows.next()
        if window is not None:
            joined += window[LEAD:].tobytes()
            assert joined.endswith(window.tobytes())
    assert joined[LEAD:] == content


def read_all(path: Path, progress: Callable[[int], object] = bool) -> tuple[bytes, str | None]:
    """What a file holds, and what is wrong with it."""
    fd = open_file(path)
    try:
        file = File(path, fd, progress, lambda: False)
        parts = []
        while (window := file.next()) is not None:
            parts.append(window[LEAD:].tobytes())
        return b"".join(parts), file.complaint()
    finally:
        os.close(fd)


def read(path: Path) -> bytes:
    text, complaint = read_all(path, lambda _count: None)
    assert complaint is None
    return text


zstd = zstandard.ZstdCompressor(write_checksum=True).compress
"""As zstd(1) does; without a checksum not all damage shows."""

PZSTD = b"\x50\x2a\x4d\x18\x04\x00\x00\x00size"
"""A frame that may be skipped, as pzstd(1) writes one before each of its own."""

PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT, 1),
    "two gzip members": gzip.compress(TEXT[:1000], 1) + gzip.compress(TEXT[1000:], 1),
    "padded gzip members": gzip.compress(TEXT[:1000], 1) + bytes(200_000) + gzip.compress(TEXT[1000:], 1) + bytes(9),
    "zstd": zstd(TEXT),
    "two zstd frames": zstd(TEXT[:1000]) + zstd(TEXT[1000:]),
    "many zstd frames": b"".join(zstd(TEXT[at : at + 50_000]) for at in range(0, len(TEXT), 50_000)),
    "pzstd": b"".join(PZSTD + zstd(TEXT[at : at + 500_000]) for at in range(0, len(TEXT), 500_000)),
    "skippable frames": b"".join(bytes([0x50 + n]) + PZSTD[1:] for n in range(16)) + zstd(TEXT),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_files_are_unpacked_by_what_is_in_them(tmp_path: Path, packed: bytes) -> None:
    path, counts = tmp_path / "any.name", []
    path.write_bytes(packed)
    assert read_all(path, counts.append) == (TEXT, None)
    assert sum(counts) == len(packed)


@pytest.mark.skipif(shutil.which("pzstd") is None, reason="pzstd is not installed")
def test_what_pzstd_writes_is_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(TEXT)
    subprocess.run(["pzstd", "-q", "-p", "3", tmp_path / "a", "-o", tmp_path / "a.zst"], check=True)
    assert read(tmp_path / "a.zst") == TEXT


@pytest.mark.parametrize("name", ["gzip", "zstd", "two zstd frames", "many zstd frames", "pzstd"])
@pytest.mark.parametrize("missing", [1, 5, 100, 0.5])
def test_of_a_packed_file_that_was_cut_what_is_there_is_taken(tmp_path: Path, name: str, missing: float) -> None:
    path, packed = tmp_path / "cut", PACKED[name]
    path.write_bytes(packed[: -int(missing if missing >= 1 else len(packed) * missing)])
    text, complaint = read_all(path)
    assert TEXT.startswith(text)
    assert len(text) >= len(TEXT) * 0.4 if missing < 1 else len(text) >= len(TEXT) - (1 << 17) - 1000
    assert complaint == "its end is missing: it was cut, or is still being written"


@pytest.mark.parametrize("name", ["gzip", "two gzip members", "zstd", "pzstd"])
@pytest.mark.parametrize("tail", [b"garbage behind it", b"stampede=" * 50_000])
def test_what_follows_the_end_of_a_packed_file_is_left_out_and_said(tmp_path: Path, name: str, tail: bytes) -> None:
    path = tmp_path / "tail"
    path.write_bytes(PACKED[name] + tail)
    assert read_all(path) == (TEXT, "something else follows the end of what is packed, and was left out")


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_of_a_packed_file_that_is_damaged_what_comes_before_is_taken(tmp_path: Path, name: str) -> None:
    path, packed = tmp_path / "bad", bytearray(PACKED[name])
    packed[len(packed) // 2 : len(packed) // 2 + 200] = b"\xff" * 200
    path.write_bytes(packed)
    text, complaint = read_all(path)
    assert text != TEXT
    assert text.startswith(TEXT[: len(TEXT) // 4])
    assert complaint is not None
    assert complaint.startswith("it is damaged, and what follows was left out (")


def test_of_which_nothing_can_be_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad"
    path.write_bytes(b"\x1f\x8b" + b"\xff" * 100)
    with pytest.raises(InputError, match="bad: can't be unpacked: it is damaged"):
        read(path)


@pytest.mark.parametrize("pack", [zstd, lambda text: gzip.compress(text, 9)], ids=["zstd", "gzip"])
def test_what_swells_without_end_is_one_line(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(pack(bytes(20 << 20)) * 400)
    counts: list[int] = []
    with pytest.raises(InputError, match="bomb: unpacks to more than 500 times its size, .* so far, as no log does"):
        read_all(path, counts.append)
    assert sum(counts) < path.stat().st_size


def test_a_frame_that_swells_a_little_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "swells"
    path.write_bytes(zstd(b"\n" * FREE_BYTES))
    assert len(read(path)) == FREE_BYTES


def test_a_pipe_that_does_not_block_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)

    def write() -> None:
        for part in range(0, len(TEXT), 300_000):
            os.write(writing, TEXT[part : part + 1])  # so that the first bytes come one by one
            time.sleep(0.01)
            with open(writing, "wb", closefd=False) as file:
                file.write(TEXT[part + 1 : part + 300_000])
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    file = File(Path("-"), reading, lambda _count: None, lambda: False)
    parts = []
    while (window := file.next()) is not None:
        parts.append(window[LEAD:].tobytes())
    writer.join()
    os.close(reading)
    assert b"".join(parts) == TEXT


def test_packed_bytes_may_come_one_by_one_through_a_pipe() -> None:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    packed = gzip.compress(b"few bytes")

    def write() -> None:
        for byte in packed:
            os.write(writing, bytes([byte]))
            time.sleep(0.001)
        os.close(writing)

    writer = threading.Thread(target=write)
    writer.start()
    file = File(Path("-"), reading, lambda _count: None, lambda: False)
    window = file.next()
    writer.join()
    os.close(reading)
    assert window is not None
    assert window[LEAD:].tobytes() == b"few bytes"


def test_a_pipe_that_says_nothing_is_given_up_when_it_is_stopped() -> None:
    reading, writing = os.pipe()
    stopped = iter([False, False, True, True])
    assert File(Path("-"), reading, bool, lambda: next(stopped)).next() is None
    os.close(reading)
    os.close(writing)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ("text\n".encode("utf-16"), "this is UTF-16.*iconv"),
        ("\ufefftext\n".encode("utf-16-be"), "this is UTF-16.*iconv"),
        (bz2.compress(b"text"), "this is bzip2.*bzip2 -dc FILE | replay audit -"),
        (lzma.compress(b"text"), "this is xz.*xz -dc FILE | replay audit -"),
        (b"PK\x03\x04text", "this is a zip archive.*unzip -p FILE | replay audit -"),
    ],
)
def test_what_is_no_text_is_refused_with_the_way_out(tmp_path: Path, content: bytes, advice: str) -> None:
    path = tmp_path / "odd"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"odd: {advice}"):
        read(path)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none: No such file or directory"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="Is a directory"):
        read(tmp_path)
