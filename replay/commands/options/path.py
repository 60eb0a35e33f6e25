"""The flags that say which path events take to the network: backend, interface, VLAN tags, source addresses."""

import re
from typing import Final

import click

from captures.console.command import Parsed, grouped
from replay.commands.options.values import NETWORK, SOURCE_PORTS
from replay.path.request import HIGHEST_VLAN, BackendChoice, PathRequest, SourceMix

_EXAMPLE_MAC: Final = "02:00:00:00:00:01"
_EXAMPLE_VLAN: Final = "100, or 200.100 for one tag inside another"


def parse_mac(text: str) -> bytes:
    """The six bytes of an address like `02:00:00:00:00:01`. Raises ValueError with a line that gives an example."""
    if not re.fullmatch(r"[0-9a-f]{2}([:-][0-9a-f]{2}){5}", text.strip(), re.ASCII | re.IGNORECASE):
        raise ValueError(f"{text!r} is no MAC address; write it like {_EXAMPLE_MAC}")
    return bytes.fromhex(re.sub("[:-]", "", text.strip()))


def parse_vlans(text: str) -> tuple[int, ...]:
    """One or two VLAN tags of `100` or `200.100`, the outer one first. Raises ValueError with a line and an example."""
    if not re.fullmatch(r"\d{1,4}(\.\d{1,4})?", text.strip(), re.ASCII):
        raise ValueError(f"{text!r} is no VLAN; write it like {_EXAMPLE_VLAN}")
    vlans = tuple(int(tag) for tag in text.strip().split("."))
    if not all(1 <= tag <= HIGHEST_VLAN for tag in vlans):
        raise ValueError(f"{text!r}: a VLAN is a number within 1-{HIGHEST_VLAN}, like {_EXAMPLE_VLAN}")
    return vlans


def _path_request(
    *,
    backend: str,
    interface: str | None,
    dst_mac: bytes | None,
    vlan: tuple[int, ...] | None,
    source_ips: tuple[int, int, int] | None,
    source_ports: range | None,
    source_mix: str,
) -> PathRequest:
    return PathRequest(
        BackendChoice(backend), interface, dst_mac, vlan or (), source_ips, source_ports, SourceMix(source_mix)
    )


path_options: Final = grouped(
    "path",
    _path_request,
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
"""A decorator that gives a command these flags; the command gets them all as one argument, `path`, a PathRequest."""
