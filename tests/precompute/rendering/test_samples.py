"""A few events of a profile, rendered in memory."""

from hypothesis import given
from hypothesis import strategies as st

from precompute.rendering.samples import sample_events
from tests.precompute.profiles import Reader, built_in, nasty, profile, profiles, sourced, template


@given(profiles() | sourced(), st.integers(1, 30))
def test_samples_are_events_of_the_profile(made, count):
    reader = Reader(made)
    events = list(sample_events(made, count))
    assert len(events) == count
    assert all(reader.read(event.decode()) for event in events)


def test_the_same_seed_gives_the_same_samples_and_another_one_others():
    made = built_in("system")
    assert list(sample_events(made, 10)) == list(sample_events(made, 10, seed=1))
    assert list(sample_events(made, 10)) != list(sample_events(made, 10, seed=2))


def test_samples_show_what_is_common():
    """Of ten events of two equal templates, whatever their lengths, each has some."""
    events = list(sample_events(profile({}, template("short"), template("much longer " * 20)), 10))
    assert {event.endswith(b"short") for event in events} == {True, False}


def test_a_profile_of_many_lengths_has_samples_too():
    assert len(list(sample_events(nasty(), 10))) == 10
