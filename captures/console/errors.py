"""The errors that end a command, sorted by who can mend them. The commands turn each into one line and an exit code."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of all commands."""

    MET = 0
    MISSED = 1
    USAGE = 2
    PREFLIGHT = 3
    FAILED = 4
    INTERRUPTED = 130


class StampedeError(Exception):
    """A failure that ends a command. The message is one line: what, where, and what to do."""

    exit_code = ExitCode.FAILED


class InputError(StampedeError):
    """The user gave something that can't be used: a flag, a profile, a file."""

    exit_code = ExitCode.USAGE


class CaptureError(InputError):
    """A file is not a sound capture."""


class DamagedError(CaptureError):
    """A file is a capture whose bytes are not those that were built. No command can use it; `verify` reports it."""

    def __init__(self, message: str, damage: str = "") -> None:
        """Say the line for people, and the damage alone: what is damaged, without the file and what to do."""
        super().__init__(message)
        self.damage = damage


class DifferenceError(StampedeError):
    """Two things that should be alike are not: the command did what it was asked to, as cmp(1) does."""

    exit_code = ExitCode.MISSED


class PreflightError(StampedeError):
    """The machine or its network can't do what is asked, and nothing was started."""

    exit_code = ExitCode.PREFLIGHT


class RunError(StampedeError):
    """Something failed while a command was at work."""

    exit_code = ExitCode.FAILED
