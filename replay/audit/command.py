"""The `replay audit` command."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import click

from captures.command import SHARE, answer
from captures.errors import InputError
from captures.terminal import bar
from replay.audit.lines import Lines
from replay.audit.report import RUNS_SHOWN, Question, audit_report, audit_table, exit_code
from replay.audit.seen import Seen
from replay.audit.sent import Sent, read_sent
from replay.audit.sources import STDIN, file_windows, keep_freed_memory
from replay.audit.tally import MAX_RUNS, Tally
from replay.report_file import ReportFile, read_report
from replay.tags import RUN, run_text

_FILE: Final = click.Path(path_type=Path, dir_okay=False)
_BLANK: Final = 0
"""The run of tags that were never written."""


@click.command("audit")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--sent", "sent_path", type=_FILE, help="The sender's report: shows what is missing at the end, too.")
@click.option(
    "--run-id", "run", type=RUN, help="The run, like 1f3a9c07.  [default: that of --sent, or the one with most tags]"
)
@click.option(
    "--max-loss",
    type=SHARE,
    default="0%",
    show_default=True,
    help="The most that may be lost for exit code 0.",
)
@click.option("-o", "--report", "report_path", type=_FILE, help="Write the report as JSON to this file.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
def audit(
    *,
    files: tuple[Path, ...],
    sent_path: Path | None,
    run: int | None,
    max_loss: Fraction,
    report_path: Path | None,
    as_json: bool,
) -> int:
    """Reconcile FILE..., what a collector or a SIEM wrote, with what was sent, by the tags of the events.

    Any text will do: syslog lines, JSON, CSV. Files are read one after the other; gzip and Zstandard are unpacked; - is
    stdin. Exit code 1 when more than --max-loss is missing, or something that was never sent is there.
    """
    with ReportFile(report_path, inputs=[*files, sent_path]) as report_file:
        sent = None if sent_path is None else _sent(sent_path, run)
        wanted = run if run is not None or sent is None else sent.run
        lines = Lines()
        with Seen() as seen:
            tally = Tally(seen, wanted)
            _read(files, lines, tally)
            found = _run(wanted, lines, tally)
            report = audit_report(Question([str(file) for file in files], sent, max_loss), found, lines, tally, seen)
        report_file.write(report)
        answer(audit_table(report), report, as_json=as_json)
    return exit_code(report)


def _sent(path: Path, run: int | None) -> Sent:
    """The sender's report, which must be of a run with tags, and of the one that is asked for."""
    try:
        sent = read_sent(read_report(path))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    if sent.run is None and run is None:
        raise InputError(f"{path}: this run had no tags; build the capture with --tagged, or name a run with --run-id")
    if None not in (sent.run, run) and sent.run != run:
        raise InputError(f"{path}: this is the report of run {run_text(sent.run or 0)}, and --run-id is another")
    return sent


def _read(files: Sequence[Path], lines: Lines, tally: Tally) -> None:
    """Take in all files; a bar shows how far on a terminal."""
    keep_freed_memory()
    sizes = [file.stat().st_size if file != STDIN and file.is_file() else 0 for file in files]
    total = sum(sizes) if all(sizes) else None
    with bar(total=total, unit="B", unit_scale=True, unit_divisor=1024) as reading:
        for file in files:
            for window in file_windows(file, reading.update):
                tally.take(lines.take(window))


def _run(wanted: int | None, lines: Lines, tally: Tally) -> int:
    """The run that is reported on. Raises InputError when nothing of it was found."""
    if not tally.runs:
        raise InputError(_no_tag(lines))
    counts = [(run, tags) for run, tags in tally.runs.most_common() if run != _BLANK]
    if wanted is not None and wanted in tally.runs:
        return wanted
    if not counts:
        raise InputError(
            "all tags are blank: nothing wrote them, so the capture was sent by something else than `replay run`"
        )
    if wanted is not None:
        others = ", ".join(f"{run_text(run)} ({tags:,} tags)" for run, tags in counts[:RUNS_SHOWN])
        raise InputError(f"no event of run {run_text(wanted)} is there; there are others: {others}")
    if tally.tags_of_other_runs > counts[0][1]:
        raise InputError(
            f"there are tags of more than {MAX_RUNS} runs; name the one you mean: --run-id {run_text(counts[0][0])}"
        )
    return counts[0][0]


def _no_tag(lines: Lines) -> str:
    """What to do about files without a tag."""
    if lines.malformed:
        return (
            f"none of {lines.lines:,} lines has a whole tag, and {lines.malformed:,} have the beginning of one: "
            "the collector cuts messages; raise the size it allows (rsyslog: maxMessageSize, syslog-ng: log-msg-size)"
        )
    return (
        f"none of {lines.lines:,} lines has a tag: was the capture built with --tagged, and does the collector write "
        "the whole message and its structured data (rsyslog: %rawmsg%, syslog-ng: ${SDATA} ${MSG})?"
    )
