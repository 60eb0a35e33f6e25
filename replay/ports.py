"""Lists of UDP ports as people write them: `514-553`, `514,516,600-610`. Sender and sink read them alike."""

import re
from itertools import groupby
from typing import Final

from captures.console.command import Parsed
from captures.console.errors import InputError

LOWEST_PORT: Final = 514
HIGHEST_PORT: Final = 65535
MOST_PORTS: Final = 100
"""Nothing below the port of syslog, 514, may be a target, and a run has 100 ports at most."""

_EXAMPLE: Final = "514-553 or 514,516,600-610"
_ITEM: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)


def parse_ports(text: str) -> tuple[int, ...]:
    """The ports of `text` in the order given, each once: at most 100, within 514-65535.

    Raises ValueError with a line that says what is wrong and gives an example.
    """
    ports: list[int] = []
    for item in text.split(","):
        ports += _range_of(item.strip(), text)
        if len(ports) > MOST_PORTS:
            raise ValueError(f"{text!r} has more than {MOST_PORTS} ports; write fewer, like {_EXAMPLE}")
    twice = [port for port in ports if ports.count(port) > 1]
    if twice:
        raise ValueError(f"{text!r} has port {twice[0]} twice; write each once, like {_EXAMPLE}")
    return tuple(ports)


def _range_of(item: str, text: str) -> range:
    """The ports of one item, `514` or `514-553`."""
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"{text!r} is not a list of ports; write it like {_EXAMPLE}")
    first, last = int(match[1]), int(match[2] or match[1])
    for port in (first, last):
        if not LOWEST_PORT <= port <= HIGHEST_PORT:
            raise ValueError(f"port {port} is outside {LOWEST_PORT}-{HIGHEST_PORT}; use ports like {_EXAMPLE}")
    if last < first:
        raise ValueError(f"{item!r} runs backwards; write the lower port first, like {_EXAMPLE}")
    return range(first, last + 1)


def format_ports(ports: tuple[int, ...]) -> str:
    """The shortest text that `parse_ports` reads back as `ports`: runs of neighbours become ranges."""
    items = []
    for _, run in groupby(enumerate(ports), key=lambda place: place[1] - place[0]):
        neighbours = [port for _, port in run]
        first, last = neighbours[0], neighbours[-1]
        items.append(f"{first}" if first == last else f"{first}-{last}")
    return ",".join(items)


def check_workers(workers: int, ports: int) -> None:
    """Refuse more workers than ports, each of which has one worker. Raises InputError."""
    if workers > ports:
        there = "is 1 port, so use 1 worker" if ports == 1 else f"are {ports} ports, so use 1 to {ports} workers"
        raise InputError(f"--workers {workers}: there {there}")


PORTS: Final = Parsed("ports", parse_ports)
"""The type of a `--ports` flag."""
