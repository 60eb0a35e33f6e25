"""The figures of a capture: from its tables, of all events; from its payload, of a sample."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from captures.console.errors import InputError
from captures.console.harmless import harmless
from captures.format.capture import Capture
from precompute.inspection.chi_square import ChiSquare, chi_square
from precompute.inspection.fields import FieldFigures, field_figures
from precompute.inspection.lengths import LengthTest, length_test
from precompute.inspection.origin import Origin, origin_of
from precompute.inspection.payload import PayloadFigures, payload_figures, sample
from precompute.inspection.recognition import Recogniser
from precompute.profile.checks import check_profile
from precompute.profile.lines import TagPlace
from precompute.profile.model import Profile
from precompute.rendering.frames import make_frames

SCHEMA: Final = 1
"""The version of what the fields of the JSON say; it grows when a field goes or changes its meaning."""
_TRAINS_AT_ONCE: Final = 1 << 17
_RATE_POINTS: Final = 2000
_SHOWN_EVENTS: Final = 20


@dataclass(frozen=True)
class TemplateShare:
    """How often a template was rendered, against its weight."""

    place: str
    name: str
    """The name for people: the group and, if it has several templates, a number from 1."""
    message: str
    events: int
    share: float
    """The template's share of all events."""
    weight: float
    """The share that the profile asks for."""


@dataclass(frozen=True)
class Rate:
    """Events per second over the time axis; neighbouring windows are put together where they are very many."""

    duration_s: float
    mean_eps: float
    lowest_eps: float
    """The rate of the quietest window."""
    peak_eps: float
    windows: int
    points: list[tuple[float, float, float]]
    """Start and duration in seconds, and the rate between."""


@dataclass(frozen=True)
class Inspection:
    """All figures of a capture."""

    events: int
    payload_bytes: int
    trains: int
    tagged: bool
    """Whether each event has room for a tag."""
    tag_place: TagPlace | None
    """Where the recipe's profile has tags stand; None also when it is not known."""
    lengths: dict[int, int]
    """Events of each length in bytes, ascending."""
    length_test: LengthTest | None
    """None when this tool does not know the recipe's profile. The mix, its test, the fields and the count of
    unrecognised events are None as well then."""
    rate: Rate | None
    """The rate over time; None if the capture has no time axis."""
    mix: list[TemplateShare] | None
    mix_test: ChiSquare | None
    fields: list[FieldFigures] | None
    unrecognised: int | None
    """The number of sampled events that no template fits."""
    payload: PayloadFigures
    samples: list[str]
    """Some events of the sample, as harmless text."""
    digest: str
    recipe: dict[str, Any] | None
    origin: Origin | None
    """Where it came from; None for a capture of version 1, which was rendered from its recipe."""

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
            "schema": SCHEMA,
            "events": self.events,
            "payload_bytes": self.payload_bytes,
            "mean_bytes": self.mean_bytes,
            "shortest_bytes": min(self.lengths),
            "longest_bytes": max(self.lengths),
            "trains": self.trains,
            "mean_train": self.mean_train,
            "tagged": self.tagged,
            "tag_place": self.tag_place,
            "lengths": {str(length): events for length, events in self.lengths.items()},
            "length_test": self.length_test and asdict(self.length_test),
            "rate": self.rate and asdict(self.rate),
            "mix": None if self.mix is None else [asdict(template) for template in self.mix],
            "mix_test": self.mix_test and asdict(self.mix_test),
            "sample": asdict(self.payload)
            | {
                "unrecognised": self.unrecognised,
                "fields": None if self.fields is None else [asdict(field) for field in self.fields],
                "events_shown": self.samples,
            },
            "digest": self.digest,
            "recipe": self.recipe,
        } | ({} if self.origin is None else {"origin": asdict(self.origin)})


def inspect_capture(capture: Capture) -> Inspection:
    """Sum up an open capture; memory stays flat however large it is."""
    profile = _profile(capture)
    sampled = sample(capture)
    frames = None if profile is None else make_frames(profile)
    recognised = None if frames is None else list(Recogniser(frames).read(sampled))
    lengths = _lengths(capture)
    mix = None if profile is None else _mix(profile, capture)
    return Inspection(
        events=capture.events,
        payload_bytes=len(capture.payload),
        trains=len(capture.trains),
        tagged=capture.tagged,
        tag_place=None if profile is None else profile.tag_place,
        lengths=lengths,
        length_test=None if frames is None else length_test(frames, lengths),
        rate=_rate(capture),
        mix=mix,
        mix_test=None if mix is None else chi_square([part.events for part in mix], [part.weight for part in mix]),
        fields=None if profile is None or recognised is None else field_figures(profile, sampled, recognised),
        unrecognised=None if recognised is None else recognised.count(None),
        payload=payload_figures(sampled),
        samples=[_harmless(event.text) for event in sampled[:: max(1, len(sampled) // _SHOWN_EVENTS)]][:_SHOWN_EVENTS],
        digest=capture.digest,
        recipe=capture.recipe,
        origin=origin_of(capture),
    )


def first_events(capture: Capture, count: int) -> Iterator[str]:
    """The first `count` events as harmless text."""
    for line in islice(capture.lines(), count):
        yield _harmless(line)


def _harmless(line: bytes) -> str:
    return harmless(line.decode(errors="backslashreplace"))


def _profile(capture: Capture) -> Profile | None:
    """The profile of the recipe; None if this tool does not know its like."""
    try:
        profile = Profile.model_validate((capture.recipe or {}).get("profile"))
        check_profile(profile)
    except (ValidationError, InputError):
        return None
    return profile if sum(1 for _ in profile.templates()) == len(capture.mix) else None


def _lengths(capture: Capture) -> dict[int, int]:
    events = np.zeros(capture.longest + 1, np.int64)
    for start in range(0, len(capture.trains), _TRAINS_AT_ONCE):
        part = capture.trains[start : start + _TRAINS_AT_ONCE]
        np.add.at(events, part["length"], part["count"])
    lengths = np.flatnonzero(events)
    return dict(zip(lengths.tolist(), events[lengths].tolist(), strict=True))


def _rate(capture: Capture) -> Rate | None:
    windows = capture.windows
    if not capture.duration_ns:
        return None
    rates = windows["events"] / windows["duration_ns"] * 1e9
    starts = np.arange(0, len(windows), -(-len(windows) // _RATE_POINTS))
    events, durations_ns = (
        np.add.reduceat(windows[name].astype(np.int64), starts) for name in ("events", "duration_ns")
    )
    return Rate(
        duration_s=capture.duration_ns / 1e9,
        mean_eps=capture.events / capture.duration_ns * 1e9,
        lowest_eps=float(rates.min()),
        peak_eps=float(rates.max()),
        windows=len(windows),
        points=list(
            zip(
                (windows["start_ns"][starts] / 1e9).tolist(),
                (durations_ns / 1e9).tolist(),
                (events / durations_ns * 1e9).tolist(),
                strict=True,
            )
        ),
    )


def _mix(profile: Profile, capture: Capture) -> list[TemplateShare]:
    entries = zip(profile.templates(), capture.mix.tolist(), profile.shares(), strict=True)
    return [
        TemplateShare(
            place, _name(profile, place), template.message, rendered, rendered / capture.events, float(weight)
        )
        for (place, _, template), rendered, weight in entries
    ]


def _name(profile: Profile, place: str) -> str:
    """What people call the template at `groups.NAME.templates[NUMBER]`."""
    group, number = place.removeprefix("groups.").removesuffix("]").split(".templates[")
    return group if len(profile.groups[group].templates) == 1 else f"{group} {int(number) + 1}"
