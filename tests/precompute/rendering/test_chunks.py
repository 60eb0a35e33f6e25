"""Chunks lie back to back, and a size is met as closely as events allow."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.rendering import chunks, plan
from precompute.rendering.chunks import chunks_of_windows, events_of_size, window_trains
from precompute.rendering.frames import make_frames
from precompute.rendering.quotas import Quotas
from precompute.timeline.axis import Axis
from tests.precompute.profiles import built_in, nasty, profile, profiles, template

SYSTEM = make_frames(built_in("system"))


@pytest.fixture(autouse=True, scope="module")
def small_chunks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "CHUNK_BYTES", 1_000_000)
        yield


def lie_back_to_back(found: list[chunks.Chunk]) -> bool:
    first_event = first_train = payload_start = 0
    for number, chunk in enumerate(found):
        if (number, first_event, first_train, payload_start) != (
            chunk.number,
            chunk.first_event,
            chunk.first_train,
            chunk.payload_start,
        ):
            return False
        first_event += chunk.events
        first_train += chunk.trains
        payload_start += chunk.payload_bytes
    return True


def chunks_of(frames, windows, **options) -> list[chunks.Chunk]:
    asked = {"seed": 1, "train": 128} | options
    quotas = Quotas(frames, seed=asked["seed"], events=int(sum(windows)))
    return list(chunks_of_windows(frames, quotas, **asked, windows=np.array(windows)))


WINDOWS = st.lists(st.integers(0, 9000) | st.just(0), min_size=1, max_size=12).filter(any)


@given(WINDOWS, st.integers(1, 128))
def test_chunks_hold_just_the_events_of_their_windows(windows, train):
    found = chunks_of(SYSTEM, windows, train=train)
    assert sum(chunk.events for chunk in found) == sum(windows)
    assert {chunk.events for chunk in found[:-1]} <= {plan.chunk_events(SYSTEM)}
    assert lie_back_to_back(found)
    held = np.zeros(len(windows), int)
    for chunk in found:
        held[chunk.first_window : chunk.first_window + len(chunk.window_events)] += chunk.window_events
    assert held.tolist() == windows


@given(WINDOWS)
def test_the_windows_of_a_capture_hold_the_trains_of_its_chunks(windows):
    seconds = np.arange(len(windows)) * 10**9
    axis = Axis(seconds, np.full(len(windows), 10**9), np.array(windows))
    found = chunks_of(SYSTEM, windows)
    table = axis.windows(window_trains(found, len(windows)))
    assert table["events"].tolist() == windows
    assert table["trains"].sum() == sum(chunk.trains for chunk in found)
    assert table["first_train"].tolist() == (np.cumsum(table["trains"]) - table["trains"]).tolist()
    assert all((trains > 0) == (events > 0) for trains, events in zip(table["trains"], windows, strict=True))
    instants = np.concatenate(
        [axis.instants_ns(chunk.first_window, chunk.first_event, chunk.window_events) for chunk in found]
    )
    plain = [start * 10**9 + j * 10**9 // events for start, events in enumerate(windows) for j in range(events)]
    assert instants.tolist() == plain


@given(st.integers(1000, 5_000_000), st.integers(0, 9))
def test_a_size_is_met_within_a_few_events(size, seed):
    events = events_of_size(SYSTEM, seed=seed, size=size)
    payload_bytes = sum(chunk.payload_bytes for chunk in chunks_of(SYSTEM, [events], seed=seed))
    assert size - 3 * 260 < payload_bytes <= size


@given(profiles(), st.integers(0, 20_000))
def test_a_size_is_never_exceeded(made, size):
    frames = make_frames(made)
    events = events_of_size(frames, seed=1, size=size)
    assert events or size < 10 * frames.mean_bytes
    assert not events or sum(chunk.payload_bytes for chunk in chunks_of(frames, [events])) <= size


def test_events_of_one_length_fill_a_size_exactly():
    frames = make_frames(profile({}, template("x" * 67)))
    events = events_of_size(frames, seed=1, size=2_500_000)
    found = chunks_of(frames, [events])
    assert [chunk.events for chunk in found] == [10_000, 10_000, 5000]
    assert sum(chunk.payload_bytes for chunk in found) == 2_500_000


def test_many_windows_of_many_classes_are_planned_in_little_memory(monkeypatch):
    """A full table of windows and classes would hold 20 MiB here."""
    monkeypatch.setattr(plan, "CHUNK_BYTES", 128 << 20)
    frames, windows = make_frames(nasty()), np.tile([1, 0, 3], 8000)
    tracemalloc.start()
    (chunk,) = chunks_of(frames, windows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert chunk.window_trains.sum() > 16_000
    assert peak < 18 << 20
