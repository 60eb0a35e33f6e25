"""Which path does a run take? What the user asks for is checked against the target and the capture."""

import ipaddress
import socket

from captures.console.errors import InputError
from captures.format.capture import Capture
from replay.path.guard import check_next_hop, check_sources
from replay.path.headers import Wire
from replay.path.request import BackendChoice, PathRequest, SourceMix
from replay.path.target import Target, check_mtu, check_packet


def check_request(
    options: PathRequest, target: Target | None, capture: Capture | None, *, allow_public: bool = False
) -> None:
    """Refuse flags that contradict each other, the target or the capture; None: the target or capture is not known yet.

    Source addresses must be in the lab's ranges unless `allow_public`. Raises InputError.
    """
    options.check()
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


def choose_path(
    options: PathRequest, target: Target, ports: tuple[int, ...], capture: Capture, *, allow_public: bool = False
) -> Wire | None:
    """The wire to send frames on; None: UDP sockets are enough. In both cases the capture's events fit into a packet.

    Raises InputError for flags that contradict each other, PreflightError where there is no route or an event is too
    long for it, and what `discover` raises.
    """
    check_request(options, target, capture, allow_public=allow_public)
    if options.backend is BackendChoice.UDP or (options.backend is BackendChoice.AUTO and not options.frames_only):
        check_mtu(target, capture.longest)
        return None
    from replay.path.discover import discover  # noqa: PLC0415 - scapy and pyroute2 take half a second to load

    of_capture = options.mix is SourceMix.CAPTURE or (options.mix is SourceMix.AUTO and capture.sources > 0)
    wire = discover(target, ports, options, of_capture=of_capture)
    check_packet(target, capture.longest, wire.mtu)
    return wire
