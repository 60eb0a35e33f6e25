"""An audit as a program calls it: the run that it looks for, and the report that it returns and writes."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import ExitCode, InputError
from captures.format.tags import tag_text
from replay.json_file import SCHEMA
from replay.sessions.audit import AuditRequest, audit

RUN, OTHER = 0x1F3A9C07, 0x0A0B0C0D
TWO_RUNS = {"run_id": None, "parts": [{"run_id": f"{run:08x}"} for run in (RUN, OTHER)]}
"""What a merged report of two runs has that another one has not. Which events were whose, its lanes do not say."""


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    """A file with three events of one run, of which the second is missing, and one of another."""
    tags = [tag_text(RUN, 514, number) for number in (0, 2)] + [tag_text(OTHER, 600, 0)]
    path = tmp_path / "collected.log"
    path.write_bytes(b"\n".join(tags) + b"\n")
    return path


def sent(folder: Path, **more: Any) -> Path:
    path = folder / "sent.json"
    lanes = [{"port": 514, "sent_events": 3}]
    path.write_text(json.dumps({"run_id": f"{RUN:08x}", "lanes": lanes} | more), encoding="utf-8")
    return path


def test_the_run_with_most_tags_is_reported_and_written(collected: Path, tmp_path: Path) -> None:
    report = audit(AuditRequest(files=[collected]), report=tmp_path / "r.json")
    assert (report.run_id, report.received_events, report.lost_events) == ("1f3a9c07", 2, 1)
    assert report.exit_code == ExitCode.MISSED
    figures = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert figures == report.figures()
    assert (figures["schema"], figures["kind"]) == (SCHEMA, "audit")


def test_a_run_that_is_named_goes_before_the_one_with_most_tags(collected: Path) -> None:
    report = audit(AuditRequest(files=[collected], run_id=OTHER))
    assert (report.run_id, [lane.port for lane in report.lanes]) == ("0a0b0c0d", [600])


@pytest.mark.parametrize(
    ("run_id", "more", "complaint"),
    [
        (None, {"run_id": None}, "sent.json: this run had no tags; build the capture with --tagged"),
        (OTHER, {}, "sent.json: this is the report of run 1f3a9c07, and --run-id is another"),
        (None, TWO_RUNS, "sent.json: a merged report of several runs; use the report of each run"),
        (RUN, TWO_RUNS, "sent.json: a merged report of several runs"),
    ],
)
def test_a_sender_s_report_that_does_not_fit_is_named(
    collected: Path, tmp_path: Path, run_id: int | None, more: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        audit(AuditRequest(files=[collected], sent=sent(tmp_path, **more), run_id=run_id))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"files": []}, "FILE: name one file at least"),
        ({"files": "c.log"}, "FILE: name one file at least, in a list"),
        ({"files": ["c.log"]}, "FILE 'c.log': write it like Path('c.log')"),
        ({"files": [None]}, "FILE None: write it like Path("),
        ({"sent": "sent.json"}, "--sent 'sent.json': write it like Path("),
        ({"max_loss": Fraction(2)}, "--max-loss 2: a share is 0 to 1"),
        ({"max_loss": -1}, "--max-loss -1: a share is 0 to 1"),
        ({"max_loss": 0.01}, "--max-loss 0.01: a share is exact"),
        ({"run_id": 1 << 40}, "--run-id 1099511627776: 1 to 4294967295 are possible"),
        ({"settle_ns": -1, "follow": True}, "--settle: -1 ns is no time"),
        ({"settle_ns": 1}, "--settle says how long --follow waits; give both"),
    ],
)
def test_a_value_that_no_audit_can_have_is_the_line_of_its_flag(
    collected: Path, tmp_path: Path, more: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as refusal:
        audit(AuditRequest(**{"files": [collected], **more}), report=tmp_path / "r.json")
    assert str(refusal.value).startswith(said)
    assert not (tmp_path / "r.json").exists()


def test_one_file_under_two_names_is_refused(collected: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.log"
    again.hardlink_to(collected)
    with pytest.raises(InputError, match=r"again\.log: this is the same file as .*collected\.log"):
        audit(AuditRequest(files=[collected, again]))
