"""The table of this machine's zones says at any instant what the zone's own rules do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import LOCAL_ZONE
from captures.format.stamps.offsets import zone_at
from replay.rewrite.local_zone import DAY_S, local_zone_minutes, zone_table
from tests.replay.rewrite.zones import AUTUMN_S, SPRING_S, living_in, zone_of

LAST_S = (2**63 - 1) // 10**9
"""In the year 2262."""
FIRST_S = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp())
FIRST_DAY = FIRST_S // DAY_S
DAY_OF_2025 = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) // DAY_S


@pytest.fixture(autouse=True, scope="module")
def in_berlin():
    with living_in("Europe/Berlin"):
        yield


@given(second=st.integers(FIRST_S, LAST_S))
def test_each_second_until_the_last_has_its_zone(second: int) -> None:
    assert zone_at(zone_table(FIRST_DAY), second) == local_zone_minutes(second) == zone_of(LOCAL_ZONE, second * 10**9)


@given(year=st.integers(2020, 2261), month=st.sampled_from([3, 10]), step=st.integers(-2, 2))
def test_a_change_comes_to_the_second(year: int, month: int, step: int) -> None:
    """In Berlin it is on the last Sunday of the month, at one o'clock UTC."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    second = int((last - timedelta(days=(last.weekday() + 1) % 7)).timestamp()) + step

    assert zone_at(zone_table(FIRST_DAY), second) == (120 if (month == 3) == (step >= 0) else 60)


def test_before_the_table_its_first_zone_holds() -> None:
    assert zone_at(zone_table(DAY_OF_2025), 0) == 60
    assert zone_table(DAY_OF_2025)[1:3].tolist() == [[SPRING_S, 120], [AUTUMN_S, 60]]


@pytest.mark.parametrize("zone", ["Africa/Casablanca", "Asia/Kathmandu", "America/St_Johns", "UTC", "Pacific/Apia"])
def test_zones_that_change_at_odd_times_or_never(zone: str) -> None:
    """Casablanca sets its clocks back for a month at a time."""
    with living_in(zone):
        table = zone_table(FIRST_DAY)
        for second in range(FIRST_S, FIRST_S + 10 * 366 * 86400, 86400 * 3 + 1801):
            offset = datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset()
            assert timedelta(minutes=int(zone_at(table, second))) == offset
