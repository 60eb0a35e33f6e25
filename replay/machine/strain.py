"""What did the machine give a run? How the workers' cores spent their time, and how much the workers read from disk.

The supervisor looks at it by two small reads a second (/proc/stat, getrusage(2)), whatever the run's rate.
"""

import resource
from collections.abc import Callable, Sequence
from typing import Any, Final

from replay.linux.cpu_times import CoreTimes, core_times

_BLOCK_BYTES: Final = 512
"""The unit of ru_inblock (include/linux/task_io_accounting_ops.h)."""


class Strain:
    """How the cores spent their time, from the start of a run to its end."""

    def __init__(self, read_times: Callable[[], dict[int, CoreTimes]] = core_times) -> None:
        """Prepare to look; the first `look` reads the times."""
        self._read_times = read_times
        self._first: dict[int, CoreTimes] | None = None
        self._latest: dict[int, CoreTimes] = {}
        self._steal_percent_max: dict[int, float] = {}
        self._usage_before = resource.getrusage(resource.RUSAGE_CHILDREN)

    def look(self) -> None:
        """Read the times, about once a second; the first look marks the start of the run."""
        try:
            now = self._read_times()
        except OSError:  # a sandbox may hide /proc/stat
            return
        if self._first is None:
            self._first = now
        for core, times in now.items():
            spent = times.since(self._latest.get(core, times))
            stolen = _percent(spent.steal, spent.total)
            self._steal_percent_max[core] = max(self._steal_percent_max.get(core, 0.0), stolen)
        self._latest = now

    def figures(self, cores: Sequence[int]) -> dict[str, Any]:
        """The figures for the report, of the workers' `cores`. Call this when all workers have been waited for."""
        usage, before = resource.getrusage(resource.RUSAGE_CHILDREN), self._usage_before
        return {
            "cores": [self._core(core) for core in sorted(set(cores)) if core in (self._first or {})],
            "major_faults": usage.ru_majflt - before.ru_majflt,
            "read_bytes": (usage.ru_inblock - before.ru_inblock) * _BLOCK_BYTES,
        }

    def _core(self, core: int) -> dict[str, Any]:
        assert self._first is not None
        latest = self._latest.get(core, self._first[core])
        spent = latest.since(self._first[core])
        return {
            "core": core,
            "busy_percent": _percent(spent.busy, spent.total),
            "steal_percent": _percent(spent.steal, spent.total),
            "steal_percent_max": self._steal_percent_max[core],
            "iowait_percent": _percent(spent.iowait, spent.total),
        }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
