"""What does the user ask of a build? It is checked here, and becomes the recipe that decides every byte.

From Python, ten thousand events are built by

    built = build(BuildRequest("system", Path("system.rcap"), events=10_000))

The messages name the flags of `precompute build`, which are called like the fields.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from captures.console.errors import InputError
from captures.format.layout import MAX_TRAIN_EVENTS
from captures.share.at_once import MOST_JOBS
from captures.share.verification import DIGEST_TEXT
from precompute.draws.streams import MAX_SEED
from precompute.profile.lines import TagPlace
from precompute.profile.loading import files_of, load, with_tags
from precompute.profile.model import Profile
from precompute.profile.recipe import MAX_EVENTS, MAX_RATE_EPS, MAX_TOLD_TEMPLATES, Recipe
from precompute.rendering.build import Built, build_capture, events_that_fit
from precompute.timeline.model import MAX_DURATION_NS

DEFAULT_SEED: Final = 1

_TAG_FLAGS: Final = {TagPlace.END: "--tagged", TagPlace.FRONT: "--tagged-front"}
_EXTENTS: Final = ({"--events"}, {"--events", "--eps"}, {"--size"}, {"--duration", "--eps"})
"""The flags that say together how much to build."""
_MOST_TIME: Final = "366d"
"""How the longest duration of a recipe is written."""
_MOST: Final = {
    "--events": (MAX_EVENTS, "1000000G"),
    "--duration": (MAX_DURATION_NS, _MOST_TIME),
    "--eps": (MAX_RATE_EPS, "1G"),
}
"""The largest value that a recipe can hold, and how it is written, by the flag that sets it."""


@dataclass(frozen=True)
class BuildRequest:
    """Everything that a user can ask of a build. What the fields up to `tells_templates` say, a recipe says itself."""

    profile: str
    """The name of a built-in profile, or the path of a profile or a recipe."""
    output: Path
    """The capture to write."""
    events: int | None = None
    """How many events to build. With `rate_eps` the capture also has a time axis."""
    size_bytes: int | None = None
    """Instead of a number of events: as many as fit into a payload of this size."""
    duration_ns: int | None = None
    """Instead of a number of events: as many as fall due in this time at `rate_eps`."""
    rate_eps: int | None = None
    """Events a second. Where the profile has a timeline, its factors are multiples of this rate."""
    seed: int | None = None
    """None: DEFAULT_SEED."""
    train: int | None = None
    """The most events of a train; None: MAX_TRAIN_EVENTS."""
    tag_place: TagPlace | None = None
    """Where each event gets room for a tag; None: it gets none, unless the profile says so."""
    tells_templates: bool = False
    """Whether the capture says of which template each event is, in format version 2."""
    jobs: int = 1
    """How many processes render at once. This changes no byte."""
    force: bool = False
    """Replace the capture if it exists."""
    expect: str | None = None
    """The digest that the capture must have: 64 hexadecimal digits in lower case; None: any will do."""

    @property
    def inputs(self) -> list[Path]:
        """The files that the build reads, which the capture must not overwrite. Raises InputError."""
        return list(files_of(self.profile))

    @property
    def extent(self) -> dict[str, int | None]:
        """How much to build: the value of each flag that can say so."""
        return {
            "--events": self.events,
            "--size": self.size_bytes,
            "--duration": self.duration_ns,
            "--eps": self.rate_eps,
        }


def build(request: BuildRequest, progress: Callable[[int, int], object] | None = None) -> Built:
    """Build the capture. `progress` is called as by `build_capture`.

    Raises InputError for a request that makes no sense, and what `build_capture` raises.
    """
    recipe = recipe_of(request)
    return build_capture(
        request.output,
        recipe,
        jobs=request.jobs,
        force=request.force,
        expect=request.expect,
        inputs=request.inputs,
        progress=progress,
    )


def recipe_of(request: BuildRequest) -> Recipe:
    """What to build: a recipe as it stands, or a profile with what the request says.

    Raises InputError, and PreflightError where the disk has no room for the size asked for.
    """
    _check_work(request)
    name, loaded = request.profile, load(request.profile)
    if isinstance(loaded, Recipe):
        _check_recipe_alone(request)
        return loaded
    _check_extent(request.extent)
    if request.tag_place is not None:
        loaded = with_tags(name, loaded, TagPlace(request.tag_place))
    if request.tells_templates and sum(1 for _ in loaded.templates()) > MAX_TOLD_TEMPLATES:
        raise InputError(f"{name} has more templates than the {MAX_TOLD_TEMPLATES:,} of --templates; leave it out")
    seed = DEFAULT_SEED if request.seed is None else request.seed
    train = MAX_TRAIN_EVENTS if request.train is None else request.train
    events, duration_ns = request.events, request.duration_ns
    if request.size_bytes is not None:
        events = events_that_fit(request.output, loaded, size=request.size_bytes, seed=seed)
    if events is not None and request.rate_eps is not None:
        duration_ns = _lasting_ns(name, loaded, events, request.rate_eps)
        events = None
    return Recipe(
        profile=loaded,
        seed=seed,
        train=train,
        events=events,
        duration_ns=duration_ns,
        rate_eps=request.rate_eps,
        tells_templates=True if request.tells_templates else None,
    )


def _lasting_ns(name: str, profile: Profile, events: int, rate_eps: int) -> int:
    """The time in which exactly so many events fall due at a rate that does not change. Raises InputError."""
    if profile.timeline is not None:
        raise InputError(
            f"{name} has a timeline, which says how many events fall due: say --duration in place of --events"
        )
    duration_ns = -(-events * 10**9 // rate_eps)
    if duration_ns > MAX_DURATION_NS:
        raise InputError(f"so many events at --eps {rate_eps:,} take longer than {_MOST_TIME}")
    return duration_ns


def _check_work(request: BuildRequest) -> None:
    """Refuse what no capture can be built with, whatever is built. Raises InputError."""
    for flag, value, least, most in (
        ("--seed", request.seed, 0, MAX_SEED),
        ("--train", request.train, 1, MAX_TRAIN_EVENTS),
        ("--jobs", request.jobs, 1, MOST_JOBS),
    ):
        _check_whole(flag, value)
        if value is not None and not least <= value <= most:
            raise InputError(f"{flag} {value} is outside {least} to {most}")
    if request.jobs is None:
        raise InputError("--jobs None: a whole number is needed")
    if type(request.profile) is not str or not isinstance(request.output, Path):
        raise InputError("the profile is a text, and the output a Path, like BuildRequest('system', Path('a.rcap'))")
    if request.tag_place not in (None, *TagPlace):
        raise InputError(f"the tag_place {request.tag_place!r} is none of {', '.join(TagPlace)}")
    if request.expect is not None and not (type(request.expect) is str and DIGEST_TEXT.fullmatch(request.expect)):
        raise InputError(f"--expect {request.expect}: a digest has 64 hexadecimal digits, all in lower case")


def _check_whole(flag: str, value: int | None) -> None:
    """Refuse what is no whole number, as a program could ask for; None: none was given. Raises InputError."""
    if value is not None and type(value) is not int:
        raise InputError(f"{flag} {value!r}: a whole number is needed")


def _check_recipe_alone(request: BuildRequest) -> None:
    """Refuse to change what a recipe says. Raises InputError."""
    tagged = {} if request.tag_place is None else {_TAG_FLAGS[TagPlace(request.tag_place)]: request.tag_place}
    told = {"--templates": request.tells_templates or None}
    asked = {**request.extent, "--seed": request.seed, "--train": request.train, **tagged, **told}
    if given := [flag for flag, value in asked.items() if value is not None]:
        raise InputError(f"{request.profile} is a recipe and says all itself; leave out {', '.join(given)}")


def _check_extent(extent: dict[str, int | None]) -> None:
    """Refuse an extent that is none, or more than one, or that no recipe can hold. Raises InputError."""
    if {flag for flag, value in extent.items() if value is not None} not in _EXTENTS:
        raise InputError("say how much: --events 4M, --size 2GiB, or --duration 8h or --events 4M with --eps 50k")
    for flag, value in extent.items():
        _check_whole(flag, value)
        if value is not None and value < 1:
            raise InputError(f"{flag} is 1 at least; a capture holds at least one event")
        if value is not None and flag in _MOST and value > _MOST[flag][0]:
            raise InputError(f"{flag} is {_MOST[flag][1]} at most")
