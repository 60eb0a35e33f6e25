"""A part grows over several attempts, and gets its name when it is whole."""

import os

import pytest

from captures.console.errors import InputError
from captures.files import part_file
from captures.files.part_file import PartFile


def test_a_part_stays_until_it_is_finished(tmp_path):
    path = tmp_path / "a.bin"
    with PartFile(path) as part:
        os.pwrite(part.fd, b"half", 0)
    assert [each.name for each in tmp_path.iterdir()] == ["a.bin.part"]
    with PartFile(path) as part:
        assert os.pread(part.fd, 9, 0) == b"half"
        os.pwrite(part.fd, b" whole", 4)
        part.finish()
    assert [each.name for each in tmp_path.iterdir()] == ["a.bin"]
    assert path.read_bytes() == b"half whole"


def test_a_file_that_came_meanwhile_stays_unless_told(tmp_path):
    path = tmp_path / "a.bin"
    with PartFile(path) as part:
        path.write_text("other")
        with pytest.raises(InputError, match="exists already"):
            part.finish()
    assert path.read_text() == "other"
    with PartFile(path, force=True) as part:
        part.finish()
    assert path.read_bytes() == b""


def test_a_file_system_without_links_will_do(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(part_file.os, "link", refuse)
    with PartFile(tmp_path / "a.bin") as part:
        os.pwrite(part.fd, b"whole", 0)
        part.finish()
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.bin", b"whole")]


def test_one_process_at_a_time_writes_to_a_part(tmp_path):
    with PartFile(tmp_path / "a.bin"), pytest.raises(InputError, match="another process writes to it"):
        PartFile(tmp_path / "a.bin")


def test_a_part_that_was_replaced_is_not_finished(tmp_path):
    with PartFile(tmp_path / "a.bin") as part:
        (tmp_path / "a.bin.part").unlink()
        (tmp_path / "a.bin.part").write_text("other")
        with pytest.raises(InputError, match="somebody put another file there"):
            part.finish()
    assert not (tmp_path / "a.bin").exists()


def test_a_symbolic_link_is_followed_and_stays(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far" / "a.bin")
    with PartFile(tmp_path / "link") as part:
        part.finish()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "a.bin").exists()


def test_what_is_of_no_use_is_removed(tmp_path):
    with PartFile(tmp_path / "a.bin") as part:
        part.discard()
    assert list(tmp_path.iterdir()) == []


def test_where_no_file_can_be_there_is_no_part(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none" / "a.bin", tmp_path, tmp_path / "pipe", tmp_path / ("x" * 255)):
        with pytest.raises(InputError):
            PartFile(path)
    assert [each.name for each in tmp_path.iterdir()] == ["pipe"]
