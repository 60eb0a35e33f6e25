"""What an audit tells: a plain dictionary, a sentence, and a table for people. None says "not measured"."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from captures import __version__
from captures.errors import ExitCode
from captures.units import format_share, format_size
from replay.audit.lines import Lines
from replay.audit.missing import SHOWN, Missing, summarise
from replay.audit.seen import Seen
from replay.audit.sent import Sent
from replay.audit.tally import Lane, Tally
from replay.tags import run_text

RUNS_SHOWN: Final = 10
_SUMS: Final = ("received_events", "duplicated_events", "reordered_events", "lost_events", "surplus_events")


@dataclass(frozen=True)
class Question:
    """What is asked of a collection."""

    files: Sequence[str]
    sent: Sent | None
    max_loss: Fraction


def audit_report(question: Question, run: int, lines: Lines, tally: Tally, seen: Seen) -> dict[str, Any]:
    """The report on one run's events, ready for JSON.

    Without the sender's report an event is missing if a higher number of its port arrived; with it, if it was sent.
    """
    sent = question.sent
    heard = {lane.port: lane for lane in tally.lanes(run)}
    ports = sorted(heard.keys() | (sent.lanes.keys() if sent else set()))
    lanes = [_lane(port, heard.get(port), sent, seen) for port in ports]
    foreign = [(other, tags) for other, tags in tally.runs.most_common() if other != run]
    report = {
        "kind": "audit",
        "verdict": "",
        "passed": False,
        "run_id": run_text(run),
        "files": list(question.files),
        "bytes": lines.bytes,
        "lines": lines.lines,
        "tagged_lines": lines.tagged,
        "untagged_lines": lines.untagged,
        "malformed_lines": lines.malformed,
        "foreign_tags": sum(tags for _, tags in foreign) + tally.tags_of_other_runs,
        "foreign_runs": [{"run_id": run_text(other), "tags": tags} for other, tags in foreign[:RUNS_SHOWN]],
        "refused_tags": tally.refused[run],
        "sent_events": sum(sent.lanes.values()) if sent else None,
        **{name: sum(lane[name] for lane in lanes) for name in _SUMS},
        "reorder_depth_max": max((lane["reorder_depth_max"] for lane in lanes), default=0),
        "loss_percent": None,
        "max_loss_percent": float(question.max_loss * 100),
        "lanes": lanes,
        "version": __version__,
    }
    loss = _loss(report)
    report["loss_percent"] = round(float(loss) * 100, 6)
    report["passed"] = loss <= question.max_loss and not report["surplus_events"] and not report["refused_tags"]
    report["verdict"] = verdict(report)
    return report


def exit_code(report: dict[str, Any]) -> ExitCode:
    """The exit code that a report stands for."""
    return ExitCode.MET if report["passed"] else ExitCode.MISSED


def _loss(report: dict[str, Any]) -> Fraction:
    """The part of the events that is lost.

    Without the sender's report a port whose tags are all cut off is not known to be there. So lines with damaged tags
    are taken for lost events, where they are more than those that are known to be missing.
    """
    if report["sent_events"] is not None:
        return Fraction(report["lost_events"], max(report["sent_events"], 1))
    lost = max(report["lost_events"], report["malformed_lines"])
    return Fraction(lost, max(report["received_events"] + lost, 1))


def _lane(port: int, lane: Lane | None, sent: Sent | None, seen: Seen) -> dict[str, Any]:
    """One port's part of the report."""
    sent_events = sent.lanes.get(port, 0) if sent else None
    end = sent_events if sent_events is not None else (lane.highest + 1 if lane else 0)
    if lane:
        missing = summarise(seen.missing(lane.number, end))
    else:
        missing = Missing(end, min(end, 1), ((0, end - 1),) if end else ())
    received = lane.received_events if lane else 0
    return {
        "port": port,
        "sent_events": sent_events,
        "received_events": received,
        "duplicated_events": lane.duplicated_events if lane else 0,
        "reordered_events": lane.reordered_events if lane else 0,
        "reorder_depth_max": lane.reorder_depth_max if lane else 0,
        "lost_events": missing.events,
        "surplus_events": received - (end - missing.events),
        "highest_number": lane.highest if lane else None,
        "missing_ranges": missing.ranges,
        "missing": [_range(first, last, sent_events, sent) for first, last in missing.longest],
    }


def _range(first: int, last: int, sent_events: int | None, sent: Sent | None) -> dict[str, Any]:
    """Missing numbers, and when in the run they were sent, seconds from its start."""
    from_s = to_s = None
    if sent and sent_events and sent.steady_s is not None:
        from_s = round(sent.steady_s * first / sent_events, 3)
        to_s = round(sent.steady_s * (last + 1) / sent_events, 3)
    return {"first": first, "last": last, "events": last - first + 1, "sent_from_s": from_s, "sent_to_s": to_s}


def verdict(report: dict[str, Any]) -> str:
    """The report in a sentence."""
    received, lost, sent = (report[name] for name in ("received_events", "lost_events", "sent_events"))
    run, expected = report["run_id"], received + lost if sent is None else sent
    parts = []
    if lost:
        parts.append(f"{format_share(lost, expected)} lost: {lost:,} of {expected:,}, {_where(report['lanes'])}")
    elif sent is None:
        parts.append(f"nothing is missing of run {run} below the last of its {received:,} events on each port")
    else:
        parts.append(f"all {sent:,} events of run {run} are there")
    if report["surplus_events"]:
        parts.append(f"{report['surplus_events']:,} events that were not sent: is this the report of run {run}?")
    if report["malformed_lines"]:
        lines = "line" if report["malformed_lines"] == 1 else "lines"
        parts.append(f"{report['malformed_lines']:,} {lines} with a tag that was cut short or damaged")
    if report["refused_tags"]:
        parts.append(f"{report['refused_tags']:,} tags too scattered to be kept account of: the figures are not whole")
    return "; ".join(parts)


def _where(lanes: Sequence[dict[str, Any]]) -> str:
    """The port that lost most, and its longest range."""
    worst = max(lanes, key=lambda lane: int(lane["lost_events"]))
    if worst["lost_events"] == worst["sent_events"]:
        return f"most on port {worst['port']} (all of its {worst['sent_events']:,})"
    longest = max(worst["missing"], key=lambda each: int(each["events"]))
    one = longest["events"] == 1
    text = f"no. {longest['first']:,}" + ("" if one else f" to {longest['last']:,}")
    if longest["sent_from_s"] is not None:
        text += f", sent between {longest['sent_from_s']:.1f} s and {longest['sent_to_s']:.1f} s"
    if worst["missing_ranges"] > 1:
        text += f", and {worst['missing_ranges'] - 1:,} other {'gap' if worst['missing_ranges'] == 2 else 'gaps'}"
    return f"most on port {worst['port']} ({text})"


def audit_table(report: dict[str, Any]) -> str:
    """The report for people: a row for each port, the lines of the files, the verdict."""
    names = f"{'lost':>13} {'surplus':>9} {'twice':>9} {'reordered':>10} {'depth':>9}"
    head = f"{'port':>6} {'sent':>15} {'received':>15} {names}"
    lines = [head, *(_row(lane["port"], lane) for lane in report["lanes"]), _row("all", report)]
    lines.append(
        f"{report['lines']:,} lines, {format_size(report['bytes'])}: {report['tagged_lines']:,} tagged, "
        f"{report['untagged_lines']:,} without a tag, {report['malformed_lines']:,} with a damaged one"
    )
    if report["foreign_tags"]:
        named = ", ".join(f"{each['run_id']} ({each['tags']:,})" for each in report["foreign_runs"][:SHOWN])
        lines.append(f"{report['foreign_tags']:,} tags of other runs: {named}")
    if report["sent_events"] is None:
        lines.append("what is missing at the end of a port, or a whole port, shows with --sent and the sender's report")
    lines.append(report["verdict"])
    return "\n".join(lines)


def _row(name: object, counts: dict[str, Any]) -> str:
    sent = "-" if counts["sent_events"] is None else f"{counts['sent_events']:,}"
    return (
        f"{name:>6} {sent:>15} {counts['received_events']:>15,} {counts['lost_events']:>13,} "
        f"{counts['surplus_events']:>9,} {counts['duplicated_events']:>9,} {counts['reordered_events']:>10,} "
        f"{counts['reorder_depth_max']:>9,}"
    )
