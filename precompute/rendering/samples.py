"""Events of a profile, rendered in memory: for `precompute check`, and to see how fast a build would be."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from captures.format.layout import MAX_TRAIN_EVENTS, Table
from precompute.draws.streams import Purpose, stream
from precompute.profile.model import Profile
from precompute.rendering.frames import make_frames
from precompute.rendering.layouts import make_layout
from precompute.rendering.plan import chunk_events, plan_chunk
from precompute.rendering.quotas import Quotas
from precompute.rendering.render import Renderer

_DRAWN: Final = 1000
"""So many events are rendered, so that every template of some weight is among them."""


def sample_events(profile: Profile, count: int, seed: int = 1) -> Iterator[bytes]:
    """`count` of the events that the profile gives, evenly picked from a thousand."""
    trains, payload = _Sampler(profile).render(_DRAWN, seed)
    events = [
        payload[start : start + length]
        for offset, events, length in zip(
            *(trains[name].tolist() for name in ("offset", "count", "length")), strict=True
        )
        for start in range(offset, offset + events * length, length)
    ]
    for number in range(count):
        yield events[number * len(events) // count].tobytes()


def prepared(profile: Profile) -> Callable[[int], int]:
    """A function that renders so many events, or as many as fit one chunk, and returns their number; for timing."""
    sampler = _Sampler(profile)
    return lambda events: int(sampler.render(events, 1)[0]["count"].sum())


class _Sampler:
    """Renders captures of one chunk in memory."""

    def __init__(self, profile: Profile) -> None:
        self._frames = make_frames(profile)

    def render(self, events: int, seed: int) -> tuple[Table, NDArray[np.uint8]]:
        """The trains and the payload of so many events, or of as many as fit one chunk."""
        frames = self._frames
        events = min(events, chunk_events(frames))
        quotas = Quotas(frames, seed=seed, events=events)
        cells = plan_chunk(frames, quotas, seed=seed, chunk=0, first_event=0, windows=np.array([events]))
        payload = np.empty(int((cells.rows * cells.length).sum()), np.uint8)
        renderer = Renderer(frames, lambda key: make_layout(frames.frames[key[0]], key[1]), MAX_TRAIN_EVENTS)
        return renderer.render(cells, stream(seed, 0, Purpose.RENDER), 0, None, payload), payload
