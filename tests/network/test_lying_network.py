"""A host in the middle loses, doubles and delays known events, or the sink is slow: the ledger finds exactly those."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from captures.format.capture import Capture
from captures.format.tags import tag_text
from tests.network import programs
from tests.network.conftest import fresh_lab
from tools.lab import PORTS, V4, V6
from tools.middle import RIGHT, SLOW, MiddleLab

RUN = 0x1F3A9C07
EVENTS = 20_000
EACH = EVENTS // len(PORTS)


@pytest.fixture(scope="module")
def road() -> Iterator[MiddleLab]:
    with fresh_lab(MiddleLab, "tc") as built:
        yield built


class Told:
    """What the sink and the ledger say of a run."""

    def __init__(self, sink: dict[str, Any], ledger: dict[str, Any]) -> None:
        self.sink, self.ledger = sink, ledger

    def sink_lanes(self, name: str) -> list[int]:
        return [lane[name] for lane in self.sink["lanes"]]

    def ledger_lanes(self, name: str) -> list[int]:
        return [lane[name] for lane in self.ledger["lanes"]]


def told(
    folder: Path,
    road: MiddleLab,
    capture: Capture,
    *options: object,
    address: str = V4,
    listening: tuple[object, ...] = (),
    frozen_events: int = 0,
    after_s: float = 0.5,
) -> Told:
    """Send the capture once; the sink's worker stands still while `frozen_events` are sent in mid-run."""
    sent, received, log = folder / "sent.json", folder / "received.json", folder / "sink.log"
    heard = ("--bind", address, "--ports", programs.listed(PORTS), "--report", received, "--json")
    sink_line = ("replay", "sink", *heard, *listening)
    run_line = programs.run_of(
        capture, address, PORTS, "--loops", 1, "--run-id", f"{RUN:08x}", "--report", sent, *options
    )
    with programs.running(programs.command(*sink_line, host=road.receiver), log) as sink:
        programs.await_line(log, "listening on", sink)
        control = folder / "control"
        with programs.running(
            programs.command(*run_line, "--control", control, host=road.sender), folder / "run.log"
        ) as sender:
            if frozen_events:
                programs.await_sending(control)
                freeze(sink.pid, control, frozen_events)
            ended = programs.finish(sender, folder / "run.log")
            assert ended.code in (0, 1), ended.stderr  # 1: too slow, or the loss that the test is about
        time.sleep(after_s)  # for what is still in a queue of the middle's
        sink.terminate()
        report = programs.finish(sink, log).report
    ledger = programs.call("replay", "reconcile", sent, received, "--json").report
    assert ledger["sent_events"] == EVENTS
    return Told(report, ledger)


def freeze(pid: int, control: Path, events: int) -> None:
    """Stop a sink's worker while so many events are sent."""
    (worker,) = psutil.Process(pid).children()
    worker.suspend()
    enough = min(programs.status_of(control)["sent_events"] + events, EVENTS)
    programs.eventually(
        lambda: programs.status_of(control).get("sent_events", EVENTS) >= enough, f"{events} events more, or the end"
    )
    worker.resume()


def share(every: int, phase: int) -> int:
    """Of each port's events, how many a rule for every n-th meets."""
    return len(range(phase, EACH, every))


@pytest.mark.parametrize("options", [("--gso",), ("--no-gso",), ("--gso", "--backend", "packet")])
@pytest.mark.parametrize("address", [V4, V6])
def test_every_nth_event_of_two_ports_is_missing_and_no_other(
    tmp_path: Path, road: MiddleLab, tagged: Capture, address: str, options: tuple[str, ...]
):
    rules = [
        f"udp dport {port} numgen inc mod {n} {phase} counter drop" for port, n, phase in ((5514, 7, 3), (5516, 100, 0))
    ]
    with road.rules(*rules) as counted:
        found = told(tmp_path, road, tagged, "--eps", "20k", *options, address=address)
        dropped = counted()
    expected = [share(7, 3), 0, share(100, 0), 0]
    assert dropped == [expected[0], expected[2]]
    assert found.sink_lanes("verified_events") == [EACH - lost for lost in expected]
    assert found.ledger_lanes("lost_before_socket_events") == expected == found.ledger_lanes("lost_events")
    assert found.ledger_lanes("lost_in_socket_events") == [0] * 4
    assert found.ledger["duplicated_events"] == found.ledger["reordered_events"] == 0
    assert {loss["where"] for loss in found.ledger["losses"]} == {"before the socket"}
    assert f"{sum(expected):,} of {EVENTS:,} events" in found.ledger["verdict"]


def test_a_burst_is_lost_when_it_was(tmp_path: Path, road: MiddleLab, tagged: Capture):
    """Events 1,000 to 1,499 of a port, which leave from the first to the second half of its second second."""
    rule = "udp dport 5515 numgen inc mod 5000 1000-1499 counter drop"
    with road.rules(rule) as counted:
        found = told(tmp_path, road, tagged, "--eps", "4k")
        assert counted() == [500]
    assert found.ledger_lanes("lost_events") == [0, 500, 0, 0]
    (loss,) = found.ledger["losses"]
    assert (loss["port"], loss["events"]) == (5515, 500)
    assert 0.9 <= loss["from_s"] < loss["to_s"]  # a slow machine sends it later, and none earlier
    rows = [row for row in found.sink["intervals"]["rows"] if row[0] == 5515]
    assert sum(row[found.sink["intervals"]["columns"].index("lost_events")] for row in rows) == 500


def test_what_is_sent_twice_is_counted_once(tmp_path: Path, road: MiddleLab, tagged: Capture):
    with road.rules(f"udp dport 5516 numgen inc mod 10 4 counter dup to {RIGHT}") as counted:
        found = told(tmp_path, road, tagged, "--eps", "20k")
        doubled = counted()
    assert doubled == [share(10, 4)]
    assert found.ledger_lanes("duplicated_events") == [0, 0, share(10, 4), 0]
    assert found.ledger_lanes("verified_events") == [EACH] * 4
    assert found.ledger["duplicated_events"] == share(10, 4)
    assert (found.ledger["lost_events"], found.ledger["surplus_events"]) == (0, 0)


def test_what_a_slower_queue_delays_is_reordered_and_not_lost(tmp_path: Path, road: MiddleLab, tagged: Capture):
    rule = f"udp dport 5517 numgen inc mod 50 7 counter meta priority set {SLOW}"
    with road.two_queues("60kbit") as dropped, road.rules(rule) as counted:
        found = told(tmp_path, road, tagged, "--eps", "8k", after_s=4)
        assert (dropped(), counted()) == (0, [share(50, 7)])
    assert found.ledger["lost_events"] == found.ledger["duplicated_events"] == 0
    reordered = found.ledger_lanes("reordered_events")
    assert reordered[:3] == [0, 0, 0]
    assert 0 < reordered[3] <= share(50, 7)
    assert found.sink["lanes"][3]["reorder_depth"]["max"] >= 1


def test_a_slow_sink_loses_in_its_sockets_to_the_event(tmp_path: Path, road: MiddleLab, tagged: Capture):
    """Datagrams come singly: a dropped packet is an event. What the middle takes of another port is told apart."""
    with road.rules("udp dport 5515 numgen inc mod 10 0 counter drop") as counted:
        found = told(tmp_path, road, tagged, "--eps", "5k", listening=("--buffer", "64kB"), frozen_events=5000)
        taken = counted()[0]
    drops, in_socket = found.ledger_lanes("kernel_drops"), found.ledger_lanes("lost_in_socket_events")
    assert taken == share(10, 0)
    assert in_socket == drops
    assert all(drops)
    assert found.ledger_lanes("lost_before_socket_events") == [0, taken, 0, 0]
    received = found.ledger_lanes("verified_events")
    assert [EACH - verified for verified in received] == found.ledger_lanes("lost_events")
    assert "in the socket buffer of 4 ports" in found.ledger["verdict"]
    assert "before the socket of port 5515" in found.ledger["verdict"]


def test_joined_trains_that_a_slow_sink_loses_are_its_sockets(tmp_path: Path, lab: MiddleLab, tagged: Capture):
    """Over a plain veth trains come joined: a dropped packet is many events, and all of them are the socket's."""
    found = told(tmp_path, lab, tagged, "--eps", "5k", listening=("--buffer", "64kB"), frozen_events=5000)
    lost, drops = found.ledger_lanes("lost_events"), found.ledger_lanes("kernel_drops")
    assert found.ledger_lanes("lost_in_socket_events") == lost
    assert all(0 < packets <= events for packets, events in zip(drops, lost, strict=True))


def test_foreign_untagged_and_malformed_events_are_told_apart(tmp_path: Path, road: MiddleLab):
    received, log = tmp_path / "received.json", tmp_path / "sink.log"
    line = ("replay", "sink", "--bind", V4, "--ports", programs.listed(PORTS), "--json", "--run-id", f"{RUN:08x}")
    sound = b"<6>Aug 30 10:15:30 host app: text stampede=%s"
    events = [
        *[sound % tag_text(RUN, 5514, number) for number in range(3)],
        *[sound % tag_text(2, 5514, number) for number in range(4)],
        sound % tag_text(RUN, 5515, 0),  # it comes to another port than it was sent to
        *[b"<6>Aug 30 10:15:30 host app: text"] * 5,
        *[(sound % tag_text(RUN, 5514, 3))[:-3] + b"xyz"] * 6,
    ]
    speak = (
        "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
        "[s.sendto(bytes.fromhex(e), (sys.argv[1], 5514)) for e in sys.argv[2:]]"
    )
    with programs.running(programs.command(*line, "--report", received, host=road.receiver), log) as sink:
        programs.await_line(log, "listening on", sink)
        road.run_at(road.sender, "python3", "-c", speak, V4, *(event.hex() for event in events))
        time.sleep(0.5)
        sink.terminate()
        tags = programs.finish(sink, log).report["tags"]
    names = ("verified", "foreign", "untagged", "malformed", "lost", "duplicated")
    assert [tags[f"{name}_events"] for name in names] == [4, 4, 5, 6, 0, 0]
    assert tags["other_runs"] == {"00000002": 4}


def test_workers_that_share_a_port_lose_and_double_nothing(tmp_path: Path, road: MiddleLab, tagged: Capture):
    sources = ("--backend", "packet", "--source-ips", "198.18.0.64/26", "--gso")
    found = told(tmp_path, road, tagged, "--eps", "10k", *sources, listening=("--workers", len(PORTS) * 2))
    assert found.sink["workers"] == len(PORTS) * 2
    assert found.ledger_lanes("verified_events") == [EACH] * 4
    assert (found.ledger["lost_events"], found.ledger["duplicated_events"]) == (0, 0)
    assert found.sink["tags"]["reordered_events"] is None
