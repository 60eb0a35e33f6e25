"""What fuzzers of files share: a run of cases, each drawn from its own seed, in bounded memory and time."""

import random
import resource
import time
from collections.abc import Callable
from pathlib import Path

CASE_MEMORY = 2 << 30
"""Address space that one case may take beside what the process has already."""
CASE_CPU_S = 120
"""Of one case: a hang ends, and is no question of a slow machine."""


def run_cases(case: Callable[[random.Random], None], seconds: float, seed: int) -> int:
    """Run `case` with one generator after the other for so many `seconds`; returns how many there were.

    The first case that raises anything ends it with an AssertionError that names its number, by which
    `case(random.Random(f"{seed}/{number}"))` is the same again.
    """
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    kept = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + CASE_MEMORY, kept[1]))
    until_s, number = time.monotonic() + seconds, 0
    try:
        while not number or time.monotonic() < until_s:
            began_s = time.process_time()
            try:
                case(random.Random(f"{seed}/{number}"))
            except BaseException as error:
                raise AssertionError(f"case {seed}/{number}: {error!r}") from error
            took_s = time.process_time() - began_s
            assert took_s < CASE_CPU_S, f"case {seed}/{number} took {took_s:.0f} s of a processor"
            number += 1
    finally:
        resource.setrlimit(resource.RLIMIT_AS, kept)
    return number
