"""Live stamps: the fast way of writing them equals the plain one."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from replay.stamps import Stamper, iso_ms, write_stamps

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
    start=st.integers(0, 50),
    count=st.integers(1, 128),
    length=st.integers(24, 300),
    data=st.data(),
)
def test_writing_stamps_equals_writing_them_one_by_one(
    start: int, count: int, length: int, data: st.DataObject
) -> None:
    column = data.draw(st.integers(0, length - 24))
    before = np.random.default_rng(1).integers(0, 256, start + count * length + 50, np.uint8)
    stamp = plain(data.draw(instants_ns)).encode()
    fast, slow = before.copy(), bytearray(before.tobytes())
    for event in range(count):
        place = start + event * length + column
        slow[place : place + 24] = stamp

    write_stamps(fast, start, count, length, column, np.void(stamp))

    assert fast.tobytes() == bytes(slow)
