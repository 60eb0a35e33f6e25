"""What the host of a collector adds to a ledger: the bridge between `replay reconcile` and the placing of losses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captures.console.errors import InputError
from captures.console.units import fitted
from replay.host.model import HostReport, read_own_host, read_watch
from replay.host.placing import HostLosses, covers_run, place_losses
from replay.host.placing_report import host_losses_json, host_losses_lines
from replay.json_file import read_report
from replay.ledger.accounts import Ledger
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent


@dataclass(frozen=True)
class CollectorHost:
    """A ledger's losses, placed on the collector's host."""

    losses: HostLosses
    host: HostReport
    reader: str
    """Who reads from its sockets: the collector, or the sink."""
    asked: bool
    """Whether the user gave a report of that host; if not, it is spoken of only where something was lost."""
    passed_over: str = ""
    """A report that the user gave and that is not used, since it is of another time than the run, and why."""

    def figures(self) -> dict[str, Any]:
        """Ready for JSON."""
        return host_losses_json(self.losses, self.host)

    def lines(self) -> list[str]:
        """For people."""
        if not (self.asked or self.losses.lost_events):
            return []
        said = [fitted(self.passed_over, 4)] if self.passed_over else []
        return said + host_losses_lines(self.losses, self.host, self.reader)


def collector_host(path: Path | None, ledger: Ledger, sent: Sent, received: Received | None) -> CollectorHost | None:
    """The losses of a ledger on the host that `path` reports on, or else on the sender's own, if the target was there.

    Where there is no audit, these are the sink's losses; those that the sink has placed are left out. None: neither
    host is known. Raises InputError where a report is none.
    """
    run = None
    if sent.started is not None and sent.duration_s is not None:
        run = sent.started, sent.started + sent.duration_s
    host, passed_over = _chosen(path, sent, run)
    if host is None:
        return None
    written = any(entry.collected_events is not None for entry in ledger.entries)
    if written:
        lost = {
            entry.port: (entry.lost_at_collector_events or 0) + entry.cut_or_lost_at_collector_events
            for entry in ledger.entries
        }
        cut = ledger.unplaced.cut_at_collector_events
        through = sum(ledger.total(name) or 0 for name in ("collected_events", "cut_at_collector_events"))
    else:
        left = [entry for entry in ledger.entries if entry.lost_in_socket_events is None]
        lost, cut = {entry.port: entry.lost_events or 0 for entry in left}, 0
        through = ledger.total("received_events") or 0
    # Of the sink it is known whether a port's datagrams came joined; a collector reads them one by one.
    lanes = [] if written or received is None else received.lanes
    joined = {lane.port for lane in lanes if lane.joined}
    placed = place_losses(lost, through, host, run=run, joined=joined, cut_events=cut)
    return CollectorHost(placed, host, "collector" if written else "sink", path is not None, passed_over)


def _chosen(path: Path | None, sent: Sent, run: tuple[float, float] | None) -> tuple[HostReport | None, str]:
    """The report to go by, and what to say of one that was given and is not used.

    A watch that did not cover the run is not used where the sender looked at the host itself and did cover it.
    """
    given = None
    try:
        if path is not None:
            given = read_watch(read_report(path))
        if sent.collector_host is None or (given is not None and covers_run(given, run) is not False):
            return given, ""
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    try:
        own = read_own_host(sent.collector_host)
    except ValueError as error:
        raise InputError(f"the report of the sender: {error}") from None
    if given is None:
        return own, ""
    if not covers_run(own, run):
        return given, ""
    return own, f"{path} did not watch this run; what the sender saw on this host is used in its place"
