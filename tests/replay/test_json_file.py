"""Reports on disk: whole, and where they were asked for, or where their owner is told."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from captures.console.errors import InputError, PreflightError, RunError
from replay.json_file import ReportFile, read_report
from tests.disks import disk_of


def write(path: Path, report: dict[str, Any]) -> None:
    with ReportFile(path) as file:
        file.write(report)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("2m", tmp_path) as disk:
        yield disk


def test_reads_back_what_it_writes_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "report.json"
    write(path, {"events": 1})
    write(path, {"events": 2})
    assert read_report(path) == {"events": 2}
    assert path.stat().st_size < 100
    assert list(tmp_path.iterdir()) == [path]


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with ReportFile(None) as file:
        file.write({})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("nowhere/report.json", "can't be written: No such file"),
        ("file/report.json", "can't be written: Not a directory"),
        ("folder", "is a folder; name the file itself"),
        (".", "is a folder; name the file itself"),
        ("", "is a folder; name the file itself"),
    ],
)
def test_a_place_where_no_report_can_be_is_refused_beforehand(tmp_path, monkeypatch, place, said):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("folder").mkdir()
    with pytest.raises(InputError, match=said):
        ReportFile(Path(place))


def test_what_is_read_is_not_written_over(tmp_path):
    path = tmp_path / "sent.json"
    path.write_text("{}")
    with pytest.raises(InputError, match="this is the file that is read"):
        ReportFile(path, [None, path])
    assert path.read_text() == "{}"


def test_a_full_disk_is_refused_beforehand(small_disk):
    (small_disk / "other").write_bytes(bytes(1_900_000))
    with pytest.raises(PreflightError, match="no room for the report: No space left on device"):
        ReportFile(small_disk / "report.json")
    assert [path.name for path in small_disk.iterdir()] == ["other"]


def test_a_disk_that_fills_up_meanwhile_has_room_for_the_report(small_disk):
    with ReportFile(small_disk / "report.json") as file:
        with (small_disk / "other").open("wb", buffering=0) as other, pytest.raises(OSError, match="No space"):
            while True:
                other.write(bytes(4096))
        file.write({"events": 1})
    assert read_report(small_disk / "report.json") == {"events": 1}


def test_a_report_whose_folder_is_gone_is_kept_elsewhere(tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(RunError) as told, ReportFile(folder / "report.json") as file:
        folder.rmdir()
        file.write({"events": 1})
    (kept,) = temporary.iterdir()
    assert str(told.value) == (
        f"{folder}/report.json: the report can't be written there: No such file or directory; it is in {kept}"
    )
    assert read_report(kept) == {"events": 1}


def test_a_report_that_can_be_kept_nowhere_is_put_on_stderr(monkeypatch, capsys):
    def refused(**_: object) -> None:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "mkstemp", refused)
    with pytest.raises(RunError, match="No space left on device; it is above, as JSON"):
        write(Path("/dev/full"), {"events": 1})
    assert json.loads(capsys.readouterr().err) == {"events": 1}


def test_where_a_report_is_is_told_though_something_else_went_wrong(capsys):
    with pytest.raises(ZeroDivisionError), ReportFile(Path("/dev/full")) as file:
        file.write({"events": 1})
        raise ZeroDivisionError
    kept = Path(capsys.readouterr().err.strip().rpartition("it is in ")[2])
    assert read_report(kept) == {"events": 1}
    kept.unlink()


def test_a_fifo_is_written_to(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    write(fifo, {"events": 1})
    assert json.loads(os.read(reader, 1000)) == {"events": 1}
    assert fifo.is_fifo()
    os.close(reader)


def test_keeps_the_old_report_when_the_new_one_is_no_json(tmp_path):
    path = tmp_path / "report.json"
    write(path, {"events": 1})
    with pytest.raises(TypeError):
        write(path, {"events": object()})
    assert json.loads(path.read_text()) == {"events": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "no json", "[1, 2]", "\x00"])
def test_refuses_what_is_no_report(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a JSON report"):
        read_report(path)


def test_a_pipe_that_nobody_writes_into_is_not_waited_for(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(InputError, match="nobody writes into this pipe; name a file, or start its writer first"):
        read_report(fifo)
    with pytest.raises(InputError, match="/dev/zero: is a device and no report"):
        read_report(Path("/dev/zero"))


@pytest.mark.parametrize("early", [b"", b'{"eve'])
def test_a_pipe_that_somebody_has_open_is_read_to_its_end(early):
    """As a shell's <(...) is, whether its writer has written something yet or not."""
    ours, theirs = os.pipe()
    os.write(theirs, early)

    def write_rest() -> None:
        os.write(theirs, b'{"events": 1}'[len(early) :])
        os.close(theirs)

    timer = threading.Timer(0.2, write_rest)
    timer.start()
    try:
        assert read_report(Path(f"/dev/fd/{ours}")) == {"events": 1}
    finally:
        timer.join()
        os.close(ours)


def test_refuses_a_report_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_report(tmp_path / "report.json")
