"""How a recipe becomes a capture: its chunks are planned and rendered into a `CaptureWriter`, which finishes it.

`precompute.sessions.build` makes the recipe of what a user asks for.
"""

import errno
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from captures.console.errors import InputError, PreflightError
from captures.files.output_file import FULL
from captures.files.room import too_large
from captures.format.writing.writer import CaptureShape, CaptureWriter, check_room
from precompute.profile.model import Profile
from precompute.profile.recipe import Recipe
from precompute.rendering.chunks import Chunk, chunks_of_windows, events_of_size, window_trains
from precompute.rendering.frames import Frames, make_frames
from precompute.rendering.jobs import Work, render_chunks
from precompute.rendering.quotas import Quotas
from precompute.timeline.axis import Axis, untimed
from precompute.timeline.model import rate_windows


@dataclass(frozen=True)
class Built:
    """A finished capture in figures."""

    events: int
    trains: int
    payload_bytes: int
    duration_ns: int
    """How long its time axis is; 0 where it has none."""
    digest: str
    """The digest of the whole capture: 64 hexadecimal digits."""


def events_that_fit(path: Path, profile: Profile, *, size: int, seed: int) -> int:
    """How many events of a profile fit into a payload of `size` bytes.

    Raises InputError when that is none, PreflightError when the disk of `path` has no room for them.
    """
    check_room(path, size)
    events = events_of_size(make_frames(profile), seed=seed, size=size)
    if not events:
        raise InputError(f"{size} bytes are too few for a single event; ask for a larger size")
    return events


def build_capture(
    path: str | Path,
    recipe: Recipe,
    *,
    jobs: int = 1,
    force: bool = False,
    expect: str | None = None,
    inputs: Iterable[Path] = (),
    progress: Callable[[int, int], object] | None = None,
) -> Built:
    """Render `recipe`, which decides every byte, into a capture at `path`.

    `jobs` is how many processes render at once. With one, this process renders; with more, it forks that many, so it
    must have no threads of its own then. Each takes some 200 MiB of memory. `force` replaces a file that is there.
    `expect` is the digest (64 hexadecimal digits, lower case) that must come out. `inputs` are files that must not be
    replaced, whatever `force` says. `progress` is called after each chunk of about a million events, with the number of
    events rendered since its last call, and with the number of those of the whole capture.

    The capture appears at `path` when it is whole, and whatever is raised, nothing is left behind. Raises

    - InputError when there is a file at `path` already or none can be there, and when the recipe's duration holds no
      event, or more than a capture can hold;
    - DifferenceError when the digest is not that of `expect`;
    - PreflightError when the disk has no room for the capture;
    - RunError when a job dies before its time, as it does when the machine runs out of memory;
    - OSError when the disk fails.
    """
    path = Path(path)
    frames, axis = make_frames(recipe.profile), axis_of(recipe)
    events = int(axis.events.sum())
    check_room(path, int(events * frames.mean_bytes))
    quotas = Quotas(frames, seed=recipe.seed, events=events)
    chunks = list(chunks_of_windows(frames, quotas, seed=recipe.seed, train=recipe.train, windows=axis.events))
    shape = _shape(recipe, frames, axis, chunks)
    try:
        with CaptureWriter(path, shape, force=force, inputs=inputs) as writer:
            work = Work(frames, quotas, axis, recipe, writer.part(), max(chunk.payload_bytes for chunk in chunks))
            mix = np.zeros(frames.templates, np.uint64)
            for chunk, rendered in render_chunks(work, chunks, jobs):
                np.add.at(mix, [frame.template for frame in frames.frames], rendered)
                if progress is not None:
                    progress(chunk.events, events)
            digest = writer.finish(mix, jobs, expect)
    except OSError as error:
        if error.errno in FULL:
            raise PreflightError(f"{path}: the disk is full; free some, or build fewer events") from None
        if error.errno == errno.EFBIG:
            raise too_large(path) from None
        raise
    return Built(events, shape.trains, shape.payload_bytes, int(axis.duration_ns.sum()), digest)


def _shape(recipe: Recipe, frames: Frames, axis: Axis, chunks: Sequence[Chunk]) -> CaptureShape:
    """What is known of a capture once its chunks are planned."""
    last = chunks[-1]
    return CaptureShape(
        recipe=recipe.as_json(),
        seed=recipe.seed,
        start_ns=recipe.profile.start_ns,
        windows=axis.windows(window_trains(chunks, len(axis.events))),
        templates=frames.templates,
        trains=last.first_train + last.trains,
        payload_bytes=last.payload_start + last.payload_bytes,
        shortest=min(chunk.shortest for chunk in chunks),
        longest=max(chunk.longest for chunk in chunks),
        sources=0 if frames.hosts is None else frames.hosts.count,
        tells_templates=recipe.tells_templates is True,
    )


def axis_of(recipe: Recipe) -> Axis:
    """The time axis of a recipe.

    Raises InputError when its duration holds no event, or more than a capture can hold.
    """
    if recipe.duration_ns is None or recipe.rate_eps is None:
        return untimed(recipe.events or 0)
    windows = rate_windows(
        recipe.profile.timeline,
        start_ns=recipe.profile.start_ns,
        duration_ns=recipe.duration_ns,
        rate_eps=recipe.rate_eps,
        seed=recipe.seed,
    )
    return Axis(*(windows[name].astype(np.int64) for name in ("start_ns", "duration_ns", "events")))
