"""The `replay sink` command: its flags, and what it prints."""

from pathlib import Path

import click

from captures.console.command import DURATION_NS, SIZE, tell
from captures.console.errors import ExitCode
from replay.commands.options.token import token_option
from replay.commands.options.values import NO_FOLDER, PLACE, PORTS, RUN
from replay.exchange.place import Place
from replay.json_file import ReportFile
from replay.sessions.sink import MOST_WORKERS, SinkRequest, listen
from replay.sink.report.figures import sink_table


@click.command()
@click.option(
    "--bind",
    "address",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDR",
    help="IPv4 or IPv6 address to receive at.",
)
@click.option("-p", "--ports", type=PORTS, default="514-553", show_default=True, help="UDP ports, like 514-553,600.")
@click.option("-d", "--duration", "duration_ns", type=DURATION_NS, help="End after this time.")
@click.option("--idle", "idle_ns", type=DURATION_NS, help="End when nothing arrived for this time.")
@click.option(
    "--workers",
    type=click.IntRange(1, MOST_WORKERS),
    default=1,
    show_default=True,
    help="Receiving processes, each with a core and its ports; more than ports share them, flow by flow.",
)
@click.option(
    "--buffer", "buffer_bytes", type=SIZE, default="64MiB", show_default=True, help="Receive buffer per port."
)
@click.option(
    "--run-id",
    "run_id",
    type=RUN,
    help="Count the tags of this run, like 1f3a9c07; all others are foreign.  "
    "[default: that of most of the first 1,000 tagged events]",
)
@click.option(
    "--publish",
    "place",
    type=PLACE,
    help="Tell `replay run --sink` the counters there, like 198.18.0.2:5600, if it has the token of this sink.",
)
@token_option
@click.option("-o", "--report", "report_path", type=NO_FOLDER, help="Write the report as JSON to this file.")
@click.option("-j", "--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
@click.option("--wide", is_flag=True, help="Show all ports in the table, not only the odd ones.")
def sink(
    *,
    address: str,
    ports: tuple[int, ...],
    duration_ns: int | None,
    idle_ns: int | None,
    workers: int,
    buffer_bytes: int,
    run_id: int | None,
    place: Place | None,
    token_path: Path | None,
    report_path: Path | None,
    as_json: bool,
    wide: bool,
) -> int:
    """Receive events, and count them by port.

    Datagrams, bytes, stamps and their age, what became of tagged events and what the kernel dropped are reported when
    the time is over, after silence, or on SIGINT, SIGTERM or SIGHUP.
    """
    request = SinkRequest(
        address=address,
        ports=ports,
        duration_ns=duration_ns,
        idle_ns=idle_ns,
        workers=workers,
        buffer_bytes=buffer_bytes,
        run_id=run_id,
        publish=place,
        token_path=token_path,
    )
    with ReportFile(report_path, inputs=[token_path]) as report_file:
        heard = listen(request, report_file)
        tell(sink_table(heard.report, wide=wide), heard.report.figures(), as_json=as_json)
        if heard.failure is not None:
            raise heard.failure
    return ExitCode.INTERRUPTED if heard.hurried else ExitCode.MET
