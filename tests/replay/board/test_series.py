"""Events by interval: all are kept, and where there would be too many rows, neighbours are joined."""

import pytest

from replay.board.series import MOST_ROWS, IntervalSeries


@pytest.mark.parametrize("count", [0, 1, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS, 5 * MOST_ROWS + 3])
def test_rows_hold_all_that_was_added_in_order(count: int) -> None:
    series = IntervalSeries()
    for interval in range(count):
        series.append((interval, 2 * interval))
    rows, joined = series.rows, series.joined

    assert len(rows) == -(-count // joined) <= MOST_ROWS
    expected = [sum(range(at, min(at + joined, count))) for at in range(0, count, joined)]
    assert rows == [(sent, 2 * sent) for sent in expected]


def test_what_was_not_measured_hides_the_row_that_it_is_joined_into() -> None:
    series = IntervalSeries()
    for interval in range(MOST_ROWS):
        series.append(None if interval == 2 else (1, 1))
    assert series.rows[:3] == [(2, 2), None, (2, 2)]
