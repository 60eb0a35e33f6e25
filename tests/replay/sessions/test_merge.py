"""Reports as a program merges them: the report that it gets and writes, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError
from replay.report.merge import merged
from replay.report.model import LaneFigures, RunReport
from replay.sessions.merge import merge_files
from tests.replay.report.reports import plain_report


@pytest.fixture
def reports(tmp_path: Path) -> dict[str, RunReport]:
    """Two reports of one run, and their files."""
    made = {}
    for name, port in (("a", 514), ("b", 515)):
        report = plain_report(run_id="1f3a9c07", sent_events=port, lanes=[LaneFigures(port, port, 0)])
        (tmp_path / f"{name}.json").write_text(json.dumps(report.figures()), encoding="utf-8")
        made[name] = report
    return made


def test_files_are_merged_as_their_reports_are(tmp_path: Path, reports: dict[str, RunReport]) -> None:
    whole = merge_files([tmp_path / "a.json", tmp_path / "b.json"], report=tmp_path / "all.json")
    assert whole == merged([reports["a"], reports["b"]])
    assert json.loads((tmp_path / "all.json").read_text(encoding="utf-8")) == whole.figures()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "no report: there is nothing to merge: name two reports or more"),
        (["a.json"], "a.json: there is nothing to merge: name two reports or more"),
        (["a.json", "a.json"], "a.json, a.json: port 514 of run 1f3a9c07 is in two of them"),
        (["a.json", "none.json"], "none.json: No such file or directory"),
    ],
)
@pytest.mark.usefixtures("reports")
def test_what_can_not_be_merged_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refusal:
        merge_files([Path(name) for name in names], report=Path("all.json"))
    assert str(refusal.value).startswith(said)
    assert not Path("all.json").exists()


def test_a_text_is_no_path() -> None:
    paths: Any = ["a.json", "b.json"]
    with pytest.raises(InputError, match=r"REPORT 'a.json': write it like Path\('a.json'\)"):
        merge_files(paths)


def test_one_report_and_none_are_not_merged(reports: dict[str, RunReport]) -> None:
    for few in ([], [reports["a"]]):
        with pytest.raises(ValueError, match="there is nothing to merge: name two reports or more"):
            merged(few)
