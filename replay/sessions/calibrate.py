"""How does a calibration go, from the request to the entry in its file? It is tried out, settled, and written."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from captures.console.errors import InputError, RunError
from captures.format.stamp_writing import iso_ms
from captures.share.cache import open_any
from replay.calibration.capture import make_capture
from replay.calibration.trials import Trials
from replay.calibration.winner import Trial, dependable_eps, winner
from replay.clock import SECOND_NS, wall_ns
from replay.json_file import SCHEMA
from replay.machine.survey import situation
from replay.path.request import PathRequest
from replay.path.target import resolve
from replay.plan.calibration_file import Entry, default_path, prepare, save
from replay.request_checks import check_part, check_path, check_ports, check_whole

LEAST_NS: Final = 10_000_000
"""The shortest time that a trial may have."""
MOST_NS: Final = 3600 * SECOND_NS
"""The longest: there are some thirty trials, and a machine does not stay the same for a day."""


@dataclass(frozen=True)
class CalibrateRequest:
    """Everything that a user can ask of a calibration."""

    target: str
    """The host to send to: a name or an address."""
    ports: Sequence[int]
    """The destination ports, one lane each."""
    capture: Path | None = None
    """The capture to send; None: one of equal events, which is made for the calibration."""
    family: int | None = None
    """AF_INET or AF_INET6, for a target name with addresses of both kinds; None: the first address is taken."""
    time_ns: int = 500_000_000
    """How long each trial sends."""
    calibration: Path | None = None
    """The file to write; None: the usual one, which `replay run` finds."""
    allow_public: bool = False
    """Let target and sources be addresses outside the private, loopback, link-local and benchmark ranges."""
    path: PathRequest = field(default_factory=PathRequest)


@dataclass(frozen=True)
class Calibrated:
    """What a calibration found."""

    trials: Sequence[Trial]
    best: Trial
    """The trial that won, which is one of `trials`."""
    paced: Trial
    """The winner's method, tried again at a set rate."""
    entry: Entry
    """What is kept in the file."""
    file: Path
    failure: str = ""
    """Why the file was not written; empty: it was."""

    def figures(self) -> dict[str, Any]:
        """The trials and the winner, ready for JSON."""
        return {
            "schema": SCHEMA,
            "trials": [_figures(trial) for trial in self.trials],
            "paced": _figures(self.paced),
            "winner": self.entry.figures(),
        }


def calibrate(request: CalibrateRequest) -> Calibrated:
    """Try all methods on the path to the target, and write the best one to the file.

    Raises InputError for a request that makes no sense, PreflightError for one that this machine can't fulfil, and
    RunError when no method works. That the file could not be written is no error: the trials are not lost for it.
    """
    check_whole("--time", request.time_ns)
    if not LEAST_NS <= request.time_ns <= MOST_NS:
        raise InputError("--time: 10ms at least, or there is nothing to measure, and 1h at most")
    check_path("FILE", request.capture)
    check_part("path", request.path, PathRequest)
    check_path("--calibration", request.calibration)
    ports = check_ports(request.ports)
    file = request.calibration or default_path()
    prepare(file, [] if request.capture is None else [request.capture])
    target = resolve(request.target, allow_public=request.allow_public, family=request.family)
    here = situation(target, request.path.interface)
    with ExitStack() as stack:
        source = request.capture
        if source is None:
            folder = stack.enter_context(TemporaryDirectory(prefix="calibrate-"))
            source = make_capture(Path(folder) / "calibrate.rcap")
        capture = open_any(source)
        trying = Trials(capture, target, ports, request.path, request.time_ns, allow_public=request.allow_public)
        trials = trying.all()
        best = winner(trials)
        paced = trying.paced(best) if best.rate_eps else best
        event_bytes = len(capture.payload) / capture.events
    if refused := best.refused or paced.refused:
        raise RunError(f"no way of sending worked: {refused}")
    entry = Entry(
        situation=here,
        method=best.method,
        worker_eps=dependable_eps(best, paced),
        event_bytes=round(event_bytes, 1),
        measured=iso_ms(wall_ns())[:10],
    )
    return Calibrated(trials, best, paced, entry, file, _saved(file, entry))


def _saved(path: Path, entry: Entry) -> str:
    """Save the entry; returns an error message, which is empty where it is saved."""
    try:
        save(path, entry)
    except (OSError, InputError) as error:
        return f"{path}: not written: {error.strerror if isinstance(error, OSError) else error}"
    return ""


def _figures(trial: Trial) -> dict[str, Any]:
    return {
        **asdict(trial.method),
        "rates_eps": [round(rate) for rate in trial.rates_eps],
        "refused": trial.refused,
        "errors": dict(trial.errors),
    }
