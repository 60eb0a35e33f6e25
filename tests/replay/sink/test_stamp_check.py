"""The stamp check: the fast way says what a plain reading of each event says."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.sink.stamp_check import stamp_ms, stamps_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def plain_stamp_ms(event):
    """By the definition, with the standard library's parser: slow and clear."""
    for column in (2, 3, 4):
        stamp = event[column + 1 : column + 25]
        if event[column : column + 1] != b">" or len(stamp) != 24 or not stamp.isascii():
            continue
        try:
            instant = datetime.strptime(stamp.decode(), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        except ValueError:
            continue
        # strptime is generous with missing zeros and short fractions; writing it again is not.
        if f"{instant:%Y-%m-%dT%H:%M:%S}.{instant.microsecond // 1000:03}Z".rjust(24, "0") == stamp.decode():
            return (instant - EPOCH) // timedelta(milliseconds=1)
    return None


def plain_stamps_of(message, segment):
    return Counter(plain_stamp_ms(message[at : at + segment]) for at in range(0, max(len(message), 1), segment))


INSTANT = st.datetimes(datetime(1000, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001 - always meant as UTC
STAMP = INSTANT.map(lambda instant: instant.isoformat(timespec="milliseconds").encode() + b"Z")
PRIORITY = st.sampled_from([b"<6>", b"<13>", b"<191>"])
SOUND = st.tuples(PRIORITY, STAMP, st.binary(max_size=8)).map(b"".join)


@st.composite
def mangled(draw):
    """An event with some bytes replaced by ones that are likely to matter."""
    event = bytearray(draw(SOUND))
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(event) - 1))
        event[at] = draw(st.sampled_from(b"0123456789->:T.Z< +\xff"))
    return bytes(event)


EVENT = st.one_of(SOUND, mangled(), st.binary(max_size=40))


@st.composite
def messages(draw):
    """A message as UDP_GRO joins it, often with equal events, sometimes with a short last one."""
    kinds = draw(st.lists(EVENT, min_size=1, max_size=3))
    segment = max(1, draw(st.sampled_from([len(kinds[0]), 30, 40])))
    rows = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=20))
    message = b"".join(row[:segment].ljust(segment, b"x") for row in rows)
    return message[: len(message) - draw(st.integers(0, segment - 1))], segment


@given(EVENT)
def test_an_event_is_read_as_the_plain_way_reads_it(event):
    assert stamp_ms(event) == plain_stamp_ms(event)


@given(messages(), st.integers(0, 50))
def test_a_message_is_read_as_the_plain_way_reads_its_events(drawn, start):
    message, segment = drawn
    data = np.frombuffer(b">" * start + message + b">" * 50, np.uint8)
    pairs = stamps_of(data, start, len(message), segment)
    assert Counter({stamp: count for stamp, count in pairs if count}) == plain_stamps_of(message, segment)
    assert len({stamp for stamp, _ in pairs}) == len(pairs)


@pytest.mark.parametrize(
    "stamp",
    [
        b"2025-13-30T10:15:30.123Z",
        b"2025-02-29T10:15:30.123Z",
        b"2025-08-30T24:15:30.123Z",
        b"2025-08-30T10:60:30.123Z",
        b"2025-08-30T10:15:60.123Z",
        b"2025-08-30 10:15:30.123Z",
        b"2025-08-30T10:15:30,123Z",
        b"2025-08-30T10:15:30.123+",
        b"0000-08-30T10:15:30.123Z",
        b"2025-08-30T10:15:30.12Z",
    ],
)
def test_bad_stamps(stamp):
    assert stamp_ms(b"<6>" + stamp) is None


def test_a_leap_day_and_the_last_millisecond_are_sound():
    assert stamp_ms(b"<6>2024-02-29T23:59:59.999Z host") == 1709251199999


@pytest.mark.parametrize("priority", [b"", b">", b"<>", b"<1234>", b"<12345"])
def test_a_stamp_stands_behind_a_priority_of_one_to_three_digits(priority):
    assert stamp_ms(priority + b"2025-08-30T10:15:30.123Z") is None


def test_a_train_of_one_stamp_is_one_pair():
    event = b"<6>2025-08-30T10:15:30.123Z server01 systemd[1234]: Starting nginx.service"
    data = np.frombuffer(event * 128, np.uint8)
    assert stamps_of(data, 0, data.size, len(event)) == [(1756548930123, 128)]
