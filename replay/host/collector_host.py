"""What the host of a collector adds to a ledger: the bridge between `replay reconcile` and the placing of losses."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from captures.errors import InputError
from replay.host.model import HostReport, read_own_host, read_watch
from replay.host.placing import HostLosses, place_losses
from replay.host.placing_report import host_losses_json, host_losses_lines
from replay.report_file import read_report
from replay.sink.ledger import Ledger
from replay.sink.report_models import Received, Sent


@dataclass(frozen=True)
class CollectorHost:
    """A ledger's losses, placed on the collector's host."""

    losses: HostLosses
    host: HostReport
    asked: bool
    """Whether the user gave a report of that host; if not, it is spoken of only where something was lost."""

    def figures(self) -> dict[str, Any]:
        """Ready for JSON."""
        return host_losses_json(self.losses, self.host)

    def lines(self) -> list[str]:
        """For people."""
        return host_losses_lines(self.losses, self.host) if self.asked or self.losses.total("lost_events") else []


def collector_host(path: Path | None, ledger: Ledger, sent: Sent, received: Received | None) -> CollectorHost | None:
    """The losses of a ledger on the host that `path` reports on, or else on the sender's own, if the target was there.

    None: neither is known. Raises InputError where a report is none.
    """
    own = sent.collector_host
    if path is None and own is None:
        return None
    try:
        host = read_own_host(own) if path is None else read_watch(read_report(path))
    except ValueError as error:
        raise InputError(f"{path or 'the report of the sender'}: {error}") from None
    written = any(entry.collected_events is not None for entry in ledger.entries)
    lost = {
        entry.port: (entry.lost_at_collector_events if written else entry.lost_events) or 0 for entry in ledger.entries
    }
    through = ledger.total("collected_events" if written else "received_events") or 0
    # Of the sink it is known whether a port's datagrams came joined; a collector reads them one by one.
    lanes = [] if written or received is None else received.lanes
    joined = {lane.port for lane in lanes if lane.joined}
    run = None
    if sent.started is not None and sent.duration_s is not None:
        run = sent.started, sent.started + sent.duration_s
    return CollectorHost(place_losses(lost, through, host, run=run, joined=joined), host, asked=path is not None)
