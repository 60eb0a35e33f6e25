"""What the user asks of an import."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from captures.console.errors import InputError
from captures.format.stamps.zones import UTC, Zone
from captures.text.wrapping import Header

Network = IPv4Network | IPv6Network


class TextForm(StrEnum):
    """How events stand in a file of text."""

    LINES = "lines"
    """One a line, as syslog or as a program wrote it."""
    JSON = "json"
    """One a line, as a field of a JSON object."""
    JOURNAL = "journal"
    """As `journalctl -o export` writes them."""


@dataclass(frozen=True)
class TextRequest:
    """That the sources are text, and not packets."""

    form: TextForm = TextForm.LINES
    json_field: str = ""
    """The field of the JSON object whose text is the event."""
    header: Header | None = None
    """What is written before each event; None: they stay as they are."""
    modern: bool = False
    """Whether entries of a journal become lines of RFC 5424, and not of RFC 3164."""
    rate_eps: int | None = None
    """Events have evenly spaced instants at this rate; None: those that they say."""


@dataclass(frozen=True)
class ImportRequest:
    """What to import, and how. `captures import` makes it of its flags."""

    sources: tuple[str, ...]
    """Files, folders, patterns, `-` for stdin."""
    output: Path
    force: bool = False
    ports: frozenset[int] | None = None
    """The destination ports that are wanted; None: all."""
    hosts: tuple[Network, ...] = ()
    """Only packets from or to these are wanted; empty: all."""
    from_ns: int | None = None
    """Only packets of this instant or later, since 1970 UTC."""
    to_ns: int | None = None
    """Only packets before this instant."""
    keep_cut: bool = False
    """Whether events are kept that a snaplen cut."""
    split_trains: bool = False
    """Whether a datagram that holds several events of one length becomes these (GSO, GRO)."""
    strict: bool = False
    """Whether nothing is written if a source is broken; otherwise what was good of it is kept."""
    tell_hosts_apart: bool = True
    """Whether a train holds events of one host only, so that each host can have an address of its own."""
    regroup_ns: int = 0
    """Events of one length are brought together within windows of this length; 0: the order stays."""
    zone: Zone = UTC
    """The zone of stamps that say none."""
    text: TextRequest | None = None
    """None: the sources are packets."""

    def check(self) -> None:
        """Refuse what contradicts itself. Raises InputError."""
        if not self.sources:
            raise InputError("name a source: a file, a folder, a pattern, or - for stdin")
        of_packets = self.ports is not None or self.hosts or self.keep_cut or self.split_trains
        if self.text is not None and of_packets:
            raise InputError("ports, hosts, cut events and trains are of packets; lines of text have none of these")
        if self.from_ns is not None and self.to_ns is not None and self.from_ns >= self.to_ns:
            raise InputError("--from is not before --to")
