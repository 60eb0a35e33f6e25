"""What would a build make, and how long would it take? Some events are rendered in memory, and nothing is written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.format.layout import PAGE_BYTES, TRAIN, WINDOW
from captures.format.writing.writer import free_bytes
from precompute.profile.recipe import Recipe
from precompute.rendering.build import axis_of
from precompute.rendering.chunks import payload_bytes
from precompute.rendering.frames import make_frames
from precompute.rendering.plan import chunk_events
from precompute.rendering.samples import prepared

TRIED_EVENTS: Final = 200_000
"""So many events are rendered at most, to see how long the build would take."""


@dataclass(frozen=True)
class Forecast:
    """The figures of a build that was not made."""

    events: int
    duration_ns: int
    """How long its time axis is; 0 where it has none."""
    payload_bytes: int
    """The exact size of the payload."""
    table_bytes: int
    """The size of all else in the file, estimated for full trains."""
    free_bytes: int
    """What is free on the disk that the capture would go to."""
    rendered_eps: float
    """How many events a second all jobs together would render, by a trial in this process."""

    @property
    def render_s(self) -> float:
        """The seconds that rendering would take; the time that the disk takes to write comes on top."""
        return self.events / self.rendered_eps


def forecast(path: Path, recipe: Recipe, jobs: int, clock_s: Callable[[], float]) -> Forecast:
    """What building `recipe` into `path` by so many jobs would make; nothing is written.

    `clock_s` says the present, in seconds from any instant. Raises InputError when no event, or more than a capture can
    hold, falls into the recipe's duration.
    """
    frames, axis = make_frames(recipe.profile), axis_of(recipe)
    events = int(axis.events.sum())
    trains, chunks = -(-events // recipe.train), -(-events // chunk_events(frames))
    told = events if recipe.tells_templates else 0
    render = prepared(recipe.profile)
    began_s = clock_s()
    tried = render(min(events, TRIED_EVENTS))
    return Forecast(
        events=events,
        duration_ns=int(axis.duration_ns.sum()),
        payload_bytes=payload_bytes(frames, recipe.seed, events),
        table_bytes=PAGE_BYTES + trains * TRAIN.itemsize + len(axis.events) * WINDOW.itemsize + 2 * told,
        free_bytes=free_bytes(path),
        rendered_eps=tried / (clock_s() - began_s) * min(jobs, chunks),
    )
