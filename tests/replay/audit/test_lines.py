"""Lines and tags of a file: the fast way finds what the plain one does, wherever blocks end."""

import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captures.format.tags import TAG_BYTES, tag_text
from replay.audit import lines as module
from replay.audit.files.sources import Windows
from replay.audit.find import PORT_BITS
from replay.audit.lines import NEAR, LineCounts, Lines
from tests.replay.audit import plain
from tests.replay.audit.texts import contents, document, few_tags, structured, suffixed

TAG = tag_text(0x1F3A9C07, 5140, 42)


def fast(content: bytes, block_bytes: int) -> plain.Audited:
    """The same as `plain.audited`, but for the parts."""
    counts, tags = LineCounts(), []
    lines, windows = Lines(counts), Windows(io.BytesIO(content), block_bytes)
    while (window := windows.next()) is not None:
        rows = lines.take(window)
        runs, ports = rows.lane >> PORT_BITS, rows.lane & ((1 << PORT_BITS) - 1)
        tags += zip(runs.tolist(), ports.tolist(), rows.sequence.tolist(), strict=True)
    lines.end()
    assert counts.bytes == len(content)
    assert counts.lines == (
        counts.tagged + counts.untagged + counts.malformed + counts.cut_lines + counts.unfinished
    )  # fmt: skip
    return plain.Audited(
        counts.lines, counts.tagged, counts.malformed, counts.cut_lines, counts.unfinished, tags
    )  # fmt: skip


def plainly(content: bytes) -> plain.Audited:
    return replace(plain.audited(content), parts=[])


@given(contents, st.integers(1, 200) | st.just(1 << 16))
@example(b"", 5)
@example(suffixed(TAG), len(suffixed(TAG)))
@example(suffixed(TAG) + b"\n", len(suffixed(TAG)))
@example(suffixed(TAG) + b"\n" + b"stampede=\n", 1)
@example(b"\\u0022" + TAG, 7)
@example(b"stampede=" + b"x" * 100 + TAG, 20)
@example(b"stampede@324" + TAG + b"\nstampede@32473", 12)
@example(b"stampede=" + TAG[:-1] + b"\n", 3)
@example(b"stampede=" + TAG[:-3] + b"\nstampede=" + TAG[:12] + b"}\n" + b"x" * 30 + b"\n", 3)
@example(TAG + b"-15a6-0000000000", 8)
@example(TAG * 3 + TAG[:8] + b"-15a6-0123456789-0123-0123456789", 8)
@example(b"0123456789-" + b"0123-0123456789-" * 6, 8)
@example(b"-" * 150 + TAG + b"-" * 150, 40)
@example(b"stampedstampeds" * 9 + b"stampede=\nStAmPeDe@32473", 20)
@example(b"x" * 40 + b"\n" + (b"y" * 90 + b"\n") * 10, 70)
@example((b"y" * 90 + b"\n") * 10 + suffixed(TAG) + b"y" * 90, 70)
def test_the_fast_way_finds_what_the_plain_one_does(content: bytes, block_bytes: int) -> None:
    assert fast(content, block_bytes) == plainly(content)


@given(st.lists(few_tags | st.binary(max_size=30), max_size=40).map(b"".join), st.integers(1, 300), st.integers(0, 300))
def test_a_tag_counts_again_when_it_stands_far_behind_the_same_one(content: bytes, block_bytes: int, near: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "NEAR", near)
        patch.setattr(plain, "NEAR", near)
        assert fast(content, block_bytes) == plainly(content)


@given(st.binary(max_size=2000), st.integers(1, 500))
def test_foreign_bytes(content: bytes, block_bytes: int) -> None:
    assert fast(content, block_bytes) == plainly(content)


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
    assert fast(line + b"\n", 64) == plain.Audited(lines=1, tagged=1, tags=[(0x1F3A9C07, 5140, 42)])


BESIDE = [b"0", b"f", b"A", b"-", b"Dec 26", b"Nov 26", b"123 <6>", b"2026-12-26T", b"\x00\xab", TAG]


@pytest.mark.parametrize("behind", BESIDE)
@pytest.mark.parametrize("before", BESIDE)
def test_what_stands_beside_a_tag_does_not_matter(before: bytes, behind: bytes) -> None:
    """The records of some files have no line feed between them: an octet count, a template without one, a packet."""
    assert set(fast(before + TAG + behind + b"\n", 64).tags) == {(0x1F3A9C07, 5140, 42)}


@pytest.mark.parametrize("month", ["Nov", "Dec"])
def test_records_without_a_line_feed_are_all_found(month: str) -> None:
    content = b"".join(
        f"{month} 26 10:15:30 web01 app: text ".encode() + b"stampede=" + tag_text(0x1F3A9C07, 5140, number)
        for number in range(2000)
    )
    assert [number for _, _, number in fast(content, 1 << 12).tags] == list(range(2000))


def test_octet_counted_frames_are_all_found() -> None:
    """RFC 6587, section 3.4.1."""
    frames = [suffixed(tag_text(0x1F3A9C07, 5140, number)) for number in range(2000)]
    content = b"".join(b"%d %s" % (len(frame), frame) for frame in frames)
    assert [number for _, _, number in fast(content, 1 << 12).tags] == list(range(2000))


def test_of_overlapping_tags_that_of_the_run_counts() -> None:
    """The last digits of the tag and what follows look like a tag of run 0000002a."""
    found = fast(suffixed(TAG) + b"-0000-0000000000\n", 64).tags
    assert found == [(0x1F3A9C07, 5140, 42), (0x0000002A, 0, 0)]
    same = tag_text(0x2A, 5140, 0x2A) + b"-0000-0000000000\n"
    assert fast(same, 64).tags == [(0x2A, 5140, 42)]


@pytest.mark.parametrize(
    ("line", "malformed", "cut"),
    [
        (suffixed(TAG)[:-1], 0, 1),
        (structured(TAG)[: -len(b'"] text') - 1], 0, 1),
        (b'{"raw": "<6>text stampede=1f3a9c07-15"}', 0, 1),
        (b'{"raw": "<6>text stampede=1f3a9c07-15", "n": 1}', 1, 0),
        (b"stampede=1f3a9-15a6-000000002a", 1, 0),
        (b"stampede=" + TAG.replace(b"-", b"_"), 1, 0),
        (b"id 550e8400-e29b-41d4-a716-446655440000 ok", 0, 0),
        (b"a stampede of tags", 0, 0),
        (b"stampede@example.com", 0, 0),
        (b"", 0, 0),
    ],
)
def test_what_is_no_tag(line: bytes, malformed: int, cut: int) -> None:
    assert fast(line + b"\n", 64) == plain.Audited(lines=1, malformed=malformed, cut=cut)


def test_a_last_line_without_a_line_feed_is_not_finished() -> None:
    whole, cut = suffixed(TAG) + b"\n", suffixed(TAG)[:-5]
    assert fast(whole + cut, 64) == plain.Audited(lines=2, tagged=1, unfinished=1, tags=[(0x1F3A9C07, 5140, 42)])
    assert fast(whole + suffixed(TAG), 64).unfinished == 0


def test_a_line_without_end_is_not_kept() -> None:
    counts, block = LineCounts(), np.frombuffer(b"," + TAG * 1, np.uint8)
    lines = Lines(counts)
    long = np.tile(np.concatenate([block, np.frombuffer(b" " * 7, np.uint8)]), (3 * NEAR) // 32)
    found = 0
    windows = Windows(io.BytesIO(long.tobytes()), NEAR // 2)
    while (window := windows.next()) is not None:
        found += len(lines.take(window).sequence)
        assert len(lines._recent.place) <= (NEAR + 2 * TAG_BYTES) // TAG_BYTES
    lines.end()
    assert (counts.lines, counts.tagged, found) == (1, 1, 1)
