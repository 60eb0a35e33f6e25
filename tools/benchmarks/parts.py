"""Where the time of a build goes, part by part on one core, and what the machine's memory allows at most."""

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from blake3 import blake3

from precompute.draws.streams import Purpose, stream
from precompute.profile.loading import load_profile
from precompute.rendering import render
from precompute.rendering.blocks import LayoutKey
from precompute.rendering.frames import Frames, make_frames
from precompute.rendering.layouts import Layout, make_layout
from precompute.rendering.plan import chunk_events, plan_chunk
from precompute.rendering.quotas import Quotas
from tools.benchmarks.builds import memory, on_one_core
from tools.benchmarks.figures import Figure

IN_ALL: Final = "a build in all, to memory at hand"
"""What a build costs where no memory must be found first, which in a virtual machine can outweigh all the rest."""

_OF_A_BUILD: Final = ("sampling", "rendering in all", "digest", "write to memory at hand")
_CHUNKS: Final = 8
"""Of which the first only warms up."""

Spent = dict[str, float]
"""Seconds by part."""


def measure(folder: Path, profile: str) -> list[Figure]:
    """The parts of building full chunks, and moving as many bytes in memory; each chunk is a round."""
    frames = make_frames(load_profile(profile))
    events = chunk_events(frames)
    figures: dict[str, Figure] = {}
    with on_one_core(), memory(folder) as tmpfs:
        for spent in list(_chunks(tmpfs, frames, events))[1:]:
            for name, seconds in spent.items():
                figures.setdefault(name, Figure("parts", f"{profile}: {name}")).rates_eps.append(events / seconds)
    for figure in figures.values():
        figure.notes["ns"] = round(1e9 / median(figure.rates_eps), 1)
    return list(figures.values())


def _chunks(tmpfs: Path, frames: Frames, events: int) -> Iterator[Spent]:
    @lru_cache(None)
    def layout_of(key: LayoutKey) -> Layout:
        return make_layout(frames.frames[key[0]], key[1])

    renderer = render.Renderer(frames, layout_of, 128)
    quotas = Quotas(frames, seed=1, events=_CHUNKS * events)
    payload = np.zeros(int(events * frames.mean_bytes * 1.1), np.uint8)
    copied = np.zeros_like(payload)
    path = tmpfs / "parts"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        for number in range(_CHUNKS):
            spent: Spent = defaultdict(float)
            with _timed(spent, "sampling"):
                first, windows = number * events, np.array([events])
                cells = plan_chunk(frames, quotas, seed=1, chunk=number, first_event=first, windows=windows)
            size = int((cells.rows * cells.length).sum())
            _render(renderer, cells, number, payload[:size], spent)
            with _timed(spent, "digest"):
                blake3(payload[:size].data).digest()
            with _timed(spent, "write to memory at hand"):
                os.pwrite(fd, payload[:size].data, 0)
            spent[IN_ALL] = sum(spent[part] for part in _OF_A_BUILD)
            with _timed(spent, "write to new memory"):
                os.pwrite(fd, payload[:size].data, (number + 1) * len(payload))
            with _timed(spent, "memory: copy"):
                np.copyto(copied[:size], payload[:size])
            with _timed(spent, "memory: read"):
                payload[: size // 8 * 8].view(np.uint64).max()
            with _timed(spent, "memory: fill"):
                copied[:size].fill(number)
            yield spent
    finally:
        os.close(fd)
        path.unlink()


def _render(renderer: render.Renderer, cells: Any, number: int, payload: Any, spent: Spent) -> None:
    """Render one chunk with a clock around the functions that its parts are in."""
    inner: Spent = defaultdict(float)
    kept = {name: getattr(render, name) for name in ("_fill", "permutation")}
    whole_block = render.Renderer._render_block  # noqa: SLF001 - a clock is put around it

    def clocked(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            with _timed(inner, name):
                return function(*arguments)

        return call

    try:
        for name, function in kept.items():
            setattr(render, name, clocked(name, function))
        render.Renderer._render_block = clocked("block", whole_block)  # type: ignore[method-assign]  # noqa: SLF001
        with _timed(inner, "all"):
            renderer.render(cells, stream(1, number, Purpose.RENDER), 0, None, payload)
    finally:
        for name, function in kept.items():
            setattr(render, name, function)
        render.Renderer._render_block = whole_block  # type: ignore[method-assign]  # noqa: SLF001
    spent["draws and fills"] = inner["_fill"]
    spent["shuffle"] = inner["block"] - inner["_fill"]
    spent["trains to their places"] = inner["all"] - inner["block"]
    spent["rendering in all"] = inner["all"]


@contextmanager
def _timed(spent: Spent, name: str) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        spent[name] += time.perf_counter() - began
