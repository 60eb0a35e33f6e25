"""`captures verify`: whether a capture, packed or not, is whole and the one that is meant."""

from pathlib import Path

import click

from captures.commands.options import CAPTURE, DIGEST, JOBS
from captures.commands.progress import bytes_bar
from captures.console.command import answer
from captures.console.errors import DifferenceError
from captures.console.units import fitted
from captures.share import verification


@click.command(short_help="Compare every byte of a capture with its digests.")
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
    """Compare every byte of FILE, a capture of either version or a packed one, with its digests.

    Exits like cmp(1): with 0 when all is as it was written, with 1 when the capture is damaged or another one than
    expected, and with 2 when the file can't be read or is no capture.
    """
    with bytes_bar("reading") as progress:
        found = verification.verify(capture, jobs=jobs, expect=expect, progress=progress)
    if as_json or found.sound:
        figures = {**found.figures(), "path": str(capture), "events": found.events}
        answer(fitted(found.verdict, 4), figures, as_json=as_json)
    if found.difference:
        raise DifferenceError(found.difference)
