"""A capture as chunks: how many, how large, and where each lies, all known before rendering."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import floor
from typing import Final

import numpy as np
from numpy.typing import NDArray

from precompute.rendering.frames import Frames
from precompute.rendering.plan import chunk_events, class_trains, plan_chunk
from precompute.rendering.quotas import Quotas

_MAX_TRIALS: Final = 32


@dataclass(frozen=True, eq=False)
class Chunk:
    """A chunk's size and its place in the capture."""

    number: int
    first_window: int
    window_events: NDArray[np.int64]
    """The chunk's events in each window that it has a part of, shape (windows,)."""
    window_trains: NDArray[np.int64]
    """The chunk's trains in each of these windows, shape (windows,)."""
    payload_bytes: int
    shortest: int
    """Bytes of its shortest event."""
    longest: int
    """Bytes of its longest event."""
    first_event: int
    """How many events of the capture come before the chunk."""
    first_train: int = 0
    """How many trains of the capture come before the chunk."""
    payload_start: int = 0
    """How many bytes of the payload come before the chunk."""

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
            first_train=before.first_train + before.trains,
            payload_start=before.payload_start + before.payload_bytes,
        )


def measure_chunk(
    frames: Frames,
    quotas: Quotas,
    *,
    seed: int,
    train: int,
    number: int,
    first_window: int,
    first_event: int,
    window_events: NDArray[np.int64],
) -> Chunk:
    """Plan one chunk for its size; its trains and its payload are not placed yet."""
    cells = plan_chunk(frames, quotas, seed=seed, chunk=number, first_event=first_event, windows=window_events)
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
        first_event=first_event,
    )


def chunks_of_windows(
    frames: Frames, quotas: Quotas, *, seed: int, train: int, windows: NDArray[np.int64]
) -> Iterator[Chunk]:
    """The chunks of a capture, in order and placed one behind the other.

    `windows` says how many events each window of the capture holds: shape (windows,).
    """
    ends, chunk = np.cumsum(windows), None
    starts = ends - windows
    for number, (start, end) in enumerate(_bounds(frames, int(ends[-1]))):
        first, last = int(np.searchsorted(ends, start, "right")), int(np.searchsorted(starts, end, "left"))
        own = slice(first, last)
        chunk = measure_chunk(
            frames,
            quotas,
            seed=seed,
            train=train,
            number=number,
            first_window=first,
            first_event=start,
            window_events=np.minimum(ends[own], end) - np.maximum(starts[own], start),
        ).next_to(chunk)
        yield chunk


def window_trains(chunks: Iterable[Chunk], windows: int) -> NDArray[np.int64]:
    """The trains in each of the capture's `windows`, of all `chunks` together; shape (windows,)."""
    trains = np.zeros(windows, np.int64)
    for chunk in chunks:
        trains[chunk.first_window : chunk.first_window + len(chunk.window_trains)] += chunk.window_trains
    return trains


def _bounds(frames: Frames, events: int) -> Iterator[tuple[int, int]]:
    """The first event of each chunk of a capture of so many `events`, and the one behind its last."""
    full = chunk_events(frames)
    return ((start, min(start + full, events)) for start in range(0, events, full))


def events_of_size(frames: Frames, *, seed: int, size: int) -> int:
    """How many events fit into a payload of `size` bytes; 0, if none does.

    The payload falls short of `size` by less than the longest event, but for rare cases in which the search ends a few
    events early: the bytes of a number of events are dealt, not computed, and are not quite monotonic. So it steps by
    the mean length towards the size, and keeps the best.
    """
    best, tried = 0, set[int]()
    events = int(size / frames.mean_bytes)
    while events > 0 and events not in tried and len(tried) < _MAX_TRIALS:
        tried.add(events)
        spare = size - payload_bytes(frames, seed, events)
        if spare >= 0:
            best = max(best, events)
        events += floor(spare / frames.mean_bytes) or 1
    return best


def payload_bytes(frames: Frames, seed: int, events: int) -> int:
    """The payload of a capture of so many `events`."""
    quotas = Quotas(frames, seed=seed, events=events)
    return sum(
        quotas.of_chunk(number, start, end - start).payload_bytes(frames)
        for number, (start, end) in enumerate(_bounds(frames, events))
    )
