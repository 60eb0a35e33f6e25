"""The cores that workers are pinned to; `0,2-3` as people write them."""

import os
import re
from collections.abc import Sequence
from typing import Final

from captures.console.command import Parsed
from captures.console.errors import InputError

_EXAMPLE: Final = "0,2-3"
_ITEM: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_cpus(text: str) -> tuple[int, ...]:
    """The cores of `text`, in the order given. Raises ValueError with a line that gives an example."""
    cpus: list[int] = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a list of cores; write it like {_EXAMPLE}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{item.strip()!r} runs backwards; write the lower core first, like {_EXAMPLE}")
        cpus += range(first, last + 1)
    return tuple(cpus)


CPUS: Final = Parsed("cores", parse_cpus)
"""The type of a `--cpus` flag."""


def usable_cpus(asked: Sequence[int] | None) -> tuple[int, ...]:
    """The cores `asked` for, or all in this process's affinity (sched_getaffinity(2)), lowest first.

    Cores that are kept free of other programs (isolcpus) are in nobody's affinity, and may be asked for. Raises
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
    """Whether the kernel lets this process run on a core, which is tried."""
    if cpu in allowed:
        return True
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError, OverflowError):
        return False
    os.sched_setaffinity(0, allowed)
    return True
