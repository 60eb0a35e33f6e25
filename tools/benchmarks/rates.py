"""What a rate costs: tagged events over 40 ports, from one core to a sink on another, which verifies each.

Sender and sink are looked at twice while the run goes on, from the second second on: CPU time of their workers, how the
two cores spent their time, and at the end memory, which takes a while to count.
"""

import json
import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import psutil

from captures.console.errors import StampedeError
from replay.control.run_socket import ask, find_run
from replay.linux.cpu_times import CoreTimes, core_times
from tools.benchmarks.delivers import BUFFER, PORTS
from tools.benchmarks.figures import Figure
from tools.benchmarks.programs import PATIENCE_S, Trees, received_by, replay, sink
from tools.benchmarks.sends import CORE
from tools.lab import V4, Lab

RATES: Final = ("1k", "20k", "250k", "1M", "4M", "8M")
SUMMED: Final = ("lost", "not_verified", "intervals_below_95_percent", "of_these_with_steal")
"""What is added up over all rounds; of all else the median counts."""
_SETTLE_S: Final = 1.0
_TAIL_S: Final = 0.5

Notes = dict[str, float]


class Look(NamedTuple):
    """One look at a run."""

    at_s: float
    cpu_s: dict[str, float]
    """User and system time so far of the sender's worker and the sink's."""
    cores: dict[int, CoreTimes]


def measure(lab: Lab, capture: Path, seconds: int, rounds: int, trees: Trees) -> list[Figure]:
    """All rates in turns, of each tree, for so many seconds each."""
    figures = {(rate, ending): Figure("rates", f"{rate} EPS, tagged{ending}") for rate in RATES for ending in trees}
    noted: dict[tuple[str, str], list[Notes]] = {key: [] for key in figures}
    for _ in range(rounds):
        for (rate, ending), figure in figures.items():
            sent, received, notes = _run(lab, capture, rate, seconds, trees[ending])
            figure.rates_eps.append(sent["achieved_eps"])
            noted[rate, ending].append(told(sent, received) | notes)
    for key, figure in figures.items():
        figure.notes = over_rounds(noted[key])
    return list(figures.values())


def over_rounds(rounds: list[Notes]) -> Notes:
    """The sums of what is lost or short, and the medians of all else."""

    def one(name: str) -> float:
        values = [notes[name] for notes in rounds if name in notes]
        return sum(values) if name in SUMMED else round(median(values), 3)

    return {name: one(name) for name in {name: None for notes in rounds for name in notes}}


def told(sent: dict[str, Any], received: dict[str, Any]) -> Notes:
    """What the reports of both say."""
    offered, lag = sent["offered"] or {}, sent["lag_ms"] or {}
    verified = sum(lane["verified_events"] or 0 for lane in received["lanes"])
    figures = {
        "of_target_percent": round(100 * sent["achieved_eps"] / sent["target_eps"], 3),
        "lost": sent["sent_events"] - received["received_events"],
        "not_verified": sent["sent_events"] - verified,
        "lag_p50_ms": lag.get("p50"),
        "lag_p99_ms": lag.get("p99"),
        "lag_max_ms": lag.get("max"),
        "intervals_below_95_percent": offered.get("below_95_percent"),
        "of_these_with_steal": (sent["strain"] or {}).get("short_intervals_stolen"),
    }
    return {name: value for name, value in figures.items() if value is not None}


def _run(lab: Lab, capture: Path, rate: str, seconds: int, tree: Path) -> tuple[dict[str, Any], dict[str, Any], Notes]:
    """Both reports, and what was seen of both from outside."""
    line = ("run", capture, "--target", V4, "--ports", PORTS, "--eps", rate, "--eps-limit", "100M", "--cpus", CORE)
    whole = (*line, "--duration", f"{seconds}s", "--json")
    with (
        sink(lab.receiver, "--bind", V4, "--ports", PORTS, "--buffer", BUFFER, tree=tree) as receiver,
        subprocess.Popen(
            replay(lab.sender, *whole, tree=tree), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as sender,
    ):
        try:
            notes = watched({"sender": sender, "sink": receiver}, seconds)
            stdout, stderr = sender.communicate(timeout=PATIENCE_S)
            if not stdout:
                raise RuntimeError(f"replay run at {rate} EPS: {stderr}")
            return json.loads(stdout), received_by(receiver), notes
        finally:
            sender.kill()


def watched(programs: dict[str, subprocess.Popen[str]], seconds: int) -> Notes:
    """The CPU and memory of the programs' workers and the steal of the cores; nothing where a program has ended.

    A sink among the programs listens already, and so has forked its worker.
    """
    with suppress(psutil.Error):
        _await_sending(programs["sender"])
        workers = {name: _worker(process) for name, process in programs.items()}
        time.sleep(_SETTLE_S)
        first = _look(workers)
        time.sleep(max(_TAIL_S, seconds - _SETTLE_S - 2 * _TAIL_S))
        notes = between(first, _look(workers))
        for name, worker in workers.items():
            held = worker.memory_full_info()
            sizes = {"rss": held.rss, "pss": held.pss, "anonymous": held.rss - held.shared}  # the capture is mapped
            notes |= {f"{name}_{kind}_mib": round(size / 2**20, 1) for kind, size in sizes.items()}
        return notes
    return {}


def between(first: Look, last: Look) -> Notes:
    """What was used between two looks, in percent of a core; and of each core, what the host took."""
    span_s = last.at_s - first.at_s
    notes = {
        f"{name}_cpu_percent": round(100 * (last.cpu_s[name] - first.cpu_s[name]) / span_s, 2) for name in first.cpu_s
    }
    for core, times in last.cores.items():
        spent = times.since(first.cores.get(core, times))
        notes[f"steal_percent_core_{core}"] = round(100 * spent.steal / spent.total, 2) if spent.total else 0.0
    return notes


def _look(workers: dict[str, psutil.Process]) -> Look:
    spent = {name: worker.cpu_times() for name, worker in workers.items()}
    own = {core: times for core, times in core_times().items() if core in (int(CORE), max(os.sched_getaffinity(0)))}
    return Look(time.monotonic(), {name: times.user + times.system for name, times in spent.items()}, own)


def _await_sending(run: subprocess.Popen[str]) -> None:
    """Wait until a run says that it sends: before, its child may be one that compiles. Raises psutil.NoSuchProcess."""
    for _ in range(PATIENCE_S * 100):
        with suppress(StampedeError):  # it does not listen yet
            if ask(find_run(run.pid), ["status"])["state"] == "running":
                return
        if run.poll() is not None:
            break
        time.sleep(0.01)
    raise psutil.NoSuchProcess(run.pid)


def _worker(process: subprocess.Popen[str]) -> psutil.Process:
    """The one worker of a program that has forked it. Raises psutil.NoSuchProcess when there is none any more."""
    for child in psutil.Process(process.pid).children():
        return child
    raise psutil.NoSuchProcess(process.pid)
