"""How many workers, where, and what is said of that."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from captures.console.errors import InputError
from captures.format.capture import Capture
from captures.format.reader import open_capture
from replay.machine.core_order import Topology
from replay.path.target import resolve
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import RunPlan, plan_run
from replay.plan.workers import WorkerRequest, with_workers
from replay.rewrite.stamps_at_sending import Stamp
from tests.captures.content import tiny, write

CPUS = tuple(sorted(os.sched_getaffinity(0)))


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    write(tmp_path / "tiny.rcap", tiny())
    return open_capture(tmp_path / "tiny.rcap")


def plan(capture: Capture, rate_eps: int | None, *, segments: int = 128) -> RunPlan:
    return plan_run(
        capture,
        target=resolve("127.0.0.1", allow_public=False),
        ports=range(5514, 5554),
        pace=Pace(rate_eps),
        extent=Extent(events=1000),
        train_max=128,
        segments=segments,
        stamp=Stamp.NOW,
        choices={"backend": "udp: why"},
    )


def test_the_number_is_reckoned_and_explained(capture: Capture) -> None:
    planned = replace(plan(capture, 1_000_000), train_events=128)
    made = with_workers(planned, WorkerRequest(), Topology(), worker_eps=None)
    assert len(made.workers) == 1
    assert made.choices["backend"] == "udp: why"
    assert made.choices["workers"].startswith("1: 1,000,000 EPS at 8,000,000 each, as is usual with GSO")
    assert sorted(made.cpus) == list(CPUS)
    assert made.nic is None


def test_the_trains_of_the_capture_are_reckoned_with(capture: Capture) -> None:
    """They have two events each."""
    made = with_workers(plan(capture, 400_000), WorkerRequest(), Topology(), worker_eps=None)
    assert made.choices["workers"].startswith("1: 400,000 EPS at 500,000 each, as is usual with trains of 2.0 events")


def test_a_worker_for_each_core_where_the_rate_takes_them(capture: Capture) -> None:
    made = with_workers(plan(capture, 100_000_000, segments=1), WorkerRequest(), Topology(), worker_eps=None)
    assert len(made.workers) == min(40, len(CPUS))
    assert "that takes 400, and there are" in made.choices["workers"]
    if 0 in CPUS and len(CPUS) <= 40:
        assert "there is no better core than 0 (serves the kernel's own)" in made.choices["workers"]


def test_cores_that_are_asked_for_are_taken_in_their_order(capture: Capture) -> None:
    cpus = CPUS[::-1]
    made = with_workers(
        plan(capture, 1000), WorkerRequest(workers=2 * len(cpus), cpus=cpus), Topology(), worker_eps=None
    )
    assert [worker.cpu for worker in made.workers] == [*cpus, *cpus]
    assert made.choices["workers"] == f"{2 * len(cpus)}: asked for by --workers"


def test_more_workers_than_ports_are_refused(capture: Capture) -> None:
    with pytest.raises(InputError, match="--workers 41: there are 40 ports"):
        with_workers(plan(capture, 1000), WorkerRequest(workers=41), Topology(), worker_eps=None)
