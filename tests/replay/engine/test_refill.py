"""A lane is given its schedule some runs at a time, in its order and well before it needs them."""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captures.console.errors import RunError
from captures.format.instants import ramp
from captures.format.tags import MAX_SEQUENCE
from replay.engine.arrays import RUNS, new_lanes, run_row
from replay.engine.refill import AHEAD_EVENTS, LOW_EVENTS, Supply
from replay.schedule.deal import Run
from tests.captures.content import content, noise

HELD = content(noise([(5, 50), (1, 70), (9, 60)]))
NOTHING_DUE = ramp(0, 0, 1)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What the kernel was told to read: (place, size)."""
    heard: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda _fd, place, size, _advice: heard.append((place, size)))
    return heard


def capture(events: int = 15) -> Any:
    """As much of an open capture as a supply looks at."""
    source = SimpleNamespace(fd=-1)
    return SimpleNamespace(source=source, trains=HELD.trains, payload=HELD.payload, payload_offset=4096, events=events)


def run(first: int, events: int) -> Run:
    return Run(first, events, 128, NOTHING_DUE, None)


@settings(max_examples=100)
@given(sizes=st.lists(st.integers(1, 15) | st.integers(1, 20_000), max_size=60), take=st.integers(1, RUNS))
@pytest.mark.usefixtures("told")
def test_each_run_is_given_once_and_in_time(sizes: list[int], take: int) -> None:
    asked: list[int] = []

    def runs() -> Iterator[Run]:
        for size in sizes:
            asked.append(size)
            yield run(0, size)

    lanes = new_lanes(2)
    row, supply = lanes.rows[1], Supply(capture(events=0), runs(), 1, tagged=False)
    got: list[int] = []
    while True:
        supply.refill(lanes, 1)
        ready = int(row["runs"] - row["run"])
        assert ready <= RUNS
        assert row["left"] == sum(asked[len(got) :])
        assert row["last"] or row["left"] >= AHEAD_EVENTS or ready == RUNS
        assert row["left"] - (asked[-1] if asked else 0) < AHEAD_EVENTS
        if not ready:
            break
        for _ in range(min(take, ready)):  # as the kernel uses them up
            size = int(lanes.runs[1, row["run"] % RUNS]["events"])
            got.append(size)
            row["left"] -= size
            row["events"] += size
            row["run"] += 1
    assert got == asked == sizes
    assert not lanes.rows[0]["runs"]


@pytest.mark.usefixtures("told")
def test_a_lane_holds_no_more_runs_than_it_has_room_for() -> None:
    lanes = new_lanes(1)
    Supply(capture(), (run(i % 15, 1) for i in range(40)), 1, tagged=False).refill(lanes, 0)

    assert (lanes.rows[0]["runs"], lanes.rows[0]["left"], lanes.rows[0]["last"]) == (RUNS, RUNS, 0)
    assert lanes.runs[0]["first_event"].tolist() == [i % 15 for i in range(RUNS)]


def test_a_run_is_held_as_it_is() -> None:
    due, own = ramp(2**61 + 3, 10**9, 7), ramp(2**62 + 1, 10**12, 11)
    lanes = new_lanes(1)
    lanes.runs[0, 3] = run_row(Run(2**40, 2**33, 5, due, own))

    assert lanes.runs[0, 3].tolist() == (2**40, 2**33, 5, *due, *own, 0, 0)
    assert run_row(Run(1, 2, 3, due, None)) == (1, 2, 3, *due, 0, 0, 0, 0, 0, 0, 0)


def test_the_bytes_of_a_run_are_read_ahead(told: list[tuple[int, int]]) -> None:
    """From the middle of a train to the middle of another, and to the end of the capture."""
    Supply(capture(), iter([run(2, 5), run(0, 15)]), 1, tagged=False).refill(new_lanes(1), 0)

    assert told == [(4096 + 100, 3 * 50 + 70 + 60), (4096, len(HELD.payload))]


def test_empty_events_are_not_read_ahead(monkeypatch: pytest.MonkeyPatch, told: list[tuple[int, int]]) -> None:
    """posix_fadvise(2) takes a length of 0 for all that follows."""
    trains = HELD.trains.copy()
    trains["length"][1], trains["offset"][2] = 0, trains["offset"][1]
    empty = capture()
    monkeypatch.setattr(empty, "trains", trains)
    Supply(empty, iter([run(5, 1), run(4, 2)]), 1, tagged=False).refill(new_lanes(1), 0)

    assert told == [(4096 + 200, 50)]


def test_a_capture_that_stays_in_memory_is_read_ahead_in_the_first_loop_only(told: list[tuple[int, int]]) -> None:
    Supply(capture(), (run(0, 5) for _ in range(6)), 2, tagged=False).refill(new_lanes(1), 0)
    assert len(told) == 2  # of two lanes, each has sent half of the capture after two

    supply = Supply(capture(), (run(0, 5) for _ in range(6)), 2, tagged=False)
    supply._stays = False
    told.clear()
    supply.refill(new_lanes(1), 0)
    assert len(told) == 6


@pytest.mark.usefixtures("told")
def test_numbers_that_are_used_up_end_the_run() -> None:
    lanes = new_lanes(1)
    lanes.rows[0]["events"], lanes.rows[0]["port"] = MAX_SEQUENCE - 9, 514
    fits = Supply(capture(), iter([run(0, 10)]), 1, tagged=True)
    fits.refill(lanes, 0)
    assert (lanes.rows[0]["left"], lanes.rows[0]["last"]) == (10, 1)

    lanes.rows[0]["last"] = 0
    with pytest.raises(RunError, match=r"port 514 got .* tags can't count further; use more ports"):
        Supply(capture(), iter([run(0, 1)]), 1, tagged=True).refill(lanes, 0)
    Supply(capture(), iter([run(0, 1)]), 1, tagged=False).refill(lanes, 0)


def test_a_lane_is_low_before_it_is_empty() -> None:
    assert 0 < LOW_EVENTS < AHEAD_EVENTS
