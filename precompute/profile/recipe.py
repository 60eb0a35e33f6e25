"""The recipe: all that is needed to render the same bytes again, on any machine."""

from typing import Any, Final, Literal

from pydantic import Field as Constraint
from pydantic import model_validator

from captures.format.layout import MAX_TRAIN_EVENTS
from captures.notation.models import Integer, Model
from precompute.draws.streams import MAX_SEED
from precompute.profile.model import Profile
from precompute.timeline.model import MAX_DURATION_NS

FORMAT: Final = 2
"""The version of the recipe itself, which says what keys it has and what they mean."""
RENDERER: Final = 3
"""The version of the renderer. It goes up whenever the same recipe would render other bytes."""
MAX_EVENTS: Final = 10**15
MAX_RATE_EPS: Final = 10**9
MAX_TOLD_TEMPLATES: Final = 1 << 16


class Recipe(Model):
    """A profile with its lists inlined, and what is chosen at build time; no path, no date, no tool version.

    It either has `events`, or a time axis: `duration_ns`, and `rate_eps` where the profile's timeline says 1.
    """

    format: Integer = FORMAT
    renderer: Integer = RENDERER
    profile: Profile
    seed: Integer = Constraint(ge=0, le=MAX_SEED)
    train: Integer = Constraint(ge=1, le=MAX_TRAIN_EVENTS)
    """The most events of a train."""
    events: Integer | None = Constraint(None, ge=1, le=MAX_EVENTS)
    duration_ns: Integer | None = Constraint(None, ge=1, le=MAX_DURATION_NS)
    rate_eps: Integer | None = Constraint(None, ge=1, le=MAX_RATE_EPS)
    tells_templates: Literal[True] | None = None
    """Whether the capture says of which template each event is; None: it does not."""

    @model_validator(mode="before")
    @classmethod
    def _check_versions(cls, tree: Any) -> Any:
        """Check the versions before all else, for a recipe of another version may have other keys."""
        for name, known in (("format", FORMAT), ("renderer", RENDERER)):
            given = tree.get(name) if isinstance(tree, dict) else None
            if isinstance(given, int) and given != known:
                raise ValueError(f"{name} {given} is that of another version; this tool has {known}")
        return tree

    @model_validator(mode="after")
    def _check_extent(self) -> "Recipe":
        if (self.duration_ns is None) != (self.rate_eps is None) or (self.events is None) == (self.rate_eps is None):
            raise ValueError("needs either events, or duration_ns and rate_eps")
        if self.tells_templates and sum(1 for _ in self.profile.templates()) > MAX_TOLD_TEMPLATES:
            raise ValueError(f"tells_templates: {MAX_TOLD_TEMPLATES:,} templates can be told; the profile has more")
        return self

    def as_json(self) -> dict[str, Any]:
        """The recipe as JSON types; `Recipe.model_validate` makes an equal one of them."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)
