"""What rates cost, and which sources are measured: of reports and looks that are given."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from captures.console.errors import InputError
from replay.linux.cpu_times import CoreTimes
from tools.benchmarks.programs import BEFORE, ROOT, of_tree, trees_of
from tools.benchmarks.rates import Look, between, over_rounds, told, watched

SENT = {
    "target_eps": 1000.0,
    "achieved_eps": 999.0,
    "sent_events": 5000,
    "offered": {"below_95_percent": 3},
    "lag_ms": {"p50": 0.1, "p99": 1.5, "max": 2.5},
    "strain": {"short_intervals_stolen": 2},
}


def test_what_was_lost_and_late_is_read_from_both_reports() -> None:
    received = {"received_events": 4990, "lanes": [{"verified_events": 4000}, {"verified_events": 980}]}
    assert told(SENT, received) == {
        "of_target_percent": 99.9,
        "lost": 10,
        "not_verified": 20,
        "lag_p50_ms": 0.1,
        "lag_p99_ms": 1.5,
        "lag_max_ms": 2.5,
        "intervals_below_95_percent": 3,
        "of_these_with_steal": 2,
    }
    earlier = SENT | {"offered": None, "lag_ms": None, "strain": {}}
    assert told(earlier, received).keys() == {"of_target_percent", "lost", "not_verified"}


def test_losses_are_summed_over_the_rounds_and_of_all_else_the_median_counts() -> None:
    rounds = [{"lost": 1, "lag_p99_ms": 5.0}, {"lost": 2, "lag_p99_ms": 1.0, "sink_cpu_percent": 7.0}, {"lost": 0}]
    assert over_rounds(rounds) == {"lost": 3, "lag_p99_ms": 3.0, "sink_cpu_percent": 7.0}


def test_what_was_used_between_two_looks() -> None:
    first = Look(10.0, {"sender": 1.0, "sink": 2.0}, {0: CoreTimes(100, 50, 0, 5)})
    last = Look(14.0, {"sender": 2.0, "sink": 5.0}, {0: CoreTimes(300, 150, 0, 15), 1: CoreTimes(1, 0, 0, 1)})
    assert between(first, last) == {
        "sender_cpu_percent": 25.0,
        "sink_cpu_percent": 75.0,
        "steal_percent_core_0": 5.0,
        "steal_percent_core_1": 0.0,
    }


RUN = """
import os, signal, time
from replay.control.run_socket import ControlSocket
if not (compiling := os.fork()):
    time.sleep(60)
time.sleep(0.5)
os.kill(compiling, signal.SIGKILL)
os.wait()
if not os.fork():
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s: pass
    os._exit(0)
with ControlSocket(None) as control:
    for _ in range(6000):
        control.poll(lambda words: {"state": "running"})
        time.sleep(0.01)
"""
"""What is seen of a run from outside: a process that compiles, then a worker, then a socket that answers."""


@pytest.fixture
def runtime_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Where runs have their sockets; its path is short, as a socket's must be."""
    with TemporaryDirectory(prefix="rates-") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield


@pytest.mark.usefixtures("runtime_folder")
def test_the_worker_is_watched_and_not_the_process_that_compiles_for_it() -> None:
    with subprocess.Popen([sys.executable, "-c", RUN], text=True) as process:
        try:
            notes = watched({"sender": process}, 1)
        finally:
            for child in psutil.Process(process.pid).children():
                child.kill()
            process.kill()
    assert notes["sender_cpu_percent"] > 0
    assert notes["sender_rss_mib"] >= notes["sender_pss_mib"] > 0
    assert notes["sender_rss_mib"] > notes["sender_anonymous_mib"] > 0
    assert watched({"sender": process}, 1) == {}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="these are sources without a history")
def test_another_commit_is_unpacked_and_run_with_its_own_sources(tmp_path: Path) -> None:
    trees = trees_of(tmp_path, "HEAD")
    assert list(trees) == ["", BEFORE]
    assert trees[""] == ROOT
    where = "import captures; print(captures.__file__)"
    for tree in trees.values():
        line = [*map(str, of_tree(tree, sys.executable, "-c", where))]
        assert Path(subprocess.check_output(line, text=True).strip()) == tree / "captures" / "__init__.py"
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="--before: .*no-such-commit"):
        trees_of(tmp_path / "other", "no-such-commit")
    assert trees_of(tmp_path, None) == {"": ROOT}
