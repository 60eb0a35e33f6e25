"""How is the whole report of a run read from a file? Those of earlier versions are read as well.

A ledger and an audit need only some of its fields, also of reports that another program wrote:
`replay.ledger.models.sent` says which.
"""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from captures.console.errors import InputError
from replay.json_file import read_report
from replay.report.model import RunReport
from replay.report.verdict import VERDICTS

_REPORT: Final = TypeAdapter(RunReport)
_LONGEST_S: Final = 1e10
_MOST: Final = 1 << 60
"""A count must be smaller: no run sends so many events, a million a second for 36,000 years."""


def read_run_report(path: Path) -> RunReport:
    """Read the report of a run from `path`. Raises InputError, in one line, if the file holds none."""
    try:
        return run_report_of(read_report(path))
    except ValueError as error:
        raise InputError(f"{path}: not the report of a run: {error}") from None


def run_report_of(report: dict[str, Any]) -> RunReport:
    """The report that a JSON object holds. Raises ValueError, with a clause, if it makes no sense."""
    try:
        found = _REPORT.validate_json(json.dumps(report, allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}") from None
    for each in [found, *found.parts]:
        _check(each)
    return found


def _check(report: RunReport) -> None:
    """Raise ValueError if figures of the report contradict each other, or are beyond what a run can have."""
    counts = [report.sent_events, report.sent_bytes, *report.errors.values(), *report.waits.values()]
    for lane in report.lanes:
        counts += [lane.sent_events, lane.sent_bytes, *lane.errors.values(), *lane.waits.values()]
    if not all(0 <= count < _MOST for count in counts):
        raise ValueError("a count is below 0, or more than anybody can send")
    ports = Counter(lane.port for lane in report.lanes)
    if twice := next((port for port, times in ports.items() if times > 1), None):
        raise ValueError(f"port {twice} stands there twice")
    if report.sent_events != sum(lane.sent_events for lane in report.lanes):
        raise ValueError("sent_events is not the sum of its lanes")
    if report.verdict not in VERDICTS:
        raise ValueError(f"verdict: there are {', '.join(VERDICTS)}")
    _check_start(report.started)
    if not 0 <= report.duration_s <= _LONGEST_S or not 0 <= (report.start_ns or 0) <= _MOST << 3:
        raise ValueError("duration_s or started is no time that a run can have")
    if report.lag_buckets:
        report.lag_buckets.histogram()
    if (series := report.intervals) and (
        len(series.sent_events) != len(series.due_events) or series.interval_ms <= 0 or series.joined < 1
    ):
        raise ValueError("intervals: each has events that were sent and events that were due")


def _check_start(started: str | None) -> None:
    """Raise ValueError if `started` is no instant, or one that depends on where it is read."""
    if started is not None and datetime.fromisoformat(started).tzinfo is None:
        raise ValueError("started has no time zone")
