"""Which commands a run obeys while it goes on: rate, speed, pause, resume, status, stop; by socket, file or signal."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any, Final, Self

from captures.console.errors import InputError
from captures.console.interruption import may_handle
from captures.console.units import parse_count, parse_speed
from replay.board.layout import State
from replay.board.snapshot import Snapshot, take_snapshot
from replay.clock import SECOND_NS, monotonic_ns
from replay.control.run_socket import ControlSocket
from replay.exchange.json_request import Answer
from replay.json_file import SCHEMA
from replay.ranges import format_ports
from replay.supervision.recent import RecentRates
from replay.supervision.supervisor import Supervisor

COMMANDS: Final = ("rate", "speed", "pause", "resume", "status", "stop")
_FINEST: Final = 1000
"""The largest denominator of a time scale along a time axis. All numbers computed from it fit 64 bits."""


class Controls:
    """Carries out the commands for a supervisor. Call `poll` regularly, within a `with` block.

    While the block runs, SIGUSR1 has the rate file read, if this is the main thread, where signals are handled.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        listener: ControlSocket | None,
        rate_file: Path | None,
        limit_eps: int,
        say: Callable[[str], None],
    ) -> None:
        """Refuse rates above `limit_eps`. SIGUSR1 is for `rate_file`: `say` what came of reading it.

        Without a `listener` no commands come by a socket.
        """
        self._supervisor, self._listener, self._say = supervisor, listener, say
        self._recent = RecentRates(supervisor)
        self._rate_file, self._limit_eps = rate_file, limit_eps
        self._factor = Fraction(1)
        """The factor of the time scale; during a pause, the factor with which to resume."""
        self._paused = self._signalled = False

    def __enter__(self) -> Self:
        """Handle SIGUSR1."""
        if may_handle():
            self._handler_before = signal.signal(signal.SIGUSR1, self._note)
        return self

    def __exit__(self, *_raised: object) -> None:
        """Have SIGUSR1 handled as before."""
        if may_handle():
            signal.signal(signal.SIGUSR1, self._handler_before)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of a handler
        self._signalled = True

    def poll(self) -> None:
        """Carry out the commands that came since the last call."""
        self._recent.sample()
        if self._listener is not None:
            self._listener.poll(self.obey)
        if self._signalled:
            self._signalled = False
            try:
                self._say(self._read_rate_file())
            except InputError as error:
                self._say(f"SIGUSR1: {error}; the rate stays as it is")

    def _read_rate_file(self) -> str:
        if self._rate_file is None:
            raise InputError("there is no --rate-file to read")
        try:
            fd = os.open(self._rate_file, os.O_RDONLY | os.O_NONBLOCK)  # without waiting, even if it is a FIFO
            with closing(os.fdopen(fd, "rb", buffering=0)) as file:
                text = (file.read(100) or b"").decode().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self._rate_file}: {getattr(error, 'strerror', 'not a text')}") from None
        self.obey(["rate", text])
        return f"SIGUSR1: {self._rate_file} says {text} EPS, and so it is from now on"

    def obey(self, words: Sequence[str]) -> Answer:
        """Carry out a command, and return the state of the run after it. Raises InputError when it is refused."""
        command, *arguments = words
        if command not in COMMANDS:
            raise InputError(f"{command!r} is no command; there are {', '.join(COMMANDS)}")
        if len(arguments) != (command in ("rate", "speed")):
            raise InputError(f"{command} takes {'one value' if command in ('rate', 'speed') else 'nothing'}")
        factor, paused = self._factor, self._paused
        match command:
            case "rate":
                factor = self._rate_factor(arguments[0])
            case "speed":
                factor = self._speed_factor(arguments[0])
            case "pause" | "resume":
                paused = command == "pause"
            case "stop":
                self._supervisor.stop("replay ctl stop")
        if command not in ("status", "stop"):
            self._supervisor.change_time_scale(Fraction(0) if paused else factor)
        self._factor, self._paused = factor, paused
        return self.status()

    def _rate_factor(self, text: str) -> Fraction:
        """The factor of the time scale at which the run sends this many events a second."""
        plan = self._supervisor.plan
        try:
            rate_eps = parse_count(text)
        except ValueError as error:
            raise InputError(str(error)) from None
        if plan.pace.rate_eps is None:
            raise InputError(
                "the run follows the capture's time axis: say speed, like speed 2"
                if plan.pace.speed
                else "the run goes as fast as it can and has no rate; it can be paused"
            )
        peak_eps = rate_eps * (plan.schedule.peak_eps or 0) / plan.pace.rate_eps
        if rate_eps < 1 or peak_eps > self._limit_eps:
            raise InputError(f"rate {text}: 1 to {self._limit_eps:,} EPS are allowed; the limit is --eps-limit")
        return Fraction(rate_eps, plan.pace.rate_eps)

    def _speed_factor(self, text: str) -> Fraction:
        """The factor of the time scale at which the run goes at this multiple of the capture's own pace."""
        plan = self._supervisor.plan
        if not plan.pace.speed:
            raise InputError("the run does not follow the capture's time axis: say rate, like rate 2M")
        try:
            factor = (parse_speed(text) / plan.pace.speed).limit_denominator(_FINEST)
        except ValueError as error:
            raise InputError(str(error)) from None
        if not 0 < factor * Fraction(plan.schedule.peak_eps or 0) <= self._limit_eps:
            raise InputError(
                f"speed {text} asks for over {self._limit_eps:,} EPS in the busiest window, or for nothing; "
                "the limit is --eps-limit"
            )
        return factor

    def status(self) -> Answer:
        """The state of the run, from one snapshot of the board."""
        outcome = self._supervisor.outcome
        now = take_snapshot(self._supervisor.board, monotonic_ns())
        mean_eps = self._supervisor.plan.schedule.mean_eps
        elapsed_ns = max(0, now.at_ns - now.start_ns) if now.start_ns else 0
        ending = outcome.stopped_by or outcome.interrupted_by
        state = "stopping" if ending else "paused" if self._paused else "running"
        recent = self._recent.rates_eps(now)
        return {
            "schema": SCHEMA,
            "state": "waiting" if not now.start_ns and state == "running" else state,
            "target_eps": mean_eps and round(mean_eps * float(outcome.demand.time_scale.factor), 3),
            "elapsed_s": round(elapsed_ns / SECOND_NS, 3),
            "eps": round(sum(recent)),
            "sent_events": now.sent_events,
            "asked_events": outcome.demand.time_scale.total,
            "phase": self._phase(elapsed_ns),
            "recoveries": len(outcome.recoveries),
            "workers": [self._worker(index, eps, now) for index, eps in enumerate(recent)],
        }

    def _phase(self, elapsed_ns: int) -> str | None:
        """The phase of the scenario that goes on; None: there is none, or it has not begun, or all are over."""
        course = self._supervisor.plan.pace.course
        if course is None or not elapsed_ns:
            return None
        return course.phase_at(self._supervisor.outcome.demand.time_scale.schedule_ns(elapsed_ns))

    def _worker(self, index: int, eps: float, now: Snapshot) -> dict[str, Any]:
        supervisor = self._supervisor
        lanes = supervisor.plan.workers[index].lanes
        own = slice(lanes.start, lanes.stop)
        return {
            "id": index,
            "state": State(now.workers["state"][index]).name.lower(),
            "core": supervisor.outcome.cores[index],
            "ports": format_ports(supervisor.plan.ports[own]),
            "eps": round(eps),
            "sent_events": int(now.lanes["sent_events"][own].sum()),
            "errors": int(now.lanes["errors"][own].sum()),
        }
