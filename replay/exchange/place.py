"""Where a sink answers: an address and a port, as people write them."""

from typing import NamedTuple


class Place(NamedTuple):
    """Where a sink publishes."""

    host: str
    port: int

    def __str__(self) -> str:
        """As it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_place(text: str) -> Place:
    """`198.18.0.2:5600` or `[::1]:5600`. Raises ValueError with an example."""
    host, colon, port = text.strip().rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    if (
        not colon
        or not bare
        or (":" in bare) is not host.startswith("[")
        or not port.isdecimal()
        or not 0 < int(port) < 65536
    ):
        raise ValueError(f"{text!r} is no address and port; write it like 198.18.0.2:5600 or [::1]:5600")
    return Place(bare, int(port))
