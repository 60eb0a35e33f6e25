"""What holds for all commands alike: names of options, letters, completion, terminals."""

import ast
import os
import re
import shutil
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from captures.cli import captures
from precompute.cli import precompute
from replay.cli import replay
from tests import forks
from tools.benchmarks.__main__ import bench
from tools.demonstration import demo
from tools.soaking import soak
from tools.tuning import tune

ROOT = Path(__file__).parents[1]
PACKAGES = ("captures", "precompute", "replay")
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
TIMEOUT_S = 60

LETTERS = {
    "-h": {"--help"},
    "-t": {"--target"},
    "-p": {"--ports"},
    "-e": {"--eps"},
    "-d": {"--duration"},
    "-o": {"--output", "--report"},  # the file that is written
    "-j": {"--json"},
    "-4": set(),
    "-6": set(),
}
"""What a letter stands for, in every command."""


def options(command: click.Command, name: str) -> Iterator[tuple[str, click.Option]]:
    """All options of a command and of those within it, with the name of theirs."""
    context = click.Context(command, info_name=name, help_option_names=["-h", "--help"])
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            yield name, parameter
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            within = command.get_command(context, each)
            assert within is not None
            yield from options(within, f"{name} {each}")


PROGRAM = [*options(captures, "captures"), *options(precompute, "precompute"), *options(replay, "replay")]
TOOLS = [*options(demo, "demo"), *options(soak, "soak"), *options(bench, "bench"), *options(tune, "tune")]


def flags(found: list[tuple[str, click.Option]]) -> set[str]:
    return {flag for _, option in found for flag in (*option.opts, *option.secondary_opts)}


def texts() -> Iterator[tuple[Path, str]]:
    """What the program can say, and what is written of it."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield path, node.value
    for page in PAGES:
        yield page, page.read_text()


def test_every_option_that_is_named_somewhere_exists():
    of_the_tests = set(re.findall(r"(?m)^#   (--[a-z]+)", (ROOT / "tools" / "test").read_text()))
    known = flags(PROGRAM) | flags(TOOLS) | of_the_tests
    assert {"--target", "--exact", "--quick"} <= known
    unknown = {(path.name, flag) for path, text in texts() for flag in FLAG.findall(text) if flag not in known}
    assert unknown == set()


def test_a_letter_means_the_same_in_every_command():
    for name, option in PROGRAM + TOOLS:
        words = {flag for flag in option.opts if flag.startswith("--")}
        for letter in (flag for flag in option.opts if not flag.startswith("--")):
            assert words <= LETTERS[letter], f"{name}: {letter}"
    for name, option in PROGRAM:
        for letter, words in LETTERS.items():
            assert letter in option.opts or not words & set(option.opts), f"{name}: {option.opts} has no {letter}"


def complete(shell: str, program: str, words: str) -> list[str]:
    """What a shell is offered for the last of some words."""
    line = [program, *words.split(" ")]
    asked = {f"_{program.upper()}_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(line)}
    # fish gives the incomplete word in place of its number.
    asked["COMP_CWORD"] = line[-1] if shell == "fish" else str(len(line) - 1)
    return ask(program, asked).splitlines()


def ask(program: str, variables: dict[str, str]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        done = forks.call(program, folder=ROOT, timeout_s=TIMEOUT_S)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("program", ["replay", "precompute", "captures"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_completes(program: str, shell: str):
    script = ask(program, {f"_{program.upper()}_COMPLETE": f"{shell}_source"})
    assert f"_{program.upper()}_COMPLETE={shell}_complete" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=TIMEOUT_S)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_options_choices_and_files_are_completed(shell: str):
    def offered(program: str, words: str) -> str:
        return "\n".join(complete(shell, program, words))

    assert "reconcile" in offered("replay", "re")
    assert "--start-at" in offered("replay", "run --st")
    assert "packet" in offered("replay", "run --backend pa")
    assert "file" in offered("replay", "run sys")
    assert "file" in offered("replay", "run system.rcap --report se")
    assert "web" in offered("precompute", "build we")
    assert "file" in offered("precompute", "build we")
    assert "system" in offered("precompute", "profiles sy")


def seen_on_a_terminal(folder: Path, *arguments: str, **variables: str) -> str:
    """What `precompute` or `replay` shows on a terminal."""
    terminal, side = os.openpty()
    termios.tcsetwinsize(side, (24, 80))
    program, *words = arguments
    command = [sys.executable, "-c", f"from {program}.cli import main; main()", *words]
    environment = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    environment |= {"TERM": "xterm", "PYTHONPATH": str(ROOT), **variables}
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=side, stderr=side) as process:
        assert process.wait(TIMEOUT_S) in (0, 3)
    os.close(side)
    seen = b""
    try:
        while more := os.read(terminal, 65536):
            seen += more
    except OSError:  # Linux says so where all is read and the other side is closed
        pass
    os.close(terminal)
    return seen.decode()


def test_colours_are_for_terminals_that_want_them(tmp_path: Path):
    assert "\x1b[" in seen_on_a_terminal(tmp_path, "replay", "doctor", "-e", "1k")
    assert "\x1b" not in seen_on_a_terminal(tmp_path, "replay", "doctor", "-e", "1k", NO_COLOR="1")
    assert "\x1b" not in seen_on_a_terminal(tmp_path, "replay", "doctor", "-e", "1k", TERM="dumb")


def test_a_dumb_terminal_has_no_bar_that_moves(tmp_path: Path):
    build = ("precompute", "build", "system", "--events", "1k")
    assert "%|" in seen_on_a_terminal(tmp_path, *build, "-o", "a.rcap")
    plain = seen_on_a_terminal(tmp_path, *build, "-o", "b.rcap", TERM="dumb").replace("\r\n", "\n")
    assert not {"\r", "\x1b"} & set(plain)
    assert plain.startswith("b.rcap: 1,000 events")


CODES = re.compile(r"\b[Rr]equirements?\s+[A-Z]{1,2}\d|(?<!dtype )(?<!\")\b(?!S3\b)[QSTW]\d{1,2}\b")
"""Names of rules in a document that a reader of this tree does not have; S3 is a store, and `"S4"` a dtype of numpy."""


def test_a_rule_is_said_and_not_named_by_a_code():
    sources = [path for folder in (*PACKAGES, "tools", "tests") for path in (ROOT / folder).rglob("*.py")]
    sources = [path for path in sources if path != Path(__file__)]
    found = [(path.name, code[0]) for path in (*sources, *PAGES) for code in CODES.finditer(path.read_text())]
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        ("precompute", "profiles"),
        ("precompute", "profiles", "system"),
        ("precompute", "build", "system", "--events", "1k", "-o", "a.rcap", "--dry-run"),
        ("precompute", "build", "system", "--events", "1k", "-o", "a.rcap"),
        ("replay", "doctor", "-e", "1k"),
        ("replay", "watch", "-p", "514-520", "-d", "100ms"),
    ],
)
def test_what_a_terminal_is_shown_fits_80_columns(tmp_path: Path, words: tuple[str, ...]):
    shown = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", seen_on_a_terminal(tmp_path, *words))
    lines = re.split(r"[\r\n]+", shown)
    assert [line for line in lines if len(line.rstrip()) > 80] == []
    assert len(lines) > 1


PLURAL = re.compile(
    r" (?:\w+ )?(?:bytes|drops|errors|events|fields|files|gaps|intervals|lines|looks|lanes|packets|ports|runs|samples|"
    r"sockets|tags|trains|values|windows|workers)\b"
)


def plurals(path: Path) -> Iterator[str]:
    """The parts of texts in which a number that may be 1 stands before a plural, with the line."""
    tree = ast.parse(path.read_text())
    choices = (node for node in ast.walk(tree) if isinstance(node, ast.IfExp) and "== 1" in ast.unparse(node.test))
    told_apart = {id(node.orelse) for node in choices}
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or id(node) in told_apart:
            continue
        for place, part in enumerate(node.values[:-1]):
            behind = node.values[place + 1]
            before = node.values[place - 1] if place else None
            if not isinstance(part, ast.FormattedValue) or not isinstance(behind, ast.Constant):
                continue
            spec = ast.unparse(part.format_spec) if part.format_spec else ""
            name = ast.unparse(part.value)
            range_end = isinstance(before, ast.Constant) and str(before.value).endswith(" to ")
            if PLURAL.match(str(behind.value)) and "," in spec and not name.strip("_").isupper() and not range_end:
                yield f"{path.name}:{node.lineno}: {{{name}}}{behind.value}"


def test_one_of_a_kind_is_said_in_the_singular():
    """`counted` of `captures.console.units` does it; limits, which are constants, and the ends of ranges are many."""
    assert [found for package in PACKAGES for path in (ROOT / package).rglob("*.py") for found in plurals(path)] == []
