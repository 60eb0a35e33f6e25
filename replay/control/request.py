"""How a run may be told things while it goes on, and how fast it may be told to go."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ControlRequest:
    """Where a run listens, and what it refuses."""

    path: Path | None = None
    """Of the socket; None: the usual one."""
    rate_file: Path | None = None
    """The file that says the rate to go on at when SIGUSR1 comes."""
    limit_eps: int = 5_000_000
    """No higher rate is taken, at the start or later."""
