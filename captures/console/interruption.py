"""What SIGINT, SIGTERM and SIGHUP do to a command, from its first import to its end: all three ask it to end.

While a command is still being loaded, they end it at once. From then on the first one raises KeyboardInterrupt, which
`captures.console.command.run` turns into a line and an exit code; those that follow do nothing, so that no clean-up
is cut short. Where something must be finished first, like a report, they are `held`: only noted. A signal that was
ignored when the program started (nohup(1), a shell's background) stays ignored, except where it is held.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED: Final = 130
"""The exit code, as `captures.console.errors.ExitCode` has it, which would have to be loaded first."""

Handler = Callable[[int, FrameType | None], object]


def may_handle() -> bool:
    """Whether this thread may say what signals do: only a program's main thread, in which Python handles them, may.

    In any other thread signals are left to the program that started the thread.
    """
    return threading.current_thread() is threading.main_thread()


def leave_at_once(name: str) -> None:
    """Let a signal end the program called `name` with one line and no traceback, since nothing was begun yet."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        line = f"{name}: interrupted\n".encode()
        try:
            os.write(2, line)
        finally:
            os._exit(INTERRUPTED)

    _install(leave)


class _Once:
    """Handles signals: the first one raises KeyboardInterrupt, and later ones do nothing."""

    raised = False

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        if not self.raised:
            self.raised = True
            raise KeyboardInterrupt

    def again(self, ignored: "sys.UnraisableHookArgs") -> None:
        """Take back an interrupt that Python dropped since it fell into a finaliser; a hook for sys.unraisablehook."""
        if ignored.exc_type is KeyboardInterrupt:
            self.raised = False
        else:
            sys.__unraisablehook__(ignored)


_once: Final = _Once()


def take() -> None:
    """Let the first signal raise KeyboardInterrupt from now on, and let later ones do nothing."""
    sys.unraisablehook = _once.again
    _install(_once)


def ignore() -> None:
    """Let signals do nothing from now on, even while the interpreter ends, since the exit code is settled."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class Noted:
    """Notes the signals that come while they are held."""

    def __init__(self) -> None:
        """Begin without a signal."""
        self.names: list[str] = []

    @property
    def first(self) -> str | None:
        """The name of the first signal, like SIGINT; None if none came."""
        return self.names[0] if self.names else None

    @property
    def urgent(self) -> bool:
        """Whether a second signal came, by which somebody insists."""
        return len(self.names) > 1

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        """Handle a signal."""
        self.names.append(signal.Signals(number).name)


@contextmanager
def held(even_ignored: tuple[int, ...] = (signal.SIGINT,)) -> Iterator[Noted]:
    """Note signals while the `with` block runs; they do nothing else.

    SIGINT is noted though it was ignored: a sink or a run in a shell's background ends by it, with its report.
    """
    noted = Noted()
    with _handled(noted.note, even_ignored):
        yield noted


@contextmanager
def waiting(noted: Noted | None = None) -> Iterator[None]:
    """Let a signal raise KeyboardInterrupt in this block, though an outer one holds signals: it may wait forever.

    One that the outer block has `noted` raises it at once. So a process that is started in between is never lost.
    """
    with _handled(_once):
        if noted is not None and noted.first:
            raise KeyboardInterrupt
        yield


@contextmanager
def blocked() -> Iterator[None]:
    """Block signals until this block is left (pthread_sigmask(3)). Processes forked in it never get them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _install(handler: Handler, even_ignored: tuple[int, ...] = ()) -> dict[int, Any]:
    """Have `handler` called, unless a signal is ignored; returns the handlers before. Only the main thread can."""
    if not may_handle():
        return {}
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
