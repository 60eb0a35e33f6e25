"""Reports on disk: whole or not there."""

import json

import pytest

from captures.errors import InputError
from replay.report_file import check_report_path, read_report, write_report


def test_reads_back_what_it_writes_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, {"events": 1})
    write_report(path, {"events": 2})
    assert read_report(path) == {"events": 2}
    assert list(tmp_path.iterdir()) == [path]


def test_names_a_missing_folder(tmp_path):
    with pytest.raises(InputError, match=r"nowhere/report\.json: can't write the report: No such file"):
        write_report(tmp_path / "nowhere" / "report.json", {})


def test_says_beforehand_where_no_report_can_be_written(tmp_path):
    check_report_path(tmp_path / "report.json")
    with pytest.raises(InputError, match=r"nowhere/report\.json: can't write a report there"):
        check_report_path(tmp_path / "nowhere" / "report.json")


def test_keeps_the_old_report_when_the_new_one_is_no_json(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, {"events": 1})
    with pytest.raises(TypeError):
        write_report(path, {"events": object()})
    assert json.loads(path.read_text()) == {"events": 1}


@pytest.mark.parametrize("text", ["", "no json", "[1, 2]", "\x00"])
def test_refuses_what_is_no_report(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a JSON report"):
        read_report(path)


def test_refuses_a_report_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_report(tmp_path / "report.json")
