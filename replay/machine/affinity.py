"""Which cores may this process use? The user's choice is checked against what the kernel allows."""

import os
from collections.abc import Sequence

from captures.console.errors import InputError


def usable_cpus(asked: Sequence[int] | None) -> tuple[int, ...]:
    """The cores `asked` for, or all in this process's affinity (sched_getaffinity(2)), lowest first.

    Cores that are kept free of other programs (isolcpus) are in no process's affinity, but may be asked for. Raises
    InputError when one may not be used.
    """
    allowed = os.sched_getaffinity(0)
    if asked is None:
        return tuple(sorted(allowed))
    for cpu in asked:
        if not _may_run_on(cpu, allowed):
            usable = ", ".join(map(str, sorted(allowed)))
            raise InputError(f"--cpus: core {cpu} is not there or not allowed; this process may use {usable}")
    return tuple(asked)


def _may_run_on(cpu: int, allowed: set[int]) -> bool:
    """Whether the kernel lets this process run on a core. This tries it."""
    if cpu in allowed:
        return True
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError, OverflowError):
        return False
    os.sched_setaffinity(0, allowed)
    return True
