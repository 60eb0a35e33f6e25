"""Each fuzzer for a few seconds, seeded anew each time; `./tools/test --deep` lets them share an hour.

Each runs in a process of its own, since some limit the memory that they may take. By hand, with the seed that a failure
names: `python -m tests.fuzz.fuzz_profiles SECONDS SEED`.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest

SHORT_S = 2
DEEP_S = 3600
PATIENCE_S = 300
FUZZERS = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py"))


@pytest.mark.parametrize("name", FUZZERS)
def test_fuzz(name: str, request: pytest.FixtureRequest):
    seconds = DEEP_S / len(FUZZERS) if request.config.getoption("--deep") else SHORT_S
    line = [sys.executable, "-m", f"tests.fuzz.{name}", str(seconds), str(random.randrange(1 << 32))]
    done = subprocess.run(line, capture_output=True, text=True, timeout=seconds + PATIENCE_S, check=False)
    assert done.returncode == 0, f"{line}\n{done.stderr[-5000:]}"
    assert int(done.stdout.split()[0]) > 0, "it tried nothing"
