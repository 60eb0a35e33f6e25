"""Where does a sink answer? How people write its address and port."""

from typing import NamedTuple

from captures.console.errors import InputError
from replay.ranges import HIGHEST_PORT
from replay.request_checks import check_type, check_within


class Place(NamedTuple):
    """The address and port at which a sink publishes its counters."""

    host: str
    port: int

    def __str__(self) -> str:
        """The place as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def check_place(flag: str, place: Place | None) -> None:
    """Refuse a place of a request from Python that nobody can answer at; None: none was given. Raises InputError."""
    check_type(flag, place, Place, "Place('198.18.0.2', 5600)")
    if place is not None:
        check_type(f"{flag}: the host", place.host, str, "'198.18.0.2'")
        check_within(f"{flag}: port", place.port, 1, HIGHEST_PORT)
        if not place.host:
            raise InputError(f"{flag}: the host is empty; write it like 198.18.0.2")


def parse_place(text: str) -> Place:
    """The place from a text like `198.18.0.2:5600` or `[::1]:5600`. Raises ValueError with an example."""
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if (
        not colon
        or not bare
        or (":" in bare) is not host.startswith("[")
        or not port.isdecimal()
        or not 0 < int(port) <= HIGHEST_PORT
    ):
        raise ValueError(f"{text!r} is no address and port; write it like 198.18.0.2:5600 or [::1]:5600")
    return Place(bare, int(port))
