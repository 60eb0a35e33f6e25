"""How far a run goes, said by flags or from Python."""

from fractions import Fraction

import pytest

from captures.console.errors import InputError
from replay.plan.pace import DEFAULT_DURATION_NS, Extent, Pace, PaceRequest


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
        PaceRequest(Pace(1000), extent).settled_extent  # noqa: B018 - it raises
