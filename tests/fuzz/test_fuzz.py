"""Each fuzzer for a few seconds, seeded anew each time; `./tools/test --deep` lets them share an hour."""

import random
from importlib import import_module
from pathlib import Path

import pytest

SHORT_S = 2
DEEP_S = 3600
FUZZERS = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py"))


@pytest.mark.parametrize("name", FUZZERS)
def test_fuzz(name: str, request: pytest.FixtureRequest):
    seconds = DEEP_S / len(FUZZERS) if request.config.getoption("--deep") else SHORT_S
    seed = random.randrange(1 << 32)
    print(f"{name}({seconds}, {seed})")  # pytest shows it where the test fails
    fuzz = getattr(import_module(f"tests.fuzz.{name}"), name)
    assert fuzz(seconds, seed) > 0, "it tried nothing"
