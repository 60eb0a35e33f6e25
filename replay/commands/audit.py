"""The `replay audit` command."""

import os
import stat
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import click

from captures.console.command import DURATION_NS, SHARE, answer
from captures.console.errors import InputError
from captures.console.interruption import held
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import counted, format_duration
from replay.audit.files.follow import NOT_REGULAR, FollowedFiles, Follower
from replay.audit.files.reading import Collection, read_files
from replay.audit.files.sources import STDIN, keep_freed_memory
from replay.audit.lines import LineCounts
from replay.audit.missing import ALL_SHOWN, SHOWN
from replay.audit.report.audit_report import RUNS_SHOWN, Question, audit_report
from replay.audit.report.table import audit_table, unreadable_line
from replay.audit.seen import Seen
from replay.audit.sent import SentRun, read_sent
from replay.audit.tag_counts import MAX_RUNS, TagCounts
from replay.clock import SECOND_NS
from replay.commands.options.values import NO_FOLDER, RUN
from replay.json_file import ReportFile
from replay.rewrite.tags import run_text

_SETTLE_NS: Final = 5 * SECOND_NS
_BLANK: Final = 0
"""The run that a tag names if no sender has written into it."""


@click.command("audit")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--sent", "sent_path", type=NO_FOLDER, help="The sender's report: shows what is missing at the end, too.")
@click.option(
    "--run-id", "run", type=RUN, help="The run, like 1f3a9c07.  [default: that of --sent, or the one with most tags]"
)
@click.option(
    "--max-loss",
    type=SHARE,
    default="0%",
    show_default=True,
    help="The most that may be lost or cut for exit code 0.",
)
@click.option("--follow", is_flag=True, help="Read on while files are written, until no event comes for --settle.")
@click.option(
    "--settle",
    "settle_ns",
    type=DURATION_NS,
    metavar="TIME",
    help=f"With --follow: how long no event must have come.  [default: {format_duration(_SETTLE_NS)}]",
)
@click.option("--all-ranges", is_flag=True, help="Name all ranges of missing numbers in the report, not ten a port.")
@click.option("-o", "--report", "report_path", type=NO_FOLDER, help="Write the report as JSON to this file.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
def audit(
    *,
    files: tuple[Path, ...],
    sent_path: Path | None,
    run: int | None,
    max_loss: Fraction,
    follow: bool,
    settle_ns: int | None,
    all_ranges: bool,
    report_path: Path | None,
    as_json: bool,
) -> int:
    """Reconcile FILE..., what a collector or a SIEM wrote, with what was sent, by the tags of the events.

    Any text will do: syslog lines, JSON, CSV. Files are read one after the other; gzip and Zstandard are unpacked; - is
    stdin. Exit code 1 when more than --max-loss is lost or cut, or something that was never sent is there. A file that
    can't be read does not end the audit of the others: the report names it, and the exit code is 2. ^C reports on what
    was read, and exits with 130.
    """
    sent = None if sent_path is None else _sent(sent_path, run)
    wanted = run if run is not None or sent is None else sent.run
    for_ns = _settle_ns(files, settle_ns, follow=follow)
    with ReportFile(report_path, inputs=[*files, sent_path]) as report_file:
        with held() as signals, Seen() as seen:
            found = Collection(TagCounts(seen, wanted))
            followed = _read(files, found, for_ns, lambda: bool(signals.names))
            interrupted = bool(signals.names)
            shown, names = ALL_SHOWN if all_ranges else SHOWN, [str(file) for file in files]
            question = Question(names, sent, max_loss, followed, interrupted=interrupted, ranges_shown=shown)
            known = sent is not None or interrupted or any(each.unreadable for each in found.damaged)
            report = audit_report(question, _run(wanted, found, known=known), found, seen)
            report_file.write(report.figures())
        answer(audit_table(report), report.figures(), as_json=as_json)
    if (complaint := unreadable_line(report)) and not interrupted:
        raise InputError(complaint)
    return report.exit_code


def _sent(path: Path, run: int | None) -> SentRun:
    """Read the sender's report. Raises InputError if its run had no tags, or is not the run that `--run-id` names."""
    sent = read_sent(path)
    if sent.run is None and run is None:
        raise InputError(f"{path}: this run had no tags; build the capture with --tagged, or name a run with --run-id")
    if None not in (sent.run, run) and sent.run != run:
        raise InputError(f"{path}: this is the report of run {run_text(sent.run or 0)}, and --run-id is another")
    return sent


def _read(
    files: Sequence[Path], into: Collection, settle_ns: int | None, stopped: Callable[[], bool]
) -> FollowedFiles | None:
    """Read all files, with a progress bar on a terminal. Returns how they were followed; None: they were read once."""
    _look_at(files, follow=settle_ns is not None)
    _refuse_the_same(files)
    keep_freed_memory()
    sizes = [_size_bytes(file) for file in files]
    total = sum(sizes) if all(sizes) and settle_ns is None else None
    with bar(total=total, unit="B", unit_scale=True, unit_divisor=1024, file=Stderr()) as reading:
        if settle_ns is not None:
            return Follower(files, into, reading.update, stopped).follow(settle_ns)
        read_files(files, into, reading.update, stopped)
    return None


def _look_at(files: Sequence[Path], *, follow: bool) -> None:
    """Raise InputError for a name under which there is no file, or with `follow` a file that can't be followed."""
    for file in files:
        if file == STDIN:
            continue
        try:
            found = file.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            if not follow:
                raise InputError(f"{file}: {error.strerror}") from None
        except OSError:
            continue  # reading it says what is wrong
        else:
            if follow and not stat.S_ISREG(found.st_mode):
                raise InputError(f"{file}: {NOT_REGULAR}")


def _refuse_the_same(files: Sequence[Path]) -> None:
    """Raise InputError if two names stand for one file: its events would be counted as duplicated."""
    names: dict[tuple[int, int], Path] = {}
    for file in files:
        try:
            found = os.fstat(0) if file == STDIN else file.stat()
        except OSError:
            continue  # reading it says what is wrong
        first = names.setdefault((found.st_dev, found.st_ino), file)
        if first is not file:
            raise InputError(
                f"{file}: this is the same file as {first}; name it once, since what is read twice counts as duplicated"
            )


def _size_bytes(file: Path) -> int:
    """The size of a regular file; 0 for anything else, and for a file of which reading will report an error."""
    try:
        found = file.stat()
    except OSError:
        return 0
    return found.st_size if file != STDIN and stat.S_ISREG(found.st_mode) else 0


def _settle_ns(files: Sequence[Path], settle_ns: int | None, *, follow: bool) -> int | None:
    """After how long without an event following ends; None: the files are read once, and not followed."""
    if settle_ns is not None and not follow:
        raise click.UsageError("--settle says how long --follow waits; give both")
    if follow and STDIN in files:
        raise click.UsageError("- is read to its end in any case; leave out --follow, or name a file")
    return (_SETTLE_NS if settle_ns is None else settle_ns) if follow else None


def _run(wanted: int | None, found: Collection, *, known: bool) -> int | None:
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
