"""How long intervals are."""

from replay.board.intervals import interval_ns


def test_intervals_are_100_ms_or_as_long_as_64_events() -> None:
    assert interval_ns(None) == interval_ns(4_000_000) == interval_ns(640) == 100_000_000
    assert interval_ns(1) == 64_000_000_000
