"""Lines by their length, against counting one after the other."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.audit import line_lengths as module
from replay.audit.line_lengths import MOST_BYTES, FileLengths

lines = st.lists(
    st.tuples(st.integers(0, 9) | st.integers(MOST_BYTES - 2, MOST_BYTES + 2), st.booleans(), st.booleans()),
    max_size=30,
)


@given(lines, st.integers(-(1 << 40), 64))
def test_lines_are_counted_by_what_they_have(drawn, start):
    lengths = FileLengths()
    sizes, tagged, marked = np.array(drawn, np.int64).reshape(-1, 3).T
    lengths.take(start + np.cumsum(sizes + 1) - 1, start, tagged.astype(bool), marked.astype(bool))
    lengths.take_parted(sizes)
    whole = [size for size, tag, _ in drawn if tag]
    traceless = [size for size, tag, mark in drawn if not tag and not mark]
    for counted, expected in (
        (lengths.whole, whole),
        (lengths.traceless, traceless),
        (lengths.parted, sizes.tolist()),
    ):
        found = {length: int(counted[length]) for length in np.flatnonzero(counted).tolist()}
        assert found == Counter(size for size in expected if size < MOST_BYTES)
    assert lengths.longest_whole == max(whole, default=0)


def test_files_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FILES", 2)
    lengths = module.LineLengths()
    first, second, third = (lengths.of_file() for _ in range(3))
    assert first is not second
    assert second is third
