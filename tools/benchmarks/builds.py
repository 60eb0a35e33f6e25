"""How fast captures are rendered, digested, written and synced."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from precompute.build import build_capture
from precompute.loading import load_profile
from precompute.recipe import Recipe
from tools.benchmarks.figures import Figure, in_turns

EVENTS: Final = 16_000_000
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a tmpfs on every Debian, and nothing but memory is wanted


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Builds to memory (tmpfs), which shows the rendering, and to `folder`; one job is pinned to one core.

    A virtual machine may have to ask its host for memory that it touches for the first time, which takes longer than
    all of the rendering: so one build, to memory, goes before those that count.
    """

    def way(where: Path, jobs: int, profile: str = "system") -> Callable[[], float]:
        return lambda: _built_eps(where / f"{folder.name}.rcap", profile, jobs)

    ways = {
        "to memory, one job": way(MEMORY, 1),
        "to memory, two jobs": way(MEMORY, 2),
        "to disk, one job": way(folder, 1),
        "to disk, two jobs": way(folder, 2),
        "rfc5424-services, to memory, one job": way(MEMORY, 1, "rfc5424-services"),
    }
    ways["to memory, two jobs"]()
    return in_turns("build", ways, rounds)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Pin this process to the last core that it may use."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _built_eps(path: Path, profile: str, jobs: int) -> float:
    recipe = Recipe(profile=load_profile(profile), seed=1, train=128, events=EVENTS)

    def build() -> float:
        began = time.perf_counter()
        build_capture(path, recipe, jobs=jobs, force=True, progress=lambda _rendered, _total: None)
        return EVENTS / (time.perf_counter() - began)

    try:
        if jobs > 1:
            return build()
        with on_one_core():
            return build()
    finally:
        path.unlink(missing_ok=True)
