"""How much is sent at once: batches settle where their stamps leave fresh."""

from hypothesis import given
from hypothesis import strategies as st

from replay.clock import SECOND_NS
from replay.schedule.bursts import LATE_NS, STAMP_AGE_NS, batch_room, gather_ns


@given(event_ns=st.integers(10, 1_000_000), most=st.integers(1, 64))
def test_batches_shrink_until_their_stamps_leave_fresh(event_ns: int, most: int) -> None:
    """Whatever a train of 128 takes, batches soon settle where they take the time a stamp may age, or one train."""
    rooms = [most]
    for _ in range(20):
        rooms.append(batch_room(rooms[-1], most, rooms[-1] * 128 * event_ns))

    assert rooms[-1] == rooms[-2]
    assert rooms[-1] == 1 or rooms[-1] * 128 * event_ns <= STAMP_AGE_NS


def test_batches_grow_again_after_a_stall() -> None:
    room = batch_room(32, 32, 10 * STAMP_AGE_NS)
    assert room == 16
    assert batch_room(room, 32, STAMP_AGE_NS // 4) == 32
    assert batch_room(1, 32, SECOND_NS) == 1


@given(took_ns=st.integers(0, 10 * LATE_NS))
def test_what_is_gathered_is_sent_no_later_for_a_slow_batch(took_ns: int) -> None:
    assert gather_ns(took_ns) >= 0
    assert gather_ns(took_ns) + took_ns == max(LATE_NS, took_ns)
