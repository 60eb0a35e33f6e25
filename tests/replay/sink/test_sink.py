"""A real sink in a process of its own, fed over loopback. Its report must be exact to the event."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import termios
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.forks import fork

ROOT = Path(__file__).parents[3]
UDP_SEGMENT = 103
PATIENCE_S = 60


def free_ports(count, address="127.0.0.1"):
    """Neighbouring ports below the range from which the kernel lends ports to senders."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(100):
        first = random.randrange(20000, 32000)  # noqa: S311 - only to keep out of each other's way
        opened = [socket.socket(family, socket.SOCK_DGRAM) for _ in range(count)]
        try:
            for port, probe in enumerate(opened, first):
                probe.bind((address, port))
        except OSError:
            continue
        finally:
            for probe in opened:
                probe.close()
        return list(range(first, first + count))
    pytest.fail("found no free ports")


class Sink:
    """`replay sink` in a process that ends by itself, should the test fail to end it."""

    def __init__(self, ports, *flags):
        limits = [] if "--duration" in flags else ["--duration", f"{PATIENCE_S}s"]
        self.process = subprocess.Popen(
            **fork("replay", "sink", "--json", "--ports", ",".join(map(str, ports)), *limits, *flags),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said = ""
        for line in self.process.stderr:
            self.said += line
            if line.startswith("listening on"):
                break

    def workers(self):
        return psutil.Process(self.process.pid).children()

    def end(self, number=None):
        """Its exit code and report, after a signal if one is named."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_S)
        self.said += err
        return self.process.returncode, json.loads(out) if out else None


@pytest.fixture
def start():
    sinks = []

    def begin(*args):
        sinks.append(Sink(*args))
        return sinks[-1]

    yield begin
    for sink in sinks:
        if sink.process.poll() is None:
            sink.process.kill()
            sink.process.communicate()


def event(length=100, late=timedelta(0)):
    """An event with a stamp that is `late` old."""
    stamp = (datetime.now(UTC) - late).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"<6>{stamp}Z host tag[1]: ".encode().ljust(length, b"x")


def send(port, payload, segment=0, times=1, address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        if segment:
            sender.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, segment)
        sender.connect((address, port))
        for _ in range(times):
            sender.send(payload)


def lanes_of(report, name):
    return {lane["port"]: lane[name] for lane in report["lanes"]}


@pytest.mark.parametrize("workers", ["1", "2", "3"])
def test_counts_are_exact_on_every_port(start, workers):
    ports = free_ports(4)
    sink = start(ports, "--workers", workers)
    sent_events, sent_bytes = dict.fromkeys(ports, 0), dict.fromkeys(ports, 0)
    for turn in range(30):
        for place, port in enumerate(ports[:3]):
            length, count = 96 + 7 * turn + place, 1 + 13 * turn % 128
            send(port, event(length) * count, length)
            send(port, event(length) * 2 + event(length - 40), length)
            send(port, event(length), times=3)
            sent_events[port] += count + 3 + 3
            sent_bytes[port] += (count + 3 + 3) * length - 40
    code, report = sink.end(signal.SIGTERM)
    assert code == 0
    assert lanes_of(report, "received_events") == sent_events
    assert lanes_of(report, "received_bytes") == sent_bytes
    assert report["received_events"] == sum(sent_events.values())
    assert report["received_bytes"] == sum(sent_bytes.values())
    assert (report["bad_stamps"], report["early_stamps"], report["kernel_drops"]) == (0, 0, 0)
    assert report["latency_ms"]["samples"] == report["received_events"]
    assert (report["ended_by"], report["workers"], report["gro"]) == ("signal", int(workers), True)
    assert f"listening on 127.0.0.1, 4 ports {ports[0]}-{ports[3]}, buffers" in sink.said
    first_s, last_s = lanes_of(report, "first_arrival_s"), lanes_of(report, "last_arrival_s")
    assert min(first_s[port] for port in ports[:3]) == 0
    assert max(last_s[port] for port in ports[:3]) == pytest.approx(report["duration_s"])
    assert first_s[ports[3]] is last_s[ports[3]] is None


def test_bad_early_and_old_stamps_are_counted_by_port(start):
    ports = free_ports(2)
    sink = start(ports)
    sound, early, none = event(), event(late=timedelta(hours=-1)), b"<6>no stamp".ljust(100)
    old = event(late=timedelta(hours=1))
    send(ports[0], sound * 3 + none * 5 + early * 2, 100)
    send(ports[1], old * 4 + sound, 100)
    send(ports[0], none * 20, 100)
    send(ports[0], b"")
    send(ports[1], sound * 3 + sound[:27] + b"", 100)
    send(ports[1], sound * 3 + sound[:26], 100)
    _, report = sink.end(signal.SIGINT)
    assert lanes_of(report, "received_events") == {ports[0]: 31, ports[1]: 13}
    assert lanes_of(report, "bad_stamps") == {ports[0]: 26, ports[1]: 1}
    assert lanes_of(report, "early_stamps") == {ports[0]: 2, ports[1]: 0}
    assert lanes_of(report, "old_stamps") == {ports[0]: 0, ports[1]: 4}
    assert report["latency_ms"]["samples"] == 3 + 8


def test_stamps_of_every_format_are_known_and_those_of_seconds_give_no_latency(start):
    ports = free_ports(2)
    sink = start(ports)
    now = datetime.now(UTC)
    fine = [
        f"<13>1 {(now - timedelta(microseconds=late)).isoformat(timespec='microseconds')} host ".encode().ljust(
            100, b"x"
        )
        for late in range(50)
    ]
    coarse = f"<13>{now:%b} {now.day:2} {now:%H:%M:%S} host app: ".encode().ljust(100, b"x")
    send(ports[0], b"".join(fine), 100)
    send(ports[0], fine[0])
    send(ports[1], coarse * 20 + fine[0], 100)
    _, report = sink.end(signal.SIGTERM)
    assert lanes_of(report, "coarse_stamps") == {ports[0]: 0, ports[1]: 20}
    assert report["coarse_stamps"] == 20
    assert report["bad_stamps"] == report["early_stamps"] == report["old_stamps"] == 0
    assert report["latency_ms"]["samples"] == 52
    assert "20 stamps are of whole seconds" in sink.said


def test_what_waits_while_a_worker_is_stopped_is_no_silence(start):
    (port,) = free_ports(1)
    sink = start([port], "--idle", "1s")
    (worker,) = sink.workers()
    worker.suspend()
    send(port, event() * 70, 100)
    time.sleep(2)
    assert sink.process.poll() is None
    worker.resume()
    code, report = sink.end()
    assert (code, report["received_events"], report["ended_by"]) == (0, 70, "idle")


@pytest.mark.parametrize("workers", [1, 3])
def test_a_stray_datagram_of_another_run_does_not_choose_the_run(start, workers):
    (port,) = free_ports(1)
    sink = start([port], "--workers", str(workers))
    send(port, event() + f" stampede=00abcdef-{port:04x}-0000000384".encode())
    for number in range(20):
        send(port, event() + f" stampede=1f3a9c07-{port:04x}-{number:010x}".encode())
    _, report = sink.end(signal.SIGTERM)
    tags = report["tags"]
    assert report["run_id"] == "1f3a9c07"
    # Between workers the last ones may come out of order, and what nothing follows is told apart.
    assert tags["verified_events"] + tags["unconfirmed_events"] == 20
    assert tags["lost_events"] == 0
    assert tags["other_runs"] == {"00abcdef": 1}


def test_stamps_of_long_ago_are_no_latency(start):
    (port,) = free_ports(1)
    sink = start([port])
    send(port, event(late=timedelta(days=200)) * 10, 100)
    _, report = sink.end(signal.SIGTERM)
    assert (report["old_stamps"], report["latency_ms"]) == (10, None)
    assert "latency not measured" in sink.said


def test_the_age_of_stamps_is_measured(start):
    (port,) = free_ports(1)
    sink = start([port])
    send(port, event(late=timedelta(minutes=50)) * 10, 100)
    _, report = sink.end(signal.SIGTERM)
    latency_ms = report["latency_ms"]
    assert 3_000_000 <= latency_ms["max"] < 3_000_000 + PATIENCE_S * 1000
    assert latency_ms["mean"] == pytest.approx(latency_ms["max"])
    assert latency_ms["p50"] == pytest.approx(latency_ms["max"], rel=1 / 64)
    assert (latency_ms["samples"], latency_ms["resolution_ms"]) == (10, 1)


def test_what_the_kernel_dropped_is_known_though_nothing_came_after(start):
    (port,) = free_ports(1)
    sink = start([port], "--buffer", "64kB")
    (worker,) = sink.workers()
    worker.suspend()
    send(port, event(150) * 128, 150, times=50)
    worker.resume()
    _, report = sink.end(signal.SIGTERM)
    drops = report["kernel_drops"]
    assert drops == lanes_of(report, "kernel_drops")[port] > 0
    assert report["received_events"] == (50 - drops) * 128 > 0


def test_what_arrived_before_the_end_is_counted(start):
    ports = free_ports(2)
    sink = start(ports)
    (worker,) = sink.workers()
    worker.suspend()
    for port in ports:
        send(port, event(150) * 128, 150, times=200)
    sink.process.send_signal(signal.SIGTERM)
    worker.resume()
    _, report = sink.end()
    assert lanes_of(report, "received_events") == dict.fromkeys(ports, 200 * 128)


def test_a_stream_that_goes_on_does_not_keep_it_from_ending(start):
    (port,) = free_ports(1)
    sink = start([port])
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        while sink.process.poll() is None and sent < 3_000_000:
            if sent == 1000:
                sink.process.send_signal(signal.SIGTERM)
            try:
                sender.send(event())
            except ConnectionRefusedError:
                break
            sent += 1
    code, report = sink.end()
    assert (code, report["ended_by"]) == (0, "signal")
    assert 1000 <= report["received_events"] <= sent


def test_a_terminal_sees_a_live_line():
    (port,) = free_ports(1)
    terminal, side = os.openpty()
    termios.tcsetwinsize(side, (24, 100))
    forked = fork("replay", "sink", "--ports", port, "--duration", "1500ms")
    with subprocess.Popen(**forked, cwd=ROOT, stderr=side) as process:
        assert process.wait(PATIENCE_S) == 0
    os.close(side)
    seen = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert re.search(r"0\.00 events \[00:\d\d, .*drops=0\]", seen)


def test_ends_after_its_duration_and_measures_nothing(start):
    code, report = start(free_ports(2), "--duration", "100ms").end()
    assert (code, report["ended_by"], report["received_events"]) == (0, "duration", 0)
    for name in ("latency_ms", "duration_s", "rate_eps", "peak_eps"):
        assert report[name] is None


def test_ends_after_silence_and_writes_its_report(start, tmp_path):
    (port,) = free_ports(1)
    path = tmp_path / "report.json"
    sink = start([port], "--idle", "500ms", "--report", str(path))
    send(port, event())
    code, report = sink.end()
    assert (code, report["ended_by"]) == (0, "idle")
    assert json.loads(path.read_text()) == report
    assert f"{port}               1                100" in sink.said


def frozen(start):
    """A sink that is told to end while its worker stands still and events wait for it; its port, and the worker."""
    (port,) = free_ports(1)
    sink = start([port])
    (worker,) = sink.workers()
    worker.suspend()
    send(port, event(150), times=20)
    sink.process.send_signal(signal.SIGTERM)
    return sink, port, worker


def test_a_second_signal_ends_it_at_once(start):
    sink, port, worker = frozen(start)
    code, report = sink.end(signal.SIGINT)
    assert (code, report["ended_by"], report["received_events"]) == (130, "second signal", 0)
    assert lanes_of(report, "waiting_bytes")[port] >= 20 * 150
    worker.wait(PATIENCE_S)


def test_a_worker_that_dies_while_the_sink_ends_is_a_failure(start):
    sink, port, worker = frozen(start)
    with pytest.raises(subprocess.TimeoutExpired):
        sink.process.wait(0.5)
    worker.kill()
    code, report = sink.end()
    assert (code, report["ended_by"], report["received_events"]) == (4, "failure", 0)
    assert lanes_of(report, "waiting_bytes")[port] >= 20 * 150


def test_a_killed_worker_ends_the_sink_with_its_report(start):
    ports = free_ports(2)
    sink = start(ports, "--workers", "2")
    sink.workers()[0].kill()
    code, report = sink.end()
    assert (code, report["ended_by"]) == (4, "failure")
    assert sink.said.count("died: signal 9") == 1


def wait_until_signals_are_ignored(process):
    status = Path(f"/proc/{process.pid}/status")  # proc(5): a mask in hexadecimal, signal 1 is its lowest bit
    end_s = time.monotonic() + PATIENCE_S
    while not int(re.search(r"SigIgn:\s*(\w+)", status.read_text())[1], 16) >> signal.SIGTERM - 1 & 1:
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_workers_end_when_their_parent_is_gone(start):
    sink = start(free_ports(2), "--workers", "2")
    workers = sink.workers()
    wait_until_signals_are_ignored(workers[0])  # it has asked the kernel by then
    workers[0].suspend()  # nor does it matter what a worker does
    sink.process.kill()
    assert psutil.wait_procs(workers, PATIENCE_S)[1] == []


def test_ipv6(start):
    try:
        (port,) = free_ports(1, "::1")
    except pytest.fail.Exception:
        pytest.skip("this machine has no ::1")
    sink = start([port], "--bind", "::1")
    send(port, event() * 10, 100, address="::1")
    _, report = sink.end(signal.SIGTERM)
    assert report["received_events"] == 10


def test_a_port_in_use_is_named(start):
    ports = free_ports(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", ports[1]))
        sink = start(ports)
        assert sink.end() == (3, None)
    assert f"port {ports[1]} on 127.0.0.1 is in use" in sink.said
    assert sink.said.count("\n") == 1


@pytest.mark.parametrize(
    ("flags", "code", "complaint"),
    [
        (["--bind", "198.18.255.254"], 3, "198.18.255.254 is not an address of this host"),
        (["--bind", "localhost"], 2, "--bind localhost: not an IP address"),
        (["--workers", "65"], 2, "Invalid value for '--workers': 65 is not in the range 1<=x<=64"),
        (["--workers", "0"], 2, "Invalid value for '--workers': 0 is not in the range 1<=x<=64"),
        (["--run-id", "12"], 2, "'12' is no id of a run; write eight hexadecimal digits"),
        (["--buffer", "2GiB"], 2, "--buffer 2147483648: choose less than 1GiB"),
        (["--ports", "80"], 2, "port 80 is outside 514-65535"),
        (["--report", "/nowhere/report.json"], 2, "/nowhere/report.json: can't be written: No such file"),
    ],
)
def test_what_can_not_be_done_is_said_in_one_line(start, flags, code, complaint):
    sink = start(free_ports(2), *flags, "--duration", "0s")
    assert sink.end()[0] == code
    assert complaint in sink.said.splitlines()[-1]


def test_workers_share_a_port_and_no_event_is_counted_twice(start):
    (port,) = free_ports(1)
    sink = start([port], "--workers", "3")
    for _ in range(40):  # each from a port of its own, so the kernel deals them
        send(port, event() * 10, 100)
    _, report = sink.end(signal.SIGTERM)
    assert (report["received_events"], report["workers"]) == (400, 3)
    assert report["lanes"][0]["received_events"] == 400
    assert report["lanes"][0]["latency_ms"]["samples"] == 400
