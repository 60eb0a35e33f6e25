"""A chunk's plan: exact sizes, exact shares, and a bounded number of layouts."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import MAX_TRAIN_BYTES
from precompute.draws.streams import Purpose, stream
from precompute.rendering import plan
from precompute.rendering.frames import Frames, make_frames
from precompute.rendering.plan import (
    CELL_ROWS,
    Cells,
    Dealt,
    chunk_events,
    class_trains,
    deal,
    plan_chunk,
    train_events,
)
from precompute.rendering.quotas import Quotas
from tests.precompute.profiles import built_in, nasty, profile, profiles, sourced, tagged, template


def planned(frames: Frames, windows: np.ndarray, *, seed: int = 1, chunk: int = 0) -> Cells:
    """The plan of a capture of one chunk."""
    quotas = Quotas(frames, seed=seed, events=int(windows.sum()))
    return plan_chunk(frames, quotas, seed=seed, chunk=chunk, first_event=0, windows=windows)


def table(dealt: Dealt, classes: int, windows: int) -> np.ndarray:
    """What is dealt, shape (classes, windows); each part comes once, in order, and holds something."""
    parts = list(zip(dealt.of_class.tolist(), dealt.window.tolist(), strict=True))
    assert parts == sorted(set(parts))
    assert (dealt.rows > 0).all()
    whole = np.zeros((classes, windows), np.int64)
    whole[dealt.of_class, dealt.window] = dealt.rows
    return whole


WINDOWS = st.lists(st.integers(0, 900), min_size=1, max_size=6).filter(any).map(np.array)


@given(profiles() | sourced() | tagged(), WINDOWS, st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_a_plan_holds_every_event_once_in_whole_classes(made, windows, seed, chunk):
    frames = make_frames(made)
    events = int(windows.sum())
    cells = planned(frames, windows, seed=seed, chunk=chunk)
    assert cells.rows.sum() == events
    assert (cells.rows > 0).all()
    quotas = Quotas(frames, seed=seed, events=events).of_chunk(chunk, 0, events)
    assert cells.frame_rows(len(frames.frames)).tolist() == quotas.frame_rows.tolist()
    for line in quotas.lines:
        own = cells.frame == line.frame
        rows = np.bincount(cells.buckets[own, line.field], cells.rows[own], len(line.counts))
        assert rows.tolist() == line.counts.tolist()

    parts = (cells.length, cells.stamp, cells.host, cells.tag)
    kinds = list(zip(*(part.tolist() for part in parts), strict=True))
    starts = cells.class_start.tolist()
    classes = [set(kinds[a:b]) for a, b in pairwise(starts)]
    assert [len(kind) for kind in classes] == [1] * len(set(kinds))
    assert starts[-1] == len(kinds)
    assert cells.class_rows().sum() == events
    for number, buckets, length, stamp in zip(cells.frame, cells.buckets, cells.length, cells.stamp, strict=True):
        assert frames.frames[number].lengths(buckets[None])[0] == length
        assert frames.frames[number].stamp == frames.stamps[stamp]
    for number, buckets, host, tag in zip(cells.frame, cells.buckets, cells.host, cells.tag, strict=True):
        place = frames.frames[number].host
        assert host == (0 if place is None else buckets[place])
        assert tag == frames.frames[number].tag_columns(buckets[None])[0]
        assert (tag > 0) == bool(made.tagged)
    dealt = table(cells.dealt, len(starts) - 1, len(windows))
    assert dealt.sum(axis=0).tolist() == windows.tolist()
    assert dealt.sum(axis=1).tolist() == cells.class_rows().tolist()


@given(
    st.lists(st.integers(1, 5000), min_size=1, max_size=20),
    st.lists(st.integers(0, 40), min_size=1, max_size=9),
    st.integers(1, 60),
)
def test_rows_are_dealt_by_what_is_left(rows, parts, block):
    total = sum(rows)
    cuts = [0, *sorted(part * total // 40 for part in parts), total]
    windows = np.diff(cuts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "_DEALT_AT_ONCE", block)
        dealt = table(deal(stream(1, 2, Purpose.PLAN), np.array(rows), windows), len(rows), len(windows))
    assert dealt.sum(axis=0).tolist() == windows.tolist()
    assert dealt.sum(axis=1).tolist() == rows
    left = np.array(rows)
    for taken, events in zip(dealt.T, windows.tolist(), strict=True):
        assert (taken >= 0).all()
        assert (abs(taken - left * events / max(1, left.sum())) < 1.001).all()
        left = left - taken


@given(profiles() | sourced(), WINDOWS, st.integers(1, 128))
def test_only_the_last_train_of_a_class_in_a_window_is_short(made, windows, train):
    cells = planned(make_frames(made), windows)
    of_class, window, events = class_trains(cells, train)
    full = train_events(cells.class_length(), train)
    shape = len(cells.class_start) - 1, len(windows)
    found = np.zeros(shape, np.int64)
    np.add.at(found, (of_class, window), events)
    assert (found == table(cells.dealt, *shape)).all()
    places = list(zip(of_class.tolist(), window.tolist(), strict=True))
    assert places == sorted(places)
    for place, following, count in zip(places, [*places[1:], None], events.tolist(), strict=True):
        assert 1 <= count <= full[place[0]]
        assert count == full[place[0]] or place != following


def test_the_same_seed_and_chunk_give_the_same_plan_and_others_another():
    frames = make_frames(built_in("system"))
    events = np.array([9000, 999])
    first, again = planned(frames, events), planned(frames, events)
    for one, other in ((first, again), (first.dealt, again.dealt)):
        assert all((vars(one)[name] == vars(other)[name]).all() for name in vars(one) if name != "dealt")
    for other in (planned(frames, events, seed=2), planned(frames, events, chunk=1)):
        assert first.length.tolist() != other.length.tolist()


def test_a_nasty_profile_has_few_more_layouts_than_slots():
    frames = make_frames(nasty())
    events = chunk_events(frames)
    cells = planned(frames, np.array([events]))
    # Each of eight fields leaves less than a slot of each of its twenty lengths: so many cells more, at most.
    assert len(cells.rows) <= -(-events // CELL_ROWS) + 8 * 20
    # Every field has its exact shares, although there are 20^8 combinations of lengths.
    for field in range(8):
        rows = np.bincount(cells.buckets[:, field], cells.rows, 20)
        assert (abs(rows - events / 20) < 1).all()


def test_rare_cells_of_a_large_class_are_spread_over_it():
    fields = {"a": {"choices": {"x": 999, "yy": 1}}, "b": {"choices": ["yy", "x"]}}
    frames = make_frames(profile(fields, template("{a}{b}")))
    cells = planned(frames, np.array([400_000]))
    starts = cells.class_start.tolist()
    found = []
    for first, last in pairwise(starts):
        rows, rare = cells.rows[first:last], cells.buckets[first:last, 0] == 1
        if rows.sum() > 100_000 and rare.any():
            middle = np.cumsum(rows)[rare] / rows.sum()
            found.append(np.bincount((middle * 4 - 1e-9).astype(int), rows[rare], 4))
    assert found
    assert all((quarters > 0).all() for quarters in found)


@pytest.mark.parametrize("length", [1, 12, 300, 900])
def test_a_chunk_is_a_million_events_or_128_mib(length):
    events = chunk_events(make_frames(profile({}, template("x" * length))))
    event_bytes = len("<6>2026-01-01T00:00:00.000Z h t: ") + length
    assert events == min(1 << 20, (128 << 20) // event_bytes)


def test_a_train_fits_one_send():
    assert train_events(np.array([1, 511, 512, 2048]), 128).tolist() == [128, 128, 127, MAX_TRAIN_BYTES // 2048]
    assert train_events(np.array([150]), 5).tolist() == [5]
