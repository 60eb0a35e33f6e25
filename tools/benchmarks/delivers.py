"""What arrives: `replay run` on one core, `replay sink` on another, a veth between them.

The veth carries trains whole, and the sink takes them with UDP_GRO: "delivered" is what it read, counted as
datagrams, each with its stamp checked.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tools.benchmarks.figures import Figure
from tools.benchmarks.programs import Trees, received_by, replay, report_of, sink
from tools.lab import V4, Lab

PORTS: Final = "5514-5553"
LADDER_MEPS: Final = range(1, 31)
BUFFER: Final = "64MiB"


def paced(lab: Lab, capture: Path, seconds: int, tree: Path) -> Figure:
    """4 M EPS over 40 ports: what arrived, and what it cost."""
    sent, received = _run(lab, capture, "4M", seconds, tree)
    worker = sent["workers"][0]
    figure = Figure("deliver", f"4 M EPS paced for {seconds} s", [sent["achieved_eps"]])
    figure.notes = {
        "lost": sent["sent_events"] - received["received_events"],
        "bad_stamps": received["bad_stamps"],
        "of_target_percent": round(100 * sent["achieved_eps"] / sent["target_eps"], 4),
        "worker_cpu_percent": worker["cpu_percent"],
        "lag_p99_ms": sent["lag_ms"]["p99"],
        "intervals_below_95_percent": sent["offered"]["below_95_percent"],
        "worker_memory_mib": round(sent["memory_bytes_peak"] / 2**20, 1),
        "latency_p99_ms": received["latency_ms"]["p99"],
    }
    return figure


def ladder(lab: Lab, capture: Path, seconds: int, tree: Path, what: str = "highest lossless rate") -> Figure:
    """The highest rate, in steps of a million, at which nothing was lost and the rate was met; two misses end it.

    Of a tagged capture the sink verifies every event's number as well.
    """
    best, misses = 0.0, 0
    for meps in LADDER_MEPS:
        sent, received = _run(lab, capture, f"{meps}M", seconds, tree)
        if sent["verdict"] == "met" and sent["sent_events"] == received["received_events"]:
            best, misses = sent["achieved_eps"], 0
        else:
            misses += 1
        if misses == 2:
            break
    return Figure("deliver", f"{what}, {seconds} s", [best])


def measure(lab: Lab, capture: Path, tagged: Path, seconds: int, paced_seconds: int, trees: Trees) -> list[Figure]:
    """All of it, each figure of one tree next to the same of the other."""
    verified = "highest rate with each event verified"
    ways: list[Callable[[Path], Figure]] = [
        lambda tree: paced(lab, capture, paced_seconds, tree),
        lambda tree: ladder(lab, capture, seconds, tree),
        lambda tree: ladder(lab, tagged, seconds, tree, verified),
    ]
    figures = []
    for measured in ways:
        for ending, tree in trees.items():
            figures.append(measured(tree))
            figures[-1].name += ending
    return figures


def _run(lab: Lab, capture: Path, rate: str, seconds: int, tree: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    with sink(lab.receiver, "--bind", V4, "--ports", PORTS, "--buffer", BUFFER, tree=tree) as receiver:
        command = ("run", capture, "--target", V4, "--ports", PORTS, "--eps", rate, "--eps-limit", "100M")
        sent = report_of(replay(lab.sender, *command, "--duration", f"{seconds}s", "--json", tree=tree), seconds)
        return sent, received_by(receiver)
