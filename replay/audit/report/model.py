"""What is in the report of an audit? Each field of its JSON, by name and in order. None says "not measured".

The number of the schema changes when a field changes its meaning or is removed, and not when a field is added. A ledger
reads this report with `replay.ledger.models.collected`, which also takes the reports of earlier versions.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from captures.console.errors import ExitCode
from replay.audit.cut import CutLengths
from replay.audit.files.follow import FollowedFiles
from replay.audit.files.reading import DamagedFile


@dataclass(frozen=True)
class ForeignRun:
    """Another run of which tags were found."""

    run_id: str
    tags: int


@dataclass(frozen=True)
class MissingRange:
    """Consecutive numbers that are missing, and when they were sent, in seconds from the start of the run."""

    first: int
    last: int
    events: int
    sent_from_s: float | None
    sent_to_s: float | None


@dataclass(frozen=True)
class AuditedLane:
    """What was found of the events of one port."""

    port: int
    sent_events: int | None
    received_events: int
    duplicated_events: int
    reordered_events: int
    reorder_depth_max: int
    missing_events: int
    lost_events: int
    cut_events: int
    cut_to_bytes: CutLengths | None
    tail_events: int
    surplus_events: int
    highest_number: int | None
    missing_ranges: int
    missing: list[MissingRange]
    cut_or_lost_events: int = 0
    """Missing events that may be cut events whose port is not known."""

    def figures(self) -> dict[str, Any]:
        """The port's part of the JSON. `asdict` would copy a million ranges field by field, which takes ten seconds."""
        return asdict(replace(self, missing=[])) | {"missing": [vars(each) for each in self.missing]}


@dataclass(frozen=True, kw_only=True)
class AuditReport:
    """Everything that an audit found in the files of a collector."""

    schema: int
    kind: str = "audit"
    verdict: str = ""
    passed: bool = False
    run_id: str | None
    files: list[str]
    bytes: int
    lines: int
    tagged_lines: int
    untagged_lines: int
    malformed_lines: int
    cut_lines: int
    unfinished_lines: int
    damaged_files: list[DamagedFile]
    followed: FollowedFiles | None
    """How the files were followed; None: they were read once."""
    interrupted: bool
    """Whether a signal ended the reading, so that not everything was read."""
    foreign_tags: int
    foreign_runs: list[ForeignRun]
    refused_tags: int
    sent_events: int | None
    expected_events: int = 0
    received_events: int
    duplicated_events: int
    reordered_events: int
    missing_events: int
    surplus_events: int
    lost_events: int
    lost_events_min: int
    tail_events: int
    cut_events: int
    cut_events_max: int
    piled_up: bool
    cut_to_bytes: CutLengths | None
    cut_behind_tag_lines: int
    cut_behind_tag_to_bytes: int | None
    untimed: str | None
    reorder_depth_max: int
    loss_percent: float = 0.0
    max_loss_percent: float = 0.0
    within_max_loss: bool = False
    lanes: list[AuditedLane]
    version: str

    @property
    def unreadable_files(self) -> list[DamagedFile]:
        """The files of which something was not read."""
        return [each for each in self.damaged_files if each.unreadable]

    @property
    def exit_code(self) -> ExitCode:
        """The exit code of a command that made this report, if every file could be read."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        return ExitCode.MET if self.passed else ExitCode.MISSED

    def figures(self) -> dict[str, Any]:
        """The report as JSON-ready values."""
        return asdict(replace(self, lanes=[])) | {"lanes": [lane.figures() for lane in self.lanes]}
