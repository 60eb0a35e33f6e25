"""Captures that several files read."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.precompute.profiles import build, built_in


@pytest.fixture(scope="session")
def captured(once: Callable[[str, Callable[[Path], object]], Path]) -> Callable[[str], Capture]:
    """20,000 events of the built-in profile of a name."""

    def made(name: str) -> Capture:
        return open_capture(once(f"{name}.rcap", lambda path: build(path, built_in(name), events=20_000)))

    return cache(made)
