"""Building a capture: plan its chunks, render them into a `CaptureWriter`, finish it."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from captures.errors import InputError, PreflightError
from captures.format import WINDOW
from captures.writer import CaptureShape, CaptureWriter, check_room
from precompute.chunks import Chunk, chunks_of_events, chunks_of_size
from precompute.jobs import Work, render_chunks
from precompute.layouts import Frames, make_frames
from precompute.profile import Profile
from precompute.recipe import Recipe

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Built:
    """A finished capture in figures."""

    events: int
    trains: int
    payload_bytes: int
    digest: str


def build_capture(
    path: Path,
    profile: Profile,
    *,
    events: int | None,
    size: int | None,
    seed: int,
    train: int,
    jobs: int,
    force: bool,
    progress: Callable[[int, int], object],
) -> Built:
    """Render `profile` into the capture `path`.

    Either `events` is given, or `size`: the bytes that the payload may have. Profile, events or size, seed and
    train decide every byte of the capture. `progress` is called with the events rendered since its last call
    and with those of the whole capture.

    Raises InputError for a size or a path that can't be, PreflightError when the disk has no room, RunError
    when a job dies, OSError when the disk fails; nothing is left behind then.
    """
    frames = make_frames(profile)
    chunks = _plan(path, frames, events=events, size=size, seed=seed, train=train)
    last = chunks[-1]
    events, trains = last.first_event + last.events, last.first_train + last.trains
    shape = CaptureShape(
        recipe=Recipe(profile, seed, events, train).as_json(),
        seed=seed,
        windows=np.array([(0, 0, 0, trains, events)], WINDOW),
        templates=len(frames.frames),
        trains=trains,
        payload_bytes=last.payload_start + last.payload_bytes,
        shortest=min(chunk.shortest for chunk in chunks),
        longest=max(chunk.longest for chunk in chunks),
    )
    try:
        with CaptureWriter(path, shape, force=force) as writer:
            largest_bytes = max(chunk.payload_bytes for chunk in chunks)
            work = Work(frames, seed, train, writer.part(), largest_bytes)
            mix = np.zeros(len(frames.frames), np.uint64)
            for chunk, rendered in render_chunks(work, chunks, jobs):
                mix += rendered
                progress(chunk.events, events)
            digest = writer.finish(mix, jobs)
    except OSError as error:
        if error.errno in _FULL:
            raise PreflightError(f"{path}: the disk is full; free some, or build fewer events") from None
        raise
    return Built(events, trains, shape.payload_bytes, digest)


def _plan(path: Path, frames: Frames, *, events: int | None, size: int | None, seed: int, train: int) -> list[Chunk]:
    """The chunks of the capture; what can't fit the disk is refused before it is planned."""
    if events is not None:
        check_room(path, int(events * frames.mean_bytes))
        return list(chunks_of_events(frames, seed=seed, train=train, events=events))
    size = size or 0
    check_room(path, size)
    chunks = list(chunks_of_size(frames, seed=seed, train=train, size=size))
    if not chunks:
        raise InputError(f"{size} bytes are too few for a single event; ask for a larger size")
    return chunks
