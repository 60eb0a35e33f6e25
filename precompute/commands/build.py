"""`precompute build`: a profile or a recipe is rendered into a capture, and a line says what came of it."""

import time
from typing import Any

import click

from captures.commands.options import DIGEST, FILE, JOBS
from captures.console.command import COUNT, DURATION_NS, SIZE
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import counted, fitted, format_count, format_duration, format_size
from captures.format.layout import MAX_TRAIN_EVENTS
from precompute.commands.options import complete_profile
from precompute.draws.streams import MAX_SEED
from precompute.profile.lines import TagPlace
from precompute.profile.loading import built_in_names
from precompute.rendering.build import Built
from precompute.sessions import build as session
from precompute.sessions.build import DEFAULT_SEED, BuildRequest, recipe_of
from precompute.sessions.forecast import Forecast, forecast


@click.command(epilog=f"Built-in profiles: {', '.join(built_in_names())}.")
@click.argument("profile", shell_complete=complete_profile)
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option(
    "--events",
    type=COUNT,
    metavar="COUNT",
    help="How many events, like 4M. With --eps, too, the capture has a time axis.",
)
@click.option("--size", "size_bytes", type=SIZE, metavar="SIZE", help="Or: as many as fit this payload, like 2GiB.")
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
    "--tagged",
    "tag_place",
    flag_value=TagPlace.END,
    help="Leave room in each event for a tag: run, port and number.",
)
@click.option(
    "--tagged-front",
    "tag_place",
    flag_value=TagPlace.FRONT,
    help="The same at the front of the message, where cutting does not reach it.",
)
@click.option(
    "--templates",
    "tells_templates",
    is_flag=True,
    help="Say of which template each event is, in format version 2: for captures slice --template.",
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
def build(*, dry_run: bool, **asked: Any) -> None:
    """Render PROFILE, a built-in one, a YAML file or a recipe, into a capture.

    The same profile, extent, seed and train give the same bytes anywhere, with any number of jobs. A recipe says all of
    them itself.
    """
    wanted = BuildRequest(**asked)
    if dry_run:
        coming = forecast(wanted.output, recipe_of(wanted), wanted.jobs, time.perf_counter)
        click.echo(fitted(f"{wanted.output}: {_foretold(coming)}", 4))
        return
    began_s = time.perf_counter()
    with bar(unit=" events", unit_scale=True, leave=True, file=Stderr()) as rendering:

        def progress(rendered: int, total: int) -> None:
            rendering.total = total
            rendering.update(rendered)

        built = session.build(wanted, progress)
    click.echo(fitted(f"{wanted.output}: {_told(built, time.perf_counter() - began_s)}", 4), err=True)


def _foretold(coming: Forecast) -> str:
    """The text of what a build would make."""
    return (
        f"would hold {_extent(coming.events, coming.duration_ns)}, {format_size(coming.payload_bytes)} "
        f"({counted(coming.payload_bytes, 'byte')}, and some {coming.table_bytes:,} of tables); the disk has "
        f"{format_size(coming.free_bytes)} free; at least {_at_least(coming.render_s)} to "
        f"render at {format_count(coming.rendered_eps)} events/s, and what the disk takes to write"
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
