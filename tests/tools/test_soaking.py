"""A short soak, from start to end."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.network.programs import ROOT, free_ports, listed
from tools.steal import stolen_percent


def soak(*options: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tools.soaking", *map(str, options)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_short_soak_accounts_for_every_event(tmp_path: Path) -> None:
    """However busy the machine is: the time of it is shown, and what is judged is what holds at any speed."""
    options = ("--exact", "--time", "5s", "--eps", "4k", "--events", "20k", "--ports", listed(free_ports(4)))
    done = soak(*options, "--json", "--report", tmp_path / "report.json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["faults"] == []
    assert found["sent_events"] == found["asked_events"] == 20_000
    assert found["lost_before_socket_events"] == found["duplicated_events"] == found["surplus_events"] == 0
    assert 0 <= found["steal_percent"] <= 100
    assert "steal_percent" in done.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["each"]) == found["samples"] >= 3
    assert report["each"][-1]["memory_bytes"] > 0


class Times(NamedTuple):
    """What psutil reads of proc_stat(5), as far as it matters here."""

    user: int = 0
    idle: int = 0
    steal: int = 0
    guest: int = 0
    guest_nice: int = 0


def test_the_time_that_was_stolen() -> None:
    """A guest's time is counted twice, as user and as its own."""
    before = Times(user=10, idle=10, steal=10, guest=5)
    assert stolen_percent(before, Times(user=40, idle=40, steal=50, guest=25)) == 40
    assert stolen_percent(before, before) == 0


def test_what_is_wrong_is_one_line() -> None:
    for options, said in (
        (("--time", "1s"), "5s at least"),
        (("--time", "5s", "--events", "0"), "events"),
        (("--time", "5s", "--events", "20k", "--eps", "1", "--ports", "1"), "port 1 is outside"),
    ):
        done = soak(*options)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr
