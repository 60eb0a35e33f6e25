"""Stamps that are read and moved: what is written is the instant that was read, later by the same time."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.compiled.words import words_of
from captures.format.stamps.kinds import STYLES, WIDTHS, Date, StampKind
from captures.format.stamps.writing import write_stamp
from replay.rewrite.local_zone import zone_table
from replay.rewrite.moving import move_stamps
from replay.rewrite.stamping import stamp_room

SECOND_NS = 1_000_000_000
START_NS = int(datetime(2025, 8, 30, 10, 15, 30, tzinfo=UTC).timestamp()) * SECOND_NS
KINDS = [kind for kind in StampKind if kind]
ROOM = stamp_room(zone_table(START_NS // SECOND_NS // 86_400))


def stamp(kind: StampKind, zone_minutes: int, instant_ns: int) -> bytes:
    text = np.zeros(64, np.uint8)
    write_stamp(text, int(kind), zone_minutes, instant_ns)
    return text[: WIDTHS[kind]].tobytes()


def moved(events: list[bytes], column: int, kind: StampKind, zone_minutes: int, moved_ns: int) -> list[bytes]:
    """The events of one length, whose stamps at `column` are moved."""
    length, pad = len(events[0]), 16
    buffer = np.frombuffer(b"".join(events) + bytes(pad), np.uint8).copy()
    move_stamps(
        buffer,
        words_of(buffer),
        column,
        length,
        length - column,
        len(events),
        int(kind),
        zone_minutes,
        moved_ns,
        START_NS,
        ROOM,
    )
    assert buffer[-pad:].tolist() == [0] * pad
    return [buffer[i * length : (i + 1) * length].tobytes() for i in range(len(events))]


@pytest.mark.parametrize("kind", KINDS)
@given(
    instants=st.lists(
        st.integers(START_NS - 80 * 86_400 * SECOND_NS, START_NS + 80 * 86_400 * SECOND_NS), min_size=1, max_size=5
    ),
    moved_ns=st.integers(-(10**9), 10**17),
    zone=st.integers(-720, 720),
)
def test_each_stamp_is_moved_by_the_same_time(kind: StampKind, instants: list[int], moved_ns: int, zone: int) -> None:
    zone_minutes = 0 if STYLES[kind][0] == Date.EPOCH or stamp(kind, 0, 0).endswith(b"Z") else zone
    events = [b"<13>" + stamp(kind, zone_minutes, instant_ns) + b" host app: x" for instant_ns in instants]
    digits = kind.style.digits
    rounded = [instant_ns - instant_ns % 10 ** (9 - digits) for instant_ns in instants]
    expected = [b"<13>" + stamp(kind, zone_minutes, instant_ns + moved_ns) + b" host app: x" for instant_ns in rounded]
    assert moved(events, 4, kind, zone_minutes, moved_ns) == expected


def test_what_is_no_stamp_stays_and_so_does_what_would_be_before_1970() -> None:
    good = b"<13>" + stamp(StampKind.ISO_MS, 0, START_NS) + b" a"
    bad = b"<13>" + b"x" * 24 + b" b"
    assert moved([bad, good], 4, StampKind.ISO_MS, 0, SECOND_NS)[0] == bad
    assert moved([good], 4, StampKind.ISO_MS, 0, -START_NS - 1) == [good]
