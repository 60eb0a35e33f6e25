"""How is a run that is under way told what to do? It is found and asked, and its answer is checked.

From Python, the only run of this user goes on at another rate by

    tell(Command("rate", "2M"))
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.console.errors import InputError, RunError
from captures.console.harmless import harmless
from replay.control.commands import COMMANDS
from replay.control.run_socket import ask, find_run
from replay.exchange.answers import RunStatus, run_status
from replay.exchange.json_request import Answer
from replay.request_checks import check_path, check_type

_SHOWN_CHARACTERS: Final = 500


@dataclass(frozen=True)
class Command:
    """What a run is told."""

    command: str
    """One of `COMMANDS`."""
    value: str | None = None
    """The new rate or speed, as people write it: 2M, or 10."""
    pid: int | None = None
    """The process id of the run; None: it is the only one under way."""
    control: Path | None = None
    """The socket of the run, if it was given one; None: it is found."""

    def check(self) -> None:
        """Refuse what no run understands. Raises InputError."""
        if self.command not in COMMANDS:
            raise InputError(f"{self.command!r} is no command; there are {', '.join(COMMANDS)}")
        check_type("VALUE", self.value, str, "'2M'")
        check_type("--pid", self.pid, int, "12345")
        check_path("--control", self.control)


@dataclass(frozen=True)
class RunAnswer:
    """How a run stands after a command."""

    status: RunStatus
    figures: Answer
    """All that the run said, ready for JSON; one of a later version may say more than `status` knows."""


def tell(command: Command) -> RunAnswer:
    """Give a command to a run, and return how it stands then.

    Raises InputError for a command that makes no sense or that the run refuses, PreflightError where there is no run,
    and RunError for an answer that makes no sense.
    """
    command.check()
    words = [command.command] if command.value is None else [command.command, command.value]
    said = ask(command.control or find_run(command.pid), words)
    if "error" in said:
        raise InputError(harmless(str(said["error"])[:_SHOWN_CHARACTERS]))
    try:
        return RunAnswer(run_status(said), said)
    except ValueError as error:
        raise RunError(f"the run does not answer as one of this version would: {error}") from None
