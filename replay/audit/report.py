"""What does an audit report? A plain dictionary for JSON, and a table for people. None says "not measured"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from captures import __version__
from captures.console.errors import ExitCode
from captures.console.units import counted, fitted, format_size
from replay.audit.cut import CutOf
from replay.audit.files.reading import Collection
from replay.audit.missing import SHOWN, Missing, summarise
from replay.audit.seen import Seen
from replay.audit.sent import Sent
from replay.audit.tag_counts import Lane
from replay.audit.verdict import verdict
from replay.rewrite.tags import run_text

RUNS_SHOWN: Final = 10
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
_SUMS: Final = tuple(f"{name}_events" for name in ("received", "duplicated", "reordered", "missing", "surplus"))


@dataclass(frozen=True)
class Question:
    """What the audit is asked about the files."""

    files: Sequence[str]
    sent: Sent | None
    max_loss: Fraction
    followed: dict[str, Any] | None = None
    """How the files were followed; None: they were read once."""
    interrupted: bool = False
    """Whether a signal ended the reading, so that not everything was read."""
    ranges_shown: int = SHOWN
    """How many missing ranges of each port the report names."""


def _files(question: Question, found: Collection) -> dict[str, Any]:
    """The part of the report on the files and their lines."""
    lines = found.lines
    return {
        "files": list(question.files),
        "bytes": lines.bytes,
        "lines": lines.lines,
        "tagged_lines": lines.tagged,
        "untagged_lines": lines.untagged,
        "malformed_lines": lines.malformed,
        "cut_lines": lines.cut_lines,
        "unfinished_lines": lines.unfinished,
        "damaged_files": [damaged._asdict() for damaged in found.damaged],
        "followed": question.followed,
        "interrupted": question.interrupted,
    }


def audit_report(question: Question, run: int | None, found: Collection, seen: Seen) -> dict[str, Any]:
    """The report on the events of `run`, ready for JSON; if `run` is None, the files hold no event of any run.

    An event is missing if a higher number of its port arrived; with the sender's report, if it was sent.
    """
    sent, lines, tally = question.sent, found.lines, found.tally
    cut = lines.cut.of(run, sent.event_bytes if sent else None)
    heard = {} if run is None else {lane.port: lane for lane in tally.lanes(run)}
    ports = sorted(heard.keys() | (sent.lanes.keys() if sent else cut.ports.keys()))
    twice = any(lane.duplicated_events for lane in heard.values())
    lanes = [_lane(port, heard.get(port), question, cut if not twice else None, seen) for port in ports]
    foreign = [(other, tags) for other, tags in tally.runs.most_common() if other != run]
    missing = sum(lane["missing_events"] for lane in lanes)
    foreign_tags = sum(tags for _, tags in foreign) + tally.tags_of_other_runs
    certain = 0 if twice else cut.own_lines if foreign_tags or cut.other_lines else cut.lines
    cut_events, cut_max = (min(lines, missing) if sent else lines for lines in (certain, _most(cut, missing)))
    lost = max(missing - cut_events, 0)
    _take_off(lanes, cut_events - sum(lane["cut_events"] for lane in lanes))
    behind = (sent and lines.cut.lengths.cut_behind_tag(sent, missing)) or (0, None)
    report = {
        "kind": "audit",
        "verdict": "",
        "passed": False,
        "run_id": None if run is None else run_text(run),
        **_files(question, found),
        "foreign_tags": foreign_tags,
        "foreign_runs": [{"run_id": run_text(other), "tags": tags} for other, tags in foreign[:RUNS_SHOWN]],
        "refused_tags": 0 if run is None else tally.refused[run],
        "sent_events": sum(sent.lanes.values()) if sent else None,
        "expected_events": 0,
        **{name: sum(lane[name] for lane in lanes) for name in _SUMS},
        "lost_events": lost,
        "lost_events_min": max(missing - cut_max, 0),
        "tail_events": min(sum(lane["tail_events"] for lane in lanes), lost),
        "cut_events": cut_events,
        "cut_events_max": cut_max,
        "piled_up": 0 < cut.piled_lines == cut.doubtful_lines and cut_max > cut_events,
        "cut_to_bytes": cut.to_bytes if cut_max else None,
        "cut_behind_tag_lines": behind[0],
        "cut_behind_tag_to_bytes": behind[1],
        "untimed": sent.untimed if sent else None,
        "reorder_depth_max": max((lane["reorder_depth_max"] for lane in lanes), default=0),
        "loss_percent": None,
        "max_loss_percent": float(question.max_loss * 100),
        "within_max_loss": False,
        "lanes": lanes,
        "version": __version__,
    }
    _judge(report, question.max_loss)
    return report


def _most(cut: CutOf, missing: int) -> int:
    """How many lines may be cut events. Lines that only pile up at one length can't be more than events are missing."""
    most = cut.lines + cut.doubtful_lines - cut.piled_lines
    return most + min(cut.piled_lines, max(missing - most, 0))


def _judge(report: dict[str, Any], max_loss: Fraction) -> None:
    """Complete the report: shares, whether the audit passes, and the sentence that says so."""
    report["expected_events"] = _expected(report)
    lost_share, absent_share = _shares(report)
    report["loss_percent"] = round(float(lost_share) * 100, 6)
    report["within_max_loss"] = absent_share <= max_loss
    report["passed"] = (
        report["within_max_loss"]
        and not report["surplus_events"]
        and not report["refused_tags"]
        and not report["interrupted"]
        and unread(report) is None
    )
    report["verdict"] = verdict(report)


def _take_off(lanes: Sequence[dict[str, Any]], cut_events: int) -> None:
    """Move `cut_events` from the lost to the "cut or lost" events of each port: their own ports are not known."""
    for lane in lanes:
        lane["cut_or_lost_events"] = min(max(cut_events, 0), lane["lost_events"])
        lane["lost_events"] -= lane["cut_or_lost_events"]


def exit_code(report: dict[str, Any]) -> ExitCode:
    """The exit code for a report."""
    if report["interrupted"]:
        return ExitCode.INTERRUPTED
    return ExitCode.MET if report["passed"] else ExitCode.MISSED


def unread(report: dict[str, Any]) -> str | None:
    """A line that says which files could not be read; None: all of them could."""
    unreadable = [each for each in report["damaged_files"] if each["unreadable"]]
    if not unreadable:
        return None
    if len(unreadable) == 1:
        return f"{unreadable[0]['file']}: {unreadable[0]['complaint']}"
    named = ", ".join(each["file"] for each in unreadable[:SHOWN])
    more = f", and {len(unreadable) - SHOWN} more" if len(unreadable) > SHOWN else ""
    return f"{len(unreadable)} files can't be read: {named}{more}; the report says why"


def _expected(report: dict[str, Any]) -> int:
    """How many events were sent, as far as can be known.

    Without the sender's report, nothing shows a port whose tags are all cut off. So lines with damaged tags, and lines
    that were or may have been cut, are taken for missing events, if they are more than the events known to be missing.
    """
    sent_events: int | None = report["sent_events"]
    if sent_events is not None:
        return sent_events
    odd_lines = report["malformed_lines"] + report["cut_events_max"]
    return int(report["received_events"] + max(report["missing_events"], odd_lines))


def _shares(report: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """The share of the expected events that is lost, and the share that is lost or cut."""
    expected, missing, cut = (report[f"{name}_events"] for name in ("expected", "missing", "cut"))
    if report["sent_events"] is None:
        if not expected:
            return Fraction(1), Fraction(1)
        missing, cut = expected - report["received_events"], report["cut_events_max"]
    return Fraction(max(missing - cut, 0), max(expected, 1)), Fraction(missing, max(expected, 1))


def _lane(port: int, lane: Lane | None, question: Question, cut: CutOf | None, seen: Seen) -> dict[str, Any]:
    """One port's part of the report; `cut` is None if it can't be known which events were cut."""
    sent = question.sent
    sent_events = sent.lanes.get(port, 0) if sent else None
    end = sent_events if sent_events is not None else (lane.highest + 1 if lane else 0)
    if lane:
        missing = summarise(seen.missing(lane.number, end), question.ranges_shown)
    else:
        missing = Missing(end, min(end, 1), ((0, end - 1),) if end else ())
    received = lane.received_events if lane else 0
    cut_lines, cut_to_bytes = cut.ports.get(port, (0, None)) if cut else (0, None)
    cut_events = min(cut_lines, missing.events) if sent else cut_lines
    lost = max(missing.events - cut_events, 0)
    return {
        "port": port,
        "sent_events": sent_events,
        "received_events": received,
        "duplicated_events": lane.duplicated_events if lane else 0,
        "reordered_events": lane.reordered_events if lane else 0,
        "reorder_depth_max": lane.reorder_depth_max if lane else 0,
        "missing_events": missing.events,
        "lost_events": lost,
        "cut_events": cut_events,
        "cut_to_bytes": cut_to_bytes if cut_events else None,
        "tail_events": min(lost, missing.events) if received and _is_tail(missing, sent_events) else 0,
        "surplus_events": received - (end - missing.events),
        "highest_number": lane.highest if lane else None,
        "missing_ranges": missing.ranges,
        "missing": [_range(first, last, sent_events, sent) for first, last in missing.longest],
    }


def _is_tail(missing: Missing, sent_events: int | None) -> bool:
    """Whether exactly the last events that were sent are missing."""
    return sent_events is not None and missing.ranges == 1 and missing.longest[0][1] == sent_events - 1


def _range(first: int, last: int, sent_events: int | None, sent: Sent | None) -> dict[str, Any]:
    """A range of missing numbers, and when they were sent, in seconds from the start of the run."""
    from_s = to_s = None
    if sent and sent_events and sent.steady_s is not None:
        from_s = round(max(0.0, sent.steady_s * first / sent_events - sent.late_s), 3)
        to_s = round(min(sent.steady_s, sent.steady_s * (last + 1) / sent_events + sent.late_s), 3)
    return {"first": first, "last": last, "events": last - first + 1, "sent_from_s": from_s, "sent_to_s": to_s}


def audit_table(report: dict[str, Any]) -> str:
    """The report as text in 80 columns: a row for each port, a line on the lines of the files, notes, the verdict."""
    notes = [_line_kinds(report), *_notes(report), report["verdict"]]
    return "\n".join([*_rows(report), *(fitted(note, 4) for note in notes)])


def _rows(report: dict[str, Any]) -> list[str]:
    """The rows of the table. A column of an odd figure is shown if it is not all zeros, and if there is room for it."""
    unplaced = _unplaced(report)
    lanes = [{**lane, "port": str(lane["port"])} for lane in report["lanes"]]
    rows = [*lanes, *([unplaced] if unplaced else []), {**report, "port": "all"}]
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


def _unplaced(report: dict[str, Any]) -> dict[str, Any] | None:
    """A row for the cut events whose port is cut off as well, so that the columns sum to the totals; None: no such."""
    lost, cut = (report[name] - sum(lane[name] for lane in report["lanes"]) for name in ("lost_events", "cut_events"))
    return {"port": "?", "lost_events": max(lost, 0), "cut_events": cut} if cut > 0 else None


def _line_kinds(report: dict[str, Any]) -> str:
    """A line that says how many lines the files have, by what they contain."""
    kinds = [f"{report['tagged_lines']:,} tagged", f"{report['untagged_lines']:,} without a tag"]
    kinds.append(f"{report['malformed_lines']:,} with a damaged one")
    if report["cut_lines"]:
        kinds.append(f"{report['cut_lines']:,} cut before its end")
    if report["unfinished_lines"]:
        kinds.append(f"{report['unfinished_lines']:,} not finished at the end of a file")
    return f"{counted(report['lines'], 'line')}, {format_size(report['bytes'])}: {', '.join(kinds)}"


def _notes(report: dict[str, Any]) -> Iterable[str]:
    """Lines on other runs, damaged files, and what the audit can't know."""
    if report["foreign_tags"]:
        named = ", ".join(f"{each['run_id']} ({each['tags']:,})" for each in report["foreign_runs"][:SHOWN])
        yield f"{counted(report['foreign_tags'], 'tag')} of other runs: {named}"
    for damaged in report["damaged_files"]:
        yield f"{damaged['file']}: {damaged['complaint']}"
    with_port = sum(lane["cut_events"] for lane in report["lanes"])
    if report["cut_events"] > with_port:
        yield (
            f"of {counted(report['cut_events'] - with_port, 'cut event')} the port is cut off as well: in the "
            "rows of the ports they are cut or lost"
        )
    if report["sent_events"] is None:
        yield "what is missing at the end of a port, or a whole port, shows with --sent and the sender's report"
