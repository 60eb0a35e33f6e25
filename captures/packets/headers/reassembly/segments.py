"""What goes into the streams of TCP, and what comes out of them: segments, and the messages that they complete."""

from typing import Final, NamedTuple

SEQUENCE: Final = 1 << 32
"""Sequence numbers begin anew there."""
FIN: Final = 1
SYN: Final = 2
RST: Final = 4


class Origin(NamedTuple):
    """The packet of which a message is."""

    packet: int
    """Its number."""
    instant_ns: int
    flow: int


class Segment(NamedTuple):
    """A segment of TCP."""

    stream: bytes
    """Addresses and ports."""
    sequence: int
    flags: int
    payload: bytes
    length: int
    """More than is there, if a snaplen cut it."""
    origin: Origin
    """Without a flow if it has no data, and no flag by which it may complete a message."""
    is_named: bool
    """Whether its port was asked for by number."""


class Completed:
    """Messages that packets completed, in the order in which they did."""

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.origins: list[tuple[int, int, int, int]] = []
        """How many of the texts are of the same packet, and its number, instant and flow."""
        self.lengths: list[tuple[int, int]] = []
        """The place among the texts of one that is cut, and how long it was."""

    def add(self, texts: list[bytes], origin: Origin, length: int | None = None) -> None:
        """Add messages of a packet; `length` is that of the only one, in bytes, if it may be cut."""
        if length is not None:
            self.lengths.append((len(self.texts), length))
        self.texts += texts
        self.origins.append((len(texts), *origin))

    def clear(self) -> None:
        """Begin anew."""
        self.texts, self.origins, self.lengths = [], [], []
