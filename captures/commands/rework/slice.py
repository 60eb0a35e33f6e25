"""`captures slice`: a part of a capture becomes a capture."""

import re
from pathlib import Path

import click

from captures.commands.options import CAPTURE, FILE
from captures.commands.progress import bytes_bar
from captures.commands.values import NETWORK, PORT_SET, RANGE, parse_instant_ns
from captures.console.command import Parsed, tell
from captures.console.units import counted, fitted, format_size, parse_duration_ns
from captures.rework.choosing import Choice, Moment
from captures.rework.slicing import prepare, slice_capture
from captures.share.cache import open_any


def _moment(text: str) -> Moment:
    if re.match(r"\d{4}-", text.strip()):
        return Moment(parse_instant_ns(text), absolute=True)
    try:
        return Moment(parse_duration_ns(text), absolute=False)
    except ValueError:
        raise ValueError(f"{text!r} is no instant; write it like 5m, from the start, or 2025-08-30T10:15:30Z") from None


MOMENT = Parsed("instant", _moment)


@click.command("slice", short_help="Make a capture of a part of one.")
@CAPTURE
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option("--from", "start", type=MOMENT, metavar="WHEN", help="From 5m after the start on, or from an instant on.")
@click.option("--to", "end", type=MOMENT, metavar="WHEN", help="Before it; an event at this very instant stays out.")
@click.option("--range", "bounds", type=RANGE, metavar="A-B", help="Events A to B, both included; the first one is 0.")
@click.option("--port", "ports", type=PORT_SET, metavar="LIST", help="To these ports, like 514,6514-6520.")
@click.option("--source", "sources", type=NETWORK, multiple=True, metavar="NET", help="From it; may be repeated.")
@click.option("-t", "--target", "targets", type=NETWORK, multiple=True, metavar="NET", help="To it; may be repeated.")
@click.option("--host", "networks", type=NETWORK, multiple=True, metavar="NET", help="From or to it; may be repeated.")
@click.option("--hostname", "hosts", multiple=True, metavar="NAME", help="Of this host; may be repeated.")
@click.option("--template", "templates", type=click.IntRange(0, 65535), multiple=True, metavar="N", help="Of it.")
@click.option("--match", metavar="REGEX", help="A regular expression of Python is found in the bytes.")
@click.option("--not-match", "unlike", metavar="REGEX", help="It is not found there.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def slice_(
    *,
    capture: Path,
    output: Path,
    bounds: tuple[int, int] | None,
    match: str | None,
    unlike: str | None,
    force: bool,
    as_json: bool,
    **conditions: object,
) -> None:
    """Write the events of FILE that meet all conditions into a capture of their own.

    They keep their bytes, their order and their instants, addresses, hosts, stamps and tags. The new capture begins
    with its first event, and has no recipe. If every event meets the conditions, it is a copy of FILE.
    """
    first, last = bounds or (0, None)
    choice = Choice(
        first=first,
        last=last,
        match=None if match is None else match.encode("utf-8", "surrogateescape"),
        unlike=None if unlike is None else unlike.encode("utf-8", "surrogateescape"),
        **conditions,  # type: ignore[arg-type]  # what click makes of the flags
    )
    held = open_any(capture)
    prepare()
    with bytes_bar("slicing") as progress:
        done = slice_capture(held, output, choice, force=force, progress=progress)
    share = "every event: a copy" if done.copied else f"{counted(done.events, 'event')} of {done.of_events:,}"
    text = f"{output}: {share}, {format_size(done.payload_bytes)}; digest {done.digest}"
    tell(fitted(text, 4), done.figures(), as_json=as_json)
