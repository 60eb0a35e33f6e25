"""The `replay watch` command: its flags, the loop that looks once a second, and what it prints."""

from pathlib import Path
from typing import Any, Final

import click

from captures import __version__
from captures.console.command import DURATION_NS, tell
from captures.console.errors import ExitCode, PreflightError
from captures.console.interruption import Noted, held
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import counted
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns, wall_ns
from replay.commands.options.values import FILE, PORTS
from replay.json_file import ReportFile
from replay.ranges import format_ports
from replay.receiver_host.accounts import Accounts, Look
from replay.receiver_host.figures import host_figures
from replay.receiver_host.looking import Looker
from replay.receiver_host.table import host_table, verdict

_TICK_NS: Final = SECOND_NS // 20
_PAUSE: Final = 20
"""After a look the watch rests for 20 times as long as the look took, so that it uses 5% of a core at most."""


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
        with held() as signals:
            accounts, looker = Accounts(ports), Looker(ports)
            started_wall_ns = wall_ns()
            accounts.take(_first_look(looker))
            click.echo(f"watching {counted(len(ports), 'port')} ({format_ports(ports)})", err=True)
            ended_by = _go_on(accounts, looker, signals, duration_ns)
            report = watch_report(accounts, started_wall_ns, ended_by)
            report_file.write(report)
        tell(host_table(report), report, as_json=as_json)
    return ExitCode.MET


def _first_look(looker: Looker) -> Look:
    """The first look at the sockets. Raises PreflightError where the kernel does not tell of them."""
    try:
        return looker.look()
    except OSError as error:
        where = error.filename or "this host's sockets"
        raise PreflightError(
            f"{where}: {error.strerror or error}; a watch reads what the kernel tells in /proc, which must be mounted"
        ) from None


def watch_report(accounts: Accounts, started_wall_ns: int, ended_by: str) -> dict[str, Any]:
    """The whole report of the watch, ready for JSON."""
    figures = host_figures(accounts, started_wall_ns)
    return {"kind": "watch", "verdict": verdict(figures), "ended_by": ended_by, **figures, "version": __version__}


def _now(accounts: Accounts) -> dict[str, Any]:
    return host_figures(accounts, 0)


def _go_on(accounts: Accounts, looker: Looker, signals: Noted, duration_ns: int | None) -> str:
    """Look once a second until there is a reason to end, and a last time at the end; returns the reason."""
    begin_ns = next_ns = monotonic_ns()
    next_ns += SECOND_NS
    with bar(bar_format="{desc}", file=Stderr()) as line:
        while True:
            sleep_ns(_TICK_NS)
            now_ns = monotonic_ns()
            over = duration_ns is not None and now_ns - begin_ns >= duration_ns
            if over or signals.names or now_ns >= next_ns:
                try:
                    accounts.take(looker.look())
                except (OSError, ValueError):  # a short lack of file descriptors must not end a watch of days
                    accounts.failed_looks += 1
                took_ns = monotonic_ns() - now_ns
                next_ns = max(next_ns + SECOND_NS, now_ns + _PAUSE * took_ns)
                if not line.disable:
                    line.set_description_str(verdict(_now(accounts)))
            if signals.names:
                return "signal"
            if over:
                return "duration"
