"""Live stamps: the fast way of writing them equals the plain one."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.stamps import Stamper, iso_ms, stamp_places, write_stamps

instants_ns = st.integers(0, 4_102_444_800_000_000_000)
"""Until the year 2100."""


def plain(wall_ns: int) -> str:
    """The stamp by way of isoformat."""
    instant = datetime.fromtimestamp(wall_ns // 10**9, UTC).replace(microsecond=wall_ns % 10**9 // 10**6 * 1000)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_an_instant_as_text() -> None:
    assert iso_ms(1_756_548_930_123_999_999) == "2025-08-30T10:15:30.123Z"


@given(st.lists(instants_ns, min_size=1))
def test_stamps_equal_the_plain_way_in_any_order(instants: list[int]) -> None:
    stamper = Stamper()

    for wall_ns in instants:
        assert iso_ms(wall_ns) == plain(wall_ns)
        assert stamper.stamp(wall_ns).tobytes().decode() == plain(wall_ns)


@given(first_ns=instants_ns, steps_ns=st.lists(st.integers(0, 1_500_000_000), max_size=50))
def test_stamps_of_time_going_on(first_ns: int, steps_ns: list[int]) -> None:
    stamper, wall_ns = Stamper(), first_ns
    for step_ns in steps_ns:
        wall_ns += step_ns
        assert stamper.stamp(wall_ns).tobytes().decode() == plain(wall_ns)


@given(
    shift=st.integers(-50, 50),
    trains=st.lists(st.tuples(st.integers(0, 128), st.integers(24, 300), st.integers(0, 276)), max_size=5),
    wall_ns=instants_ns,
)
def test_writing_stamps_equals_writing_them_one_by_one(
    shift: int, trains: list[tuple[int, int, int]], wall_ns: int
) -> None:
    stamp = plain(wall_ns).encode()
    places, start = [], 50 - shift
    for count, length, column in trains:
        first = start + min(column, length - 24)
        places.append((first, first + count * length, length))
        start += count * length
    fast = np.random.default_rng(1).integers(0, 256, 50 + start + shift, np.uint8)
    slow = bytearray(fast.tobytes())
    for first, end, length in places:
        for place in range(first + shift, end + shift, length):
            slow[place : place + 24] = stamp

    write_stamps(stamp_places(fast), shift, places, np.void(stamp))

    assert fast.tobytes() == bytes(slow)
