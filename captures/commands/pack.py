"""`captures pack`: a capture becomes a packed one, for a way on which each byte counts."""

from pathlib import Path

import click

from captures.commands.options import CAPTURE, FILE, JOBS
from captures.commands.progress import bytes_bar
from captures.console.command import tell
from captures.console.units import fitted, format_size
from captures.share import packing


@click.command(short_help="Pack a capture for its way to elsewhere.")
@CAPTURE
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The packed capture, like lab.rcapz.")
@click.option(
    "--level",
    type=click.IntRange(1, packing.MOST_LEVEL),
    default=packing.LEVEL,
    show_default=True,
    metavar="N",
    help="How much zstd tries: a higher one takes longer, and makes the file smaller.",
)
@JOBS
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def pack(*, capture: Path, output: Path, level: int, jobs: int, force: bool, as_json: bool) -> None:
    """Pack FILE with zstd, block by block, with an index at the end. A damaged capture is refused.

    `replay run` and the other commands take a packed capture as well: it is unpacked into a cache once. `zstd -d`
    unpacks it, too.
    """
    with bytes_bar("packing") as progress:
        done = packing.pack(capture, output, jobs=jobs, level=level, force=force, progress=progress)
    ratio = done.plain_bytes / done.packed_bytes
    text = f"{output}: {format_size(done.packed_bytes)} of {format_size(done.plain_bytes)}, {ratio:.1f} times smaller"
    tell(fitted(f"{text}; digest {done.digest}", 4), done.figures(), as_json=as_json)
