"""How reports are kept on disk: complete JSON, at the path that was asked for or where the user is told."""

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NoReturn, Self

from captures.console.errors import InputError, PreflightError, RunError
from captures.console.harmless import harmless
from captures.console.terminal import notice
from captures.console.units import format_size
from captures.files.output_file import FULL, OutputFile, write_all

SCHEMA: Final = 1
"""The version of the format of all reports. A report without a version is older than this field."""
MOST_BYTES: Final = 256 << 20
"""The largest report that is read; one with 5,000 intervals has less than 1 MB."""
_ROOM_BYTES: Final = 1 << 20
"""The space reserved on the disk before the work begins: three times the report of a long run to 100 ports."""
_SHOWN_CHARACTERS: Final = 20
_STDIN: Final = Path("/dev/stdin")

_KINDS: Final = {"audit": "an audit", "watch": "a watch"}
"""Whose report it is, by its `kind`; other reports do not have this field."""
_BYTES: Final = {"sent_bytes": "a sender", "received_bytes": "a sink"}
"""Whose report has such a field for each port: an audit's has neither, and a ledger has both."""


class WrongKindError(InputError):
    """A file is the report of another command than the one that is needed."""


class ReportFile:
    """The report of a command that may take hours: before the work begins, it proves its path and reserves its space.

    A report that can't be written there after all is kept in TMPDIR, or printed on stderr; the end of the `with` block
    says where it is.
    """

    def __init__(self, path: Path | None, inputs: Iterable[Path | None] = ()) -> None:
        """Get ready to write to `path`, which must not be one of `inputs`; None: no report is wanted.

        Raises InputError where no report can be written, PreflightError where the disk is full.
        """
        self._failure = ""
        self._output = None
        if path is not None:
            self._output = OutputFile(path, force=True, inputs=[each for each in inputs if each is not None])
            try:
                _reserve(self._output.fd)
            except OSError as error:
                self._output.close()
                raise PreflightError(f"{path}: no room for the report: {error.strerror}") from None

    def write(self, report: dict[str, Any]) -> None:
        """Write `report` as JSON, and sync it to the disk; if that fails, keep it elsewhere."""
        if self._output is None:
            return
        text = (json.dumps(report, indent=2) + "\n").encode()
        try:
            write_all(self._output.fd, text)
            os.ftruncate(self._output.fd, len(text))
            self._output.finish()
        except (OSError, InputError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self._failure = f"{self._output.path}: the report can't be written there: {why}; it is {_elsewhere(text)}"

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file. Raises RunError when the report is elsewhere, unless another error ended the block."""
        if self._output is not None:
            self._output.close()
        if self._failure and error is None:
            raise RunError(self._failure)
        if self._failure:
            notice(self._failure)


def _reserve(fd: int) -> None:
    """Reserve disk space, so that no other file can take it meanwhile. Raises OSError."""
    try:
        os.posix_fallocate(fd, 0, _ROOM_BYTES)
    except OSError as error:
        if error.errno in (*FULL, errno.EFBIG):
            raise


def _elsewhere(text: bytes) -> str:
    """Keep a report where there is space for it. Returns where that is, in words."""
    try:
        fd, path = tempfile.mkstemp(prefix="stampede-report-", suffix=".json")
        try:
            write_all(fd, text)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError:
        notice(text.decode())
        return "above, as JSON"
    return f"in {path}"


def no_number(text: str) -> NoReturn:
    """Refuse NaN and Infinity, which the json module accepts though they are no JSON (RFC 8259, section 6)."""
    raise ValueError(f"{text} is no number")


def _text_of(path: Path) -> bytes:
    """The content of a file or pipe, at most MOST_BYTES + 1. It waits for all of a pipe that somebody writes into.

    A pipe that nobody has open for writing would make it wait without end. Raises InputError for such a pipe, and for a
    device that is not /dev/stdin; OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    with os.fdopen(fd, "rb") as file:
        kind = stat.S_IFMT(os.fstat(fd).st_mode)
        if kind in (stat.S_IFCHR, stat.S_IFBLK) and path != _STDIN:
            raise InputError(f"{path}: is a device and no report; name a file")
        first = b""
        if kind == stat.S_IFIFO:
            with suppress(BlockingIOError):  # there is a writer, but it has written nothing yet
                first = os.read(fd, 1)
                if not first:
                    raise InputError(f"{path}: nobody writes into this pipe; name a file, or start its writer first")
        os.set_blocking(fd, True)
        return first + file.read(MOST_BYTES + 1 - len(first))


def read_report(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Raises InputError when there is none, or when its schema is unknown."""
    try:
        text = _text_of(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if len(text) > MOST_BYTES:
        raise InputError(f"{path}: no report has more than {format_size(MOST_BYTES)}")
    try:
        report = json.loads(text, parse_constant=no_number)
    except (ValueError, RecursionError):  # RecursionError comes from thousands of nested brackets
        raise InputError(f"{path}: not a JSON report") from None
    if not isinstance(report, dict):
        raise InputError(f"{path}: not a JSON report")
    schema = report.get("schema", 0)
    if type(schema) is not int or not 0 <= schema <= SCHEMA:  # True and 1.0 are equal to 1, and are no version
        told = harmless(str(schema)[:_SHOWN_CHARACTERS])
        if type(schema) is not int or schema < 0:
            raise InputError(f"{path}: its schema is {told!r}, and no number from 0 on")
        raise InputError(
            f"{path}: a report of schema {told}, and this version of Stampede reads up to {SCHEMA}; use the version "
            "that wrote it, or a later one"
        )
    return report


def read_report_of(kind: str, path: Path) -> dict[str, Any]:
    """The JSON object in `path`, as `read_report` reads it, if it is a report of `kind`, like "a sink", or may be one.

    Raises WrongKindError if it says that it is another's, else InputError.
    """
    report = read_report(path)
    told = _kind_of(report)
    if told not in (None, kind):
        raise WrongKindError(f"{path}: this is {told}'s report, and here {kind}'s belongs")
    return report


def _kind_of(report: dict[str, Any]) -> str | None:
    """Whose report it is, by its outermost fields and its first port; None: they do not say."""
    kind, lanes = report.get("kind"), report.get("lanes")
    if kind is not None:
        return _KINDS.get(str(kind), "another program")
    first = lanes[0] if isinstance(lanes, list) and lanes else None
    told = [whose for name, whose in _BYTES.items() if isinstance(first, dict) and name in first]
    return told[0] if len(told) == 1 else None
