"""What a run will do: totals, limits, and who serves which lane."""

import socket
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import GRACE_NS, RunPlan, check_limit, plan_run
from replay.plan.view import describe, plan_table
from replay.plan.workers import plan_workers
from replay.rewrite.stamps_at_sending import Stamp
from replay.schedule.rates import LONGEST_NS
from tests.captures.content import content, noise, write

TARGET = Target(socket.AF_INET, "127.0.0.1")


@pytest.fixture(scope="module", autouse=True)
def captures(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A thousand events in 2 s, and as many without a time axis."""
    folder = tmp_path_factory.mktemp("plan")
    for name, window_ns in (("timed", [500_000_000, 1_500_000_000]), ("untimed", 0)):
        windows = [5] if window_ns else []
        write(folder / name, content(noise([(100, 30)] * 10), windows, window_ns=window_ns))
        CAPTURES[name] = open_capture(folder / name)


CAPTURES: dict[str, Capture] = {}
FAST = Pace(4_000_000)


def plan(extent: Extent, pace: Pace = FAST, capture: str = "timed", **changes: Any) -> RunPlan:
    known: dict[str, Any] = {
        "target": TARGET,
        "ports": range(5514, 5554),
        "train_max": 128,
        "segments": 128,
        "stamp": Stamp.NOW,
        "workers": plan_workers(2, 40, [0, 1]),
    }
    return plan_run(CAPTURES[capture], extent=extent, pace=pace, **{**known, **changes})


def test_a_duration_asks_for_what_falls_due_within_it() -> None:
    asked = plan(Extent(duration_ns=10_000_000_000))

    assert asked.total == 40_000_000
    assert asked.duration_ns == 10_000_000_000
    assert asked.stop_after_ns == 10_000_000_000 + GRACE_NS


def test_loops_and_events_have_no_end_in_time() -> None:
    assert (plan(Extent(loops=3)).total, plan(Extent(loops=3)).stop_after_ns) == (3000, None)
    assert (plan(Extent(events=7)).total, plan(Extent(events=7)).stop_after_ns) == (7, None)


def test_as_fast_as_it_goes_for_a_time_has_no_total() -> None:
    asked = plan(Extent(duration_ns=5), pace=Pace())

    assert (asked.total, asked.stop_after_ns, asked.train_limit) == (None, 5, 128)


def test_a_duration_without_an_event_is_refused() -> None:
    with pytest.raises(InputError, match="no event falls due"):
        plan(Extent(duration_ns=999_999_999), pace=Pace(1))


@pytest.mark.parametrize(
    ("extent", "pace", "why"),
    [
        (Extent(loops=10**30), FAST, "events at most"),
        (Extent(events=2**62), FAST, "events at most"),
        (Extent(duration_ns=LONGEST_NS), Pace(10**9), "events at most"),
        (Extent(duration_ns=LONGEST_NS + 1), FAST, "100 years at most"),
        (Extent(duration_ns=2**62), Pace(), "100 years at most"),
        (Extent(duration_ns=2**62), Pace(speed=Fraction(1)), "100 years at most"),
    ],
)
def test_what_would_leave_64_bits_is_refused(extent: Extent, pace: Pace, why: str) -> None:
    with pytest.raises(InputError, match=why):
        plan(extent, pace)


def test_the_limit_of_the_rate_has_one_too() -> None:
    check_limit(plan(Extent(loops=1)), 10**9)
    with pytest.raises(InputError, match="--eps-limit 1,000,000,001: 1,000,000,000 at most"):
        check_limit(plan(Extent(loops=1)), 10**9 + 1)


def test_trains_keep_to_the_kernel_s_segments_and_to_the_schedule() -> None:
    assert plan(Extent(events=1), segments=64).train_limit == 64
    assert plan(Extent(events=1), segments=1).train_limit == 128
    assert plan(Extent(events=1), train_max=7).train_limit == 7
    assert plan(Extent(events=1), pace=Pace(400_000)).train_limit == 20
    assert plan(Extent(events=1), pace=Pace(1)).train_limit == 1


@given(lanes=st.integers(1, 100), data=st.data())
def test_workers_share_all_lanes_evenly(lanes: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, lanes))
    workers = plan_workers(count, lanes, [4, 2])

    assert [lane for worker in workers for lane in worker.lanes] == list(range(lanes))
    sizes = [len(worker.lanes) for worker in workers]
    assert max(sizes) - min(sizes) <= 1
    assert [worker.cpu for worker in workers] == [(4, 2)[i % 2] for i in range(count)]


@pytest.mark.parametrize(("lanes", "use"), [(40, "there are 40 ports, so use 1 to 40 workers"), (1, "so use 1 worker")])
def test_there_are_no_more_workers_than_lanes(lanes: int, use: str) -> None:
    with pytest.raises(InputError, match=f"--workers {lanes + 1}: .*{use}$"):
        plan_workers(lanes + 1, lanes, [0])


def test_the_plan_as_figures() -> None:
    described = describe(plan(Extent(events=81), workers=plan_workers(3, 40, [0, 1])))

    assert described["ports"] == "5514-5553"
    assert sum(lane["events"] for lane in described["lanes"]) == 81
    assert {lane["rate_eps"] for lane in described["lanes"]} == {100_000}
    assert [worker["ports"] for worker in described["workers"]] == ["5514-5526", "5527-5539", "5540-5553"]
    assert [worker["cpu"] for worker in described["workers"]] == [0, 1, 0]


def test_the_plan_for_people() -> None:
    table = plan_table(plan(Extent(events=81), pace=Pace(1_000_001)))

    assert "to 127.0.0.1, ports 5514-5553: 40 lanes, 25,000.025 EPS each" in table
    said = " ".join(table.split())
    assert "1,000,001 EPS, 81 events, trains of at most 50 events, 32 a call, GSO, up to 128 datagrams a send" in said
    assert max(map(len, table.splitlines())) <= 80
    assert "4 lanes, 0.25 EPS each" in plan_table(plan(Extent(events=1), pace=Pace(1), ports=range(514, 518)))
    assert "4 lanes, 1,000,000 EPS each" in plan_table(plan(Extent(events=1), ports=range(514, 518)))
    assert "worker 1 on core 1: ports 5534-5553" in table
    assert "as fast as it goes, until the time is over" in plan_table(plan(Extent(duration_ns=5), pace=Pace()))
    assert "without GSO" in plan_table(plan(Extent(events=1), segments=1))


def test_along_the_time_axis_at_a_speed() -> None:
    """500 events in 0.5 s and 500 in 1.5 s, twice as fast: 1 s and 1,000 events a loop."""
    asked = plan(Extent(loops=3), Pace(speed=Fraction(2)))

    assert (asked.total, asked.stop_after_ns) == (3000, None)
    assert describe(asked)["target_peak_eps"] == 2000
    assert (describe(asked)["target_eps"], describe(asked)["speed"]) == (1000, 2)
    assert plan(Extent(duration_ns=2_250_000_000), Pace(speed=Fraction(2))).total == 2500
    assert plan(Extent(events=7), Pace(speed=Fraction(2))).total == 7
    assert "at speed 2: 1,000 EPS in the mean, 2,000 at the peak, 3,000 events" in plan_table(asked)


def test_the_time_axis_as_fast_as_it_goes() -> None:
    asked = plan(Extent(loops=1), Pace(speed=Fraction(0)))

    assert (asked.paced, asked.total, describe(asked)["speed"]) == (False, 1000, "max")
    assert "as fast as it goes, 1,000 events" in plan_table(asked)


@pytest.mark.parametrize(
    ("changes", "way"), [({"pace": Pace(speed=Fraction(1))}, "--speed"), ({"stamp": Stamp.SHIFT}, "--stamp shift")]
)
def test_what_needs_a_time_axis_says_how_to_build_one(changes: dict[str, Any], way: str) -> None:
    with pytest.raises(InputError, match=f"no time axis for {way} to follow.*precompute build .* --duration 1h"):
        plan(Extent(loops=1), capture="untimed", **changes)
    plan(Extent(loops=1), **changes)


def test_the_busiest_window_keeps_to_the_limit() -> None:
    along = plan(Extent(loops=1), Pace(speed=Fraction(3)))

    check_limit(along, 3000)
    with pytest.raises(InputError, match="--speed 3 asks for 3,000 EPS in the busiest window.*--eps-limit 3000"):
        check_limit(along, 2999)
    with pytest.raises(InputError, match="--eps 1,000,000 is over the limit of 10; .* --eps-limit 1000000"):
        check_limit(plan(Extent(loops=1), Pace(1_000_000)), 10)
    check_limit(plan(Extent(loops=1), Pace()), 1)


def test_stamps_keep_to_the_time_axis_at_any_pace() -> None:
    assert plan(Extent(loops=1), stamp=Stamp.SHIFT).deal.axis is not None
    assert plan(Extent(loops=1), Pace(speed=Fraction(2))).deal.axis is None
