"""The demo, and the environment that the tools make for themselves on their first start."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.compiled.cache import cache_folder
from captures.console.units import parse_count
from tests.network.programs import PATIENCE_S, ROOT, eventually
from tools.demonstration import Load, conclusion, passes, rounded_down, shortage, summary

SENT: dict[str, Any] = {
    "verdict": "met",
    "reason": "99.99% of the target rate",
    "shortfall": None,
    "sent_events": 2000,
    "asked_events": 2000,
    "duration_s": 2.0,
    "achieved_eps": 999.9,
    "target_eps": 1000.0,
    "lanes": [{}] * 40,
    "workers": [{"core": 1, "cpu_percent": 12.3}],
}
ALL = {"balanced": True, "verdict": "all 2,000 events arrived on 40 ports", "loss_percent": 0.0}
LOST = {"balanced": False, "verdict": "1.00% lost", "loss_percent": 1.0}
FULL = "CPU: worker 0 took 97% of core 1; more workers or faster cores"
SLOW = {
    "verdict": "missed",
    "reason": f"50.00% of the target rate; {FULL}",
    "shortfall": FULL,
    "achieved_eps": 500.0,
    "sent_events": 1000,
}
LOAD = Load(sink_percent=45.4, sink_core=3, steal_percent=0.25)


def test_a_run_that_was_met_ends_with_all_arrived() -> None:
    assert conclusion(SENT, ALL, LOAD) == "met: every event arrived, at 99.99% of the asked rate"
    assert passes(SENT, ALL)
    said = summary(SENT, ALL, LOAD)
    assert said[0] == "sent      2,000 events in 2.00 s to 40 ports: 1,000 EPS of 1.0k"
    assert "sender 12% of core 1, sink 45% of core 3; the host gave 0.2%" in said[1]
    assert said[-1].endswith("all 2,000 events arrived on 40 ports")


@pytest.mark.parametrize(
    ("sent", "ledger", "said", "less"),
    [
        (SENT | SLOW, ALL, f"missed: 50.00% of the target rate; this machine was short of {FULL}; ask for less", "500"),
        (
            SENT,
            LOST,
            "not every event arrived, see the table above; this machine was short of nothing that is measured here",
            "980",
        ),
        (SENT | SLOW, LOST, "missed: 50.00% of the target rate; not every event arrived", "490"),
    ],
)
def test_a_run_that_was_missed_or_lost_events_does_not_end_as_if_all_were_well(
    sent: dict[str, Any], ledger: dict[str, Any], said: str, less: str
) -> None:
    assert not passes(sent, ledger)
    assert conclusion(sent, ledger, LOAD).startswith(said)
    assert conclusion(sent, ledger, LOAD).endswith(f"; ask for less: ./tools/demo {less}")
    assert " of 2,000 events" in summary(sent, ledger, LOAD)[0] or sent["sent_events"] == 2000


@pytest.mark.parametrize(
    ("rate_eps", "asked"),
    [(5_140_000.9, "5.1M"), (9_999_999, "9.9M"), (12_345_678, "12M"), (987_654, "980k"), (1_000, "1k"), (85.5, "85")],
)
def test_what_was_reached_is_what_to_ask_for(rate_eps: float, asked: str) -> None:
    assert rounded_down(rate_eps) == asked
    assert rounded_down(0) == "1"


@given(st.floats(1, 1e9))
def test_what_to_ask_for_is_a_rate_and_no_higher(rate_eps: float) -> None:
    assert 0.9 * rate_eps <= parse_count(rounded_down(rate_eps)) <= rate_eps or rate_eps < 10


def test_what_the_machine_was_short_of_is_named() -> None:
    sink, steal = LOAD._replace(sink_percent=99.6), LOAD._replace(steal_percent=7.0)
    assert shortage(None, LOAD) == "nothing that is measured here"
    assert shortage(None, sink) == "CPU: the sink took 100% of core 3"
    assert shortage(FULL, sink) == f"{FULL}, and of CPU: the sink took 100% of core 3"
    assert shortage(None, steal) == "steal: the host took 7.0% of the machine's time"
    assert shortage("steal: the host took 9% of core 1", steal) == "steal: the host took 9% of core 1"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh copy of what the tools need, and a Python that makes an environment in no time."""
    for name in ("tools", "pyproject.toml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    (tmp_path / "bin").mkdir()
    return tmp_path


ENVIRONMENT = """#!/usr/bin/env bash
# Stands for python3: `-m venv` makes an environment whose pip does as PIP says.
case "$*" in
*version_info*) exit {too_old} ;;
--version) echo "Python 3.9.2" ;;
*ensurepip*) exit {no_venv} ;;
"-m venv --clear .venv")
    rm -rf .venv
    mkdir -p .venv/bin
    echo made >>made
    printf '#!/usr/bin/env bash\\necho "$@" >>asked\\n%s\\n' "$PIP" >.venv/bin/python
    chmod +x .venv/bin/python
    ;;
esac
"""
ENTER = 'set -euo pipefail; {extras}source tools/venv.sh; echo "$PATH" | cut -d: -f1'


def start(clone: Path, *, pip: str = "exit 0", too_old: int = 0, no_venv: int = 0, extras: str = "extras= ") -> Any:
    python = clone / "bin" / "python3"
    python.write_text(ENVIRONMENT.format(too_old=too_old, no_venv=no_venv))
    python.chmod(0o755)
    variables = {**os.environ, "PATH": f"{clone / 'bin'}:/usr/bin:/bin", "PIP": pip}
    return subprocess.Popen(
        ["bash", "-c", ENTER.format(extras=extras)],
        cwd=clone,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def ended(process: Any) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=PATIENCE_S)
    return process.returncode, stdout.strip(), stderr.strip()


def test_a_start_installs_what_it_needs_once_and_tests_add_to_it(clone: Path) -> None:
    inside = str(clone / ".venv" / "bin")
    assert ended(start(clone)) == (0, inside, "Making .venv: Stampede and what it needs")
    assert ended(start(clone)) == (0, inside, "")
    assert ended(start(clone, extras="")) == (0, inside, "Adding to .venv what is needed for: test")
    assert ended(start(clone, extras="")) == (0, inside, "")
    assert ended(start(clone)) == (0, inside, "")
    assert [line.split()[-1] for line in (clone / "asked").read_text().splitlines()] == [".", ".[test]"]
    assert (clone / "made").read_text() == "made\n"

    with (clone / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert ended(start(clone))[2] == "Making .venv: Stampede and what it needs"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"pip": "echo 'ERROR: No matching distribution found for numpy' >&2; exit 1"}, "is there a network"),
        ({"too_old": 1}, "Stampede needs Python 3.11 or later, and here is Python 3.9.2"),
        ({"no_venv": 1}, "apt-get install python3-venv"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line_and_leaves_nothing(
    clone: Path, how: dict[str, Any], said: str
) -> None:
    code, stdout, stderr = ended(start(clone, **how))
    assert (code, stdout) == (1, "")
    assert said in stderr.splitlines()[-1]
    assert len(stderr.replace("Making .venv: Stampede and what it needs\n", "").splitlines()) == 1
    assert not (clone / ".venv").exists()


def test_what_could_not_be_added_leaves_what_was_there(clone: Path) -> None:
    ended(start(clone))
    (clone / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    assert ended(start(clone, extras=""))[0] == 1
    assert ended(start(clone))[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_start_leaves_no_half_of_an_environment(clone: Path, number: signal.Signals) -> None:
    process = start(clone, pip="sleep 60")
    eventually((clone / "asked").exists, "an installation under way")
    os.killpg(process.pid, number)
    assert ended(process)[0] != 0
    eventually(lambda: not (clone / ".venv").exists(), "no environment")
    assert ended(start(clone))[0] == 0


def test_two_starts_at_once_make_it_once(clone: Path) -> None:
    first = start(clone, pip="until [[ -e go ]]; do sleep 0.05; done")
    eventually((clone / "asked").exists, "an installation under way")
    second = start(clone)
    assert second.stderr is not None
    assert second.stderr.readline() == "Waiting for another start, which is making .venv\n"
    (clone / "go").touch()
    assert [ended(process)[0] for process in (first, second)] == [0, 0]
    assert (clone / "made").read_text() == "made\n"


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_needs_no_environment(clone: Path, word: str) -> None:
    done = subprocess.run(["tools/demo", word], cwd=clone, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: tools/demo [--verbose] [EPS [SECONDS]]" in done.stdout
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["4x"], "'4x' is no rate; write it like 500k or 4M"),
        (["0"], "'0' is no rate"),
        (["4M", "0"], "'0' is no number of seconds"),
        (["4M", "1h"], "'1h' is no number of seconds"),
        (["4M", "9999"], "within 1-3600"),
        (["--quick"], "no such option: --quick"),
        (["4M", "5", "6"], "there is 6, too"),
    ],
)
def test_bad_arguments_are_one_line(clone: Path, words: list[str], said: str) -> None:
    done = subprocess.run(["tools/demo", *words], cwd=clone, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert not (clone / ".venv").exists()


def test_the_demo_itself(tmp_path: Path) -> None:
    """However slow the machine is: what arrived is said, and the exit code says the same as the last line."""
    known = cache_folder()  # the code of other tests, which is not known to be ready any more
    unready = shutil.ignore_patterns("*.ready", "*.lock", "*.tmp.*")
    shutil.copytree(known, tmp_path / "code" / known.name, ignore=unready)
    line = [sys.executable, "-m", "tools.demonstration", "2k", "2"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "STAMPEDE_CACHE": str(tmp_path / "code")}
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert max(map(len, done.stdout.splitlines())) <= 80
    lines = re.sub(r"\n +", " ", done.stdout).splitlines()
    assert [each.split()[0] for each in lines[:4]] == ["built", "sent", "CPU", "ledger"], done.stderr
    assert lines[-1].startswith("met: every event arrived" if done.returncode == 0 else "missed:")
    assert done.returncode in (0, 1), done.stderr
    # In a new STAMPEDE_CACHE nothing is known to be compiled, and whoever waits is told why.
    compiled = [line.split(",")[0] for line in done.stderr.splitlines() if line.startswith("compiling")]
    assert compiled == ["compiling the sender", "compiling the sink"]
    assert not list(tmp_path.glob("stampede-demo-*"))
