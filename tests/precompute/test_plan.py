"""A chunk's plan: exact sizes, exact shares, and a bounded number of layouts."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format import MAX_TRAIN_BYTES
from precompute.layouts import make_frames
from precompute.loading import load_profile
from precompute.plan import CELL_ROWS, MIN_CELLS, chunk_events, plan_chunk, train_events
from precompute.sampling import SHARE_BITS
from tests.precompute.profiles import nasty, profile, profiles, template


@given(profiles(), st.integers(1, 3000), st.integers(0, 2**64 - 1), st.integers(0, 9))
def test_a_plan_holds_every_event_once_in_whole_classes(made, events, seed, chunk):
    frames = make_frames(made)
    cells = plan_chunk(frames, seed, chunk, events)
    assert cells.rows.sum() == events
    assert (cells.rows > 0).all()
    exact = np.diff(frames.shares.astype(float)) * events / (1 << SHARE_BITS)
    assert (abs(cells.template_rows(len(frames.frames)) - exact) < 1.001).all()

    kinds = list(zip(cells.length.tolist(), cells.stamp_column.tolist(), strict=True))
    starts = cells.class_start.tolist()
    classes = [set(kinds[a:b]) for a, b in pairwise(starts)]
    assert [len(kind) for kind in classes] == [1] * len(set(kinds))
    assert starts[-1] == len(kinds)
    assert cells.class_rows().sum() == events
    for number, buckets, length in zip(cells.template, cells.buckets, cells.length, strict=True):
        assert frames.frames[number].lengths(buckets[None])[0] == length


def test_the_same_seed_and_chunk_give_the_same_plan_and_others_another():
    frames = make_frames(load_profile("system"))
    first, again = plan_chunk(frames, 1, 0, 9999), plan_chunk(frames, 1, 0, 9999)
    assert all((vars(first)[name] == vars(again)[name]).all() for name in vars(first))
    for other in (plan_chunk(frames, 2, 0, 9999), plan_chunk(frames, 1, 1, 9999)):
        assert first.length.tolist() != other.length.tolist()


def test_a_nasty_profile_has_no_more_layouts_than_cells():
    frames = make_frames(nasty())
    cells = plan_chunk(frames, 1, 0, chunk_events(frames))
    assert len(cells.rows) <= chunk_events(frames) // CELL_ROWS + MIN_CELLS
    # Every field keeps its shares, although there are 20^8 combinations of lengths.
    for field in range(8):
        rows = Counter[int]()
        for bucket, count in zip(cells.buckets[:, field].tolist(), cells.rows.tolist(), strict=True):
            rows[bucket] += count
        assert len(rows) == 20
        assert max(rows.values()) - min(rows.values()) <= 2 * CELL_ROWS


@pytest.mark.parametrize("length", [1, 12, 300, 900])
def test_a_chunk_is_a_million_events_or_128_mib(length):
    events = chunk_events(make_frames(profile({}, template("x" * length))))
    event_bytes = len("<6>2026-01-01T00:00:00.000Z h t: ") + length
    assert events == min(1 << 20, (128 << 20) // event_bytes)


def test_a_train_fits_one_send():
    assert train_events(np.array([1, 511, 512, 2048]), 128).tolist() == [128, 128, 127, MAX_TRAIN_BYTES // 2048]
    assert train_events(np.array([150]), 5).tolist() == [5]
