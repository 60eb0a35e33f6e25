"""What an audit tells: a plain dictionary, a sentence, and a table for people. None says "not measured"."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from captures import __version__
from captures.errors import ExitCode
from captures.units import format_size
from replay.audit.cut import CutOf
from replay.audit.missing import SHOWN, Missing, summarise
from replay.audit.reading import Collection
from replay.audit.seen import Seen
from replay.audit.sent import Sent
from replay.audit.tally import Lane
from replay.audit.verdict import verdict
from replay.tags import run_text

RUNS_SHOWN: Final = 10
_SUMS: Final = tuple(f"{name}_events" for name in ("received", "duplicated", "reordered", "missing", "surplus"))


@dataclass(frozen=True)
class Question:
    """What is asked of a collection."""

    files: Sequence[str]
    sent: Sent | None
    max_loss: Fraction
    followed: dict[str, Any] | None = None
    """How the files were followed; None: they were read once."""
    interrupted: bool = False
    """Whether not all was read."""


def audit_report(question: Question, run: int | None, found: Collection, seen: Seen) -> dict[str, Any]:
    """The report on one run's events, ready for JSON; None: there is nothing of any run.

    Without the sender's report an event is missing if a higher number of its port arrived; with it, if it was sent.
    """
    sent, lines, tally = question.sent, found.lines, found.tally
    text = None if run is None else run_text(run)
    cut = lines.cut.of(run)
    heard = {} if run is None else {lane.port: lane for lane in tally.lanes(run)}
    ports = sorted(heard.keys() | (sent.lanes.keys() if sent else cut.ports.keys()))
    lanes = [_lane(port, heard.get(port), sent, cut, seen) for port in ports]
    foreign = [(other, tags) for other, tags in tally.runs.most_common() if other != run]
    missing = sum(lane["missing_events"] for lane in lanes)
    cut_events = min(cut.lines, missing) if sent else cut.lines
    report = {
        "kind": "audit",
        "verdict": "",
        "passed": False,
        "run_id": text,
        "files": list(question.files),
        "bytes": lines.bytes,
        "lines": lines.lines,
        "tagged_lines": lines.tagged,
        "untagged_lines": lines.untagged,
        "malformed_lines": lines.malformed,
        "cut_lines": lines.cut_lines,
        "unfinished_lines": lines.unfinished,
        "damaged_files": [{"file": file, "complaint": complaint} for file, complaint in found.damaged],
        "followed": question.followed,
        "interrupted": question.interrupted,
        "foreign_tags": sum(tags for _, tags in foreign) + tally.tags_of_other_runs,
        "foreign_runs": [{"run_id": run_text(other), "tags": tags} for other, tags in foreign[:RUNS_SHOWN]],
        "refused_tags": 0 if run is None else tally.refused[run],
        "sent_events": sum(sent.lanes.values()) if sent else None,
        **{name: sum(lane[name] for lane in lanes) for name in _SUMS},
        "lost_events": max(missing - cut_events, 0),
        "tail_events": min(sum(lane["tail_events"] for lane in lanes), max(missing - cut_events, 0)),
        "cut_events": cut_events,
        "cut_to_bytes": cut.to_bytes if cut_events else None,
        "reorder_depth_max": max((lane["reorder_depth_max"] for lane in lanes), default=0),
        "loss_percent": None,
        "max_loss_percent": float(question.max_loss * 100),
        "lanes": lanes,
        "version": __version__,
    }
    lost, absent = _shares(report)
    report["loss_percent"] = round(float(lost) * 100, 6)
    report["passed"] = (
        absent <= question.max_loss
        and not report["surplus_events"]
        and not report["refused_tags"]
        and not question.interrupted
    )
    report["verdict"] = verdict(report)
    return report


def exit_code(report: dict[str, Any]) -> ExitCode:
    """The exit code that a report stands for."""
    if report["interrupted"]:
        return ExitCode.INTERRUPTED
    return ExitCode.MET if report["passed"] else ExitCode.MISSED


def _shares(report: dict[str, Any]) -> tuple[Fraction, Fraction]:
    """The part of the events that is lost, and the part that is lost or cut.

    Without the sender's report a port whose tags are all cut off is not known to be there. So lines with damaged tags
    are taken for missing events, and those that were cut, where they are more than those that are known to be missing.
    """
    missing, cut = report["missing_events"], report["cut_events"]
    expected = report["sent_events"]
    if expected is None:
        missing = max(missing, report["malformed_lines"] + cut)
        expected = report["received_events"] + missing
        if not expected:
            return Fraction(1), Fraction(1)
    return Fraction(max(missing - cut, 0), max(expected, 1)), Fraction(missing, max(expected, 1))


def _lane(port: int, lane: Lane | None, sent: Sent | None, cut: CutOf, seen: Seen) -> dict[str, Any]:
    """One port's part of the report."""
    sent_events = sent.lanes.get(port, 0) if sent else None
    end = sent_events if sent_events is not None else (lane.highest + 1 if lane else 0)
    if lane:
        missing = summarise(seen.missing(lane.number, end))
    else:
        missing = Missing(end, min(end, 1), ((0, end - 1),) if end else ())
    received = lane.received_events if lane else 0
    cut_lines, cut_to_bytes = cut.ports.get(port, (0, None))
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
    """Whether all that is missing are the last that were sent."""
    return sent_events is not None and missing.ranges == 1 and missing.longest[0][1] == sent_events - 1


def _range(first: int, last: int, sent_events: int | None, sent: Sent | None) -> dict[str, Any]:
    """Missing numbers, and when in the run they were sent, seconds from its start."""
    from_s = to_s = None
    if sent and sent_events and sent.steady_s is not None:
        from_s = round(sent.steady_s * first / sent_events, 3)
        to_s = round(sent.steady_s * (last + 1) / sent_events, 3)
    return {"first": first, "last": last, "events": last - first + 1, "sent_from_s": from_s, "sent_to_s": to_s}


def audit_table(report: dict[str, Any]) -> str:
    """The report for people: a row for each port, the lines of the files, the verdict."""
    names = f"{'lost':>13} {'cut':>9} {'surplus':>9} {'twice':>9} {'reordered':>10} {'depth':>9}"
    head = f"{'port':>6} {'sent':>15} {'received':>15} {names}"
    lines = [head, *(_row(lane["port"], lane) for lane in report["lanes"]), _row("all", report)]
    lines += [_line_kinds(report), *_notes(report), report["verdict"]]
    return "\n".join(lines)


def _line_kinds(report: dict[str, Any]) -> str:
    """The lines of the files, by what is in them."""
    kinds = [f"{report['tagged_lines']:,} tagged", f"{report['untagged_lines']:,} without a tag"]
    kinds.append(f"{report['malformed_lines']:,} with a damaged one")
    if report["cut_lines"]:
        kinds.append(f"{report['cut_lines']:,} cut before its end")
    if report["unfinished_lines"]:
        kinds.append(f"{report['unfinished_lines']:,} not finished at the end of a file")
    return f"{report['lines']:,} lines, {format_size(report['bytes'])}: {', '.join(kinds)}"


def _notes(report: dict[str, Any]) -> Iterable[str]:
    """What else there is to know, a line each."""
    if report["foreign_tags"]:
        named = ", ".join(f"{each['run_id']} ({each['tags']:,})" for each in report["foreign_runs"][:SHOWN])
        yield f"{report['foreign_tags']:,} tags of other runs: {named}"
    for damaged in report["damaged_files"]:
        yield f"{damaged['file']}: {damaged['complaint']}"
    with_port = sum(lane["cut_events"] for lane in report["lanes"])
    if report["cut_events"] > with_port:
        yield (
            f"of {report['cut_events'] - with_port:,} cut events the port is cut off as well: in the rows of the ports "
            "they are lost"
        )
    if report["sent_events"] is None:
        yield "what is missing at the end of a port, or a whole port, shows with --sent and the sender's report"


def _row(name: object, counts: dict[str, Any]) -> str:
    sent = "-" if counts["sent_events"] is None else f"{counts['sent_events']:,}"
    return (
        f"{name:>6} {sent:>15} {counts['received_events']:>15,} {counts['lost_events']:>13,} "
        f"{counts['cut_events']:>9,} {counts['surplus_events']:>9,} {counts['duplicated_events']:>9,} "
        f"{counts['reordered_events']:>10,} {counts['reorder_depth_max']:>9,}"
    )
