"""`replay sink`: the flags, the order of things, and what is printed."""

import ipaddress
import multiprocessing
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from captures.console.command import DURATION_NS, SIZE, tell
from captures.console.errors import ExitCode, InputError, RunError
from captures.console.interruption import Noted, held
from captures.console.stderr import Stderr
from captures.console.terminal import bar
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns, wall_ns
from replay.commands.options.token import token_option
from replay.commands.options.values import PLACE, PORTS, RUN
from replay.exchange.place import Place
from replay.json_file import ReportFile
from replay.linux.network.counters import receive_counters
from replay.linux.sockets.udp_receive import buffer_bytes_of, dropped_packets, waiting_bytes
from replay.ranges import format_ports
from replay.sink.board import Tally, lock_count, shared_tally
from replay.sink.publish import Publisher
from replay.sink.report.figures import Ending, sink_report, sink_table
from replay.sink.sockets import close_sockets, join_trains, open_sockets, ready_line, small_buffer_notice
from replay.sink.stopping import Watch
from replay.sink.workers import Workers, seating

_TICK_NS: Final = SECOND_NS // 20
MOST_WORKERS: Final = 64
_FILE: Final = click.Path(path_type=Path, dir_okay=False)


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
@click.option("-o", "--report", "report_path", type=_FILE, help="Write the report as JSON to this file.")
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
    _check(address, buffer_bytes)
    with ReportFile(report_path, inputs=[token_path]) as report_file:
        with held() as signals:
            tally = _tally(ports, workers, run_id)
            before = receive_counters()
            sockets = open_sockets(
                address, [ports[place] for place in tally.port_of_seat], buffer_bytes, shared=tally.shared
            )
            publisher = _publisher(place, token_path, tally, sockets)
            gro = _prepare(sockets, buffer_bytes)
            crew = Workers(sockets, tally)
            try:
                click.echo(ready_line(address, format_ports(ports), sockets), err=True)
                watch = Watch(monotonic_ns(), duration_ns, idle_ns)
                ended_by, failure = _watched(watch, crew, sockets, tally, signals, publisher)
            finally:
                crew.kill()
            ending = Ending(
                kernel_drops=[dropped_packets(receiver) for receiver in sockets],
                buffer_bytes=[buffer_bytes_of(receiver) for receiver in sockets],
                gro=gro,
                ended_by=ended_by,
                host=receive_counters().since(before),
                ended_ns=wall_ns(),
            )
            close_sockets(sockets)
            report = sink_report(tally, ending)
            report_file.write(report)
        tell(sink_table(report, wide=wide), report, as_json=as_json)
        if failure is not None:
            raise failure
    return ExitCode.INTERRUPTED if signals.urgent else ExitCode.MET


def _tally(ports: tuple[int, ...], workers: int, run_id: int | None) -> Tally:
    """Where the workers count; several of them have locks, since an event may come to any of them."""
    seats, port_of_seat = seating(len(ports), workers)
    context = multiprocessing.get_context("fork")
    locks = [context.Lock() for _ in range(lock_count(len(ports)))] if workers > 1 else []
    tally = shared_tally(ports, seats, port_of_seat, wall_ns(), locks)
    tally.run[0] = run_id or 0
    return tally


def _check(address: str, buffer_bytes: int) -> None:
    """Refuse flags that make no sense together. Raises InputError."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise InputError(f"--bind {address}: not an IP address; write it like 127.0.0.1 or ::1") from None
    if not 1 <= buffer_bytes < 1 << 30:
        raise InputError(f"--buffer {buffer_bytes}: choose less than 1GiB, the kernel counts it in 31 bits")


def _prepare(sockets: Sequence[socket.socket], buffer_bytes: int) -> bool:
    """Ask for joined datagrams, and say where the kernel gives less than asked; True if it joins them."""
    gro = join_trains(sockets)
    if not gro:
        click.echo("this kernel has no UDP_GRO: every datagram is read alone, which is slower", err=True)
    notice = small_buffer_notice(buffer_bytes, min(buffer_bytes_of(receiver) for receiver in sockets))
    if notice is not None:
        click.echo(notice, err=True)
    return gro


def _publisher(
    place: Place | None, token_path: Path | None, tally: Tally, sockets: Sequence[socket.socket]
) -> Publisher | None:
    """What answers those who ask for counters, if a place for it was named."""
    if place is None:
        return None

    def seats() -> list[tuple[int, int]]:
        return [(dropped_packets(each), waiting_bytes(each)) for each in sockets]

    return Publisher(place, tally, seats, token_path)


def _watched(
    watch: Watch,
    crew: Workers,
    sockets: Sequence[socket.socket],
    tally: Tally,
    signals: Noted,
    publisher: Publisher | None,
) -> tuple[str, Exception | None]:
    """Look on, and end the workers; why it ended, and what failed: it is raised when the report is safe."""
    try:
        ended_by = _watch(watch, crew, sockets, tally, signals, publisher)
        death = crew.stop(in_a_hurry=lambda: signals.urgent)
    except Exception as error:  # noqa: BLE001 - see above
        return "failure", error
    if death is not None:
        return ended_by, RunError(f"{death}; the report holds what was counted until then")
    return ended_by, None


def _watch(
    watch: Watch,
    crew: Workers,
    sockets: Sequence[socket.socket],
    tally: Tally,
    signals: Noted,
    publisher: Publisher | None,
) -> str:
    """Look on until there is a reason to end; returns it. On a terminal, a line shows what arrives."""
    shown_events, next_drops_ns = 0, 0
    with bar(unit=" events", unit_scale=True, mininterval=1, file=Stderr()) as line:
        while not signals.first:
            sleep_ns(_TICK_NS)
            if publisher is not None:
                publisher.poll()
            now_ns, events = monotonic_ns(), tally.events
            if not line.disable and now_ns >= next_drops_ns:
                next_drops_ns = now_ns + SECOND_NS
                line.set_postfix(drops=sum(map(dropped_packets, sockets)), refresh=False)
            line.update(events - shown_events)
            shown_events = events
            if crew.death() is not None:
                return "failure"
            waits = watch.idle_ns is not None and any(map(waiting_bytes, sockets))
            if (reason := watch.ended_by(now_ns, events, waits=waits)) is not None:
                return reason
    return "signal"
