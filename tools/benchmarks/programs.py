"""Running the commands that are measured, of this tree or of another commit, in a namespace, bounded in time."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from captures.console.errors import InputError
from tools.command_line import command

PATIENCE_S: Final = 60
BEFORE: Final = ", before"
"""What the name of a figure of the other commit ends in."""
ROOT: Final = Path(__file__).parents[2]

Trees = Mapping[str, Path]
"""Folders of sources to measure in turns, by what the names of their figures end in: this one, and maybe BEFORE."""


def trees_of(folder: Path, commit: str | None) -> Trees:
    """This tree and, where a commit is named, that one, unpacked in `folder`. Raises InputError."""
    if commit is None:
        return {"": ROOT}
    before = folder / "before"
    before.mkdir()
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, timeout=PATIENCE_S, check=False)
    if packed.returncode:
        raise InputError(f"--before: {packed.stderr.decode(errors='replace').strip().splitlines()[-1]}")
    subprocess.run(["tar", "-x", "-C", before], input=packed.stdout, timeout=PATIENCE_S, check=True)
    return {"": ROOT, BEFORE: before}


def of_tree(tree: Path, *line: object) -> list[object]:
    """A command line that runs with the sources of that tree, by this interpreter and what is installed for it."""
    return ["env", "-C", tree, f"PYTHONPATH={tree}", *line]


def inside(host: str, *command: object) -> list[str]:
    """A command line that runs `command` in the namespace `host`."""
    return ["ip", "netns", "exec", host, *map(str, command)]


def replay(host: str, *arguments: object, tree: Path = ROOT) -> list[str]:
    """The command line of a tree's `replay` in the namespace `host`."""
    return inside(host, *of_tree(tree, *command("replay", *arguments)))


def output_of(command: list[str], seconds: float) -> str:
    """What a command prints on stdout and stderr; it may take `seconds` and some more."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds + PATIENCE_S, check=False
    )
    return done.stdout


def report_of(command: list[str], seconds: float) -> dict[str, Any]:
    """The JSON that a command prints on stdout, whatever its verdict."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + PATIENCE_S, check=False)
    if not done.stdout:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


@contextmanager
def sink(host: str, *arguments: object, tree: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """A `replay sink` of a tree that listens, until `received_by` asks for what it received."""
    command = replay(host, "sink", "--json", *arguments, tree=tree)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("listening on"):
                break
        try:
            yield process
        finally:
            process.kill()


def received_by(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The report of a sink, which is ended: it still counts what its buffers hold."""
    process.terminate()
    stdout, _ = process.communicate(timeout=PATIENCE_S)
    report: dict[str, Any] = json.loads(stdout)
    return report


def capture_of(folder: Path, events: str, profile: str = "system", *options: str) -> Path:
    """A capture of a profile in `folder`, and in the page cache; `options` are those of `precompute build`."""
    path = folder / f"{'-'.join((profile, events, *options))}.rcap"
    if path.exists():
        return path
    subprocess.run(
        command("precompute", "build", profile, *options, "-o", path, "--events", events),
        capture_output=True,
        timeout=10 * PATIENCE_S,
        check=True,
    )
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass
    return path
