"""By which method does a run send? The user's flags decide, then the calibration, then the usual method."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from captures.console.terminal import notice
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import TRAINS
from replay.linux.sockets.udp_send import max_segments
from replay.machine.situation import Situation
from replay.path.loopback import refusal
from replay.path.request import BackendChoice, PathRequest
from replay.plan.calibration_file import Calibration, load, load_usual, outdated
from replay.plan.send_method import SendMethod
from replay.request_checks import check_path, check_within


@dataclass(frozen=True)
class SendRequest:
    """What the user says about the method. None stands for what the calibration says, or for the usual value."""

    gso: bool | None = None
    train_max: int | None = None
    batch_trains: int | None = None
    calibration: Path | None = None

    def check(self) -> None:
        """Refuse sizes that no train and no system call can have. Raises InputError."""
        check_within("--train-max", self.train_max, 1, MAX_TRAIN_EVENTS)
        check_path("--calibration", self.calibration)
        check_within("--batch", self.batch_trains, 1, TRAINS)


@dataclass(frozen=True)
class ChosenMethod:
    """A method of sending, why it was chosen, and the rate measured with it for one worker (None: not measured)."""

    method: SendMethod
    why: str
    worker_eps: int | None = None

    def followed(self, wire: PathRequest) -> PathRequest:
        """The user's wishes about the wire, with the backend of this method filled in."""
        return replace(wire, backend=BackendChoice(self.method.backend))


def choose(
    options: SendRequest,
    wire: PathRequest,
    situation: Callable[[], Situation],
    lacking: Callable[[str], tuple[str, ...]],
) -> ChosenMethod:
    """The method for a run: the flags decide, then the calibration, then the usual method.

    `situation` is only called when there is a calibration. `lacking` is only called when the calibration asks for
    frames of our own: it says which settings an interface lacks, without which it drops them. Raises InputError.
    """
    options.check()
    asked, why = _asked(wire)
    calibration = _calibration(options.calibration)
    chosen = ChosenMethod(
        SendMethod(), "udp: nothing else was asked for, and there is no calibration of this interface"
    )
    if calibration.entries:
        chosen = _calibrated(calibration, situation(), lacking)
    if asked and asked != chosen.method.backend:
        chosen = ChosenMethod(SendMethod(backend=asked), why)
    elif asked:
        chosen = replace(chosen, why=why if chosen.worker_eps is None else f"{why}; {chosen.why}")
    given = {
        name: value for name in ("gso", "train_max", "batch_trains") if (value := getattr(options, name)) is not None
    }
    method = replace(chosen.method, **given)
    if method.gso and max_segments() == 1:
        notice("this kernel has no UDP_SEGMENT; events go out one by one, which is slower")
        method = replace(method, gso=False)
    return ChosenMethod(method, chosen.why, chosen.worker_eps if method == chosen.method else None)


def _calibration(path: Path | None) -> Calibration:
    """The calibration in `path`, or the usual one. Raises InputError only when `path` is given."""
    if path is not None:
        return load(path)
    calibration, wrong = load_usual()
    if wrong:
        notice(f"no calibration is used: {wrong}")
    return calibration


def _asked(wire: PathRequest) -> tuple[str | None, str]:
    """The backend that the flags ask for, and by which flag; None when they ask for none."""
    if wire.backend is not BackendChoice.AUTO:
        return str(wire.backend), f"{wire.backend}: asked for by --backend"
    if wire.frames_only:
        return "packet", f"packet: {wire.frames_only} needs frames of our own"
    return None, ""


def _calibrated(calibration: Calibration, now: Situation, lacking: Callable[[str], tuple[str, ...]]) -> ChosenMethod:
    entry = calibration.of(now.interface)
    if entry is None:
        return ChosenMethod(SendMethod(), f"udp: as is usual, since the calibration has no interface {now.interface}")
    if change := outdated(entry, now):
        stale = f"the calibration of {now.interface} no longer holds: {change}"
        notice(f"{stale}; run `replay calibrate` again")
        return ChosenMethod(SendMethod(), f"udp: as is usual, since {stale}")
    if entry.method.backend == "packet" and (off := lacking(now.interface)):
        ignored = f"the calibration of {now.interface} is not followed: {refusal(now.interface, off)}"
        notice(ignored)
        return ChosenMethod(SendMethod(), f"udp: as is usual, since {ignored}")
    why = f"{entry.method}: calibrated on {now.interface} on {entry.measured}, {entry.worker_eps:,} EPS a worker"
    return ChosenMethod(entry.method, why, entry.worker_eps)
