"""A stream to standard error that makes nobody wait, whatever standard error is."""

import ast
import fcntl
import os
import pty
import socket
import subprocess
import sys
import termios
from pathlib import Path

import pytest

TELL = """
import sys
from captures.console.stderr import Stderr
stderr = Stderr()
for place in range(int(sys.argv[1])):
    stderr.write(f"{place:08}\\n")
print(stderr.isatty())
"""
"""Says that many lines of nine bytes; what it waits for, nobody ends."""


def told(lines: int, stderr: int, **how: object) -> str:
    """Whether it thinks that it speaks to a terminal, as soon as it has said all."""
    line = [sys.executable, "-c", TELL, str(lines)]
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60, check=True, **how)  # type: ignore[call-overload]
    return str(done.stdout.strip())


def test_a_terminal_that_was_stopped_is_not_waited_for_and_goes_on_afterwards() -> None:
    ours, theirs = pty.openpty()
    try:
        termios.tcflow(theirs, termios.TCOOFF)  # as Ctrl-S does
        assert told(100_000, theirs) == "True"
        termios.tcflow(theirs, termios.TCOON)
        assert told(3, theirs) == "True"
        assert os.read(ours, 4096).replace(b"\r", b"") == b"00000000\n00000001\n00000002\n"
    finally:
        os.close(ours)
        os.close(theirs)


def test_a_pipe_that_nobody_reads_is_not_waited_for_and_stays_as_it_was() -> None:
    ours, theirs = os.pipe()
    try:
        assert told(100_000, theirs) == "False"
        assert os.read(ours, 18) == b"00000000\n00000001\n"
        assert not fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK
    finally:
        os.close(ours)
        os.close(theirs)


def test_nor_is_a_socket() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert told(100_000, theirs.fileno()) == "False"
        assert ours.recv(18) == b"00000000\n00000001\n"


def test_a_file_gets_it_behind_what_is_there(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.write(b"before\n")
        log.flush()
        assert told(2, log.fileno()) == "False"
        log.write(b"after\n")

    assert (tmp_path / "log").read_text() == "before\n00000000\n00000001\nafter\n"


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
def test_what_can_not_be_said_is_left_out(device: str) -> None:
    with Path(device).open("wb") as nowhere:
        assert told(2, nowhere.fileno()) == "False"


def test_without_standard_error_nothing_is_said() -> None:
    assert told(2, subprocess.DEVNULL, preexec_fn=lambda: os.close(2)) == "False"


def test_a_pipe_whose_reader_is_gone_ends_nothing() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        assert told(2, theirs) == "False"
    finally:
        os.close(theirs)


def test_all_that_moves_while_a_command_works_is_written_here() -> None:
    """A bar of tqdm's would wait for the terminal, and with it the build, the audit, the watch or the calibration."""
    calls = [
        (path.name, {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords})
        for package in ("precompute", "replay")
        for path in (Path(__file__).parents[3] / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("bar", "tqdm.write")
    ]
    assert len(calls) >= 8
    for name, keywords in calls:
        assert keywords.get("file", "").lower().endswith("stderr()" if name != "live_line.py" else "_stderr"), name
