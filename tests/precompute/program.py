"""The command as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from captures.console.errors import ExitCode
from tests import forks

PROGRAM = (sys.executable, "-c", "from precompute.entry import main; main()")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}


def precompute(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forks.call("precompute", *arguments, timeout_s=120)


def fails(code: ExitCode, *arguments: str) -> str:
    """The one line of a command that must fail."""
    done = precompute(*arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr
