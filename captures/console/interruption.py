"""What SIGINT, SIGTERM and SIGHUP do to a command, from its first import to its end: all three ask it to end.

While a command is still being loaded, they end it at once. From then on the first one raises KeyboardInterrupt, which
`captures.console.command.run` turns into a line and an exit code; those that follow do nothing, so that no clean-up
is cut short. Where something must be finished first, like a report, they are `held`: only noted. A signal that was
ignored when the program started (nohup(1), a shell's background) stays ignored, except where it is held.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED: Final = 130
"""The exit code, as `captures.console.errors.ExitCode` has it, which would have to be loaded first."""

Handler = Callable[[int, FrameType | None], object]


def leave_at_once(name: str) -> None:
    """From here on a signal ends the program called `name`, by one line and no traceback: nothing was begun yet."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        line = f"{name}: interrupted\n".encode()
        try:
            os.write(2, line)
        finally:
            os._exit(INTERRUPTED)

    _install(leave)


class _Once:
    """Raises KeyboardInterrupt for the first signal alone."""

    raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        if not self.raised:
            self.raised = True
            raise KeyboardInterrupt

    def again(self, ignored: "sys.UnraisableHookArgs") -> None:
        """A hook for sys.unraisablehook: an interrupt that Python dropped, since it met a finaliser, was none."""
        if ignored.exc_type is KeyboardInterrupt:
            self.raised = False
        else:
            sys.__unraisablehook__(ignored)


_once: Final = _Once()


def take() -> None:
    """From here on the first signal raises KeyboardInterrupt, and those that follow do nothing."""
    sys.unraisablehook = _once.again
    _install(_once)


def ignore() -> None:
    """From here on signals do nothing, not even while the interpreter ends: the exit code is settled."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class Noted:
    """The signals that came while they were held."""

    def __init__(self) -> None:
        """None yet."""
        self.names: list[str] = []

    @property
    def first(self) -> str | None:
        """The name of the first of them, like SIGINT; None: there was none."""
        return self.names[0] if self.names else None

    @property
    def urgent(self) -> bool:
        """Whether somebody has asked a second time."""
        return len(self.names) > 1

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        """Handle a signal."""
        self.names.append(signal.Signals(number).name)


@contextmanager
def held() -> Iterator[Noted]:
    """Signals are noted while this is entered, and do nothing else.

    SIGINT is noted though it was ignored: a sink or a run in a shell's background ends by it, with its report.
    """
    noted = Noted()
    with _handled(noted.note, even_ignored=(signal.SIGINT,)):
        yield noted


@contextmanager
def waiting() -> Iterator[None]:
    """While this is entered a signal raises KeyboardInterrupt, though it is held around: the wait may have no end."""
    with _handled(_once):
        yield


@contextmanager
def blocked() -> Iterator[None]:
    """Signals wait until this is left (pthread_sigmask(3)); processes forked meanwhile never get them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _install(handler: Handler, even_ignored: tuple[int, ...] = ()) -> dict[int, Any]:
    """Have `handler` called, unless a signal is ignored; returns the handlers before."""
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    taken = {number: old for number, old in before.items() if old is not signal.SIG_IGN or number in even_ignored}
    for number in taken:
        signal.signal(number, handler)
    return taken


@contextmanager
def _handled(handler: Handler, even_ignored: tuple[int, ...] = ()) -> Iterator[None]:
    before = _install(handler, even_ignored)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
