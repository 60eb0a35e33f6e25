"""A profile's timeline: what may be written, and that its windows follow from it and the seed alone."""

import json
from fractions import Fraction
from hashlib import sha256
from itertools import chain, pairwise
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from captures.console.errors import InputError
from precompute.draws.streams import Purpose, stream
from precompute.timeline.model import MAX_DURATION_NS, Timeline, rate_windows

SECOND = 10**9
HOUR = 3600 * SECOND
DAY = 24 * HOUR
NOON = 20_000 * DAY + 12 * HOUR

ALL_KINDS = {
    "diurnal": {"low": 0.25, "peak": "14:30"},
    "bursts": [
        {"at": "30m", "length": "20s", "factor": 5},
        {"at": ["1h", "90m"], "length": "1h", "factor": 0.5},
        {"every": "10m", "length": "5s", "factor": 8},
    ],
}


def windows(tree, duration_ns, rate_eps=1000, *, start_ns=0, seed=1):
    timeline = None if tree is None else Timeline.model_validate(tree)
    return rate_windows(timeline, start_ns=start_ns, duration_ns=duration_ns, rate_eps=rate_eps, seed=seed)


def burst_starts(every, duration_ns, seed=1, entries=1):
    """Of each entry."""
    entry = {"every": every, "length": "1ms", "factor": 2}
    timeline = Timeline.model_validate({"bursts": [entry] * entries})
    starts = [[] for _ in range(entries)]
    for number, burst in enumerate(timeline.bursts):
        starts[number] = list(burst.starts_ns(duration_ns, stream(seed, number, Purpose.TIMELINE)))
    assert [start for start, _, _ in timeline.spans(duration_ns, seed)] == list(chain(*starts))
    return starts


def test_without_a_timeline_the_rate_is_constant():
    assert windows(None, 100 * SECOND, 1_000_000)["events"].tolist() == [1_000_000] * 100
    assert windows({}, HOUR, 17).tolist() == windows(None, HOUR, 17).tolist()


def test_a_curve_as_it_is_written():
    table = windows({"curve": [["10s", 0.5], ["20s", 1], ["20s", 0]]}, 30 * SECOND)
    level, *ramp, none = table.tolist()
    assert (level, none) == ((0, 10 * SECOND, 5000), (20 * SECOND, 10 * SECOND, 0))
    assert sum(events for _, _, events in ramp) == 7500
    rates = [events * SECOND // duration_ns for _, duration_ns, events in ramp]
    assert len(rates) == 7  # of about 1,024 events each
    assert 500 < rates[0] < 550
    assert 950 < rates[-1] < 1000
    assert rates == sorted(rates)


def test_bursts_as_they_are_written():
    tree = {
        "bursts": [{"at": ["20s", "5s"], "length": "1s", "factor": 3}, {"at": "5.5s", "length": "1s", "factor": 2.5}]
    }
    table = windows(tree, 20_500_000_000)
    lengths = [5, 0.5, 0.5, 0.5, 13.5, 0.5]
    assert [ns / SECOND for ns in table["duration_ns"].tolist()] == lengths
    assert table["events"].tolist() == [5000, 1500, 1500, 1250, 13500, 1500]


def test_factors_are_the_decimals_that_are_written():
    table = windows({"curve": [["0s", 0.1]]}, 30 * SECOND, 10**9)
    assert int(table["events"].sum()) == 3 * 10**9
    assert windows({"curve": [["0s", 0.000000001]]}, SECOND, 10**9)["events"].tolist() == [1]


@given(st.integers(0, 1000), st.integers(0, 23), st.integers(0, 59), st.integers(0, 10**20), st.integers(1, 3 * DAY))
def test_a_day_rises_and_falls_on_the_smoothstep(low_permille, hour, minute, start_ns, duration_ns):
    tree = {"diurnal": {"low": low_permille / 1000, "peak": f"{hour:02d}:{minute:02d}"}}
    knots = Timeline.model_validate(tree).knots(start_ns, duration_ns)
    assert knots[0][0] <= 0
    assert knots[-1][0] >= duration_ns
    low = Fraction(low_permille, 1000)
    for ns, factor in knots:
        from_peak = (start_ns + ns - (hour * 60 + minute) * 60 * SECOND) % DAY
        u = 1 - Fraction(min(from_peak, DAY - from_peak), 12 * HOUR)
        assert factor == (low + (1 - low) * (3 * u**2 - 2 * u**3)) * 10**9 // 1
        assert from_peak % (15 * 60 * SECOND) == 0
    assert {b[0] - a[0] for a, b in pairwise(knots)} == {15 * 60 * SECOND}


def test_the_peak_is_in_utc_whenever_the_capture_starts():
    table = windows({"diurnal": {"low": 0.2, "peak": "14:00"}}, DAY, start_ns=NOON)
    assert abs(int(table["start_ns"][table["events"].argmax()]) - 2 * HOUR) <= 60 * SECOND
    assert abs(int(table["start_ns"][table["events"].argmin()]) - 14 * HOUR) <= 60 * SECOND
    assert abs(int(table["events"].sum()) - 86_400 * 600) <= 1


@given(st.integers(0, 2**64 - 1))
def test_gaps_between_drawn_bursts_are_exponential(seed):
    (starts,) = burst_starts("10s", 2000 * SECOND, seed)
    words = [int(word) + 1 for word in stream(seed, 0, Purpose.TIMELINE).random_raw(len(starts) + 1)]
    gaps = np.diff([0, *starts])
    assert np.allclose(gaps, [-log(word / 2**64) * 10 * SECOND for word in words[:-1]], rtol=1e-9, atol=100)
    assert starts == [] or starts[-1] < 2000 * SECOND
    assert (starts or [0])[-1] - log(words[-1] / 2**64) * 10 * SECOND > 2000 * SECOND - 100


def test_bursts_come_on_the_average_as_often_as_is_said():
    (starts,) = burst_starts("10s", 100_000 * SECOND)
    assert abs(len(starts) - 10_000) < 300


def test_a_longer_build_begins_with_the_bursts_of_the_shorter_one():
    for short, long in zip(burst_starts("10s", HOUR, entries=3), burst_starts("10s", DAY, entries=3), strict=True):
        assert long[: len(short)] == short


def test_each_entry_and_each_seed_has_bursts_of_its_own():
    first, second = burst_starts("10s", HOUR, entries=2)
    (other,) = burst_starts("10s", HOUR, seed=2)
    assert not set(first) & set(second)
    assert not set(first) & set(other)


def test_same_seed_same_windows_on_every_machine():
    assert burst_starts("10s", HOUR)[0][:3] == [13_094_274_758, 15_176_344_495, 17_047_249_943]
    table = windows(ALL_KINDS, DAY, 4_000_000, start_ns=NOON, seed=7)
    assert len(table) == 86_285
    assert int(table["events"].sum()) == 218_841_918_386
    assert sha256(table.tobytes()).hexdigest() == "63f0b16aa2412ce06a13ed1cc98eed521b8acf10f1edd9e5f3b13018a2e808d8"


def test_a_recipe_keeps_the_timeline():
    timeline = Timeline.model_validate(ALL_KINDS)
    assert Timeline.model_validate(json.loads(timeline.model_dump_json())) == timeline
    curve = Timeline.model_validate({"curve": [["0s", 0.1], ["1h30m", 1]]})
    assert Timeline.model_validate(json.loads(curve.model_dump_json())) == curve


@pytest.mark.parametrize(
    ("tree", "place", "complaint"),
    [
        ({"curve": []}, "curve", "needs at least one point, like [0s, 1]"),
        ({"curve": [["2s", 1], ["1s", 1]]}, "curve", "1s comes after 2s; write the points in the order of time"),
        ({"curve": [["soon", 1]]}, "curve.0.0", "'soon' is not a duration; write it like 10s, 500ms or 8h30m"),
        ({"curve": [["1s", -1]]}, "curve.0.1", "must be a number from 0 to 1000"),
        ({"curve": [["1s", 1001]]}, "curve.0.1", "must be a number from 0 to 1000"),
        ({"curve": [["1s", float("nan")]]}, "curve.0.1", "must be a number from 0 to 1000"),
        ({"curve": [["1s", "1"]]}, "curve.0.1", "must be a number from 0 to 1000"),
        ({"curve": [["1s", True]]}, "curve.0.1", "must be a number from 0 to 1000"),
        ({"curve": [["1s", 0.1 + 0.2]]}, "curve.0.1", "has more than nine decimals; round it"),
        ({"diurnal": {"low": 1.5, "peak": "14:00"}}, "diurnal", "low must be at most 1"),
        ({"diurnal": {"low": 0, "peak": "24:00"}}, "diurnal.peak", "'24:00' is not a time of day; write it like"),
        ({"diurnal": {"low": 0, "peak": "9:00"}}, "diurnal.peak", "'9:00' is not a time of day"),
        ({"curve": [["0s", 1]], "diurnal": {"low": 0, "peak": "14:00"}}, "", "curve and diurnal exclude each other"),
        ({"bursts": [{"length": "1s", "factor": 2}]}, "bursts.0", "needs one of the keys at and every"),
        ({"bursts": [{"at": [], "length": "1s", "factor": 2}]}, "bursts.0", "needs one of the keys at and every"),
        (
            {"bursts": [{"at": "1s", "every": "1s", "length": "1s", "factor": 2}]},
            "bursts.0",
            "needs one of the keys at and every",
        ),
        ({"bursts": [{"every": "0s", "length": "1s", "factor": 2}]}, "bursts.0.every", "must be longer than 0"),
        ({"bursts": [{"at": "1s", "length": "0s", "factor": 2}]}, "bursts.0.length", "must be longer than 0"),
    ],
)
def test_what_can_not_be_is_named_with_its_place(tree, place, complaint):
    with pytest.raises(ValidationError) as caught:
        Timeline.model_validate(tree)
    (error,) = caught.value.errors()
    assert ".".join(map(str, error["loc"])) == place
    assert complaint in str(error["ctx"]["error"])


def test_a_build_that_would_never_end_is_refused_at_once():
    with pytest.raises(InputError, match="a burst every 1ms is too often for so long a build; make bursts rarer"):
        windows({"bursts": [{"every": "1ms", "length": "1ms", "factor": 2}]}, DAY)
    with pytest.raises(InputError, match="at most 366 days; shorten the duration"):
        windows(ALL_KINDS, MAX_DURATION_NS + 1)


def test_a_rate_of_zero_throughout_is_refused():
    with pytest.raises(InputError, match="not a single event falls into the duration"):
        windows({"curve": [["0s", 0]]}, HOUR, 10**6)
