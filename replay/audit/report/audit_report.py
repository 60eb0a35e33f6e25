"""How is the report of an audit made? From what the files hold and, if there is one, from the sender's report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from captures import __version__
from replay.audit.cut import CutOf
from replay.audit.files.follow import FollowedFiles
from replay.audit.files.reading import Collection
from replay.audit.missing import SHOWN, MissingNumbers, summarise
from replay.audit.report.model import AuditedLane, AuditReport, ForeignRun, MissingRange
from replay.audit.report.summary import summary
from replay.audit.seen import Seen
from replay.audit.sent import SentRun
from replay.audit.tag_counts import RUNS_SHOWN, TaggedLane
from replay.json_file import SCHEMA
from replay.rewrite.tags import run_text


@dataclass(frozen=True)
class Question:
    """What the audit is asked about the files."""

    files: Sequence[str]
    sent: SentRun | None
    max_loss: Fraction
    followed: FollowedFiles | None = None
    """How the files were followed; None: they were read once."""
    interrupted: bool = False
    """Whether a signal ended the reading, so that not everything was read."""
    ranges_shown: int = SHOWN
    """How many missing ranges of each port the report names."""


def audit_report(question: Question, run: int | None, found: Collection, seen: Seen) -> AuditReport:
    """The report on the events of `run`; if `run` is None, the files hold no event of any run.

    An event is missing if a higher number of its port arrived; with the sender's report, if it was sent.
    """
    sent, lines, tally = question.sent, found.lines, found.tally
    cut = lines.cut.of(run, sent.event_bytes if sent else None)
    heard = {} if run is None else {lane.port: lane for lane in tally.lanes(run)}
    ports = sorted(heard.keys() | (sent.lanes.keys() if sent else cut.ports.keys()))
    twice = any(lane.duplicated_events for lane in heard.values())
    lanes = [_lane(port, heard.get(port), question, cut if not twice else None, seen) for port in ports]
    foreign = [(other, tags) for other, tags in tally.runs.most_common() if other != run]
    foreign_tags = sum(tags for _, tags in foreign) + tally.tags_of_other_runs
    missing = sum(lane.missing_events for lane in lanes)
    certain = 0 if twice else cut.own_lines if foreign_tags or cut.other_lines else cut.lines
    cut_events, cut_max = (min(lines, missing) if sent else lines for lines in (certain, _most(cut, missing)))
    behind = (sent and lines.cut.lengths.cut_behind_tag(sent, missing)) or (0, None)
    report = AuditReport(
        schema=SCHEMA,
        run_id=None if run is None else run_text(run),
        **_files(question, found),
        foreign_tags=foreign_tags,
        foreign_runs=[ForeignRun(run_text(other), tags) for other, tags in foreign[:RUNS_SHOWN]],
        refused_tags=0 if run is None else tally.refused[run],
        **_sums(question, lanes, cut_events, cut_max),
        piled_up=0 < cut.piled_lines == cut.doubtful_lines and cut_max > cut_events,
        cut_to_bytes=cut.to_bytes if cut_max else None,
        cut_behind_tag_lines=behind[0],
        cut_behind_tag_to_bytes=behind[1],
        untimed=sent.untimed if sent else None,
        lanes=_without_unplaced_cut(lanes, cut_events),
        version=__version__,
    )
    return _judged(report, question.max_loss)


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
        "damaged_files": list(found.damaged),
        "followed": question.followed,
        "interrupted": question.interrupted,
    }


def _sums(question: Question, lanes: Sequence[AuditedLane], cut_events: int, cut_events_max: int) -> dict[str, Any]:
    """The part of the report on the events of all ports."""
    sent = question.sent
    missing = sum(lane.missing_events for lane in lanes)
    lost = max(missing - cut_events, 0)
    return {
        "sent_events": sum(sent.lanes.values()) if sent else None,
        "received_events": sum(lane.received_events for lane in lanes),
        "duplicated_events": sum(lane.duplicated_events for lane in lanes),
        "reordered_events": sum(lane.reordered_events for lane in lanes),
        "reorder_depth_max": max((lane.reorder_depth_max for lane in lanes), default=0),
        "missing_events": missing,
        "surplus_events": sum(lane.surplus_events for lane in lanes),
        "lost_events": lost,
        "lost_events_min": max(missing - cut_events_max, 0),
        "tail_events": min(sum(lane.tail_events for lane in lanes), lost),
        "cut_events": cut_events,
        "cut_events_max": cut_events_max,
    }


def _most(cut: CutOf, missing: int) -> int:
    """How many lines may be cut events. Lines that only pile up at one length can't be more than events are missing."""
    most = cut.lines + cut.doubtful_lines - cut.piled_lines
    return most + min(cut.piled_lines, max(missing - most, 0))


def _without_unplaced_cut(lanes: Sequence[AuditedLane], cut_events: int) -> list[AuditedLane]:
    """The ports, with events that may be cut ones of unknown ports moved from the lost to the "cut or lost" events."""
    unplaced = max(cut_events - sum(lane.cut_events for lane in lanes), 0)
    either = [min(unplaced, lane.lost_events) for lane in lanes]
    return [
        replace(lane, lost_events=lane.lost_events - events, cut_or_lost_events=events)
        for lane, events in zip(lanes, either, strict=True)
    ]


def _judged(report: AuditReport, max_loss: Fraction) -> AuditReport:
    """The report with its shares, whether the audit passes, and the sentence that says so."""
    report = replace(report, expected_events=_expected(report))
    lost_share, absent_share = _shares(report)
    within = absent_share <= max_loss
    wrong = report.surplus_events or report.refused_tags or report.interrupted or report.unreadable_files
    report = replace(
        report,
        loss_percent=round(float(lost_share) * 100, 6),
        max_loss_percent=float(max_loss * 100),
        within_max_loss=within,
        passed=within and not wrong,
    )
    return replace(report, verdict=summary(report))


def _expected(report: AuditReport) -> int:
    """How many events were sent, as far as can be known.

    Without the sender's report, nothing shows a port whose tags are all cut off. So lines with damaged tags, and lines
    that were or may have been cut, are taken for missing events, if they are more than the events known to be missing.
    """
    if report.sent_events is not None:
        return report.sent_events
    return report.received_events + max(report.missing_events, report.malformed_lines + report.cut_events_max)


def _shares(report: AuditReport) -> tuple[Fraction, Fraction]:
    """The share of the expected events that is lost, and the share that is lost or cut."""
    expected, missing, cut = report.expected_events, report.missing_events, report.cut_events
    if report.sent_events is None:
        if not expected:
            return Fraction(1), Fraction(1)
        missing, cut = expected - report.received_events, report.cut_events_max
    return Fraction(max(missing - cut, 0), max(expected, 1)), Fraction(missing, max(expected, 1))


def _lane(port: int, lane: TaggedLane | None, question: Question, cut: CutOf | None, seen: Seen) -> AuditedLane:
    """One port's part of the report; `cut` is None if it can't be known which events were cut."""
    sent = question.sent
    sent_events = sent.lanes.get(port, 0) if sent else None
    end = sent_events if sent_events is not None else (lane.highest + 1 if lane else 0)
    if lane:
        missing = summarise(seen.missing(lane.number, end), question.ranges_shown)
    else:
        missing = MissingNumbers(end, min(end, 1), ((0, end - 1),) if end else ())
    received = lane.received_events if lane else 0
    cut_lines, cut_to_bytes = cut.ports.get(port, (0, None)) if cut else (0, None)
    cut_events = min(cut_lines, missing.events) if sent else cut_lines
    lost = max(missing.events - cut_events, 0)
    return AuditedLane(
        port=port,
        sent_events=sent_events,
        received_events=received,
        duplicated_events=lane.duplicated_events if lane else 0,
        reordered_events=lane.reordered_events if lane else 0,
        reorder_depth_max=lane.reorder_depth_max if lane else 0,
        missing_events=missing.events,
        lost_events=lost,
        cut_events=cut_events,
        cut_to_bytes=cut_to_bytes if cut_events else None,
        tail_events=min(lost, missing.events) if received and _is_tail(missing, sent_events) else 0,
        surplus_events=received - (end - missing.events),
        highest_number=lane.highest if lane else None,
        missing_ranges=missing.ranges,
        missing=[_range(first, last, sent_events, sent) for first, last in missing.longest],
    )


def _is_tail(missing: MissingNumbers, sent_events: int | None) -> bool:
    """Whether exactly the last events that were sent are missing."""
    return sent_events is not None and missing.ranges == 1 and missing.longest[0][1] == sent_events - 1


def _range(first: int, last: int, sent_events: int | None, sent: SentRun | None) -> MissingRange:
    """A range of missing numbers, and when they were sent, in seconds from the start of the run."""
    from_s = to_s = None
    if sent and sent_events and sent.steady_s is not None:
        from_s = round(max(0.0, sent.steady_s * first / sent_events - sent.late_s), 3)
        to_s = round(min(sent.steady_s, sent.steady_s * (last + 1) / sent_events + sent.late_s), 3)
    return MissingRange(first, last, last - first + 1, from_s, to_s)
