"""Files as windows: every byte once, whatever it is packed in; what can't be read is said."""

import bz2
import gzip
import io
import lzma
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from captures.errors import InputError
from replay.audit.find import LEAD
from replay.audit.sources import file_windows, windows

TEXT = b"".join(b"line %d of a file that was packed\n" % number for number in range(100_000))
assert len(TEXT) > 3 << 20


@given(st.binary(max_size=400), st.integers(1, 100))
def test_each_byte_is_new_once_behind_the_ones_before(content: bytes, block_bytes: int) -> None:
    joined = b"\n" * LEAD
    for window in windows(io.BytesIO(content), block_bytes):
        assert LEAD < len(window) <= LEAD + block_bytes
        joined += window[LEAD:].tobytes()
        assert joined.endswith(window.tobytes())
    assert joined[LEAD:] == (content if content.endswith(b"\n") or not content else content + b"\n")


def read(path: Path) -> bytes:
    return b"".join(window[LEAD:].tobytes() for window in file_windows(path, lambda _count: None))


zstd = zstandard.ZstdCompressor(write_checksum=True).compress
"""As zstd(1) does; without a checksum not all damage shows."""

PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT, 1),
    "two gzip members": gzip.compress(TEXT[:1000], 1) + gzip.compress(TEXT[1000:], 1),
    "zstd": zstd(TEXT),
    "two zstd frames": zstd(TEXT[:1000]) + zstd(TEXT[1000:]),
    "many zstd frames": b"".join(zstd(TEXT[at : at + 50_000]) for at in range(0, len(TEXT), 50_000)),
}


@pytest.mark.parametrize("packed", PACKED.values(), ids=PACKED)
def test_files_are_unpacked_by_what_is_in_them(tmp_path: Path, packed: bytes) -> None:
    path, counts = tmp_path / "any.name", []
    path.write_bytes(packed)
    assert b"".join(window[LEAD:].tobytes() for window in file_windows(path, counts.append)) == TEXT
    assert sum(counts) == len(packed)


@pytest.mark.parametrize("name", ["gzip", "zstd", "two zstd frames", "many zstd frames"])
@pytest.mark.parametrize("missing", [1, 5, 100])
def test_a_packed_file_that_was_cut_short_is_refused(tmp_path: Path, name: str, missing: int) -> None:
    path = tmp_path / "cut"
    path.write_bytes(PACKED[name][:-missing])
    with pytest.raises(InputError, match="cut: can't be unpacked, it is damaged or was cut short"):
        read(path)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_packed_file_that_is_damaged_is_refused(tmp_path: Path, name: str) -> None:
    path, packed = tmp_path / "bad", bytearray(PACKED[name])
    packed[len(packed) // 2 : len(packed) // 2 + 200] = b"\xff" * 200
    path.write_bytes(packed)
    with pytest.raises(InputError, match="bad: can't be unpacked"):
        read(path)


def test_a_frame_that_swells_is_unpacked_piece_by_piece(tmp_path: Path) -> None:
    path = tmp_path / "swells"
    path.write_bytes(zstd(b"\n" * (200 << 20)))
    assert sum(len(window) - LEAD for window in file_windows(path, lambda _count: None)) == 200 << 20


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
