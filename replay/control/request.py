"""What the user says about the control of a run: where it takes commands, and the highest rate that it takes."""

from dataclasses import dataclass
from pathlib import Path

from replay.request_checks import check_path, check_whole


@dataclass(frozen=True)
class ControlRequest:
    """Where a run takes commands, and what it refuses."""

    path: Path | None = None
    """The path of the control socket; None: the usual path."""
    rate_file: Path | None = None
    """The file with the new rate, which the run reads on SIGUSR1."""
    limit_eps: int = 5_000_000
    """The highest rate that the run takes, at the start or later."""

    def check(self) -> None:
        """Refuse what is no path and no rate. Raises InputError."""
        check_path("--control", self.path)
        check_path("--rate-file", self.rate_file)
        check_whole("--eps-limit", self.limit_eps)
