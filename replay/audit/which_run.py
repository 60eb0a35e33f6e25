"""Which run is an audit about? The one that is named, or that of the sender's report, or the one with most tags."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from captures.console.errors import InputError
from captures.console.units import counted
from replay.audit.files.reading import Collection
from replay.audit.lines import LineCounts
from replay.audit.sent import SentRun
from replay.audit.tag_counts import MAX_RUNS, RUNS_SHOWN
from replay.rewrite.tags import run_text

_BLANK: Final = 0
"""The run that a tag names if no sender has written into it."""


def wanted_run(named: int | None, sent: SentRun | None, sent_path: Path | None) -> int | None:
    """The run to look for in the files: the one that the user `named`, or that of the sender's report; None: any.

    Raises InputError if the run of the report, which is in `sent_path`, had no tags and none is named, or if another
    run is named.
    """
    if sent is None:
        return named
    if sent.run is None and named is None:
        raise InputError(
            f"{sent_path}: this run had no tags; build the capture with --tagged, or name a run with --run-id"
        )
    if None not in (sent.run, named) and sent.run != named:
        raise InputError(f"{sent_path}: this is the report of run {run_text(sent.run or 0)}, and --run-id is another")
    return named if named is not None else sent.run


def reported_run(wanted: int | None, found: Collection, *, known: bool) -> int | None:
    """The run that the report is about; None: the files hold no event of any run.

    Raises InputError when no event of the run was found, unless it is `known` that the files should hold some.
    """
    tally = found.tally
    if wanted is not None and (known or wanted in tally.runs):
        return wanted
    counts = [(run, tags) for run, tags in tally.runs.most_common() if run != _BLANK]
    if wanted is None and counts:
        if tally.tags_of_other_runs > counts[0][1]:
            raise InputError(
                f"there are tags of more than {MAX_RUNS} runs; name the one you mean: --run-id {run_text(counts[0][0])}"
            )
        return counts[0][0]
    if known or not found.lines.lines:
        return wanted
    raise InputError(_nothing(wanted, counts, found))


def _nothing(wanted: int | None, counts: Sequence[tuple[int, int]], found: Collection) -> str:
    """The message for files that hold no event of the run."""
    if not found.tally.runs:
        return _no_tag(found.lines)
    if wanted is None or not counts:
        return "all tags are blank: nothing wrote them, so the capture was sent by something else than `replay run`"
    others = ", ".join(f"{run_text(run)} ({counted(tags, 'tag')})" for run, tags in counts[:RUNS_SHOWN])
    return f"no event of run {run_text(wanted)} is there; there are others: {others}"


def _no_tag(lines: LineCounts) -> str:
    """The message for files that hold no whole tag."""
    if lines.marked:
        return (
            f"none of {counted(lines.lines, 'line')} has a whole tag, and {lines.marked:,} with the beginning of one: "
            "the collector cuts messages; raise the size it allows (rsyslog: maxMessageSize, syslog-ng: log-msg-size)"
        )
    return (
        f"none of {counted(lines.lines, 'line')} has a tag: was the capture built with --tagged, and does the "
        "collector write the whole message and its structured data (rsyslog: %rawmsg%, syslog-ng: ${SDATA} ${MSG})?"
    )
