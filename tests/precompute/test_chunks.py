"""Chunks lie back to back, and a size is met as closely as events allow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from precompute import chunks, plan
from precompute.chunks import chunks_of_events, chunks_of_size
from precompute.layouts import make_frames
from precompute.loading import load_profile
from tests.precompute.profiles import profile, profiles, template

SYSTEM = make_frames(load_profile("system"))


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


@settings(max_examples=20)
@given(st.integers(1, 50_000), st.integers(1, 128))
def test_the_chunks_of_a_number_of_events_hold_just_them(events, train):
    found = list(chunks_of_events(SYSTEM, seed=1, train=train, events=events))
    assert sum(chunk.events for chunk in found) == events
    assert {chunk.events for chunk in found[:-1]} <= {plan.chunk_events(SYSTEM)}
    assert lie_back_to_back(found)


@settings(max_examples=20)
@given(st.integers(1000, 5_000_000), st.integers(0, 9))
def test_a_size_is_met_within_a_few_events(size, seed):
    found = list(chunks_of_size(SYSTEM, seed=seed, train=128, size=size))
    payload_bytes = sum(chunk.payload_bytes for chunk in found)
    assert size - 3 * 260 < payload_bytes <= size
    assert lie_back_to_back(found)
    events = sum(chunk.events for chunk in found)
    assert found == list(chunks_of_events(SYSTEM, seed=seed, train=128, events=events))


@settings(max_examples=50)
@given(profiles(), st.integers(0, 20_000))
def test_a_size_is_never_exceeded(made, size):
    frames = make_frames(made)
    found = list(chunks_of_size(frames, seed=1, train=128, size=size))
    assert sum(chunk.payload_bytes for chunk in found) <= size
    assert found or size < 10 * frames.mean_bytes


def test_events_of_one_length_fill_a_size_exactly():
    frames = make_frames(profile({}, template("x" * 67)))
    found = list(chunks_of_size(frames, seed=1, train=128, size=2_500_000))
    assert [chunk.events for chunk in found] == [10_000, 10_000, 5000]
    assert sum(chunk.payload_bytes for chunk in found) == 2_500_000
