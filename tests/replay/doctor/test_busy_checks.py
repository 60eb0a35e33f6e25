"""Cores that are not free: other programs, the host of a virtual machine, a receiver beside the sender."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.doctor.activity import Activity, activity, activity_of
from replay.doctor.busy_checks import busy_findings, needed_cores
from replay.doctor.checks import SENDING_NS
from replay.linux.cpu_times import CoreTimes
from replay.linux.process_stat import TICKS_PER_SECOND, ProcessStat
from tests.replay.doctor.examples import CAPTURE, LOAD, MACHINE

IDLE = Activity(busy_cores=0.02, stolen_cores=0.0, cores=2, programs=(), load=0.1)


def findings(rate_eps=4_000_000, capture=CAPTURE, receiver_here=False, **seen):
    machine = replace(MACHINE, activity=replace(IDLE, **seen))
    load = replace(LOAD, rate_eps=rate_eps)
    return {each.check: each for each in busy_findings(machine, capture, load, receiver_here=receiver_here)}


def staged_so_that(cores):
    """A capture of which 4,000,000 events a second take so many cores to stage and to send."""
    return replace(CAPTURE, staged_eps=1 / (cores / 4e6 - SENDING_NS / 1e9))


def test_an_idle_machine():
    assert {name: finding.state for name, finding in findings().items()} == {
        "load": "ok",
        "steal": "ok",
        "capacity": "ok",
    }


def test_two_busy_cores_do_not_carry_four_million():
    """What ended in "26 ok": both cores taken by others, and the receiver beside the sender."""
    found = findings(busy_cores=1.95, programs=(("soak (pid 7)", 0.97),), load=4.2, receiver_here=True)
    assert found["load"].state == "warn"
    assert found["load"].found == "cores 2-3 are 98% busy now; load 4.2: soak (pid 7) takes 97% of a core"
    assert found["capacity"].state == "warn"
    slow = findings(busy_cores=1.95, capture=staged_so_that(cores=1), receiver_here=True)
    assert slow["capacity"].state == "fail"
    assert slow["capacity"].found == (
        "4.00M EPS take about 1.00 cores to send, and as much to receive on this host; 0.05 of 2 are free"
    )


@pytest.mark.parametrize(("stolen", "state"), [(0.0, "ok"), (0.019, "ok"), (0.02, "warn"), (0.42, "warn")])
def test_time_that_the_host_takes(stolen, state):
    assert findings(stolen_cores=stolen)["steal"].state == state


@pytest.mark.parametrize(
    ("needed", "state"), [(1.5, "ok"), (1.7, "warn"), (1.97, "warn"), (1.99, "fail"), (5.0, "fail")]
)
def test_a_run_needs_its_cores(needed, state):
    assert findings(capture=staged_so_that(cores=needed))["capacity"].state == state


def test_a_receiver_on_this_host_needs_as_much_again():
    capture = staged_so_that(cores=1)
    assert findings(capture=capture)["capacity"].state == "ok"
    assert findings(capture=capture, receiver_here=True)["capacity"].state == "fail"


def test_without_a_capture_the_usual_is_reckoned_with():
    assert needed_cores(MACHINE, None, LOAD) == pytest.approx(4 / 8)
    assert needed_cores(replace(MACHINE, segments=1), None, LOAD) == 16


@pytest.mark.parametrize("staged_eps", [27e6, 52e6])
def test_where_staging_is_fast_the_kernel_s_part_is_still_there(staged_eps):
    """A worker that staged so fast was measured to take 0.35 to 0.41 cores for 4,000,000 events a second."""
    assert 0.35 <= needed_cores(MACHINE, replace(CAPTURE, staged_eps=staged_eps), LOAD) <= 0.43


def test_without_gso_how_fast_a_capture_is_staged_says_little():
    assert needed_cores(replace(MACHINE, segments=1), CAPTURE, LOAD) == 16


def test_what_can_not_be_seen_is_not_judged():
    assert busy_findings(MACHINE, CAPTURE, LOAD, receiver_here=True) == []


@given(st.lists(st.tuples(*[st.integers(0, 50)] * 4), min_size=2, max_size=2))
def test_two_looks_compared(steps):
    before = dict.fromkeys((2, 3), CoreTimes(100, 50, 5, 5))
    after = {
        core: CoreTimes(100 + busy + idle + iowait + steal, 50 + idle, 5 + iowait, 5 + steal)
        for core, (busy, idle, iowait, steal) in zip((2, 3), steps, strict=True)
    }
    found = activity((2, 3, 9), (before, after), ({}, {}), 0.0)
    if not any(map(sum, steps)):
        assert found is None
        return
    assert found.cores == 2
    assert found.busy_cores == pytest.approx(sum(step[0] / max(1, sum(step)) for step in steps))
    assert found.stolen_cores == pytest.approx(sum(step[3] / max(1, sum(step)) for step in steps))
    assert 0 <= found.free_cores <= 2


def test_programs_that_take_the_most():
    second = {2: CoreTimes(TICKS_PER_SECOND, 0, 0, 0)}
    before = {1: ProcessStat("a", 0, 0, 1), 2: ProcessStat("b", 0, 0, 1), 3: ProcessStat("old", 900, 0, 1)}
    after = {
        1: ProcessStat("a", TICKS_PER_SECOND // 2, 0, 1),
        2: ProcessStat("b", TICKS_PER_SECOND, 0, 1),
        3: ProcessStat("new", 1, 0, 2),  # another process with its number
    }
    found = activity((2,), ({2: CoreTimes(0, 0, 0, 0)}, second), (before, after), 0.0)
    assert found.programs == (("b (pid 2)", 1.0), ("a (pid 1)", 0.5))


def test_this_machine_is_looked_at():
    slept = []

    def sleep_ns(wait_ns):
        slept.append(wait_ns)
        total = 0
        while total < 10**6:  # a few ticks pass
            total += 1

    found = activity_of((0,), sleep_ns)
    assert slept == [500_000_000]
    assert found is None or found.cores == 1
