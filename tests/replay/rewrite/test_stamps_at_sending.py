"""Stamps at sending: every kind, in every zone, each event for itself, and not a byte beside them."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from replay.schedule.pieces import Pieces

from captures.format.layout import LOCAL_ZONE, STAMP_WIDTHS, StampKind
from captures.format.stamp_writing import stamp_texts
from replay.rewrite.stamps_at_sending import NowStamps, OwnStamps, local_zone_minutes, style_texts
from tests.captures.content import STYLES, Content, content, noise
from tests.replay.pages import page_of

SECOND_NS = 10**9
WALL_NS = 1_756_548_930_123_456_789

instants_ns = st.one_of(
    st.integers(0, 4_102_444_800 * SECOND_NS),  # until the year 2100
    st.integers(0, 4_102_444_800).flatmap(
        lambda second: st.integers(0, 200_000).map(lambda ns: second * SECOND_NS + ns)
    ),
)

ZONE = "Europe/Berlin"
SPRING_S = int(datetime(2025, 3, 30, 1, tzinfo=UTC).timestamp())
"""When summer time began there: 02:00 became 03:00."""
AUTUMN_S = int(datetime(2025, 10, 26, 1, tzinfo=UTC).timestamp())
"""When it ended."""


@pytest.fixture(autouse=True, scope="module")
def in_berlin() -> Iterator[None]:
    """This process lives in a zone with summer time."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = ZONE
    time.tzset()
    local_zone_minutes.cache_clear()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()
    local_zone_minutes.cache_clear()


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Trains of any count and style, with the stamp anywhere in the event; some without one."""
    rows = draw(
        st.lists(st.tuples(st.integers(1, 128), st.integers(32, 120), st.integers(0, 88)), min_size=1, max_size=6)
    )
    styles = draw(st.lists(st.sampled_from([*STYLES, (StampKind.NONE, 0)]), min_size=len(rows), max_size=len(rows)))
    columns = [min(column, length - 32) for _, length, column in rows]
    return content(noise((count, length) for count, length, _ in rows), stamp_columns=columns, styles=styles)


def zone_of(zone_minutes: int, instant_ns: int) -> int:
    """The zone's minutes, by way of the zone's own table."""
    if zone_minutes != LOCAL_ZONE:
        return zone_minutes
    offset = datetime.fromtimestamp(instant_ns // SECOND_NS, ZoneInfo(ZONE)).utcoffset()
    assert offset is not None
    return offset // timedelta(minutes=1)


def expected(held: Content, instants: list[NDArray[np.int64]]) -> bytes:
    """The capture's bytes with the stamps of each event's instant, written one by one."""
    raw = bytearray(held.payload.tobytes())
    for train, own in zip(held.trains, instants, strict=True):
        kind, zone = StampKind(train["stamp_kind"]), int(train["zone_minutes"])
        for event, instant_ns in enumerate(own.tolist() if kind else []):
            place = int(train["offset"]) + event * int(train["length"]) + int(train["stamp_column"])
            text = stamp_texts(kind, zone_of(zone, instant_ns), np.array([instant_ns]))
            raw[place : place + STAMP_WIDTHS[kind]] = text.tobytes()
    return bytes(raw)


def staged(held: Content, shift: int) -> NDArray[np.uint8]:
    """A buffer with the capture's bytes behind `shift` others."""
    return np.concatenate([np.zeros(shift, np.uint8), held.payload])


@given(held=contents(), shift=st.integers(0, 50), walls=st.lists(instants_ns, min_size=1, max_size=4))
def test_now_is_the_instant_of_each_batch_and_with_microseconds_the_last_event_s(
    held: Content, shift: int, walls: list[int]
) -> None:
    buffer = staged(held, shift)
    writer, pieces = NowStamps(buffer), page_of(held)
    for wall_ns in walls:
        writer.begin(wall_ns)
        writer.write(pieces, 0, len(pieces.count), shift)
        step_ns = np.where(held.trains["stamp_kind"] >= StampKind.RFC3339_US, 1000, 0)
        counts = held.trains["count"].tolist()
        instants = [wall_ns + np.arange(1 - n, 1) * step for n, step in zip(counts, step_ns.tolist(), strict=True)]

        assert buffer.tobytes() == bytes(shift) + expected(held, instants)


@given(held=contents(), shift=st.integers(0, 50), start_ns=instants_ns, data=st.data())
def test_own_stamps_are_each_event_s_instant(held: Content, shift: int, start_ns: int, data: st.DataObject) -> None:
    step_ns = data.draw(st.sampled_from([0, 1000, 7_812_500, 3 * SECOND_NS]))
    instants = [start_ns + np.arange(count) * step_ns for count in held.trains["count"].tolist()]
    buffer = staged(held, shift)
    whole = page_of(held)
    pieces = Pieces(**{name: getattr(whole, name) for name in Pieces.__slots__} | {"instants_ns": instants})
    writer = OwnStamps(buffer)
    writer.begin(0)
    writer.write(pieces, 0, len(pieces.count), shift)

    assert buffer.tobytes() == bytes(shift) + expected(held, instants)


@pytest.mark.parametrize(
    ("second", "before", "after"),
    [(SPRING_S, b"Mar 30 01:59:59", b"Mar 30 03:00:00"), (AUTUMN_S, b"Oct 26 02:59:59", b"Oct 26 02:00:00")],
)
def test_the_local_zone_changes_with_summer_time(second: int, before: bytes, after: bytes) -> None:
    style = LOCAL_ZONE << 8 | StampKind.RFC3164
    around = second * SECOND_NS + np.array([-1, 0])

    assert style_texts(style, around).tobytes() == before + after


def test_microseconds_across_the_change_are_each_in_their_own_zone() -> None:
    style = LOCAL_ZONE << 8 | StampKind.RFC3339_US_OFFSET
    texts = style_texts(style, SPRING_S * SECOND_NS + np.array([-1000, 0]))

    assert [text.tobytes().decode() for text in texts] == [
        "2025-03-30T01:59:59.999999+01:00",
        "2025-03-30T03:00:00.000000+02:00",
    ]


def test_a_zone_west_of_utc_keeps_its_sign() -> None:
    text = style_texts(-210 << 8 | StampKind.RFC3339_US_OFFSET, np.array([WALL_NS]))

    assert text.tobytes() == b"2025-08-30T06:45:30.123456-03:30"
