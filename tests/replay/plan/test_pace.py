"""How far a run goes, said by flags or from Python."""

from fractions import Fraction

import pytest

from captures.console.errors import InputError
from replay.clock import SECOND_NS
from replay.plan.pace import DEFAULT_DURATION_NS, FARTHEST_NS, Extent, Pace, PaceRequest

NOW_NS = 1_795_701_600 * SECOND_NS


@pytest.mark.parametrize(
    ("pace", "extent"),
    [
        (Pace(), Extent(DEFAULT_DURATION_NS)),
        (Pace(1000), Extent(DEFAULT_DURATION_NS)),
        (Pace(speed=Fraction(1)), Extent(loops=1)),
        (Pace(speed=Fraction(0)), Extent(loops=1)),
    ],
)
def test_what_is_not_said_is_ten_seconds_or_the_whole_capture(pace, extent):
    assert PaceRequest(pace).settled_extent == extent


@pytest.mark.parametrize("extent", [Extent(1), Extent(loops=2), Extent(events=3)])
def test_what_is_said_stays(extent):
    assert PaceRequest(Pace(1000), extent).settled_extent == extent


@pytest.mark.parametrize("extent", [Extent(), Extent(1, 1), Extent(0), Extent(loops=1, events=1), Extent(events=0)])
def test_one_end_is_enough_and_none_is_at_once(extent):
    with pytest.raises(InputError, match="give one of --duration, --loops and --events"):
        PaceRequest(Pace(1000), extent).check(NOW_NS)


def test_a_start_is_a_day_away_at_most():
    """A date further away is a slip, and so are seconds since 1970 in place of nanoseconds."""
    for start_at_ns in (NOW_NS, NOW_NS + FARTHEST_NS, NOW_NS - 1):
        PaceRequest(Pace(1000), start_at_ns=start_at_ns).check(NOW_NS)
    for start_at_ns in (NOW_NS + FARTHEST_NS + 1, NOW_NS // SECOND_NS):
        with pytest.raises(InputError, match="--start-at: the start is more than 1d away; start the command later"):
            PaceRequest(Pace(1000), start_at_ns=start_at_ns).check(NOW_NS)
