"""How fast captures are rendered, digested, written and synced."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from precompute.build import build_capture
from precompute.loading import load_profile
from tools.benchmarks.figures import Figure, in_turns

EVENTS: Final = 8_000_000
MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a tmpfs on every Debian, and nothing but memory is wanted


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Builds of the `system` profile, to memory (tmpfs), which shows the rendering, and to `folder`."""

    def way(where: Path, jobs: int) -> Callable[[], float]:
        return lambda: _built_eps(where / f"{folder.name}.rcap", jobs)

    ways = {
        "to memory, one job": way(MEMORY, 1),
        "to memory, two jobs": way(MEMORY, 2),
        "to disk, one job": way(folder, 1),
    }
    return in_turns("build", ways, rounds)


def _built_eps(path: Path, jobs: int) -> float:
    profile = load_profile("system")
    began = time.perf_counter()
    try:
        build_capture(
            path,
            profile,
            events=EVENTS,
            size=None,
            seed=1,
            train=128,
            jobs=jobs,
            force=True,
            progress=lambda _rendered, _total: None,
        )
        return EVENTS / (time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)
