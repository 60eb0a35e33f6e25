"""How fast `replay audit` goes through what a collector wrote; beside programs that only count its lines."""

import subprocess
import time
from collections.abc import Callable
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Final

from captures.format.reader import open_capture
from captures.format.tags import BLANK, tag_text
from replay.rewrite.tags import new_run
from tools.benchmarks.figures import Figure, in_turns
from tools.benchmarks.programs import PATIENCE_S, capture_of
from tools.command_line import command

LINES: Final = 1_000_000
_PORTS: Final = range(5514, 5554)


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Lines per second, the start of each program included, and without it: from a file twice as long."""
    once, twice = (_collected(folder, lines) for lines in (LINES, 2 * LINES))
    programs: dict[str, tuple[object, ...]] = {
        "replay audit": (*command("replay", "audit"),),
        "grep -c stampede=": ("grep", "-c", "stampede="),
        "wc -l": ("wc", "-l"),
    }
    ways: dict[str, Callable[[], float]] = {}
    for name, program in programs.items():
        ways[name] = partial(_rate, program, once)
        ways[f"{name}, without its start"] = partial(_rate, program, twice, once)
    return in_turns("audit", ways, rounds)


def _collected(folder: Path, lines: int) -> Path:
    """A file of that many tagged events of `system`, to 40 ports in turn, a line each; in the page cache."""
    blank, run, path = BLANK.encode(), new_run(), folder / f"collected-{lines}.log"
    capture = open_capture(capture_of(folder, "1M", "system", "--tagged"))
    endless = chain.from_iterable(capture.lines() for _ in count())
    with path.open("wb") as file:
        for written, line in zip(range(lines), endless, strict=False):
            number, port = divmod(written, len(_PORTS))
            file.write(line.replace(blank, tag_text(run, _PORTS[port], number)) + b"\n")
    return path


def _rate(program: tuple[object, ...], file: Path, less: Path | None = None) -> float:
    """Lines per second of a file; of what it has more than `less`, where that is given."""
    seconds = _seconds(*program, file) - (_seconds(*program, less) if less else 0.0)
    return LINES / max(seconds, 1e-9)


def _seconds(*command: object) -> float:
    began = time.perf_counter()
    subprocess.run([*map(str, command)], capture_output=True, timeout=PATIENCE_S, check=True)
    return time.perf_counter() - began
