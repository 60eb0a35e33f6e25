"""Running the commands that are measured, in a namespace, bounded in time."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tools.command_line import command

PATIENCE_S: Final = 60


def inside(host: str, *command: object) -> list[str]:
    """A command line that runs `command` in the namespace `host`."""
    return ["ip", "netns", "exec", host, *map(str, command)]


def replay(host: str, *arguments: object) -> list[str]:
    """The command line of `replay` in the namespace `host`."""
    return inside(host, *command("replay", *arguments))


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
def sink(host: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A `replay sink` that listens; it ends by itself after two seconds of silence."""
    command = replay(host, "sink", "--json", "--idle", "2s", *arguments)
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
    """The report of a sink, once it has ended."""
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
