"""What a check of a profile finds: complaints, and what could not be judged because something else is unsound.

A check goes on behind a complaint. It notes the place of what is unsound, and a later check that depends on that place
says so instead of guessing.
"""

from collections.abc import Sequence
from typing import Final

from captures.console.errors import InputError
from captures.console.harmless import harmless

WRITTEN: Final = {
    "name": "web",
    "groups": "{sshd: {weight: 20, templates: [...]}}",
    "weight": "20",
    "templates": "[{weight: 1, severity: info, tag: sshd, message: ...}]",
    "severity": "info",
    "tag": "sshd",
    "message": '"session opened for user {user}"',
    "low": "0.2",
    "peak": '"14:00"',
    "length": "5s",
    "factor": "3",
    "share": "0.1",
    "width": "8",
    "count": "100",
    "range": "[1, 40]",
    "seed": "1",
    "train": "128",
}
"""How the values of keys are written that must be there."""


class ProfileError(InputError):
    """A profile is unsound; as an error of one line it is the first complaint."""

    def __init__(self, complaints: Sequence[str], unchecked: Sequence[str] = ()) -> None:
        """`complaints`: one or more, each with its place; `unchecked`: the checks that could not be made."""
        super().__init__(complaints[0])
        self.complaints = complaints
        self.unchecked = unchecked

    def within(self, place: str, separator: str = ": ") -> "ProfileError":
        """The same error of a part that stands at `place`."""
        return ProfileError(
            [f"{place}{separator}{each}" for each in self.complaints],
            [f"{place}{separator}{each}" for each in self.unchecked],
        )

    def harmless(self) -> "ProfileError":
        """The same error without characters that could drive a terminal."""
        return ProfileError([*map(harmless, self.complaints)], [*map(harmless, self.unchecked)])


class Findings:
    """Collects what is wrong with one profile. A place is a path of keys, like `groups.sshd.templates[0].tag`."""

    def __init__(self) -> None:
        self._complaints: dict[str, None] = {}
        self._unchecked: dict[str, None] = {}
        self.unsound: set[str] = set()
        """The places of what was taken away or replaced, so that all else can be judged."""
        self.true_places: dict[str, str] = {}
        """Where groups that had to be given another name stand in the file, by the places that they have with it."""

    def complain(self, place: str, complaint: str) -> None:
        """Note what is wrong at a place; each fault is told once."""
        self._complaints[self._located(place, complaint)] = None

    def skip(self, place: str, check: str) -> None:
        """Note that `check` could not be made."""
        self._unchecked[self._located(place, f"not checked: {check}")] = None

    def take(self, error: InputError, place: str) -> None:
        """Take over what was found in the part at `place`; without a place, the complaints have theirs."""
        told = error if isinstance(error, ProfileError) else ProfileError([str(error)])
        told = told.within(place) if place else told
        self._complaints |= dict.fromkeys(told.complaints)
        self._unchecked |= dict.fromkeys(told.unchecked)

    def end(self) -> None:
        """Raise ProfileError if anything is wrong."""
        if self._complaints:
            raise ProfileError([*self._complaints], [*self._unchecked])

    def _located(self, place: str, text: str) -> str:
        for mended, true in self.true_places.items():
            if place == mended or place.startswith(f"{mended}."):
                place = true + place.removeprefix(mended)
        return f"{place}: {text}" if place else text
