"""What the user asks of an export."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from captures.console.errors import InputError

_SOURCE: Final = ip_address("198.18.0.1")
_TARGET: Final = ip_address("198.18.255.254")


class Form(StrEnum):
    """How events are written."""

    PCAP = "pcap"
    PCAPNG = "pcapng"
    LINES = "lines"
    """As text, an event a line."""


class Packing(StrEnum):
    """How the file is packed."""

    NONE = ""
    GZIP = "gz"
    ZSTD = "zst"


@dataclass(frozen=True)
class Addresses:
    """From where to where all events go, instead of what the capture says."""

    source: IPv4Address | IPv6Address = _SOURCE
    """The address of the first host; those of further ones follow it."""
    target: IPv4Address | IPv6Address = _TARGET
    ports: tuple[int, ...] = (514,)
    """Trains take turns with them."""
    source_port: int = 514
    vlan: int | None = None

    def check(self) -> None:
        """Refuse what can't be in one frame. Raises InputError."""
        if self.source.version != self.target.version:
            raise InputError(f"{self.source} and {self.target} are of IPv4 and of IPv6; give two of one kind")


@dataclass(frozen=True)
class ExportRequest:
    """What to export, and how. `captures export` makes it of its flags."""

    capture: Path
    output: Path | None
    """None: stdout."""
    form: Form
    packing: Packing = Packing.NONE
    force: bool = False
    first: int = 0
    """The first event that is wanted, by its number in the original order."""
    end: int | None = None
    """The first one behind it that is not; None: all."""
    rate_eps: int | None = None
    """Events come evenly at this rate; None: at their own instants."""
    addresses: Addresses | None = None
    """None: those of the capture, or the usual ones if it has none."""

    def check(self, events: int) -> None:
        """Refuse what a capture of so many events can't give. Raises InputError."""
        if self.addresses is not None:
            self.addresses.check()
        if not 0 <= self.first < (events if self.end is None else min(self.end, events)):
            raise InputError(f"--range: {self.capture} has the events 0 to {events - 1:,}")
