"""How does an audit go, from the request to the report? The files are read once, or followed, and then reported on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from captures.console.errors import InputError
from captures.console.interruption import held
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.format.tags import MAX_RUN
from replay.audit.files.follow import FollowedFiles, Follower
from replay.audit.files.named_files import check_names, total_bytes
from replay.audit.files.reading import Collection, prepare, read_files
from replay.audit.files.sources import keep_freed_memory
from replay.audit.missing import ALL_SHOWN, SHOWN
from replay.audit.report.audit_report import Question, audit_report
from replay.audit.report.model import AuditReport
from replay.audit.seen import Seen
from replay.audit.sent import read_sent
from replay.audit.tag_counts import TagCounts
from replay.audit.which_run import reported_run, wanted_run
from replay.clock import SECOND_NS
from replay.json_file import ReportFile
from replay.request_checks import check_path, check_share, check_time, check_type, check_within

DEFAULT_SETTLE_NS: Final = 5 * SECOND_NS


@dataclass(frozen=True)
class AuditRequest:
    """Everything that a user can ask of an audit."""

    files: Sequence[Path]
    """What a collector wrote; Path("-") is stdin."""
    sent: Path | None = None
    """The report of the sender; None: what is missing at the end of a port can't be known."""
    run_id: int | None = None
    """The run to look for; None: the run of the sender's report, or the run with most tags."""
    max_loss: Fraction = Fraction(0)
    """The share of the events that may be lost or cut in an audit that passes."""
    follow: bool = False
    """Read on while files are written."""
    settle_ns: int | None = None
    """Files are followed until no event has come for this time; None: DEFAULT_SETTLE_NS."""
    all_ranges: bool = False
    """Name all ranges of missing numbers in the report, not only the ten longest of each port."""

    @property
    def inputs(self) -> list[Path | None]:
        """The files that the audit reads, which its report must not overwrite; None for a file that is not given."""
        return [*self.files, self.sent]

    def check(self) -> None:
        """Refuse what no audit can be asked for. Raises InputError."""
        if isinstance(self.files, str) or not self.files:
            raise InputError("FILE: name one file at least, in a list like [Path('collected.log')]")
        for file in self.files:
            check_type("FILE", file, Path, f"Path({str(file)!r})", needed=True)
        check_path("--sent", self.sent)
        check_within("--run-id", self.run_id, 1, MAX_RUN)
        check_share("--max-loss", self.max_loss)
        if self.settle_ns is not None and not self.follow:
            raise InputError("--settle says how long --follow waits; give both")
        check_time("--settle", self.settle_ns)


def audit(request: AuditRequest, report: Path | None = None) -> AuditReport:
    """Look for the events of a run in files, until they are read or a signal comes; returns the report.

    The report is also written to the file `report`, if one is given. A file that can't be read is named in the report,
    and the others are read. Raises InputError if there is no such file, or no event of the run in any.
    """
    with ReportFile(report, inputs=request.inputs) as report_file:
        return look_through(request, report_file)


def look_through(request: AuditRequest, report_file: ReportFile) -> AuditReport:
    """Audit as `audit` does, with a report file that is open already. Raises InputError."""
    request.check()
    sent = None if request.sent is None else read_sent(request.sent)
    wanted = wanted_run(request.run_id, sent, request.sent)
    check_names(request.files, follow=request.follow)
    prepare()
    with held() as signals, Seen() as seen:
        found = Collection(TagCounts(seen, wanted))
        followed = _read(request, found, lambda: bool(signals.names))
        interrupted = bool(signals.names)
        question = Question(
            [str(file) for file in request.files],
            sent,
            request.max_loss,
            followed,
            interrupted=interrupted,
            ranges_shown=ALL_SHOWN if request.all_ranges else SHOWN,
        )
        known = sent is not None or interrupted or any(each.unreadable for each in found.damaged)
        report = audit_report(question, reported_run(wanted, found, known=known), found, seen)
        report_file.write(report.figures())
    return report


def _read(request: AuditRequest, into: Collection, stopped: Callable[[], bool]) -> FollowedFiles | None:
    """Read all files, with a progress bar on a terminal. Returns how they were followed; None: they were read once."""
    keep_freed_memory()
    total = None if request.follow else total_bytes(request.files)
    with bar(total=total, unit="B", unit_scale=True, unit_divisor=1024, file=Stderr()) as reading:
        if request.follow:
            return Follower(request.files, into, reading.update, stopped).follow(
                DEFAULT_SETTLE_NS if request.settle_ns is None else request.settle_ns
            )
        read_files(request.files, into, reading.update, stopped)
    return None
