"""What stands between sender and sink maps ports, cuts events or damages one: the ledger says just that."""

import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from captures.format.capture import Capture
from captures.format.reader import open_capture
from captures.format.tags import TAG_BYTES
from tests.network import programs
from tests.network.relay import Change, relaying

EVENTS = 8000


class Told(NamedTuple):
    """What run, sink and ledger say."""

    run: dict[str, Any]
    sink: dict[str, Any]
    ledger: dict[str, Any]
    said: str

    def of_port(self, port: int, name: str) -> int:
        return next(lane[name] for lane in self.ledger["lanes"] if lane["port"] == port)


def told(
    folder: Path, capture: Capture, ports: tuple[int, ...], heard: tuple[int, ...], change: Change, *options: object
) -> Told:
    """Send to `ports`, where a relay is, and receive at `heard`."""
    sent, received, place = folder / "sent.json", folder / "received.json", f"127.0.0.1:{programs.free_ports(1)[0]}"
    listening = ("--ports", programs.listed(heard), "--report", received, "--publish", place, *options)
    with relaying(ports, change), programs.listening_sink(folder / "sink.log", *listening) as end_sink:
        sending = ("--events", EVENTS, "--eps", "4k", "--report", sent, "--sink", place)
        run = programs.call(*programs.run_of(capture, "127.0.0.1", ports, *sending))
        programs.assert_ran(run)
        time.sleep(0.3)  # for what is still in the relay
        sink = end_sink()
    ledger = programs.call("replay", "reconcile", sent, received, "--json")
    return Told(run.report, sink, ledger.report, ledger.stderr)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mapped_port_has_lost_nothing(tmp_path: Path, tagged: Capture, workers: int):
    free = programs.free_ports(4)
    ports, heard = free[:2], free[2:]
    found = told(
        tmp_path, tagged, ports, heard, lambda port, _, data: [(heard[ports.index(port)], data)], "--workers", workers
    )
    assert (found.ledger["lost_events"], found.ledger["surplus_events"], found.ledger["balanced"]) == (0, 0, True)
    assert [found.of_port(port, "verified_events") for port in sorted(ports)] == [EVENTS // 2] * 2
    assert [found.of_port(port, "came_by") for port in ports] == [{str(port): EVENTS // 2} for port in heard]
    assert "came by another port" in found.said
    assert (found.run["sink"]["lost_events"], found.run["sink"]["received_events"]) == (0, EVENTS)
    assert found.sink["tags"]["foreign_events"] == 0


@pytest.mark.parametrize("workers", [1, 3])
def test_ports_that_come_as_one_and_one_that_comes_as_three_are_counted_by_their_tags(
    tmp_path: Path, tagged: Capture, workers: int
):
    """A load balancer deals the first port's events to three; a relay sends all others to one of them."""
    free = programs.free_ports(7)
    ports, heard = free[:4], free[4:]
    lost = [0]

    def change(port: int, number: int, data: bytes) -> list[tuple[int, bytes]]:
        if port == ports[0]:
            return [(heard[number % 3], data)]
        if port == ports[1] and number % 10 == 7:
            lost[0] += 1
            return []
        return [(heard[0], data)]

    found = told(tmp_path, tagged, ports, heard, change, "--workers", workers)
    assert found.ledger["lost_events"] == found.of_port(ports[1], "lost_before_socket_events") == lost[0] > 0
    assert found.ledger["surplus_events"] == found.ledger["duplicated_events"] == 0
    assert found.run["sink"]["lost_events"] == lost[0]


@pytest.mark.parametrize("limit", [180, 150])
def test_events_that_a_relay_cuts_are_not_lost(tmp_path: Path, tagged: Capture, limit: int):
    free = programs.free_ports(4)
    ports, heard = free[:2], free[2:]
    cut: Counter[int] = Counter()

    def change(port: int, _number: int, data: bytes) -> list[tuple[int, bytes]]:
        cut[port] += len(data) > limit
        return [(heard[ports.index(port)], data[:limit])]

    found = told(tmp_path, tagged, ports, heard, change)
    whole = sum(cut.values())
    assert whole > 100
    assert found.sink["tags"]["cut_events"] == found.ledger["cut_events"] == whole
    assert found.sink["tags"]["untagged_events"] == found.sink["tags"]["malformed_events"] == 0
    assert found.ledger["lost_events"] == 0
    assert found.ledger["cut_to_bytes"] == found.sink["tags"]["cut_to_bytes"] == {"min": limit, "max": limit}
    assert found.ledger["verified_events"] == EVENTS - whole
    assert {port: found.of_port(port, "cut_events") for port in ports} == dict(cut)
    assert f"{whole:,} cut to {limit} bytes" in found.ledger["verdict"]


def test_a_tag_at_the_front_does_not_hide_that_events_are_cut(tmp_path: Path):
    path = tmp_path / "front.rcap"
    built = programs.call("precompute", "build", "system", "--tagged-front", "--events", EVENTS, "-o", path)
    assert built.code == 0, built.stderr
    free = programs.free_ports(4)
    ports, heard = free[:2], free[2:]
    came = [0, 0]

    def change(port: int, _number: int, data: bytes) -> list[tuple[int, bytes]]:
        came[0] += len(data)
        came[1] += len(data[:180])
        return [(heard[ports.index(port)], data[:180])]

    found = told(tmp_path, open_capture(path), ports, heard, change)
    assert came[0] > came[1]
    assert (found.ledger["lost_events"], found.ledger["verified_events"]) == (0, EVENTS)
    assert (found.ledger["cut_bytes"], found.ledger["balanced"]) == (came[0] - came[1], False)
    assert f"{came[1]:,} of {came[0]:,} bytes came: events were cut behind their tags" in found.ledger["verdict"]
    reports = (tmp_path / "sent.json", tmp_path / "received.json")
    assert programs.call("replay", "reconcile", *reports, "--json").code == 1
    assert programs.call("replay", "reconcile", *reports, "--max-loss", "0%", "--json").code == 0


@pytest.mark.parametrize("bit", [1 << 39, 1 << 20, 1 << 5, 1])
def test_one_flipped_bit_is_one_lost_event_and_one_too_many(tmp_path: Path, tagged: Capture, bit: int):
    free = programs.free_ports(2)

    def change(_port: int, number: int, data: bytes) -> list[tuple[int, bytes]]:
        if number == 3000:
            data = data[:-10] + b"%010x" % (int(data[-10:], 16) ^ bit)
        return [(free[1], data)]

    found = told(tmp_path, tagged, free[:1], free[1:], change)
    figures = ("lost_events", "reordered_events", "late_events", "cut_events")
    assert [found.ledger[name] for name in figures] == [1, 0, 0, 0]
    # The number is that of no event, or of another one, which then came twice.
    assert sorted((found.ledger["surplus_events"], found.ledger["duplicated_events"])) == [0, 1]
    assert found.run["sink"]["lost_events"] == 1
    assert not found.ledger["balanced"]


def test_events_of_another_run_are_told_and_named(tmp_path: Path, tagged: Capture):
    free = programs.free_ports(2)

    def change(_port: int, number: int, data: bytes) -> list[tuple[int, bytes]]:
        other = data[:-TAG_BYTES] + b"00000002" + data[-TAG_BYTES + 8 :]
        return [(free[1], data), *([(free[1], other)] if number % 4 == 0 else [])]

    found = told(tmp_path, tagged, free[:1], free[1:], change)
    assert (found.ledger["balanced"], found.ledger["foreign_events"]) == (True, EVENTS // 4)
    assert found.ledger["other_runs"] == {"00000002": EVENTS // 4}
    assert f"{EVENTS // 4:,} events came that are of other runs: 00000002" in found.said


def test_what_a_dead_worker_did_not_receive_is_not_the_network_s_loss(tmp_path: Path, tagged: Capture):
    sent, received, log = tmp_path / "sent.json", tmp_path / "received.json", tmp_path / "sink.log"
    ports = programs.free_ports(2)
    line = programs.command("replay", "sink", "--ports", programs.listed(ports), "--workers", 2, "--report", received)
    with programs.running(line, log) as sink:
        programs.await_line(log, "listening on", sink)
        control = tmp_path / "control"
        sending = ("--events", EVENTS, "--eps", "4k", "--report", sent, "--backend", "udp", "--control", control)
        with programs.running(
            programs.command(*programs.run_of(tagged, "127.0.0.1", ports, *sending)), tmp_path / "run.log"
        ) as run:
            programs.await_sending(control)
            psutil.Process(sink.pid).children()[0].kill()
            assert programs.finish(sink, log).code == 4
            programs.finish(run, tmp_path / "run.log")
    ledger = programs.call("replay", "reconcile", sent, received, "--json").report
    assert {loss["where"] for loss in ledger["losses"]} == {"not received: the sink's worker died"}
    assert ledger["lost_events"] > 0
    assert sum(lane["lost_before_socket_events"] for lane in ledger["lanes"]) == 0
