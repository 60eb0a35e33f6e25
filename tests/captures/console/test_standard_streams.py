"""Streams that are closed, full or left, and locales that know little: no traceback, and what was asked for is safe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from captures.console.errors import ExitCode

ROOT = Path(__file__).parents[3]
PROGRAM = """
import os, sys
import click
from tqdm import tqdm
from captures.console import command

@click.group()
def stamp():
    pass

@stamp.command()
@click.argument("lines", type=int)
def tell(lines):
    "Words alone."
    for number in tqdm(range(lines), disable=False, file=sys.stderr):
        click.echo(f"word {number}", err=True)
        tqdm.write("word", file=sys.stderr)
    return 1

@stamp.command()
@click.argument("lines", type=int)
def show(lines):
    "Data, and then a word on a file."
    for number in range(lines):
        click.echo(f"data {number}")
    click.echo("whole", err=True)

@stamp.command()
@click.argument("text")
def say(text):
    click.echo(text)
    click.echo(text, err=True)

@stamp.command()
def text():
    click.echo("na\\u00efve \\u2192")
    click.echo("na\\u00efve \\u2192", err=True)

@stamp.command()
def files():
    "What is opened gets none of the numbers of the streams."
    fd = os.open("/dev/null", os.O_RDONLY)
    return 1 if fd > 2 else 0

@stamp.command()
def read():
    try:
        sys.stdin.buffer.read()
    except OSError as error:
        click.echo(error.strerror, err=True)

command.run(stamp)
"""


def run(redirection: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    script = f'set -o pipefail; "$@" {redirection}'
    line = ["bash", "-c", script, "bash", sys.executable, "-c", PROGRAM, *map(os.fsencode, map(str, arguments))]
    return subprocess.run(line, capture_output=True, cwd=ROOT, env=os.environ | environment, timeout=60, check=False)


BROKEN = ["2>&-", ">&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full", "2> >(true)", "2>&1 | true"]


@pytest.mark.parametrize("lines", [1, 5000])
@pytest.mark.parametrize("redirection", BROKEN)
def test_words_that_nobody_gets_change_nothing(redirection, lines):
    done = run(redirection, "tell", lines)
    assert done.returncode == ExitCode.MISSED
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"Exception" not in done.stdout + done.stderr


@pytest.mark.parametrize("lines", [1, 5000])
@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        (">&-", b"stamp: stdout can't be written: Bad file descriptor\n"),
        (">/dev/full", b"stamp: stdout can't be written: No space left on device\n"),
        (">/dev/full 2>/dev/full", b""),
        (">&- 2>&-", b""),
        ("| true", b""),
    ],
)
def test_data_that_nobody_gets_is_an_error(redirection, said, lines):
    done = run(redirection, "show", lines)
    assert done.returncode == ExitCode.FAILED
    assert done.stderr.removeprefix(b"whole\n") == said


def test_help_that_nobody_gets_is_an_error_too():
    done = run(">/dev/full", "--help")
    assert done.returncode == ExitCode.FAILED
    assert done.stderr == b"stamp: stdout can't be written: No space left on device\n"


@pytest.mark.parametrize("redirection", ["", "<&- >&- 2>&-", "<&-", ">&-", "2>&-"])
def test_no_file_gets_the_number_of_a_stream(redirection):
    assert run(redirection, "files").returncode == 1


def test_a_closed_stdin_can_not_be_read():
    done = run("<&-", "read")
    assert (done.returncode, done.stderr) == (ExitCode.MET, b"Bad file descriptor\n")


def test_a_pipe_that_does_not_block_gets_all():
    """A reader that is slow, and a pipe that somebody made not to block: it is written to its end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "show", "20000"], stdout=writing, cwd=ROOT) as process:
        os.close(writing)
        with os.fdopen(reading) as got:
            assert sum(1 for _ in got) == 20000
    assert process.returncode == ExitCode.MET


LATIN_1 = "en_US.ISO-8859-1"


@pytest.fixture(scope="module")
def latin_1(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A locale that knows no UTF-8, made here: few systems still have one."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef") is None:
        pytest.skip("needs localedef")
    made = subprocess.run(
        ["localedef", "-i", "en_US", "-f", "ISO-8859-1", folder / LATIN_1], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"no such locale: {made.stderr}")
    return {"LOCPATH": str(folder), "LC_ALL": LATIN_1, "PYTHONUTF8": "0"}


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("locale", ["ascii", "latin_1"])
def test_data_is_utf8_and_words_are_never_an_error_in_any_locale(locale, request):
    environment = ASCII if locale == "ascii" else request.getfixturevalue(locale)
    done = run("", "text", **environment)
    assert done.returncode == ExitCode.MET
    assert done.stdout.decode() == "na\u00efve \u2192\n"
    words = "na\u00efve \u2192\n".encode() if locale == "ascii" else b"na\xefve \\u2192\n"
    assert done.stderr == words


@pytest.mark.parametrize("environment", [ASCII, {"LC_ALL": "C.UTF-8"}])
def test_a_name_that_is_no_text_is_shown_by_its_escapes(environment):
    done = run("", "say", os.fsdecode(b"\xff.rcap"), **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\\udcff.rcap\n", b"\\udcff.rcap\n")


@pytest.mark.parametrize("locale", ["ascii", "latin_1"])
def test_a_recipe_can_be_built_again_in_any_locale(locale, request, tmp_path):
    environment = os.environ | (ASCII if locale == "ascii" else request.getfixturevalue(locale))
    command = [sys.executable, "-c", "from precompute.entry import main; main()"]
    message = "na\u00efve \u2192 {f}"
    (tmp_path / "own.yaml").write_text(
        f"""
name: own
groups:
  all: {{weight: 1, templates: [{{weight: 1, severity: info, host: h, tag: t, message: "{message}"}}]}}
fields:
  f: {{choices: [\u6f22, b]}}
""",
        encoding="utf-8",
    )

    def precompute(*arguments: str) -> bytes:
        done = subprocess.run(
            [*command, *arguments],
            capture_output=True,
            cwd=tmp_path,
            env=environment | {"PYTHONPATH": str(ROOT)},
            timeout=60,
            check=False,
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout

    precompute("build", "own.yaml", "-o", "a.rcap", "--events", "100")
    (tmp_path / "recipe.yaml").write_bytes(precompute("recipe", "a.rcap"))
    precompute("build", "recipe.yaml", "-o", "b.rcap")
    assert (tmp_path / "a.rcap").read_bytes() == (tmp_path / "b.rcap").read_bytes()
    assert "na\u00efve" in precompute("check", "own.yaml").decode()
    precompute("inspect", "a.rcap", "--html", "a.html")
    assert "\u6f22" in (tmp_path / "a.html").read_text(encoding="utf-8")
