"""By which method does a worker hand events to the kernel? Through which backend, in which trains, how many a call."""

from dataclasses import dataclass
from typing import Final

from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import TRAINS
from replay.machine.situation import Checked

BACKENDS: Final = ("udp", "packet")


@dataclass(frozen=True)
class SendMethod(Checked):
    """A method of sending. Raises ValueError for a method that does not exist."""

    backend: str = "udp"
    """One of BACKENDS."""
    gso: bool = True
    train_max: int = MAX_TRAIN_EVENTS
    """The most events of one train."""
    batch_trains: int = TRAINS
    """The most trains of one system call."""

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise ValueError(f"backend is {self.backend!r}, and there are {', '.join(BACKENDS)}")
        for name, most in (("train_max", MAX_TRAIN_EVENTS), ("batch_trains", TRAINS)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}, and 1 to {most} are possible")

    def __str__(self) -> str:
        """The method in words."""
        gso = "GSO" if self.gso else "no GSO"
        return f"{self.backend}, {gso}, trains of {self.train_max}, {self.batch_trains} a call"
