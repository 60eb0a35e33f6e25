"""A short soak, from start to end."""

import json
import subprocess
import sys
from pathlib import Path

from tests.network.programs import ROOT, free_ports, listed


def soak(*options: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "tools.soaking", *map(str, options)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_short_soak_accounts_for_every_event(tmp_path: Path) -> None:
    options = ("--time", "5s", "--eps", "4k", "--events", "20k", "--ports", listed(free_ports(4)))
    done = soak(*options, "--json", "--report", tmp_path / "report.json")
    found = json.loads(done.stdout)
    # A busy machine may make it miss its rate; it may not lose, leak or restart.
    assert all(line.startswith(("the rate", "the schedule", "the run's verdict")) for line in found["faults"]), found
    assert (found["sent_events"], found["lost_events"]) == (20_000, 0)
    assert found["descriptors_more"] <= 0  # fewer: the last look met a process on its way out
    report = json.loads((tmp_path / "report.json").read_text())
    assert len(report["each"]) == found["samples"] >= 3
    assert report["each"][-1]["memory_bytes"] > 0
    assert done.returncode == (1 if found["faults"] else 0)


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
