"""What the machine gave a run: how its workers' cores spent their time, and what the workers read off the disk.

Looked at by the supervisor: two small reads a second (/proc/stat, getrusage(2)), whatever the run's rate.
"""

import resource
from collections.abc import Callable, Sequence
from typing import Any, Final

from replay.linux.cpu_times import CoreTimes, core_times

_BLOCK_BYTES: Final = 512
"""ru_inblock counts in these (include/linux/task_io_accounting_ops.h)."""


class Strain:
    """The time of some cores, from a run's start to its end."""

    def __init__(self, read_times: Callable[[], dict[int, CoreTimes]] = core_times) -> None:
        """Look at nothing yet."""
        self._read_times = read_times
        self._first: dict[int, CoreTimes] | None = None
        self._latest: dict[int, CoreTimes] = {}
        self._steal_percent_max: dict[int, float] = {}
        self._usage_before = resource.getrusage(resource.RUSAGE_CHILDREN)

    def look(self) -> None:
        """Take a look, about once a second; the first one is the start."""
        try:
            now = self._read_times()
        except OSError:  # a sandbox may hide it
            return
        if self._first is None:
            self._first = now
        for core, times in now.items():
            spent = times.since(self._latest.get(core, times))
            stolen = _percent(spent.steal, spent.total)
            self._steal_percent_max[core] = max(self._steal_percent_max.get(core, 0.0), stolen)
        self._latest = now

    def figures(self, cores: Sequence[int]) -> dict[str, Any]:
        """For the report, of the workers' `cores`, once all workers were waited for."""
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
