"""The `precompute` command: from a profile to a capture, and what a capture holds."""

import json
import os
import time
from pathlib import Path
from typing import Any, NoReturn

import click
from tqdm import tqdm

import captures
from captures.command import COUNT, SIZE, run
from captures.digests import damaged_parts
from captures.errors import CaptureError
from captures.format import MAX_TRAIN_EVENTS
from captures.reader import open_capture
from captures.units import format_count, format_size
from precompute.build import build_capture
from precompute.inspection import first_events, inspect_capture
from precompute.loading import built_in_names, load_profile
from precompute.streams import MAX_SEED
from precompute.summary import summary

FILE = click.Path(path_type=Path, dir_okay=False)
JOBS = click.option(
    "--jobs",
    type=click.IntRange(1, 1024),
    default=lambda: len(os.sched_getaffinity(0)),
    show_default="usable cores",
    metavar="N",
    help="Processes or threads that work at once; changes no byte.",
)
CAPTURE = click.argument("capture", type=FILE, metavar="FILE")


@click.group(name="precompute", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(captures.__version__, prog_name="precompute")
def precompute() -> None:
    """Render traffic once, ahead of time, into a capture that `replay` sends."""


@precompute.command(epilog=f"Built-in profiles: {', '.join(built_in_names())}.")
@click.argument("profile")
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option("--events", type=COUNT, metavar="COUNT", help="How many events, like 4M.")
@click.option("--size", type=SIZE, metavar="SIZE", help="Or: as many as fit this payload, like 2GiB.")
@click.option(
    "--seed",
    type=click.IntRange(0, MAX_SEED),
    default=1,
    show_default=True,
    metavar="N",
    help="Another seed, other events.",
)
@JOBS
@click.option(
    "--train",
    type=click.IntRange(1, MAX_TRAIN_EVENTS),
    default=MAX_TRAIN_EVENTS,
    show_default=True,
    metavar="N",
    help="The most events of a train.",
)
@click.option("--force", is_flag=True, help="Replace the capture if it exists.")
def build(profile: str, output: Path, events: int | None, size: int | None, **options: Any) -> None:
    """Render PROFILE, a built-in one or a YAML file, into a capture.

    The same profile, size, seed and train give the same bytes anywhere, with any number of jobs.
    """
    if (events is None) == (size is None):
        raise click.UsageError("give either --events or --size")
    if events == 0:
        raise click.UsageError("a capture holds at least one event")
    began_s = time.perf_counter()
    loaded = load_profile(profile)
    with tqdm(unit=" events", unit_scale=True, disable=None) as bar:

        def progress(rendered: int, total: int) -> None:
            bar.total = total
            bar.update(rendered)

        built = build_capture(output, loaded, events=events, size=size, progress=progress, **options)
    elapsed_s = time.perf_counter() - began_s
    click.echo(
        f"{output}: {built.events:,} events, {format_size(built.payload_bytes)}, "
        f"mean {built.payload_bytes / built.events:.1f} bytes, {built.trains:,} trains of "
        f"{built.events / built.trains:.1f}; {format_count(built.events / elapsed_s)} events/s in {elapsed_s:.1f} s; "
        f"digest {built.digest}",
        err=True,
    )


@precompute.command()
@CAPTURE
@click.option("--json", "as_json", is_flag=True, help="Print all figures and the whole recipe as JSON.")
@click.option("--events", type=COUNT, default="0", metavar="COUNT", help="Print the first events, too.")
def inspect(*, capture: Path, as_json: bool, events: int) -> None:
    """Say what a capture holds."""
    opened = open_capture(capture)
    found = inspect_capture(opened)
    if as_json:
        shown = {"first_events": list(first_events(opened, events))} if events else {}
        click.echo(json.dumps(found.as_json() | shown, indent=2))
        return
    click.echo(summary(found))
    if events:
        click.echo()
    for line in first_events(opened, events):
        click.echo(line)


@precompute.command()
@CAPTURE
@JOBS
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(*, capture: Path, jobs: int, as_json: bool) -> None:
    """Compare every byte of a capture with its digests; exits with 2 when it is damaged."""
    opened = open_capture(capture)
    with tqdm(total=len(opened.payload), unit="B", unit_scale=True, unit_divisor=1024, disable=None) as bar:
        damaged = damaged_parts(opened, jobs, bar.update)
    if as_json:
        click.echo(json.dumps({"digest": opened.digest, "sound": not damaged, "damaged": damaged}, indent=2))
    elif not damaged:
        click.echo(f"{capture}: sound; {opened.events:,} events, digest {opened.digest}")
    if damaged:
        raise CaptureError(f"{capture}: damaged: {'; '.join(damaged)}; copy or build it again")


def main() -> NoReturn:
    """The console script's entry."""
    run(precompute)
