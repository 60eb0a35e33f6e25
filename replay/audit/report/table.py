"""How is the report of an audit shown to people? As a table, with a line for what else they should know. Pure."""

from collections.abc import Iterable
from typing import Any, Final

from captures.console.units import counted, fitted, format_size
from replay.audit.missing import SHOWN
from replay.audit.report.model import AuditReport

_WIDTH: Final = 80
_COLUMNS: Final = (
    ("port", "port"),
    ("sent", "sent_events"),
    ("received", "received_events"),
    ("lost", "lost_events"),
    ("cut", "cut_events"),
    ("cut or lost", "cut_or_lost_events"),
    ("surplus", "surplus_events"),
    ("twice", "duplicated_events"),
    ("reordered", "reordered_events"),
    ("depth", "reorder_depth_max"),
)
"""The columns of the table: the title, and the name of the figure in the report."""
_ALWAYS: Final = ("port", "sent_events", "received_events", "lost_events")


def audit_table(report: AuditReport) -> str:
    """The report as text in 80 columns: a row for each port, a line on the lines of the files, notes, the verdict."""
    notes = [_line_kinds(report), *_notes(report), report.verdict]
    return "\n".join([*_rows(report), *(fitted(note, 4) for note in notes)])


def _rows(report: AuditReport) -> list[str]:
    """The rows of the table. A column of an odd figure is shown if it is not all zeros, and if there is room for it."""
    unplaced = _unplaced(report)
    lanes = [{**vars(lane), "port": str(lane.port)} for lane in report.lanes]
    rows = [*lanes, *([unplaced] if unplaced else []), {**vars(report), "port": "all"}]
    columns: list[list[str]] = []
    room = _WIDTH
    for title, name in _COLUMNS:
        cells = [title, *(_cell(row.get(name)) for row in rows)]
        width = max(map(len, cells)) + 2 * bool(columns)
        if name in _ALWAYS or (any(row.get(name) for row in rows) and width <= room):
            columns.append([f"{cell:>{width}}" for cell in cells])
            room -= width
    return ["".join(cells) for cells in zip(*columns, strict=True)]


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _unplaced(report: AuditReport) -> dict[str, Any] | None:
    """A row for the cut events whose port is cut off as well, so that the columns sum to the totals; None: no such."""
    lost = report.lost_events - sum(lane.lost_events for lane in report.lanes)
    cut = report.cut_events - sum(lane.cut_events for lane in report.lanes)
    return {"port": "?", "lost_events": max(lost, 0), "cut_events": cut} if cut > 0 else None


def _line_kinds(report: AuditReport) -> str:
    """A line that says how many lines the files have, by what they contain."""
    kinds = [f"{report.tagged_lines:,} tagged", f"{report.untagged_lines:,} without a tag"]
    kinds.append(f"{report.malformed_lines:,} with a damaged one")
    if report.cut_lines:
        kinds.append(f"{report.cut_lines:,} cut before its end")
    if report.unfinished_lines:
        kinds.append(f"{report.unfinished_lines:,} not finished at the end of a file")
    return f"{counted(report.lines, 'line')}, {format_size(report.bytes)}: {', '.join(kinds)}"


def _notes(report: AuditReport) -> Iterable[str]:
    """Lines on other runs, damaged files, and what the audit can't know."""
    if report.foreign_tags:
        named = ", ".join(f"{each.run_id} ({each.tags:,})" for each in report.foreign_runs[:SHOWN])
        yield f"{counted(report.foreign_tags, 'tag')} of other runs: {named}"
    for damaged in report.damaged_files:
        yield f"{damaged.file}: {damaged.complaint}"
    with_port = sum(lane.cut_events for lane in report.lanes)
    if report.cut_events > with_port:
        yield (
            f"of {counted(report.cut_events - with_port, 'cut event')} the port is cut off as well: in the "
            "rows of the ports they are cut or lost"
        )
    if report.sent_events is None:
        yield "what is missing at the end of a port, or a whole port, shows with --sent and the sender's report"


def unreadable_line(report: AuditReport) -> str | None:
    """A line that says which files could not be read; None: all of them could."""
    files = report.unreadable_files
    if not files:
        return None
    if len(files) == 1:
        return f"{files[0].file}: {files[0].complaint}"
    named = ", ".join(each.file for each in files[:SHOWN])
    more = f", and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return f"{len(files)} files can't be read: {named}{more}; the report says why"
