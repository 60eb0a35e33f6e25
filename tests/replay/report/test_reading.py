"""Reports of runs that come from a file: those of earlier versions are read, and what makes no sense is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.json_file import SCHEMA, read_report
from replay.report.model import LaneFigures, SinkFigures
from replay.report.reading import read_run_report, run_report_of
from replay.report.table import run_table
from replay.sessions.reconcile import reconcile_files
from tests.replay.report.reports import plain_report

GOLDEN = Path(__file__).parent / "golden"
INTERVALS = {"interval_ms": 100.0, "joined": 1, "sent_events": [1], "due_events": [1]}
SINK = plain_report(sink=SinkFigures("h:1", True, 1, False, 0, 0, None, None)).figures()["sink"]
OLD_RUN, OLD_SINK = GOLDEN / "run_before_schema.json", GOLDEN / "sink_before_schema.json"


def test_a_report_of_before_there_was_a_schema_is_read_whole() -> None:
    report = read_run_report(OLD_RUN)

    assert (report.schema, report.lag_buckets, report.ending, report.intervals) == (0, None, None, None)
    old = json.loads(OLD_RUN.read_text(encoding="utf-8"))
    read = report.figures()
    old["capture"] |= {"shortest_bytes": None, "longest_bytes": None}
    old["strain"] |= {"stolen_seconds": None, "short_intervals_stolen": None}
    old["workers"] = [{**worker, "unreachable_seconds": 0} for worker in old["workers"]]
    assert {name: read[name] for name in old} == old
    assert "met: 99.94% of the target rate" in run_table(report)


def test_reports_of_before_there_was_a_schema_are_reconciled() -> None:
    found = reconcile_files(OLD_RUN, OLD_SINK, None, None).report().figures()
    assert (found["sent_events"], found["lost_events"]) == (4000, 0)


def test_what_a_report_says_is_read_again_as_it_was() -> None:
    report = plain_report(
        sent_events=5, sent_bytes=750, lanes=[LaneFigures(514, 5, 750, {"EPERM": 1})], errors={"EPERM": 1}
    )
    assert run_report_of(json.loads(json.dumps(report.figures()))) == report


@pytest.mark.parametrize("schema", [SCHEMA + 1, -1, "1", None, 1.5, True, 1.0, "x" * 100_000])
def test_another_schema_is_refused_in_a_line(schema: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(plain_report().figures() | {"schema": schema}), encoding="utf-8")
    for read in (read_report, read_run_report, lambda path: reconcile_files(path, OLD_SINK, None, None)):
        later = r"a report of schema 2, and this version of Stampede reads up to 1"
        said = later if schema == SCHEMA + 1 else "its schema is '.*', and no number from 0 on"
        with pytest.raises(InputError, match=said) as told:
            read(path)
        assert len(str(told.value)) < 300 + len(str(path))
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"sent_events": "5"}, "sent_events: "),
        ({"sent_events": 1}, "sent_events is not the sum of its lanes"),
        ({"sent_bytes": -1}, "below 0"),
        ({"duration_s": -1.0}, "no time that a run can have"),
        ({"duration_s": float("nan")}, "duration_s: a figure is 1e.18 at most"),
        ({"target_eps": 1e308}, "target_eps: a figure is 1e.18 at most"),
        ({"target_eps": float("inf")}, "target_eps: a figure is 1e.18 at most"),
        ({"wire": json.loads("[" * 500 + "1e999" + "]" * 500)}, "wire: a figure is 1e.18 at most"),
        ({"sent_bytes": 1}, "sent_bytes is not the sum of its lanes"),
        ({"lanes": [{"port": -5, "sent_events": 0, "sent_bytes": 0}]}, "there is no port -5"),
        ({"lanes": [{"port": 10**30, "sent_events": 0, "sent_bytes": 0}]}, "there is no port 1000"),
        ({"asked_events": -1}, "below 0"),
        ({"sink": SINK | {"lost_events": -1}}, "below 0"),
        ({"intervals": INTERVALS | {"sent_events": [-1]}}, "below 0"),
        ({"intervals": INTERVALS | {"interval_ms": 1e-9}}, "intervals: "),
        ({"intervals": INTERVALS | {"interval_ms": 1e17}}, "intervals: "),
        ({"lag_buckets": {"counts": {"1": 1}, "sum_us": 1, "max_us": 1}}, "there are more events than were sent"),
        ({"lag_buckets": {"counts": {"01": 0}, "sum_us": 0, "max_us": 0}}, "no bucket 01"),
        ({"lag_buckets": {"counts": dict.fromkeys("12345678", 1 << 59), "sum_us": 0, "max_us": 1}}, "no more values"),
        ({"lag_buckets": {"counts": {}, "sum_us": 1 << 123, "max_us": 0}}, "63 bits"),
        ({"run_id": "1f3a"}, "eight hexadecimal digits"),
        ({"parts": [plain_report(schema=7).figures()]}, "a part of schema 7, and this version of Stampede reads up"),
        ({"parts": [plain_report(parts=[plain_report()]).figures()]}, "a part has no parts"),
        ({"started": "yesterday", "started_ns": 1}, "yesterday"),
        ({"started": "2026-11-26T14:00:00", "started_ns": 1}, "started has no time zone"),
        ({"verdict": "fine"}, "there are failed, interrupted, missed, measured, met"),
        ({"lanes": [{"port": 514, "sent_events": 0, "sent_bytes": 0}] * 2}, "port 514 stands there twice"),
        ({"lag_buckets": {"counts": {"1024": 1}, "sum_us": 0, "max_us": 0}}, "no bucket 1024"),
        ({"lag_buckets": {"counts": {"-1": 1}, "sum_us": 0, "max_us": 0}}, "no bucket -1"),
        ({"lag_buckets": {"counts": {}, "sum_us": 0, "max_us": 1 << 70}}, "63 bits"),
        ({"intervals": {"interval_ms": 100.0, "joined": 1, "sent_events": [1], "due_events": []}}, "intervals: "),
    ],
)
def test_what_makes_no_sense_is_refused(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        run_report_of(plain_report().figures() | changed)


def test_a_run_in_capitals_is_the_same_run() -> None:
    told = plain_report(run_id="1F3A9C07", parts=[plain_report(run_id="1F3A9C07")]).figures()
    read = run_report_of(told)
    assert (read.run_id, read.parts[0].run_id) == ("1f3a9c07", "1f3a9c07")


def test_what_is_no_report_of_a_run_is_refused_with_its_path() -> None:
    with pytest.raises(InputError, match="this is a sink.s report, and here a sender.s belongs"):
        read_run_report(OLD_SINK)
