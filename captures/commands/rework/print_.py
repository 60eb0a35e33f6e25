"""`captures print`: the events of a capture as text."""

import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

import click

from captures.commands.options import CAPTURE
from captures.commands.values import RANGE
from captures.console import standard_streams
from captures.console.harmless import harmless
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.rework.printing import Lines, PrintRequest, prepare, printed
from captures.share.cache import open_any


@click.command("print", short_help="Print the events, a line each.")
@CAPTURE
@click.option("--range", "bounds", type=RANGE, metavar="A-B", help="Events A to B, both included; the first one is 0.")
@click.option("--original-order", is_flag=True, help="In the order of capture, where it is not that of replay.")
@click.option("--template", type=click.IntRange(0, 65535), metavar="N", help="Only events of this template.")
@click.option("--number", is_flag=True, help="Put each event's number in front, as --range counts.")
@click.option("--time", is_flag=True, help="Put the instant in front at which it was captured, in UTC.")
@click.option("--flow", is_flag=True, help="Put in front from where to where it went.")
def print_events(
    *,
    capture: Path,
    bounds: tuple[int, int] | None,
    original_order: bool,
    template: int | None,
    number: bool,
    time: bool,
    flow: bool,
) -> None:
    """Print the events of FILE on stdout, a line each, in the order of replay.

    A file or a pipe gets every byte as it is, so an event that holds line ends takes several lines; a terminal gets
    them escaped. Whoever reads may stop at any time, as `| head` does.
    """
    first, last = bounds or (0, None)
    end = None if last is None else last + 1
    request = PrintRequest(first, end, original_order, template, number, time, flow)
    held = open_any(capture)
    prepare()
    terminal = sys.stdout.isatty()
    # On a terminal, or in a pager that shows a pipe, a bar would stand among the events.
    quiet = {} if stat.S_ISREG(os.fstat(1).st_mode) else {"disable": True}
    with bar(desc="printing", unit=" events", unit_scale=True, file=Stderr(), **quiet) as shown:

        def progress(done: int, total: int) -> None:
            shown.total = total
            shown.update(done)

        with suppress(BrokenPipeError):
            for lines in printed(held, request, progress):
                _put(lines, terminal=terminal)
    held.source.check()


def _put(lines: Lines, *, terminal: bool) -> None:
    if terminal:
        texts = (harmless(text.decode("utf-8", "backslashreplace")) for text in lines.texts())
        sys.stdout.writelines(f"{text}\n" for text in texts)
    else:
        standard_streams.put(lines.ended())
