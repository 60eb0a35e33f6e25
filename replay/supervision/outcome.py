"""How did a run go? What its supervisor noted, beside the counts on the board."""

from dataclasses import dataclass, field

from replay.board.layout import Board
from replay.machine.strain import Strain
from replay.schedule.demand import Demand
from replay.supervision.health import Recovery
from replay.supervision.offered_load import Offered


@dataclass
class Outcome:
    """How a run went. The counts are on the board."""

    board: Board
    demand: Demand
    offered: Offered
    cores: list[int]
    """The core of each worker."""
    started_wall_ns: int = 0
    interrupted_by: str | None = None
    """The signal that ended the run early."""
    settling_cut_by: str | None = None
    """The signal that came after all workers had ended, while the run waited for the sink to get the last events."""
    stopped_by: str | None = None
    """The command that ended the run; such a run is judged by the events that were due until then."""
    aborted: str | None = None
    """Why the run was stopped though nobody asked for that: it could not pass any more."""
    failures: list[str] = field(default_factory=list)
    """A line for each worker that failed for good."""
    recoveries: list[Recovery] = field(default_factory=list)
    nic: dict[str, int] | None = None
    """The network card's counts during the run (`replay.linux.network.links`); None: no card, or it is gone."""
    strain: Strain | None = None
    """How much time and disk the machine gave to the run; None: the run has not begun."""
    memory_bytes_peak: int | None = None
    """The most memory that all workers held together, without file mappings; None: it was not measured."""

    @property
    def start_ns(self) -> int:
        """When the run started, by the monotonic clock; 0: it has not started."""
        return int(self.board.control["start_ns"][0])
