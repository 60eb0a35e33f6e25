"""How to read numbers that people write as ranges: UDP ports like `514-553`, cores like `0,2-3`."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

LOWEST_PORT: Final = 514
"""The lowest port that may be a target: syslog's own."""
HIGHEST_PORT: Final = 65535
MOST_PORTS: Final = 100
"""A run or a sink has at most this many ports."""

_PORTS: Final = "514-553 or 514,516,600-610"
_CPUS: Final = "0,2-3"
_SOURCE_PORTS: Final = "49152-65535"
_ITEM: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_ports(text: str) -> tuple[int, ...]:
    """The ports of `text`, in the order given: at most MOST_PORTS different ones, from LOWEST_PORT to HIGHEST_PORT.

    Raises ValueError with a line that says what is wrong and gives an example.
    """
    ports: list[int] = []
    for item in _items(text, "a list of ports", "port", _PORTS):
        for port in (item[0], item[-1]):
            if not LOWEST_PORT <= port <= HIGHEST_PORT:
                raise ValueError(f"port {port} is outside {LOWEST_PORT}-{HIGHEST_PORT}; use ports like {_PORTS}")
        ports += item
        if len(ports) > MOST_PORTS:
            raise ValueError(f"{text!r} has more than {MOST_PORTS} ports; write fewer, like {_PORTS}")
    twice = [port for port in ports if ports.count(port) > 1]
    if twice:
        raise ValueError(f"{text!r} has port {twice[0]} twice; write each once, like {_PORTS}")
    return tuple(ports)


def parse_cpus(text: str) -> tuple[int, ...]:
    """The cores of `text`, in the order given. Raises ValueError with a line that gives an example."""
    return tuple(cpu for item in _items(text, "a list of cores", "core", _CPUS) for cpu in item)


def parse_source_ports(text: str) -> range:
    """A range of ports like 49152-65535, or a single port. Raises ValueError with a line that gives an example."""
    match = _ITEM.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no range of ports; write it like {_SOURCE_PORTS}")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= HIGHEST_PORT:
        raise ValueError(f"{text!r} is no range within 1-{HIGHEST_PORT}; write it like {_SOURCE_PORTS}")
    return range(first, last + 1)


def _items(text: str, what: str, each: str, example: str) -> Iterator[range]:
    """The items between the commas, such as `514` or `514-553`, as ranges."""
    for item in text.split(","):
        match = _ITEM.fullmatch(item.strip())
        if match is None:
            raise ValueError(f"{text!r} is not {what}; write it like {example}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{item.strip()!r} runs backwards; write the lower {each} first, like {example}")
        yield range(first, last + 1)


def format_ports(ports: tuple[int, ...]) -> str:
    """The shortest text that `parse_ports` reads back as `ports`: runs of neighbours become ranges."""
    items = []
    for _, run in groupby(enumerate(ports), key=lambda place: place[1] - place[0]):
        neighbours = [port for _, port in run]
        first, last = neighbours[0], neighbours[-1]
        items.append(f"{first}" if first == last else f"{first}-{last}")
    return ",".join(items)
