"""Digests of a capture of several 16 MiB blocks: each is that of its bytes, and damage is named."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from blake3 import blake3

from captures.console.errors import CaptureError
from captures.format.digests import damaged_parts, digest_range
from captures.format.layout import DIGEST_BLOCK_BYTES
from captures.format.reader import open_capture
from tests.captures.content import Content, content, noise, write


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Content]:
    """More than two of the real blocks, so that parts end within them."""
    path = tmp_path_factory.mktemp("large") / "large.rcap"
    held = content(noise([(128, 500)] * 650))
    write(path, held, [(400, 650), (0, 100), (100, 400)], jobs=2)
    return path, held


def test_large_captures_too_have_the_digests_of_their_blocks(large):
    path, held = large
    capture = open_capture(path)
    raw = held.payload.tobytes()
    assert len(raw) > 2 * DIGEST_BLOCK_BYTES
    expected = [blake3(raw[i : i + DIGEST_BLOCK_BYTES]).digest() for i in range(0, len(raw), DIGEST_BLOCK_BYTES)]
    assert [bytes(digest) for digest in capture.digests] == expected
    steps: list[int] = []
    assert damaged_parts(capture, 2, steps.append) == []
    assert sum(steps) == len(raw)


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF]))


@contextmanager
def flipped(path: Path, at: int) -> Iterator[None]:
    """One byte of a file inverted, for a while."""
    flip(path, at)
    try:
        yield
    finally:
        flip(path, at)


@pytest.mark.parametrize(("place", "chunk"), [(0, 0), (20_000_000, 1), (16 << 20, 1), (-1, 2)])
def test_verify_names_the_damaged_chunk(large, place, chunk):
    path, held = large
    capture = open_capture(path)
    at = capture.payload_offset + place % len(held.payload)
    with flipped(path, at):
        (complaint,) = damaged_parts(capture, 1, lambda _: None)
    assert complaint.startswith(f"payload chunk {chunk} (bytes {chunk * DIGEST_BLOCK_BYTES}-")


def test_verify_names_damaged_trains(large):
    path, held = large
    capture = open_capture(path)
    with flipped(path, path.read_bytes().index(held.trains[1:].tobytes())):
        assert damaged_parts(capture, 1, lambda _: None) == ["section trains"]


def test_a_capture_cut_short_while_it_is_verified_is_an_error(tmp_path):
    path = tmp_path / "cut.rcap"
    write(path, content(noise([(1, 10_000)])))
    with path.open("r+b") as file:
        capture = open_capture(path)
        file.truncate(capture.payload_offset + 5_000)
        with pytest.raises(CaptureError, match="5000 bytes too early"):
            digest_range(file.fileno(), capture.payload_offset, 10_000)
