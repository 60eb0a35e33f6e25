"""What is an audit's result, in a sentence? What is lost, what was cut, what may only be late, and what else is odd."""

from collections.abc import Iterator, Sequence
from typing import Final

from captures.console.units import counted, format_share
from captures.format.tags import BLANK
from replay.audit.cut import CutLengths
from replay.audit.report.model import AuditedLane, AuditReport
from replay.ledger.time_stretch import stretch

_BLANK_RUN: Final = BLANK.partition("-")[0]
_SIZES: Final = "rsyslog: maxMessageSize, syslog-ng: log-msg-size"
_WHOLE: Final = (
    "was the capture built with --tagged, and does the collector write the whole message and its structured data "
    "(rsyslog: %rawmsg%, syslog-ng: ${SDATA} ${MSG})?"
)


def summary(report: AuditReport) -> str:
    """The sentence that sums up the report."""
    parts = ["interrupted: not all was read"] if report.interrupted else []
    if unreadable := report.unreadable_files:
        files = unreadable[0].file if len(unreadable) == 1 else f"{len(unreadable)} files"
        parts.append(f"not all was read: {files} can't be")
    parts.append(_lost(report))
    parts += [
        *_cut(report),
        *_cut_behind_tag(report),
        *_doubtful(report),
        *_late(report),
        *_odd(report),
        *_too_much(report),
    ]
    return "; ".join(parts)


def _lost(report: AuditReport) -> str:
    """A clause that says what is lost, or that nothing is."""
    received, lost, cut = report.received_events, report.lost_events, report.cut_events
    run, sent, expected = report.run_id, report.sent_events, report.expected_events
    if not received and not cut and (sent or sent is None):
        events = "anything" if sent is None else counted(sent, "event")
        return f"100.00% lost: nothing of {events} of {f'run {run}' if run else 'any run'} is there, {_instead(report)}"
    if lost:
        where = "" if cut else f", {_where(report.lanes)}"
        if where and report.untimed:
            where += f", it is not known when, since {report.untimed}"
        share, events, least = format_share(lost, expected), f"{lost:,}", report.lost_events_min
        if least < lost:
            share, events = f"between {format_share(least, expected)} and {share}", f"{least:,} to {events}"
        return f"{share} lost: {events} of {expected:,}{where}"
    if cut:
        return f"none of {counted(expected, 'event')} of run {run} is known to be lost"
    if sent is None:
        return f"nothing is missing of run {run} below the last of its {counted(received, 'event')} on each port"
    return f"the one event of run {run} is there" if sent == 1 else f"all {sent:,} events of run {run} are there"


def _instead(report: AuditReport) -> str:
    """A clause that says what the files hold if they hold nothing of the run."""
    if not report.lines:
        return "nor any other line"
    others = [each.run_id for each in report.foreign_runs]
    if others == [_BLANK_RUN]:
        return "but tags that nothing wrote: it was sent by something else than `replay run`, or with --keep-tags"
    if others:
        return f"but tags of other runs: {', '.join(others)}"
    return f"and none of {counted(report.lines, 'line')} has a whole tag: {_WHOLE}"


def _cut(report: AuditReport) -> Iterator[str]:
    """A clause on the events that lost their tag because they were cut."""
    cut, to_bytes = report.cut_events, report.cut_to_bytes
    if cut and to_bytes:
        there = f"{cut:,} {'is' if cut == 1 else 'are'} there without a tag"
        yield (
            f"{format_share(cut, report.expected_events)} cut: {there}, in lines cut to {_length(to_bytes)}; "
            f"raise the size that is allowed ({_SIZES}), or build the capture with --tagged-front"
        )


def _cut_behind_tag(report: AuditReport) -> Iterator[str]:
    """A clause on the events that were cut behind their tag."""
    lines, to_bytes = report.cut_behind_tag_lines, report.cut_behind_tag_to_bytes
    if lines and to_bytes:
        length = counted(to_bytes, "byte")
        yield (
            f"but {counted(lines, 'line')} with a tag end at {length}, where longer events were sent: they were cut "
            f"behind their tags ({_SIZES})"
        )


def _length(to_bytes: CutLengths) -> str:
    least, most = to_bytes.min, to_bytes.max
    return counted(most, "byte") if least == most else f"{least:,} to {most:,} bytes"


def _doubtful(report: AuditReport) -> Iterator[str]:
    """A clause on the lines that may be cut events of this run, or may be others."""
    doubtful = report.cut_events_max - report.cut_events
    if doubtful:
        events = "an event was" if doubtful == 1 else f"{doubtful:,} events were"
        if report.duplicated_events:
            why = "whose the cut lines are can't be told, since events came twice"
        elif report.foreign_tags:
            why = "whose the cut lines are can't be told, since there are events of other runs"
        elif report.piled_up and report.cut_to_bytes:
            why = (
                f"many lines without a tag are as long as the longest of them, {_length(report.cut_to_bytes)}, as "
                f"if cut there: check the size that is allowed ({_SIZES}), or build the capture with --tagged-front"
            )
        else:
            why = (
                "lines without a tag are as long as cut ones, and may be of others, since such are there or too little "
                "shows to what length lines were cut"
            )
        yield f"{events} cut or lost: {why}"


def _late(report: AuditReport) -> Iterator[str]:
    """Clauses on the events that may be missing only because they are not written yet."""
    tail, followed = report.tail_events, report.followed
    if tail:
        be = "is" if tail == 1 else "are"
        all_of_them = f"{tail:,} of them {be}" if tail < report.lost_events else f"{'it' if tail == 1 else 'they'} {be}"
        quiet = (
            f"and no event came for {followed.settle_s:g} s"
            if followed and followed.settled
            else "so maybe not flushed yet: wait, or use --follow"
        )
        yield f"{all_of_them} the last of ports of which all before is there, {quiet}"
    if report.unfinished_lines:
        lines = "line is" if report.unfinished_lines == 1 else "lines are"
        yield f"{report.unfinished_lines:,} last {lines} not finished, and maybe not flushed yet"


def _odd(report: AuditReport) -> Iterator[str]:
    """Clauses on what should not be in the files."""
    if report.surplus_events:
        yield f"{counted(report.surplus_events, 'event')} never sent: is this the report of run {report.run_id}?"
    if report.malformed_lines:
        yield f"{counted(report.malformed_lines, 'line')} with a tag that is damaged"
    if report.refused_tags:
        yield f"{counted(report.refused_tags, 'tag')} too scattered to be kept account of: the figures are not whole"
    if files := [each for each in report.damaged_files if not each.unreadable]:
        named = f"{files[0].file} is" if len(files) == 1 else f"{len(files)} files are"
        yield f"{named} not whole, and what could be read was counted"


def _too_much(report: AuditReport) -> Iterator[str]:
    """A clause that says how many events count as lost or cut, if that fails the audit and no other clause shows it."""
    expected = report.expected_events
    absent = report.missing_events if report.sent_events is not None else expected - report.received_events
    taken = absent > report.missing_events
    if report.within_max_loss or not expected or not (taken or report.max_loss_percent):
        return
    why = ", since without --sent lines with a damaged or cut tag stand for missing events" if taken else ""
    yield (
        f"{absent:,} of {expected:,} count as lost or cut{why}: {format_share(absent, expected)}, and --max-loss "
        f"allows {report.max_loss_percent:g}%"
    )


def _where(lanes: Sequence[AuditedLane]) -> str:
    """A clause that names the port that lost most, and its longest missing range."""
    worst = max(lanes, key=lambda lane: lane.lost_events)
    on = "on port" if sum(lane.lost_events > 0 for lane in lanes) == 1 else "most on port"
    if worst.lost_events == worst.sent_events:
        return f"{on} {worst.port} (all of its {worst.sent_events:,})"
    longest = max(worst.missing, key=lambda each: each.events)
    one = longest.events == 1
    text = f"no. {longest.first:,}" + ("" if one else f" to {longest.last:,}")
    if longest.sent_from_s is not None and longest.sent_to_s is not None:
        from_s, to_s = stretch(longest.sent_from_s, longest.sent_to_s)
        text += f", sent between {from_s:.1f} s and {to_s:.1f} s"
    if worst.missing_ranges > 1:
        text += f", and {counted(worst.missing_ranges - 1, 'other gap')}"
    return f"{on} {worst.port} ({text})"
