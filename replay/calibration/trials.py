"""How much can one worker send by each method? Trials send as fast as they can, on the path that a run would take.

A trial writes stamps, and tags where the capture has them, as a run does. The winner is tried again at a set rate,
since a run sends at a set rate, and keeping to a schedule costs a worker time too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from captures.console.errors import PreflightError
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.format.capture import Capture
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import TRAINS
from replay.calibration.winner import Trial, winner
from replay.linux.sockets.udp_send import max_segments
from replay.machine.affinity import usable_cpus
from replay.machine.survey import topology_of
from replay.path.choose import choose_path
from replay.path.request import BackendChoice, PathRequest
from replay.path.target import Target
from replay.plan.pace import Extent, Pace
from replay.plan.run_plan import plan_run
from replay.plan.send_method import BACKENDS, SendMethod
from replay.plan.workers import WorkerRequest, with_workers
from replay.report.run_report import run_report
from replay.rewrite.stamps_at_sending import Stamp
from replay.rewrite.tags import new_run
from replay.supervision.supervisor import Supervisor

TRAIN_LENGTHS: Final = (128, 64, 32, 16)
BATCHES: Final = (32, 16, 8, 4)
ROUNDS: Final = 3


class Trials:
    """The trials of one path to the target."""

    def __init__(
        self,
        capture: Capture,
        target: Target,
        ports: tuple[int, ...],
        path: PathRequest,
        time_ns: int,
        *,
        allow_public: bool,
    ) -> None:
        """`time_ns` is how long each trial sends."""
        self._allow_public = allow_public
        self._capture, self._target, self._ports, self._path = capture, target, ports, path
        self._time_ns = time_ns
        self._topology = topology_of(target, path.interface, usable_cpus(None))

    def all(self) -> list[Trial]:
        """Try the backends with GSO and without it, then train lengths with the best of these, then batch sizes."""
        trials = self._measured("backends", self._backends())
        for name, values in (("train_max", TRAIN_LENGTHS), ("batch_trains", BATCHES)):
            best = winner(trials)
            changes: list[dict[str, Any]] = [{name: value} for value in values]
            methods = [replace(best.method, **change) for change in changes]
            trials += self._measured(name, [method for method in methods if method != best.method])
        return trials

    def paced(self, best: Trial) -> Trial:
        """Try the method of `best` at the rate that it reached: what a worker sends then, it can send in a run."""
        (trial,) = self._measured("paced", [best.method], int(best.rate_eps))
        return trial

    def _backends(self) -> list[SendMethod]:
        backends: tuple[str, ...] = BACKENDS
        if self._path.backend is not BackendChoice.AUTO:
            backends = (str(self._path.backend),)
        elif self._path.frames_only:
            backends = ("packet",)
        gso = (True, False) if max_segments() > 1 else (False,)
        return [
            SendMethod(backend=backend, gso=each, train_max=MAX_TRAIN_EVENTS, batch_trains=TRAINS)
            for backend in backends
            for each in gso
        ]

    def _measured(self, what: str, methods: Sequence[SendMethod], target_eps: int | None = None) -> list[Trial]:
        """Try each method ROUNDS times, at `target_eps` if there is one, else as fast as possible.

        The methods take turns, so that other work of the machine disturbs all of them equally.
        """
        rates: list[list[float]] = [[] for _ in methods]
        refused, errors = [""] * len(methods), [Counter[str]() for _ in methods]
        for place in bar(iterable=ROUNDS * list(range(len(methods))), desc=what, unit=" trials", file=Stderr()):
            if not refused[place]:
                try:
                    rate_eps, seen = self._measure(methods[place], target_eps)
                    rates[place].append(rate_eps)
                    errors[place].update(seen)
                except PreflightError as error:
                    refused[place] = str(error)
        return [Trial(*measured) for measured in zip(methods, rates, refused, errors, strict=True)]

    def _measure(self, method: SendMethod, target_eps: int | None) -> tuple[float, dict[str, int]]:
        """Events a second that one worker sends, and its errors. Raises PreflightError if the method does not work."""
        path = replace(self._path, backend=BackendChoice(method.backend))
        plan = plan_run(
            self._capture,
            target=self._target,
            ports=self._ports,
            pace=Pace(target_eps),
            extent=Extent(duration_ns=self._time_ns),
            train_max=method.train_max,
            segments=max_segments() if method.gso else 1,
            stamp=Stamp.NOW,
            run=new_run(),
            wire=choose_path(path, self._target, self._ports, self._capture, allow_public=self._allow_public),
            batch_trains=method.batch_trains,
        )
        plan = with_workers(plan, WorkerRequest(workers=1), self._topology, worker_eps=None)
        outcome = Supervisor(self._capture, plan).run(lambda: None, lambda _: None)
        if outcome.interrupted_by or outcome.settling_cut_by:
            raise KeyboardInterrupt
        report = run_report(self._capture, plan, outcome)
        worker = report.workers[0]
        if report.verdict == "failed":
            raise PreflightError(report.reason)
        if worker.gso_refused:
            raise PreflightError(f"GSO was refused ({worker.gso_refused})")
        return report.achieved_eps, report.errors
