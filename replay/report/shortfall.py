"""Why did a run miss its rate? The causes are found in what was measured while the run went on. Pure.

Each cause has a threshold. Below it the cause can't have cost the run the 5% by which it may miss its rate.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from captures.console.units import format_size
from replay.report.model import CoreFigures, RunReport, StrainFigures, WorkerFigures

FULL_PERCENT: Final = 90.0
"""A worker that uses so much of its core has little time left to send more."""
TAKEN_PERCENT: Final = 3.0
"""The host, other programs or a disk are a cause if they took so much of a core's time."""
COLD: Final = 0.1
"""A capture counts as cold, not in memory, if this part of what was sent had to be read from the disk."""
WAIT_S: Final = 0.001
"""The longest time that a worker waits, each time that the kernel has no room for more packets."""


def shortfall(report: RunReport) -> str:
    """A clause that names the causes, the worst first; or that says that none was found in what was measured."""
    causes = sorted(_causes(report), key=lambda cause: -cause[0])
    if causes:
        return "; ".join(text for _, text in causes)
    return "neither CPU, steal, disk nor the network's queue was short by what was measured"


def _causes(report: RunReport) -> Iterator[tuple[float, str]]:
    """The causes, each with the share of the time that it took, in percent."""
    strain = report.strain or StrainFigures([], 0, 0)
    cores = {row.core: row for row in strain.cores}
    own: dict[int, float] = {}
    busiest: tuple[float, WorkerFigures] | None = None
    for worker in report.workers:
        if worker.cpu_percent is not None:
            own[worker.core] = own.get(worker.core, 0.0) + worker.cpu_percent
            if busiest is None or worker.cpu_percent > busiest[0]:
                busiest = worker.cpu_percent, worker
    if busiest:
        yield from _cpu(*busiest)
    if cores:
        yield from _taken(cores, own)
    iowait_percent = max((row.iowait_percent for row in cores.values()), default=0.0)
    yield from _disk(iowait_percent, strain, report.sent_bytes)
    yield from _queue(report)


def _cpu(cpu_percent: float, worker: WorkerFigures) -> Iterator[tuple[float, str]]:
    if cpu_percent >= FULL_PERCENT:
        used = f"worker {worker.id} took {cpu_percent:.0f}% of core {worker.core}"
        yield cpu_percent, f"CPU: {used}; more workers or faster cores"


def _taken(cores: Mapping[int, CoreFigures], own: Mapping[int, float]) -> Iterator[tuple[float, str]]:
    """What the host and other programs took of a worker's core."""
    worst = max(cores.values(), key=lambda row: row.steal_percent)
    if worst.steal_percent >= TAKEN_PERCENT:
        most = f", {worst.steal_percent_max:.0f}% in its worst second"
        yield (
            worst.steal_percent,
            f"steal: the host took {worst.steal_percent:.1f}% of the time of core {worst.core}{most}",
        )
    others = {core: row.busy_percent - own.get(core, 0.0) for core, row in cores.items()}
    core = max(others, key=lambda each: others[each])
    if others[core] >= TAKEN_PERCENT:
        yield others[core], f"CPU: other programs and interrupts took {others[core]:.0f}% of core {core}"


def _disk(iowait_percent: float, strain: StrainFigures, sent_bytes: int) -> Iterator[tuple[float, str]]:
    """The disk as a cause. A core that other programs keep busy counts no waiting: then the bytes read decide."""
    read = format_size(strain.read_bytes)
    if iowait_percent >= TAKEN_PERCENT and strain.read_bytes:
        faults = f"{read} of the capture were read, {strain.major_faults:,} major faults"
        yield iowait_percent, f"disk: a core waited for it {iowait_percent:.0f}% of the time ({faults})"
    elif strain.read_bytes > COLD * sent_bytes:
        yield 0.0, f"disk: the capture was cold, {read} of it were read while it was sent"


def _queue(report: RunReport) -> Iterator[tuple[float, str]]:
    waits = sum(report.waits.values())
    time_s = report.duration_s * max(1, len(report.workers))
    share = 100 * waits * WAIT_S / time_s if time_s else 0.0
    if share >= TAKEN_PERCENT:
        names = ", ".join(f"{name} {count:,}" for name, count in report.waits.items())
        yield share, f"the network's queue was full ({names}): see `tc -s qdisc` and the send buffer"
