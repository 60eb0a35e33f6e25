"""Windows of exact instants: they follow each other, hold all, are a second or longer, and are never too many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from captures.format.layout import TRAIN
from captures.format.opening.soundness import check_windows
from captures.format.writing.window_index import WindowIndex


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5_000_000_000)), min_size=1), min_size=1, max_size=20
    ),
    st.integers(2, 9),
)
def test_windows_are_sound_and_few(parts: list[list[tuple[int, int]]], most: int) -> None:
    index, now_ns, events = WindowIndex(most), 0, 0
    trains, instants = [], []
    for part in parts:
        rows, times = np.zeros(len(part), TRAIN), []
        for row, (count, gap_ns) in zip(rows, part, strict=True):
            row["count"], row["first_event"] = count, events
            now_ns, events = now_ns + gap_ns, events + count
            times += [now_ns] * count
        index.add(rows, np.array(times, np.uint64))
        trains.append(rows)
        instants += times
    windows, all_trains = index.windows(), np.concatenate(trains)
    check_windows(windows, all_trains, events)
    assert len(windows) <= most
    assert int(windows["duration_ns"].sum()) == (instants[-1] + 1 if instants[-1] else 0)
    for window in windows[1:]:
        assert window["start_ns"] == instants[int(all_trains["first_event"][int(window["first_train"])])]
    assert (windows["duration_ns"][:-1] >= 1_000_000_000).all()


def test_without_instants_there_is_one_window_that_lasts_no_time() -> None:
    index, rows = WindowIndex(), np.zeros(1, TRAIN)
    rows["count"] = 3
    index.add(rows, None)
    assert index.windows().tolist() == [(0, 0, 0, 1, 3)]
