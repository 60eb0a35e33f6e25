"""Which numbers were seen: as a set would say, and in little memory."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import RunError
from captures.format.tags import MAX_SEQUENCE
from replay.audit import seen as module
from replay.audit.missing import SHOWN, MissingNumbers, summarise
from replay.audit.seen import STRETCH, Seen
from tests.replay.audit import plain

# Around the borders of stretches, and anywhere.
numbers = st.one_of(
    st.integers(0, 30),
    st.integers(STRETCH - 20, STRETCH + 20),
    st.integers(2 * STRETCH - 20, 2 * STRETCH + 20),
    st.integers(0, MAX_SEQUENCE),
)
lanes = st.integers(0, 3)
batches = st.lists(st.lists(st.tuples(lanes, numbers), max_size=30), max_size=8)


def arrays(batch: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array(batch, np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]


def missing(seen: Seen, lane: int, end: int) -> list[tuple[int, int]]:
    return [
        (int(first), int(behind) - 1) for part in seen.missing(lane, end) for first, behind in zip(*part, strict=True)
    ]


@given(batches)
def test_new_is_what_a_set_does_not_hold(batches: list[list[tuple[int, int]]]) -> None:
    known: set[tuple[int, int]] = set()
    with Seen() as seen:
        for batch in batches:
            added = seen.add(*arrays(batch))
            expected = []
            for each in batch:
                expected.append(each not in known)
                known.add(each)
            assert added.new.tolist() == expected
            assert not added.refused.any()


@given(st.sets(st.integers(0, 3 * STRETCH)), st.integers(0, 3 * STRETCH), st.sets(st.integers(0, 2)))
def test_missing_ranges(some: set[int], end: int, whole: set[int]) -> None:
    some = some.union(*(range(stretch * STRETCH, (stretch + 1) * STRETCH) for stretch in whole))
    with Seen() as seen:
        seen.add(np.full(len(some), 2), np.array(sorted(some), np.int64))
        seen.add(np.array([1, 3]), np.array([5, 7]))
        expected = plain.missing(some, end)
        assert missing(seen, 2, end) == expected
        summary = summarise(seen.missing(2, end))
    longest = sorted(sorted(expected, key=lambda each: (each[0] - each[1], each[0]))[:SHOWN])
    events = sum(last - first + 1 for first, last in expected)
    assert summary == MissingNumbers(events, len(expected), tuple(longest))


def test_full_stretches_need_no_page_and_pages_are_used_again() -> None:
    with Seen(max_pages=3) as seen:
        for stretch in range(10):
            order = np.random.default_rng(stretch).permutation(STRETCH) + stretch * STRETCH
            for part in np.array_split(order, 7):
                added = seen.add(np.zeros(len(part), np.int64), part)
                assert added.new.all()
                assert seen.pages <= 1
        assert seen.pages == 0
        again = seen.add(np.zeros(5, np.int64), np.array([0, STRETCH, 7 * STRETCH + 1, 10 * STRETCH - 1, 10 * STRETCH]))
        assert again.new.tolist() == [False, False, False, False, True]
        assert missing(seen, 0, 10 * STRETCH + 2) == [(10 * STRETCH + 1, 10 * STRETCH + 1)]


def test_hostile_numbers_are_bounded_and_what_finds_no_room_is_said() -> None:
    scattered = np.arange(6) * STRETCH + MAX_SEQUENCE - 5 * STRETCH
    with Seen(max_pages=5) as seen:
        added = seen.add(np.zeros(6, np.int64), scattered)
        assert added.refused.tolist() == [False] * 4 + [True] * 2
        assert added.new.tolist() == [True] * 4 + [False] * 2
        assert seen.add(np.zeros(1, np.int64), scattered[:1]).new.tolist() == [False]
        assert seen.pages == 4


def test_the_highest_number_costs_a_page() -> None:
    with Seen() as seen:
        seen.add(np.array([0, 1023]), np.array([MAX_SEQUENCE, MAX_SEQUENCE]))
        assert seen.pages == 2
        assert missing(seen, 1023, MAX_SEQUENCE + 1) == [(0, MAX_SEQUENCE - 1)]


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _offset: int, _size: int) -> None:
        raise OSError(28, "No space left on device")

    with Seen() as seen:
        monkeypatch.setattr(module.os, "posix_fallocate", full)
        many = np.arange(2 * module._GROWTH_PAGES) * STRETCH
        with pytest.raises(RunError, match="No space left on device.*TMPDIR"):
            seen.add(np.zeros(len(many), np.int64), many)


def test_a_folder_without_temporary_files_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(RunError, match="missing: no room for what was seen.*TMPDIR"):
        Seen()
