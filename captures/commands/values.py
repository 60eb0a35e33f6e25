"""Values of flags of `captures` that are more than a number: ports, networks, instants, headers."""

import re
from datetime import datetime
from ipaddress import ip_network
from typing import Final

from captures.console.command import Parsed
from captures.console.units import SECOND_NS, parse_count
from captures.convert.import_request import Network
from captures.format.stamps.zones import UTC, Zone, fixed_zone, named_zone

_HIGHEST_PORT: Final = 65535
_OFFSET: Final = re.compile(r"([+-])([01]\d|2[0-3]):?([0-5]\d)", re.ASCII)
_LAST_S: Final = 9_214_646_400
"""The end of the year 2261, the last one whose nanoseconds since 1970 fit 63 bits."""
_WORD: Final = re.compile(r"[!-~]{1,255}")
_RANGE: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_port_set(text: str) -> frozenset[int]:
    """Ports like `514,6514-6520`. Raises ValueError with a line that gives an example."""
    ports: set[int] = set()
    for item in text.split(","):
        match = _RANGE.fullmatch(item.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= _HIGHEST_PORT:
            raise ValueError(f"{text!r} is not a list of ports; write it like 514,6514-6520")
        ports.update(range(first, last + 1))
    return frozenset(ports)


def parse_network(text: str) -> Network:
    """An address or a network. Raises ValueError with a line that gives an example."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is no address or network; write it like 198.18.0.1 or 2001:db8::/32") from None


def parse_instant_ns(text: str) -> int:
    """An instant with its zone, in ns since 1970 UTC. Raises ValueError with a line that gives an example."""
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise ValueError(f"{text!r} is no instant with its date and zone; write it like 2025-08-30T10:15:30Z")
    seconds = round((instant.replace(microsecond=0) - _EPOCH).total_seconds())
    if not 0 <= seconds < _LAST_S:
        raise ValueError(f"{text!r} is not within the years 1970 to 2261, of which captures are")
    return seconds * SECOND_NS + instant.microsecond * 1000


def parse_zone(text: str) -> Zone:
    """A zone like +02:00 or Europe/Berlin. Raises ValueError with a line that gives an example."""
    text = text.strip()
    if text == UTC.name:
        return UTC
    if match := _OFFSET.fullmatch(text):
        return fixed_zone(text, int(match[1] + "1") * (int(match[2]) * 60 + int(match[3])))
    try:
        return named_zone(text)
    except ValueError:
        raise ValueError(f"{text!r} is no zone; write it like +02:00, or Europe/Berlin where tzdata is") from None


def parse_event_range(text: str) -> tuple[int, int]:
    """The first and the last of some events, like 0-999. Raises ValueError with a line that gives an example."""
    match = re.fullmatch(r"(\d{1,18})(?:-(\d{1,18}))?", text.strip(), re.ASCII)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if first > last:
        raise ValueError(f"{text!r} is no range of events; write it like 0-999")
    return first, last


def parse_rate_eps(text: str) -> int:
    """A rate that is not 0, in events per second. Raises ValueError with a line that gives an example."""
    rate_eps = parse_count(text)
    if not rate_eps:
        raise ValueError(f"{text!r} is no rate, since no event would ever come; write it like 10k")
    return rate_eps


def parse_word(text: str) -> str:
    """A name in a header of syslog (RFC 5424, section 6). Raises ValueError with a line that says what may be."""
    if not _WORD.fullmatch(text):
        raise ValueError(f"{text!r} can't stand in a header; it has 1 to 255 letters of printable ASCII and no space")
    return text


_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00Z")
RANGE: Final = Parsed("range", parse_event_range)
PORT_SET: Final = Parsed("ports", parse_port_set)
NETWORK: Final = Parsed("network", parse_network)
INSTANT_NS: Final = Parsed("instant", parse_instant_ns)
RATE_EPS: Final = Parsed("rate", parse_rate_eps)
ZONE: Final = Parsed("zone", parse_zone)
WORD: Final = Parsed("name", parse_word)
