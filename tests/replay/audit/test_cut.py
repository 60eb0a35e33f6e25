"""Lines that were cut: by run and port as far as they say it, whatever stands around them and wherever blocks end."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.audit import cut as module
from replay.audit.cut import Cut
from replay.audit.files.sources import Windows
from replay.audit.lines import LineCounts, Lines
from tests.replay.audit import plain
from tests.replay.audit.texts import RUNS, contents, cut, share, written

cut_lines = st.lists(st.builds(cut, written, share), max_size=25).map(
    lambda lines: b"".join(line + b"\n" for line in lines)
)


def cut_in(content: bytes, block_bytes: int = 100) -> Cut:
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
        assert told.lines == len(ours) + found.untraced()
        assert told.ports == {
            port: (len(lengths), {"min": min(lengths), "max": max(lengths)}) for port, lengths in ports.items()
        }
        if ours and not found.untraced():
            assert told.to_bytes == {"min": min(ours), "max": max(ours)}


def test_lines_without_a_trace_are_as_long_as_the_others() -> None:
    part, trace = b"x" * 80 + b"stampede=1f3a9c07-0202-0", b"y" * 104
    assert len(part) == len(trace)
    content = b"\n".join([part, trace, trace, trace + b"z", trace[:-1], b""])
    found = cut_in(content).of(RUNS[0])
    assert (found.lines, found.to_bytes, found.ports) == (
        3, {"min": 104, "max": 104}, {0x202: (1, {"min": 104, "max": 104})}
    )  # fmt: skip


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KINDS", 2)
    content = b"".join(b"stampede=%08x-0202-0\n" % run for run in (1, 2, 3, 4))
    found = cut_in(content)
    assert len(found._kinds) == 3
    assert [found.of(run).lines for run in (1, 2, 3)] == [3, 3, 2]


def test_lines_that_are_very_long_are_not_measured() -> None:
    content = (b"x" * module.MOST_BYTES + b"\n") * 20 + b"y" * module.MOST_BYTES + b"stampede=1f3a9c07-0202-0\n"
    found = cut_in(content, 10_000)
    assert (found.untraced(), found.of(RUNS[0]).lines) == (0, 1)
