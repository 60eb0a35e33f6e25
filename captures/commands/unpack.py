"""`captures unpack`: a packed capture becomes a capture again."""

from pathlib import Path

import click

from captures.commands.options import CAPTURE, FILE, JOBS
from captures.commands.progress import bytes_bar
from captures.console.command import tell
from captures.console.units import fitted, format_size
from captures.share import packing


@click.command(short_help="Make a packed capture a capture again.")
@CAPTURE
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@JOBS
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def unpack(*, capture: Path, output: Path, jobs: int, force: bool, as_json: bool) -> None:
    """Unpack FILE, a packed capture. The file appears when it is proven to be the capture that was packed."""
    with bytes_bar("unpacking") as progress:
        done = packing.unpack(capture, output, jobs=jobs, force=force, progress=progress)
    text = fitted(f"{output}: {format_size(done.plain_bytes)}; digest {done.digest}", 4)
    tell(text, done.figures(), as_json=as_json)
