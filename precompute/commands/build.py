"""`precompute build`: a profile or a recipe is rendered into a capture, and a line says what came of it."""

import time
from pathlib import Path
from typing import Any, Final

import click

from captures.console.command import COUNT, DURATION_NS, SIZE
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import counted, fitted, format_count, format_duration, format_size
from captures.format.layout import MAX_TRAIN_EVENTS
from precompute.commands.options import DIGEST, FILE, JOBS, complete_profile
from precompute.draws.streams import MAX_SEED
from precompute.profile.lines import TagPlace
from precompute.profile.loading import built_in_names, load, with_tags
from precompute.profile.model import Profile
from precompute.profile.recipe import MAX_DURATION_NS, MAX_EVENTS, MAX_RATE_EPS, Recipe
from precompute.rendering.build import Built, Forecast, build_capture, forecast, recipe_of_size
from precompute.rendering.samples import prepared

DEFAULT_SEED: Final = 1
TRIED_EVENTS: Final = 200_000
"""A dry run renders so many events, to see how long the build would take."""
MOST: Final = {
    "--events": (MAX_EVENTS, "1000000G"),
    "--duration": (MAX_DURATION_NS, "366d"),
    "--eps": (MAX_RATE_EPS, "1G"),
}
"""The largest value that a recipe can hold, and how it is written, by the flag that sets it."""
_TAG_FLAGS: Final = {TagPlace.END: "--tagged", TagPlace.FRONT: "--tagged-front"}


@click.command(epilog=f"Built-in profiles: {', '.join(built_in_names())}.")
@click.argument("profile", shell_complete=complete_profile)
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option(
    "--events",
    type=COUNT,
    metavar="COUNT",
    help="How many events, like 4M. With --eps, too, the capture has a time axis.",
)
@click.option("--size", type=SIZE, metavar="SIZE", help="Or: as many as fit this payload, like 2GiB.")
@click.option(
    "-d",
    "--duration",
    "duration_ns",
    type=DURATION_NS,
    metavar="TIME",
    help="Or: as many as fall due in this time, like 8h30m, at --eps. The capture then has a time axis.",
)
@click.option(
    "-e",
    "--eps",
    "rate_eps",
    type=COUNT,
    metavar="RATE",
    help="Events per second, like 50k; where the profile has a timeline, the rate at which it says 1.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    metavar="N",
    help=f"Another seed, other events.  [default: {DEFAULT_SEED}]",
)
@JOBS
@click.option(
    "--train",
    type=click.IntRange(1, MAX_TRAIN_EVENTS),
    metavar="N",
    help=f"The most events of a train.  [default: {MAX_TRAIN_EVENTS}]",
)
@click.option(
    _TAG_FLAGS[TagPlace.END],
    "tag_place",
    flag_value=TagPlace.END,
    help="Leave room in each event for a tag: run, port and number.",
)
@click.option(
    _TAG_FLAGS[TagPlace.FRONT],
    "tag_place",
    flag_value=TagPlace.FRONT,
    help="The same at the front of the message, where cutting does not reach it.",
)
@click.option("--force", is_flag=True, help="Replace the capture if it exists.")
@click.option(
    "--dry-run", is_flag=True, help="Write nothing; say how large the capture will be, and how long it takes."
)
@click.option(
    "--expect",
    type=DIGEST,
    metavar="DIGEST",
    help="Exit with 1, and write nothing, unless the capture has this digest.",
)
def build(
    profile: str, output: Path, jobs: int, *, force: bool, dry_run: bool, expect: str | None, **asked: Any
) -> None:
    """Render PROFILE, a built-in one, a YAML file or a recipe, into a capture.

    The same profile, extent, seed and train give the same bytes anywhere, with any number of jobs. A recipe says all of
    them itself.
    """
    began_s = time.perf_counter()
    recipe = _recipe(profile, output, **asked)
    if dry_run:
        click.echo(fitted(f"{output}: {_foretold(forecast(output, recipe), recipe, jobs)}", 4))
        return
    read = [] if profile in built_in_names() else [Path(profile)]
    with bar(unit=" events", unit_scale=True, leave=True, file=Stderr()) as rendering:

        def progress(rendered: int, total: int) -> None:
            rendering.total = total
            rendering.update(rendered)

        built = build_capture(output, recipe, jobs=jobs, force=force, expect=expect, inputs=read, progress=progress)
    click.echo(fitted(f"{output}: {_told(built, time.perf_counter() - began_s)}", 4), err=True)


def _foretold(coming: Forecast, recipe: Recipe, jobs: int) -> str:
    """The text of what a build would make."""
    render = prepared(recipe.profile)
    began_s = time.perf_counter()
    tried = render(min(coming.events, TRIED_EVENTS))
    rate_eps = tried / (time.perf_counter() - began_s) * min(jobs, coming.chunks)
    return (
        f"would hold {_extent(coming.events, coming.duration_ns)}, {format_size(coming.payload_bytes)} "
        f"({counted(coming.payload_bytes, 'byte')}, and some {coming.table_bytes:,} of tables); the disk has "
        f"{format_size(coming.free_bytes)} free; at least {_at_least(coming.events / rate_eps)} to "
        f"render at {format_count(rate_eps)} events/s, and what the disk takes to write"
    )


def _at_least(seconds: float) -> str:
    """A time for people, which is never rounded to nothing: whole seconds, or milliseconds below one."""
    step_ns = 10**9 if seconds >= 1 else 10**6
    return format_duration(max(1, round(seconds * 10**9 / step_ns)) * step_ns)


def _extent(events: int, duration_ns: int) -> str:
    return counted(events, "event") + (f" in {format_duration(duration_ns)} of traffic" if duration_ns else "")


def _told(built: Built, elapsed_s: float) -> str:
    """The text of what a build made."""
    return (
        f"{_extent(built.events, built.duration_ns)}, {format_size(built.payload_bytes)}, "
        f"mean {built.payload_bytes / built.events:.1f} bytes, {counted(built.trains, 'train')} of "
        f"{built.events / built.trains:.1f}; {format_count(built.events / elapsed_s)} events/s in {elapsed_s:.1f} s; "
        f"digest {built.digest}"
    )


def _recipe(
    name: str,
    output: Path,
    *,
    events: int | None,
    size: int | None,
    duration_ns: int | None,
    rate_eps: int | None,
    seed: int | None,
    train: int | None,
    tag_place: TagPlace | None,
) -> Recipe:
    """What to build: a recipe as it stands, or a profile with what the flags say."""
    extent = {"--events": events, "--size": size, "--duration": duration_ns, "--eps": rate_eps}
    loaded = load(name)
    if isinstance(loaded, Recipe):
        tagged = {} if tag_place is None else {_TAG_FLAGS[tag_place]: tag_place}
        asked = {**extent, "--seed": seed, "--train": train, **tagged}
        if given := [flag for flag, value in asked.items() if value is not None]:
            raise click.UsageError(f"{name} is a recipe and says all itself; leave out {', '.join(given)}")
        return loaded
    _check_extent(extent)
    if tag_place is not None:
        loaded = with_tags(name, loaded, tag_place)
    seed, train = DEFAULT_SEED if seed is None else seed, train or MAX_TRAIN_EVENTS
    if events is not None and rate_eps is not None:
        duration_ns, events = _lasting(name, loaded, events, rate_eps), None
    if size is not None:
        return recipe_of_size(output, loaded, size=size, seed=seed, train=train)
    return Recipe(profile=loaded, seed=seed, train=train, events=events, duration_ns=duration_ns, rate_eps=rate_eps)


def _lasting(name: str, profile: Profile, events: int, rate_eps: int) -> int:
    """The time in which exactly so many events fall due at a rate that does not change; raises click.UsageError."""
    if profile.timeline is not None:
        raise click.UsageError(
            f"{name} has a timeline, which says how many events fall due: say --duration in place of --events"
        )
    duration_ns = -(-events * 10**9 // rate_eps)
    if duration_ns > MAX_DURATION_NS:
        raise click.UsageError(f"so many events at --eps {rate_eps:,} take longer than {MOST['--duration'][1]}")
    return duration_ns


def _check_extent(extent: dict[str, int | None]) -> None:
    given = {flag for flag, value in extent.items() if value is not None}
    if given not in ({"--events"}, {"--events", "--eps"}, {"--size"}, {"--duration", "--eps"}):
        raise click.UsageError("say how much: --events 4M, --size 2GiB, or --duration 8h or --events 4M with --eps 50k")
    for flag, value in extent.items():
        if value == 0:
            raise click.UsageError(f"{flag} is 1 at least; a capture holds at least one event")
        if value is not None and flag in MOST and value > MOST[flag][0]:
            raise click.UsageError(f"{flag} is {MOST[flag][1]} at most")
