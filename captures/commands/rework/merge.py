"""`captures merge`: several captures become one."""

from pathlib import Path

import click

from captures.commands.options import FILE
from captures.commands.progress import bytes_bar
from captures.console.command import tell
from captures.console.units import counted, fitted, format_duration, format_size
from captures.rework.merging.merge import Align, merge_captures, prepare
from captures.share.cache import open_any


@click.command(short_help="Make one capture of several.")
@click.argument("captures", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option(
    "--align",
    type=click.Choice(["clock", "start"]),
    default="clock",
    show_default=True,
    help="Each event at its own instant, or as if all captures began together.",
)
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def merge(*, captures: tuple[Path, ...], output: Path, align: Align, force: bool, as_json: bool) -> None:
    """Put the events of each FILE in one line by their instants, so that their rates add up.

    Of events at the same instant, those of the FILE that is named first come first. Captures without a time axis
    alternate, in proportion to their events. Events keep their bytes, instants, addresses, hosts, stamps and tags;
    hosts of one name become one.
    """
    held = [open_any(path) for path in captures]
    prepare()
    with bytes_bar("merging") as progress:
        done = merge_captures(held, output, align, force=force, progress=progress)
    text = f"{output}: {counted(done.events, 'event')} of {counted(len(held), 'capture')}"
    if done.duration_ns:
        text += f" in {format_duration(done.duration_ns)}"
    if done.without_addresses:
        text += f"; {counted(done.without_addresses, 'event')} without addresses got 0.0.0.0"
    text += f"; {format_size(done.payload_bytes)}; digest {done.digest}"
    tell(fitted(text, 4), done.figures(), as_json=as_json)
