"""The `tools/bench` command."""

import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

import click
import psutil

from captures import __version__
from captures.console.command import run
from replay.json_file import ReportFile
from replay.linux.sockets.udp_send import max_segments
from tools.benchmarks import audits, builds, delivers, imports, rates, sends
from tools.benchmarks import parts as build_parts
from tools.benchmarks.figures import Figure, ratio, table
from tools.benchmarks.programs import BEFORE, PATIENCE_S, Trees, capture_of, of_tree, trees_of
from tools.lab import Lab
from tools.steal import stolen_percent

PARTS = ("parts", "build", "send", "tags", "verify", "deliver", "rates", "audit", "imports")
IN_LAB: Final = {"send", "tags", "deliver", "rates"}


@click.command("tools/bench", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--rounds", type=click.IntRange(1, 99), default=3, show_default=True, help="Measurements of each way.")
@click.option("--seconds", type=click.IntRange(1, 600), default=3, show_default=True, help="Length of each send.")
@click.option("--paced-seconds", type=click.IntRange(1, 3600), default=30, show_default=True, help="At each rate.")
@click.option("--events", default="8M", show_default=True, help="Events of the capture that is sent.")
@click.option(
    "--before", metavar="COMMIT", help="Measure that commit, too, in turns: send, tags, verify, deliver, rates."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures to this file.")
def bench(
    *,
    parts: tuple[str, ...],
    rounds: int,
    seconds: int,
    paced_seconds: int,
    events: str,
    before: str | None,
    json_path: Path | None,
) -> None:
    """Measure the parts of a build, builds, sends, tags, the sink, deliveries, what rates cost, the audit, imports.

    All of these PARTS, or those that are named.

    Ways that are compared are measured in turns, round after round; what counts is the median and the ratios.
    """
    parts, times_before = parts or PARTS, psutil.cpu_times()
    with ReportFile(json_path) as report_file:
        with tempfile.TemporaryDirectory(prefix="stampede-bench-") as name:
            folder = Path(name)
            trees = trees_of(folder, before)
            figures = _alone(parts, folder, rounds, trees)
            if IN_LAB & set(parts):
                figures += _in_lab(parts, folder, rounds, seconds, paced_seconds, events, trees)
        ratios, steal_percent = _ratios(figures), round(stolen_percent(times_before, psutil.cpu_times()), 1)
        report_file.write(
            {
                "machine": _machine() | {"steal_percent": steal_percent},
                "figures": [figure.as_json() for figure in figures],
                "ratios": ratios,
            }
        )
        click.echo(table(figures))
        for name, value in ratios.items():
            click.echo(f"{name}: {value:.2f}")
        click.echo(f"the host gave {steal_percent}% of the cores' time to others meanwhile")


def _alone(parts: tuple[str, ...], folder: Path, rounds: int, trees: Trees) -> list[Figure]:
    """What needs no network."""
    figures: list[Figure] = []
    if "parts" in parts:
        for profile in ("system", "rfc5424-services"):
            figures += build_parts.measure(folder, profile)
    if "build" in parts:
        figures += builds.measure(folder, rounds)
    if "verify" in parts:
        figures += _verified(folder, rounds, trees)
    if "audit" in parts:
        figures += audits.measure(folder, rounds)
    if "imports" in parts:
        figures += imports.measure(folder, rounds)
    return figures


def _verified(folder: Path, rounds: int, trees: Trees) -> list[Figure]:
    """How fast the sink verifies: of this tree here, or of two by a bench of their own for each round, in turns."""
    if len(trees) == 1:
        from tools.benchmarks import verifies  # noqa: PLC0415 - it loads the sink, in all other parts a program

        return verifies.measure(folder, rounds)
    figures: dict[str, Figure] = {}
    for _ in range(rounds):
        for ending, tree in trees.items():
            told = folder / "verify.json"
            line = (sys.executable, "-m", "tools.benchmarks", "verify", "--rounds", "1", "--json", told)
            subprocess.run([*map(str, of_tree(tree, *line))], capture_output=True, timeout=10 * PATIENCE_S, check=True)
            for row in json.loads(told.read_text(encoding="utf-8"))["figures"]:
                figure = figures.setdefault(row["name"] + ending, Figure("verify", row["name"] + ending))
                figure.rates_eps += row["rounds_eps"]
                figure.missing = row.get("missing", "")
    return list(figures.values())


def _in_lab(
    parts: tuple[str, ...], folder: Path, rounds: int, seconds: int, paced_seconds: int, events: str, trees: Trees
) -> list[Figure]:
    """What goes over a wire."""
    # pyroute2 forks a process for each namespace and ends it by SIGTERM, for which this program would remove the lab.
    os.register_at_fork(after_in_child=partial(signal.signal, signal.SIGTERM, signal.SIG_DFL))
    lab, figures = Lab(), list[Figure]()
    try:
        lab.build()
        if "send" in parts:
            figures += sends.measure(lab, capture_of(folder, events), folder, seconds, rounds, trees)
        tagged = partial(capture_of, folder, events, "system", "--tagged")
        if "tags" in parts:
            figures += sends.measure_tags(lab, tagged(), seconds, rounds, trees)
        if "deliver" in parts:
            figures += delivers.measure(lab, capture_of(folder, events), tagged(), seconds, paced_seconds, trees)
        if "rates" in parts:
            figures += rates.measure(lab, tagged(), paced_seconds, rounds, trees)
    finally:
        lab.remove()
    return figures


def _ratios(figures: list[Figure]) -> dict[str, float]:
    """What the absolute figures of this machine amount to."""
    pairs = {
        "two jobs to one": ("to memory, two jobs", "to memory, one job"),
        "two jobs to one, on disk": ("to disk, two jobs", "to disk, one job"),
        "RFC 5424 to system": tuple(f"{name}: {build_parts.IN_ALL}" for name in ("rfc5424-services", "system")),
        "udp, GSO to trafgen": ("udp, GSO", "trafgen"),
        "udp, GSO to tcpreplay": ("udp, GSO", "tcpreplay --preload-pcap --topspeed"),
        "udp, GSO to loggen": ("udp, GSO", "loggen --inet --dgram"),
        "udp, cut by the kernel to trafgen": ("udp, cut by the kernel", "trafgen"),
        "udp, no GSO to trafgen": ("udp, no GSO", "trafgen"),
        "packet, no GSO to trafgen": ("packet, no GSO", "trafgen"),
        "udp, GSO to C": ("udp, GSO", "ceiling in C, GSO"),
        "udp, no GSO to C": ("udp, no GSO", "ceiling in C, no GSO"),
        "import to tcpdump": (imports.IMPORT, imports.TCPDUMP),
        "import to editcap": (imports.IMPORT, imports.EDITCAP),
        "packet, GSO to udp, GSO": ("packet, GSO", "udp, GSO"),
        "40 lanes and 1,022 sources to one of each": (
            "packet, GSO, 40 lanes, 1,022 sources",
            "packet, GSO, one lane, one source",
        ),
        **{
            f"{way}: stamps and tags to stamps alone": (f"{way}, stamps and tags", f"{way}, stamps")
            for way in (f"{backend}, batches of {batch}" for backend in ("udp", "packet") for batch in (32, 8))
        },
    }
    measured = dict.fromkeys(figure.name for figure in figures if figure.rates_eps)
    pairs |= {f"{name}: now to before": (name, name + BEFORE) for name in measured if name + BEFORE in measured}
    return {name: round(ratio(figures, *pair), 3) for name, pair in pairs.items() if measured.keys() >= set(pair)}


def _machine() -> dict[str, object]:
    model = [
        line
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "gso_segments": max_segments(),
        "version": __version__,
    }


if __name__ == "__main__":
    run(bench)
