"""The most that one core can send here: a C program that sends the capture's trains and does nothing else.

It is compiled where there is a compiler. `copied` is the fair ceiling of a sender that writes stamps: it copies each
train to a staging buffer first; without that the kernel reads each train from where it lies, cold in the cache.
"""

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

from captures.format.reader import open_capture
from tools.benchmarks.figures import Missing
from tools.benchmarks.programs import PATIENCE_S, inside, output_of
from tools.lab import V4, Lab

SOURCE: Final = Path(__file__).with_name("ceiling.c")
TRAINS: Final = 4000
"""Trains that are sent over and over: more bytes than a cache holds."""
BATCH: Final = 32
"""Trains of one system call, as `replay run` has them."""


def ceilings(lab: Lab, capture: Path, folder: Path, seconds: int, core: str) -> dict[str, Callable[[], float]]:
    """Ways to measure the ceilings, by name; without a compiler they raise Missing."""
    trains, program = written_trains(capture, folder / "trains"), folder / "ceiling"

    def rate_eps(*how: str) -> float:
        line = ("taskset", "-c", core, compiled(program), trains, V4, "5514", "40", seconds, BATCH, *how)
        return sent_eps(inside(lab.sender, *line), seconds)

    return {
        "ceiling in C, GSO": partial(rate_eps, "gso", "copy"),
        "ceiling in C, GSO, not copied": partial(rate_eps, "gso", "place"),
        "ceiling in C, no GSO": partial(rate_eps, "single", "copy"),
        "ceiling in C, no GSO, not copied": partial(rate_eps, "single", "place"),
    }


def written_trains(capture: Path, path: Path) -> Path:
    """The first trains of a capture as the program reads them."""
    opened = open_capture(capture)
    with path.open("wb") as file:
        for train in islice(opened.trains, TRAINS):
            first, length = int(train["offset"]), int(train["length"])
            size = int(train["count"]) * length
            file.write(struct.pack("=II", length, size) + opened.payload[first : first + size].tobytes())
    return path


def compiled(program: Path) -> Path:
    """The program, compiled the first time. Raises Missing."""
    if not program.exists():
        if shutil.which("cc") is None:
            raise Missing("no C compiler")
        line = ("cc", "-O2", "-o", str(program), str(SOURCE))
        done = subprocess.run(line, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        if done.returncode:
            raise Missing(f"cc: {done.stderr.strip()[-200:]}")
    return program


def sent_eps(line: list[str], seconds: float) -> float:
    """Datagrams a second by what the program says. Raises Missing where it says something else."""
    said = output_of(line, seconds)
    try:
        told = json.loads(said)
    except json.JSONDecodeError:
        raise Missing(f"it said: {said.strip()[-200:]}") from None
    return float(told["datagrams"] / told["seconds"])
