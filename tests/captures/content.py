"""Captures made by hand: what is in one, and how it gets into a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import LOCAL_ZONE, STAMP_WIDTHS, TRAIN, WINDOW, StampKind, Table, TagKind
from captures.format.stamp_writing import stamp_texts
from captures.format.tags import BLANK, SUFFIX, TAG_BYTES
from captures.format.writing.writer import CaptureShape, CaptureWriter

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, eq=False)
class Content:
    """All that a capture holds, in memory."""

    shape: CaptureShape
    trains: Table
    payload: NDArray[np.uint8]
    mix: NDArray[np.uint64]

    def part(self, first: int, end: int) -> tuple[int, Table, int, NDArray[np.uint8]]:
        """Trains `first` to `end` as PartWriter.write takes them."""
        bounds = [*self.trains["offset"].tolist(), len(self.payload)]
        return first, self.trains[first:end], bounds[first], self.payload[bounds[first] : bounds[end]]


def content(
    matrices: Sequence[NDArray[np.uint8]],
    window_trains: Iterable[int] = (),
    stamp_columns: Iterable[int] = (),
    *,
    window_ns: int | Sequence[int] = MINUTE_NS,
    start_ns: int = 0,
    styles: Sequence[tuple[StampKind, int]] = (),
) -> Content:
    """Trains of the given events, each of shape (count, length).

    `window_trains` cuts them into windows, one more than its items, that last `window_ns`. `styles` are the kind and
    the zone of each train's stamps; without it all that have room for one have an ISO_MS stamp.
    """
    trains = np.zeros(len(matrices), TRAIN)
    trains["count"], trains["length"] = np.transpose([matrix.shape for matrix in matrices])
    trains["stamp_kind"] = trains["length"] >= STAMP_WIDTHS[StampKind.ISO_MS]
    if styles:
        trains["stamp_kind"], trains["zone_minutes"] = np.transpose(styles)
    trains["stamp_column"] = [*stamp_columns] or 0
    trains["source"] = np.arange(len(matrices))
    size, count = trains["count"] * trains["length"].astype(np.uint64), trains["count"].astype(np.uint64)
    trains["offset"], trains["first_event"] = np.cumsum(size) - size, np.cumsum(count) - count

    cuts = [0, *np.cumsum([*window_trains], dtype=int).tolist(), len(matrices)]
    windows = np.zeros(len(cuts) - 1, WINDOW)
    windows["duration_ns"] = window_ns
    windows["start_ns"] = np.cumsum(windows["duration_ns"]) - windows["duration_ns"]
    windows["first_train"], windows["trains"] = cuts[:-1], np.diff(cuts)
    windows["events"] = [count[a:b].sum() for a, b in pairwise(cuts)]

    payload = np.concatenate([matrix.ravel() for matrix in matrices])
    recipe: dict[str, Any] = {"profile": {"name": "by hand"}, "tool": "tests"}
    shape = CaptureShape(
        recipe=recipe,
        seed=7,
        windows=windows,
        templates=2,
        trains=len(trains),
        payload_bytes=len(payload),
        shortest=int(trains["length"].min()),
        longest=int(trains["length"].max()),
        start_ns=start_ns,
        sources=len(trains),
    )
    return Content(shape, trains, payload, np.array([count.sum(), 0], np.uint64))


STYLES: tuple[tuple[StampKind, int], ...] = (
    (StampKind.ISO_MS, 0),
    (StampKind.RFC3164, LOCAL_ZONE),
    (StampKind.RFC3164, -210),
    (StampKind.RFC3339_US, 0),
    (StampKind.RFC3339_US_OFFSET, 120),
)
"""A kind of stamp and its zone, of each of the three formats."""

START_NS = 1_756_548_930_000_000_000
"""2025-08-30T10:15:30Z."""


def window_instants_ns(windows: Table) -> NDArray[np.int64]:
    """When each event of WINDOW rows is, from the start of the capture, one by one; shape (events,)."""
    return np.array(
        [start + j * duration // n for start, duration, _, _, n in windows.tolist() for j in range(n)], np.int64
    )


def timed(window_trains: Sequence[int], window_ns: Sequence[int], train: int = 16) -> Content:
    """A capture with a time axis and the STYLES in turn; event k says ` host app: k` behind its instant."""
    trains = sum(window_trains)
    styles = [STYLES[i % len(STYLES)] for i in range(trains)]
    heads = [b"<13>1 " if kind >= StampKind.RFC3339_US else b"<13>" for kind, _ in styles]
    events = np.array(window_trains, np.uint64) * train
    windows = np.zeros(len(window_ns), WINDOW)
    windows["events"], windows["duration_ns"] = events, window_ns
    windows["start_ns"] = np.cumsum(windows["duration_ns"]) - windows["duration_ns"]
    instants = START_NS + window_instants_ns(windows).reshape(trains, train)
    matrices = []
    for place, ((kind, zone), head) in enumerate(zip(styles, heads, strict=True)):
        stamps = stamp_texts(kind, 0 if zone == LOCAL_ZONE else zone, instants[place])
        rows = [head + stamp.tobytes() + b" host app: %08d" % (place * train + i) for i, stamp in enumerate(stamps)]
        matrices.append(np.array([[*row] for row in rows], np.uint8))
    columns = [len(head) for head in heads]
    return content(matrices, window_trains[:-1], columns, window_ns=[*window_ns], start_ns=START_NS, styles=styles)


def tiny() -> Content:
    """Three trains in two minutes; every byte is given here."""
    stamp = b"2025-08-30T10:15:30.123Z "
    rows = (
        [b"<6>" + stamp + b"one", b"<4>" + stamp + b"two"],
        [b"short"] * 3,
        [b"Aug 30 10:15:30 in the next minute".ljust(43)],
    )
    styles = [(StampKind.ISO_MS, 0), (StampKind.NONE, 0), (StampKind.RFC3164, LOCAL_ZONE)]
    return content(
        [np.array([[*row] for row in train], np.uint8) for train in rows],
        window_trains=[2],
        stamp_columns=[3, 0, 0],
        start_ns=START_NS,
        styles=styles,
    )


def tagged(held: Content) -> Content:
    """The same content with ` stampede=` and a blank tag behind each event."""
    suffix = np.frombuffer((SUFFIX + BLANK).encode(), np.uint8)
    trains, rows = held.trains.copy(), []
    for train in held.trains:
        start, shape = int(train["offset"]), (int(train["count"]), int(train["length"]))
        matrix = held.payload[start : start + shape[0] * shape[1]].reshape(shape)
        rows.append(np.hstack([matrix, np.tile(suffix, (shape[0], 1))]).ravel())
    trains["length"] += len(suffix)
    trains["tag_kind"], trains["tag_column"] = TagKind.HEX, trains["length"] - TAG_BYTES
    size = trains["count"] * trains["length"].astype(np.uint64)
    trains["offset"] = np.cumsum(size) - size
    payload = np.concatenate(rows)
    longer = {name: getattr(held.shape, name) + len(suffix) for name in ("shortest", "longest")}
    return replace(
        held, shape=replace(held.shape, payload_bytes=len(payload), **longer), trains=trains, payload=payload
    )


def noise(shapes: Iterable[tuple[int, int]]) -> list[NDArray[np.uint8]]:
    """Events of random bytes, always the same ones, for each (count, length)."""
    random = np.random.default_rng(1)
    return [random.integers(0, 256, shape, np.uint8) for shape in shapes]


def write(
    path: Path,
    held: Content,
    parts: Iterable[tuple[int, int]] | None = None,
    *,
    jobs: int = 1,
    force: bool = False,
) -> str:
    """Write a capture, part by part in the order given (as one by default); returns its digest."""
    with CaptureWriter(path, held.shape, force=force) as writer:
        part = writer.part()
        for first, end in [(0, len(held.trains))] if parts is None else parts:
            part.write(*held.part(first, end))
        return writer.finish(held.mix, jobs)
