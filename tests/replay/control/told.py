"""A run that has not begun, and what it is told."""

import socket
from fractions import Fraction
from pathlib import Path

from captures.format.reader import open_capture
from replay.control.commands import Controls
from replay.control.run_socket import ControlSocket
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import plan_run
from replay.plan.workers import plan_workers
from replay.rewrite.stamps_at_sending import Stamp
from replay.supervision.supervisor import Supervisor
from tests.captures.content import tiny, write


class Told:
    """Controls of a run that has not begun, and what they said."""

    def __init__(self, folder: Path, pace: Pace, listener: ControlSocket | None) -> None:
        write(folder / "tiny.rcap", tiny())
        capture = open_capture(folder / "tiny.rcap")
        plan = plan_run(
            capture,
            target=Target(socket.AF_INET, "127.0.0.1"),
            ports=[20514, 20515],
            pace=pace,
            extent=Extent(loops=1000),
            train_max=128,
            segments=1,
            stamp=Stamp.KEEP,
            workers=plan_workers(2, 2, [0]),
        )
        self.supervisor, self.said, self.rate_file = Supervisor(capture, plan), list[str](), folder / "rate"
        self.controls = Controls(self.supervisor, listener, self.rate_file, 5_000_000, self.said.append)

    def factor(self) -> Fraction:
        held = self.supervisor.board.time_scale()
        assert held is not None
        return held[1].factor
