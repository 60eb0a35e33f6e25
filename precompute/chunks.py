"""A capture as chunks: how many, how large, and where each lies, all known before rendering."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from math import floor
from typing import Final

from precompute.layouts import Frames
from precompute.plan import chunk_events, plan_chunk, train_events

_MAX_TRIALS: Final = 32


@dataclass(frozen=True)
class Chunk:
    """A chunk's size and its place in the capture."""

    number: int
    events: int
    trains: int
    payload_bytes: int
    shortest: int
    """Bytes of its shortest event."""
    longest: int
    first_event: int = 0
    first_train: int = 0
    payload_start: int = 0

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


def measure_chunk(frames: Frames, *, seed: int, train: int, number: int, events: int) -> Chunk:
    """Plan one chunk for its size; it is not placed yet."""
    cells = plan_chunk(frames, seed, number, events)
    rows, length = cells.class_rows(), cells.class_length()
    return Chunk(
        number=number,
        events=events,
        trains=int((-(-rows // train_events(length, train))).sum()),
        payload_bytes=int((rows * length).sum()),
        shortest=int(length.min()),
        longest=int(length.max()),
    )


def chunks_of_events(frames: Frames, *, seed: int, train: int, events: int) -> Iterator[Chunk]:
    """The chunks of a capture of exactly `events` events."""
    full, chunk = chunk_events(frames), None
    for number in range(-(-events // full)):
        own = min(full, events - number * full)
        chunk = measure_chunk(frames, seed=seed, train=train, number=number, events=own).next_to(chunk)
        yield chunk


def chunks_of_size(frames: Frames, *, seed: int, train: int, size: int) -> Iterator[Chunk]:
    """The chunks of a capture whose payload fits into `size` bytes; none, if no event does.

    The payload falls short of `size` by less than the longest event, but for rare cases in which the
    search ends a few events early: see `_fit`.
    """
    chunk, room = None, size
    for number in count():
        found = _fit(partial(measure_chunk, frames, seed=seed, train=train, number=number), frames, room)
        if found is None:
            return
        chunk = found.next_to(chunk)
        yield chunk
        if chunk.events < chunk_events(frames):
            return
        room -= chunk.payload_bytes


def _fit(measure: Callable[..., Chunk], frames: Frames, room: int) -> Chunk | None:
    """The largest chunk found that fits into `room` bytes.

    How many bytes a number of events will have is drawn, not computed, and is not quite monotonic: so step
    by the mean length towards the room, and keep the best.
    """
    best, tried = None, set[int]()
    events = min(chunk_events(frames), int(room / frames.mean_bytes))
    while 0 < events <= chunk_events(frames) and events not in tried and len(tried) < _MAX_TRIALS:
        tried.add(events)
        chunk = measure(events=events)
        spare = room - chunk.payload_bytes
        if spare >= 0 and (best is None or chunk.events > best.events):
            best = chunk
        events += floor(spare / frames.mean_bytes) or 1
    return best
