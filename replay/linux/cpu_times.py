"""How each core has spent its time since the machine's start: /proc/stat, proc_stat(5)."""

import re
from pathlib import Path
from typing import Final, NamedTuple

_STAT: Final = Path("/proc/stat")
_ROW: Final = re.compile(rb"^cpu(\d{1,6})((?: +\d{1,20}){4,10}) *$", re.MULTILINE)
_COUNTED: Final = 8
"""user, nice, system, idle, iowait, irq, softirq, steal; time of guests, which follows, is in the first two."""


class CoreTimes(NamedTuple):
    """Clock ticks of a core since the machine's start, or between two looks."""

    total: int
    idle: int
    iowait: int
    """Idle while a process that ran there last waits for a disk."""
    steal: int
    """Had something to do, and the host of this virtual machine ran something else."""

    @property
    def busy(self) -> int:
        """At work for anything on this machine."""
        return self.total - self.idle - self.iowait - self.steal

    def since(self, before: "CoreTimes") -> "CoreTimes":
        """What was spent since an earlier look; a counter that the kernel takes back a little (iowait) stood still."""
        idle, iowait, steal = (max(0, now - then) for now, then in zip(self[1:], before[1:], strict=True))
        return CoreTimes(max(self.total - before.total, idle + iowait + steal), idle, iowait, steal)


def core_times() -> dict[int, CoreTimes]:
    """The cores that are switched on. Raises OSError."""
    return parse_cpu_times(_STAT.read_bytes())


def parse_cpu_times(text: bytes) -> dict[int, CoreTimes]:
    """The lines `cpu0`, `cpu1` and so on of the file, by number; older kernels count less."""
    times = {}
    for core, columns in _ROW.findall(text):
        ticks = ([int(column) for column in columns.split()] + [0] * _COUNTED)[:_COUNTED]
        times[int(core)] = CoreTimes(sum(ticks), ticks[3], ticks[4], ticks[7])
    return times
