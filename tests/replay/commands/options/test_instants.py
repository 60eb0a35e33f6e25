"""Instants as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.commands.options.instants import parse_instant
from replay.plan.pace import FARTHEST_NS

NOW = datetime(2026, 11, 26, 14, tzinfo=UTC)
NOW_NS = int(NOW.timestamp()) * SECOND_NS


@given(
    ahead=st.timedeltas(timedelta(0), timedelta(days=1)),
    zone=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
def test_an_instant_of_iso_8601_is_exact_in_any_zone(ahead: timedelta, zone: timezone) -> None:
    at_ns = parse_instant((NOW + ahead).astimezone(zone).isoformat(), NOW_NS)

    assert at_ns == NOW_NS + ahead // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("text", "ahead_ns"),
    [
        ("2026-11-26T14:00:00Z", 0),
        (" 2026-11-26T14:00:01.5Z ", 3 * SECOND_NS // 2),
        ("2026-11-26 15:01+01:00", 60 * SECOND_NS),
        ("20261126T140001Z", SECOND_NS),
        ("+10s", 10 * SECOND_NS),
        ("+1m30s", 90 * SECOND_NS),
        ("+0s", 0),
        ("+24h", FARTHEST_NS),
    ],
)
def test_how_it_may_be_written(text: str, ahead_ns: int) -> None:
    assert parse_instant(text, NOW_NS) == NOW_NS + ahead_ns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not an instant"),
        ("14:00", "is not an instant"),
        ("2026-11-26T25:00:00Z", "is not an instant"),
        ("2026-11-26", "does not say its zone"),
        ("2026-11-26T14:00:00", "does not say its zone"),
        ("+", "is not a duration"),
        ("+-1s", "is not a duration"),
        ("2026-11-26T13:59:00Z", "over by 1m;"),
        ("0001-01-01T00:00:00Z", "over by"),
    ],
)
def test_what_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_instant(text, NOW_NS)
