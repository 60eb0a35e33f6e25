"""A lab for tests that need one, and the captures they send."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.format.reader import Capture, open_capture
from tests.network.programs import call
from tools.lab import Lab


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Two hosts and a wire; a test that changes them changes them back."""
    with fresh_lab() as built:
        yield built


@contextmanager
def fresh_lab() -> Iterator[Lab]:
    """Two hosts and a wire; skips the test without the means to build them."""
    for program in ("ip", "nft", "ethtool"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    built = Lab()
    try:
        built.build()
        yield built
    except PermissionError:
        pytest.skip("needs root for network namespaces")
    finally:
        built.remove()


@pytest.fixture(scope="session")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """20,000 events of the system profile."""
    path: Path = tmp_path_factory.mktemp("captures") / "system.rcap"
    built = call("precompute", "build", "system", "--events", "20k", "-o", path)
    assert built.code == 0, built.stderr
    return open_capture(path)


@pytest.fixture(scope="session")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Capture:
    """20,000 events of the system profile, with tags."""
    path: Path = tmp_path_factory.mktemp("captures") / "tagged.rcap"
    built = call("precompute", "build", "system", "--tagged", "--events", "20k", "-o", path)
    assert built.code == 0, built.stderr
    return open_capture(path)


@pytest.fixture(scope="session")
def lines(capture: Capture) -> list[bytes]:
    """Its events, in order."""
    return list(capture.lines())
