"""Rendering a capture's chunks: in this process, or in several.

Every job plans and renders whole chunks and writes them to their final place, so the jobs share nothing and
their number changes no byte. A job holds one chunk and little else: about 200 MiB.
"""

import gc
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.console.errors import RunError
from captures.console.interruption import blocked
from captures.console.parent import end_with_parent
from captures.format.layout import StampKind
from captures.format.writing.writer import PartWriter
from precompute.draws.streams import Purpose, stream
from precompute.profile.recipe import Recipe
from precompute.rendering.blocks import LayoutKey
from precompute.rendering.chunks import Chunk
from precompute.rendering.frames import Frames, StampField
from precompute.rendering.layouts import Layout, make_layout
from precompute.rendering.plan import plan_chunk
from precompute.rendering.quotas import Quotas
from precompute.rendering.render import Renderer, StampsOf
from precompute.timeline.axis import Axis

_CACHED_LAYOUTS: Final = 1 << 14


@dataclass(frozen=True, eq=False)
class Work:
    """What every job needs to know."""

    frames: Frames
    quotas: Quotas
    axis: Axis
    recipe: Recipe
    part: PartWriter
    largest_bytes: int
    """The size of the largest payload of a chunk."""


class Job:
    """Renders chunk after chunk with the same memory."""

    def __init__(self, work: Work) -> None:
        self._work = work
        # The memory is taken once for all chunks, since memory is slow when it is new.
        self._payload = np.empty(work.largest_bytes, np.uint8)

        @lru_cache(_CACHED_LAYOUTS)
        def layout_of(key: LayoutKey) -> Layout:
            frame, buckets = key
            return make_layout(work.frames.frames[frame], buckets)

        self._renderer = Renderer(work.frames, layout_of, work.recipe.train)

    def render(self, chunk: Chunk) -> NDArray[np.uint64]:
        """Render and write one chunk; returns the events of each frame, shape (frames,)."""
        work, seed = self._work, self._work.recipe.seed
        cells = plan_chunk(
            work.frames,
            work.quotas,
            seed=seed,
            chunk=chunk.number,
            first_event=chunk.first_event,
            windows=chunk.window_events,
        )
        payload = self._payload[: chunk.payload_bytes]
        bits = stream(seed, chunk.number, Purpose.RENDER)
        templates = np.empty(chunk.events, np.uint16) if work.recipe.tells_templates else None
        with _no_collection():
            stamps_of = self._stamps_of(chunk)
            trains = self._renderer.render(cells, bits, chunk.first_event, stamps_of, payload, templates)
        trains["offset"] += np.uint64(chunk.payload_start)
        trains["first_event"] += np.uint64(chunk.first_event)
        work.part.write(chunk.first_train, trains, chunk.payload_start, payload, templates)
        return cells.frame_rows(len(work.frames.frames))

    def _stamps_of(self, chunk: Chunk) -> StampsOf | None:
        """A function that makes the stamps of a chunk's events; None where layouts bring the one that all have."""
        if not self._work.axis.timed:
            return None
        since_start_ns = self._work.axis.instants_ns(chunk.first_window, chunk.first_event, chunk.window_events)
        instants_ns = since_start_ns + self._work.recipe.profile.start_ns
        texts: dict[tuple[StampKind, int], NDArray[np.void]] = {}

        def stamps_of(field: StampField) -> NDArray[np.void]:
            key = field.kind, field.zone_minutes
            if key not in texts:
                texts[key] = field.built(instants_ns)
            return texts[key]

        return stamps_of


def render_chunks(work: Work, chunks: Sequence[Chunk], jobs: int) -> Iterator[tuple[Chunk, NDArray[np.uint64]]]:
    """Render all `chunks`; yields each as it is done, with its events of each frame.

    Raises RunError when a job dies, and whatever a job raises.
    """
    jobs = min(jobs, len(chunks))
    if jobs == 1:
        job = Job(work)
        for chunk in chunks:
            yield chunk, job.render(chunk)
        return
    # A fork starts at once and copies nothing. It is safe, since this process has no threads that could hold a lock.
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(jobs, context, initializer=_start_job, initargs=(work, os.getpid()))
    try:
        with blocked():  # the jobs keep signals blocked for good, since this process decides what a signal means
            done = {pool.submit(_render, chunk): chunk for chunk in chunks}
        for future in as_completed(done):
            yield done[future], future.result()
    except BrokenProcessPool:
        _kill_jobs()
        raise RunError(
            "a rendering job died before its time; if the machine ran out of memory, use fewer --jobs"
        ) from None
    except BaseException:
        _kill_jobs()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _kill_jobs() -> None:
    """End the jobs at once: the pool waits for the chunks they are at, or asks them to end by a signal they block."""
    for job in multiprocessing.active_children():
        job.kill()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep Python's cycle collector from running: layouts have no cycles, but thousands of them start it often."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


_job: Job


def _start_job(work: Work, parent: int) -> None:
    global _job  # noqa: PLW0603 - a pool gives its processes no other memory
    end_with_parent(parent)  # it would wait forever for work
    _job = Job(work)


def _render(chunk: Chunk) -> NDArray[np.uint64]:
    return _job.render(chunk)
