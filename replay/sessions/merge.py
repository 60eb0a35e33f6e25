"""How do the reports of several runs become one file? They are read, merged and written."""

from collections.abc import Sequence
from pathlib import Path

from captures.console.errors import InputError
from replay.json_file import ReportFile
from replay.report.merge import merged
from replay.report.model import RunReport
from replay.report.reading import read_run_report
from replay.request_checks import check_type


def merge_files(paths: Sequence[Path], report: Path | None = None) -> RunReport:
    """Make one report of those in these files, two at least: of hosts that sent side by side, or of phases of a load.

    The report is also written to the file `report`, if one is given. Raises InputError.
    """
    for path in paths:
        check_type("REPORT", path, Path, f"Path({str(path)!r})", needed=True)
    with ReportFile(report, inputs=paths) as report_file:
        return merge_into(report_file, paths)


def merge_into(report_file: ReportFile, paths: Sequence[Path]) -> RunReport:
    """Merge as `merge_files` does, with a report file that is open already. Raises InputError."""
    try:
        whole = merged([read_run_report(path) for path in paths])
    except ValueError as error:
        raise InputError(f"{', '.join(map(str, paths)) or 'no report'}: {error}") from None
    report_file.write(whole.figures())
    return whole
