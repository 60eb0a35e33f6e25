"""Stamps at sending: every kind, in every zone, each event for itself, and not a byte beside them."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.compiled.words import WORD_BYTES, words_of
from captures.format.instants import ramp
from captures.format.layout import LOCAL_ZONE, STAMP_WIDTHS, StampKind
from captures.format.stamp_writing import stamp_texts
from replay.rewrite.local_zone import DAY_S, zone_table
from replay.rewrite.stamping import (
    StampRoom,
    civil_date,
    stamp_at,
    stamp_each,
    stamp_room,
    write_instant,
    write_number,
)
from tests.replay.rewrite.zones import AUTUMN_S, SECOND_NS, SPRING_S, ZONE, living_in, zone_of

WALL_NS = 1_756_548_930_123_456_789
FIRST_NS = int(datetime(2020, 1, 2, tzinfo=UTC).timestamp()) * SECOND_NS
"""Before it, the table of this test's zone says nothing."""
LAST_NS = (1 << 63) - 1 - 14 * 3600 * SECOND_NS
"""In the year 2262."""
KINDS = [kind for kind in StampKind if kind][:4]

seconds = st.integers(FIRST_NS // SECOND_NS, LAST_NS // SECOND_NS - 1)
instants_ns = st.one_of(
    st.integers(FIRST_NS, LAST_NS),
    seconds.flatmap(lambda second: st.integers(-200_000, 200_000).map(lambda ns: second * SECOND_NS + ns)),
    st.sampled_from([SPRING_S, AUTUMN_S]).flatmap(
        lambda second: st.integers(-300_000, 300_000).map(lambda ns: second * SECOND_NS + ns)
    ),
)
zones = st.one_of(st.just(LOCAL_ZONE), st.integers(-14 * 60, 14 * 60))
kinds = st.sampled_from(KINDS)


@pytest.fixture(autouse=True, scope="module")
def in_berlin():
    with living_in(ZONE):
        yield


@pytest.fixture(scope="module")
def room() -> StampRoom:
    return stamp_room(zone_table(FIRST_NS // (DAY_S * SECOND_NS) - 1))


def plain(kind: StampKind, zone_minutes: int, instant_ns: int) -> bytes:
    """The stamp of an instant, by way of the calendar of the standard library."""
    zone_minutes = zone_of(zone_minutes, instant_ns)
    return stamp_texts(kind, zone_minutes, np.array([instant_ns])).tobytes()


class Events:
    """A buffer of events with room for a stamp at a column, behind some other bytes."""

    def __init__(self, data: st.DataObject, kind: StampKind) -> None:
        self.count, self.width = data.draw(st.integers(1, 128)), STAMP_WIDTHS[kind]
        self.place, self.step = data.draw(st.integers(0, 50)), self.width + data.draw(st.integers(0, 60))
        size = self.place + self.count * self.step + WORD_BYTES
        self.buffer = np.random.default_rng(self.count).integers(0, 256, size, np.uint8)
        self._before = self.buffer.tobytes()
        self.words = words_of(self.buffer)

    def with_stamps(self, texts: list[bytes]) -> bytes:
        """The buffer as it was, with these stamps written one by one."""
        raw = bytearray(self._before)
        for event, text in enumerate(texts):
            assert len(text) == self.width
            at = self.place + event * self.step
            raw[at : at + self.width] = text
        return bytes(raw)


@settings(max_examples=300)
@given(days=st.integers(0, (2**63 - 1) // SECOND_NS // 86400 + 1))
def test_a_date_is_the_calendar_s(days: int) -> None:
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
    assert civil_date(days) == (date.year, date.month, date.day)


@given(number=st.integers(0, 2**63 - 1), place=st.integers(0, 5), digits=st.integers(1, 10))
def test_a_number_has_leading_zeros_and_its_last_digits(number: int, place: int, digits: int) -> None:
    text = np.full(20, ord("x"), np.uint8)
    write_number(text, place, digits, number)
    assert text.tobytes() == b"x" * place + b"%0*d" % (digits, number % 10**digits) + b"x" * (20 - place - digits)


@settings(max_examples=300)
@given(kind=kinds, zone=zones, instant_ns=instants_ns)
def test_a_stamp_is_the_calendar_s(kind: StampKind, zone: int, instant_ns: int, room: StampRoom) -> None:
    write_instant(room, kind, zone, instant_ns)
    assert room.text[: STAMP_WIDTHS[kind]].tobytes() == plain(kind, zone, instant_ns)


@settings(max_examples=200)
@given(kind=kinds, zone=zones, wall_ns=instants_ns, data=st.data())
def test_now_is_the_instant_of_the_batch_and_with_microseconds_the_last_event_s(
    kind: StampKind, zone: int, wall_ns: int, data: st.DataObject, room: StampRoom
) -> None:
    events = Events(data, kind)
    stamp_at(events.words, events.place, events.step, events.count, kind, zone, wall_ns, room)

    step_ns = 1000 if kind >= StampKind.RFC3339_US else 0
    instants = [wall_ns - back * step_ns for back in reversed(range(events.count))]
    assert events.buffer.tobytes() == events.with_stamps([plain(kind, zone, instant) for instant in instants])


@settings(max_examples=200)
@given(
    kind=kinds,
    zone=zones,
    start_ns=instants_ns,
    step=st.sampled_from([(0, 1), (1000, 1), (7_812_500, 1), (3 * SECOND_NS, 1), (1, 3), (10**10 + 7, 13), (10**6, 7)]),
    rest=st.integers(0, 12),
    data=st.data(),
)
def test_own_stamps_are_each_event_s_instant(
    kind: StampKind,
    zone: int,
    start_ns: int,
    step: tuple[int, int],
    rest: int,
    data: st.DataObject,
    room: StampRoom,
) -> None:
    """The instants of a ramp, by fractions of whole numbers."""
    part, per = step
    first = start_ns * per + rest % per
    events = Events(data, kind)
    instants = [(first + event * part) // per for event in range(events.count)]
    if instants[-1] > LAST_NS:
        return
    numbers = tuple(ramp(first, part, per))
    stamp_each(events.words, events.place, events.step, events.count, kind, zone, numbers, room)

    assert events.buffer.tobytes() == events.with_stamps([plain(kind, zone, instant) for instant in instants])


def texts_of(room: StampRoom, kind: StampKind, zone: int, instants: list[int]) -> list[bytes]:
    texts = []
    for instant_ns in instants:
        write_instant(room, kind, zone, instant_ns)
        texts.append(room.text[: STAMP_WIDTHS[kind]].tobytes())
    return texts


@pytest.mark.parametrize(
    ("second", "before", "after"),
    [(SPRING_S, b"Mar 30 01:59:59", b"Mar 30 03:00:00"), (AUTUMN_S, b"Oct 26 02:59:59", b"Oct 26 02:00:00")],
)
def test_the_local_zone_changes_with_summer_time(second: int, before: bytes, after: bytes, room: StampRoom) -> None:
    around = [second * SECOND_NS - 1, second * SECOND_NS]

    assert texts_of(room, StampKind.RFC3164, LOCAL_ZONE, around) == [before, after]


def test_microseconds_across_the_change_are_each_in_their_own_zone(room: StampRoom) -> None:
    buffer = np.zeros(2 * 32 + 8, np.uint8)
    stamp_at(words_of(buffer), 0, 32, 2, StampKind.RFC3339_US_OFFSET, LOCAL_ZONE, SPRING_S * SECOND_NS, room)

    assert [buffer[:32].tobytes(), buffer[32:64].tobytes()] == [
        b"2025-03-30T01:59:59.999999+01:00",
        b"2025-03-30T03:00:00.000000+02:00",
    ]


def test_a_zone_west_of_utc_keeps_its_sign(room: StampRoom) -> None:
    assert texts_of(room, StampKind.RFC3339_US_OFFSET, -210, [WALL_NS]) == [b"2025-08-30T06:45:30.123456-03:30"]


def test_a_day_of_one_digit_is_padded_with_a_blank(room: StampRoom) -> None:
    august = int(datetime(2025, 8, 5, tzinfo=UTC).timestamp()) * SECOND_NS
    assert texts_of(room, StampKind.RFC3164, 0, [august]) == [b"Aug  5 00:00:00"]


@pytest.mark.parametrize("rest", range(3))
@pytest.mark.parametrize("back", range(1, 4))
def test_a_ramp_is_exact_to_the_nanosecond(back: int, rest: int, room: StampRoom) -> None:
    """Thirds of a nanosecond around the instant at which a microsecond is full."""
    first = 3 * (WALL_NS // 1000 * 1000 - back) + rest
    buffer = np.zeros(20 * 27 + 8, np.uint8)
    stamp_each(words_of(buffer), 0, 27, 20, StampKind.RFC3339_US, 0, tuple(ramp(first, 1, 3)), room)

    texts = [buffer[27 * event : 27 * event + 27].tobytes() for event in range(20)]
    assert texts == [plain(StampKind.RFC3339_US, 0, (first + event) // 3) for event in range(20)]
