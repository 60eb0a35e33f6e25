"""Tables of zones say at any instant, and at any second of a zone's own clock, what `zoneinfo` does."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from captures.format.stamps.offsets import zone_at, zone_in
from captures.format.stamps.zones import UTC, fixed_zone, named_zone

NAMES = ["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
ZONES = {name: named_zone(name) for name in NAMES}
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - seconds of a zone's own clock
SECOND = st.integers(1_600_000_000, 2_200_000_000)
SPRING_S, AUTUMN_S = 1_743_296_400, 1_761_440_400
"""2025-03-30 and 2025-10-26, 01:00 UTC: when summer time begins and ends in Berlin."""


@given(name=st.sampled_from(NAMES), second=SECOND)
@example("Europe/Berlin", SPRING_S - 1)
@example("Europe/Berlin", SPRING_S)
@example("Europe/Berlin", AUTUMN_S - 1)
@example("Europe/Berlin", AUTUMN_S)
def test_an_instant_has_the_zone_that_the_database_says(name: str, second: int) -> None:
    offset = datetime.fromtimestamp(second, ZoneInfo(name)).utcoffset()
    assert timedelta(minutes=int(zone_at(ZONES[name].table, second))) == offset


@given(name=st.sampled_from(NAMES), second=SECOND)
@example("Europe/Berlin", SPRING_S + 3600 - 1)
@example("Europe/Berlin", SPRING_S + 3600)
@example("Europe/Berlin", SPRING_S + 7200 - 1)
@example("Europe/Berlin", SPRING_S + 7200)
@example("Europe/Berlin", AUTUMN_S + 3600)
@example("Europe/Berlin", AUTUMN_S + 7200 - 1)
@example("Europe/Berlin", AUTUMN_S + 7200)
def test_an_hour_that_comes_twice_is_the_first_one(name: str, second: int) -> None:
    local = (EPOCH + timedelta(seconds=second)).replace(tzinfo=ZoneInfo(name), fold=0)
    assert timedelta(minutes=int(zone_in(ZONES[name].table, second))) == local.utcoffset()


def test_a_fixed_zone_never_changes() -> None:
    table = fixed_zone("+05:30", 330).table
    assert {int(zone(table, second)) for zone in (zone_at, zone_in) for second in (-(10**10), 0, 10**10)} == {330}
    assert fixed_zone("Z", 0) == UTC


@pytest.mark.parametrize("name", ["Nowhere/Else", "Europe", "../etc/passwd", "/etc/passwd", "", "x\0", "x" * 5000])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no zone"):
        named_zone(name)
