"""The `precompute` command: from a profile to a capture, and what a capture holds."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import click
from click.shell_completion import CompletionItem

import captures
from captures.console.command import COUNT, DURATION_NS, SIZE, Parsed, run
from captures.console.errors import DamagedError, DifferenceError, ExitCode
from captures.console.harmless import harmless
from captures.console.terminal import bar
from captures.console.units import counted, fitted, format_count, format_duration, format_size
from captures.format.digests import damaged_parts
from captures.format.layout import MAX_TRAIN_EVENTS
from captures.format.reader import COPY_AGAIN, open_capture
from precompute.commands.captures import inspect
from precompute.commands.profile_table import profile_list, profile_table
from precompute.draws.streams import MAX_SEED
from precompute.notation.findings import ProfileError
from precompute.profile.lines import TagPlace
from precompute.profile.loading import built_in_names, built_in_text, load, load_profile, with_tags
from precompute.profile.model import Profile
from precompute.profile.recipe import MAX_DURATION_NS, MAX_EVENTS, MAX_RATE_EPS, Recipe, recipe_yaml
from precompute.profile.schema import profile_schema
from precompute.rendering.build import Built, Forecast, build_capture, forecast, recipe_of_size
from precompute.rendering.samples import prepared, sample_events

FILE = click.Path(path_type=Path, dir_okay=False)
DEFAULT_SEED: Final = 1
MAX_TOLD: Final = 100
"""Lines about one profile; the rest is mostly of a kind."""
SAMPLES: Final = 10
TRIED_EVENTS: Final = 200_000
"""A dry run renders so many events, to see how long the build would take."""
MOST: Final = {
    "--events": (MAX_EVENTS, "1000000G"),
    "--duration": (MAX_DURATION_NS, "366d"),
    "--eps": (MAX_RATE_EPS, "1G"),
}
"""The largest value that a recipe can hold, by the flag that sets it."""
JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=lambda: len(os.sched_getaffinity(0)),
    show_default="usable cores",
    metavar="N",
    help="Processes or threads that work at once; changes no byte.",
)


def _complete_profile(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What a shell is offered for a profile: files, and the built-in ones that begin so.

    Files come first: bash forgets what was offered before them.
    """
    names = [CompletionItem(name) for name in _complete_name(_context, _argument, incomplete)]
    return [CompletionItem(incomplete, type="file"), *names]


def _complete_name(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in built_in_names() if name.startswith(incomplete)]


CAPTURE = click.argument("capture", type=FILE, metavar="FILE")
_TAG_FLAGS: Final = {TagPlace.END: "--tagged", TagPlace.FRONT: "--tagged-front"}


def _parse_digest(text: str) -> str:
    digest = text.strip().lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError(f"{text!r} is not a digest; it has 64 hexadecimal digits, as precompute inspect shows them")
    return digest


DIGEST: Final = Parsed("digest", _parse_digest)


@click.group(name="precompute", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(captures.__version__, prog_name="precompute")
def precompute() -> None:
    """Render traffic once, ahead of time, into a capture that `replay` sends."""


@precompute.command(epilog=f"Built-in profiles: {', '.join(built_in_names())}.")
@click.argument("profile", shell_complete=_complete_profile)
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
    with bar(unit=" events", unit_scale=True, leave=True) as rendering:

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


@precompute.command()
@CAPTURE
def recipe(*, capture: Path) -> None:
    """Print the recipe of a capture as YAML: `precompute build` makes the same capture of it, anywhere."""
    opened = open_capture(capture)
    click.echo(f"# Made again by: precompute build THIS_FILE -o FILE --expect {opened.digest}")
    click.echo(recipe_yaml(opened.recipe), nl=False)


@precompute.command()
@click.argument("name", required=False, shell_complete=_complete_name)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the profile's file, as a start for one of your own.")
def profiles(*, name: str | None, as_yaml: bool) -> None:
    """List the built-in profiles, or show the one called NAME."""
    if name is None:
        if as_yaml:
            raise click.UsageError("name the profile whose YAML to print, like precompute profiles web --yaml")
        click.echo(profile_list())
    elif as_yaml:
        click.echo(built_in_text(name), nl=False)
    else:
        built_in_text(name)
        click.echo(profile_table(load_profile(name)))


@precompute.command()
@click.argument("profile", metavar="FILE", shell_complete=_complete_profile)
def check(*, profile: str) -> int:
    """Check a profile: print all that is wrong with it, or ten events of it.

    What is unsound does not keep the rest from being checked; checks that depend on it are told as not made.
    """
    try:
        loaded = load_profile(profile)
    except ProfileError as error:
        for line in _complaint_lines(profile, error):
            click.echo(fitted(f"precompute: {line}", 4), err=True)
        return error.exit_code
    click.echo(f"{profile}: sound; ten of its events:", err=True)
    for event in sample_events(loaded, SAMPLES):
        click.echo(harmless(event.decode()))
    return ExitCode.MET


def _complaint_lines(profile: str, error: ProfileError) -> Iterator[str]:
    """What is wrong, and then how much could not be judged because of it."""
    yield from error.complaints[:MAX_TOLD]
    if hidden := len(error.complaints[MAX_TOLD:]):
        yield f"{profile}: and {counted(hidden, 'line')} more of this kind"
    if len(error.unchecked) == 1:
        yield error.unchecked[0]
    elif error.unchecked:
        yield f"{profile}: not checked: {len(error.unchecked):,} other things, which depend on what is unsound"


@precompute.command()
def schema() -> None:
    """Print the JSON Schema of profiles, for editors that complete and check YAML."""
    click.echo(json.dumps(profile_schema(), indent=2))


@precompute.command()
@CAPTURE
@JOBS
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
@click.option(
    "--expect",
    type=DIGEST,
    metavar="DIGEST",
    help="Exit with 1, too, if the capture has another digest: it is sound, and not the one that is meant.",
)
def verify(*, capture: Path, jobs: int, as_json: bool, expect: str | None) -> None:
    """Compare every byte of a capture with its digests.

    Exits like cmp(1): with 0 when all is as it was built, with 1 when the capture is damaged or another one than
    expected, and with 2 when the file can't be read or is no capture.
    """
    opened, damaged = None, []
    try:
        opened = open_capture(capture)
        with bar(total=len(opened.payload), unit="B", unit_scale=True, unit_divisor=1024, leave=True) as reading:
            damaged = damaged_parts(opened, jobs, reading.update)
    except DamagedError as error:
        damaged = [str(error).removeprefix(f"{capture}: ").removesuffix(COPY_AGAIN)]
    digest = opened and opened.digest
    if as_json:
        found = {"digest": digest, "sound": not damaged, "damaged": damaged}
        click.echo(json.dumps(found | ({"expected": expect} if expect else {}), indent=2))
    elif opened is not None and not damaged:
        click.echo(f"{capture}: sound; {counted(opened.events, 'event')}, digest {digest}")
    if damaged:
        raise DifferenceError(f"{capture}: damaged: {'; '.join(damaged)}{COPY_AGAIN}")
    if expect not in (None, digest):
        raise DifferenceError(f"{capture}: sound, but another capture: its digest is {digest}, not {expect}")


precompute.add_command(inspect)


def main() -> NoReturn:
    """The console script's entry."""
    run(precompute)
