"""Which losses of a ledger lie on the collector's host? This chooses the report of that host, and the losses.

`replay.ledger.collector_host.placing` then says where on the host they were lost.
"""

from dataclasses import dataclass
from pathlib import Path

from captures.console.errors import InputError
from captures.console.units import fitted
from replay.json_file import read_report
from replay.ledger.collector_host.model import HostLossFigures
from replay.ledger.collector_host.placing import HostLosses, covers_run, place_losses
from replay.ledger.collector_host.placing_report import host_losses_figures, host_losses_lines
from replay.ledger.entries import Ledger
from replay.ledger.models.received import Received
from replay.ledger.models.sent import Sent
from replay.receiver_host.reading import HostReport, read_own_host, read_watch


@dataclass(frozen=True)
class CollectorHost:
    """The losses of a ledger, with their places on the collector's host."""

    losses: HostLosses
    host: HostReport
    reader: str
    """Which program reads from the sockets of that host: "collector" or "sink"."""
    asked: bool
    """Whether the user gave a report of that host; if not, the text mentions the host only if something was lost."""
    passed_over: str = ""
    """A sentence on a report that the user gave, but which is not used since it is of another time than the run."""

    def figures(self) -> HostLossFigures:
        """The figures for the report of the ledger."""
        return host_losses_figures(self.losses, self.host)

    def lines(self) -> list[str]:
        """The lines for people; none if there is nothing to say."""
        if not (self.asked or self.losses.lost_events):
            return []
        said = [fitted(self.passed_over, 4)] if self.passed_over else []
        return said + host_losses_lines(self.losses, self.host, self.reader)


def collector_host(path: Path | None, ledger: Ledger, sent: Sent, received: Received | None) -> CollectorHost | None:
    """Place the losses of a ledger on the host of the report `path`, or else on the sender's, if the target was there.

    If there is no audit, these are the losses of the sink, without those that the sink has placed itself. None: there
    is no report of either host. Raises InputError if a file or a part of a report is not the report of a host.
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
    # The sink's report says whether a port's datagrams came joined; a collector reads them one by one.
    lanes = [] if written or received is None else received.lanes
    joined = {lane.port for lane in lanes if lane.joined}
    placed = place_losses(lost, through, host, run=run, joined=joined, cut_events=cut)
    return CollectorHost(placed, host, "collector" if written else "sink", path is not None, passed_over)


def _chosen(path: Path | None, sent: Sent, run: tuple[float, float] | None) -> tuple[HostReport | None, str]:
    """Choose the host report to use; returns it, and a sentence if the report that the user gave is not used.

    If the user's watch did not cover the run, but the sender watched the host itself and did, the sender's is used.
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
