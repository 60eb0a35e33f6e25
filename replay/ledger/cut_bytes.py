"""How does the ledger say that events came with their tags, but not with all of their bytes? In a clause."""

from captures.console.units import counted
from replay.ledger.entries import Ledger


def cut_bytes_text(ledger: Ledger) -> str:
    """A clause that says how many of the sent bytes came; it names the number of ports, if not all can be compared."""
    short = [entry for entry in ledger.entries if entry.cut_bytes]
    if not short or sum(entry.cut_bytes for entry in short) != ledger.cut_bytes:
        short = list(ledger.entries)  # ports were mapped, so only the sums of all ports can be compared
    sent, received = (sum(getattr(entry, name) or 0 for entry in short) for name in ("sent_bytes", "received_bytes"))
    others = len(short) < len(ledger.entries)
    at = f" at {counted(len(short), 'port')}" if others else ""
    all_of_it = (
        ""
        if ledger.lost_events_max or ledger.cut_events or others
        else (f"all {counted(ledger.sent_events, 'event')} arrived, but ")
    )
    return f"{all_of_it}{received:,} of {counted(sent, 'byte')} came{at}: events were cut behind their tags"
