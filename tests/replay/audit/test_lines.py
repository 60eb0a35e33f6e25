"""Lines and tags of a file: the fast way finds what the plain one does, wherever blocks end."""

import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captures.tags import TAG_BYTES, tag_text
from replay.audit import lines as module
from replay.audit.lines import NEAR, PORT_BITS, Lines
from replay.audit.sources import windows
from tests.replay.audit import plain
from tests.replay.audit.texts import contents, document, few_tags, structured, suffixed

TAG = tag_text(0x1F3A9C07, 5140, 42)


def fast(content: bytes, block_bytes: int) -> plain.Audited:
    """The same as `plain.audited`."""
    lines, tags = Lines(), []
    for window in windows(io.BytesIO(content), block_bytes):
        rows = lines.take(window)
        runs, ports = rows.lane >> PORT_BITS, rows.lane & ((1 << PORT_BITS) - 1)
        tags += zip(runs.tolist(), ports.tolist(), rows.sequence.tolist(), strict=True)
    assert lines.bytes in (len(content), len(content) + 1)
    assert lines.untagged == lines.lines - lines.tagged - lines.malformed
    return plain.Audited(lines.lines, lines.tagged, lines.malformed, tags)


@given(contents, st.integers(1, 200) | st.just(1 << 16))
@example(b"", 5)
@example(suffixed(TAG), len(suffixed(TAG)))
@example(suffixed(TAG) + b"\n", len(suffixed(TAG)))
@example(suffixed(TAG) + b"\n" + b"stampede=\n", 1)
@example(b"\\u0022" + TAG, 7)
@example(b"stampede=" + b"x" * 100 + TAG, 20)
@example(b"stampede@324" + TAG + b"\nstampede@32473", 12)
def test_the_fast_way_finds_what_the_plain_one_does(content: bytes, block_bytes: int) -> None:
    assert fast(content, block_bytes) == plain.audited(content)


@given(st.lists(few_tags | st.binary(max_size=30), max_size=40).map(b"".join), st.integers(1, 300), st.integers(0, 300))
def test_a_tag_counts_again_when_it_stands_far_behind_the_same_one(content: bytes, block_bytes: int, near: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NEAR", near)
        patch.setattr(plain, "NEAR", near)
        assert fast(content, block_bytes) == plain.audited(content)


@given(st.binary(max_size=2000), st.integers(1, 500))
def test_foreign_bytes(content: bytes, block_bytes: int) -> None:
    assert fast(content, block_bytes) == plain.audited(content)


@pytest.mark.parametrize(
    "line",
    [
        suffixed(TAG),
        structured(TAG),
        document(structured(TAG)),
        document(suffixed(TAG)) + document(suffixed(TAG)),
        b'"' + structured(TAG).replace(b'"', b'""') + b'"',
        structured(TAG).upper(),
        document(structured(TAG)).replace(b'\\"', b"\\u0022"),
        b"msg=" + suffixed(TAG).replace(b"=", b"%3D").replace(b" ", b"%20"),
        TAG,
    ],
)
def test_what_collectors_write(line: bytes) -> None:
    assert fast(line + b"\n", 64) == plain.Audited(1, 1, 0, [(0x1F3A9C07, 5140, 42)])


@pytest.mark.parametrize(
    ("line", "malformed"),
    [
        (suffixed(TAG)[:-1], 1),
        (structured(TAG)[: -len(b'"] text') - 1], 1),
        (suffixed(TAG) + b"0", 1),
        (b"stampede=" + TAG.replace(b"-", b"_"), 1),
        (b"stampede=0" + TAG, 1),
        (b"stampede=-" + TAG, 1),
        (b"id 550e8400-e29b-41d4-a716-446655440000 ok", 0),
        (b"id 550e8400-e29b-4466554400-00", 0),
        (b"a stampede of tags", 0),
        (b"stampede@example.com", 0),
        (b"", 0),
    ],
)
def test_what_is_no_tag(line: bytes, malformed: int) -> None:
    assert fast(line + b"\n", 64) == plain.Audited(1, 0, malformed, [])


def test_a_line_without_end_is_not_kept() -> None:
    lines, block = Lines(), np.frombuffer(b"," + TAG * 1, np.uint8)
    long = np.tile(np.concatenate([block, np.frombuffer(b" " * 7, np.uint8)]), (3 * NEAR) // 32)
    found = 0
    for window in windows(io.BytesIO(long.tobytes()), NEAR // 2):
        found += len(lines.take(window).sequence)
        assert len(lines._recent.place) <= (NEAR + 2 * TAG_BYTES) // TAG_BYTES
    assert (lines.lines, lines.tagged, found) == (1, 1, 1)
