"""The recipe: all that is needed to render the same bytes again, on any machine."""

from dataclasses import dataclass
from typing import Any, Final

from precompute.profile import Profile

FORMAT: Final = 1
"""Of the recipe itself: its keys and their meaning."""
RENDERER: Final = 1
"""Goes up whenever the same recipe would render other bytes."""


@dataclass(frozen=True)
class Recipe:
    """A profile with its lists inlined, and what is chosen at build time; no path, no date, no tool version."""

    profile: Profile
    seed: int
    events: int
    train: int
    """The most events of a train."""

    def as_json(self) -> dict[str, Any]:
        """The recipe as JSON types; `Profile.model_validate` makes an equal profile of its `profile`."""
        return {
            "format": FORMAT,
            "renderer": RENDERER,
            "profile": self.profile.model_dump(mode="json"),
            "seed": self.seed,
            "events": self.events,
            "train": self.train,
        }
