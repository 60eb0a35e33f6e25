"""What did the machine give a run? How the workers' cores spent their time, and how much the workers read from disk.

The supervisor looks at it by two small reads a second (/proc/stat, getrusage(2)), whatever the run's rate.
"""

import resource
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

from replay.linux.cpu_times import CoreTimes, core_times

STOLEN_PERCENT: Final = 0.5
"""So much of a core's second is 5% of an interval of 100 ms, which can make it short."""
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
        self._stolen_seconds = self._short_stolen = self._short = 0
        self._stolen = (False, False)
        """Whether the host took time from a worker's core before the look before the latest one, and since."""
        self._usage_before = resource.getrusage(resource.RUSAGE_CHILDREN)

    def look(self, cores: Collection[int] = (), short: int = 0) -> None:
        """Read the times, about once a second; the first look marks the start of the run.

        `cores` are those of the workers now; `short` intervals had by now less than 95% of what was due.
        """
        try:
            now = self._read_times()
        except OSError:  # a sandbox may hide /proc/stat
            return
        if self._first is None:
            self._first = now
        stolen_percent = 0.0
        for core, times in now.items():
            spent = times.since(self._latest.get(core, times))
            stolen = _percent(spent.steal, spent.total)
            self._steal_percent_max[core] = max(self._steal_percent_max.get(core, 0.0), stolen)
            stolen_percent = max(stolen_percent, stolen if core in cores else 0.0)
        self._latest = now
        self._stolen = (self._stolen[1], stolen_percent >= STOLEN_PERCENT)
        self._stolen_seconds += self._stolen[1]
        self._explain(short)

    def _explain(self, short: int) -> None:
        """Intervals that were short since the last look fell into this second, or were counted a little later."""
        self._short_stolen += (short - self._short) * any(self._stolen)
        self._short = short

    def figures(self, cores: Sequence[int], short: int = 0) -> dict[str, Any]:
        """The figures for the report, of the workers' `cores`. Call this when all workers have been waited for."""
        self._explain(short)
        seen = self._first is not None
        usage, before = resource.getrusage(resource.RUSAGE_CHILDREN), self._usage_before
        return {
            "cores": [self._core(core) for core in sorted(set(cores)) if core in (self._first or {})],
            "stolen_seconds": self._stolen_seconds if seen else None,
            "short_intervals_stolen": self._short_stolen if seen else None,
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
