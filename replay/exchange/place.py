"""Where does a sink answer? How people write its address and port."""

from typing import NamedTuple


class Place(NamedTuple):
    """The address and port at which a sink publishes its counters."""

    host: str
    port: int

    def __str__(self) -> str:
        """The place as people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_place(text: str) -> Place:
    """The place from a text like `198.18.0.2:5600` or `[::1]:5600`. Raises ValueError with an example."""
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
