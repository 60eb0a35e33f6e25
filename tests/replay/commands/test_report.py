"""`replay report merge` as a user calls it: what it writes, what it refuses, and how it ends."""

import json
import subprocess
from pathlib import Path

import pytest

from captures.console.errors import ExitCode
from replay.report.model import LaneFigures
from tests.forks import fork
from tests.replay.report.reports import plain_report

TIMEOUT_S = 60


def merge(folder: Path, *words: object) -> subprocess.CompletedProcess[bytes]:
    forked = fork("replay", "report", "merge", *words)
    return subprocess.run(**forked, cwd=folder, capture_output=True, timeout=TIMEOUT_S, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, port in (("a", 514), ("b", 515), ("c", 516)):
        report = plain_report(run_id="1f3a9c07", sent_events=port, lanes=[LaneFigures(port, port, 0)])
        (tmp_path / f"{name}.json").write_text(json.dumps(report.figures()), encoding="utf-8")
    return tmp_path


def test_reports_are_merged_and_written(folder: Path) -> None:
    done = merge(folder, "a.json", "b.json", "c.json", "-o", "all.json", "--json")

    assert done.returncode == ExitCode.MET, done.stderr
    whole = json.loads(done.stdout)
    assert json.loads((folder / "all.json").read_text(encoding="utf-8")) == whole
    assert (whole["schema"], whole["sent_events"], whole["run_id"]) == (1, 514 + 515 + 516, "1f3a9c07")
    assert [lane["port"] for lane in whole["lanes"]] == [514, 515, 516]
    assert b"measured: no target was set; 1,545 events sent; run 1f3a9c07" in done.stderr


def test_merged_reports_are_merged_again(folder: Path) -> None:
    merge(folder, "a.json", "b.json", "-o", "ab.json")
    again, at_once = (
        merge(folder, *paths, "--json") for paths in (("c.json", "ab.json"), ("a.json", "b.json", "c.json"))
    )
    assert json.loads(again.stdout) == json.loads(at_once.stdout)


def test_a_failed_part_is_told_by_the_exit_code(folder: Path) -> None:
    failed = json.loads((folder / "a.json").read_text(encoding="utf-8"))
    failed["ending"]["failures"] = ["worker 0: why"]
    failed["verdict"], failed["reason"] = "failed", "worker 0: why"
    (folder / "a.json").write_text(json.dumps(failed), encoding="utf-8")
    done = merge(folder, "a.json", "b.json")
    assert (done.returncode, done.stdout[:22]) == (ExitCode.MISSED, b"failed: worker 0: why;")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["a.json"], "there is nothing to merge: name two reports or more"),
        (["a.json", "a.json"], "port 514 of run 1f3a9c07 is in two of them, and would be counted twice"),
        (["a.json", "none.json"], "none.json: No such file or directory"),
        (["a.json", "later.json"], "later.json: a report of schema 2, and this version of Stampede reads up to 1"),
        (["a.json", "sink.json"], "sink.json: not the report of a run: verdict: "),
        (["a.json", "received.json"], "received.json: this is a sink's report, and here a sender's belongs"),
        (["a.json", "watch.json"], "watch.json: this is a watch's report, and here a sender's belongs"),
        (["a.json", "zzz.json"], "zzz.json: this is another program's report, and here a sender's belongs"),
        (["a.json", "b.json", "-o", "a.json"], "a.json"),
    ],
)
def test_what_can_not_be_merged_is_refused_in_a_line(words: list[str], complaint: str, folder: Path) -> None:
    (folder / "later.json").write_text('{"schema": 2}', encoding="utf-8")
    (folder / "sink.json").write_text('{"lanes": []}', encoding="utf-8")
    (folder / "received.json").write_text('{"lanes": [{"port": 514, "received_bytes": 0}]}', encoding="utf-8")
    for kind in ("watch", "zzz"):
        (folder / f"{kind}.json").write_text(json.dumps({"kind": kind, "lanes": []}), encoding="utf-8")
    before = (folder / "a.json").read_bytes()
    done = merge(folder, *words)

    assert done.returncode == ExitCode.USAGE
    assert complaint in done.stderr.decode()
    assert (folder / "a.json").read_bytes() == before
