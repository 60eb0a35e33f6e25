"""How fast captures are rendered, digested, written and synced."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from precompute.profile.loading import load_profile
from precompute.profile.recipe import Recipe
from precompute.rendering.build import build_capture
from tools.benchmarks.figures import Figure, in_turns

EVENTS: Final = {"system": 16_000_000, "rfc5424-services": 11_000_000}
"""As many bytes of each."""


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Builds to memory, which shows the rendering, and to `folder`; one job is pinned to one core.

    A virtual machine may have to ask its host for memory that it touches for the first time, which takes longer than
    all of the rendering: so two builds to memory go before those that count.
    """
    with memory(folder) as tmpfs:
        return _measure(tmpfs, folder, rounds)


@contextmanager
def memory(folder: Path) -> Iterator[Path]:
    """A tmpfs in `folder` for as long as this lasts, of huge pages: the kernel zeroes 2 MiB at once, not 4 KiB."""
    tmpfs = folder / "memory"
    tmpfs.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "huge=always", "stampede-bench", tmpfs], check=True)
    try:
        yield tmpfs
    finally:
        subprocess.run(["umount", tmpfs], check=True)
        tmpfs.rmdir()


def _measure(tmpfs: Path, folder: Path, rounds: int) -> list[Figure]:
    """All ways in turns."""

    def way(where: Path, jobs: int, profile: str = "system") -> Callable[[], float]:
        return lambda: _built_eps(where / "build.rcap", profile, jobs)

    ways = {
        "to memory, one job": way(tmpfs, 1),
        "to memory, two jobs": way(tmpfs, 2),
        "to disk, one job": way(folder, 1),
        "to disk, two jobs": way(folder, 2),
        "to memory, one job, rfc5424-services": way(tmpfs, 1, "rfc5424-services"),
    }
    for _ in range(2):
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
    events = EVENTS[profile]
    recipe = Recipe(profile=load_profile(profile), seed=1, train=128, events=events)

    def build() -> float:
        began = time.perf_counter()
        build_capture(path, recipe, jobs=jobs, force=True, progress=lambda _rendered, _total: None)
        return events / (time.perf_counter() - began)

    try:
        if jobs > 1:
            return build()
        with on_one_core():
            return build()
    finally:
        path.unlink(missing_ok=True)
