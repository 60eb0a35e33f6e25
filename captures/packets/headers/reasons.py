"""What became of a packet: a message, a segment of a stream, or the reason why it is left out.

A kernel knows the numbers, people see the texts. Each packet that becomes no message of its own has one of them.
"""

from typing import Final

LONGEST_BYTES: Final = 65_507
"""The longest message: what one datagram of UDP over IPv4 can hold."""

MESSAGE: Final = 0
SEGMENT: Final = 1
"""A segment of TCP: what messages it holds is known when those before it are there."""
SLOW: Final = 2
"""Nothing is known yet: a packet for the slow path."""
FRAGMENT: Final = 3
"""A piece of a packet that is put together when all others are there."""

NOT_IP: Final = 32
ARP: Final = 33
ICMP: Final = 34
OTHER_PROTOCOL: Final = 35
CUT: Final = 36
BROKEN: Final = 37
TOO_LONG: Final = 38
OTHER_TIME: Final = 39
OTHER_HOST: Final = 40
OTHER_PORT: Final = 41
NO_DATA: Final = 42
CAME_AGAIN: Final = 43
ENCRYPTED: Final = 44
NO_SYSLOG: Final = 45
FRAGMENT_ALONE: Final = 46
FRAGMENT_OVERLAPS: Final = 47
FRAGMENT_AGAIN: Final = 48
UNKNOWN_LINK: Final = 49

OF_PACKETS: Final = {
    NOT_IP: "not IP",
    ARP: "ARP",
    ICMP: "ICMP",
    OTHER_PROTOCOL: "neither UDP nor TCP",
    CUT: "cut by the snaplen",
    BROKEN: "headers that contradict themselves",
    TOO_LONG: f"longer than {LONGEST_BYTES:,} bytes",
    OTHER_TIME: "outside the time asked for",
    OTHER_HOST: "other hosts",
    OTHER_PORT: "other ports",
    NO_DATA: "TCP segments without data",
    CAME_AGAIN: "TCP segments that came again",
    ENCRYPTED: "encrypted (TLS)",
    NO_SYSLOG: "TCP that is no syslog",
    FRAGMENT_ALONE: "fragments of packets that never became whole",
    FRAGMENT_OVERLAPS: "fragments of packets whose fragments overlap",
    FRAGMENT_AGAIN: "fragments that came again",
    UNKNOWN_LINK: "link types that are not known",
}
"""Why packets become no message, by the number of the reason. Each packet is counted under one of them at most."""
CODES: Final = 64
"""More than the highest number of a reason."""

KEPT_CUT: Final = 60
OF_OTHERS: Final = {KEPT_CUT: "cut by the snaplen, and kept so"}
"""What is counted besides, and not of packets that are left out."""

TCP_TOO_LONG: Final = f"messages over TCP longer than {LONGEST_BYTES:,} bytes"
TCP_EMPTY: Final = "empty lines over TCP"
TCP_PART: Final = "messages over TCP of which only a part is there"
TCP_GAP: Final = "gaps in TCP streams"
TCP_CUT: Final = "TCP segments cut by the snaplen"
TCP_CROWDED_OUT: Final = "TCP streams given up to make room for others"

_OF_ONE: Final = {
    "headers that contradict themselves": "header that contradicts itself",
    "link types that are": "link type that is",
    "TCP segments": "TCP segment",
    "TCP streams": "TCP stream",
    "fragments": "fragment",
    "messages": "message",
    "empty lines": "empty line",
    "lines of JSON": "line of JSON",
    "remarks": "remark",
    "gaps": "gap",
}
"""How a reason begins that names many, and how it does where it is of one."""


def told(count: int, why: str) -> str:
    """A count and its reason for people: `1 gap in TCP streams`."""
    for many, one in _OF_ONE.items():
        if count == 1 and why.startswith(many):
            why = one + why.removeprefix(many)
            break
    return f"{count:,} {why}"
