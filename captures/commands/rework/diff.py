"""`captures diff`: what differs between two captures but for stamps and tags."""

from pathlib import Path

import click

from captures.commands.options import FILE
from captures.commands.progress import bytes_bar
from captures.console.command import answer
from captures.console.errors import ExitCode
from captures.console.harmless import harmless
from captures.console.terminal import notice
from captures.convert.importing.remarks import kept_super_packets
from captures.rework.comparing.compare import compare, prepare
from captures.share.cache import open_any


@click.command(short_help="Say what differs between two captures.")
@click.argument("first", type=FILE, metavar="FILE")
@click.argument("second", type=FILE, metavar="FILE")
@click.option(
    "--most",
    type=click.IntRange(0, 10_000),
    default=10,
    show_default=True,
    metavar="N",
    help="Show so many differences one by one.",
)
@click.option("-j", "--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def diff(*, first: Path, second: Path, most: int, as_json: bool) -> ExitCode:
    """Compare two captures, event by event: two builds, or what was sent with an import of what was received.

    Stamps and tags may differ; if one of the captures has no recipe, that holds for all stamps and tags that are found
    in the text. Exits with 0 if both have the same events in the same order, with 1 if not. Instants, addresses and
    recipes are told, and change no exit code: they differ wherever events were sent.
    """
    one, other = open_any(first), open_any(second)
    prepare()
    with bytes_bar("comparing") as progress:
        found = compare(one, other, most, progress)
    for path, capture in ((first, one), (second, other)):
        if not found.alike and (count := kept_super_packets(capture.note)):
            notice(
                f"{harmless(str(path))}: in {count:,} of its datagrams are several events (GSO, GRO); import it anew "
                "with --split-trains"
            )
    answer(found.text(), found.figures(), as_json=as_json)
    return ExitCode.MET if found.alike else ExitCode.MISSED
