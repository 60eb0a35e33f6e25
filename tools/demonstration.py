"""What `tools/demo` does: build, send, receive and reconcile on this machine, and say in five lines how it went.

What the commands say is kept for later, so what they would have to compile first is compiled here, for all to see.
"""

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import click
import psutil

from captures.console.command import COUNT, run
from captures.console.errors import ExitCode, RunError
from captures.console.units import counted, fitted, format_count
from replay.clock import wall_ns
from replay.engine import preparation
from replay.ranges import parse_ports
from replay.report.shortfall import FULL_PERCENT
from replay.sink import loop
from replay.sink.board import shared_tally
from replay.sink.workers import sockets_of_workers
from tools.command_line import command
from tools.soaking import PATIENCE_S, started, until
from tools.steal import stolen_percent

PORTS: Final = "5514-5553"
EVENTS: Final = "2M"
STOLEN_PERCENT: Final = 3.0
"""So much of the machine's time is missed."""


class Load(NamedTuple):
    """What the run took beside its sender, in percent."""

    sink_percent: float
    """CPU time of the sink's worker while it was sent to, of a core."""
    sink_core: int
    steal_percent: float
    """Of the machine's time: what the host of a virtual machine gave to others."""


@click.command("tools/demo")
@click.argument("rate_eps", metavar="EPS", type=COUNT)
@click.argument("seconds", metavar="SECONDS", type=click.IntRange(1, 3600))
@click.option("--verbose", is_flag=True, help="Show each command, all it says, and every port.")
def demo(*, rate_eps: int, seconds: int, verbose: bool) -> int:
    """Build a capture, send it at EPS for SECONDS over loopback into the sink, and reconcile."""
    prepare()
    with TemporaryDirectory(prefix="stampede-demo-") as name:
        folder, before = Path(name), psutil.cpu_times()
        built = call(folder, "precompute", "build", "system", "--tagged", "-o", "demo.rcap", "--events", EVENTS)
        rendered = " ".join(built.split()).partition("; digest")[0].partition(": ")[2]
        click.echo(fitted(f"built     {rendered}", 10))
        sent, sink_s, sink_core = delivered(folder, rate_eps, seconds)
        steal_percent = stolen_percent(before, psutil.cpu_times())
        load = Load(100 * sink_s / max(sent["duration_s"], 0.001), sink_core, steal_percent)
        reports = ("replay", "reconcile", "sent.json", "received.json")
        ledger = json.loads(call(folder, *reports, "--json"))
        click.echo("\n".join(fitted(line, 10) for line in summary(sent, ledger, load)))
        if verbose or not ledger["balanced"]:
            click.echo(f"\n$ {' '.join(reports)}\n{call(folder, *reports)}\n")
        if verbose:
            click.echo("\n".join(said(folder, rate_eps, seconds)))
        click.echo(fitted(conclusion(sent, ledger, load), 4))
        return ExitCode.MET if passes(sent, ledger) else ExitCode.MISSED


def prepare() -> None:
    """Compile what sender and sink need, if this machine has not yet; bars, or lines, say so."""
    preparation.prepare(wall_ns())
    ports = parse_ports(PORTS)
    loop.prepare(shared_tally(ports, *sockets_of_workers(len(ports), 1), 0).of_worker(0))


def call(folder: Path, *line: object) -> str:
    """What a command says: on stdout, or else on stderr. Raises RunError when it fails."""
    done = subprocess.run(command(*line), capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode not in (ExitCode.MET, ExitCode.MISSED):
        raise RunError(done.stderr.strip().splitlines()[-1])
    return (done.stdout or done.stderr).rstrip("\n")


def send_line(rate_eps: int, seconds: int) -> tuple[object, ...]:
    """The command that sends, from one core, as the sink receives at one."""
    pace = ("--eps", rate_eps, "--eps-limit", max(rate_eps, 5_000_000), "--duration", f"{seconds}s", "--workers", 1)
    return ("replay", "run", "demo.rcap", "--target", "127.0.0.1", "--ports", PORTS, *pace, "--report", "sent.json")


def listen_line() -> tuple[object, ...]:
    """The command that receives."""
    return ("replay", "sink", "--ports", PORTS, "--report", "received.json")


def delivered(folder: Path, rate_eps: int, seconds: int) -> tuple[dict[str, Any], float, int]:
    """Send, and receive; returns the sender's report, the CPU time of the sink's worker in seconds, and its core.

    All reports, and what the commands say, are in the folder.
    """
    with started(folder, *listen_line()) as sink:
        log = folder / "sink.log"
        until(lambda: "listening on" in log.read_text() or sink.poll() is not None, sink, "the sink listens")
        if sink.poll() is not None:
            raise RunError(log.read_text().strip().splitlines()[-1])
        (worker,) = psutil.Process(sink.pid).children()
        before, (core, *_) = worker.cpu_times(), worker.cpu_affinity()
        ran = call(folder, *send_line(rate_eps, seconds))
        (folder / "run.log").write_text(ran + "\n")
        after = worker.cpu_times()
        sink.terminate()  # it counts what it still holds
        sink.wait(PATIENCE_S)
    report = folder / "sent.json"
    if not report.exists():
        raise RunError(ran.strip().splitlines()[-1])
    sent: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return sent, after.user + after.system - before.user - before.system, core


def said(folder: Path, rate_eps: int, seconds: int) -> list[str]:
    """The commands that sent and received, and what they said."""
    lines = []
    for name, line in (("sink", listen_line()), ("run", send_line(rate_eps, seconds))):
        lines.append(f"$ {' '.join(map(str, line))}\n{(folder / f'{name}.log').read_text()}")
    return lines


def summary(sent: dict[str, Any], ledger: dict[str, Any], load: Load) -> list[str]:
    """What matters: what was sent, what it took, what became of it."""
    asked = "" if sent["asked_events"] == sent["sent_events"] else f" of {sent['asked_events']:,}"
    ports = counted(len(sent["lanes"]), "port")
    rate = f"{sent['achieved_eps']:,.0f} EPS of {format_count(sent['target_eps'])}"
    busy = ", ".join(f"{worker['cpu_percent'] or 0:.0f}% of core {worker['core']}" for worker in sent["workers"])
    stolen = f"the host gave {load.steal_percent:.1f}% of the machine's time to others"
    return [
        f"sent      {sent['sent_events']:,}{asked} events in {sent['duration_s']:.2f} s to {ports}: {rate}",
        f"CPU       sender {busy}, sink {load.sink_percent:.0f}% of core {load.sink_core}; {stolen}",
        f"ledger    {ledger['verdict']}",
    ]


def passes(sent: dict[str, Any], ledger: dict[str, Any]) -> bool:
    """Whether the rate was met and everything arrived."""
    return sent["verdict"] == "met" and bool(ledger["balanced"])


def conclusion(sent: dict[str, Any], ledger: dict[str, Any], load: Load) -> str:
    """The last line: how it went; where it did not go well, what the machine was short of, and what to do."""
    if passes(sent, ledger):
        return f"met: every event arrived, at {sent['achieved_eps'] / sent['target_eps']:.2%} of the asked rate"
    short = sent["shortfall"]
    reason = sent["reason"].removesuffix(f"; {short}")
    parts = [] if sent["verdict"] == "met" else [f"{sent['verdict']}: {reason}"]
    parts += [] if ledger["balanced"] else ["not every event arrived, see the table above"]
    parts.append(f"this machine was short of {shortage(short, load)}")
    arrived_eps = sent["achieved_eps"] * (1 - (ledger["loss_percent"] or 0) / 100)
    return f"{'; '.join(parts)}; ask for less: ./tools/demo {rounded_down(arrived_eps)}"


def rounded_down(rate_eps: float) -> str:
    """A rate to ask for that is no higher, of two digits: `5.1M`, `990`; 1 at least."""
    whole = max(1, int(rate_eps))
    step = 10 ** max(0, len(str(whole)) - 2)
    whole -= whole % step
    unit, name = next(pair for pair in ((10**6, "M"), (10**3, "k"), (1, "")) if whole >= pair[0])
    return f"{whole / unit:g}{name}"


def shortage(of_sender: str | None, load: Load) -> str:
    """What there was too little of: by the sender's report, and by what the sink took."""
    causes = [of_sender] if of_sender else []
    if load.sink_percent >= FULL_PERCENT:
        causes.append(f"CPU: the sink took {load.sink_percent:.0f}% of core {load.sink_core}")
    if load.steal_percent >= STOLEN_PERCENT and "steal: " not in (of_sender or ""):
        causes.append(f"steal: the host took {load.steal_percent:.1f}% of the machine's time")
    return ", and of ".join(causes) or "nothing that is measured here"


if __name__ == "__main__":
    sys.argv[0] = "tools/demo"
    run(demo)
