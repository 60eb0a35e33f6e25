"""Lines that were cut: by run and port as far as they say it, whatever stands around them and wherever blocks end."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.tags import tag_text
from replay.audit import cut as module
from replay.audit import line_lengths
from replay.audit.cut import CutLengths, CutLines
from replay.audit.files.sources import Windows
from replay.audit.lines import LineCounts, Lines
from tests.replay.audit import plain
from tests.replay.audit.texts import RUNS, contents, cut, share, suffixed, written

cut_lines = st.lists(st.builds(cut, written, share), max_size=25).map(
    lambda lines: b"".join(line + b"\n" for line in lines)
)


def cut_in(content: bytes, block_bytes: int = 100) -> CutLines:
    counts = LineCounts()
    lines, windows = Lines(counts), Windows(io.BytesIO(content), block_bytes)
    while (window := windows.next()) is not None:
        lines.take(window)
    lines.end()
    return counts.cut


@given(cut_lines | contents, st.integers(1, 300))
def test_the_fast_way_tells_runs_and_ports_as_the_plain_one_does(content: bytes, block_bytes: int) -> None:
    found, parts = cut_in(content, block_bytes), plain.audited(content).parts
    for run in RUNS:
        ports: dict[int, list[int]] = {}
        ours = [length for part, length in parts if len(part) < 8 or int(part[:8], 16) == run]
        for part, length in parts:
            if len(part) >= 13 and int(part[:8], 16) == run:
                ports.setdefault(int(part[9:13], 16), []).append(length)
        told = found.of(run)
        assert told.lines == len(ours) + found.lengths.traceless().events
        assert told.ports == {
            port: (len(lengths), CutLengths(min(lengths), max(lengths))) for port, lengths in ports.items()
        }
        if ours and not found.lengths.traceless().lengths.size:
            assert told.to_bytes == CutLengths(min(ours), max(ours))


def test_lines_without_a_trace_are_as_long_as_the_others() -> None:
    part, trace = b"x" * 80 + b"stampede=1f3a9c07-0202-0", b"y" * 104
    assert len(part) == len(trace)
    content = b"\n".join([part, part, part, trace, trace, trace, trace + b"z", b""])
    found = cut_in(content).of(RUNS[0])
    lengths = CutLengths(104, 104)
    assert (found.lines, found.doubtful_lines, found.to_bytes) == (5, 1, lengths)
    assert found.ports == {0x202: (3, lengths)}


@pytest.mark.parametrize(("longer", "cut"), [(0, 43), (2, 43), (3, 3)])
def test_where_a_line_with_its_tag_is_longer_there_was_no_limit(longer: int, cut: int) -> None:
    """A priority value may be left out of what is written, and has up to three digits."""
    part, whole = b"x" * 80 + b"stampede=1f3a9c07-0202-0", suffixed(tag_text(RUNS[0], 514, 7))
    whole = b"x" * (104 + longer - len(whole)) + whole
    found = cut_in(b"\n".join([*[part] * 3, *[b"y" * 104] * 40, whole, b""])).of(RUNS[0])
    assert (found.lines, found.lines + found.doubtful_lines) == (cut, 43)


@pytest.mark.parametrize(
    ("length", "sent_bytes", "doubtful"),
    [
        (300, (100, 600), 1000),  # an event of 600 bytes may have been cut to it
        (300, None, 1000),
        (300, (100, 290), 0),  # no event is so long
        (300, (40, 290), 1000),  # the collector writes more than came: 85 bytes for 40 at the most
        (82, (100, 600), 0),  # a longer one was not cut
    ],
)
def test_lines_of_one_length_are_doubtful_unless_no_event_can_be_cut_to_it(
    length: int, sent_bytes: tuple[int, int] | None, doubtful: int
) -> None:
    whole = suffixed(tag_text(RUNS[0], 514, 7))
    assert len(whole) == 85
    found = cut_in(b"\n".join([whole, *[b"y" * length] * 1000, b""])).of(RUNS[0], sent_bytes)
    lengths = CutLengths(length, length) if doubtful else None
    assert (found.lines, found.doubtful_lines, found.piled_lines, found.to_bytes) == (0, doubtful, doubtful, lengths)


def test_each_file_has_its_own_evidence_against_a_limit() -> None:
    """One port's file is cut at 180 bytes, the other's is not."""
    part, whole = b"x" * 156 + b"stampede=1f3a9c07-0202-0", suffixed(tag_text(RUNS[0], 515, 7))
    cut, uncut = [part] * 3 + [b"y" * 180] * 40, [b"z" * 400 + whole, b"y" * 180]
    counts = LineCounts()
    for lines in (cut, uncut):
        file, windows = Lines(counts), Windows(io.BytesIO(b"\n".join([*lines, b""])))
        while (window := windows.next()) is not None:
            file.take(window)
        file.end()
    found = counts.cut.of(RUNS[0])
    assert (found.lines, found.doubtful_lines) == (43, 0)
    assert (counts.cut_lines, counts.untagged) == (43, 1)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KINDS", 2)
    monkeypatch.setattr(line_lengths, "MOST_FILES", 2)
    counts = LineCounts()
    assert len({id(counts.cut.lengths.of_file()) for _ in range(5)}) == len(counts.cut.lengths.files) == 2
    content = b"".join(b"stampede=%08x-0202-0\n" % run for run in (1, 2, 3, 4))
    found = cut_in(content)
    assert len(found._kinds) == 3
    assert [found.of(run).lines for run in (1, 2, 3)] == [3, 3, 2]


def test_lines_that_are_very_long_are_not_measured() -> None:
    content = (
        (b"x" * line_lengths.MOST_BYTES + b"\n") * 20 + b"y" * line_lengths.MOST_BYTES + b"stampede=1f3a9c07-0202-0\n"
    )
    found = cut_in(content, 10_000)
    assert (found.lengths.traceless().events, found.of(RUNS[0]).lines) == (0, 1)
