"""The time axis of phases: without a gap, exact to the event, and as fine as the rate asks for."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from replay.clock import SECOND_NS
from replay.scenario.course import Course, ramped_up
from replay.scenario.phases import Line, Phase
from replay.scenario.windows import windows_of
from replay.schedule.axis import LoopedAxis

RATES = st.fractions(0, 5_000_000, max_denominator=1000)
LINES = st.builds(Line, st.integers(1, 400 * SECOND_NS), RATES, RATES)
PHASES = st.lists(st.lists(LINES, min_size=1, max_size=4).map(lambda lines: Phase("x", tuple(lines))), min_size=1)


def due(phases: list[Phase], ns: int) -> int:
    """How many events are due before an instant, line by line."""
    doubled, left_ns = Fraction(0), ns
    for line in (line for phase in phases for line in phase.lines):
        part_ns = min(left_ns, line.duration_ns)
        rate = line.first_eps + (line.last_eps - line.first_eps) * part_ns / line.duration_ns
        doubled += (line.first_eps + rate) * part_ns / SECOND_NS
        left_ns -= part_ns
    return floor(doubled / 2)


@given(PHASES)
def test_windows_follow_each_other_and_hold_what_is_due(phases):
    whole_ns = sum(phase.duration_ns for phase in phases)
    if not due(phases, whole_ns):
        with pytest.raises(InputError, match="no event falls due"):
            windows_of(phases)
        return
    windows = windows_of(phases)
    starts, lengths = windows["start_ns"].tolist(), windows["duration_ns"].tolist()
    assert starts == [sum(lengths[:i]) for i in range(len(lengths))]
    assert sum(lengths) == whole_ns
    assert min(lengths) > 0
    for start_ns, length_ns, events in zip(starts, lengths, windows["events"].tolist(), strict=True):
        assert events == due(phases, start_ns + length_ns) - due(phases, start_ns)


@given(PHASES)
def test_each_phase_has_exactly_its_events(phases):
    if not due(phases, sum(phase.duration_ns for phase in phases)):
        return
    schedule = Course("x", 1, tuple(phases)).schedule
    at_ns = 0
    for phase in phases:
        at_ns += phase.duration_ns
        if at_ns < sum(each.duration_ns for each in phases):  # then comes the next loop of an axis without an end
            assert schedule.events_due(at_ns) == due(phases, at_ns)
    assert schedule.total == due(phases, at_ns)


def test_a_rise_is_followed_in_hundredths_but_not_below_a_tenth_of_a_second():
    rise = Line(60 * SECOND_NS, Fraction(0), Fraction(4_000_000))
    windows = windows_of([Phase("rise", (rise,))])
    assert len(windows) == 100
    steep = windows_of([Phase("rise", (rise._replace(duration_ns=SECOND_NS),))])
    assert len(steep) == 10


def test_a_day_is_cut_into_minutes():
    windows = windows_of([Phase("day", (Line(86_400 * SECOND_NS, Fraction(4_000_000), Fraction(4_000_000)),))])
    assert windows["events"].tolist() == [240_000_000] * 1440


def test_a_ramp_up_is_the_first_part_of_a_run():
    course = ramped_up(1000, 10 * SECOND_NS, 4 * SECOND_NS)
    assert course.schedule.total == 2000 + 6000
    assert course.edges_ns == (4 * SECOND_NS, 10 * SECOND_NS)
    assert LoopedAxis(windows_of(course.phases)).loop_events == 8000
    with pytest.raises(InputError, match="it must be shorter"):
        ramped_up(1000, SECOND_NS, SECOND_NS)


def test_a_phase_begins_where_the_one_before_ends():
    course = ramped_up(1000, 10 * SECOND_NS, 4 * SECOND_NS)
    at = {0: "ramp-up", 4 * SECOND_NS - 1: "ramp-up", 4 * SECOND_NS: "hold", 10 * SECOND_NS: None}
    assert {ns: course.phase_at(ns) for ns in at} == at
