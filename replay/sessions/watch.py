"""How does a watch go, from the request to the report? It looks at the host once a second, until there is an end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.console.errors import PreflightError
from captures.console.interruption import Noted, held
from captures.console.stderr import Stderr
from captures.console.terminal import bar, notice
from captures.console.units import counted
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns, wall_ns
from replay.json_file import ReportFile
from replay.ranges import format_ports
from replay.receiver_host.accounts import Accounts, Look
from replay.receiver_host.figures import host_figures, watch_report
from replay.receiver_host.looking import Looker
from replay.receiver_host.model import WatchReport
from replay.receiver_host.table import summary
from replay.request_checks import check_ports, check_time

_TICK_NS: Final = SECOND_NS // 20
_PAUSE: Final = 20
"""After a look the watch rests for 20 times as long as the look took, so that it uses 5% of a core at most."""


@dataclass(frozen=True)
class WatchRequest:
    """Everything that a user can ask of a watch."""

    ports: Sequence[int]
    """The UDP ports at which the sockets are watched."""
    duration_ns: int | None = None
    """The watch ends after this time; None: only a signal ends it."""


def watch(request: WatchRequest, report: Path | None = None) -> WatchReport:
    """Watch the sockets at some ports until the time is over, or a signal comes; returns the report.

    The report is also written to the file `report`, if one is given. Raises InputError for a request that makes no
    sense, and PreflightError if the kernel does not tell of this host's sockets.
    """
    with ReportFile(report) as report_file:
        return observe(request, report_file)


def observe(request: WatchRequest, report_file: ReportFile) -> WatchReport:
    """Watch as `watch` does, with a report file that is open already. Raises InputError and PreflightError."""
    ports = check_ports(request.ports)
    check_time("--duration", request.duration_ns)
    with held() as signals:
        accounts, looker = Accounts(ports), Looker(ports)
        started_wall_ns = wall_ns()
        accounts.take(_first_look(looker))
        notice(f"watching {counted(len(ports), 'port')} ({format_ports(ports)})")
        ended_by = _go_on(accounts, looker, signals, request.duration_ns)
        report = watch_report(accounts, started_wall_ns, ended_by)
        report_file.write(report.figures())
    return report


def _first_look(looker: Looker) -> Look:
    """The first look at the sockets. Raises PreflightError where the kernel does not tell of them."""
    try:
        return looker.look()
    except OSError as error:
        where = error.filename or "this host's sockets"
        raise PreflightError(
            f"{where}: {error.strerror or error}; a watch reads what the kernel tells in /proc, which must be mounted"
        ) from None


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
                    line.set_description_str(summary(host_figures(accounts, started_wall_ns=0)))
            if signals.names:
                return "signal"
            if over:
                return "duration"
