"""What the host of a collector adds to a ledger: the bridge between `replay reconcile` and the placing of losses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captures.console.errors import InputError
from replay.host.model import HostReport, read_own_host, read_watch
from replay.host.placing import HostLosses, place_losses
from replay.host.placing_report import host_losses_json, host_losses_lines
from replay.json_file import read_report
from replay.ledger.accounts import Ledger
from replay.ledger.report_models import Received, Sent


@dataclass(frozen=True)
class CollectorHost:
    """A ledger's losses, placed on the collector's host."""

    losses: HostLosses
    host: HostReport
    reader: str
    """Who reads from its sockets: the collector, or the sink."""
    asked: bool
    """Whether the user gave a report of that host; if not, it is spoken of only where something was lost."""

    def figures(self) -> dict[str, Any]:
        """Ready for JSON."""
        return host_losses_json(self.losses, self.host)

    def lines(self) -> list[str]:
        """For people."""
        if not (self.asked or self.losses.lost_events):
            return []
        return host_losses_lines(self.losses, self.host, self.reader)


def collector_host(path: Path | None, ledger: Ledger, sent: Sent, received: Received | None) -> CollectorHost | None:
    """The losses of a ledger on the host that `path` reports on, or else on the sender's own, if the target was there.

    Where there is no audit, these are the sink's losses; those that the sink has placed are left out. None: neither
    host is known. Raises InputError where a report is none.
    """
    own = sent.collector_host
    if path is None and own is None:
        return None
    try:
        host = read_own_host(own) if path is None else read_watch(read_report(path))
    except ValueError as error:
        raise InputError(f"{path or 'the report of the sender'}: {error}") from None
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
    run = None
    if sent.started is not None and sent.duration_s is not None:
        run = sent.started, sent.started + sent.duration_s
    placed = place_losses(lost, through, host, run=run, joined=joined, cut_events=cut)
    return CollectorHost(placed, host, "collector" if written else "sink", asked=path is not None)
