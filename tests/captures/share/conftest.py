"""A cache of the test's own, and captures to carry that are written once."""

from pathlib import Path

import pytest

from captures.share import store
from tests.captures.share.carried import large, small, web_server


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the cache, which no other test has."""
    monkeypatch.setenv("STAMPEDE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "captures"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(store, "_FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(store, "_MOST_WAIT_S", 0.02)


@pytest.fixture(scope="session")
def large_capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture of four blocks."""
    return large(tmp_path_factory.mktemp("large") / "large.rcap")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A capture of two blocks, what stands before the payload and the payload."""
    return small(tmp_path / "lab.rcap")


@pytest.fixture
def web(tmp_path: Path):
    """A web server."""
    folder = tmp_path / "served"
    folder.mkdir()
    with web_server(folder) as server:
        yield server
