"""The figures of a capture, from its tables alone: `precompute inspect`."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from captures.reader import Capture
from precompute.profile import Profile
from precompute.text import harmless

_BLOCK_TRAINS: Final = 1 << 17


@dataclass(frozen=True)
class TemplateShare:
    """How often a template was rendered, against its weight."""

    place: str
    message: str
    events: int
    share: float
    """Of all events."""
    weight: float
    """The share that the profile asks for."""


@dataclass(frozen=True)
class Inspection:
    """What there is to know of a capture without reading its payload."""

    events: int
    payload_bytes: int
    trains: int
    lengths: dict[int, int]
    """Events of each length in bytes, ascending."""
    mix: list[TemplateShare] | None
    """None when the recipe has no profile that this tool knows."""
    digest: str
    recipe: dict[str, Any]

    @property
    def mean_bytes(self) -> float:
        """Mean length of an event."""
        return self.payload_bytes / self.events

    @property
    def mean_train(self) -> float:
        """Mean number of events of a train."""
        return self.events / self.trains

    def as_json(self) -> dict[str, Any]:
        """All figures as JSON types."""
        return {
            "events": self.events,
            "payload_bytes": self.payload_bytes,
            "mean_bytes": self.mean_bytes,
            "shortest_bytes": min(self.lengths),
            "longest_bytes": max(self.lengths),
            "trains": self.trains,
            "mean_train": self.mean_train,
            "lengths": {str(length): events for length, events in self.lengths.items()},
            "mix": None if self.mix is None else [vars(template) for template in self.mix],
            "digest": self.digest,
            "recipe": self.recipe,
        }


def inspect_capture(capture: Capture) -> Inspection:
    """Sum up an open capture; memory stays flat however many trains it has."""
    events = np.zeros(capture.longest + 1, np.int64)
    for start in range(0, len(capture.trains), _BLOCK_TRAINS):
        block = capture.trains[start : start + _BLOCK_TRAINS]
        np.add.at(events, block["length"], block["count"])
    lengths = np.flatnonzero(events)
    return Inspection(
        events=capture.events,
        payload_bytes=len(capture.payload),
        trains=len(capture.trains),
        lengths=dict(zip(lengths.tolist(), events[lengths].tolist(), strict=True)),
        mix=_mix(capture.recipe, capture.mix, capture.events),
        digest=capture.digest,
        recipe=capture.recipe,
    )


def first_events(capture: Capture, count: int) -> Iterator[str]:
    """The first `count` events as harmless text."""
    for line in islice(capture.lines(), count):
        yield harmless(line.decode(errors="backslashreplace"))


def _mix(recipe: dict[str, Any], mix: NDArray[np.uint64], events: int) -> list[TemplateShare] | None:
    try:
        profile = Profile.model_validate(recipe.get("profile"))
    except ValidationError:
        return None
    templates = list(profile.templates())
    if len(templates) != len(mix):
        return None
    return [
        TemplateShare(place, template.message, rendered, rendered / events, float(weight))
        for (place, template), rendered, weight in zip(templates, mix.tolist(), profile.shares(), strict=True)
    ]
