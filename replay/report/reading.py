"""How is the whole report of a run read from a file? Those of earlier versions are read as well.

A ledger and an audit need only some of its fields, also of reports that another program wrote:
`replay.ledger.models.sent` says which.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from captures.console.errors import InputError
from replay.json_file import SCHEMA, read_report_of
from replay.report.model import IntervalFigures, RunReport
from replay.report.verdict import VERDICTS

_REPORT: Final = TypeAdapter(RunReport)
_MOST: Final = 1 << 60
"""A count must be smaller: no run sends so many events, a million a second for 36,000 years."""
_GREATEST: Final = 1e18
"""A figure that is no count is no greater: sums of such figures are finite."""
_LONGEST_S: Final = 1e10
_RUN_ID: Final = re.compile(r"[0-9a-fA-F]{8}")
_INTERVALS_MS: Final = (1.0, 1000 * _LONGEST_S)


def read_run_report(path: Path) -> RunReport:
    """Read the report of a run from `path`. Raises InputError, in one line, if the file holds none."""
    try:
        return run_report_of(read_report_of("a sender", path))
    except ValueError as error:
        raise InputError(f"{path}: not the report of a run: {error}") from None


def run_report_of(report: dict[str, Any]) -> RunReport:
    """The report that a JSON object holds. Raises ValueError, with a clause, if it makes no sense."""
    _check_figures(report)
    try:
        found = _REPORT.validate_json(json.dumps(report), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{place}: {first['msg']}") from None
    if any(part.parts for part in found.parts):
        raise ValueError("parts: a part has no parts, since merged reports are merged by theirs")
    return replace(_checked(found), parts=[_checked(part) for part in found.parts])


def _check_figures(report: dict[str, Any]) -> None:
    """Raise ValueError for a figure that is no number, or so great that sums of such figures are none."""
    left: list[tuple[str, Any]] = [("", report)]
    while left:  # without recursion, since a foreign file may nest its values deeply
        place, value = left.pop()
        if isinstance(value, dict):
            left += [(f"{place}.{name}", each) for name, each in value.items()]
        elif isinstance(value, list):
            left += [(place, each) for each in value]
        elif isinstance(value, float) and not abs(value) <= _GREATEST:
            raise ValueError(f"{place[1:]}: a figure is {_GREATEST:g} at most")


def _checked(report: RunReport) -> RunReport:
    """The report, with its run written as all reports write it.

    Raises ValueError if figures contradict each other, or are beyond what a run can have.
    """
    if report.schema not in range(SCHEMA + 1):
        raise ValueError(f"a part of schema {report.schema}, and this version of Stampede reads up to {SCHEMA}")
    if not all(0 <= count < _MOST for count in _counts(report)):
        raise ValueError("a count is below 0, or more than anybody can send")
    _check_lanes(report)
    if report.verdict not in VERDICTS:
        raise ValueError(f"verdict: there are {', '.join(VERDICTS)}")
    _check_start(report.started)
    if not 0 <= report.duration_s <= _LONGEST_S or not 0 <= (report.start_ns or 0) <= _MOST << 3:
        raise ValueError("duration_s or started is no time that a run can have")
    if report.lag_buckets and report.lag_buckets.histogram().samples > report.sent_events:
        raise ValueError("lag_buckets: there are more events than were sent")
    if report.intervals:
        _check_intervals(report.intervals)
    if report.run_id is None:
        return report
    if not _RUN_ID.fullmatch(report.run_id):
        raise ValueError("run_id: a run has eight hexadecimal digits")
    return replace(report, run_id=report.run_id.lower())


def _check_lanes(report: RunReport) -> None:
    for port, times in Counter(lane.port for lane in report.lanes).items():
        if not 0 < port < 1 << 16:
            raise ValueError(f"there is no port {port}")
        if times > 1:
            raise ValueError(f"port {port} stands there twice")
    for name in ("sent_events", "sent_bytes"):
        if getattr(report, name) != sum(getattr(lane, name) for lane in report.lanes):
            raise ValueError(f"{name} is not the sum of its lanes")


def _check_intervals(series: IntervalFigures) -> None:
    if len(series.sent_events) != len(series.due_events):
        raise ValueError("intervals: each has events that were sent and events that were due")
    if not _INTERVALS_MS[0] <= series.interval_ms <= _INTERVALS_MS[1] or series.joined < 1:
        raise ValueError(f"intervals: each is {_INTERVALS_MS[0]:g} ms to {_INTERVALS_MS[1]:g} ms long")


def _counts(report: RunReport) -> Iterator[int]:
    """All figures of a report that count something; those that were not measured are left out."""
    yield from (report.sent_events, report.sent_bytes, *report.errors.values(), *report.waits.values())
    for lane in report.lanes:
        yield from (lane.sent_events, lane.sent_bytes, *lane.errors.values(), *lane.waits.values())
    yield from (worker.sent_events for worker in report.workers)
    perhaps: list[int | None] = [report.asked_events, report.memory_bytes_peak]
    if report.sink:
        perhaps += [report.sink.answers, report.sink.received_events, report.sink.lost_events]
    if report.offered:
        perhaps += [report.offered.intervals, report.offered.below_95_percent, report.offered.not_measured]
    if report.intervals:
        perhaps += [report.intervals.joined, *report.intervals.sent_events, *report.intervals.due_events]
    if report.nic:
        perhaps += [count for count in report.nic.values() if isinstance(count, int)]
    yield from (count for count in perhaps if count is not None)


def _check_start(started: str | None) -> None:
    """Raise ValueError if `started` is no instant, or one that depends on where it is read."""
    if started is not None and datetime.fromisoformat(started).tzinfo is None:
        raise ValueError("started has no time zone")
