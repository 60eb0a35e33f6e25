"""How fast packets and lines become captures, and captures packets, beside tcpdump and editcap on the same file.

Whole commands are measured, with their start, each in turn on the same file in memory: events a second of the wall
clock. The notes say the CPU time, which is over all threads, events a second of it, and the most memory.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from shutil import which
from statistics import median
from typing import Final

from tools.benchmarks.builds import memory
from tools.benchmarks.figures import Figure, Missing, in_turns
from tools.benchmarks.programs import capture_of
from tools.command_line import command

EVENTS: Final = 4_000_000
IMPORT, TCPDUMP, EDITCAP = "import", "tcpdump -r IN -w OUT", "editcap IN OUT"
_HELD_KIB: Final = 1024
"""ru_maxrss counts KiB (getrusage(2))."""


class _Measured:
    """A command that is run once a round."""

    def __init__(self, *line: object) -> None:
        self._line = [*map(str, line)]
        self.cpu_s, self.held_mib = list[float](), list[float]()

    def __call__(self) -> float:
        """Run it; returns events a second. Raises Missing where it is not installed or fails."""
        if which(self._line[0]) is None:
            raise Missing(f"{self._line[0]} is not installed")
        began = time.perf_counter()
        with subprocess.Popen(self._line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        took_s = time.perf_counter() - began
        if process.returncode:
            raise Missing(f"it ended with exit code {process.returncode}")
        self.cpu_s.append(used.ru_utime + used.ru_stime)
        self.held_mib.append(used.ru_maxrss / _HELD_KIB)
        return EVENTS / took_s

    def notes(self) -> dict[str, float]:
        """Medians over all rounds."""
        cpu_s = median(self.cpu_s)
        return {
            "cpu_s": round(cpu_s, 2),
            "events_per_cpu_s": round(EVENTS / cpu_s),
            "rss_mib": round(max(self.held_mib), 1),
        }


def measure(folder: Path, rounds: int) -> list[Figure]:
    """Import and export of packets and of lines, and the two programs."""
    with memory(folder) as tmpfs:
        built = capture_of(tmpfs, str(EVENTS))
        pcap, lines, out = tmpfs / "in.pcap", tmpfs / "in.log", tmpfs / "out"
        _run("captures", "export", built, "-o", pcap, "--eps", "100k")
        _run("captures", "export", built, "-o", lines, "--lines")
        imported = tmpfs / "imported.rcap"
        _run("captures", "import", pcap, "-o", imported)
        built.unlink()
        ways = {
            IMPORT: _Measured(*command("captures", "import", pcap, "--force", "-o", out.with_suffix(".rcap"))),
            TCPDUMP: _Measured("tcpdump", "-r", pcap, "-w", out.with_suffix(".tcpdump"), "-Z", "root"),
            EDITCAP: _Measured("editcap", pcap, out.with_suffix(".editcap")),
            "export": _Measured(*command("captures", "export", imported, "--force", "-o", out.with_suffix(".pcap"))),
            "import of lines": _Measured(
                *command("captures", "import", lines, "--lines", "--force", "-o", out.with_suffix(".rcap"))
            ),
        }
        figures = in_turns("imports", {name: _alone(way, tmpfs) for name, way in ways.items()}, rounds)
    for figure in figures:
        if figure.rates_eps:
            figure.notes |= ways[figure.name].notes()
    return figures


def _alone(way: _Measured, tmpfs: Path) -> Callable[[], float]:
    """A way whose output is removed again, so that none finds memory that another one has left."""

    def measured() -> float:
        try:
            return way()
        finally:
            for left in tmpfs.glob("out.*"):
                left.unlink()

    return measured


def _run(name: str, *arguments: object) -> None:
    subprocess.run(command(name, *arguments), capture_output=True, check=True)
