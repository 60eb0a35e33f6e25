"""Standard error for a process that must not wait: what nobody takes at once is left out.

A terminal that was stopped (Ctrl-S), a pipe that nobody reads, a socket of a busy log daemon: a write to any of them
waits for as long as it takes, and with it whoever steers a run. O_NONBLOCK belongs to an open file description, which
we share with the shell and others, so theirs is left alone: the same terminal or pipe is opened once more, for us.
poll(2) alone would not do: it says that there is room, not that there is room enough. A process of its own, that may
wait, would do as well, but it would have to be fed, watched and ended.
"""

import io
import os
import socket
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_FLAGS: Final = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Stderr(io.TextIOBase):
    """A text stream to standard error, no call of which waits. Where it can't be written to so, it says nothing."""

    encoding = "utf-8"

    def __init__(self) -> None:
        """Open it anew."""
        self._fd = -1
        self._write: Callable[[bytes], int] = len
        with suppress(OSError, ValueError, AttributeError):  # it is closed, or not ours to open
            self._open(sys.stderr.fileno())

    def _open(self, fd: int) -> None:
        mode = os.fstat(fd).st_mode
        if stat.S_ISSOCK(mode):
            connection = socket.socket(fileno=os.dup(fd))
            self._write = lambda text: connection.send(text, socket.MSG_DONTWAIT)
            return
        # A file on a disk makes nobody wait for a reader. If it were opened anew, it would be written from its start.
        anew = stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)
        self._fd = os.open(f"/proc/self/fd/{fd}", _FLAGS) if anew else os.dup(fd)
        self._write = lambda text: os.write(self._fd, text)

    def isatty(self) -> bool:
        """Whether a terminal shows it."""
        return self._fd >= 0 and os.isatty(self._fd)

    def fileno(self) -> int:
        """The descriptor to ask how wide the terminal is. Raises OSError when there is none."""
        if self._fd < 0:
            raise OSError("no file of standard error")
        return self._fd

    def write(self, text: str) -> int:
        """Write what is taken at once; the rest is left out."""
        with suppress(OSError):
            self._write(text.encode(errors="replace"))
        return len(text)

    def close(self) -> None:
        """Close what was opened."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._write = len
        super().close()
