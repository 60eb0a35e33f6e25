"""A capture as chunks: how many, how large, and where each lies, all known before rendering."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.layouts import Frames
from precompute.plan import chunk_events, class_trains, plan_chunk

_MAX_TRIALS: Final = 32


@dataclass(frozen=True, eq=False)
class Chunk:
    """A chunk's size and its place in the capture."""

    number: int
    first_window: int
    window_events: NDArray[np.int64]
    """Events of each window that the chunk has a part of, shape (windows,)."""
    window_trains: NDArray[np.int64]
    payload_bytes: int
    shortest: int
    """Bytes of its shortest event."""
    longest: int
    first_event: int = 0
    first_train: int = 0
    payload_start: int = 0

    @property
    def events(self) -> int:
        """Events of the chunk."""
        return int(self.window_events.sum())

    @property
    def trains(self) -> int:
        """Trains of the chunk."""
        return int(self.window_trains.sum())

    def next_to(self, before: "Chunk | None") -> "Chunk":
        """This chunk, placed behind the one `before` it."""
        if before is None:
            return self
        return replace(
            self,
            first_event=before.first_event + before.events,
            first_train=before.first_train + before.trains,
            payload_start=before.payload_start + before.payload_bytes,
        )


def measure_chunk(
    frames: Frames, *, seed: int, train: int, number: int, first_window: int, window_events: NDArray[np.int64]
) -> Chunk:
    """Plan one chunk for its size; it is not placed yet."""
    cells = plan_chunk(frames, seed, number, window_events)
    rows, length = cells.class_rows(), cells.class_length()
    _, window, _ = class_trains(cells, train)
    return Chunk(
        number=number,
        first_window=first_window,
        window_events=window_events,
        window_trains=np.bincount(window, minlength=len(window_events)),
        payload_bytes=int((rows * length).sum()),
        shortest=int(length.min()),
        longest=int(length.max()),
    )


def chunks_of_windows(frames: Frames, *, seed: int, train: int, windows: NDArray[np.int64]) -> Iterator[Chunk]:
    """The chunks of a capture whose windows hold so many events each: `windows`, shape (windows,)."""
    full, ends, chunk = chunk_events(frames), np.cumsum(windows), None
    starts = ends - windows
    for number, start in enumerate(range(0, int(ends[-1]), full)):
        end = min(start + full, int(ends[-1]))
        first, last = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left"))
        own = slice(first, last)
        events = np.minimum(ends[own], end) - np.maximum(starts[own], start)
        chunk = measure_chunk(
            frames, seed=seed, train=train, number=number, first_window=first, window_events=events
        ).next_to(chunk)
        yield chunk


def events_of_size(frames: Frames, *, seed: int, train: int, size: int) -> int:
    """How many events fit into a payload of `size` bytes; 0, if none does.

    The payload falls short of `size` by less than the longest event, but for rare cases in which the
    search ends a few events early: see `_fit`.
    """
    room, events = size, 0
    for number in count():
        found = _fit(partial(_measure_events, frames, seed, train, number), frames, room)
        if found is None:
            return events
        events, room = events + found.events, room - found.payload_bytes
        if found.events < chunk_events(frames):
            return events
    raise AssertionError("count() does not end")


def _measure_events(frames: Frames, seed: int, train: int, number: int, events: int) -> Chunk:
    return measure_chunk(
        frames, seed=seed, train=train, number=number, first_window=0, window_events=np.array([events])
    )


def _fit(measure: Callable[[int], Chunk], frames: Frames, room: int) -> Chunk | None:
    """The largest chunk found that fits into `room` bytes.

    How many bytes a number of events will have is drawn, not computed, and is not quite monotonic: so step
    by the mean length towards the room, and keep the best.
    """
    best, tried = None, set[int]()
    events = min(chunk_events(frames), int(room / frames.mean_bytes))
    while 0 < events <= chunk_events(frames) and events not in tried and len(tried) < _MAX_TRIALS:
        tried.add(events)
        chunk = measure(events)
        spare = room - chunk.payload_bytes
        if spare >= 0 and (best is None or chunk.events > best.events):
            best = chunk
        events += floor(spare / frames.mean_bytes) or 1
    return best
