"""What a missed run was short of: each cause by itself, several, none."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.linux.cpu_times import CoreTimes
from replay.machine.strain import Strain
from replay.report.model import CoreFigures, RunReport, StrainFigures, WorkerFigures
from replay.report.shortfall import shortfall
from tests.replay.report.reports import plain_report


def report(cpu: float = 40, waits: dict[str, int] | None = None, **core: Any) -> RunReport:
    """Ten seconds of a worker on core 3 that had nothing to complain of."""
    row = {"core": 3, "busy_percent": cpu, "steal_percent": 0.0, "steal_percent_max": 0.0, "iowait_percent": 0.0}
    return plain_report(
        strain=StrainFigures([CoreFigures(**(row | core))], major_faults=1234, read_bytes=5 << 20),
        workers=[WorkerFigures(0, 3, [514], 0, cpu)],
        waits=waits or {},
        sent_bytes=1 << 30,
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (report(97), "CPU: worker 0 took 97% of core 3; more workers or faster cores"),
        (
            report(steal_percent=21.0, steal_percent_max=64.2),
            "steal: the host took 21.0% of the time of core 3, 64% in its worst second",
        ),
        (report(40, busy_percent=95.0), "CPU: other programs and interrupts took 55% of core 3"),
        (
            report(iowait_percent=33.0),
            "disk: a core waited for it 33% of the time (5.0 MiB of the capture were read, 1,234 major faults)",
        ),
        (
            report(waits={"ENOBUFS": 4000, "EAGAIN": 2}),
            "the network's queue was full (ENOBUFS 4,000, EAGAIN 2): see `tc -s qdisc` and the send buffer",
        ),
        (report(), "neither CPU, steal, disk nor the network's queue was short by what was measured"),
    ],
)
def test_each_cause_is_named(given, said):
    assert shortfall(given) == said


def test_the_worst_comes_first():
    both = shortfall(report(40, busy_percent=90.0, steal_percent=9.0, steal_percent_max=9.0))
    assert both.index("other programs") < both.index("steal")


def test_what_can_not_have_cost_the_rate_is_not_named():
    quiet = report(40, {"EAGAIN": 100}, busy_percent=42.0, steal_percent=2.0, iowait_percent=2.0)
    assert shortfall(quiet).startswith("neither")


def test_a_cold_capture_is_named_where_the_core_never_idles():
    """Time counts as waiting for a disk only where nothing else wants the core."""
    cold = report()
    cold = replace(cold, strain=replace(cold.strain, read_bytes=512 << 20))
    assert shortfall(cold) == "disk: the capture was cold, 512.0 MiB of it were read while it was sent"


@pytest.mark.parametrize("missing", ["strain", "cpu"])
def test_what_was_not_measured_is_no_cause(missing):
    without = {"strain": {"strain": None}, "cpu": {"workers": [WorkerFigures(0, 3, [514], 0, None)]}}
    assert shortfall(replace(report(), **without[missing]))


ticks = st.tuples(*[st.integers(0, 100)] * 4)


@given(st.lists(ticks, min_size=1, max_size=20))
def test_strain_sums_what_passed_between_looks(steps):
    at = CoreTimes(0, 0, 0, 0)
    looks = [at]
    for busy, idle, iowait, steal in steps:
        at = CoreTimes(at.total + busy + idle + iowait + steal, at.idle + idle, at.iowait + iowait, at.steal + steal)
        looks.append(at)
    told = iter(looks)
    strain = Strain(lambda: {3: next(told)})
    for _ in looks:
        strain.look()
    (core,) = strain.figures([3, 3, 9])["cores"]
    whole = sum(map(sum, steps))
    shares = [sum(step[place] for step in steps) for place in (0, 2, 3)]
    found = [core[f"{name}_percent"] for name in ("busy", "iowait", "steal")]
    assert found == pytest.approx([100 * share / whole if whole else 0 for share in shares], abs=0.01)
    worst = max((100 * step[3] / sum(step) for step in steps if sum(step)), default=0)
    assert core["steal_percent_max"] == pytest.approx(worst, abs=0.01)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2)), max_size=20), st.integers(0, 3))
def test_short_intervals_fell_into_seconds_with_steal_or_did_not(seconds, short_after):
    """Of 100 ticks each. An interval is counted in its second, or a little later. Core 4 is no worker's."""
    told = {3: CoreTimes(0, 0, 0, 0), 4: CoreTimes(0, 0, 0, 0)}
    strain = Strain(lambda: told)
    strain.look([3], 0)
    short = explained = 0
    recent = [0, 0]
    for steal, of_others, more in seconds:
        for core, taken in ((3, steal), (4, of_others)):
            told = told | {core: CoreTimes(told[core].total + 100, 0, 0, told[core].steal + taken)}
        short, recent = short + more, [recent[1], steal]
        strain.look([3], short)
        explained += more if any(recent) else 0
    explained += short_after if any(recent) else 0
    stolen = sum(steal > 0 for steal, _, _ in seconds)
    found = strain.figures([3], short + short_after)
    assert (found["stolen_seconds"], found["short_intervals_stolen"]) == (stolen, explained)


def test_without_times_there_are_none():
    def hidden():
        raise PermissionError

    strain = Strain(hidden)
    strain.look()
    found = strain.figures([0])
    assert found["cores"] == []
    assert found["stolen_seconds"] is found["short_intervals_stolen"] is None
