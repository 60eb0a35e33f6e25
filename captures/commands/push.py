"""`captures push`: a capture is brought to where another lab can fetch it."""

from typing import Any

import click

from captures.commands.options import CAPTURE
from captures.commands.progress import bytes_bar
from captures.console.command import tell
from captures.console.units import counted, fitted, format_size
from captures.share import packing, pushing


@click.command(short_help="Bring a capture to a folder, a server or a bucket.")
@CAPTURE
@click.argument("url")
@click.option("--name", metavar="NAME", help="What it is called there, if not as FILE.")
@click.option("--licence", metavar="TEXT", help="Under which terms others may use it, for the manifest.")
@click.option("--contact", metavar="TEXT", help="Whom to ask about it, for the manifest.")
@click.option(
    "--level",
    type=click.IntRange(1, packing.MOST_LEVEL),
    default=packing.LEVEL,
    show_default=True,
    metavar="N",
    help="How much zstd tries: a higher one takes longer, and less has to move.",
)
@click.option(
    "--connections",
    type=click.IntRange(1, pushing.MOST_CONNECTIONS),
    default=pushing.CONNECTIONS,
    show_default=True,
    metavar="N",
    help="How many blocks move at once, each in some 40 MiB of memory.",
)
@click.option("--force", is_flag=True, help="Send all blocks, also those that are there; replace another manifest.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def push(*, as_json: bool, **asked: Any) -> None:
    """Bring FILE, packed or not, to URL: a folder, s3://bucket/folder, gs://, sftp:// or an http server that takes PUT.

    Only the blocks that are not there yet move, so a push that was cut short goes on where it stopped. A manifest goes
    last; its URL is what the other lab pulls. Needs stampede[s3], [gcs], [sftp] or [http].
    """
    request = pushing.PushRequest(**asked)
    with bytes_bar("pushing") as progress:
        done = pushing.push(request, progress)
    moved = f"{done.moved_blocks:,} of {counted(done.blocks, 'block')} moved, {format_size(done.moved_bytes)}"
    tell(fitted(f"{done.manifest}: {moved}; digest {done.digest}", 4), done.figures(), as_json=as_json)
