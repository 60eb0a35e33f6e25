"""`captures import`: what was captured elsewhere, or logged, becomes a capture."""

from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from captures.commands.options import FILE
from captures.commands.values import INSTANT_NS, NETWORK, PORT_SET, RATE_EPS, WORD, ZONE
from captures.console.command import DURATION_NS, tell
from captures.console.errors import ExitCode, InputError
from captures.console.harmless import harmless
from captures.console.stderr import Stderr
from captures.console.terminal import bar, notice
from captures.console.units import counted, fitted, format_duration, format_size
from captures.convert.import_capture import Imported, import_capture
from captures.convert.import_request import ImportRequest, Network, TextForm, TextRequest
from captures.format.stamps.zones import Zone
from captures.packets.headers.reasons import told
from captures.text.wrapping import Header, bare_header, rfc3164_header, rfc5424_header

_LONGEST_TAG: Final = {"rfc3164": 32, "rfc5424": 48}
"""The headers that can be written, and how long a tag is there (RFC 3164, section 4.1.3; RFC 5424, section 6)."""
_GOES_WITH: Final = {
    "ports": "packets",
    "hosts": "packets",
    "keep_cut": "packets",
    "split_trains": "packets",
    "header": "text",
    "rate_eps": "text",
    "pri": "header",
    "hostname": "names",
    "tag": "names",
}
"""What must be there for an option to do something; all others go with whatever is read."""
_MISSING: Final = {
    "packets": "is for packets, and the sources are text",
    "text": "is for text; say --lines, too",
    "names": "is of the header that --header rfc3164 or rfc5424 writes, and there is none",
    "header": "is of the header that --header writes before lines and texts of JSON, and there is none",
}


@click.command(name="import", short_help="Make a capture of pcap, pcapng or logs.")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("-o", "--output", type=FILE, required=True, metavar="FILE", help="The capture to write.")
@click.option("-p", "--ports", type=PORT_SET, metavar="LIST", help="Only packets to these ports, like 514,6514-6520.")
@click.option(
    "--host", "hosts", type=NETWORK, multiple=True, metavar="NET", help="Only packets from or to it; may be repeated."
)
@click.option("--from", "from_ns", type=INSTANT_NS, metavar="INSTANT", help="Only what came then or later.")
@click.option("--to", "to_ns", type=INSTANT_NS, metavar="INSTANT", help="Only what came before.")
@click.option("--keep-cut", is_flag=True, help="Keep events that a snaplen cut, as far as they are there.")
@click.option("--split-trains", is_flag=True, help="Cut datagrams that hold several events of one length (GSO, GRO).")
@click.option("--strict", is_flag=True, help="Write nothing if a source is broken, instead of what is good of it.")
@click.option(
    "--regroup",
    "regroup_ns",
    type=DURATION_NS,
    metavar="TIME",
    help="Bring events of one length together within such a time, like 10ms: trains get longer, and the run faster.",
)
@click.option("--no-hosts", is_flag=True, help="Do not tell hosts apart: trains get longer, and have no source.")
@click.option("--lines", is_flag=True, help="The sources are text: each line is an event.")
@click.option(
    "--json-field",
    metavar="NAME",
    help="They are lines of JSON; the event is this field, or N.M in N.",
)
@click.option("--journal", is_flag=True, help="They were written by journalctl -o export.")
@click.option(
    "--header",
    type=click.Choice([*_LONGEST_TAG, "pri"]),
    help="Write it before each event of text; pri: only <PRI>.",
)
@click.option("--pri", type=click.IntRange(0, 191), default=13, show_default=True, metavar="N", help="Its priority.")
@click.option("--hostname", type=WORD, default="localhost", show_default=True, metavar="NAME", help="Its host.")
@click.option("--tag", type=WORD, default="app", show_default=True, metavar="NAME", help="Its tag, or APP-NAME.")
@click.option("-e", "--eps", "rate_eps", type=RATE_EPS, metavar="RATE", help="Events of text come evenly at this rate.")
@click.option("--zone", type=ZONE, default="Z", metavar="ZONE", help="Of stamps without one: +02:00, or Europe/Berlin.")
@click.option("--force", is_flag=True, help="Replace the capture if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def import_(
    *,
    sources: tuple[str, ...],
    output: Path,
    ports: frozenset[int] | None,
    hosts: tuple[Network, ...],
    from_ns: int | None,
    to_ns: int | None,
    keep_cut: bool,
    split_trains: bool,
    strict: bool,
    regroup_ns: int | None,
    no_hosts: bool,
    zone: Zone,
    force: bool,
    as_json: bool,
    **text: object,
) -> int:
    """Make a capture of each SOURCE: pcap or pcapng, packed or not, a rotated set, a folder, a pattern, or - for stdin.

    Events keep their order, instants, addresses, ports and bytes, and their stamps become live. What is left out is
    counted. Exit code 1 means that a source was broken, and only what is good of it is in the capture. Ctrl-C ends a
    pipe, and what came by it is kept: exit code 130.
    """
    asked = _text(zone=zone, **text)  # type: ignore[arg-type]  # what click makes of the flags
    _refuse_idle(click.get_current_context(), asked, text["header"])  # type: ignore[arg-type]
    request = ImportRequest(
        sources=sources,
        output=output,
        force=force,
        ports=ports,
        hosts=hosts,
        from_ns=from_ns,
        to_ns=to_ns,
        keep_cut=keep_cut,
        split_trains=split_trains,
        strict=strict,
        tell_hosts_apart=not no_hosts,
        regroup_ns=regroup_ns or 0,
        zone=zone,
        text=asked,
    )
    with bar(unit="B", unit_scale=True, unit_divisor=1024, desc="importing", file=Stderr()) as shown:

        def progress(count: int, total: int | None) -> None:
            shown.total = total
            shown.update(count)

        done = import_capture(request, progress)
    return _report(done, of_text=asked is not None, as_json=as_json)


def _text(
    *,
    lines: bool,
    json_field: str | None,
    journal: bool,
    header: str | None,
    pri: int,
    hostname: str,
    tag: str,
    rate_eps: int | None,
    zone: Zone,
) -> TextRequest | None:
    """What the flags of text ask for; None: the sources are packets. Raises InputError."""
    forms = {TextForm.LINES: lines, TextForm.JSON: json_field is not None, TextForm.JOURNAL: journal}
    chosen = [form for form, wanted in forms.items() if wanted]
    if len(chosen) > 1:
        raise InputError("--lines, --json-field and --journal: give one of them")
    if not chosen:
        return None
    if journal:
        if header == "pri":
            raise InputError("--header pri: entries of a journal have no header of their own; leave it out")
        return TextRequest(TextForm.JOURNAL, modern=header == "rfc5424", rate_eps=rate_eps)
    made: Header | None = None
    if header in _LONGEST_TAG and len(tag) > _LONGEST_TAG[header]:
        raise InputError(f"--tag: {tag}: in a header of {header} it has {_LONGEST_TAG[header]} letters at most")
    if header == "rfc3164":
        made = rfc3164_header(pri, hostname, tag, zone)
    elif header == "rfc5424":
        made = rfc5424_header(pri, hostname, tag)
    elif header == "pri":
        made = bare_header(pri)
    return TextRequest(chosen[0], json_field or "", made, rate_eps=rate_eps)


def _refuse_idle(context: click.Context, asked: TextRequest | None, header: str | None) -> None:
    """Refuse options that would do nothing with what is read. Raises InputError."""
    there = {"packets"} if asked is None else {"text"}
    if asked is not None and asked.header is not None:
        there |= {"header"} if header == "pri" else {"header", "names"}
    for option in context.command.params:
        needed = _GOES_WITH.get(option.name or "")
        given = context.get_parameter_source(option.name or "") is not ParameterSource.DEFAULT
        if needed is not None and given and needed not in there:
            raise InputError(f"{max(option.opts, key=len)} {_MISSING[needed]}")


def _report(done: Imported, *, of_text: bool, as_json: bool) -> int:
    """Say what came of an import; returns the exit code."""
    for line in _notices(done, "no text" if of_text else "neither pcap nor pcapng"):
        notice(harmless(line))
    tell(fitted(f"{done.output}: {_said(done)}", 4), done.as_json(), as_json=as_json)
    if done.interrupted:
        notice("interrupted; what was read until then is in the capture")
        return ExitCode.INTERRUPTED
    return ExitCode.MISSED if done.broken else ExitCode.MET


def _notices(done: Imported, foreign: str) -> list[str]:
    """What the user should know of the sources, a line each; `foreign`: what those are that were left out."""
    return [
        *done.broken,
        *(f"{name}: left out: this is {foreign}" for name in done.skipped),
        *(f"{name}: read once, though it was found twice" for name in done.repeated),
        *(f"left out: {told(count, why)}" for why, count in done.left_out.items()),
        *done.remarks,
    ]


def _said(done: Imported) -> str:
    """The text of what came of an import."""
    figures = done.figures
    unstamped = figures.events - figures.stamped_events
    stamped = f"{unstamped:,} without a known stamp {'is sent as it is' if unstamped == 1 else 'are sent as they are'}"
    extent = f"{counted(figures.events, 'event')} in {format_duration(done.duration_ns)}"
    if not done.start_ns:
        extent = f"{counted(figures.events, 'event')} without instants (--eps and --header give some)"
    mean = figures.events / figures.trains
    parts = [
        f"{extent}, {format_size(figures.payload_bytes)}, {counted(figures.trains, 'train')} of {mean:.1f}",
        stamped if unstamped else "all with live stamps",
    ]
    if figures.cut_events:
        parts.append(f"{figures.cut_events:,} cut by the snaplen, and kept so")
    if figures.hosts:
        parts.append(counted(figures.hosts, "host"))
    if figures.line_feed_events:
        parts.append(f"{figures.line_feed_events:,} end with a line feed, and keep it")
    if figures.descending_events:
        back = format_duration(figures.farthest_back_ns)
        text = f"{figures.descending_events:,} came earlier than the one before, by {back} at most"
        hint = " (where sources overlap in time, import each, and captures merge puts them together)"
        parts.append(text + (hint if done.packets is None and len(done.sources) > 1 else ""))
    if figures.trains_before:
        parts.append(
            f"regrouped: {counted(figures.trains_before, 'train')} became {figures.trains:,}, and "
            f"{counted(figures.moved_events, 'event')} moved, by {counted(figures.farthest_moved, 'place')} at most"
        )
    return "; ".join([*parts, f"digest {done.digest}"])
