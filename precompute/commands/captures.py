"""`precompute inspect`: what a capture holds, for people, for machines, and as a page."""

import json
from contextlib import ExitStack
from pathlib import Path

import click

from captures.console.command import COUNT
from captures.files.output_file import OutputFile
from captures.format.reader import open_capture
from precompute.inspection.as_page import prove_plotly, write_page
from precompute.inspection.as_text import summary
from precompute.inspection.figures import first_events, inspect_capture

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("capture", type=FILE, metavar="FILE")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print all figures and the whole recipe as JSON.")
@click.option("--html", "page", type=FILE, metavar="FILE", help="Write a page with charts, which needs nothing else.")
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
@click.option("--events", type=COUNT, default="0", metavar="COUNT", help="Print the first events, too.")
def inspect(*, capture: Path, as_json: bool, page: Path | None, force: bool, events: int) -> None:
    """Say what a capture holds, and how realistic it is.

    Some figures are of all events; those of fields and of the payload are of a sample of about 65,536.
    """
    if page is not None:
        prove_plotly()
    opened = open_capture(capture)
    with ExitStack() as stack:
        output = None
        if page is not None:
            output = stack.enter_context(OutputFile(page, force=force, inputs=[capture]))
        found = inspect_capture(opened)
        if output is not None:
            write_page(output, capture.name, found)
    if as_json:
        shown = {"first_events": list(first_events(opened, events))} if events else {}
        click.echo(json.dumps(found.as_json() | shown, indent=2))
        return
    click.echo(summary(found))
    if events:
        click.echo()
    for line in first_events(opened, events):
        click.echo(line)
