"""The flags that say how a run gets onto the wire, for all commands that have them."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import click

from captures.console.command import Parsed, grouped
from captures.console.errors import InputError
from captures.format.reader import Capture
from replay.path.guard import check_next_hop, check_sources
from replay.path.headers import Wire
from replay.path.sources import NETWORK, SOURCE_PORTS
from replay.path.target import Target, check_mtu, check_packet

_EXAMPLE_MAC: Final = "02:00:00:00:00:01"
_EXAMPLE_VLAN: Final = "100, or 200.100 for one tag inside another"


class BackendChoice(StrEnum):
    """What `--backend` takes."""

    AUTO = "auto"
    UDP = "udp"
    PACKET = "packet"


class SourceMix(StrEnum):
    """What `--source-mix` takes."""

    AUTO = "auto"
    UNIFORM = "uniform"
    CAPTURE = "capture"


@dataclass(frozen=True)
class WireOptions:
    """What the user says about the wire; None: what the kernel says."""

    backend: BackendChoice = BackendChoice.AUTO
    interface: str | None = None
    next_mac: bytes | None = None
    vlans: tuple[int, ...] = ()
    """The tags, from the outermost: none, one (802.1Q), or two (802.1ad)."""
    network: tuple[int, int, int] | None = None
    """IP version, first address and number of the sources."""
    ports: range | None = None
    mix: SourceMix = SourceMix.AUTO

    @property
    def frames_only(self) -> str | None:
        """A flag that was given and that only those who write frames can follow; None: there is none."""
        given = {
            "--interface": self.interface,
            "--dst-mac": self.next_mac,
            "--vlan": self.vlans,
            "--source-ips": self.network,
            "--source-ports": self.ports,
            "--source-mix": None if self.mix is SourceMix.AUTO else self.mix,
        }
        return next((flag for flag, value in given.items() if value), None)


def parse_mac(text: str) -> bytes:
    """Six bytes of `02:00:00:00:00:01`. Raises ValueError with a line that gives an example."""
    if not re.fullmatch(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", text.strip(), re.ASCII | re.IGNORECASE):
        raise ValueError(f"{text!r} is no MAC address; write it like {_EXAMPLE_MAC}")
    return bytes.fromhex(re.sub("[:-]", "", text.strip()))


def parse_vlans(text: str) -> tuple[int, ...]:
    """One or two tags, `100` or `200.100`, from the outermost. Raises ValueError with a line that gives an example."""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", text.strip(), re.ASCII):
        raise ValueError(f"{text!r} is no VLAN; write it like {_EXAMPLE_VLAN}")
    vlans = tuple(int(tag) for tag in text.strip().split("."))
    if not all(1 <= tag <= 4094 for tag in vlans):
        raise ValueError(f"{text!r}: a VLAN is a number within 1-4094, like {_EXAMPLE_VLAN}")
    return vlans


def _wire_options(
    *,
    backend: str,
    interface: str | None,
    dst_mac: bytes | None,
    vlan: tuple[int, ...] | None,
    source_ips: tuple[int, int, int] | None,
    source_ports: range | None,
    source_mix: str,
) -> WireOptions:
    return WireOptions(
        BackendChoice(backend), interface, dst_mac, vlan or (), source_ips, source_ports, SourceMix(source_mix)
    )


wire_options: Final = grouped(
    "options",
    _wire_options,
    click.option(
        "--backend",
        type=click.Choice([choice.value for choice in BackendChoice]),
        default=BackendChoice.AUTO.value,
        show_default=True,
        help="A UDP socket, or frames of our own over AF_PACKET; auto: what the flags need, else what a calibration "
        "found best, else udp.",
    ),
    click.option("--interface", metavar="NAME", help="Device to send frames through.  [default: from the route]"),
    click.option(
        "--dst-mac",
        type=Parsed("mac", parse_mac),
        help="Where frames go, like 02:00:00:00:00:01.  [default: the next hop's]",
    ),
    click.option("--vlan", type=Parsed("tags", parse_vlans), help="Tag frames: 100, or 200.100 for a tag in a tag."),
    click.option(
        "--source-ips",
        type=NETWORK,
        metavar="CIDR",
        help="Send from all addresses of a network, like 198.18.64.0/22.  [default: this host's]",
    ),
    click.option("--source-ports", type=SOURCE_PORTS, metavar="RANGE", help="Send from these ports.  [default: 49152]"),
    click.option(
        "--source-mix",
        type=click.Choice([mix.value for mix in SourceMix]),
        default=SourceMix.AUTO.value,
        show_default=True,
        help="Which address a train has: all in turn, or that of the capture's host; auto: the latter if it has hosts.",
    ),
)
"""Give a command the flags; it is called with one argument for them all, `options`, which is WireOptions."""


def check_flags(
    options: WireOptions, target: Target | None, capture: Capture | None, *, allow_public: bool = False
) -> None:
    """Refuse flags that contradict each other, the target or the capture, as far as these are known.

    Sources are one's own unless `allow_public`. Raises InputError.
    """
    if options.backend is BackendChoice.UDP and options.frames_only:
        raise InputError(f"{options.frames_only} needs frames of our own: use --backend packet, or leave it out")
    if options.mix is SourceMix.CAPTURE and capture is not None and not capture.sources:
        raise InputError(
            f"{capture.path}: its trains have no hosts for --source-mix capture; "
            "build it from a profile with `source: FIELD`, or use --source-mix uniform"
        )
    if target is not None and options.network is not None:
        given, version = options.network[0], 6 if target.family == socket.AF_INET6 else 4
        if given != version:
            raise InputError(f"--source-ips is of IPv{given}, and the target {target.host} of IPv{version}")
        first = ipaddress.IPv6Address(options.network[1]) if given == 6 else ipaddress.IPv4Address(options.network[1])
        check_sources(first, options.network[2], ipaddress.ip_address(target.host), allow_public=allow_public)
    if options.next_mac is not None:
        check_next_hop("--dst-mac", options.next_mac)


def wire_of(
    options: WireOptions, target: Target, ports: tuple[int, ...], capture: Capture, *, allow_public: bool = False
) -> Wire | None:
    """The wire that frames go out on; None: UDP sockets will do. Either way the capture's events fit into a packet.

    Raises InputError for flags that contradict each other, PreflightError where there is no route or an event is too
    long for it, and what `find_wire` raises.
    """
    check_flags(options, target, capture, allow_public=allow_public)
    if options.backend is BackendChoice.UDP or (options.backend is BackendChoice.AUTO and not options.frames_only):
        check_mtu(target, capture.longest)
        return None
    from replay.path.discover import find_wire  # noqa: PLC0415 - scapy and pyroute2 take half a second to load

    of_capture = options.mix is SourceMix.CAPTURE or (options.mix is SourceMix.AUTO and capture.sources > 0)
    wire = find_wire(target, ports, options, of_capture=of_capture)
    check_packet(target, capture.longest, wire.mtu)
    return wire
