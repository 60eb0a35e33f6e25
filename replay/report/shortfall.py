"""What a run that missed its rate was short of, out of what was measured while it went on. Pure.

Each cause has a threshold, below which it can't have cost the run the 5% that its rate may miss.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from captures.console.units import format_size
from replay.report.model import CoreFigures, RunReport, StrainFigures, WorkerFigures

FULL_PERCENT: Final = 90.0
"""A worker that takes so much of its core has little time left to send more."""
TAKEN_PERCENT: Final = 3.0
"""So much of a core's time, taken by the host, by other programs or by a disk, is a cause."""
COLD: Final = 0.1
"""A capture is told to have been cold where so much of what was sent came off the disk."""
WAIT_S: Final = 0.001
"""A worker waits for room so long at most, each time that the kernel has none."""


def shortfall(report: RunReport) -> str:
    """A clause that names what was short, the worst first; or that nothing of what is measured was."""
    causes = sorted(_causes(report), key=lambda cause: -cause[0])
    if causes:
        return "; ".join(text for _, text in causes)
    return "neither CPU, steal, disk nor the network's queue was short by what was measured"


def _causes(report: RunReport) -> Iterator[tuple[float, str]]:
    """Causes, each with the share of the time that it took, in percent."""
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
    """A core that other programs keep busy never waits for a disk by its own count: then what was read must tell."""
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
