"""`precompute inspect`, `verify` and `recipe`: what a capture holds, whether it is whole, and how to make it again."""

import json
from pathlib import Path

import click

from captures.commands.options import CAPTURE, DIGEST, FILE, JOBS
from captures.console.command import COUNT
from captures.console.errors import DifferenceError, InputError
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.share.cache import open_any
from captures.share.recipe_text import recipe_yaml
from captures.share.verification import verify as verify_capture
from precompute.inspection.as_text import summary
from precompute.inspection.figures import first_events
from precompute.sessions import inspect as inspecting


@click.command()
@CAPTURE
@click.option("-j", "--json", "as_json", is_flag=True, help="Print all figures and the whole recipe as JSON.")
@click.option("--html", "page", type=FILE, metavar="FILE", help="Write a page with charts, which needs nothing else.")
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
@click.option("--events", type=COUNT, default="0", metavar="COUNT", help="Print the first events, too.")
def inspect(*, capture: Path, as_json: bool, page: Path | None, force: bool, events: int) -> None:
    """Say what a capture holds, and how realistic it is.

    Some figures are of all events; those of fields and of the payload are of a sample of about 65,536.
    """
    opened, found = inspecting.inspect(capture, page, force=force)
    if as_json:
        shown = {"first_events": list(first_events(opened, events))} if events else {}
        click.echo(json.dumps(found.as_json() | shown, indent=2))
        return
    click.echo(summary(found))
    if events:
        click.echo()
    for line in first_events(opened, events):
        click.echo(line)


@click.command()
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
    with bar(unit="B", unit_scale=True, unit_divisor=1024, leave=True, file=Stderr()) as reading:

        def progress(read_bytes: int, total_bytes: int) -> None:
            reading.total = total_bytes
            reading.update(read_bytes)

        found = verify_capture(capture, jobs=jobs, expect=expect, progress=progress)
    if as_json:
        click.echo(json.dumps(found.figures(), indent=2))
    elif found.sound:
        click.echo(found.verdict)
    if found.difference:
        raise DifferenceError(found.difference)


@click.command()
@CAPTURE
def recipe(*, capture: Path) -> None:
    """Print the recipe of a capture as YAML: `precompute build` makes the same capture of it, anywhere."""
    opened = open_any(capture)
    if opened.recipe is None:
        raise InputError(f"{capture}: has no recipe, since it was not rendered from a profile")
    click.echo(f"# Made again by: precompute build THIS_FILE -o FILE --expect {opened.digest}")
    click.echo(recipe_yaml(opened.recipe), nl=False)
