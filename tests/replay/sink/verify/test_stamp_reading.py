"""One event's stamp, against the standard library's parsers."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.sink.verify.stamp_reading import BAD_US, COARSE_US, new_minute
from replay.sink.verify.stamp_reading import stamp_us as kernel_us
from tests.replay.sink.events import EVENT, laid_out, plain_stamp_us

INSTANT_US = 1756548930123456


def stamp_us(event):
    """The stamp of one event, by the kernel; behind the event stands what could go on with a stamp."""
    return kernel_us(*laid_out(event), 1, len(event), new_minute())


@given(EVENT)
def test_an_event_is_read_as_the_plain_way_reads_it(event):
    assert stamp_us(event) == plain_stamp_us(event)


@given(st.lists(EVENT, max_size=8), st.lists(st.integers(0, 7), max_size=30))
def test_what_was_read_before_changes_nothing(events, order):
    minute = new_minute()
    for place in order:
        event = events[place % len(events)] if events else b""
        assert kernel_us(*laid_out(event), 1, len(event), minute) == plain_stamp_us(event)


@given(st.integers(0, 4 * 10**15), st.integers(-1439, 1439))
def test_every_instant_is_read_in_every_form(instant_us, zone_minutes):
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant_us)
    there = instant.astimezone(timezone(timedelta(minutes=zone_minutes)))
    fine = there.isoformat(timespec="microseconds").encode()
    coarse = there.isoformat(timespec="milliseconds").encode()
    assert stamp_us(b"<13>1 " + fine) == stamp_us(b"<6>" + fine) == instant_us
    assert stamp_us(b"<13>1 " + coarse) == instant_us // 1000 * 1000


@pytest.mark.parametrize(
    ("text", "instant_us"),
    [
        (b"<6>2024-02-29T23:59:59.999Z host", 1709251199999000),
        (b"<6>2025-08-30T10:15:30.123456Z host", INSTANT_US),
        (b"<191>1 2025-08-30T10:15:30.123456Z host", INSTANT_US),
        (b"<13>1 2025-08-30T12:15:30.123456+02:00 host", INSTANT_US),
        (b"<13>1 2025-08-30T04:45:30.123456-05:30 host", INSTANT_US),
        (b"<13>2025-08-30T10:15:30.1Z host", INSTANT_US // 10**6 * 10**6 + 100_000),
        (b"<13>1 2025-08-30T10:15:30.1234Z", INSTANT_US // 100 * 100),
        (b"<13>1 2025-08-30T12:15:30.12345+02:00", INSTANT_US // 10 * 10),
        (b"<13>2025-08-30T10:15:30+00:00 host", COARSE_US),
        (b"<13>1 2025-08-30T10:15:30Z", COARSE_US),
        (b"<13>Aug 30 10:15:30 host", COARSE_US),
        (b"<13>Aug  3 10:15:30 host", COARSE_US),
        (b"<13>Feb 29 23:59:59", COARSE_US),
    ],
)
def test_good_stamps(text, instant_us):
    assert stamp_us(text) == instant_us


@pytest.mark.parametrize(
    "stamp",
    [
        b"2025-13-30T10:15:30.123Z",
        b"2025-02-29T10:15:30.123Z",
        b"2025-08-30T24:15:30.123Z",
        b"2025-08-30T10:60:30.123Z",
        b"2025-08-30T10:15:60.123456Z",
        b"2025-08-30 10:15:30.123Z",
        b"2025-08-30T10:15:30,123Z",
        b"2025-08-30T10:15:30.123+",
        b"2025-08-30T10:15:30.Z",
        b"2025-08-30T10:15:30.1234567Z",
        b"2025-08-30T10:15:30",
        b"2025-08-30T10:15:30 ",
        b"2025-08-30T10:15:30+0000",
        b"2025-08-30T10:15:30.123456+24:00",
        b"2025-08-30T10:15:30.123456+02:60",
        b"2025-08-30T10:15:30.123456+0200 ",
        b"0000-08-30T10:15:30.123Z",
        b"2 2025-08-30T10:15:30.123456Z",
        b"1  2025-08-30T10:15:30.123456Z",
        b"1 Aug 30 10:15:30",
        b"aug 30 10:15:30",
        b"Aug 32 10:15:30",
        b"Feb 30 10:15:30",
        b"Aug  0 10:15:30",
        b"Aug 03 10:15:30",
        b"Aug 30 24:15:30",
        b"Aug 3 10:15:30 ",
        b"Aug 30 10:15",
    ],
)
def test_bad_stamps(stamp):
    assert stamp_us(b"<6>" + stamp) == BAD_US


@pytest.mark.parametrize("priority", [b"", b">", b"<>", b"<1234>", b"<12345"])
def test_a_stamp_stands_behind_a_priority_of_one_to_three_digits(priority):
    assert stamp_us(priority + b"2025-08-30T10:15:30.123Z") == BAD_US
