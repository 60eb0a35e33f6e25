"""`captures export`: a capture becomes pcap, pcapng or text."""

from ipaddress import ip_address
from pathlib import Path
from typing import Final

import click

from captures.commands.options import CAPTURE
from captures.commands.values import RANGE, RATE_EPS, parse_port_set
from captures.console.command import Parsed, tell
from captures.console.errors import InputError
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from captures.console.units import counted, fitted, format_size
from captures.convert.export_capture import export_capture
from captures.convert.export_request import Addresses, ExportRequest, Form, Packing

_STDOUT: Final = "-"
_PACKINGS: Final = {".gz": Packing.GZIP, ".zst": Packing.ZSTD}
_FORMS: Final = {".pcap": Form.PCAP, ".pcapng": Form.PCAPNG, ".log": Form.LINES, ".txt": Form.LINES}


def _address(text: str) -> object:
    try:
        return ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no address; write it like 198.18.0.1 or 2001:db8::1") from None


_ADDRESS: Final = Parsed("address", _address)
_PORTS: Final = Parsed("ports", lambda text: tuple(sorted(parse_port_set(text))))


@click.command(short_help="Write the events as pcap, pcapng or text.")
@CAPTURE
@click.option("-o", "--output", required=True, metavar="FILE", help="Like out.pcapng.zst; - is stdout.")
@click.option(
    "--format", "form", type=click.Choice([form.value for form in Form]), help="Whatever the name of FILE is."
)
@click.option("--lines", is_flag=True, help="The same as --format lines: an event a line.")
@click.option("--range", "bounds", type=RANGE, metavar="A-B", help="Only these events of the original order, from 0.")
@click.option(
    "-e", "--eps", "rate_eps", type=RATE_EPS, metavar="RATE", help="Evenly at this rate, not at their instants."
)
@click.option("--source", type=_ADDRESS, metavar="ADDR", help="From this address and, a host each, those behind it.")
@click.option("-t", "--target", type=_ADDRESS, metavar="ADDR", help="To this address.")
@click.option("-p", "--ports", type=_PORTS, metavar="LIST", help="To these ports in turns, train by train.")
@click.option("--source-port", type=click.IntRange(1, 65535), metavar="PORT", help="From this port.")
@click.option("--vlan", type=click.IntRange(0, 4094), metavar="ID", help="In this VLAN.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def export(
    *,
    capture: Path,
    output: str,
    form: str | None,
    lines: bool,
    bounds: tuple[int, int] | None,
    rate_eps: int | None,
    force: bool,
    as_json: bool,
    **given: object,
) -> None:
    """Write the events of a capture as packets with right lengths and checksums, in nanoseconds, or as text.

    Addresses, ports and instants are those of the capture. One that has none gets addresses of 198.18.0.0/15, which is
    set aside for tests, or those that are given here.
    """
    if output == _STDOUT and as_json:
        raise InputError("--json: stdout has the events already; name a file")
    asked = {name: value for name, value in given.items() if value is not None}
    packing = _PACKINGS.get(Path(output).suffix, Packing.NONE)
    settled = _form(output, form, packing, lines=lines)
    of_packets = [*asked, *(["eps"] if rate_eps is not None else [])]
    if settled is Form.LINES and of_packets:
        raise InputError(f"--{of_packets[0].replace('_', '-')}: is for packets, and this would be text; leave it out")
    request = ExportRequest(
        capture=capture,
        output=None if output == _STDOUT else Path(output),
        form=settled,
        packing=packing,
        force=force,
        first=bounds[0] if bounds else 0,
        end=bounds[1] + 1 if bounds else None,
        rate_eps=rate_eps,
        addresses=Addresses(**asked) if asked else None,  # type: ignore[arg-type]  # what click makes of the flags
    )
    with bar(unit=" events", unit_scale=True, desc="exporting", file=Stderr()) as shown:
        done = export_capture(request, shown.update)
    text = f"{output}: {counted(done.events, 'event')}, {format_size(done.written_bytes)} of {request.form}"
    tell(fitted(f"{text}; of the capture {done.digest}", 4), done.as_json(), as_json=as_json)


def _form(output: str, form: str | None, packing: Packing, *, lines: bool) -> Form:
    """How events are written, by a flag or by the name of the file. Raises InputError."""
    if lines and form not in (None, Form.LINES):
        raise InputError(f"--lines and --format {form}: give one of them")
    if lines:
        return Form.LINES
    if form is not None:
        return Form(form)
    name = Path(output)
    suffix = Path(name.stem).suffix if packing else name.suffix
    if suffix not in _FORMS:
        raise InputError(f"-o {output}: say --format pcap, pcapng or lines, or end the name like .pcap or .pcapng.zst")
    return _FORMS[suffix]
