"""How does a sink go, from the request to the report? It binds its ports, receives and counts, and reports."""

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from captures.console.errors import InputError, RunError
from captures.console.interruption import Noted, held
from captures.console.stderr import Stderr
from captures.console.terminal import bar, notice
from captures.format.tags import MAX_RUN
from replay.clock import SECOND_NS, monotonic_ns, sleep_ns, wall_ns
from replay.exchange.place import Place, check_place
from replay.json_file import ReportFile
from replay.linux.network.counters import ReceiveCounters, receive_counters
from replay.linux.sockets.udp_receive import buffer_bytes_of, dropped_packets, waiting_bytes
from replay.ranges import format_ports
from replay.request_checks import check_path, check_ports, check_time, check_type, check_whole, check_within
from replay.sink.board import Tally, shared_tally
from replay.sink.loop import prepare as load_kernels
from replay.sink.publish import Publisher
from replay.sink.report.figures import Ending, sink_report
from replay.sink.report.model import SinkReport
from replay.sink.sockets import close_sockets, join_trains, open_sockets, ready_line, small_buffer_notice
from replay.sink.stopping import FAILURE, HURRIED, Watch
from replay.sink.workers import Workers, sockets_of_workers

MOST_WORKERS: Final = 64
DEFAULT_BUFFER_BYTES: Final = 64 << 20
_TICK_NS: Final = SECOND_NS // 20


@dataclass(frozen=True)
class SinkRequest:
    """Everything that a user can ask of a sink."""

    address: str
    """The IPv4 or IPv6 address to receive at."""
    ports: Sequence[int]
    duration_ns: int | None = None
    """The sink ends after this time; None: time does not end it."""
    idle_ns: int | None = None
    """The sink ends when nothing has arrived for this time; None: silence does not end it."""
    workers: int = 1
    """How many processes receive. If there are more of them than ports, several share a port: each has some flows."""
    buffer_bytes: int = DEFAULT_BUFFER_BYTES
    """The receive buffer of each port."""
    run_id: int | None = None
    """The run whose tags are counted; None: the run that most of the first tagged events belong to."""
    publish: Place | None = None
    """The address at which the sink answers those who ask for its counters; None: it does not answer."""
    token_path: Path | None = None
    """The file with the secret that those who ask for the counters must know."""


class Heard(NamedTuple):
    """How a sink ended."""

    report: SinkReport
    failure: Exception | None
    """The error that ended the sink, if one did; the report holds what was counted until then."""
    hurried: bool
    """Whether a second signal asked the sink to end at once."""


def receive(request: SinkRequest, report: Path | None = None) -> SinkReport:
    """Receive until the time is over, after silence, or on SIGINT, SIGTERM or SIGHUP; returns the report.

    The report is also written to the file `report`, if one is given. Raises InputError for a request that makes no
    sense, PreflightError for one that this machine can't fulfil, and the error that ended the sink, if one did, when
    the report is written.
    """
    with ReportFile(report, inputs=[request.token_path]) as report_file:
        heard = listen(request, report_file)
    if heard.failure is not None:
        raise heard.failure
    return heard.report


def listen(request: SinkRequest, report_file: ReportFile) -> Heard:
    """Receive as `receive` does, with a report file that is open already.

    Raises InputError and PreflightError only: an error while it receives is returned as `Heard.failure`.
    """
    ports = check_ports(request.ports)
    _check(request)
    trial = _tally(ports, request.workers, None)
    with _opened(request, trial):  # what can't be opened is said before some 20 s of compiling
        pass
    load_kernels(trial.of_worker(0))  # before events can wait at a socket
    with held() as signals:
        tally = _tally(ports, request.workers, request.run_id)
        before = _host_counters()
        with _opened(request, tally) as (sockets, publisher):
            gro = _prepare(sockets, request.buffer_bytes)
            workers = Workers(sockets, tally)
            try:
                notice(ready_line(request.address, format_ports(ports), sockets))
                watch = Watch(monotonic_ns(), request.duration_ns, request.idle_ns)
                ended_by, failure = _watched(watch, workers, sockets, tally, signals, publisher)
            finally:
                workers.kill()
            ending = Ending(
                kernel_drops=[dropped_packets(receiver) for receiver in sockets],
                buffer_bytes=[buffer_bytes_of(receiver) for receiver in sockets],
                waiting_bytes=[waiting_bytes(receiver) for receiver in sockets],
                gro=gro,
                ended_by=ended_by,
                host=_host_growth(before),
                ended_ns=wall_ns(),
            )
        report = sink_report(tally, ending)
        report_file.write(report.figures())
    return Heard(report, failure, signals.urgent)


def _tally(ports: tuple[int, ...], workers: int, run_id: int | None) -> Tally:
    """The counters of the workers."""
    tally = shared_tally(ports, *sockets_of_workers(len(ports), workers), wall_ns())
    tally.run[0] = run_id or 0
    return tally


def _host_counters() -> ReceiveCounters | None:
    """The network counters of this host; None: they can't be read, as without /proc. A sink can work without them."""
    try:
        return receive_counters()
    except (OSError, ValueError):
        return None


def _host_growth(before: ReceiveCounters | None) -> dict[str, int] | None:
    """By how much the network counters have grown since `before`; None: this is not known."""
    now = None if before is None else _host_counters()
    return None if before is None or now is None else now.since(before)


def _check(request: SinkRequest) -> None:
    """Raise InputError for an address that is none, and for numbers that no sink can have."""
    check_type("--bind", request.address, str, "'127.0.0.1'", needed=True)
    try:
        ipaddress.ip_address(request.address)
    except ValueError:
        raise InputError(f"--bind {request.address}: not an IP address; write it like 127.0.0.1 or ::1") from None
    check_time("--duration", request.duration_ns)
    check_time("--idle", request.idle_ns)
    check_place("--publish", request.publish)
    check_path("--sink-token-file", request.token_path)
    check_whole("--workers", request.workers)
    check_within("--workers", request.workers, 1, MOST_WORKERS)
    check_within("--run-id", request.run_id, 1, MAX_RUN)
    check_whole("--buffer", request.buffer_bytes)
    if not 1 <= request.buffer_bytes < 1 << 30:
        raise InputError(f"--buffer {request.buffer_bytes}: choose less than 1GiB, the kernel counts it in 31 bits")


def _prepare(sockets: Sequence[socket.socket], buffer_bytes: int) -> bool:
    """Ask the kernel to join datagrams (UDP_GRO), and warn of small buffers. Returns whether the kernel joins them."""
    gro = join_trains(sockets)
    if not gro:
        notice("this kernel has no UDP_GRO: every datagram is read alone, which is slower")
    small = small_buffer_notice(buffer_bytes, min(buffer_bytes_of(receiver) for receiver in sockets))
    if small is not None:
        notice(small)
    return gro


@contextmanager
def _opened(request: SinkRequest, tally: Tally) -> Iterator[tuple[list[socket.socket], Publisher | None]]:
    """The sockets of a tally, bound, and the publisher, which answers those who ask for counters, if one is asked for.

    Raises PreflightError if one can't be opened, and InputError for a token that is none.
    """
    ports = [tally.ports[place] for place in tally.port_of_socket]
    sockets = open_sockets(request.address, ports, request.buffer_bytes, shared=tally.shared)
    publisher = None

    def ask_sockets() -> list[tuple[int, int]]:
        return [(dropped_packets(each), waiting_bytes(each)) for each in sockets]

    try:
        if request.publish is not None:
            publisher = Publisher(request.publish, tally, ask_sockets, request.token_path)
        yield sockets, publisher
    finally:
        close_sockets(sockets)
        if publisher is not None:
            publisher.close()


def _watched(
    watch: Watch,
    workers: Workers,
    sockets: Sequence[socket.socket],
    tally: Tally,
    signals: Noted,
    publisher: Publisher | None,
) -> tuple[str, Exception | None]:
    """Watch until there is a reason to end, then stop the workers. Returns the reason, and the error if there was one.

    The caller raises the error when the report is written.
    """
    try:
        ended_by = _watch(watch, workers, sockets, tally, signals, publisher)
        stopped = workers.stop(in_a_hurry=lambda: signals.urgent)
    except Exception as error:  # noqa: BLE001 - the caller raises it
        return FAILURE, error
    if stopped.death is not None:
        return FAILURE, RunError(f"{stopped.death}; the report holds what was counted until then")
    return HURRIED if stopped.cut_short else ended_by, None


def _watch(
    watch: Watch,
    workers: Workers,
    sockets: Sequence[socket.socket],
    tally: Tally,
    signals: Noted,
    publisher: Publisher | None,
) -> str:
    """Watch until there is a reason to end, and return the reason. On a terminal, a line shows what arrives."""
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
            if workers.death() is not None:
                return FAILURE
            waits = watch.idle_ns is not None and any(map(waiting_bytes, sockets))
            if (reason := watch.ended_by(now_ns, events, waits=waits)) is not None:
                return reason
    return "signal"
