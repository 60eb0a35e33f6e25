"""`replay watch` beside a real collector: every event that its socket's buffer had no room for is there, by port."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from captures.format.capture import Capture
from replay.linux.network.udp_sockets import FILES, parse_udp, row_pattern
from tests.network import programs
from tests.network.servers import Server, rsyslog
from tools.lab import DEVICE, PORTS, V4, Lab

LANES = 2
EVENTS = 4000
TINY_BYTES = 4096
RAW = 'template(name="event" type="string" string="%rawmsg%\\n")'


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that stands still."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def waiting_bytes(lab: Lab, ports: tuple[int, ...]) -> int:
    """What waits at sockets of the receiver's namespace."""
    text = lab.run_at(lab.receiver, "cat", *map(str, FILES)).encode()
    return sum(each.waiting_bytes for each in parse_udp(text, row_pattern(ports)))


def settled(lab: Lab, server: Server) -> bool:
    """Whether a collector has read all, and written it: two looks at its file agree."""
    before = server.path.stat().st_size if server.path.exists() else 0
    empty = waiting_bytes(lab, server.ports) == 0
    lab.run_at(lab.receiver, "sleep", "0.3")
    return empty and before == (server.path.stat().st_size if server.path.exists() else 0)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_every_drop_of_a_collector_is_placed(tmp_path: Path, lab: Lab, tagged: Capture, ending: signal.Signals) -> None:
    sent_path, audit_path, host_path = (tmp_path / f"{name}.json" for name in ("sent", "audit", "host"))
    log = tmp_path / "watch.log"
    watch = programs.command(
        "replay", "watch", "--ports", programs.listed(PORTS), "--report", host_path, host=lab.receiver
    )
    with (
        rsyslog(tmp_path, LANES, RAW, buffer_bytes=TINY_BYTES, host=lab.receiver) as server,
        programs.running(watch, log) as watching,
    ):
        programs.await_line(log, "watching 4 ports", watching)
        pid = server.pid
        with stopped(pid):
            options = ("--events", EVENTS, "--eps", "4k", "--report", sent_path)
            sent = programs.call(*programs.run_of(tagged, V4, server.ports, *options), host=lab.sender)
            programs.assert_ran(sent)
        programs.eventually(lambda: settled(lab, server), "rsyslogd to have written what it got")
        watching.send_signal(ending)
        ended = programs.finish(watching, log)
        written = len(server.events())

    assert ended.code == 0, ended.stderr
    host = json.loads(host_path.read_text())
    assert host["waiting_bytes"] == 0
    assert 0 < host["dropped_packets"] < EVENTS
    assert written + host["dropped_packets"] == EVENTS
    assert host["counters"]["udp_read"] == written
    lanes = {lane["port"]: lane for lane in host["lanes"]}
    assert all(lanes[port]["dropped_packets"] and lanes[port]["waiting_bytes_max"] >= 0 for port in server.ports)
    assert lanes[PORTS[3]]["open_sockets"] == 0
    assert sum(row[2] for row in host["drops"]["rows"]) == host["dropped_packets"]
    assert next(nic for nic in host["nics"] if nic["name"] == DEVICE)["rx_packets"] > 0
    assert f"the sockets of rsyslogd (pid {pid})" in ended.stderr

    assert (
        programs.call("replay", "audit", server.path, "--sent", sent_path, "--report", audit_path, "--json").code == 1
    )
    ledger = programs.call(
        *("replay", "reconcile", sent_path, "--collector", audit_path, "--collector-host", host_path, "--json")
    ).report
    placed = ledger["collector_host"]
    assert ledger["lost_events"] == placed["dropped_at_socket_events"] == host["dropped_packets"]
    assert (placed["in_collector_events_max"], placed["before_socket_events_min"]) == (0, 0)
    assert placed["covers_run"] is True
    assert {lane["port"]: lane["dropped_at_socket_events"] for lane in placed["lanes"]} == {
        port: lanes[port]["dropped_packets"] for port in server.ports
    }


def test_what_is_lost_on_the_way_is_not_charged_to_the_collector(tmp_path: Path, lab: Lab, tagged: Capture) -> None:
    """A filter before the sockets takes a port's events: the host's programs never read so many."""
    sent_path, audit_path, host_path = (tmp_path / f"{name}.json" for name in ("sent", "audit", "host"))
    log = tmp_path / "watch.log"
    watch = programs.command(
        "replay", "watch", "--ports", programs.listed(PORTS), "--report", host_path, host=lab.receiver
    )
    with (
        rsyslog(tmp_path, LANES, RAW, host=lab.receiver) as server,
        programs.running(watch, log) as watching,
        lab.dropping(f"udp dport {PORTS[1]}"),
    ):
        programs.await_line(log, "watching 4 ports", watching)
        options = ("--events", 1000, "--eps", "1k", "--train-max", 1, "--report", sent_path)
        programs.assert_ran(programs.call(*programs.run_of(tagged, V4, server.ports, *options), host=lab.sender))
        programs.eventually(lambda: settled(lab, server), "rsyslogd to have written what it got")
        watching.terminate()
        assert programs.finish(watching, log).code == 0
    programs.call("replay", "audit", server.path, "--sent", sent_path, "--report", audit_path, "--json")
    placed = programs.call(
        *("replay", "reconcile", sent_path, "--collector", audit_path, "--collector-host", host_path, "--json")
    ).report["collector_host"]
    assert (placed["lost_events"], placed["dropped_at_socket_events"]) == (500, 0)
    assert (placed["in_collector_events_max"], placed["before_socket_events_min"]) == (0, 500)


def test_a_run_to_its_own_host_watches_by_itself(tagged: Capture) -> None:
    """A receiver that never reads: all but what its buffer holds is dropped, and what it holds waits."""
    (port,) = programs.free_ports(1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BYTES)
        receiver.bind(("127.0.0.1", port))
        ran = programs.call(*programs.run_of(tagged, "127.0.0.1", (port,), "--events", 500, "--eps", "1k"))
        receiver.setblocking(False)
        kept = 0
        while True:
            try:
                receiver.recv(4096)
            except BlockingIOError:
                break
            kept += 1
    programs.assert_ran(ran)
    own = ran.report["collector_host"]
    assert own["dropped_packets"] == 500 - kept
    assert 0 < kept * 512 <= own["waiting_bytes"]
    assert os.getpid() in own["sockets"][0]["owners"]  # and the run, which is a fork
    assert f"{500 - kept:,} packets dropped at the socket of" in ran.stderr
    assert f"{own['waiting_bytes']:,} bytes waiting" in " ".join(ran.stderr.split())


def test_a_run_to_another_host_does_not(lab: Lab, tagged: Capture) -> None:
    ran = programs.call(*programs.run_of(tagged, V4, PORTS, "--events", 100, "--eps", "1k"), host=lab.sender)
    assert ran.report["collector_host"] is None


def test_a_run_to_another_address_of_its_own_host_does(lab: Lab, tagged: Capture) -> None:
    """198.18.0.2 is no loopback address, but in its own namespace what is sent there never leaves."""
    ran = programs.call(*programs.run_of(tagged, V4, PORTS, "--events", 100, "--eps", "1k"), host=lab.receiver)
    assert ran.report["collector_host"]["sockets"] == []


def test_a_collector_that_starts_after_the_watch_and_again_is_found(tmp_path: Path) -> None:
    (port,) = programs.free_ports(1)
    log = tmp_path / "watch.log"
    with programs.running(programs.command("replay", "watch", "--ports", port, "--json"), log) as watching:
        programs.await_line(log, "watching 1 port", watching)
        for _ in range(2):
            sink = programs.command("replay", "sink", "--ports", port, "--duration", "3s")
            with programs.running(sink, tmp_path / "sink.log") as process:
                process.wait(60)
        watching.terminate()
        ended = programs.finish(watching, log)
    (lane,) = ended.report["lanes"]
    assert (lane["open_sockets"], lane["closed_sockets"]) == (0, 2)
    assert "its socket was closed" in ended.stderr
