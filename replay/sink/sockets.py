"""How does a sink get its sockets? All are bound before anything else starts; errors are explained to the user."""

import errno
import ipaddress
import socket
from collections.abc import Sequence
from typing import Final

from captures.console.errors import PreflightError
from captures.console.units import counted, format_size
from replay.clock import SECOND_NS
from replay.linux.sockets.udp_receive import ask_for_trains, buffer_bytes_of, open_receiver
from replay.path.guard import check_loopback

_DESIGN_RATE_EPS: Final = 100_000
"""Events a second for which the socket of one port is designed: 4 M/s over 40 ports."""

_CHARGE_BYTES: Final = 832
"""How many bytes of a socket's buffer one plain event of 150 bytes takes: skb->truesize over loopback on x86-64."""


def open_sockets(address: str, ports: Sequence[int], buffer_bytes: int, *, shared: bool = False) -> list[socket.socket]:
    """Open and bind one socket for each of `ports`; a port may be listed more than once if ports are `shared`.

    Raises PreflightError if one can't be bound; then all are closed again.
    """
    if ipaddress.ip_address(address).is_loopback:
        check_loopback(f"--bind {address}")
    sockets: list[socket.socket] = []
    try:
        for port in ports:
            sockets.append(open_receiver(address, port, buffer_bytes, shared=shared))
    except OSError as error:
        close_sockets(sockets)
        raise PreflightError(_why(error, address, port)) from None
    return sockets


def close_sockets(sockets: Sequence[socket.socket]) -> None:
    """Close the sockets, which frees their ports."""
    for receiver in sockets:
        receiver.close()


def _why(error: OSError, address: str, port: int) -> str:
    """A line that says why binding failed, and what helps."""
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {address} is in use; `ss -ulpn 'sport = {port}'` shows by whom"
    if error.errno == errno.EACCES:
        return (
            f"no permission for port {port}: `sysctl -w net.ipv4.ip_unprivileged_port_start={port}`, "
            "give the process CAP_NET_BIND_SERVICE, or choose ports from 1024 on"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address} is not an address of this host; `ip address` lists them"
    if isinstance(error, socket.gaierror):
        return f"{address}: there is no such device; `ip link` lists them"
    if error.errno == errno.EINVAL and ipaddress.ip_address(address).is_link_local:
        return f"{address}: a link-local address is of one wire; name its device as well, like {address}%eth0"
    return f"port {port} on {address}: {error.strerror}"


def join_trains(sockets: Sequence[socket.socket]) -> bool:
    """Turn UDP_GRO on for all sockets; returns False if the kernel does not have it."""
    answers = [ask_for_trains(receiver) for receiver in sockets]
    return all(answers)


def held_ns(buffer_bytes: int) -> int:
    """For how long the events of a port fit into its buffer at the rate for which it is designed."""
    return 2 * buffer_bytes * SECOND_NS // (_CHARGE_BYTES * _DESIGN_RATE_EPS)


def small_buffer_notice(asked_bytes: int, got_bytes: int) -> str | None:
    """A line that says what it means that the kernel gave smaller buffers, and what helps; None: they are as asked."""
    if got_bytes >= asked_bytes:
        return None
    return (
        f"receive buffers are {format_size(got_bytes)}, not {format_size(asked_bytes)}: they hold about "
        f"{held_ns(got_bytes) // 1_000_000} ms of {_DESIGN_RATE_EPS:,} plain events/s on a port; "
        f"`sysctl -w net.core.rmem_max={asked_bytes}` lifts the limit"
    )


def ready_line(address: str, ports_text: str, sockets: Sequence[socket.socket]) -> str:
    """The line for which scripts wait: it says that every port is bound."""
    buffer = format_size(min(buffer_bytes_of(receiver) for receiver in sockets))
    return f"listening on {address}, {counted(len(sockets), 'port')} {ports_text}, buffers {buffer} each"
