"""Reports on disk: JSON that exists whole or not at all."""

import json
import os
from pathlib import Path
from typing import Any

from captures.errors import InputError


def check_report_path(path: Path) -> None:
    """Refuse a path where no report can be written, before the work that it would report is done.

    Raises InputError.
    """
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"{path}: can't write a report there: no such folder, or it is read-only")


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write `report` as JSON under a temporary name beside `path`, sync it and rename it.

    Raises InputError when the folder is missing or can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(report, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InputError(f"{path}: can't write the report: {error.strerror}") from None


def read_report(path: Path) -> dict[str, Any]:
    """The JSON object in `path`. Raises InputError when there is none."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise InputError(f"{path}: not a JSON report") from None
    if not isinstance(report, dict):
        raise InputError(f"{path}: not a JSON report")
    return report
