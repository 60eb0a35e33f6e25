"""A lab for tests that need one, and the captures they send."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from tests.network.programs import call
from tools.lab import Lab

AnyLab = TypeVar("AnyLab", bound=Lab)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts and a wire; a test that changes them changes them back."""
    with fresh_lab() as built:
        yield built


@contextmanager
def fresh_lab(kind: type[AnyLab] = Lab, *more_programs: str) -> Iterator[AnyLab]:
    """Hosts and wires of this kind; skips the test without the means to build them."""
    for program in ("ip", "nft", "ethtool", *more_programs):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    built = kind()
    try:
        built.build()
        yield built
    except PermissionError:
        pytest.skip("needs root for network namespaces")
    finally:
        built.remove()


@pytest.fixture(scope="session")
def capture(once: Callable[[str, Callable[[Path], object]], Path]) -> Capture:
    """20,000 events of the system profile."""
    return open_capture(once("sent.rcap", _build))


@pytest.fixture(scope="session")
def tagged(once: Callable[[str, Callable[[Path], object]], Path]) -> Capture:
    """20,000 events of the system profile, with tags."""
    return open_capture(once("tagged.rcap", lambda path: _build(path, "--tagged")))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a run that goes on beside the test says what it has to say."""
    return tmp_path / "run.log"


@pytest.fixture
def control(tmp_path: Path) -> Path:
    """Where it is asked how it stands."""
    return tmp_path / "control"


def _build(path: Path, *options: str) -> None:
    built = call("precompute", "build", "system", *options, "--events", "20k", "-o", path)
    assert built.code == 0, built.stderr


@pytest.fixture(scope="session")
def lines(capture: Capture) -> list[bytes]:
    """Its events, in order."""
    return list(capture.lines())
