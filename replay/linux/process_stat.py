"""What a process has used so far: /proc/PID/stat, proc_pid_stat(5). All its threads together; everybody may read it."""

import os
from pathlib import Path
from typing import Final, NamedTuple

_PROC: Final = Path("/proc")
TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")

# Places behind the command's name, which is the second field and may hold anything.
_UTIME, _STIME, _STARTTIME, _RSS = 11, 12, 19, 21


class ProcessStat(NamedTuple):
    """A process at one instant."""

    command: str
    """At most 15 bytes, as the program calls itself; what can't be printed is a question mark."""
    cpu_ticks: int
    """CPU time, user and system."""
    memory_bytes: int
    """Resident memory."""
    started_ticks: int
    """When it began, since the machine's start: tells it from a later one with its number."""


def process_stat(pid: int, root: Path = _PROC) -> ProcessStat | None:
    """The process of that number; None when there is none, or /proc hides it. Raises OSError."""
    try:
        return parse_process_stat((root / str(pid) / "stat").read_bytes())
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None


def parse_process_stat(text: bytes) -> ProcessStat:
    """The file's one line. Raises ValueError when it is none."""
    before, _, behind = text.rpartition(b")")
    _, _, name = before.partition(b"(")
    fields = behind.split()
    try:
        ticks = [int(fields[place]) for place in (_UTIME, _STIME, _STARTTIME, _RSS)]
    except IndexError:
        raise ValueError("not a line of /proc/PID/stat") from None
    shown = "".join(letter if letter.isprintable() else "?" for letter in name.decode(errors="replace"))
    return ProcessStat(shown, ticks[0] + ticks[1], ticks[3] * _PAGE_BYTES, ticks[2])
