"""A few events of a profile, rendered in memory: `precompute check`."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from captures.format import MAX_TRAIN_EVENTS
from precompute.layouts import make_frames, make_layout
from precompute.plan import plan_chunk
from precompute.profile import Profile
from precompute.quotas import Quotas
from precompute.render import Renderer
from precompute.streams import Purpose, stream

_DRAWN: Final = 1000
"""Enough for every template of some weight to be among them."""


def sample_events(profile: Profile, count: int, seed: int = 1) -> Iterator[bytes]:
    """`count` of the events that the profile gives, evenly picked from a thousand."""
    frames = make_frames(profile)
    quotas = Quotas(frames, seed=seed, events=_DRAWN)
    cells = plan_chunk(frames, quotas, seed=seed, chunk=0, first_event=0, windows=np.array([_DRAWN]))
    payload = np.empty(int((cells.rows * cells.length).sum()), np.uint8)
    renderer = Renderer(
        lambda key: make_layout(frames.frames[key[0]], key[1]), frames.stamps, MAX_TRAIN_EVENTS, frames.hosts
    )
    trains = renderer.render(cells, stream(seed, 0, Purpose.RENDER), 0, None, payload)
    events = [
        payload[start : start + length]
        for offset, events, length in zip(
            *(trains[name].tolist() for name in ("offset", "count", "length")), strict=True
        )
        for start in range(offset, offset + events * length, length)
    ]
    for number in range(count):
        yield events[number * len(events) // count].tobytes()
