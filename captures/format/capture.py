"""What is an open capture? A mapped file whose tables were checked: they are indexed without a further check."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.files.open_file import Source
from captures.format.layout import Table
from captures.format.parts import Part


@dataclass(frozen=True, eq=False)
class Capture:
    """An open capture; its arrays are read-only views of the mapped file."""

    path: Path
    """What the user named: this file, or the packed capture that it came out of."""
    mapped_path: Path
    """The file that is mapped. Of a packed capture it is in the cache."""
    source: Source
    """The open file, for those who read it with pread(2), and who must know whether it was changed."""
    digest: str
    """Hexadecimal BLAKE3 of the header, which holds the digest of every section."""
    seed: int
    start_ns: int
    """The capture's first instant, in nanoseconds since 1970 UTC."""
    duration_ns: int
    """The length of the time axis; 0 means that the events have no instants of their own."""
    events: int
    shortest: int
    """Bytes of the shortest event."""
    longest: int
    """Bytes of the longest event."""
    sources: int
    """How many sources the trains come from, which are numbered from 0; 0 if the capture tells of no sources."""
    tagged: bool
    """Whether every event has a tag. If not, none has one in version 1, and some may have one in version 2."""
    version: int
    """The version of its format."""
    recipe: dict[str, Any] | None
    """All that is needed to rebuild the same bytes. None: it was not built from a recipe (version 2 only)."""
    note: dict[str, Any]
    """Where it came from, and what was left out; empty if it does not tell (version 1)."""
    windows: Table
    mix: NDArray[np.uint64]
    """Events rendered from each template of the recipe, shape (templates,)."""
    digests: NDArray[np.void]
    """BLAKE3 of each 16 MiB of payload, shape (blocks,), dtype V32."""
    trains: Table
    payload: NDArray[np.uint8]
    payload_offset: int
    """Where the payload starts in the file."""
    times: NDArray[np.uint64]
    """The instant of each event in the original order, ns since `start_ns`, never descending: shape (events,).

    This and what follows is empty where the capture does not tell of it; `captures.format.sections` says more.
    """
    back: Table
    """BACK rows: events that were captured earlier than `times` says."""
    order: NDArray[np.uint64]
    """The number in the original order of each event of the order of replay, shape (events,)."""
    flows: Table
    """FLOW rows."""
    flow_of: NDArray[np.uint32]
    """The row of `flows` for each event, in the order of replay: shape (events,)."""
    links: Table
    """LINK rows."""
    live: Table
    """LIVE rows: further stamps of trains."""
    templates: NDArray[np.uint16]
    """The template of each event, shape (events,)."""
    original: NDArray[np.uint32]
    """The length that each event had before it was cut, shape (events,)."""
    parts: tuple[Part, ...]
    """All sections, also those that this program does not know."""

    @property
    def files(self) -> list[Path]:
        """The files that are read, which no output may replace."""
        return [self.path, self.mapped_path]

    def matrix(self, train: int) -> NDArray[np.uint8]:
        """The events of one train, shape (count, length)."""
        row = self.trains[train]
        start, count, length = int(row["offset"]), int(row["count"]), int(row["length"])
        return self.payload[start : start + count * length].reshape(count, length)

    def lines(self) -> Iterator[bytes]:
        """Every event in the order of replay; for looking at a few, not for speed."""
        for train in range(len(self.trains)):
            for row in self.matrix(train):
                yield row.tobytes()
