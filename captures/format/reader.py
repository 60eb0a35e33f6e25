"""How is a capture opened? It is mapped and checked: what `open_capture` returns is indexed without a further check.

The header's own digest and those of the small sections are compared at once, and the tables must be sound
(`captures.format.soundness`). The payload's digests take a pass over the whole file: that is `captures.format.digests`.
"""

import mmap
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from captures.console.errors import CaptureError, DamagedError
from captures.files.open_file import Source
from captures.format.layout import (
    DIGEST_BLOCK_BYTES,
    DIGEST_BYTES,
    HEADER,
    MAGIC,
    PAGE_BYTES,
    SECTION_NAMES,
    TRAIN,
    VERSION,
    WINDOW,
    Table,
    header_digest,
    page_aligned,
)
from captures.format.soundness import Unsound, check_mix, check_trains, check_windows, parse_recipe, require

COPY_AGAIN: Final = "; copy or build the capture again"
"""The end of a message about a damaged capture: it says what to do."""
_ROW_BYTES: Final = dict(zip(SECTION_NAMES, (1, WINDOW.itemsize, 8, DIGEST_BYTES, TRAIN.itemsize, 1), strict=True))


@dataclass(frozen=True, eq=False)
class Capture:
    """An open capture; its arrays are read-only views of the mapped file."""

    path: Path
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
    """Whether every event has a tag. If not, no event has one."""
    recipe: dict[str, Any]
    windows: Table
    mix: NDArray[np.uint64]
    """Events rendered from each template of the recipe, shape (templates,)."""
    digests: NDArray[np.void]
    """BLAKE3 of each 16 MiB of payload, shape (blocks,), dtype V32."""
    trains: Table
    payload: NDArray[np.uint8]
    payload_offset: int
    """Where the payload starts in the file."""

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


def open_capture(path: str | os.PathLike[str]) -> Capture:
    """Map and check the capture at `path`.

    Raises CaptureError, and nothing else, for whatever is wrong with the file: DamagedError where it is a capture of a
    version that is known, and not sound.
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # to open a FIFO would block
            raise CaptureError(f"{path}: can't be opened: not a regular file")
        source = Source(path)
        head = os.pread(source.fd, PAGE_BYTES, 0)
        if not head.startswith(MAGIC):
            raise CaptureError(f"{path}: this is not an .rcap capture (its first bytes differ)")
        if len(head) < PAGE_BYTES:
            raise _damaged(path, f"{len(head)} bytes are too few for a capture")
        mapped = mmap.mmap(source.fd, 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CaptureError(f"{path}: can't be opened: {reason}") from None
    data = np.frombuffer(mapped, np.uint8)
    try:
        return _checked(path, source, data)
    except Unsound as error:
        raise _damaged(path, str(error)) from None


def _damaged(path: Path, damage: str) -> DamagedError:
    return DamagedError(f"{path}: {damage}{COPY_AGAIN}", damage)


def _checked(path: Path, source: Source, data: NDArray[np.uint8]) -> Capture:
    raw = data[:PAGE_BYTES].tobytes()
    header = np.frombuffer(raw, HEADER)[0]
    if header["version"] != VERSION:
        raise CaptureError(f"{path}: format version {header['version']}; this tool reads {VERSION}")
    require(bytes(header["digest"]) == header_digest(raw), "the header is damaged (its digest differs)")
    section, payload_offset = _sections(data, header["sections"])
    for name, table in zip(SECTION_NAMES, header["sections"], strict=True):
        if name in ("recipe", "windows", "mix"):
            found = blake3(section[name].data).digest()
            require(found == bytes(table["digest"]), f"section {name} is damaged (its digest differs)")
    found, expected = blake3(section["digests"].data).digest(), bytes(header["sections"][-1]["digest"])
    require(found == expected, "section digests is damaged (its digest differs)")

    trains, windows = section["trains"].view(TRAIN), section["windows"].view(WINDOW)
    payload, digests = section["payload"], section["digests"].view(f"V{DIGEST_BYTES}")
    require(len(digests) == -(-len(payload) // DIGEST_BLOCK_BYTES), "the digests do not cover the payload")
    events, lengths = int(header["events"]), (int(header["shortest"]), int(header["longest"]))
    sources = int(header["sources"])
    check_trains(trains, len(payload), events, lengths, sources)
    check_windows(windows, trains, events)
    mix = section["mix"].view("<u8")
    check_mix(mix, events)
    start_ns, duration_ns = int(header["start_ns"]), int(windows["duration_ns"].sum())
    require(start_ns + duration_ns < 1 << 63, "it ends after the year 2262")
    return Capture(
        path=path,
        source=source,
        digest=bytes(header["digest"]).hex(),
        seed=int(header["seed"]),
        start_ns=start_ns,
        duration_ns=duration_ns,
        events=events,
        shortest=lengths[0],
        longest=lengths[1],
        sources=sources,
        tagged=bool(trains["tag_kind"][0]),
        recipe=parse_recipe(section["recipe"].tobytes()),
        windows=windows,
        mix=mix,
        digests=digests,
        trains=trains,
        payload=payload,
        payload_offset=payload_offset,
    )


def _sections(data: NDArray[np.uint8], table: Table) -> tuple[dict[str, NDArray[np.uint8]], int]:
    """Each section's bytes, and where the last, the payload, starts in the file."""
    section, expected = {}, PAGE_BYTES
    for name, row in zip(SECTION_NAMES, table, strict=True):
        offset, size, rows = int(row["offset"]), int(row["size"]), int(row["rows"])
        require(offset == expected, f"section {name} starts at {offset}, not at {expected}")
        require(size == rows * _ROW_BYTES[name], f"section {name}: {size} bytes are not {rows} rows")
        end = offset + size
        require(end <= len(data), f"section {name} ends at {end}, the file at {len(data)}: it was cut short")
        section[name] = data[offset:end]
        expected = page_aligned(end)
    require(end == len(data), f"{len(data) - end} bytes follow the payload")
    return section, offset
