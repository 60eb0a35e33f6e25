"""Some seconds of each fuzzer, seeded anew; a failure names its seed. Each has a process of its own, with limits."""

import secrets
import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["fuzz_profiles", "fuzz_captures"])
def test_two_seconds(name):
    seed = secrets.randbelow(10**9)
    command = [sys.executable, "-m", f"tests.fuzz.{name}", "2", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{name} {seed}:\n{done.stderr[-3000:]}"
    assert int(done.stdout.split()[0]) > 0
