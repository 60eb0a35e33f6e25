"""How long intervals are, and what the ring of a worker holds of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from replay.board.intervals import INTERVAL_NS, add_to_interval, interval_ns
from replay.board.layout import INTERVALS, Board


def test_intervals_are_100_ms_or_as_long_as_64_events() -> None:
    assert interval_ns(None) == interval_ns(4_000_000) == interval_ns(640) == 100_000_000
    assert interval_ns(1) == 64_000_000_000


@settings(max_examples=200)
@given(
    start_ns=st.integers(0, 2**62),
    length_ns=st.integers(INTERVAL_NS, 10**12),
    sends=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1), st.integers(1, 2**40)), max_size=60),
)
def test_the_ring_holds_the_events_of_the_latest_intervals(
    start_ns: int, length_ns: int, sends: list[tuple[int, float, int]]
) -> None:
    """Also where it comes round: each place tells the number of its interval, and only that one's events."""
    row = Board(1, 1).workers[0]
    interval, told = 0, dict.fromkeys(range(INTERVALS), (0, 0))
    for step, part, events in sends:
        interval += step * (INTERVALS // 3)
        now_ns = min(start_ns + interval * length_ns + int(part * (length_ns - 1)), 2**63 - 1)
        number = (now_ns - start_ns) // length_ns
        held, before = told[number % INTERVALS]
        told[number % INTERVALS] = number, events + (before if held == number else 0)
        ring = row["interval_numbers"], row["interval_events"]
        assert add_to_interval(*ring, start_ns, length_ns, events, now_ns) == (held != number)

    assert row["interval_numbers"].tolist() == [told[place][0] for place in range(INTERVALS)]
    assert row["interval_events"].tolist() == [told[place][1] for place in range(INTERVALS)]
