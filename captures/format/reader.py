"""A capture, mapped and checked: what `open_capture` returns can be indexed without a further check.

The header's own digest and those of the small sections are compared at once; the tables are checked for
bounds in blocks, so that memory stays flat. The payload's digests take a pass over the whole file: that is
`captures.format.digests`.
"""

import json
import math
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
    LOCAL_ZONE,
    MAGIC,
    MAX_TRAIN_BYTES,
    MAX_TRAIN_EVENTS,
    PAGE_BYTES,
    SECTION_NAMES,
    STAMP_WIDTHS,
    TAG_WIDTHS,
    TRAIN,
    VERSION,
    WINDOW,
    StampKind,
    Table,
    header_digest,
    page_aligned,
)

COPY_AGAIN: Final = "; copy or build the capture again"
"""The end of a message about a damaged capture: it says what to do."""
_ROW_BYTES: Final = dict(zip(SECTION_NAMES, (1, WINDOW.itemsize, 8, DIGEST_BYTES, TRAIN.itemsize, 1), strict=True))
MAX_RECIPE_DEPTH: Final = 64
"""Objects and arrays of a recipe may be nested so deep, since code that prints or checks a recipe recurses as deep."""
_BLOCK_ROWS: Final = 1 << 17
_STAMP_WIDTH_BY_KIND: Final = np.array([STAMP_WIDTHS[kind] for kind in sorted(STAMP_WIDTHS)], np.int64)
_HAS_ZONE: Final = np.array([kind in (StampKind.RFC3164, StampKind.RFC3339_US_OFFSET) for kind in sorted(STAMP_WIDTHS)])
_DAY_MINUTES: Final = 24 * 60
_TAG_WIDTH_BY_KIND: Final = np.array([TAG_WIDTHS[kind] for kind in sorted(TAG_WIDTHS)], np.int64)


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
            raise DamagedError(f"{path}: {len(head)} bytes are too few for a capture{COPY_AGAIN}")
        mapped = mmap.mmap(source.fd, 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CaptureError(f"{path}: can't be opened: {reason}") from None
    data = np.frombuffer(mapped, np.uint8)
    try:
        return _checked(path, source, data)
    except _Unsound as error:
        raise DamagedError(f"{path}: {error}{COPY_AGAIN}") from None


class _Unsound(Exception):
    """What is wrong with the file, without its name."""


def _require(condition: object, complaint: str) -> None:
    if not condition:
        raise _Unsound(complaint)


def _checked(path: Path, source: Source, data: NDArray[np.uint8]) -> Capture:
    raw = data[:PAGE_BYTES].tobytes()
    header = np.frombuffer(raw, HEADER)[0]
    if header["version"] != VERSION:
        raise CaptureError(f"{path}: format version {header['version']}; this tool reads {VERSION}")
    _require(bytes(header["digest"]) == header_digest(raw), "the header is damaged (its digest differs)")
    section, payload_offset = _sections(data, header["sections"])
    for name, table in zip(SECTION_NAMES, header["sections"], strict=True):
        if name in ("recipe", "windows", "mix"):
            found = blake3(section[name].data).digest()
            _require(found == bytes(table["digest"]), f"section {name} is damaged (its digest differs)")
    found, expected = blake3(section["digests"].data).digest(), bytes(header["sections"][-1]["digest"])
    _require(found == expected, "section digests is damaged (its digest differs)")

    trains, windows = section["trains"].view(TRAIN), section["windows"].view(WINDOW)
    payload, digests = section["payload"], section["digests"].view(f"V{DIGEST_BYTES}")
    _require(len(digests) == -(-len(payload) // DIGEST_BLOCK_BYTES), "the digests do not cover the payload")
    events, lengths = int(header["events"]), (int(header["shortest"]), int(header["longest"]))
    sources = int(header["sources"])
    _check_trains(trains, len(payload), events, lengths, sources)
    _check_windows(windows, trains, events)
    mix = section["mix"].view("<u8")
    _require(not len(mix) or (mix.max() <= events and _total(mix) == events), "the mix does not sum to the events")
    start_ns, duration_ns = int(header["start_ns"]), int(windows["duration_ns"].sum())
    _require(start_ns + duration_ns < 1 << 63, "it ends after the year 2262")
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
        recipe=_recipe(section["recipe"].tobytes()),
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
        _require(offset == expected, f"section {name} starts at {offset}, not at {expected}")
        _require(size == rows * _ROW_BYTES[name], f"section {name}: {size} bytes are not {rows} rows")
        end = offset + size
        _require(end <= len(data), f"section {name} ends at {end}, the file at {len(data)}: it was cut short")
        section[name] = data[offset:end]
        expected = page_aligned(end)
    _require(end == len(data), f"{len(data) - end} bytes follow the payload")
    return section, offset


def _recipe(raw: bytes) -> dict[str, Any]:
    try:
        recipe = json.loads(raw, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        recipe = None
    _require(isinstance(recipe, dict), "the recipe is not a JSON object")
    _require(_depth(recipe) <= MAX_RECIPE_DEPTH, f"the recipe is nested more than {MAX_RECIPE_DEPTH} deep")
    return recipe  # type: ignore[no-any-return]


def _finite(text: str) -> float:
    """Read a number of the recipe. NaN, Infinity, which are not JSON, and what no float can hold are refused."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number


def _depth(tree: Any) -> int:
    """How deep objects and arrays are nested; counting ends at the limit."""
    depth, level = 0, [tree]
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        if depth > MAX_RECIPE_DEPTH:
            break
        level = [inner for value in level for inner in (value.values() if isinstance(value, dict) else value)]
    return depth


def _check_trains(trains: Table, payload_bytes: int, events: int, lengths: tuple[int, int], sources: int) -> None:
    """Check that trains lie back to back, hold the events that they say, and keep stamps inside their event."""
    _require(len(trains), "it holds no trains")
    offset, first_event, shortest, longest = 0, 0, 1 << 16, 0
    for start in range(0, len(trains), _BLOCK_ROWS):
        block = trains[start : start + _BLOCK_ROWS]
        count, length = block["count"].astype(np.int64), block["length"].astype(np.int64)
        size = count * length
        _require(
            count.min() >= 1 and count.max() <= MAX_TRAIN_EVENTS,
            f"a train has fewer than 1 or more than {MAX_TRAIN_EVENTS} events",
        )
        _require(length.min() >= 1, "a train's events are empty")
        _require(size.max() <= MAX_TRAIN_BYTES, f"a train is longer than {MAX_TRAIN_BYTES} bytes")
        starts, firsts = offset + np.cumsum(size) - size, first_event + np.cumsum(count) - count
        _require((block["offset"] == starts.astype(np.uint64)).all(), "the trains do not lie back to back")
        _require((block["first_event"] == firsts.astype(np.uint64)).all(), "the trains' events have a gap")
        kind = block["stamp_kind"]
        _require(kind.max() < len(_STAMP_WIDTH_BY_KIND), "a train's kind of stamp is not known")
        stamp_end = block["stamp_column"].astype(np.int64) + _STAMP_WIDTH_BY_KIND[kind]
        _require((stamp_end <= length).all(), "a stamp lies outside its event")
        zone = block["zone_minutes"]
        sound = np.where(_HAS_ZONE[kind], (abs(zone) < _DAY_MINUTES) | (zone == LOCAL_ZONE), zone == 0)
        _require(sound.all(), "a train's zone is none")
        _check_tags(block, int(trains["tag_kind"][0]), stamp_end)
        _require(block["source"].max() < max(sources, 1), f"a train's source is not one of the header's {sources}")
        offset, first_event = offset + int(size.sum()), first_event + int(count.sum())
        shortest, longest = min(shortest, int(length.min())), max(longest, int(length.max()))
    _require(offset == payload_bytes, f"the trains hold {offset} bytes, the payload {payload_bytes}")
    _require(first_event == events, f"the trains hold {first_event} events, the header says {events}")
    _require(lengths == (shortest, longest), "the header's shortest and longest event are not the trains'")


def _check_tags(block: Table, first_kind: int, stamp_end: NDArray[np.int64]) -> None:
    """Check that all trains have one kind of tag, inside the event and beside the stamp, which ends at `stamp_end`."""
    kind, column = block["tag_kind"], block["tag_column"].astype(np.int64)
    _require(kind.max() < len(_TAG_WIDTH_BY_KIND), "a train's kind of tag is not known")
    _require((kind == first_kind).all(), "some trains have a tag and some have none")
    tag_end = column + _TAG_WIDTH_BY_KIND[kind]
    _require((tag_end <= block["length"]).all(), "a tag lies outside its event")
    apart = (column >= stamp_end) | (tag_end <= block["stamp_column"])
    _require((apart | (kind == 0) | (block["stamp_kind"] == 0)).all(), "a tag lies across its event's stamp")


def _total(numbers: NDArray[np.uint64]) -> int:
    """The sum of numbers; 64 bits may be too few for it."""
    high, low = numbers >> np.uint64(32), numbers & np.uint64((1 << 32) - 1)
    return (int(high.sum()) << 32) + int(low.sum())


def _check_windows(windows: Table, trains: Table, events: int) -> None:
    """Windows follow each other in time and in trains, and hold every train and its events.

    A sum of two of the file's numbers may wrap round at 2^64; it is less than the first of them then.
    """
    _require(len(windows), "it holds no windows")
    start_ns, duration_ns, first, count = (
        windows[name] for name in ("start_ns", "duration_ns", "first_train", "trains")
    )
    end_ns, end = start_ns + duration_ns, first + count
    _require(start_ns[0] == 0 and (start_ns[1:] == end_ns[:-1]).all(), "the windows leave a gap in time")
    _require((end_ns >= start_ns).all() and end_ns[-1] < 1 << 63, "the windows last too long")
    _require(duration_ns.all() or len(windows) == 1, "a window lasts no time")
    _require(first[0] == 0 and (first[1:] == end[:-1]).all(), "the windows leave out a train")
    _require((end >= first).all() and end[-1] <= len(trains), "a window ends after the last train")
    _require(end[-1] == len(trains), "the windows do not hold every train")
    last = len(trains) - 1
    first_event = np.where(first > last, np.uint64(events), trains["first_event"][np.minimum(first, last)])
    held = np.diff(first_event, append=np.uint64(events))
    _require((windows["events"] == held).all(), "a window's events are not those of its trains")
