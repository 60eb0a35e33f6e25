"""What `replay calibrate` found out about this machine, and the method of sending that follows from it.

A file holds one entry for each interface. An entry holds as long as the kernel, the MTU and the offloads are those it
was measured with. pydantic checks the file; it takes longer to load than all else a command needs, so that waits until
there is a file.
"""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Final, Literal

from captures.console.errors import InputError, PreflightError
from captures.files.output_file import OutputFile, write_file
from captures.format.layout import MAX_TRAIN_EVENTS
from replay.board.journal import TRAINS
from replay.machine.situation import Checked, Situation

BACKENDS: Final = ("udp", "packet")

TIE: Final = 0.05
"""Of two methods that differ by less, the earlier is taken: it is the simpler one, and a difference may be chance."""


@dataclass(frozen=True)
class SendMethod(Checked):
    """A method of sending. Raises ValueError for what there is not."""

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
        """As people read it."""
        gso = "GSO" if self.gso else "no GSO"
        return f"{self.backend}, {gso}, trains of {self.train_max}, {self.batch_trains} a call"


@dataclass(frozen=True)
class Entry(Checked):
    """The best method through one interface. Raises ValueError for a figure that is not positive."""

    situation: Situation
    way: SendMethod
    worker_eps: int
    """What one worker sent at a pace."""
    event_bytes: float
    """The mean event it was measured with."""
    measured: str
    """When: an ISO date."""

    def __post_init__(self) -> None:
        if self.worker_eps <= 0 or not self.event_bytes > 0:
            raise ValueError("worker_eps and event_bytes must be greater than 0")


@dataclass(frozen=True)
class Calibration(Checked):
    """The file."""

    version: Literal[1] = 1
    entries: tuple[Entry, ...] = ()

    def of(self, interface: str) -> Entry | None:
        """The entry of an interface."""
        return next((entry for entry in self.entries if entry.situation.interface == interface), None)


@dataclass(frozen=True)
class Trial:
    """A method, and the events per second that one worker sent by it in each round."""

    method: SendMethod
    rates_eps: Sequence[float] = ()
    refused: str = ""
    """Why there are none."""
    errors: Mapping[str, int] = field(default_factory=dict)
    """By errno name, of all rounds."""

    @property
    def rate_eps(self) -> float:
        """The median round; 0: it was refused."""
        return median(self.rates_eps) if self.rates_eps else 0.0


def winner(trials: Sequence[Trial]) -> Trial:
    """The fastest of trials, or an earlier one that is as fast but for TIE."""
    best = max(trial.rate_eps for trial in trials)
    return next(trial for trial in trials if trial.rate_eps >= best * (1 - TIE))


def dependable_eps(best: Trial, paced: Trial) -> int:
    """What a worker is counted on for: what the best method sent at a pace, and never more than without one."""
    return max(1, int(min(best.rate_eps, paced.rate_eps)))


def default_path() -> Path:
    """Where the file is unless told otherwise (XDG Base Directory Specification).

    Raises PreflightError for a user who has no home.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "stampede" / "calibration.json"
    except RuntimeError:
        raise PreflightError("this user has no home, and HOME is not set; give --calibration FILE") from None


def load(path: Path) -> Calibration:
    """The calibration in the file `path`. Raises InputError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        hint = "; `replay calibrate` writes it" if isinstance(error, FileNotFoundError) else ""
        raise InputError(f"--calibration {path}: {error.strerror}{hint}") from None
    return _checked(path, text)


def load_usual() -> tuple[Calibration, str]:
    """The calibration in the usual place, which is a convenience: nothing that is wrong with it ends a run.

    Also what is wrong with it, in a line; that there is none, or that it is not ours to read, is not wrong.
    """
    try:
        path = default_path()
        return _checked(path, path.read_bytes()), ""
    except (OSError, PreflightError):
        return Calibration(), ""
    except InputError as error:
        return Calibration(), str(error)


def _checked(file: Path, text: bytes) -> Calibration:
    from pydantic import TypeAdapter, ValidationError  # noqa: PLC0415 - takes a while to load

    try:
        return TypeAdapter(Calibration).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(
            f"{file}: {place}: {first['msg']}; remove it, and measure again with `replay calibrate`"
        ) from None


def prepare(path: Path, inputs: Iterable[Path]) -> None:
    """Make the folder of `path`, and see that `save` can write there, before anything is measured.

    Raises PreflightError; InputError when what is there is no calibration, or one of `inputs`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PreflightError(f"{path}: can't be written: {error.strerror}; give another --calibration FILE") from None
    OutputFile(path, force=True, inputs=inputs).close()
    if path.is_file():
        load(path)


def save(path: Path, entry: Entry) -> None:
    """Put an entry in the place of the one of its interface; the file is written whole or not at all.

    Raises InputError when what is there is no calibration, OSError.
    """
    kept = load(path).entries if path.is_file() else ()
    others = tuple(old for old in kept if old.situation.interface != entry.situation.interface)
    text = json.dumps(asdict(Calibration(entries=(*others, entry))), indent=2) + "\n"
    write_file(path, text.encode(), force=True)


def outdated(entry: Entry, now: Situation) -> str | None:
    """In what the present situation differs from an entry's; None: it holds."""
    then = entry.situation
    for name in ("kernel", "mtu", "offloads"):
        if (was := getattr(then, name)) != (is_now := getattr(now, name)):
            return f"it was measured with {name} {_text(was)}, and now it is {_text(is_now)}"
    return None


def _text(value: object) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)
