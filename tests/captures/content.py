"""Captures made by hand: what is in one, and how it gets into a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from captures.format import STAMP_WIDTHS, TRAIN, WINDOW, StampKind, Table
from captures.writer import CaptureShape, CaptureWriter

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
) -> Content:
    """Trains of the given events, each of shape (count, length); `window_trains` cuts them into minutes."""
    trains = np.zeros(len(matrices), TRAIN)
    trains["count"], trains["length"] = np.transpose([matrix.shape for matrix in matrices])
    trains["stamp_kind"] = trains["length"] >= STAMP_WIDTHS[StampKind.ISO_MS]
    trains["stamp_column"] = [*stamp_columns] or 0
    trains["source"] = np.arange(len(matrices))
    size, count = trains["count"] * trains["length"].astype(np.uint64), trains["count"].astype(np.uint64)
    trains["offset"], trains["first_event"] = np.cumsum(size) - size, np.cumsum(count) - count

    cuts = [0, *np.cumsum([*window_trains], dtype=int).tolist(), len(matrices)]
    windows = np.zeros(len(cuts) - 1, WINDOW)
    windows["start_ns"], windows["duration_ns"] = MINUTE_NS * np.arange(len(windows)), MINUTE_NS
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
    )
    return Content(shape, trains, payload, np.array([count.sum(), 0], np.uint64))


def tiny() -> Content:
    """Three trains in two minutes; every byte is given here."""
    stamp = b"2025-08-30T10:15:30.123Z "
    rows = (
        [b"<6>" + stamp + b"one", b"<4>" + stamp + b"two"],
        [b"short"] * 3,
        [stamp + b"in the next minute"],
    )
    return content(
        [np.array([[*row] for row in train], np.uint8) for train in rows], window_trains=[2], stamp_columns=[3, 0, 0]
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
