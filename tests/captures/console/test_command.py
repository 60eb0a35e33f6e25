"""The edge of both commands, seen from outside: every end has its exit code, and a failure is one line."""

import os
import signal
import subprocess
import sys

import pytest

from captures.console.errors import ExitCode

PROGRAM = """
import click
from captures.console import command, errors

@click.group()
def stamp():
    pass

@stamp.command()
@click.option("--rate", type=command.COUNT, default="4M")
@click.option("--kind", type=click.Choice(["a", "b"]), required=True)
def show(rate, kind):
    print(rate)

@stamp.command()
@click.argument("what")
def fail(what):
    raise eval(what)

@stamp.command()
@click.argument("code", type=int)
def leave(code):
    return code

@stamp.command()
def pour():
    while True:
        print("event")

command.run(stamp)
"""


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command, environment = [sys.executable, "-c", PROGRAM, *arguments], {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (
            "errors.InputError('a.yaml: line 3: no such field')",
            ExitCode.USAGE,
            "a.yaml: line 3: no such field",
        ),
        ("errors.CaptureError('it is damaged')", ExitCode.USAGE, "it is damaged"),
        ("errors.PreflightError('no room')", ExitCode.PREFLIGHT, "no room"),
        ("errors.RunError('a worker died')", ExitCode.FAILED, "a worker died"),
        ("click.ClickException('no')", ExitCode.USAGE, "no"),
        ("FileNotFoundError(2, 'No such file', 'x')", ExitCode.FAILED, "x: No such file"),
        ("OSError(28, 'No space left on device')", ExitCode.FAILED, "No space left on device"),
        ("MemoryError", ExitCode.FAILED, "there is not enough memory for this"),
        ("KeyboardInterrupt", ExitCode.INTERRUPTED, "interrupted"),
        ("click.Abort", ExitCode.INTERRUPTED, "interrupted"),
        # What comes from elsewhere can't drive the terminal.
        (r"errors.InputError('\x1b[2J\nno')", ExitCode.USAGE, r"\x1b[2J\nno"),
        (r"FileNotFoundError(2, 'No such file', '\u202ex\x07')", ExitCode.FAILED, r"\u202ex\x07: No such file"),
    ],
)
def test_a_failure_is_one_line_and_a_code(error, code, line):
    result = run("fail", error)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", f"stamp: {line}\n")


@pytest.mark.parametrize("typed", [{}, {"COMP_WORDS": "stamp sh"}, {"COMP_WORDS": "stamp sh", "COMP_CWORD": "x"}])
def test_completions_that_no_shell_asks_for_are_one_line_and_a_code(typed):
    result = run(**typed, _STAMP_COMPLETE="bash_complete")
    line = "stamp: _STAMP_COMPLETE is for shells, which set COMP_WORDS and COMP_CWORD as well\n"
    assert (result.returncode, result.stdout, result.stderr) == (ExitCode.USAGE, "", line)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["show", "--rate", "4x"],
            "stamp show: Invalid value for '--rate': '4x' is not a count; write it like ",
        ),
        (
            ["show"],
            "stamp show: Missing option '--kind'. Choose from: a, b  (stamp show --help shows the usage)",
        ),
        (["shwo"], "stamp: No such command 'shwo'"),
    ],
)
def test_a_usage_error_is_one_line(arguments, line):
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("code", [ExitCode.MET, ExitCode.MISSED])
def test_a_command_returns_its_code(code):
    result = run("leave", str(int(code)))
    assert (result.returncode, result.stderr) == (code, "")


@pytest.mark.parametrize(("arguments", "rate"), [([], "4000000"), (["--rate", "1.5k"], "1500")])
def test_flags_have_units(arguments, rate):
    result = run("show", "--kind", "a", *arguments)
    assert (result.returncode, result.stdout) == (ExitCode.MET, rate + "\n")


def test_help_is_no_failure_but_nothing_to_do_is():
    asked, empty = run("--help"), run()
    assert (asked.returncode, asked.stderr) == (ExitCode.MET, "")
    assert (empty.returncode, empty.stdout) == (ExitCode.USAGE, "")
    assert asked.stdout == empty.stderr


def test_a_defect_keeps_its_traceback_and_is_not_a_missed_target():
    result = run("fail", "ZeroDivisionError")
    assert result.returncode == ExitCode.FAILED
    assert result.stderr.startswith("Traceback")
    assert "ZeroDivisionError" in result.stderr


def test_a_reader_who_leaves_ends_it_silently():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "pour"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(6) == b"event\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == ExitCode.FAILED


def test_a_reader_who_never_came_is_the_same():
    """What is printed stays in a buffer until the end, so the pipe breaks only there."""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "show", "--kind", "a"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (ExitCode.FAILED, b"")


def test_a_complaint_that_nobody_reads_keeps_its_exit_code():
    """1 would say that a target was missed."""
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "no such command"],
        stdout=subprocess.PIPE,
        stderr=writing,
        check=False,
        timeout=60,
    )
    os.close(writing)
    assert (result.returncode, result.stdout) == (ExitCode.USAGE, b"")


def test_ctrl_c_is_one_line():
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "pour"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.read(6)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (ExitCode.INTERRUPTED, b"stamp: interrupted\n")
