"""What should a user know of an import, besides what was left out? Where its result may be another than was meant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from captures.console.units import counted, format_duration
from captures.text.messages import Messages

_SHOWN_PORTS: Final = 5
_MUCH: Final = 10
"""So many times as much as there are events went to other ports: --ports may be wrong."""
_LEAST_OVERLAP_NS: Final = 100_000_000
"""Files of a rotated set, too, may overlap a little."""


@dataclass
class PacketFigures:
    """What is told of packets."""

    super_packets: int = 0
    """Datagrams that hold several events of one length."""
    split: bool = False
    """Whether they became these events."""
    long_datagrams: int = 0
    """Datagrams that are too long for a network, and in which no events can be told apart."""
    bare_ports: dict[int, int] = field(default_factory=dict)
    """Datagrams that begin with no priority, by the busiest of the ports to which they went."""
    other_ports: dict[int, int] = field(default_factory=dict)
    """Packets with data to ports that were not asked for, by the busiest of these."""


class Span(NamedTuple):
    """When the events of an input came, since 1970 UTC."""

    name: str
    first_ns: int
    last_ns: int


def busiest(ports: NDArray[np.int64]) -> dict[int, int]:
    """Of counts by port, shape (65536,), the largest ones."""
    largest = np.argsort(-ports, kind="stable")[:_SHOWN_PORTS]
    return {int(port): int(ports[port]) for port in largest if ports[port]}


def widened(span: Span, batch: Messages) -> Span:
    """The same, with the messages of a batch whose instants are known."""
    instants_ns = batch.messages["instant_ns"]
    known_ns = instants_ns[instants_ns >= 0]
    if not len(known_ns):
        return span
    return span._replace(
        first_ns=min(span.first_ns, int(known_ns.min())), last_ns=max(span.last_ns, int(known_ns.max()))
    )


def overlap(spans: Sequence[Span]) -> str | None:
    """That an input begins before one ends that was read before it; None: all follow each other."""
    before: Span | None = None
    for span in spans:
        if span.first_ns > span.last_ns:
            continue  # nothing is known of it
        if before is not None and (common_ns := min(before.last_ns, span.last_ns) - span.first_ns) > _LEAST_OVERLAP_NS:
            return (
                f"{span.name} and {before.name} are of the same time, for {format_duration(common_ns)}, and were read "
                "one after the other; if they were recorded at two places, import each, and bring them together by "
                "`captures merge`"
            )
        if before is None or span.last_ns > before.last_ns:
            before = span
    return None


def of_packets(figures: PacketFigures, *, events: int, bare_events: int, all_ports: bool) -> list[str]:
    """What to say of packets; `bare_events` begin with no priority, and `all_ports`: no ports were asked for."""
    said = []
    if figures.super_packets and figures.split:
        said.append(f"in {figures.super_packets:,} of the datagrams were several events, which were cut apart")
    elif figures.super_packets:
        said.append(
            f"in {figures.super_packets:,} of the datagrams are several events, and each stays one: they were recorded "
            "before a card cut them (GSO), or after a host joined them (GRO); --split-trains cuts them apart"
        )
    if figures.long_datagrams:
        said.append(
            f"{counted(figures.long_datagrams, 'datagram')} of more than any Ethernet carries may hold several events, "
            "which can't be told apart: record with `replay run --no-gso`, or without GSO and GRO (ethtool -K)"
        )
    if bare_events and all_ports:
        ports = f" (by UDP to {_said(figures.bare_ports)})" if figures.bare_ports else ""
        said.append(
            f"{bare_events:,} of {counted(events, 'event')} begin with no <PRI>{ports}: if they are no syslog, say "
            "with --ports what you want"
        )
    if other := other_ports(figures, events):
        said.append(other)
    return said


def kept_super_packets(note: dict[str, Any]) -> int:
    """How many super-packets an import kept whole, by its NOTE, which may hold anything."""
    packets = note.get("packets")
    count = packets.get("super_packets") if isinstance(packets, dict) and packets.get("split") is False else 0
    return count if isinstance(count, int) else 0


def other_ports(figures: PacketFigures, events: int) -> str:
    """To which ports most packets went, if that is much more than the events; else nothing."""
    if not figures.other_ports or sum(figures.other_ports.values()) < _MUCH * events:
        return ""
    return f"packets with data to other ports: {_said(figures.other_ports)}"


def _said(ports: dict[int, int]) -> str:
    shown = ", ".join(f"port {port}: {count:,}" for port, count in ports.items())
    return f"{shown}{', ...' * (len(ports) == _SHOWN_PORTS)}"
