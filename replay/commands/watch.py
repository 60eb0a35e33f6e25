"""The `replay watch` command: its flags, and what it prints."""

from pathlib import Path

import click

from captures.console.command import DURATION_NS, tell
from captures.console.errors import ExitCode
from replay.commands.options.values import FILE, PORTS
from replay.json_file import ReportFile
from replay.receiver_host.table import host_table
from replay.sessions.watch import WatchRequest, observe


@click.command("watch")
@click.option("-p", "--ports", type=PORTS, default="514-553", show_default=True, help="UDP ports, like 514-553,600.")
@click.option("-d", "--duration", "duration_ns", type=DURATION_NS, help="End after this time.  [default: on a signal]")
@click.option(
    "-o",
    "--report",
    "report_path",
    type=FILE,
    metavar="FILE",
    help="Write the JSON report to this file.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the JSON report on stdout.")
def watch(*, ports: tuple[int, ...], duration_ns: int | None, report_path: Path | None, as_json: bool) -> int:
    """Watch, beside any collector, what the sockets at its ports drop.

    Run it on the collector's host, from before a run until after it. Once a second it notes the drops and the queue of
    each socket, its owner's CPU and memory, and the counters of the host; it needs no rights, but only root is told who
    owns the sockets of others. `replay reconcile --collector-host` takes the report. It ends after --duration, or on
    SIGINT or SIGTERM, with exit code 0.
    """
    with ReportFile(report_path) as report_file:
        report = observe(WatchRequest(ports, duration_ns), report_file)
        tell(host_table(report.host), report.figures(), as_json=as_json)
    return ExitCode.MET
