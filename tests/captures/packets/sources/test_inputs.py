"""What a user names is found, each file once; what is not there is said at once."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from captures.console.errors import InputError
from captures.packets.sources.inputs import find_inputs
from tests.captures.packets.sources.test_streams import read_input


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b.pcap", "a.pcap", "notes.txt", ".hidden.pcap", "below/c.pcap", ".git/d.pcap"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return tmp_path


def names(*given: str) -> list[str]:
    return [each.name for each in find_inputs(given).each]


def test_a_folder_is_all_files_in_it_and_below_it():
    assert names(".") == ["./a.pcap", "./b.pcap", "./notes.txt", "./below/c.pcap"]
    assert not any(each.named for each in find_inputs(["."]).each)


def test_a_pattern_is_the_files_whose_names_are_like_it():
    assert names("*.pcap") == ["a.pcap", "b.pcap"]
    assert names("**/*.pcap") == ["a.pcap", "b.pcap", "below/c.pcap"]
    assert all(each.named for each in find_inputs(["*.pcap"]).each)


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(folder):
    (folder / "x[1].pcap").write_bytes(b"")
    (folder / "x1.pcap").write_bytes(b"")

    assert names("x[1].pcap") == ["x[1].pcap"]


def test_a_file_is_read_once_however_often_it_is_named(folder):
    (folder / "link.pcap").symlink_to("a.pcap")
    os.link("a.pcap", "hard.pcap")

    found = find_inputs(["b.pcap", "a.pcap", "./a.pcap", "link.pcap", "hard.pcap", "*.pcap"])

    assert [each.name for each in found.each] == ["b.pcap", "a.pcap"]
    assert found.repeated == ["./a.pcap", "link.pcap", "hard.pcap", "a.pcap", "b.pcap", "hard.pcap", "link.pcap"]


def test_the_size_of_all_is_known_unless_there_is_a_pipe():
    os.mkfifo("pipe")

    assert find_inputs(["a.pcap", "b.pcap"]).total_bytes == 12
    assert find_inputs(["a.pcap", "pipe"]).total_bytes is None


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("nothing.pcap", "nothing.pcap: No such file or directory"),
        ("*.nothing", "no file is there"),
        ("empty", "no file is there"),
        ("a.pcap/b", "Not a directory"),
    ],
)
def test_what_is_not_there_is_said(folder, name, complaint):
    (folder / "empty").mkdir()

    with pytest.raises(InputError, match=complaint):
        find_inputs([name])


def test_a_fifo_is_read_to_its_end(folder):
    os.mkfifo("pipe")
    writer = threading.Thread(target=lambda: (folder / "pipe").write_bytes(b"by the pipe" * 20_000))
    writer.start()

    (found,) = find_inputs(["pipe"]).each

    assert read_input(found) == (b"by the pipe" * 20_000, None)
    writer.join()


READ_STDIN = (
    "import sys\n"
    "from captures.console.errors import InputError\n"
    "from captures.packets.sources.inputs import find_inputs\n"
    "try:\n"
    "    found = find_inputs(['-', '-'])\n"
    "except InputError as error:\n"
    "    sys.exit(str(error))\n"
    "room = memoryview(bytearray(100))\n"
    "with found.each[0].opened() as stream:\n"
    "    print(len(found.each), found.total_bytes, bytes(room[: stream.read_into(room)]))\n"
)


def test_a_dash_is_stdin():
    done = subprocess.run([sys.executable, "-c", READ_STDIN], input=b"piped", capture_output=True, check=True)

    assert done.stdout == b"1 None b'piped'\n"


def test_a_terminal_and_a_closed_stdin_are_refused():
    outer, inner = os.openpty()
    done = subprocess.run([sys.executable, "-c", READ_STDIN], stdin=inner, capture_output=True, check=False)
    assert b"-: stdin is a terminal; name a file" in done.stderr
    os.close(outer)
    os.close(inner)
    with Path(os.devnull).open("wb") as closed:
        done = subprocess.run([sys.executable, "-c", READ_STDIN], stdin=closed, capture_output=True, check=False)
    assert b"-: stdin is closed" in done.stderr


def test_a_file_that_is_gone_when_it_is_its_turn_is_said(folder):
    (found,) = find_inputs(["a.pcap"]).each
    (folder / "a.pcap").unlink()
    with pytest.raises(InputError, match="a.pcap: No such file"), found.opened():
        pass
