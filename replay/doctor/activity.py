"""What else runs on the cores of a run? Two looks half a second apart; this process sleeps in between."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from replay.clock import SECOND_NS
from replay.linux.cpu_times import CoreTimes, core_times
from replay.linux.process_stat import TICKS_PER_SECOND, ProcessStat, process_stat

LOOK_NS: Final = SECOND_NS // 2
"""The time between the looks: 50 ticks of each core's clock."""

_MOST_PROGRAMS: Final = 3
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Activity:
    """How busy the cores are to which workers would be pinned, while no run goes on."""

    busy_cores: float
    """How many of them all programs together keep busy: 0.5 is half of one."""
    stolen_cores: float
    """How many of them the host of this virtual machine gave to others."""
    cores: int
    programs: tuple[tuple[str, float], ...]
    """The programs of this machine that use most CPU time, on any core: name with process id, and cores used."""
    load: float
    """The load average of the last minute: processes that run or wait for a core or a disk (proc_loadavg(5))."""

    @property
    def free_cores(self) -> float:
        """How many cores are left for a run."""
        return max(0.0, self.cores - self.busy_cores - self.stolen_cores)


def activity_of(cpus: Sequence[int], sleep_ns: Callable[[int], None]) -> Activity | None:
    """Look how busy the cores `cpus` are now; None if /proc/stat can't be read."""
    try:
        times, programs = core_times(), _programs()
        sleep_ns(LOOK_NS)
        times_after, programs_after = core_times(), _programs()
    except OSError:
        return None
    return activity(cpus, (times, times_after), (programs, programs_after), os.getloadavg()[0])


def activity(
    cpus: Sequence[int],
    times: tuple[dict[int, CoreTimes], dict[int, CoreTimes]],
    programs: tuple[dict[int, ProcessStat], dict[int, ProcessStat]],
    load: float,
) -> Activity | None:
    """Compare two looks; None if none of `cpus` was seen in both."""
    before, after = times
    spent = [after[cpu].since(before[cpu]) for cpu in set(cpus) if cpu in before and cpu in after]
    if not any(core.total for core in spent):
        return None
    passed_s = max(core.total for core in spent) / TICKS_PER_SECOND
    took = [
        (f"{stat.command} (pid {pid})", round((stat.cpu_ticks - old.cpu_ticks) / TICKS_PER_SECOND / passed_s, 2))
        for pid, stat in programs[1].items()
        if (old := programs[0].get(pid)) is not None and old.started_ticks == stat.started_ticks
    ]
    most = sorted((row for row in took if row[1] >= 0.05), key=lambda row: -row[1])
    return Activity(
        busy_cores=sum(core.busy / max(1, core.total) for core in spent),
        stolen_cores=sum(core.steal / max(1, core.total) for core in spent),
        cores=len(spent),
        programs=tuple(most[:_MOST_PROGRAMS]),
        load=load,
    )


def _programs() -> dict[int, ProcessStat]:
    pids = [int(folder.name) for folder in _PROC.iterdir() if folder.name.isdecimal() and folder.name.isascii()]
    stats = {pid: process_stat(pid) for pid in pids}
    return {pid: stat for pid, stat in stats.items() if stat is not None}
