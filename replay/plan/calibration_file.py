"""Which method of sending is the best on this machine: what `replay calibrate` measured, kept in a file.

The file has one entry for each interface. An entry is valid as long as the kernel, the MTU and the offloads are those
of the measurement. pydantic checks the file. It takes longer to load than all else that a command needs, so it is only
loaded when there is a file. In the file the method of sending is called `way`.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from captures.console.errors import InputError, PreflightError
from captures.files.output_file import OutputFile, write_file
from replay.machine.situation import Checked, Situation
from replay.plan.send_method import SendMethod


def _key(field: str) -> str:
    """The name by which the file calls a field of an entry."""
    return "way" if field == "method" else field


@dataclass(frozen=True)
class Entry(Checked):
    """The best method through one interface. Raises ValueError for a figure that is not positive."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {**Checked.__pydantic_config__, "alias_generator": _key}

    situation: Situation
    method: SendMethod
    worker_eps: int
    """How many events per second one worker sent when it was paced."""
    event_bytes: float
    """The mean length of the events in the measurement."""
    measured: str
    """The day of the measurement, as an ISO date."""

    def __post_init__(self) -> None:
        if self.worker_eps <= 0 or not self.event_bytes >= 0:
            raise ValueError("worker_eps must be greater than 0, and event_bytes not less")

    def figures(self) -> dict[str, Any]:
        """The entry as it stands in the file, ready for JSON."""
        return {_key(name): value for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Calibration(Checked):
    """The content of the file."""

    version: Literal[1] = 1
    entries: tuple[Entry, ...] = ()

    def of(self, interface: str) -> Entry | None:
        """The entry of an interface; None: it has none."""
        return next((entry for entry in self.entries if entry.situation.interface == interface), None)


def default_path() -> Path:
    """The usual path of the file (XDG Base Directory Specification).

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
    """The calibration in the usual place. It is a convenience, so a fault in it never ends a run.

    Returns also a line about the fault, or an empty text. A file that is missing, or that we may not read, is no fault.
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
    """Make the folder of `path`, and check before the measurement that `save` can write there.

    Raises PreflightError; InputError when `path` is another kind of file, or one of `inputs`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PreflightError(f"{path}: can't be written: {error.strerror}; give another --calibration FILE") from None
    OutputFile(path, force=True, inputs=inputs).close()
    if path.is_file():
        load(path)


def save(path: Path, entry: Entry) -> None:
    """Put an entry in the place of the older one of its interface; the file is written whole or not at all.

    Raises InputError when `path` is another kind of file, OSError.
    """
    kept = load(path).entries if path.is_file() else ()
    others = tuple(old for old in kept if old.situation.interface != entry.situation.interface)
    content = {"version": Calibration.version, "entries": [each.figures() for each in (*others, entry)]}
    text = json.dumps(content, indent=2) + "\n"
    write_file(path, text.encode(), force=True)


def outdated(entry: Entry, now: Situation) -> str | None:
    """How the present situation differs from that of an entry; None: the entry is still valid."""
    then = entry.situation
    for name in ("kernel", "mtu", "offloads"):
        if (was := getattr(then, name)) != (is_now := getattr(now, name)):
            return f"it was measured with {name} {_text(was)}, and now it is {_text(is_now)}"
    return None


def _text(value: object) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)
