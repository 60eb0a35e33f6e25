"""Captures of version 2 over a wire: each event at its own instant, its stamps moved as they stood, nothing lost."""

import os
import signal
import socket
import time
from collections import Counter
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from captures.console.errors import ExitCode
from captures.format.capture import Capture
from captures.format.layout import StampKind
from captures.format.stamp_writing import stamp_texts
from replay.clock import SECOND_NS
from replay.control.run_socket import ask
from tests.captures.content import START_NS
from tests.captures.imported import imported
from tests.network import programs
from tests.network.arrivals import Arrival, arrivals, started_ns
from tests.network.mailboxes import mailboxes
from tests.network.programs import call, run_of
from tests.network.test_packet_wire import HOSTS, SO_RCVBUFFORCE, flows_by_host, needs_tshark
from tests.replay.engine.worked import arrived, listening, ports_of
from tools.lab import PORTS, V4, Lab

MS = 1_000_000
EARLY_NS = 2 * MS
"""The start is known to the millisecond, and the clock of the wall may be slewed meanwhile."""
SPEEDS = (1, 100)
LENGTHS = (0, 0, 0, 7, 0, 3)
"""How many dots stand behind an event, so that trains are of different lengths."""


def irregular(events: int) -> list[int]:
    """Instants within some 1.5 s: bunches at one instant, some microseconds apart, and silences."""
    gaps_ns, often = [0, 40_000, 700_000, 30 * MS, 80 * MS], [0.9, 0.04, 0.03, 0.02, 0.01]
    return np.cumsum(np.random.default_rng(16).choice(gaps_ns, events, p=often)).tolist()


def numbered(count: int) -> list[bytes]:
    return [b"<13>Aug 30 10:15:30 host app: %08d" % k + b"." * LENGTHS[k // 9 % len(LENGTHS)] for k in range(count)]


EVENTS = 600
INSTANTS_NS = irregular(EVENTS)
LOOP_NS = INSTANTS_NS[-1] + 1


def made(folder: Path, speed: int) -> Capture:
    """Irregular instants that take as long at any speed, and events of several lengths."""
    return imported(folder / "own.rcap", numbered(EVENTS), [ns * speed for ns in INSTANTS_NS])


def lateness_ns(came: list[Arrival], report: dict, due_ns: list[int]) -> np.ndarray:
    return np.array([event.arrival_ns for event in came]) - started_ns(report) - np.array(due_ns)


def assert_in_order(came: list[Arrival], loops: int = 1) -> None:
    """On each port, events came in the order of the capture, loop by loop."""
    for port in PORTS:
        own = sorted((event for event in came if event.port == port), key=lambda event: event.place)
        assert sum(later.number < event.number for event, later in pairwise(own)) < loops


@pytest.mark.parametrize(
    ("speed", "ports", "options"),
    [
        (1, PORTS, ("--workers", 1)),
        (100, PORTS, ("--workers", 2)),
        (1, PORTS[:1], ("--no-gso",)),
        (100, PORTS[:1], ("--backend", "packet")),
        (100, PORTS, ("--backend", "packet", "--no-gso", "--workers", 2)),
    ],
    ids=["lanes", "workers", "no-gso", "packet", "packet-no-gso"],
)
def test_each_event_arrives_at_its_own_instant(
    tmp_path: Path, lab: Lab, speed: int, ports: tuple[int, ...], options: tuple[object, ...]
) -> None:
    came, report = arrivals(lab, made(tmp_path, speed), "--speed", speed, *options, ports=ports)
    late_ns = lateness_ns(came, report, INSTANTS_NS)

    assert [event.number for event in came] == [*range(EVENTS)]
    assert_in_order(came)
    assert late_ns.min() >= -EARLY_NS
    # How late it is is the machine's matter; but the report exaggerates nothing.
    assert late_ns.max() >= report["lag_ms"]["max"] * MS - 2 * EARLY_NS


def test_a_loop_begins_where_the_one_before_ended(tmp_path: Path, lab: Lab) -> None:
    came, report = arrivals(lab, made(tmp_path, 100), "--speed", 100, "--loops", 2, "--workers", 2)
    due_ns = [ns + loop * LOOP_NS for ns in INSTANTS_NS for loop in range(2)]

    assert Counter(event.number for event in came) == Counter([*range(EVENTS)] * 2)
    assert_in_order(came, loops=2)
    assert lateness_ns(came, report, due_ns).min() >= -EARLY_NS


def test_a_duration_sends_what_falls_due_within_it(tmp_path: Path, lab: Lab) -> None:
    until_ns = 700 * MS
    came, _ = arrivals(lab, made(tmp_path, 1), "--speed", 1, "--duration", "700ms")
    assert [event.number for event in came] == [*range(sum(ns <= until_ns for ns in INSTANTS_NS))]


def test_a_rate_sends_the_same_events_evenly(tmp_path: Path, lab: Lab) -> None:
    came, report = arrivals(lab, made(tmp_path, 1), "--eps", 1000, "--loops", 1)
    late_ns = lateness_ns(came, report, [0] * EVENTS)
    assert [event.number for event in came] == [*range(EVENTS)]
    assert late_ns.max() >= EVENTS * MS - EARLY_NS


def test_a_run_is_paused_and_hurried(tmp_path: Path, lab: Lab, log: Path, control: Path) -> None:
    capture = imported(tmp_path / "slow.rcap", numbered(EVENTS), [20 * MS * k for k in range(EVENTS)])  # 12 s
    line = programs.command(
        *run_of(capture, V4, PORTS, "--speed", 1, "--workers", 2, "--control", control, "--stamp", "keep"),
        host=lab.sender,
    )
    with mailboxes(lab, V4) as boxes, programs.running(line, log) as process:
        programs.await_sending(control)
        ask(control, ["pause"])
        programs.eventually(lambda: programs.status_of(control)["state"] == "paused", "a pause")
        time.sleep(0.4)
        ask(control, ["speed", "7.3"])
        ask(control, ["resume"])
        ended = programs.finish(process, log)
        came = boxes.take()
    programs.assert_ran(ended)
    assert ended.report["sent_events"] == EVENTS
    assert Counter(event for lane in came for event in lane) == Counter(capture.lines())
    numbers = [[int(event[30:38]) for event in lane] for lane in came]
    assert numbers == [sorted(lane) for lane in numbers]
    assert ended.report["duration_s"] < 12


@pytest.mark.parametrize("way", [("--gso",), ("--no-gso",), ("--backend", "packet")], ids=["gso", "no-gso", "packet"])
def test_what_a_killed_worker_sent_is_not_sent_again_and_empty_events_count(
    tmp_path: Path, lab: Lab, log: Path, control: Path, way: tuple[object, ...]
) -> None:
    texts = [b"" if k % 5 == 0 else event for k, event in enumerate(numbered(4000))]
    capture = imported(tmp_path / "empty.rcap", texts, [20_000 * (k // 50) * 50 for k in range(len(texts))])
    line = programs.command(
        *run_of(capture, V4, PORTS, "--speed", 1, "--workers", 2, "--loops", 1_000_000, "--stamp", "keep", *way),
        *("--control", control),
        host=lab.sender,
    )
    with mailboxes(lab, V4) as boxes, lab.cut_at_sender(), programs.running(line, log) as process:
        boxes.await_first()
        for _ in range(2):
            first = programs.workers_of(process)[0]
            os.kill(first, signal.SIGKILL)
            programs.eventually(lambda first=first: first not in programs.workers_of(process), "its end")
            programs.eventually(lambda: len(programs.workers_of(process)) == 2, "its successor")
            time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        ended = programs.finish(process, log)
        came = boxes.take()
    assert ended.code == ExitCode.INTERRUPTED, ended.stderr
    assert [recovery["cause"] for recovery in ended.report["recoveries"]].count("was killed by SIGKILL") == 2
    sent = [lane["sent_events"] for lane in ended.report["lanes"]]
    assert sent == [len(lane) for lane in came]
    assert not any(worker["gso_refused"] for worker in ended.report["workers"])
    # A lane sends the same share of each loop; the last one it was in the midst of. One that stood is behind others.
    for lane in came:
        times = Counter(event for event in lane if event).values()
        assert max(times) - min(times) <= 1
    shares = [{event for event in lane if event} for lane in came]
    assert sum(map(len, shares)) == len(set.union(*shares)) == len([event for event in texts if event])


@pytest.mark.parametrize("way", ["--gso", "--no-gso"])
def test_the_shortest_and_the_longest_events_are_sent(tmp_path: Path, way: str) -> None:
    """Empty ones, and those of 65,507 bytes, which only loopback takes in one packet; each is a datagram."""
    events = [bytes([65 + k]) * length for k, length in enumerate([65507, 0, 1, 65507, 0, 0, 65507, 300, 300, 300])]
    capture = imported(tmp_path / "sizes.rcap", events, [10 * MS * k for k in range(len(events))])
    with listening(1) as receivers:
        receivers[0].setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
        run = call(*run_of(capture, "127.0.0.1", ports_of(receivers), "--speed", 1, way))
        (came,) = arrived(receivers)
    programs.assert_ran(run)
    assert came == events
    assert (run.report["sent_events"], run.report["sent_bytes"]) == (len(events), sum(map(len, events)))
    assert run.report["errors"] == {}
    assert not any(worker["gso_refused"] for worker in run.report["workers"])


def test_a_run_of_which_some_trains_are_tagged_is_sent_without_tags(tmp_path: Path, lab: Lab) -> None:
    tag, texts = b" [tag 0000000000000000000000", numbered(20)
    events = [text + (tag if k < 10 else b"") for k, text in enumerate(texts)]
    capture = imported(tmp_path / "some.rcap", events, [MS * k for k in range(20)], tag_column=len(texts[0]))
    with mailboxes(lab, V4) as boxes:
        run = call(*run_of(capture, V4, PORTS, "--speed", 1), host=lab.sender)
        came = boxes.take()
    programs.assert_ran(run)
    assert "some.rcap: tags in 1 of 2 trains only; it is sent without" in run.stderr
    assert run.report["run_id"] is None
    assert Counter(event for lane in came for event in lane) == Counter(events)
    refused = call(*run_of(capture, V4, PORTS, "--speed", 1, "--run-id", "1f3a9c07"), host=lab.sender)
    assert refused.code == ExitCode.USAGE
    assert "no tags for --run-id" in refused.stderr


@needs_tshark
def test_hosts_of_an_imported_capture_have_an_address_each(tmp_path: Path, lab: Lab) -> None:
    hosts = [k // 3 % HOSTS for k in range(1800)]
    texts = [b"<13>now web%02d app: %05d" % (host + 1, k) for k, host in enumerate(hosts)]
    capture = imported(tmp_path / "hosts.rcap", texts, [MS * k for k in range(len(texts))], hosts=hosts)
    flows = flows_by_host(lab, tmp_path, capture, "--source-mix", "capture", "--source-ips", "198.18.64.0/27")

    assert {len(own) for own in flows.values()} == {1}
    assert len({address for own in flows.values() for address, _ in own}) == HOSTS


KINDS = (StampKind.RFC3339_US, StampKind.ISO_SPACE_COMMA_MS_LOCAL, StampKind.EPOCH_S_US, StampKind.CLF_MS_OFFSET)
ZONES = (0, 120, 0, -210)
"""Three that are new, behind one that was known, and their zones."""


def stamped(skews_ns: list[int], instants_ns: list[int]) -> tuple[list[bytes], list[tuple[int, StampKind, int]]]:
    """Events whose four stamps say their instants and their skew; and where these stand."""
    fields, column = [], len("<13>")
    texts = [b"<13>"] * len(instants_ns)
    at_ns = START_NS + np.array(instants_ns) + np.array(skews_ns)
    for kind, zone in zip(KINDS, ZONES, strict=True):
        stamps = stamp_texts(kind, zone, at_ns)
        fields.append((column, kind, zone))
        texts = [text + stamp.tobytes() + b"|" for text, stamp in zip(texts, stamps, strict=True)]
        column += stamps.dtype.itemsize + 1
    return [text[:-1] + b" host app: %08d" % k for k, text in enumerate(texts)], fields


def instants_of(event: Arrival) -> list[int]:
    """What its four stamps say, to the microsecond or millisecond."""
    first, second, third, fourth = event.stamp.split("|")
    moments = [
        datetime.fromisoformat(first),
        datetime.fromisoformat(second.replace(",", ".") + "+02:00"),
        datetime.strptime(fourth, "%d/%b/%Y:%H:%M:%S.%f %z"),
    ]
    micros = [round(moment.timestamp() * 1_000_000) * 1000 for moment in moments]
    return [micros[0], micros[1], round(float(third) * 1_000_000) * 1000, micros[2]]


@pytest.fixture
def skewed(tmp_path: Path) -> tuple[Capture, list[int], list[int]]:
    """A capture with several live fields, whose stamps are off by up to two hours; its skews and instants."""
    instants_ns = irregular(300)
    skews_ns = [int(ns) for ns in np.random.default_rng(3).integers(-7200 * SECOND_NS, 7200 * SECOND_NS, 300)]
    skews_ns = [ns // MS * MS - at % MS for ns, at in zip(skews_ns, instants_ns, strict=True)]
    texts, fields = stamped(skews_ns, instants_ns)
    return imported(tmp_path / "skewed.rcap", texts, instants_ns, fields=fields), skews_ns, instants_ns


@pytest.mark.parametrize("pace", [("--speed", 1), ("--eps", 2000)], ids=["speed", "eps"])
def test_shifted_stamps_keep_their_skew_in_all_live_fields(
    lab: Lab, skewed: tuple[Capture, list[int], list[int]], pace: tuple[object, ...]
) -> None:
    capture, skews_ns, instants_ns = skewed
    came, report = arrivals(lab, capture, *pace, "--stamp", "shift", "--loops", 2)
    by_number: dict[int, list[Arrival]] = {}
    for event in came:
        by_number.setdefault(event.number, []).append(event)

    base_ns = started_ns(report)
    for number, twice in by_number.items():
        for loop, event in enumerate(twice):
            for said_ns, grain_ns in zip(instants_of(event), (1000, MS, 1000, MS), strict=True):
                shift_ns = said_ns - skews_ns[number] - instants_ns[number] - loop * capture.duration_ns - base_ns
                assert -grain_ns <= shift_ns < MS + 1000, (event, shift_ns)


def test_stamps_of_sending_are_written_into_all_live_fields(
    lab: Lab, skewed: tuple[Capture, list[int], list[int]]
) -> None:
    came, report = arrivals(lab, skewed[0], "--speed", 1)
    for event in came:
        for said_ns in instants_of(event):
            assert started_ns(report) - MS <= said_ns <= event.arrival_ns


def test_kept_stamps_are_as_they_were(lab: Lab, skewed: tuple[Capture, list[int], list[int]]) -> None:
    came, _ = arrivals(lab, skewed[0], "--eps", "max", "--loops", 1, "--stamp", "keep")
    assert [event.stamp for event in came] == [line[4:].split(b" host ")[0].decode() for line in skewed[0].lines()]


def test_the_sink_reads_the_kinds_that_it_knows_and_says_which(tmp_path: Path, lab: Lab) -> None:
    """Whatever the further fields are, the first one is read; of other kinds it says that it does not read them."""
    instants_ns = irregular(300)
    texts, fields = stamped([0] * 300, instants_ns)
    listening = ("--bind", V4, "--ports", programs.listed(PORTS))
    reports = []
    for kind in (slice(0, 4), slice(1, 4)):
        capture = imported(
            tmp_path / "k.rcap",
            texts if not kind.start else [b"<13>" + text[fields[1][0] :] for text in texts],
            instants_ns,
            fields=[(column - (fields[kind.start][0] - 4), *rest) for column, *rest in fields[kind]],
        )
        with programs.listening_sink(tmp_path / "sink.log", *listening, host=lab.receiver) as end_sink:
            programs.assert_ran(call(*run_of(capture, V4, PORTS, "--speed", 1), host=lab.sender))
            reports.append(end_sink())
    known, other = reports
    assert (known["received_events"], known["bad_stamps"], known["latency_ms"]["samples"]) == (300, 0, 300)
    assert (other["received_events"], other["bad_stamps"], other["latency_ms"]) == (300, 300, None)
