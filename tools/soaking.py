"""The `tools/soak` command: a long run over loopback into the sink, looked at from outside all the while.

A person who starts it wants to know whether the rate is kept. What starts it by itself, on a machine that others use
too, can't judge that: with `--exact` it judges what holds at any speed, and says the rest.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
import psutil

from captures.console.command import COUNT, DURATION_NS, run
from captures.console.errors import ExitCode, InputError, RunError, StampedeError
from captures.console.terminal import bar
from replay.commands.options.values import PORTS
from replay.control.run_socket import ask
from replay.json_file import ReportFile
from replay.ranges import format_ports
from tools.command_line import command
from tools.creep import Sample, exactness_faults, findings, speed_faults
from tools.steal import stolen_percent

SECOND_NS: Final = 1_000_000_000
PATIENCE_S: Final = 60
SLOWEST: Final = 10
"""A run that takes so many times as long as it should is ended: the machine can't do this."""
MOST_SAMPLES: Final = 2000
"""Longer runs are looked at less often than once a second."""


@click.command("tools/soak", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--time", "time_ns", type=DURATION_NS, default="30m", show_default=True, help="How long.")
@click.option("-e", "--eps", "rate_eps", type=COUNT, default="4M", show_default=True, help="Events per second.")
@click.option("--events", default="10M", show_default=True, help="Events of the capture, which is sent over and over.")
@click.option("--tagged/--untagged", default=True, show_default=True, help="Whether events have tags, to be verified.")
@click.option("-p", "--ports", type=PORTS, default="5514-5553", show_default=True, help="Ports on loopback.")
@click.option(
    "--exact",
    is_flag=True,
    help="Judge only what holds at any speed: every event accounted for, and nothing creeps. Rates, lag and variation "
    "are shown, beside the time that the machine had to give away.",
)
@click.option(
    "-o", "--report", type=click.Path(path_type=Path), help="Write figures and samples to this file, as JSON."
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON on stdout.")
def soak(
    *,
    time_ns: int,
    rate_eps: int,
    events: str,
    tagged: bool,
    ports: tuple[int, ...],
    exact: bool,
    report: Path | None,
    as_json: bool,
) -> int:
    """Replay into the sink over loopback for a long time, and say what crept, was lost or was late."""
    seconds = time_ns / SECOND_NS
    if seconds < 5:
        raise InputError("--time: 5s at least, or there is nothing to compare")
    with ReportFile(report) as report_file:
        found = soaked(seconds, rate_eps, events, ports, report_file, tagged=tagged, exact=exact)
        if as_json:
            click.echo(json.dumps(found, indent=2))
    return ExitCode.MISSED if found["faults"] else ExitCode.MET


def soaked(
    seconds: float,
    rate_eps: int,
    events: str,
    ports: tuple[int, ...],
    report_file: ReportFile,
    *,
    tagged: bool,
    exact: bool,
) -> dict[str, Any]:
    """Build, replay, look on, report; what was found."""
    with TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        say(f"building {events} events")
        capture = folder / "soak.rcap"
        tags = ("--tagged",) if tagged else ()
        program("precompute", "build", "system", *tags, "-o", capture, "--events", events, folder=folder)
        before = psutil.cpu_times()
        # So many events are all sent, however late; what is left when a time is over would be the machine's doing.
        extent = ("--events", round(rate_eps * seconds)) if exact else ("--duration", f"{round(seconds)}s")
        samples, sent = watched(folder, capture, seconds, rate_eps, format_ports(ports), extent)
        steal_percent = stolen_percent(before, psutil.cpu_times())
        ledger = reconciled(folder)
    if len(samples) < 3:
        raise RunError(f"the run could not be watched: {sent.get('reason', 'it left no report')}")
    found = findings(samples, sent, ledger, steal_percent)
    wrong = exactness_faults(found) + ([] if exact else speed_faults(found))
    found = {**found, "faults": wrong}
    report_file.write({**found, "each": [asdict(sample) for sample in samples]})
    say("\n".join(f"  {name:<26} {value}" for name, value in found.items() if name != "faults"))
    say("\n".join(f"fault: {line}" for line in wrong) or "no fault")
    return found


def reconciled(folder: Path) -> dict[str, Any]:
    """The ledger of the run whose reports are in the folder. Raises RunError when there is none."""
    line = command("replay", "reconcile", "sent.json", "received.json", "--json")
    done = subprocess.run(line, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode not in (ExitCode.MET, ExitCode.MISSED):
        raise RunError(done.stderr.strip().splitlines()[-1])
    ledger: dict[str, Any] = json.loads(done.stdout)
    return ledger


def watched(
    folder: Path, capture: Path, seconds: float, rate_eps: int, ports: str, extent: tuple[object, ...]
) -> tuple[list[Sample], dict[str, Any]]:
    """Run sender and sink, whose reports are then in the folder; returns the samples and the sender's report."""
    control, sent_path, received_path = folder / "control", folder / "sent.json", folder / "received.json"
    listen = ("replay", "sink", "--ports", ports, "--report", received_path)
    send = ("replay", "run", capture, "--target", "127.0.0.1", "--ports", ports, "--eps", rate_eps)
    options = ("--eps-limit", max(rate_eps, 5_000_000), *extent, "--control", control)
    samples = []
    with started(folder, *listen) as sink:
        until(
            lambda: "listening on" in (folder / "sink.log").read_text(encoding="utf-8", errors="replace"),
            sink,
            "the sink listens",
        )
        with started(folder, *send, *options, "--report", sent_path) as sender:
            until(control.is_socket, sender, "the run starts")
            every_s = max(1.0, seconds / MOST_SAMPLES)
            deadline_s = time.monotonic() + SLOWEST * seconds + PATIENCE_S
            with bar(total=round(seconds), unit=" s") as shown:
                while sender.poll() is None and time.monotonic() < deadline_s:
                    time.sleep(every_s)
                    with suppress(StampedeError, psutil.Error, KeyError):  # it is over
                        sample = look(control, sender, sink)
                        if sample.elapsed_s > 1:
                            samples.append(sample)
                            shown.update(round(sample.elapsed_s) - shown.n)
        sink.terminate()  # it counts what it still holds; by --idle, a machine that is slow to start a run would end it
        with suppress(subprocess.TimeoutExpired):
            sink.wait(PATIENCE_S)
    try:
        received_path.read_bytes()
        return samples, json.loads(sent_path.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        said = (folder / "run.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RunError(f"no report was written: {said[-1] if said else 'nothing was said'}") from None


def look(control: Path, sender: subprocess.Popen[bytes], sink: subprocess.Popen[bytes]) -> Sample:
    """One sample. Raises what asking a run and processes that are over raises."""
    memory = descriptors = 0
    cpu_s = {}
    status = ask(control, ["status"])
    for part, parent in (("sender", sender), ("sink", sink)):
        main = psutil.Process(parent.pid)
        family = [main, *main.children()]
        if len(family) == 1:
            raise psutil.NoSuchProcess(main.pid, msg="its workers have ended, and what they used is not seen any more")
        cpu_s[part] = 0.0
        for process in family:
            held = process.memory_info()
            memory += held.rss - held.shared
            descriptors += process.num_fds()
            times = process.cpu_times()
            cpu_s[part] += times.user + times.system
    return Sample(status["elapsed_s"], status["sent_events"], status["eps"], memory, descriptors, cpu_s)


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes], what: str) -> None:
    """Wait until `holds()`. Raises RunError when it never does."""
    for _ in range(PATIENCE_S * 20):
        if holds():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RunError(f"soak: never came about: {what}")


@contextmanager
def started(folder: Path, *line: object) -> Iterator[subprocess.Popen[bytes]]:
    """A command that runs beside, its words in a log of its name; it is ended at the latest when the block is left."""
    with ExitStack() as stack:
        log = stack.enter_context((folder / f"{line[1]}.log").open("wb"))
        process = stack.enter_context(subprocess.Popen(command(*line), stdout=log, stderr=log, cwd=folder))
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(PATIENCE_S)
                process.kill()


def program(*line: object, folder: Path) -> None:
    """Run a command to its end. Raises InputError or RunError with its last line when it fails."""
    done = subprocess.run(command(*line), capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode:
        kind = InputError if done.returncode == ExitCode.USAGE else RunError
        raise kind(done.stderr.strip().splitlines()[-1])


def say(text: str) -> None:
    """For people."""
    click.echo(text, err=True)


if __name__ == "__main__":
    run(soak)
